/* remote.h - the running node, over its HTTP API.
 *
 * Where: --url, else $B3IQ_URL, else what the home's config says.  Key: $B3IQ_API_KEY, else, for
 * the home's own node only (also when the URL names it), its keys/cli.key, which the node makes at
 * its first start.  A key
 * never stands on a command line.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "cli/cli.h"
#include "core/http/client.h"

#define REMOTE_REPLY_MAX (64u << 20)

/* For the option tables of commands that talk with a node. */
#define REMOTE_OPTIONS                                                                         \
	{ .name = "url", .kind = CLI_TEXT, .value = "URL",                                     \
	  .help = "the node; default $B3IQ_URL, or what the home's config says" }

struct remote {
	struct client *client;
	char           url[1024];      /* without a slash at the end */
	char           key_header[512]; /* "Authorization: Bearer ..." or "" */
};

/* Finds out where and with which key; connects to nobody yet.  Returns an exit code, and has said
 * what is wrong. */
int  remote_open(struct cli *, struct remote *);
void remote_close(struct remote *);
/* The URL of the node that the home configures: "http://127.0.0.1:8008". */
int32_t remote_configured(const struct cli *, char *out, size_t size, struct b3iq_error *);

/* One call; body NULL: none.  *out (may be NULL) is the caller's.  Returns an exit code, said. */
int remote_json(struct cli *, struct remote *, const char *method, const char *path,
                struct json_object *body, struct json_object **out);
/* A call whose 2xx body goes to on_data as it comes; Ctrl-C ends it with CLI_CANCELLED.  When
 * on_data returns B3IQ_DECLINED it has said why, and the exit code is CLI_FAILED. */
int remote_stream(struct cli *, struct remote *, const char *path, struct json_object *body,
                  const char *header, int32_t (*on_data)(void *, const char *, size_t), void *ctx,
                  struct client_reply *);
/* Is a node there?  Says nothing. */
bool remote_alive(struct remote *);
/* Tells a running node to read its config again; fine if there is none.  *told: there was one. */
int remote_reload(struct cli *, bool *told);

#endif
