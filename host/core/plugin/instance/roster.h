/* roster.h - the calls of one instance: who waits, who runs, who has to stop.
 *
 * This is where the thread model is enforced, where a deadline, a cancel_fd and the operator's stop
 * become the plugin's, and where a plugin that hangs is found out.  The instance's thread opens the
 * roster for a run of the plugin and closes it; the calling threads enter and leave.
 */
#ifndef CORE_PLUGIN_INSTANCE_ROSTER_H
#define CORE_PLUGIN_INSTANCE_ROSTER_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/plugin/load/backend.h"
#include "core/plugin/sandbox/remote.h"

#define ROSTER_TAG 16 /* ids of calls, as epoll data, begin here; below is the owner's */

struct roster_run {              /* one life of the plugin, from create() to destroy() or death */
	struct backend backend;
	struct remote *remote;           /* NULL: inline                                 */
	pthread_mutex_t *serial;         /* held around each call; or NULL               */
	uint32_t running;                /* calls; the roster's lock                     */
	_Atomic(uint32_t) refs;          /* the owner's, and one a running call          */
};

struct roster_call {             /* on the stack of the calling thread                  */
	struct roster_call *next, *previous;
	struct roster *roster;
	struct roster_run *run;          /* once it runs                                 */
	uint64_t id, started_ms, deadline_ms, stopped_ms;
	struct b3iq_sink sink;           /* what the plugin gets                         */
	struct b3iq_sink *user;          /* what the caller gave, or NULL                */
	int      user_fd, watch_fd;      /* its cancel_fd, and our duplicate in epoll    */
	int      stop_fd;                /* the plugin's cancel_fd, inline               */
	_Atomic(int32_t)  stop;          /* what emit() returns from now on              */
	_Atomic(uint64_t) active_ms;     /* when it last emitted                         */
	_Atomic(bool)     in_emit;       /* we keep it waiting, not it us                */
	uint64_t n_ids;                  /* emitted                                      */
	bool     shows_ids, told;        /* told: the sandbox knows of the stop         */
	pthread_cond_t turn;
};

struct roster_limits {
	uint32_t patience_ms, stall_ms, call_ms, cancel_ms;
};

struct roster {
	const char *name;
	int      epoll;                  /* the owner's: cancel_fds are watched there    */
	int      wake;                   /* the owner's eventfd: nothing runs any more   */
	struct roster_limits limits;
	pthread_mutex_t lock;
	struct roster_call *first, *last; /* in order of arrival                         */
	uint32_t n, width;
	uint64_t last_id;
	struct roster_run *run;          /* NULL: closed                                 */
	bool     may_open;               /* waiting may help                             */
	int32_t  code;                   /* why it is closed                             */
	uint32_t retry_ms;
	char     why[248];
};

void roster_init(struct roster *, const char *name, int epoll, int wake,
                 const struct roster_limits *);
void roster_finish(struct roster *);

/* ---- the instance's thread ---- */

struct roster_run *roster_run_create(struct remote *, struct b3iq_error *err);
void     roster_run_release(struct roster_run *); /* the last one destroys the remote    */
void     roster_open(struct roster *, struct roster_run *, uint32_t width);
/* New calls get `code` and the sentence, or wait for a while if it may open again. */
void     roster_close(struct roster *, bool may_open, int32_t code, uint32_t retry_ms,
                      const char *why);
void     roster_count(struct roster *, uint32_t *running, uint32_t *waiting);
void     roster_cancel_all(struct roster *, int32_t rc);
/* epoll says that the cancel_fd of the call with this id is readable. */
void     roster_cancelled(struct roster *, uint64_t id);
/* Enforces deadlines, and looks for a call that hangs: true and the reason.  *due becomes the time
 * at which to look again, if that is earlier. */
bool     roster_watch(struct roster *, uint64_t now_ms, uint64_t *due_ms, char why[160]);

/* ---- calling threads ---- */

/* Waits for a turn.  `user` and deadline_ms (0: none) belong to calls that emit.  On B3IQ_OK
 * call->run is the plugin, &call->sink goes into it, and roster_leave() must follow. */
int32_t  roster_enter(struct roster *, struct roster_call *, struct b3iq_sink *user,
                      uint64_t deadline_ms, struct b3iq_error *err);
/* The call returned rc.  Returns what its caller is to see: a cancel or deadline is that, whatever
 * the plugin made of it. */
int32_t  roster_leave(struct roster_call *, int32_t rc, struct b3iq_error *err);

#endif
