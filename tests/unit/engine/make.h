/* make.h - writes GGUF bytes for tests: sound ones with the helpers, broken ones by hand.
 *
 * Everything asserts on failure; a test that runs out of memory ends.
 */
#ifndef B3IQ_TEST_MAKE_H
#define B3IQ_TEST_MAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/bytes.h"
#include "engine/file/gguf.h"
#include "engine/text/unicode.h"

#define MAKE_MAX (64u << 20)

static inline void
make_check(int32_t rc)
{
	if (rc)
		abort();
}

static inline void
make_raw(struct bytes *b, const void *data, size_t len)
{
	make_check(bytes_add(b, data, len));
}

static inline void
make_u32(struct bytes *b, uint32_t value)
{
	make_raw(b, &value, sizeof(value));
}

static inline void
make_u64(struct bytes *b, uint64_t value)
{
	make_raw(b, &value, sizeof(value));
}

static inline void
make_string(struct bytes *b, const char *text)
{
	make_u64(b, strlen(text));
	make_raw(b, text, strlen(text));
}

static inline void
make_header(struct bytes *b, uint32_t version, uint64_t tensors, uint64_t values)
{
	make_raw(b, "GGUF", 4);
	make_u32(b, version);
	make_u64(b, tensors);
	make_u64(b, values);
}

static inline void
make_key(struct bytes *b, const char *key, enum gguf_kind kind)
{
	make_string(b, key);
	make_u32(b, kind);
}

static inline void
make_kv_u32(struct bytes *b, const char *key, uint32_t value)
{
	make_key(b, key, GGUF_KIND_U32);
	make_u32(b, value);
}

static inline void
make_kv_bool(struct bytes *b, const char *key, bool value)
{
	uint8_t byte = value;

	make_key(b, key, GGUF_KIND_BOOL);
	make_raw(b, &byte, 1);
}

static inline void
make_kv_string(struct bytes *b, const char *key, const char *value)
{
	make_key(b, key, GGUF_KIND_STRING);
	make_string(b, value);
}

static inline void
make_array(struct bytes *b, const char *key, enum gguf_kind kind, uint64_t count)
{
	make_key(b, key, GGUF_KIND_ARRAY);
	make_u32(b, kind);
	make_u64(b, count);
}

/* One tensor description; data goes behind all of them, from make_align() on. */
static inline void
make_tensor(struct bytes *b, const char *name, uint32_t type, uint64_t columns, uint64_t rows,
	    uint64_t offset)
{
	make_string(b, name);
	make_u32(b, rows ? 2 : 1);
	make_u64(b, columns);
	if (rows)
		make_u64(b, rows);
	make_u32(b, type);
	make_u64(b, offset);
}

static inline void
make_align(struct bytes *b, size_t alignment)
{
	while (b->len % alignment)
		make_raw(b, "", 1);
}

/* A vocabulary: the 256 bytes as the kind spells them, then `pieces`, then two control tokens "<s>",
 * "</s>" and a user-defined "<tool>".  SPM scores fall with the index; BPE gets `merges` ("a b"). */
static inline void
make_vocabulary(struct bytes *b, const char *model, const char *pre, const char *const *pieces,
		size_t n_pieces, const char *const *merges, size_t n_merges)
{
	bool spm = !strcmp(model, "llama");
	size_t n = 256 + n_pieces + 3;
	char text[16];

	make_header(b, 3, 0, spm ? 9 : 10);
	make_kv_string(b, "tokenizer.ggml.model", model);
	make_kv_string(b, "tokenizer.ggml.pre", pre);
	make_array(b, "tokenizer.ggml.tokens", GGUF_KIND_STRING, n);
	for (unsigned i = 0; i < 256; i++) {
		size_t len = unicode_encode(unicode_from_byte((uint8_t)i), text);

		text[len] = 0;
		if (spm)
			snprintf(text, sizeof(text), "<0x%02X>", i);
		make_string(b, text);
	}
	for (size_t i = 0; i < n_pieces; i++)
		make_string(b, pieces[i]);
	make_string(b, "<s>");
	make_string(b, "</s>");
	make_string(b, "<tool>");
	make_array(b, "tokenizer.ggml.token_type", GGUF_KIND_I32, n);
	for (size_t i = 0; i < n; i++)
		make_u32(b, i < 256 && spm ? 6 : i < n - 3 ? 1 : i < n - 1 ? 3 : 4);
	if (spm) {
		make_array(b, "tokenizer.ggml.scores", GGUF_KIND_F32, n);
		for (size_t i = 0; i < n; i++) {
			float score = -(float)i;

			make_raw(b, &score, sizeof(score));
		}
	} else {
		make_array(b, "tokenizer.ggml.merges", GGUF_KIND_STRING, n_merges);
		for (size_t i = 0; i < n_merges; i++)
			make_string(b, merges[i]);
		make_kv_bool(b, "tokenizer.ggml.add_eos_token", false);
	}
	make_kv_u32(b, "tokenizer.ggml.bos_token_id", (uint32_t)(n - 3));
	make_kv_u32(b, "tokenizer.ggml.eos_token_id", (uint32_t)(n - 2));
	make_kv_u32(b, "tokenizer.ggml.unknown_token_id", 0);
	make_kv_bool(b, "tokenizer.ggml.add_bos_token", true);
}

#endif
