/* state.h - state.db: the modules of tables that a node keeps in it.
 *
 * The store commits in groups: whoever writes at the same time shares one transaction.
 */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include "core/store/store.h"
#include "core/role/home.h"

/* Opens and migrates state.db of the home.  The CLI may open it beside a running node. */
int32_t state_open(const struct home *, struct store **out, struct b3iq_error *err);

#endif
