/* GGUF files, sound and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/file/gguf.c"
#include "make.h"

/* A sound file of two tensors and every metadata kind. */
static void
make_sound(struct bytes *b, uint32_t version)
{
	int8_t minus = -5;
	double half = 0.5;
	float quarter = 0.25f;
	int64_t deep = INT64_MIN;

	make_header(b, version, 2, 13);
	make_kv_string(b, "general.architecture", "llama");
	make_kv_u32(b, "u32", 7);
	make_key(b, "i8", GGUF_KIND_I8);
	make_raw(b, &minus, 1);
	make_key(b, "u64", GGUF_KIND_U64);
	make_u64(b, UINT64_MAX);
	make_key(b, "i64", GGUF_KIND_I64);
	make_raw(b, &deep, 8);
	make_key(b, "f32", GGUF_KIND_F32);
	make_raw(b, &quarter, 4);
	make_key(b, "f64", GGUF_KIND_F64);
	make_raw(b, &half, 8);
	make_kv_bool(b, "yes", true);
	make_array(b, "strings", GGUF_KIND_STRING, 3);
	make_string(b, "one");
	make_string(b, "");
	make_string(b, "three");
	make_array(b, "numbers", GGUF_KIND_I32, 2);
	make_u32(b, 5);
	make_u32(b, (uint32_t)-6);
	make_array(b, "nested", GGUF_KIND_ARRAY, 2);
	make_u32(b, GGUF_KIND_U8);
	make_u64(b, 2);
	make_raw(b, "xy", 2);
	make_u32(b, GGUF_KIND_STRING);
	make_u64(b, 1);
	make_string(b, "z");
	make_array(b, "none", GGUF_KIND_F32, 0);
	make_kv_u32(b, "general.alignment", 64);
	make_tensor(b, "wide", GGUF_Q8_0, 64, 3, 0);
	make_tensor(b, "flat", GGUF_F32, 5, 0, 256);
	make_align(b, 64);
	for (size_t i = 0; i < 256 + 20; i++)
		make_raw(b, &(char){ (char)i }, 1);
}

static int32_t
open_bytes(const struct bytes *b, struct gguf **g, struct b3iq_error *err)
{
	*err = (struct b3iq_error){ .size = sizeof(*err) };
	return gguf_open_memory(g, b->data, b->len, "test.gguf", err);
}

/* Refused with this code, and a sentence that names the file and contains `says`. */
static void
refused(struct bytes *b, int32_t code, const char *says)
{
	struct b3iq_error err;
	struct gguf *g = NULL;
	int32_t rc = open_bytes(b, &g, &err);

	if (rc != code || !strstr(err.text, says) || !strstr(err.text, "test.gguf"))
		fail_msg("%d \"%s\" instead of %d \"...%s...\"", rc, err.text, code, says);
	assert_null(g);
	bytes_finish(b);
}

static void
reads_a_sound_file(void **state)
{
	(void)state;
	for (uint32_t version = 2; version <= 3; version++) {
		struct bytes b = BYTES(MAKE_MAX);
		const struct gguf_tensor *t;
		struct b3iq_error err;
		struct gguf *g;

		make_sound(&b, version);
		assert_int_equal(open_bytes(&b, &g, &err), B3IQ_OK);
		assert_int_equal(gguf_n_values(g), 13);
		assert_int_equal(gguf_n_tensors(g), 2);
		t = gguf_tensor(g, "wide");
		assert_non_null(t);
		assert_int_equal(t->size, 3 * 2 * 34);
		assert_int_equal(t->n_dims, 2);
		assert_int_equal(t->dims[0], 64);
		assert_int_equal(t->dims[1], 3);
		assert_int_equal(t->dims[3], 1);
		t = gguf_tensor(g, "flat");
		assert_int_equal(t->size, 20);
		assert_int_equal(((const uint8_t *)t->data)[3], (256 + 3) & 255);
		assert_ptr_equal((const char *)t->data + 20, b.data + b.len);
		assert_null(gguf_tensor(g, "fla"));
		assert_null(gguf_tensor_at(g, 2));
		gguf_close(g);
		bytes_finish(&b);
	}
}

static void
getters_check_kind_and_range(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);
	struct b3iq_error err;
	struct gguf *g;
	struct gguf_str s;
	uint32_t u32 = 99;
	uint64_t u64;
	int64_t i64;
	float f32;
	double f64;
	bool yes = false;

	(void)state;
	make_sound(&b, 3);
	assert_int_equal(open_bytes(&b, &g, &err), B3IQ_OK);
	assert_int_equal(gguf_u32(g, "absent", &u32, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "absent"));
	assert_int_equal(gguf_u32(g, "i8", &u32, &err), B3IQ_E_INVALID);
	assert_int_equal(gguf_u32(g, "u64", &u32, &err), B3IQ_E_INVALID);
	assert_int_equal(gguf_u32(g, "f32", &u32, NULL), B3IQ_E_INVALID);
	assert_int_equal(u32, 99);
	assert_int_equal(gguf_u32(g, "u32", &u32, NULL), B3IQ_OK);
	assert_int_equal(u32, 7);
	assert_int_equal(gguf_i64(g, "i8", &i64, NULL), B3IQ_OK);
	assert_int_equal(i64, -5);
	assert_int_equal(gguf_i64(g, "i64", &i64, NULL), B3IQ_OK);
	assert_true(i64 == INT64_MIN);
	assert_int_equal(gguf_i64(g, "u64", &i64, NULL), B3IQ_E_INVALID);
	assert_int_equal(gguf_u64(g, "u64", &u64, NULL), B3IQ_OK);
	assert_true(u64 == UINT64_MAX);
	assert_int_equal(gguf_u64(g, "i64", &u64, NULL), B3IQ_E_INVALID);
	assert_int_equal(gguf_f32(g, "f32", &f32, NULL), B3IQ_OK);
	assert_true(f32 == 0.25f);
	assert_int_equal(gguf_f32(g, "f64", &f32, NULL), B3IQ_E_INVALID);
	assert_int_equal(gguf_f64(g, "f64", &f64, NULL), B3IQ_OK);
	assert_true(f64 == 0.5);
	assert_int_equal(gguf_f64(g, "f32", &f64, NULL), B3IQ_OK);
	assert_true(f64 == 0.25);
	assert_int_equal(gguf_bool(g, "yes", &yes, NULL), B3IQ_OK);
	assert_true(yes);
	assert_int_equal(gguf_bool(g, "u32", &yes, NULL), B3IQ_E_INVALID);
	assert_int_equal(gguf_string(g, "general.architecture", &s, NULL), B3IQ_OK);
	assert_true(gguf_str_equal(s, "llama"));
	assert_int_equal(gguf_string(g, "u32", &s, NULL), B3IQ_E_INVALID);
	gguf_close(g);
	bytes_finish(&b);
}

static void
arrays_are_views(void **state)
{
	static const char *const want[] = { "one", "", "three" };
	struct bytes b = BYTES(MAKE_MAX);
	struct b3iq_error err;
	struct gguf_array a;
	struct gguf_str s;
	struct gguf *g;
	size_t at = 0, n = 0;

	(void)state;
	make_sound(&b, 3);
	assert_int_equal(open_bytes(&b, &g, &err), B3IQ_OK);
	assert_int_equal(gguf_array(g, "strings", GGUF_KIND_STRING, &a, NULL), B3IQ_OK);
	while (gguf_array_next(&a, &at, &s))
		assert_true(gguf_str_equal(s, want[n++]));
	assert_int_equal(n, 3);
	assert_int_equal(gguf_array(g, "strings", GGUF_KIND_I32, &a, &err), B3IQ_E_INVALID);
	assert_int_equal(gguf_array(g, "u32", GGUF_KIND_U32, &a, &err), B3IQ_E_INVALID);
	assert_int_equal(gguf_array(g, "numbers", GGUF_KIND_I32, &a, NULL), B3IQ_OK);
	assert_int_equal(a.count, 2);
	assert_int_equal(gguf_array_i64(&a, 0), 5);
	assert_int_equal(gguf_array_i64(&a, 1), -6);
	assert_int_equal(gguf_array(g, "none", GGUF_KIND_F32, &a, NULL), B3IQ_OK);
	assert_int_equal(a.count, 0);
	at = 0;
	assert_false(gguf_array_next(&a, &at, &s));
	gguf_close(g);
	bytes_finish(&b);
}

/* Cut at every byte, a sound file is never accepted, and never read beyond its end (the copy is as long as
 * the cut, for the sanitizer to see). */
static void
every_truncation_is_refused(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);

	(void)state;
	make_sound(&b, 3);
	for (size_t n = 0; n < b.len; n++) {
		struct b3iq_error err = { .size = sizeof(err) };
		char *copy = malloc(n + !n);
		struct gguf *g;

		assert_non_null(copy);
		memcpy(copy, b.data, n);
		assert_int_not_equal(gguf_open_memory(&g, copy, n, "cut.gguf", &err), B3IQ_OK);
		assert_non_null(strstr(err.text, "cut.gguf"));
		free(copy);
	}
	bytes_finish(&b);
}

/* With every byte changed in turn, the file is refused or still reads to its end. */
static void
every_flipped_byte_is_safe(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);
	volatile uint8_t last;

	(void)state;
	make_sound(&b, 3);
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			struct b3iq_error err;
			struct gguf *g;

			b.data[i] ^= (char)(1 << bit);
			if (!open_bytes(&b, &g, &err)) {
				for (size_t t = 0; t < gguf_n_tensors(g); t++)
					last = ((const uint8_t *)gguf_tensor_at(g, t)->data)
						[gguf_tensor_at(g, t)->size - 1];
				gguf_close(g);
			}
			b.data[i] ^= (char)(1 << bit);
		}
	}
	(void)last;
	bytes_finish(&b);
}

static void
bad_headers(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);

	(void)state;
	make_raw(&b, "GGML aaaaaaaaaaaaaaaaaaaa", 25);
	refused(&b, B3IQ_E_INVALID, "not a GGUF file");
	make_raw(&b, "FUGG aaaaaaaaaaaaaaaaaaaa", 25);
	refused(&b, B3IQ_E_UNSUPPORTED, "big-endian");
	make_header(&b, 1, 0, 0);
	refused(&b, B3IQ_E_UNSUPPORTED, "version 1");
	make_header(&b, 3, UINT64_MAX, 0);
	refused(&b, B3IQ_E_INVALID, "more than 65536");
	make_header(&b, 3, 0, 65536);
	refused(&b, B3IQ_E_INVALID, "room for");
}

static void
lying_metadata(void **state)
{
	struct bytes b = BYTES(MAKE_MAX);

	(void)state;
	make_header(&b, 3, 0, 1);
	make_u64(&b, UINT64_MAX);
	make_raw(&b, "aaaaaaaaaaaaaaaaaaaa", 20);
	refused(&b, B3IQ_E_INVALID, "cut short");
	make_header(&b, 3, 0, 1);
	make_key(&b, "k", (enum gguf_kind)13);
	make_u64(&b, 0);
	refused(&b, B3IQ_E_INVALID, "unknown kind");
	make_header(&b, 3, 0, 1);
	make_array(&b, "k", GGUF_KIND_U64, UINT64_MAX / 8 + 2);
	refused(&b, B3IQ_E_INVALID, "longer than any");
	make_header(&b, 3, 0, 1);
	make_array(&b, "k", (enum gguf_kind)77, 1);
	refused(&b, B3IQ_E_INVALID, "unknown element kind");
	make_header(&b, 3, 0, 2);
	make_kv_u32(&b, "same", 1);
	make_kv_u32(&b, "same", 2);
	refused(&b, B3IQ_E_INVALID, "twice");
	make_header(&b, 3, 0, 1);
	make_kv_u32(&b, "", 1);
	make_u64(&b, 0);
	refused(&b, B3IQ_E_INVALID, "empty");
	make_header(&b, 3, 0, 1);
	make_key(&b, "flag", GGUF_KIND_BOOL);
	make_raw(&b, "\2........", 9);
	refused(&b, B3IQ_E_INVALID, "neither 0 nor 1");
	make_header(&b, 3, 0, 1);
	make_array(&b, "deep", GGUF_KIND_ARRAY, 1);
	for (int i = 0; i < 8; i++) {
		make_u32(&b, GGUF_KIND_ARRAY);
		make_u64(&b, 1);
	}
	refused(&b, B3IQ_E_INVALID, "nested too deep");
	make_header(&b, 3, 0, 1);
	make_kv_u32(&b, "general.alignment", 48);
	refused(&b, B3IQ_E_INVALID, "power of two");
	make_header(&b, 3, 0, 1);
	make_kv_string(&b, "general.alignment", "32");
	refused(&b, B3IQ_E_INVALID, "general.alignment");
}

static void
lying_tensors(void **state)
{
	static const struct {
		uint32_t    type;
		uint64_t    columns, rows, offset;
		int32_t     code;
		const char *says;
	} cases[] = {
		{ 31, 32, 1, 0, B3IQ_E_UNSUPPORTED, "type 31" },
		{ 0, 0, 1, 0, B3IQ_E_INVALID, "zero or too large" },
		{ GGUF_Q8_0, 33, 1, 0, B3IQ_E_INVALID, "multiple of the type's block" },
		{ 0, 1u << 31, 1ull << 33, 0, B3IQ_E_INVALID, "larger than the file" },
		{ 0, INT64_MAX, 4, 0, B3IQ_E_INVALID, "too large" },
		{ 0, 8, 1, 8, B3IQ_E_INVALID, "not aligned" },
		{ 0, 8, 1, 1u << 20, B3IQ_E_INVALID, "beyond the end" },
		{ 0, 8, 1, UINT64_MAX - 31, B3IQ_E_INVALID, "beyond the end" },
		{ 0, 9, 1, 0, B3IQ_E_INVALID, "beyond the end" },
	};
	struct bytes b = BYTES(MAKE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_header(&b, 3, 1, 0);
		make_tensor(&b, "t", cases[i].type, cases[i].columns, cases[i].rows, cases[i].offset);
		make_align(&b, 32);
		make_raw(&b, "................................", 32);
		refused(&b, cases[i].code, cases[i].says);
	}
	make_header(&b, 3, 2, 0);
	make_tensor(&b, "t", 0, 8, 0, 0);
	make_tensor(&b, "t", 0, 8, 0, 32);
	make_align(&b, 32);
	make_raw(&b, "................................................................", 64);
	refused(&b, B3IQ_E_INVALID, "twice");
	make_header(&b, 3, 2, 0);
	make_tensor(&b, "a", 0, 16, 0, 0);
	make_tensor(&b, "b", 0, 8, 0, 32);
	make_align(&b, 32);
	make_raw(&b, "................................................................", 64);
	refused(&b, B3IQ_E_INVALID, "over another tensor");
}

static void
types_have_names_and_sizes(void **state)
{
	(void)state;
	assert_string_equal(gguf_type_name(GGUF_Q4_0), "Q4_0");
	assert_string_equal(gguf_type_name(30), "BF16");
	assert_null(gguf_type_name(4));
	assert_null(gguf_type_name(UINT32_MAX));
	assert_null(gguf_kind_name(13));
	assert_int_equal(gguf_row_size(GGUF_Q4_0, 64), 36);
	assert_int_equal(gguf_row_size(GGUF_Q6_K, 256), 210);
	assert_int_equal(gguf_row_size(GGUF_Q4_0, 65), 0);
	assert_int_equal(gguf_row_size(GGUF_F32, UINT64_MAX), 0);
	assert_int_equal(gguf_row_size(5, 32), 0);
}

static void
files_that_cannot_be_opened(void **state)
{
	char path[] = "/tmp/b3iq-gguf-XXXXXX";
	struct b3iq_error err = { .size = sizeof(err) };
	struct gguf *g;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(gguf_open(&g, "/nonexistent/x.gguf", &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(gguf_open(&g, "/tmp", &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "regular file"));
	assert_int_equal(gguf_open(&g, path, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "0 bytes"));
	close(fd);
	unlink(path);
}

static void
maps_a_file(void **state)
{
	char path[] = "/tmp/b3iq-gguf-XXXXXX";
	struct bytes b = BYTES(MAKE_MAX);
	struct b3iq_error err = { .size = sizeof(err) };
	struct gguf *g;
	int fd = mkstemp(path);

	(void)state;
	make_sound(&b, 3);
	assert_int_equal(write(fd, b.data, b.len), (ssize_t)b.len);
	assert_int_equal(gguf_open(&g, path, &err), B3IQ_OK);
	assert_int_equal(gguf_size(g), b.len);
	assert_string_equal(gguf_path(g), path);
	assert_int_equal((uintptr_t)gguf_tensor(g, "wide")->data % 64, 0);
	gguf_close(g);
	gguf_close(NULL);
	close(fd);
	unlink(path);
	bytes_finish(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_sound_file),
		cmocka_unit_test(getters_check_kind_and_range),
		cmocka_unit_test(arrays_are_views),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_flipped_byte_is_safe),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(lying_metadata),
		cmocka_unit_test(lying_tensors),
		cmocka_unit_test(types_have_names_and_sizes),
		cmocka_unit_test(files_that_cannot_be_opened),
		cmocka_unit_test(maps_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
