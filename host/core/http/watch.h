/* watch.h - one thread that watches connections: deadlines, and clients that leave.
 *
 * The library only knows inactivity, so a client that sends a byte a second would hold its
 * connection for ever, and it does not look at a suspended connection at all, so a client that
 * leaves while its answer is being made would not be noticed.  A connection past its deadline is
 * shut down; the library then sees its end.
 */
#ifndef CORE_HTTP_WATCH_H
#define CORE_HTTP_WATCH_H

#include <stdint.h>

#include "plugin.h"

struct watch;
struct watch_entry;

int32_t watch_create(struct watch **, struct b3iq_error *);
void    watch_destroy(struct watch *); /* all entries removed before */

/* Watches a socket until watch_remove(); NULL: no memory. [any thread, all of these] */
struct watch_entry *watch_add(struct watch *, int fd);
/* After it returns, the socket is touched and the callback run no more. NULL is fine. */
void watch_remove(struct watch *, struct watch_entry *);
/* From now on this many milliseconds, 0: none. */
void watch_deadline(struct watch *, struct watch_entry *, uint32_t ms);
/* Calls gone(arg) once, on the watch's thread, when the peer closes; NULL: no more.  gone() must
 * not block and not call watch_*(). */
int32_t watch_peer(struct watch *, struct watch_entry *, void (*gone)(void *), void *arg);

#endif
