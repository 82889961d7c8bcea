/* imports-host: expects a function of the host's in the air. */
#include "good-inference.h"

__attribute__((weak)) void b3iq_host_function(void);

static void
evil(void)
{
	if (b3iq_host_function)
		b3iq_host_function();
}
