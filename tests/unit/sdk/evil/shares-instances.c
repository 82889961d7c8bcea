/* shares-instances: destroys all instances with the first. */
#include "good-inference.h"

static struct good *only;

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	int32_t rc = only ? B3IQ_OK : good_create(host, config, self, err);

	if (!only)
		only = *self;
	*self = only;
	return rc;
}

static void
destroy(void *self)
{
	free(self);
	only = NULL;
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	if (self != only)
		abort();
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	plugin.create = create;
	plugin.destroy = destroy;
	iface.generate = generate;
}
