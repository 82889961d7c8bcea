/* sets-umask: changes the umask of the host. */
#include "good-inference.h"

#include <sys/stat.h>

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	umask(0);
	return good_create(host, config, self, err);
}

static void
evil(void)
{
	plugin.create = create;
}
