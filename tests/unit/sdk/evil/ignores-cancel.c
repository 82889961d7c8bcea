/* ignores-cancel: goes on for a second after emit() has failed. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = good_generate(self, rq, sink, use, err);

	if (rc == B3IQ_E_CANCELLED || rc == B3IQ_E_TIMEOUT)
		sleep_ms(1000);
	return rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
