#include "sandbox.h"

#include "core/base/fail.h"

int32_t
sandbox_open(struct sandbox **box, const struct check *c, const struct b3iq_host *host,
             const char *config, struct backend *out, struct b3iq_error *err)
{
	(void)c, (void)host, (void)config, (void)out;
	*box = NULL;
	return fail(err, B3IQ_E_UNSUPPORTED, "the sandbox is not built yet");
}

void
sandbox_close(struct sandbox *box)
{
	(void)box;
}
