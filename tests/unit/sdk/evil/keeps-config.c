/* keeps-config: reads its config long after it was lent. */
#include "good-inference.h"

static const char *kept;

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	kept = config;
	return good_create(host, config, self, err);
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	if (kept[0] != '{')
		return fail(err, B3IQ_E_INTERNAL, "the config has gone");
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	plugin.create = create;
	iface.generate = generate;
}
