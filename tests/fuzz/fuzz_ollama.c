/* The answer of a hostile Ollama, cut into pieces as its first byte says. */
#include <stdlib.h>
#include <string.h>

#include "stream.h"

static int32_t
emit(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	(void)sink;
	/* What reaches the host is what the contract allows. */
	if (c->n_ids || c->probe || (c->text_len && !c->text))
		abort();
	return c->delta && strlen(c->delta) > (size_t)STREAM_ANSWER_MAX ? B3IQ_E_INTERNAL : B3IQ_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct b3iq_sink  sink = { sizeof sink, -1, emit };
	struct b3iq_usage use = { .size = sizeof use };
	struct b3iq_error err = { .size = sizeof err };
	const size_t      piece = size ? (size_t)data[0] % 64 + 1 : 1;
	struct stream s = { .model = "m",
		            .sink = &sink,
		            .usage = &use,
		            .context = 100,
		            .chat = true,
		            .logprobs = size && data[0] & 64,
		            .max_tokens = 8 };
	int32_t           rc = B3IQ_OK;

	stream_init(&s);
	for (size_t at = 1; !rc && at < size; at += piece)
		rc = stream_feed(&s, (const char *)data + at, at + piece < size ? piece : size - at,
		                 &err);
	if (!rc)
		rc = stream_end(&s, &err);
	if (rc && !err.text[0])
		abort(); /* every error has a sentence */
	stream_finish(&s);
	return 0;
}
