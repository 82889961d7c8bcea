/* fleet.h - the workers: who they are, what they can do, what they have in hand, how good they were.
 *
 * A worker's id belongs to one API key, and to one node key once it has shown one.  Quality is measured
 * here, in permille, from 500: a completed job moves it a sixteenth of the way to 1000; a failed, lost or
 * refused one takes a quarter off.  Nothing else moves it.
 *
 * In memory, guarded by the desk's lock; rows in coordinator.db, so that a restart knows every worker.
 */
#ifndef COORDINATOR_WORKERS_FLEET_H
#define COORDINATOR_WORKERS_FLEET_H

#include "coordinator/jobs/terms.h"
#include "coordinator/queue/board.h"
#include "core/crypto/ed25519.h"
#include "core/store/store.h"

#define FLEET_ADDRESS 129
#define FLEET_URL     257
#define FLEET_NONCE   65   /* 64 hex digits                    */
#define FLEET_NONCES  1024 /* at once                          */
#define FLEET_NONCES_EACH 4 /* of these of one key             */
#define FLEET_NONCE_MS (5u * 60 * 1000)
#define FLEET_MAX     100000
#define FLEET_MAX_EACH   64   /* ids of one key                */
#define FLEET_GONE_EACH  1024 /* and those that it gave up     */

extern const struct store_module fleet_module; /* "fleet" */

enum fleet_event { FLEET_COMPLETED, FLEET_FAILED, FLEET_LOST, FLEET_REFUSED };

struct poller {                      /* a poll that waits, or a worker that is pushed to  */
	struct worker  *worker;
	pthread_cond_t  called;
	bool            wanted, push;
	struct poller  *next;
};

struct worker {
	char            id[JOB_OWNER_SIZE], key[JOB_OWNER_SIZE];
	uint8_t         node[ED25519_PUBLIC];
	bool            verified;        /* has shown that it holds `node`              */
	char            address[FLEET_ADDRESS], region[33];
	char            push_url[FLEET_URL], push_key[FLEET_ADDRESS];
	char           *capabilities, *models; /* JSON as registered, owned; or NULL    */
	struct skills   skills;
	uint32_t        concurrency, held;
	uint32_t        pending;         /* leases being written for it                 */
	uint32_t        quality;
	uint64_t        completed, failed, lost, refused, work_ms, earned, stake;
	uint64_t        registered_ms, seen_ms, mute_ms; /* wall                        */
	bool            online, draining;
	bool            gone;            /* deregistered: the id is free                */
	struct live    *leases;          /* by board's prev and next                    */
	struct poller   push;
	struct heap_node alarm;
	struct worker  *chain, *of_key;  /* of the hash tables                          */
};

struct fleet_nonce {
	char     text[FLEET_NONCE], key[JOB_OWNER_SIZE];
	uint64_t expires_ms;
};

#define FLEET_BUCKETS 4096

struct fleet { /* zero it to start */
	struct worker     *bucket[FLEET_BUCKETS], *by_key[FLEET_BUCKETS];
	struct poller     *pollers;      /* best first                                  */
	size_t             n, n_online, n_pollers;
	struct fleet_nonce nonces[FLEET_NONCES];
};

/* ---- memory ---- */
void           fleet_finish(struct fleet *);
struct worker *fleet_find(const struct fleet *, const char *id);
/* The latest worker of an API key that is not gone. */
struct worker *fleet_of_key(const struct fleet *, const char *key);
/* Is there a place for one more worker, or is it known?  Ask before its row is written. */
bool           fleet_takes(const struct fleet *, const struct worker *);
/* Takes over the worker's strings and skills; replaces what is known of it but leases, quality and
 * pollers.  NULL: no memory, or too many. */
struct worker *fleet_put(struct fleet *, struct worker *);
/* Deregistered: the place stays, as polls may hold it, and the id may be taken by any key. */
void           fleet_remove(struct fleet *, struct worker *);
void           worker_free(struct worker *);                  /* one that was not put   */
bool           fleet_room(const struct worker *);             /* may it get another job? */
/* May it have paid jobs?  Its receipts must count, and its pay must have somewhere to go. */
bool           fleet_payable(const struct worker *);
void           fleet_hold(struct worker *, struct live *);
void           fleet_release(struct live *);
void           fleet_score(struct worker *, enum fleet_event, uint64_t ms, uint64_t earned);
void           fleet_online(struct fleet *, struct worker *, bool);
/* Each worker: */
typedef void   fleet_each_fn(void *arg, struct worker *);
void           fleet_each(struct fleet *, fleet_each_fn *, void *arg);

/* Stands in line by quality and stake until fleet_leave(). */
void fleet_wait(struct fleet *, struct poller *);
void fleet_leave(struct fleet *, struct poller *);

/* A nonce for this key; then, once and in time: is it that key's?  Who asks for more than
 * FLEET_NONCES_EACH pushes out its own oldest, not another's. */
void fleet_challenge(struct fleet *, const char *key, uint64_t now_ms, char out[FLEET_NONCE]);
bool fleet_answer(struct fleet *, const char *key, const char *nonce, uint64_t now_ms);

/* ---- rows, inside a closure of the store ---- */
int32_t fleet_save(struct store_tx *, const struct worker *, struct b3iq_error *err);
int32_t fleet_delete(struct store_tx *, const char *id, struct b3iq_error *err);
/* The same arithmetic as fleet_score(). */
int32_t fleet_save_score(struct store_tx *, const char *id, enum fleet_event, uint64_t ms,
                         uint64_t earned, struct b3iq_error *err);
/* Each row as a worker that `each` takes over. */
int32_t fleet_load(struct store_tx *, int32_t (*each)(void *arg, struct worker *), void *arg,
                   struct b3iq_error *err);

#endif
