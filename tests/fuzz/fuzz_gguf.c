/* A hostile model file: whatever is accepted must be readable to its last byte. */
#include "engine/file/root.h"
#include "engine/text/chat.h"

static volatile uint8_t sink;

static void
touch(const void *data, size_t size)
{
	if (!size)
		return;
	sink = ((const uint8_t *)data)[0];
	sink = ((const uint8_t *)data)[size - 1];
}

static void
read_values(const struct gguf *g)
{
	for (size_t i = 0; i < gguf_n_values(g); i++) {
		const struct gguf_value *v = gguf_value_at(g, i);
		struct gguf_array a;
		struct gguf_str s;
		char key[256];
		size_t at = 0;

		touch(v->key.ptr, v->key.len);
		touch(v->data, v->size);
		if (v->key.len >= sizeof(key))
			continue;
		for (size_t c = 0; c < v->key.len; c++)
			key[c] = v->key.ptr[c];
		key[v->key.len] = 0;
		if (!gguf_array(g, key, GGUF_KIND_STRING, &a, NULL))
			while (gguf_array_next(&a, &at, &s))
				touch(s.ptr, s.len);
		if (!gguf_array(g, key, GGUF_KIND_I32, &a, NULL) && a.count)
			sink = (uint8_t)gguf_array_i64(&a, a.count - 1);
	}
}

static void
tokenize(const struct gguf *g)
{
	static const char text[] = "Hello  w\xc3\xb6rld 123\n<s></s> \xff";
	struct tokens tokens = { .max = 4096 };
	struct tokenizer *t;
	enum chat_format format;

	(void)chat_detect_file(g, &format, NULL);
	if (tokenizer_create(&t, g, NULL))
		return;
	(void)tokenizer_encode(t, text, sizeof(text) - 1, TOKENIZER_SPECIAL | TOKENIZER_ENDS, &tokens,
			       NULL);
	for (size_t i = 0; i < tokens.len; i++) {
		struct gguf_str bytes = tokenizer_bytes(t, tokens.ids[i]);

		touch(bytes.ptr, bytes.len);
	}
	tokens_finish(&tokens);
	tokenizer_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct b3iq_error err = { .size = sizeof(err) };
	struct root root;
	struct gguf *g;

	if (gguf_open_memory(&g, data, size, "fuzz.gguf", &err))
		return 0;
	read_values(g);
	for (size_t i = 0; i < gguf_n_tensors(g); i++)
		touch(gguf_tensor_at(g, i)->data, gguf_tensor_at(g, i)->size);
	(void)root_compute(&root, g, 1, NULL, &err);
	tokenize(g);
	gguf_close(g);
	return 0;
}
