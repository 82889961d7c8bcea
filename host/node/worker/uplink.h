/* uplink.h - the coordinator, as a worker calls it (docs/coordinator.md, section 3).
 *
 * One call at a time an uplink: each thread has its own.  All calls block, within a time limit.
 *
 *   B3IQ_OK             2xx
 *   B3IQ_E_DENIED       401, 403
 *   B3IQ_E_NOT_FOUND    404: for most calls, that the worker is to register again
 *   B3IQ_E_INVALID      any other 4xx, above all 409: the lease is lost, the job finished
 *   B3IQ_E_UNAVAILABLE  nobody answers, 5xx, 408, 429 (with err.retry_ms): try again later
 *   B3IQ_E_TIMEOUT, B3IQ_E_CANCELLED, B3IQ_E_NO_MEMORY
 */
#ifndef NODE_WORKER_UPLINK_H
#define NODE_WORKER_UPLINK_H

#include <json-c/json.h>

#include "core/crypto/ed25519.h"
#include "node/worker/spool.h"

struct uplink;

/* url without a slash at its end; both are copied. */
int32_t uplink_create(const char *url, const char *key, struct uplink **out,
                      struct b3iq_error *err);
void    uplink_destroy(struct uplink *);
/* Readable: calls end with B3IQ_E_CANCELLED.  -1, as at first: they cannot be ended. */
void    uplink_cancel_fd(struct uplink *, int fd);

struct uplink_self { /* who registers; texts may be "" for none */
	const struct ed25519_key *identity;
	const char *miner_id, *region, *address, *push_url, *push_key;
	uint32_t            concurrency;
	struct json_object *models;       /* array */
};
struct uplink_terms {
	char     miner_id[SPOOL_ID_SIZE];
	uint32_t heartbeat_ms, poll_s;
	bool     verified;
};
/* Challenge, proof, registration. */
int32_t uplink_register(struct uplink *, const struct uplink_self *, struct uplink_terms *,
                        struct b3iq_error *err);
/* `leases` is an array, borrowed; *lost gets the array of those to stop, the caller's (NULL: none). */
int32_t uplink_heartbeat(struct uplink *, uint32_t inflight, bool draining,
                         struct json_object *leases, struct json_object **lost,
                         struct b3iq_error *err);
/* Waits up to wait_s seconds; *job NULL: there was none. */
int32_t uplink_poll(struct uplink *, uint32_t wait_s, struct json_object **job,
                    struct b3iq_error *err);
int32_t uplink_running(struct uplink *, const char *job, const char *lease, struct b3iq_error *err);
/* *listeners 0: nobody wants more. */
int32_t uplink_delta(struct uplink *, const char *job, const char *lease, uint64_t seq,
                     const char *text, size_t len, int64_t *listeners, struct b3iq_error *err);
/* Hands a spooled report in.  *last tells whether the coordinator has said its last word about it,
 * whatever that was. */
int32_t uplink_report(struct uplink *, const struct spool_item *, bool *last,
                      struct b3iq_error *err);
int32_t uplink_leave(struct uplink *, const char *miner_id, struct b3iq_error *err);

#endif
