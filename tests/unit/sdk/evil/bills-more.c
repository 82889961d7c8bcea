/* bills-more: counts a token that nobody got. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = good_generate(self, rq, sink, use, err);

	use->output_tokens++;
	return rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
