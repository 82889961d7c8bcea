/* answer.h - one chat or text completion: its runs, one after another, told as JSON or as events.
 *
 * chat.c and completions.c bring the request into the one form that backends know, and give the
 * shapes of their dialect; everything between is here.
 */
#ifndef NODE_OPENAI_ANSWER_H
#define NODE_OPENAI_ANSWER_H

#include "core/receipt/receipt.h"
#include "node/context.h"
#include "node/openai/arguments.h"

#define ANSWER_PROMPTS_MAX 16
#define ANSWER_RUNS_MAX    64

/* What a step of a backend adds to a choice. */
struct piece {
	const char         *text;
	size_t              len;
	struct json_object *logprobs;   /* array of chat-delta.json, or NULL       */
	struct json_object *tool_calls; /* with ids of this node, or NULL          */
	const char         *reasoning;  /* or NULL                                 */
};

/* One choice while it is made. */
struct choice {
	size_t              index;
	struct json_object *logprobs;   /* all so far, in the dialect's form       */
	struct json_object *tool_calls; /* joined                                  */
	struct buf          reasoning;
	size_t              text_at;    /* bytes of text so far                    */
	bool                begun;
	const char         *finish;     /* NULL until it ended                     */
};

struct dialect {
	int         which;              /* ARGUMENTS_CHAT or ARGUMENTS_TEXT        */
	const char *object, *chunk, *prefix, *prompt_param;
	bool        opens;              /* has a first chunk, with the role        */
	int64_t     max_tokens;         /* where the request says nothing; 0: all  */
	/* The bodies for the backend (one or more), each a new object. */
	int32_t   (*bodies)(const struct arguments *, struct json_object *out[ANSWER_PROMPTS_MAX],
	                    size_t *n, struct wrong *);
	/* The logprobs object of some tokens; text_at is where they begin. */
	struct json_object *(*logprobs)(struct json_object *tokens, size_t text_at);
	/* Adds a later logprobs object to an earlier one. */
	int32_t   (*more_logprobs)(struct json_object *to, struct json_object *from);
	/* The choice's own part of a chunk (piece NULL: its first, or its last), and of a whole
	 * answer. */
	int32_t   (*chunk_part)(struct json_object *choice, const struct piece *, bool first);
	int32_t   (*whole_part)(struct json_object *choice, const struct choice *, const char *text,
	                        size_t len);
};

void answer_run(const struct dialect *, struct http_request *, struct http_response *);

#endif
