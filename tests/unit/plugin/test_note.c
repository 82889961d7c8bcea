/* The manifest of real and of damaged shared objects. */
#include "live.h"

#include "core/plugin/file/note.c"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

static uint8_t *image;
static size_t   image_len;

static int
read_echo(void **state)
{
	struct buf b;
	FILE *f = fopen(ECHO, "rb");
	char *at;

	(void)state;
	assert_non_null(f);
	buf_init(&b, 64u << 20);
	while ((at = buf_reserve(&b, 65536)) != NULL) {
		const size_t got = fread(at, 1, 65536, f);

		if (got == 0)
			break;
		buf_grew(&b, got);
	}
	fclose(f);
	image_len = b.len;
	image = (uint8_t *)buf_take(&b);
	return image != NULL ? 0 : -1;
}

static int
forget_echo(void **state)
{
	(void)state;
	free(image);
	return 0;
}

static int32_t
read_bytes(const uint8_t *data, size_t n, struct b3iq_error *err)
{
	const int fd = memfd_create("note", MFD_CLOEXEC);
	struct buf json;
	int32_t rc;

	assert_int_equal(write(fd, data, n), n);
	buf_init(&json, NOTE_MAX);
	rc = note_read(fd, "test.so", &json, err);
	if (rc == B3IQ_OK)
		assert_non_null(strstr(json.data, "org.b3iq.example.echo"));
	buf_free(&json);
	close(fd);
	return rc;
}

/* The image with n bytes at `at` replaced. */
static int32_t
read_patched(size_t at, const void *patch, size_t n)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t *copy = malloc(image_len);
	int32_t rc;

	memcpy(copy, image, image_len);
	memcpy(copy + at, patch, n);
	rc = read_bytes(copy, image_len, &err);
	if (rc != B3IQ_OK)
		assert_true(strstr(err.text, "test.so") != NULL);
	free(copy);
	return rc;
}

static size_t
find_note(void)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 'B', '3', 0, 0, '{' };
	const uint8_t *at = memmem(image, image_len, head, sizeof head);

	assert_non_null(at);
	return (size_t)(at - image) - 8;
}

static void
test_reads_the_manifest(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(read_bytes(image, image_len, &err), B3IQ_OK);
}

static void
test_header_lies(void **state)
{
	const Elf64_Ehdr h = *(const Elf64_Ehdr *)(const void *)image;
	const uint64_t far[] = { 1, image_len - 1, image_len, image_len + 1, UINT64_MAX, 1ull << 63 };
	Elf64_Ehdr x;

	(void)state;
	x = h, x.e_ident[0] = 0;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_INVALID);
	x = h, x.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_UNSUPPORTED);
	x = h, x.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_UNSUPPORTED);
	x = h, x.e_machine = EM_S390;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_UNSUPPORTED);
	x = h, x.e_type = ET_EXEC;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_INVALID);
	x = h, x.e_phnum = 0;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_INVALID);
	x = h, x.e_phnum = 0xffff;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_INVALID);
	x = h, x.e_phentsize = 1;
	assert_int_equal(read_patched(0, &x, sizeof x), B3IQ_E_INVALID);
	for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
		x = h, x.e_phoff = far[i];
		assert_int_not_equal(read_patched(0, &x, sizeof x), B3IQ_OK);
	}
}

static void
test_segments_lie(void **state)
{
	const Elf64_Ehdr *h = (const void *)image;
	const uint64_t far[] = { image_len, image_len + 1, UINT64_MAX, UINT64_MAX - 8, 1ull << 63 };

	(void)state;
	for (size_t i = 0; i < h->e_phnum; i++) {
		const size_t at = h->e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr p = *(const Elf64_Phdr *)(const void *)(image + at);

		if (p.p_type != PT_NOTE)
			continue;
		for (size_t k = 0; k < sizeof far / sizeof far[0]; k++) {
			Elf64_Phdr x = p;

			x.p_offset = far[k];
			assert_int_not_equal(read_patched(at, &x, sizeof x), B3IQ_OK);
			x = p, x.p_filesz = far[k];
			assert_int_not_equal(read_patched(at, &x, sizeof x), B3IQ_OK);
		}
	}
}

static void
test_notes_lie(void **state)
{
	const size_t at = find_note();
	const uint32_t sizes[] = { 0, 1, NOTE_MAX + 1, 0x7fffffff, 0xffffffff };
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_int_equal(read_patched(at + 4, &sizes[i], 4), B3IQ_E_INVALID); /* descsz */
	n = 0xfffffff0;
	assert_int_equal(read_patched(at, &n, 4), B3IQ_E_INVALID); /* namesz */
	n = 77;
	assert_int_equal(read_patched(at + 8, &n, 4), B3IQ_E_NOT_FOUND); /* another type */
	assert_int_equal(read_patched(at + 12, "XX", 2), B3IQ_E_NOT_FOUND); /* another owner */
	assert_int_equal(read_patched(at + 20, "", 1), B3IQ_E_INVALID); /* a NUL inside */
	memcpy(&n, image + at + 4, 4);
	assert_int_equal(read_patched(at + 16 + n - 1, "}", 1), B3IQ_E_INVALID); /* no NUL */
}

static void
test_every_length_of_a_cut_file(void **state)
{
	(void)state;
	for (size_t n = 0; n < image_len; n += n < 4096 ? 1 : 61) {
		struct b3iq_error err = NO_ERROR;
		const int32_t rc = read_bytes(image, n, &err);

		/* Beyond the note nothing of it is missing. */
		assert_true(rc == B3IQ_OK ? n > find_note() : err.text[0] != '\0');
	}
}

static void
test_other_files(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct buf json;
	struct link_map *libc = NULL;
	void *handle;
	int fds[2], fd;

	(void)state;
	buf_init(&json, NOTE_MAX);
	handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &libc), 0);
	fd = open(libc->l_name, O_RDONLY | O_CLOEXEC); /* a library, and no plugin */
	assert_int_equal(note_read(fd, "libc", &json, &err), B3IQ_E_NOT_FOUND);
	close(fd);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(note_read(fds[0], "pipe", &json, &err), B3IQ_E_INVALID);
	close(fds[0]);
	close(fds[1]);
	fd = open(ECHO, O_RDONLY | O_CLOEXEC);
	json.max = 10;
	assert_int_equal(note_read(fd, "echo", &json, &err), B3IQ_E_NO_MEMORY);
	close(fd);
	assert_true(note_is_library(ECHO));
	assert_false(note_is_library("/etc/passwd"));
	assert_false(note_is_library("/dev/null"));
	assert_false(note_is_library("/no/such/file"));
	buf_free(&json);
	dlclose(handle);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_the_manifest), cmocka_unit_test(test_header_lies),
		cmocka_unit_test(test_segments_lie),       cmocka_unit_test(test_notes_lie),
		cmocka_unit_test(test_every_length_of_a_cut_file), cmocka_unit_test(test_other_files),
	};

	return cmocka_run_group_tests(tests, read_echo, forget_echo);
}
