/* The model root: what changes it and what does not, and one value worked out by another program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/file/root.c"
#include "make.h"

/* A small model; the fields are what the tests vary. */
struct recipe {
	uint32_t    alignment, version;
	bool        swapped;     /* order of tensors and of keys           */
	const char *name;        /* general.name                           */
	const char *tensor;      /* name of the second tensor              */
	uint64_t    columns;     /* of the second tensor: 8 rows x columns */
	uint32_t    type;        /* GGUF_F32 or GGUF_I32                   */
	char        flip;        /* xor of one byte of data                */
	const char *jinja, *token, *merge;
	uint32_t    token_type, bos, layers;
};

#define RECIPE ((struct recipe){ .alignment = 32, .version = 3, .name = "a", .tensor = "output.weight", \
	.columns = 8, .type = GGUF_F32, .jinja = "J", .token = "x", .merge = "a b", .token_type = 1, \
	.bos = 0, .layers = 2 })
#define FIRST_SIZE (3u * ROOT_CHUNK + 96u)

static void
make_first(struct bytes *b, const struct recipe *r, uint64_t at)
{
	make_tensor(b, "token_embd.weight", GGUF_I8, FIRST_SIZE, 0, at);
	(void)r;
}

static void
make_second(struct bytes *b, const struct recipe *r, uint64_t at)
{
	make_tensor(b, r->tensor, r->type, r->columns, 64 / r->columns, at);
}

static void
make_first_data(struct bytes *b)
{
	for (uint32_t i = 0; i < FIRST_SIZE; i++)
		make_raw(b, &(char){ (char)(i * 2654435761u >> 24) }, 1);
}

static void
make_second_data(struct bytes *b, const struct recipe *r)
{
	for (uint32_t i = 0; i < 256; i++)
		make_raw(b, &(char){ (char)((char)i ^ (i == 77 ? r->flip : 0)) }, 1);
}

static void
make_model(struct bytes *b, const struct recipe *r)
{
	uint64_t first = (FIRST_SIZE + r->alignment - 1) / r->alignment * r->alignment;
	uint64_t second = (256 + r->alignment - 1) / r->alignment * r->alignment;

	make_header(b, r->version, 2, 10);
	if (r->swapped)
		make_kv_u32(b, "llama.block_count", r->layers);
	make_kv_string(b, "general.architecture", "llama");
	make_kv_string(b, "general.name", r->name);
	make_kv_u32(b, "general.alignment", r->alignment);
	make_kv_u32(b, "llama.context_length", 64);
	if (!r->swapped)
		make_kv_u32(b, "llama.block_count", r->layers);
	make_kv_string(b, "tokenizer.chat_template", r->jinja);
	make_array(b, "tokenizer.ggml.tokens", GGUF_KIND_STRING, 1);
	make_string(b, r->token);
	make_array(b, "tokenizer.ggml.token_type", GGUF_KIND_I32, 1);
	make_u32(b, r->token_type);
	make_array(b, "tokenizer.ggml.merges", GGUF_KIND_STRING, 1);
	make_string(b, r->merge);
	make_kv_u32(b, "tokenizer.ggml.bos_token_id", r->bos);
	if (r->swapped) {
		make_second(b, r, 0);
		make_first(b, r, second);
	} else {
		make_first(b, r, 0);
		make_second(b, r, first);
	}
	make_align(b, r->alignment);
	if (r->swapped) {
		make_second_data(b, r);
		make_align(b, r->alignment);
		make_first_data(b);
	} else {
		make_first_data(b);
		make_align(b, r->alignment);
		make_second_data(b, r);
	}
}

static struct root
root_of(const struct recipe *r, unsigned threads)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	struct root root, text;
	struct gguf *g;

	memset(&text, 0, sizeof(text));
	make_model(&b, r);
	if (gguf_open_memory(&g, b.data, b.len, "made.gguf", &err) ||
	    root_compute(&root, g, threads, NULL, &err) || root_text(&text, g, &err))
		fail_msg("%s", err.text);
	assert_memory_equal(text.tokenizer, root.tokenizer, ROOT_SIZE);
	assert_memory_equal(text.chat, root.chat, ROOT_SIZE);
	assert_memory_equal(text.hyper, root.hyper, ROOT_SIZE);
	gguf_close(g);
	bytes_finish(&b);
	return root;
}

static void
repacking_changes_nothing(void **state)
{
	struct recipe r = RECIPE;
	struct root want = root_of(&r, 0), have;

	(void)state;
	r.swapped = true;
	r.alignment = 4096;
	r.version = 2;
	r.name = "something else";
	for (unsigned threads = 0; threads < 5; threads++) {
		have = root_of(&r, threads);
		assert_memory_equal(&have, &want, sizeof(want));
	}
}

/* Which of model, tensors, tokenizer, chat, hyper differ from those of RECIPE. */
static void
changes(const struct recipe *r, const char *which)
{
	struct recipe plain = RECIPE;
	struct root a = root_of(&plain, 2), b = root_of(r, 2);
	char have[6] = "";
	size_t n = 0;

	if (memcmp(a.model, b.model, ROOT_SIZE))
		have[n++] = 'm';
	if (memcmp(a.tensors, b.tensors, ROOT_SIZE))
		have[n++] = 'w';
	if (memcmp(a.tokenizer, b.tokenizer, ROOT_SIZE))
		have[n++] = 't';
	if (memcmp(a.chat, b.chat, ROOT_SIZE))
		have[n++] = 'c';
	if (memcmp(a.hyper, b.hyper, ROOT_SIZE))
		have[n++] = 'h';
	assert_string_equal(have, which);
}

static void
every_part_counts(void **state)
{
	struct recipe r;

	(void)state;
	r = RECIPE, r.flip = 1, changes(&r, "mw");
	r = RECIPE, r.tensor = "output.weighs", changes(&r, "mw");
	r = RECIPE, r.columns = 16, changes(&r, "mw");
	r = RECIPE, r.type = GGUF_I32, changes(&r, "mw");
	r = RECIPE, r.jinja = "K", changes(&r, "mc");
	r = RECIPE, r.token = "y", changes(&r, "mt");
	r = RECIPE, r.merge = "a c", changes(&r, "mt");
	r = RECIPE, r.token_type = 3, changes(&r, "mt");
	r = RECIPE, r.bos = 1, changes(&r, "mt");
	r = RECIPE, r.layers = 3, changes(&r, "mh");
}

/* Worked out by tests/unit/engine/root_model.py, which was written from docs/model-root.md alone. */
static void
equals_the_independent_implementation(void **state)
{
	static const char want[] = "8f84658992e12f54a46623b1e0f89b32ca84925a5d9780479335b7ef818af2ab";
	struct recipe r = RECIPE;
	struct root root = root_of(&r, 1);
	char hex[2 * ROOT_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < ROOT_SIZE; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", root.model[i]);
	assert_string_equal(hex, want);
}

/* The same of whole models with biases, head norms and blocks of 256. */
static void
architectures_and_formats_are_covered(void **state)
{
	static const struct {
		const char *file, *root;
	} models[] = {
		{ "qwen2-q4_k", "a12b6759bf3835a8dbdfba67a09bb623d20055cbed26c9bc13656a2230604d87" },
		{ "qwen3-q5_k", "a22e02ba73b5bb2df8679720e3be5c001c2595c3223562b24eff5710008b9443" },
		{ "llama-q6_k", "714b1f408fa3d207babcb4e9401acfa59a7a184f6bf8aa82b96afb23e6ec1075" },
		{ "qwen2-q4_1", "420926eb9172673ef00cc21c4cb54a3d366a43db524dd529e9c22f28e7714899" },
	};

	(void)state;
	for (size_t m = 0; m < sizeof(models) / sizeof(*models); m++) {
		struct b3iq_error err = { .size = sizeof(err) };
		char path[512], hex[2 * ROOT_SIZE + 1];
		struct root root;
		struct gguf *g;

		(void)snprintf(path, sizeof(path), SOURCE_DIR "/tests/fuzz/corpus/model/%s",
		               models[m].file);
		if (gguf_open(&g, path, &err) || root_compute(&root, g, 2, NULL, &err))
			fail_msg("%s", err.text);
		for (size_t i = 0; i < ROOT_SIZE; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", root.model[i]);
		assert_string_equal(hex, models[m].root);
		gguf_close(g);
	}
}

static void
trees_follow_the_rfc(void **state)
{
	/* RFC 9162's tree over no leaf, and over one, is what its text says. */
	static const uint8_t empty[] = { 0xe3, 0xb0, 0xc4, 0x42 };
	struct digest leaves[7] = { { { 1 } }, { { 2 } }, { { 3 } }, { { 4 } }, { { 5 } }, { { 6 } } };
	struct hash h = { .ctx = NULL };
	uint8_t out[ROOT_SIZE], left[ROOT_SIZE], right[ROOT_SIZE], joined[ROOT_SIZE];

	(void)state;
	assert_int_equal(tree(&h, leaves, 0, out), B3IQ_OK);
	assert_memory_equal(out, empty, sizeof(empty));
	assert_int_equal(tree(&h, leaves, 1, out), B3IQ_OK);
	assert_memory_equal(out, leaves, ROOT_SIZE);
	/* Seven leaves split at four. */
	assert_int_equal(tree(&h, leaves, 7, out), B3IQ_OK);
	assert_int_equal(tree(&h, leaves, 4, left), B3IQ_OK);
	assert_int_equal(tree(&h, leaves + 4, 3, right), B3IQ_OK);
	hash_begin(&h);
	hash_add(&h, "\1", 1);
	hash_add(&h, left, ROOT_SIZE);
	hash_add(&h, right, ROOT_SIZE);
	assert_int_equal(hash_end(&h, joined), B3IQ_OK);
	assert_memory_equal(out, joined, ROOT_SIZE);
	hash_finish(&h);
}

static int
count_reports(void *ctx, uint64_t done, uint64_t total)
{
	unsigned *n = ctx;

	assert_true(done <= total);
	return ++*n > 1000;
}

static int
cancel(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return 1;
}

static void
reports_progress_and_can_be_cancelled(void **state)
{
	unsigned n = 0;
	struct root_progress progress = { count_reports, &n };
	struct b3iq_error err = { .size = sizeof(err) };
	struct bytes b = BYTES(MAKE_MAX);
	struct recipe r = RECIPE;
	struct root root;
	struct gguf *g;

	(void)state;
	make_model(&b, &r);
	assert_int_equal(gguf_open_memory(&g, b.data, b.len, "made.gguf", &err), B3IQ_OK);
	assert_int_equal(root_compute(&root, g, 2, &progress, &err), B3IQ_OK);
	assert_true(n >= 1);
	progress.report = cancel;
	assert_int_equal(root_compute(&root, g, 2, &progress, &err), B3IQ_E_CANCELLED);
	assert_non_null(strstr(err.text, "cancelled"));
	gguf_close(g);
	bytes_finish(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repacking_changes_nothing),
		cmocka_unit_test(every_part_counts),
		cmocka_unit_test(equals_the_independent_implementation),
		cmocka_unit_test(architectures_and_formats_are_covered),
		cmocka_unit_test(trees_follow_the_rfc),
		cmocka_unit_test(reports_progress_and_can_be_cancelled),
	};

	/* `test_root FILE` writes the model whose root is expected above. */
	if (argc == 2) {
		struct bytes b = BYTES(MAKE_MAX);
		struct recipe r = RECIPE;
		FILE *f = fopen(argv[1], "wb");
		int failed;

		make_model(&b, &r);
		failed = !f || fwrite(b.data, 1, b.len, f) != b.len || fclose(f);
		bytes_finish(&b);
		return failed;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
