/* bad-models: lists a model without an id. */
#include "good-inference.h"

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	(void)self, (void)err;
	return out->write(out, "[{\"context\":1}]", 15);
}

static void
evil(void)
{
	iface.models = models;
}
