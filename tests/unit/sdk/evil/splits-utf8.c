/* splits-utf8: emits half a character. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct b3iq_chunk k = { .size = sizeof k, .text = "\xc3", .text_len = 1 };
	int32_t           rc = good_generate(self, rq, sink, use, err);

	return rc == B3IQ_OK ? sink->emit(sink, &k) : rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
