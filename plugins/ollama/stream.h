/* stream.h - Ollama's answer: lines of JSON, one a step, as chunks for the host.
 *
 * Bytes come in pieces of any size; a line is handled when it is whole.  The answer counts only
 * when a line with "done":true came: stream_end() says so.  The sink sees a line only after it was
 * checked: JSON object, model as asked, no error in it.
 */
#ifndef OLLAMA_STREAM_H
#define OLLAMA_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bytes.h"
#include "plugin.h"

#define STREAM_LINE_MAX   (1u << 20)  /* bytes of one line             */
#define STREAM_ANSWER_MAX (64u << 20) /* bytes of all text of an answer */
#define STREAM_CALLS_MAX  128u        /* tool calls of an answer       */

struct stream {
	const char        *model;      /* as asked; borrowed                  */
	struct b3iq_sink  *sink;
	struct b3iq_usage *usage;
	uint32_t           max_tokens; /* 0: no limit of ours                 */
	int64_t            context;    /* tokens                              */
	bool               chat, stops, logprobs;
	/* the stream's own */
	struct bytes       line;
	uint64_t           text_len;
	uint64_t           steps;      /* lines with content: never more than tokens */
	uint32_t           n_calls;
	bool               done;       /* the last line came                  */
	bool               full;       /* max_tokens reached: no more is taken */
};

/* Fill the first part, zero the rest. */
void    stream_init(struct stream *);
void    stream_finish(struct stream *);
/* A piece of the answer.  What emit() returned comes back as it is. */
int32_t stream_feed(struct stream *, const char *, size_t, struct b3iq_error *);
/* The transfer ended: was the answer whole, not empty, within the context?  Fills usage. */
int32_t stream_end(struct stream *, struct b3iq_error *);

/* "name" and "name:latest" are one model. */
bool    stream_same_model(const char *, const char *);

#endif
