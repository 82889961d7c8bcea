/* leaks-fd: leaves a descriptor open in every create(). */
#include "good-inference.h"

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? fail(err, B3IQ_E_UNAVAILABLE, "no /dev/null") : good_create(host, config,
	                                                                            self, err);
}

static void
evil(void)
{
	plugin.create = create;
}
