/* exports-more: has a second symbol for everybody to see. */
#include "good-inference.h"

B3IQ_EXPORT int evil_symbol(void);

int
evil_symbol(void)
{
	return 1;
}

static void
evil(void)
{
	(void)plugin;
}
