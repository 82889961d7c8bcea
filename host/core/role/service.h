/* service.h - the life of a process that plays one role or several: signals, start, ready, stop.
 *
 * Roles start in order and stop in the reverse order.  When one cannot start, those before it are
 * stopped and its error is returned.  SIGTERM and SIGINT stop all of them, a second one ends the
 * process at once; SIGHUP asks each to read its configuration again.  Signals are blocked before
 * the first thread exists, so that only this one takes them.
 */
#ifndef CORE_ROLE_SERVICE_H
#define CORE_ROLE_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct service {
	const char *name;    /* of the role, for the log                                   */
	const void *options;
	/* Serves when it returns B3IQ_OK. */
	int32_t (*start)(const void *options, void **role, struct b3iq_error *);
	/* After all have started: tells people where (may be NULL). */
	void    (*ready)(void *role, const void *options);
	/* SIGHUP (may be NULL). */
	void    (*reload)(void *role);
	/* Ends it; the role is not used after that. */
	int32_t (*stop)(void *role, struct b3iq_error *);
};

#define SERVICE_MAX 8

/* Until it is told to stop.  Also makes the process private: no core dumps, no debugger of another
 * user (Release builds). */
int32_t service_run(const struct service *, size_t n, struct b3iq_error *err);

#endif
