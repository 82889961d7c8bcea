/* overruns-slot: writes behind the result that it was given. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	char *end = (char *)use + sizeof *use + 8;

	*end = 1;
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	iface.generate = generate;
}
