/* source.h - where blocks come from: who decides which block is next.
 *
 * The chain asks its source what to do.  The embedded source knows one proposer, this process: it says
 * "build" whenever something waits, and every block that is built is the next one.  A source over an
 * ordered log (several nodes) hands a built block to the log instead, and says "block" on every node
 * when the log has decided about it; the chain executes and checks it like any foreign block.  Such a
 * source does not ask for another block before it has told about the last one.
 *
 * wait() is called by one thread; order() by the same; wake() and stop() by any.
 */
#ifndef CHAIN_SOURCE_H
#define CHAIN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

enum source_step {
	SOURCE_STOP,  /* no more                                          */
	SOURCE_BUILD, /* make a block of what waits, and order() it       */
	SOURCE_BLOCK  /* the log's next block: execute it                 */
};

struct source_event {
	enum source_step step;
	bool             empty; /* SOURCE_BUILD: also when nothing waits */
	char            *block; /* SOURCE_BLOCK: its text, for free() */
	size_t           len;
};

struct source {
	/* Blocks until there is something to do. */
	void (*wait)(struct source *, struct source_event *out);
	/* B3IQ_OK: the block is the next one.  B3IQ_DECLINED: the log has taken it, and will tell.
	 * Others: it was not taken. */
	int32_t (*order)(struct source *, const char *block, size_t len, struct b3iq_error *);
	void (*wake)(struct source *); /* something waits in the mempool */
	void (*stop)(struct source *); /* wait() says SOURCE_STOP from now on */
	void (*destroy)(struct source *);
	bool wants_text; /* order() looks at the block */
};

/* The embedded one.  idle_ms: makes an empty block after so long without any, 0: never.
 * NULL: no memory. */
struct source *source_local(uint32_t idle_ms);
/* One that never builds: blocks come by import only. */
struct source *source_none(void);

#endif
