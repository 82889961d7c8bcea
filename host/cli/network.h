/* network.h - the coordinator, over its HTTP API: where it is, with which key, and how often to try.
 *
 * Where: --url, else $AITBC_URL, else the coordinator of this home, else http://127.0.0.1:8000.
 * Key: as a client $CLIENT_API_KEY, $CLIENT_KEY or $AITBC_API_KEY; as an administrator
 * $ADMIN_API_KEY or $ADMIN_KEY; else, for the home's own coordinator only, the key that was made with
 * it: keys/client.key, keys/admin.key.  A key never stands on a command line.
 *
 * A call that may be repeated (GET, or with an Idempotency-Key) is tried again after a network failure,
 * 5xx or 429: three times, after growing pauses with jitter, or as long as Retry-After says.
 */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "cli/cli.h"
#include "core/http/client.h"

#define NETWORK_URL_DEFAULT "http://127.0.0.1:8000"
#define NETWORK_RETRIES     3

/* For the option tables of commands that talk with a coordinator. */
#define NETWORK_OPTIONS                                                                        \
	{ .name = "url", .kind = CLI_TEXT, .value = "URL",                                     \
	  .help = "the coordinator; default $AITBC_URL, or the one of this home" }

enum network_role { NETWORK_CLIENT, NETWORK_ADMIN };

struct network {
	struct client *client;
	char           url[1024];       /* without a slash at the end */
	char           key_header[512]; /* "X-Api-Key: ..." or ""     */
};

/* Finds out where and with which key; connects to nobody yet.  Returns an exit code, said. */
int  network_open(struct cli *, struct network *, enum network_role);
void network_close(struct network *);

struct network_call {
	const char         *method, *path; /* method NULL: GET                           */
	struct json_object *body;          /* NULL: none                                 */
	const char         *once;          /* Idempotency-Key; NULL: none                */
	uint32_t            wait_ms;       /* how long the coordinator may take, beyond the usual */
	int                 quiet_status;  /* a refusal that is the caller's to tell; 0: none     */
	/* With on_data a 2xx body goes there as it comes, and is not repeated once some came. */
	int32_t           (*on_data)(void *ctx, const char *, size_t);
	void               *ctx;
};

/* *out (may be NULL) is the caller's.  Returns an exit code, said: where the status is quiet_status,
 * CLI_FAILED unsaid.  *status (may be NULL) is that of the answer, 0 if there was none. */
int network_json(struct cli *, struct network *, const struct network_call *, int *status,
                 struct json_object **out);

/* Waits; false: Ctrl-C. */
bool network_pause(uint32_t ms);

#endif
