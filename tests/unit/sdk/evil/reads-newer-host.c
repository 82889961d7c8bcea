/* reads-newer-host: reads a field behind the end of the host table. */
#include "good-inference.h"

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	const char *end = (const char *)host + sizeof *host;

	if (end[0] == 'x')
		return fail(err, B3IQ_E_UNSUPPORTED, "never");
	return good_create(host, config, self, err);
}

static void
evil(void)
{
	plugin.create = create;
}
