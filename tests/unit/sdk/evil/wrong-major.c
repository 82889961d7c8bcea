/* wrong-major: is built for another major. */
#include "good-inference.h"

static void
evil(void)
{
	plugin.abi = (B3IQ_ABI_MAJOR + 1) << 16;
}
