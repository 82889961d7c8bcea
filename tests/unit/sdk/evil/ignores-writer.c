/* ignores-writer: does not care whether write() failed. */
#include "good-inference.h"

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	good_models(self, out, err);
	return B3IQ_OK;
}

static void
evil(void)
{
	iface.models = models;
}
