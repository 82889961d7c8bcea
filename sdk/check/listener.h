/* listener.h - the sink of one generate(): takes down the stream, checks each chunk, and makes
 * trouble on demand: refuses, is slow, cancels.  Its rules end the test; see also fakehost.h. */
#ifndef CHECK_LISTENER_H
#define CHECK_LISTENER_H

#include <pthread.h>
#include <stdatomic.h>

#include "fakehost.h"

struct listener {
	/* The trouble, set before the call. */
	unsigned refuse_at;    /* emit() refuses from this chunk on, from 1; 0: never      */
	int32_t  refuse_code;
	unsigned cancel_at;    /* cancels once this chunk has come; 0: never               */
	unsigned cancel_ms;    /* cancels that long after the start; 0: never              */
	bool     cancel_first; /* is cancelled before the call begins                     */
	int32_t  cancel_code;  /* what emit() returns from then on; 0: B3IQ_E_CANCELLED     */
	unsigned slow_ms;      /* each emit() blocks so long                              */

	/* What came. */
	struct buf text, probes, deltas; /* deltas: one JSON document a line           */
	int32_t   *ids;
	size_t     n_ids, n_chunks, ids_cap;
	size_t     chunks_without_ids, chunks_of_many, chunks_without_probe;
	size_t    *probe_ends; /* where the probe of chunk i ends in probes; as many as chunks */
	unsigned   after_stop; /* chunks that came after one was refused                    */
	uint64_t   stopped_us; /* monotonic time of the refusal or the cancel; 0: none      */

	/* Its own. */
	struct fakehost *host;
	struct lend      loan;
	int              cancel_fd;
	atomic_bool      cancelled, talking;
	uint32_t         flags; /* of the request                                      */
	pthread_t        timer;
	bool             timer_runs;
};

void listener_init(struct listener *, struct fakehost *);
void listener_finish(struct listener *);
/* Around the call: what to pass as sink; and taking it away again. */
struct b3iq_sink *listener_begin(struct listener *, uint32_t flags, uint64_t deadline_ms);
void              listener_end(struct listener *);
bool              listener_same(const struct listener *, const struct listener *);

#endif
