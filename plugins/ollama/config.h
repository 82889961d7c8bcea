/* config.h - the operator's settings of one instance, read once in create(). */
#ifndef OLLAMA_CONFIG_H
#define OLLAMA_CONFIG_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin.h"

#define CONFIG_URL_MAX    1024u
#define CONFIG_SOCKET_MAX 108u  /* of a Unix socket address */
#define CONFIG_TOKEN_MAX  4096u

struct config {
	char  url[CONFIG_URL_MAX + 1];       /* without a slash at the end; may hold credentials */
	char  socket[CONFIG_SOCKET_MAX];     /* "" : the host of url                       */
	char  token[CONFIG_TOKEN_MAX + 1];   /* "" : none                                  */
	char  keep_alive[16];
	struct json_object *allow;           /* array of patterns; empty: all              */
	int64_t  context;
	uint32_t connect_ms, first_ms, idle_ms;
};

/* text satisfies the manifest's schema with its defaults filled in.  The token comes from
 * host->secret().  config_finish() also after a failure. */
int32_t config_read(struct config *, const struct b3iq_host *, const char *text,
                    struct b3iq_error *);
void    config_finish(struct config *);

/* Does the operator offer this model?  "name" and "name:latest" are one model to Ollama. */
bool config_allows(const struct config *, const char *model);

/* keep_alive as Ollama wants it: a duration is text, a bare number is a number; NULL: no memory. */
struct json_object *config_keep_alive(const struct config *);

#endif
