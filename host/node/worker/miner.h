/* miner.h - the node as a worker of one coordinator (the seeds' miner): outbound only.
 *
 *   poller   registers, waits in long polls while there is room, takes leases
 *   heart    heartbeats, also during work; learns which leases are lost
 *   sender   hands results in, again and again until the coordinator has said its last word
 *   + a thread for each job in hand, and one for the deltas of a job that is listened to
 *
 * A lease is on the disk before work begins, its report before it is sent (spool.h).  Where the
 * coordinator is away, everything waits with growing pauses, and the node goes on alone.
 * What a job is run with, the host says: this room knows neither models nor receipts.
 */
#ifndef NODE_WORKER_MINER_H
#define NODE_WORKER_MINER_H

#include "node/worker/lease.h"

struct miner;

struct miner_say { /* where a job's text goes while it comes */
	void (*say)(struct miner_say *, const char *text, size_t len);
};

struct miner_host {
	void *ctx;
	/* What this node can run now, as the registration names it; NULL: no memory. */
	struct json_object *(*models)(void *ctx);
	/* Runs the job until it is done or cancel_fd turns readable.  *result gets {"result",
	 * "metrics", "receipt", "openings"} of docs/coordinator.md, without the lease. [many threads] */
	int32_t (*work)(void *ctx, const struct lease *, int cancel_fd, struct miner_say *,
	                struct json_object **result, struct b3iq_error *);
};

struct miner_options { /* copied, but for store and identity */
	const char *url;       /* of the coordinator, without a slash at its end      */
	const char *key;
	const char *miner_id, *region, *address, *push_url, *push_key; /* "": none   */
	uint32_t    concurrency;
	struct store             *store;
	const struct ed25519_key *identity;
	struct miner_host         host;
};

/* Starts the threads; does not wait for the coordinator. */
int32_t miner_start(const struct miner_options *, struct miner **out, struct b3iq_error *err);
/* Takes no new job, lets those in hand end for drain_ms, hands the others back, says goodbye if
 * nothing is owed, and frees.  NULL is fine. */
void    miner_stop(struct miner *, uint32_t drain_ms);

/* A pushed job (doc is taken over).  B3IQ_E_BUSY: no room; B3IQ_E_INVALID: it is no job. */
int32_t miner_offer(struct miner *, struct json_object *doc, struct b3iq_error *err);

struct miner_status {
	bool     registered, verified;
	char     miner_id[SPOOL_ID_SIZE];
	uint32_t inflight;
	uint64_t completed, failed, lost, refused; /* jobs since the start; refused: results */
	char     trouble[248];   /* why the coordinator is not to be had; "" if it is */
};
void    miner_status(struct miner *, struct miner_status *);

#endif
