/* unknown-code: returns a code that is not in the list. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = good_generate(self, rq, sink, use, err);

	return rc < 0 ? -77 : rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
