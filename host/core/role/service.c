#include "core/role/service.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/base/fail.h"
#include "core/base/log.h"

/* Prompts and keys are in this process's memory: no core dumps, no debugger of another user.  And
 * few heaps, as many workers come and go. */
static void
prepare_process(void)
{
	mallopt(M_ARENA_MAX, 4);
#ifdef NDEBUG
	prctl(PR_SET_DUMPABLE, 0);
#endif
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* Until it is told to stop; then a second signal ends it at once. */
static void
wait_for_end(const struct service *services, void *const *roles, size_t n, const sigset_t *set)
{
	sigset_t ends;
	int number;

	while (sigwait(set, &number) == 0 && number == SIGHUP)
		for (size_t i = 0; i < n; i++)
			if (services[i].reload)
				services[i].reload(roles[i]);
	for (size_t i = 0; i < n; i++)
		log_event(B3IQ_LOG_INFO, "role.stopping", "role=%s signal=%d", services[i].name,
		          number);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
}

int32_t
service_run(const struct service *services, size_t n, struct b3iq_error *err)
{
	void *roles[SERVICE_MAX] = { NULL };
	size_t started = 0;
	int32_t rc = B3IQ_OK;
	sigset_t set;

	if (n > SERVICE_MAX)
		return fail(err, B3IQ_E_INVALID, "more than %d roles in one process", SERVICE_MAX);
	prepare_process();
	block_signals(&set);
	while (started < n && rc == B3IQ_OK) {
		rc = services[started].start(services[started].options, &roles[started], err);
		started += rc == B3IQ_OK;
	}
	for (size_t i = 0; rc == B3IQ_OK && i < n; i++)
		if (services[i].ready)
			services[i].ready(roles[i], services[i].options);
	if (rc == B3IQ_OK)
		wait_for_end(services, roles, n, &set);
	while (started-- > 0) {
		struct b3iq_error at_stop = NO_ERROR;
		const int32_t rc_stop = services[started].stop(roles[started], &at_stop);

		if (rc == B3IQ_OK && rc_stop != B3IQ_OK) {
			rc = rc_stop;
			*err = at_stop;
		}
	}
	return rc;
}
