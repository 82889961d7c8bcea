/* crashes: dereferences NULL at the third token. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	volatile char *volatile nowhere = NULL;

	if (rq->max_tokens > 2)
		*nowhere = 1;
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	iface.generate = generate;
}
