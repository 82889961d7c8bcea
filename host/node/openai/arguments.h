/* arguments.h - the parameters of a request, from a table: name, type, range, meaning.
 *
 * A parameter that is not in the table is refused, because it might change the meaning of the
 * answer; those that change nothing for us (user, metadata, ...) are in the table and ignored. null
 * counts as absent.  JSON values are borrowed from the request's document.
 */
#ifndef NODE_OPENAI_ARGUMENTS_H
#define NODE_OPENAI_ARGUMENTS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "node/openai/errors.h"

enum { ARGUMENTS_CHAT = 1, ARGUMENTS_TEXT = 2, ARGUMENTS_BOTH = 3 };

#define ARGUMENTS_N_MAX 8

struct arguments {
	int         dialect;
	const char *model;                /* NULL: not given                             */
	bool        stream, include_usage;
	bool        logprobs, parallel_tool_calls;
	bool        has_seed, has_parallel, no_thinking;
	int64_t     n, best_of, seed, max_tokens, max_completion_tokens, top_k, top_logprobs,
	            text_logprobs;        /* -1: not given                               */
	double      temperature, top_p, min_p, presence_penalty, frequency_penalty,
	            repetition_penalty;
	struct json_object *messages, *prompt, *stop, *logit_bias, *tools, *tool_choice,
	                   *response_format, *stream_options, *template_kwargs;
};

/* Reads and checks everything but messages, prompt and tools, which belong to their own files. */
int32_t arguments_read(struct json_object *doc, int dialect, struct arguments *, struct wrong *);
/* The sampling fields of a request to a backend. */
void    arguments_fill(const struct arguments *, struct b3iq_gen_request *);
/* Adds stop, logit_bias and thinking in the one form of chat-request.json. */
int32_t arguments_body(const struct arguments *, struct json_object *body, struct wrong *);

#endif
