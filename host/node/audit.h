/* audit.h - what happened to the node, as a chain of events: starts, keys, plugins, never content.
 *
 *   hash_n = SHA-256("b3iq.audit/1\n" || hash_{n-1} || event as canonical JSON)
 *
 * so that an event that is changed or taken out shows.  All functions run inside a closure of
 * store_write() or store_read(), so that an event stands with what it reports in one transaction.
 */
#ifndef NODE_AUDIT_H
#define NODE_AUDIT_H

#include "core/store/store.h"

extern const struct store_module audit_module; /* "audit" */

/* kind is "noun.verb"; subject and detail may be "". */
int32_t audit_add(struct store_tx *, const char *kind, const char *subject, const char *detail,
                  struct b3iq_error *err);
/* The same as a transaction of its own. */
int32_t audit_write(struct store *, const char *kind, const char *subject, const char *detail,
                    struct b3iq_error *err);

struct audit_event {
	uint64_t    seq, time_ms;
	const char *kind, *subject, *detail; /* borrowed during the call */
};
/* Newest first, those with seq < before (0: from the newest), at most limit. */
int32_t audit_list(struct store *, uint64_t before, uint32_t limit,
                   int32_t (*each)(void *arg, const struct audit_event *), void *arg,
                   struct b3iq_error *err);
/* Checks every link; B3IQ_E_INVALID names the first event that does not hold. */
int32_t audit_verify(struct store *, uint64_t *count, struct b3iq_error *err);

#endif
