/* answer.h - one streamed answer of the node: shown as it comes, kept with its receipt. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "cli/remote.h"
#include "core/base/buf.h"

#define ANSWER_MAX (64u << 20) /* bytes of text */

struct answer {
	struct buf          text;
	struct json_object *own; /* the node's own part: bundle, or receipt and secret; or NULL */
	struct json_object *usage;   /* or NULL */
	char                finish[32], model[257];
};

void answer_init(struct answer *);
void answer_finish(struct answer *);
/* Options that run and chat share: model and sampling. */
#define ANSWER_OPTIONS                                                                         \
	{ .name = "model", .letter = 'm', .kind = CLI_TEXT, .value = "MODEL",                  \
	  .help = "an id of b3iq model list; default: the node's default model" },             \
	{ .name = "temperature", .letter = 't', .kind = CLI_NUMBER, .value = "N",              \
	  .help = "0 takes the likeliest token always, 2 is wild; default 1", .most = 2 },     \
	{ .name = "top-p", .kind = CLI_NUMBER, .value = "P",                                   \
	  .help = "choose among the likeliest tokens that make up P together", .most = 1 },    \
	{ .name = "seed", .letter = 's', .kind = CLI_INT, .value = "N",                        \
	  .help = "the same seed gives the same answer on a det-v1 model",                     \
	  .most = 9007199254740991.0 },                                                        \
	{ .name = "max-tokens", .letter = 'n', .kind = CLI_INT, .value = "N",                  \
	  .help = "stop after N tokens", .least = 1, .most = 2147483647.0 },                   \
	{ .name = "system", .kind = CLI_TEXT, .value = "TEXT",                                 \
	  .help = "the system message: what the model shall be" }

/* A conversation that begins with --system, if it was given; NULL: no memory. */
struct json_object *answer_messages(const struct cli *);
/* The request body that the options ask for, with these messages; NULL: no memory. */
struct json_object *answer_request(const struct cli *, struct json_object *messages);
/* Appends {"role","content"} to an array; false: no memory. */
bool answer_message(struct json_object *messages, const char *role, const char *content,
                    size_t len);
/* Asks, and shows the text as it comes unless --json.  Returns an exit code, said; what came
 * before a failure or Ctrl-C is in the answer. */
int answer_ask(struct cli *, struct remote *, struct json_object *request, struct answer *);

#endif
