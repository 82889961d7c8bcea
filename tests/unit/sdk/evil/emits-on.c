/* emits-on: calls emit() again after it has failed. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = good_generate(self, rq, sink, use, err);

	for (uint32_t i = 0; i < 3 && rc == B3IQ_E_CANCELLED; i++)
		good_step(rq, sink, use, i);
	return rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
