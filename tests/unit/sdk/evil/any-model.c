/* any-model: answers for a model that it does not have. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct b3iq_gen_request mine = *rq;

	mine.model = "good";
	return good_generate(self, &mine, sink, use, err);
}

static void
evil(void)
{
	iface.generate = generate;
}
