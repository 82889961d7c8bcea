/* settings.h - what the operator wants: coordinator.json in the B3IQ home, checked against
 * schemas/coordinator-config.json.  Without the file everything has its default: free mode on loopback.
 */
#ifndef COORDINATOR_SETTINGS_H
#define COORDINATOR_SETTINGS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/role/home.h"

struct settings { /* strings are borrowed from doc */
	struct json_object *doc;
	const char  *address;
	uint16_t     port;
	bool         allow_remote;
	const char **hosts, **origins, **push_hosts; /* NULL-terminated */
	size_t       n_hosts, n_origins;
	uint32_t     body_bytes, prompt_bytes, connections, queue, queue_each, rate_per_minute,
	             drain_s, ended;
	uint32_t     ttl_s, ttl_most_s, no_worker_s, lease_s, run_s, heartbeat_s, funding_s, keep_s;
	uint32_t     attempts, cut_permille;
	const char  *model;
	uint64_t     rate_time, rate_tokens, escrow;
	bool         has_ledger, run_inline;
	const char  *plugin, *sha256, *wallet, *wallet_url, *ledger_address, *default_wallet;
	const char **plugin_dirs, **signers;
	char        *ledger_config;
	uint32_t     batch_ms;
	int32_t      log_level;
	enum log_format log_format;
};

int32_t settings_load(const struct home *, struct settings **out, struct b3iq_error *err);
/* Takes over the document. */
int32_t settings_from(struct json_object *, struct settings **out, struct b3iq_error *err);
void    settings_free(struct settings *);
bool    settings_may_listen(const struct settings *, const char *address);

#endif
