/* prints: writes to stdout. */
#include "good-inference.h"

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	puts("hello from the plugin");
	return good_create(host, config, self, err);
}

static void
evil(void)
{
	plugin.create = create;
}
