/* late-kv: uses the key-value store from a thread of its own. */
#include "good-inference.h"

static void *
work(void *arg)
{
	const struct b3iq_host *host = arg;

	sleep_ms(20);
	host->kv_put(host->ctx, "late", "x", 1);
	return NULL;
}

static pthread_t thread;

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	if (pthread_create(&thread, NULL, work, (void *)(uintptr_t)host) != 0)
		return fail(err, B3IQ_E_NO_MEMORY, "no thread");
	return good_create(host, config, self, err);
}

static void
destroy(void *self)
{
	pthread_join(thread, NULL);
	good_destroy(self);
}

static void
evil(void)
{
	plugin.create = create;
	plugin.destroy = destroy;
}
