/* remote.h - the tables of a plugin that lives in a sandbox: the host's side of the wire.
 *
 * A call goes out over the socket, and what belongs to it comes back through a ring of its own
 * (ring.h), straight to the thread that called; so a token wakes the thread that wants it and no
 * other.  All else comes over the socket to the instance's thread, through its epoll.  The plugin's
 * upcalls are served by a thread of their own, made when the first comes, because a kv_put() waits
 * for the disk, and who receives waits for nobody.
 * What the process sends is hostile: a frame that is malformed or not asked for is the end of it.
 */
#ifndef CORE_PLUGIN_SANDBOX_REMOTE_H
#define CORE_PLUGIN_SANDBOX_REMOTE_H

#include "core/plugin/load/backend.h"
#include "core/plugin/sandbox/codec.h"
#include "core/plugin/load/hostapi.h"

#define REMOTE_UPCALLS 256  /* asked and not yet answered                   */

struct remote;

/* Takes over the socket on success; maps the memory of `rings` for as many calls at once as `width`
 * says.  `instance` and `api` stay the caller's. */
struct remote *remote_create(int socket, int rings, uint32_t width, const char *instance,
                             struct hostapi *api, struct b3iq_error *err);
/* No call may be running. NULL is fine. */
void remote_destroy(struct remote *);

/* ---- the instance's thread ---- */

/* Registers the socket and the eventfd behind wake_tag in epoll; events with these tags are for
 * remote_receive() (all but EPOLLOUT alone) and remote_flush(). */
int32_t remote_watch(struct remote *, int epoll, uint64_t tag, uint64_t wake_tag,
                     struct b3iq_error *err);
void    remote_unwatch(struct remote *);
/* 1: took something, 0: there was nothing; -1: the process is gone or broke the protocol,
 * remote_broken() tells which. */
int     remote_receive(struct remote *);
bool    remote_broken(struct remote *);
void    remote_flush(struct remote *);
int32_t remote_hello(struct remote *, const struct codec_hello *, struct b3iq_error *err);
/* Has create() ended?  Then how. */
bool    remote_ready(struct remote *, struct codec_ready *, struct b3iq_error *err);
/* The tables, once it is ready. */
void    remote_backend(struct remote *, uint32_t kind, struct backend *out);
/* Asks for a sign of life.  Returns how many are unanswered, this one included. */
uint32_t remote_ping(struct remote *);
void    remote_send_stop(struct remote *);
/* The running generate() or replay() that emits into this sink is to stop with rc.  False: there is
 * no such call yet. [any thread] */
bool    remote_cancel(struct remote *, const struct b3iq_sink *, int32_t rc);
/* From now on every call, running ones too, is B3IQ_E_DIED with this reason. */
void    remote_die(struct remote *, const char *reason);

#endif
