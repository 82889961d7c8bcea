/* instance.h - one configured plugin: started, watched, restarted, stopped, and called.
 *
 *   stopped --start--> starting --create() done--> ready --stop--> stopped
 *                        |  ^                        |
 *        refused <-------+  +-- restarting <---------+ the process died
 *                                   |
 *                                   +--> failed: five deaths in ten minutes
 *
 * By default the plugin runs in a child process (docs/sandbox.md).  Nothing here blocks the caller
 * on a plugin, except a call into it and instance_stop().
 *
 * Calling: take a reference (plugins.h, or instance_ref()), get the table of the kind, call it with
 * the instance as `self`, release.
 *
 *   const struct b3iq_inference *backend = instance_inference(i);
 *   rc = backend->generate(i, &request, &sink, &usage, &err);
 *   instance_release(i);
 *
 * The tables are complete, whatever the plugin left out: B3IQ_E_UNSUPPORTED says so.  A call on an
 * instance that starts or restarts waits up to `patience_ms`; then, and in every other state but
 * ready, it is B3IQ_E_UNAVAILABLE with the reason, and retry_ms where waiting helps.  Calls beyond
 * what the plugin's thread model allows wait for their turn, until their deadline or cancel_fd;
 * beyond INSTANCE_CALLS of them it is B3IQ_E_BUSY.  Results need not be slots: the usual structs
 * with their `size` are filled as far as they reach.  If the process dies, its calls return
 * B3IQ_E_DIED.  [any thread; never from inside a plugin's own call]
 *
 * The host adds to the contract: a generate() or replay() whose usage.output_tokens is not the
 * number of ids that it emitted, where it shows ids, is B3IQ_E_INTERNAL, so that no receipt is
 * built on it; the request's deadline is kept even by a plugin that ignores it; a plugin that does
 * not stop `cancel_ms` after it was asked to is taken for hung; a submit() whose process died is
 * B3IQ_E_UNKNOWN_OUTCOME.
 */
#ifndef CORE_PLUGIN_INSTANCE_INSTANCE_H
#define CORE_PLUGIN_INSTANCE_INSTANCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/plugin/load/hostapi.h"
#include "core/plugin/file/manifest.h"

#define INSTANCE_CALLS  1024 /* running and waiting at once                    */
#define INSTANCE_WIDTH  64   /* default of `width`                             */
#define INSTANCE_DEATHS 5    /* in INSTANCE_WINDOW_MS: failed                  */
#define INSTANCE_WINDOW_MS (10u * 60 * 1000)
#define INSTANCE_LINES  40   /* stderr lines kept                              */

#define INSTANCE_STATES(X)                                                                \
	X(STOPPED, "stopped")       /* not wanted, or not yet                          */ \
	X(STARTING, "starting")     /* being checked, loaded, created                  */ \
	X(READY, "ready")                                                                 \
	X(STOPPING, "stopping")     /* calls run out, then destroy()                   */ \
	X(RESTARTING, "restarting") /* died or unavailable; tried again after a while  */ \
	X(FAILED, "failed")         /* died too often; instance_start() tries again    */ \
	X(REFUSED, "refused")       /* trust, manifest, config or create() said no     */

enum instance_state {
#define INSTANCE_STATE_ENUM(name, text) INSTANCE_##name,
	INSTANCE_STATES(INSTANCE_STATE_ENUM)
#undef INSTANCE_STATE_ENUM
};

/* What the operator configured.  Everything is copied; 0 and NULL mean the default. */
struct instance_options {
	const char *name;               /* "gpu0": [a-z0-9][a-z0-9._-]*                 */
	const char *plugin;             /* NAME of NAME.so in `dirs`                    */
	const char *const *dirs;        /* absolute plugin directories, NULL-terminated */
	const char *path;               /* instead of plugin and dirs: a file anywhere, without trust */
	const char *sha256;             /* the pin, or NULL                             */
	const char *keys_dir;           /* trusted *.pub, or NULL                       */
	const char *config;             /* JSON object, or NULL: {}                     */
	const char *state_dir;          /* absolute; made if absent (0700)              */
	const char *secrets_dir;        /* absolute; or NULL: no secrets                */
	const char *const *signers;     /* host keys that it may sign with; or NULL     */
	const struct hostapi_services *services; /* must outlive the instance; or NULL  */
	bool     run_inline;            /* in this process: for debugging, and only with a pin */
	pthread_mutex_t *serial;        /* of all inline instances of one SERIAL plugin: plugins.c
	                                 * sets it; or NULL                             */
	uint32_t width;                 /* calls at once of a PARALLEL plugin           */
	uint32_t start_ms;              /* create() must be done after; 120 s           */
	uint32_t stall_ms;              /* no emit for so long: hung; 120 s             */
	uint32_t call_ms;               /* no answer to any other call: hung; 600 s     */
	uint32_t cancel_ms;             /* from cancel to hung; 5 s                     */
	uint32_t ping_ms;               /* a process silent for 3 of these is hung; 5 s */
	uint32_t patience_ms;           /* calls wait for a (re)start; 10 s             */
	uint32_t backoff_ms;            /* first pause before a restart; 1 s, doubles to 60 */
	uint32_t drain_ms;              /* stop: calls may end by themselves for; 5 s   */
	uint32_t bye_ms;                /* stop: destroy() may take, in a sandbox; 5 s  */
};

struct instance_status {
	enum instance_state state;
	uint32_t kind;                  /* B3IQ_INFERENCE ...; 0 until the manifest was read */
	pid_t    pid;                   /* of the sandbox; 0: none or inline            */
	bool     run_inline;
	uint32_t running, waiting;      /* calls                                        */
	uint64_t uptime_ms;             /* since it became ready; 0 if it is not        */
	uint64_t deaths;                /* since the instance exists                    */
	uint64_t retry_in_ms;           /* RESTARTING: next attempt in                  */
	int32_t  code;                  /* last error and its sentence; B3IQ_OK and ""  */
	char     error[248];
	char     id[129], version[65];  /* as in the manifest, "" until read            */
	char     sha256[65], signer[65];
};

struct instance;

/* Stopped, with one reference: the owner's.  Ends with instance_close(). */
int32_t instance_create(const struct instance_options *, struct instance **out,
                        struct b3iq_error *err);
/* Stops it for good and gives the owner's reference back; others stay valid until released, and
 * calls on them are B3IQ_E_UNAVAILABLE.  NULL is fine. */
void instance_close(struct instance *);
struct instance *instance_ref(struct instance *);
void instance_release(struct instance *); /* NULL is fine */

/* Wanted from now on; returns at once.  Clears FAILED and REFUSED.  [any thread] */
void instance_start(struct instance *);
/* No longer wanted: refuses new calls, waits for running ones up to drain_ms, cancels the rest,
 * ends the process.  Returns when it is stopped.  [any thread, not inside a call] */
void instance_stop(struct instance *);
/* Stop and start. */
void instance_restart(struct instance *);
/* Waits until it is ready (B3IQ_OK), or refused, failed or stopped (its error), or wait_ms passed
 * (B3IQ_E_TIMEOUT). */
int32_t instance_wait(struct instance *, uint32_t wait_ms, struct b3iq_error *err);

const char *instance_name(const struct instance *);
uint32_t    instance_kind(struct instance *); /* from the manifest; 0 until it was read */
void        instance_status(struct instance *, struct instance_status *out);
const char *instance_state_name(enum instance_state);
/* The last lines that the process wrote to stderr, oldest first, one a line. */
int32_t     instance_stderr(struct instance *, struct buf *out);
void        instance_metrics(struct instance *, hostapi_metric_fn *, void *ctx);

/* The tables, or NULL if the instance is known to be of another kind.  Call them with the instance
 * as self.  b3iq_ledger.ops is 0 in the shared table: ask instance_ledger_ops(). */
const struct b3iq_inference *instance_inference(struct instance *);
const struct b3iq_replay    *instance_replay(struct instance *);
const struct b3iq_ledger    *instance_ledger(struct instance *);
const struct b3iq_auth      *instance_auth(struct instance *);
uint64_t                     instance_ledger_ops(struct instance *); /* 0 until ready */

#endif
