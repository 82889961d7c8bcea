/* starts-at-load: opens a descriptor when it is loaded. */
#include "good-inference.h"

__attribute__((constructor)) static void
at_load(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)fd;
}

static void
evil(void)
{
	(void)plugin;
}
