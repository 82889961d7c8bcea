/* deltas.h - what a model says, told to the coordinator while it says it.
 *
 * A thread for each job that is listened to: it sends whatever has gathered since the last call, so
 * that a slow line gets larger pieces and never slows the model down.  A piece is repeated as it was
 * until it is acknowledged.  Deltas are a courtesy: the result holds the whole text.
 */
#ifndef NODE_WORKER_DELTAS_H
#define NODE_WORKER_DELTAS_H

#include <stddef.h>

#include "node/worker/uplink.h"

struct deltas;

struct deltas_options { /* borrowed while it is open */
	const char *url, *key, *job, *lease;
	/* The coordinator says that the lease is lost. [the deltas' thread] */
	void      (*lost)(void *ctx);
	void       *ctx;
};

/* NULL, if it cannot be had: then nothing is told, and nothing is lost. */
struct deltas *deltas_open(const struct deltas_options *);
/* Whole characters.  Does not block. NULL is fine. */
void           deltas_say(struct deltas *, const char *text, size_t len);
/* Sends what is left, if the coordinator takes it at once, and frees. NULL is fine. */
void           deltas_close(struct deltas *);

#endif
