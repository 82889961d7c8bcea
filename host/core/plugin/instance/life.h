/* life.h - one life of a plugin, from its start to its end, seen by the thread that owns it.
 *
 * In a sandbox that thread receives for all calls, watches the process and its stderr, pings it,
 * finds hanging calls, and ends it: politely (STOP, destroy(), BYE) or not (SIGABRT, SIGKILL).
 * Inline it calls create() and destroy() and watches what can be watched from inside.
 */
#ifndef CORE_PLUGIN_INSTANCE_LIFE_H
#define CORE_PLUGIN_INSTANCE_LIFE_H

#include "core/plugin/instance/instance.h"
#include "core/plugin/sandbox/lines.h"
#include "core/plugin/instance/prepare.h"
#include "core/plugin/instance/roster.h"

enum life_end {
	LIFE_STOPPED, /* as the owner wished                                  */
	LIFE_REFUSED, /* create() or the loader said no, for good             */
	LIFE_AWAY,    /* it said no for now: device away, memory short        */
	LIFE_DIED     /* the process ended by itself, or hung and was ended   */
};

/* What the owner hears, and is asked.  Called on the thread that runs life_run(). */
struct life_owner {
	void *ctx;
	bool (*wanted)(void *ctx);                             /* false: stop                  */
	void (*spawned)(void *ctx, pid_t pid);
	void (*ready)(void *ctx, const struct backend *);      /* create() is done             */
	void (*stopping)(void *ctx);
};

struct life {
	const struct instance_options *options; /* complete: no zeroes                         */
	const struct prepare *prepared;
	struct life_owner owner;
	struct hostapi *api;
	struct roster  *roster;
	struct lines   *lines;
	pthread_mutex_t *serial;                /* inline, of the whole plugin; or NULL        */
	int epoll, wake;                        /* the owner's; wake means: ask wanted()       */
};

/* Blocks until the end; *err tells why for all ends but LIFE_STOPPED. */
enum life_end life_run(const struct life *, struct b3iq_error *err);

#endif
