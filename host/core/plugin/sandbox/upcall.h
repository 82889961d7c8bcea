/* upcall.h - the b3iq_host of a sandboxed plugin: every function is a frame to the host, which
 * applies the rules of hostapi.h there.  log and metric do not wait, the others do.
 */
#ifndef CORE_PLUGIN_SANDBOX_UPCALL_H
#define CORE_PLUGIN_SANDBOX_UPCALL_H

#include <pthread.h>

#include "core/plugin/sandbox/wire.h"

struct upcall_waiting;

struct upcall {
	struct b3iq_host table;          /* what create() gets                            */
	struct wire *wire;
	pthread_mutex_t lock;
	pthread_cond_t  answered;
	struct upcall_waiting *waiting;  /* on the stacks of their callers                */
	uint64_t last_id;
};

/* The strings stay the caller's and must live as long. */
void upcall_init(struct upcall *, struct wire *, const char *instance, const char *state_dir);
void upcall_finish(struct upcall *);
/* A CODEC_RETURN frame has arrived.  False: it is malformed or answers nothing that was asked. */
bool upcall_return(struct upcall *, const struct wire_frame *);

#endif
