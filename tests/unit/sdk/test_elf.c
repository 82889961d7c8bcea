/* elf.c: what a shared object says, and what a hostile one cannot make us do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../sdk/check/elf.c"

struct sample { /* a real plugin, and a copy of it in memory, to be damaged     */
	char           file[64];
	int            fd;
	unsigned char *bytes;
	size_t         size;
};

static int
load(void **state)
{
	struct sample *s = calloc(1, sizeof *s);
	FILE          *f = fopen(getenv("SUBJECT"), "rb");

	assert_non_null(s);
	assert_non_null(f);
	s->bytes = malloc(1u << 20);
	assert_non_null(s->bytes);
	s->size = fread(s->bytes, 1, 1u << 20, f);
	fclose(f);
	s->fd = memfd_create("sample", MFD_CLOEXEC);
	assert_true(s->fd >= 0);
	snprintf(s->file, sizeof s->file, "/proc/self/fd/%d", s->fd);
	*state = s;
	return 0;
}

static int
unload(void **state)
{
	struct sample *s = *state;

	close(s->fd);
	free(s->bytes);
	free(s);
	return 0;
}

static void
put(const struct sample *s, const void *bytes, size_t n)
{
	assert_int_equal(ftruncate(s->fd, 0), 0);
	assert_int_equal(pwrite(s->fd, bytes, n, 0), n);
}

/* Walks all that there is to walk; returns how many symbols it exports. */
static size_t
walk(const char *file)
{
	struct elf e;
	size_t     n = 0, length = 0;

	if (!elf_open(&e, file)) {
		for (size_t i = 0; i < e.n_sym; i++) {
			length += strlen(elf_string(&e, e.sym[i].st_name));
			n += e.sym[i].st_shndx != SHN_UNDEF &&
			     ELF64_ST_BIND(e.sym[i].st_info) == STB_GLOBAL;
		}
		for (size_t i = 0; i < e.n_dyn; i++)
			length += strlen(elf_string(&e, e.dyn[i].d_un.d_val));
		length += elf_exec_stack(&e);
	}
	elf_close(&e);
	return length ? n : 0;
}

static void
test_reads(void **state)
{
	struct elf e;

	(void)state;
	assert_null(elf_open(&e, getenv("SUBJECT")));
	assert_true(elf_has(&e, DT_STRTAB));
	assert_false(elf_has(&e, DT_TEXTREL));
	assert_true(elf_dynamic(&e, DT_FLAGS_1) & DF_1_NODELETE);
	assert_false(elf_exec_stack(&e));
	assert_string_equal(elf_string(&e, e.str_size), "");
	assert_string_equal(elf_string(&e, SIZE_MAX), "");
	elf_close(&e);
	assert_int_equal(walk(getenv("SUBJECT")), 1);
}

static void
test_refuses_other_files(void **state)
{
	const struct sample *s = *state;
	struct elf           e;

	assert_non_null(elf_open(&e, "/nonexistent"));
	elf_close(&e);
	assert_non_null(elf_open(&e, "/tmp"));
	elf_close(&e);
	put(s, s->bytes, 0);
	assert_non_null(elf_open(&e, s->file));
	elf_close(&e);
	put(s, "#!/bin/sh\necho this is no shared object at all, and long\n", 56);
	assert_non_null(elf_open(&e, s->file));
	elf_close(&e);
}

static void
test_truncated(void **state)
{
	const struct sample *s = *state;

	for (size_t n = 0; n < s->size; n += n < 1200 ? 1 : 97) {
		put(s, s->bytes, n);
		walk(s->file);
	}
}

/* Every 8-byte word of headers and tables replaced by what is likeliest to hurt. */
static void
test_lying(void **state)
{
	static const uint64_t lies[] = { 0, 1, UINT64_MAX, INT64_MAX, 0x1000, UINT32_MAX };
	const struct sample  *s = *state;
	const size_t          n = s->size < 16384 ? s->size : 16384;

	put(s, s->bytes, s->size);
	for (size_t at = 16; at + 8 <= n; at += at < 2048 ? 8 : 56) {
		for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
			assert_int_equal(pwrite(s->fd, &lies[i], 8, (off_t)at), 8);
			walk(s->file);
		}
		assert_int_equal(pwrite(s->fd, s->bytes + at, 8, (off_t)at), 8);
	}
	assert_int_equal(walk(s->file), 1); /* it was always the lie */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test_setup_teardown(test_refuses_other_files, load, unload),
		cmocka_unit_test_setup_teardown(test_truncated, load, unload),
		cmocka_unit_test_setup_teardown(test_lying, load, unload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
