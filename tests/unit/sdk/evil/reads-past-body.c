/* reads-past-body: takes a body for a terminated string. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	if (strlen(rq->body) > rq->body_len + 1000000)
		return fail(err, B3IQ_E_INVALID, "too long");
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	iface.generate = generate;
}
