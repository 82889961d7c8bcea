/* smoke.h - a little of everything that a plugin of its kind can do: for tests that care for what
 * happens around the calls.  Errors are fine here, unless the rules of subject.h are broken. */
#ifndef CHECK_SMOKE_H
#define CHECK_SMOKE_H

#include "subject.h"

void smoke(struct subject *);

#endif
