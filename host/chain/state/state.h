/* state.h - what the chain knows: records in a trie, in two versions, with their money counted.
 *
 * All writing is between state_begin() and state_commit() or state_abort().  The state has no clock
 * and does no I/O: the same changes in any order give the same root.
 *
 * The money of every record is added up as records change; state_supply_holds() says whether the sum
 * is still the supply.  Threads: as trie.h.
 */
#ifndef CHAIN_STATE_H
#define CHAIN_STATE_H

#include "chain/state/record.h"
#include "chain/state/trie.h"

struct state;

/* NULL: no memory. */
struct state *state_create(void);
void          state_destroy(struct state *);
/* For proofs, counting and visiting. */
const struct trie *state_trie(const struct state *);

/* False, and *out zero, if there is no such record.  (Hashing its key may fail for lack of memory: in
 * the next version state_root() then fails as well, so no block rests on a record that was missed.) */
bool    state_get(const struct state *, enum trie_version, enum record_kind,
                  const struct record_id *, struct record *out);
/* An account; one that is not there is all zero. */
struct record state_account(const struct state *, enum trie_version, const struct address *);

void    state_begin(struct state *);
int32_t state_put(struct state *, enum record_kind, const struct record_id *,
                  const struct record *, struct b3iq_error *);
int32_t state_remove(struct state *, enum record_kind, const struct record_id *,
                     struct b3iq_error *);
/* An entry from the archive, as it was put once. */
int32_t state_load(struct state *, const struct trie_entry *, struct b3iq_error *);
/* Of the next version, when it is complete: what must come before its commit. */
int32_t state_root(struct state *, uint8_t out[SHA256_SIZE], struct b3iq_error *);
bool    state_supply_holds(const struct state *);
void    state_commit(struct state *);
void    state_abort(struct state *);

/* ---- stake that is unbonding, earliest first ------------------------------------------------ */

/* The first one that is mature at `time` and was not taken in this version; the block before must
 * have made it.  False: none. */
bool state_take_mature(struct state *, uint64_t time, struct record_id *out);
/* The next one of an account at or after *at (0 at first), which moves behind it; false: no more.  It
 * may be one that is gone: then amount is 0. */
bool state_unbonding(const struct state *, enum trie_version, const struct address *, size_t *at,
                     struct record_id *id, struct record *out);

#endif
