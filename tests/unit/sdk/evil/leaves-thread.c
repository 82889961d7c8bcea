/* leaves-thread: starts a thread that outlives the instance. */
#include "good-inference.h"

static void *
work(void *arg)
{
	sleep_ms(10000);
	return arg;
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	pthread_t t;

	if (pthread_create(&t, NULL, work, NULL) == 0)
		pthread_detach(t);
	return good_create(host, config, self, err);
}

static void
evil(void)
{
	plugin.create = create;
}
