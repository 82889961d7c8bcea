/* spend.h - what tokens have spent: counted on the disk before a signature leaves, in wallet.db.
 *
 * A signature that left is always counted; one that was counted may never have left (a crash between),
 * which errs on the owner's side.  The same transaction signed again by the same token counts once: it
 * can be in the chain only once.  A day is a UTC day; a clock that is set back does not begin it anew.
 */
#ifndef WALLET_SPEND_H
#define WALLET_SPEND_H

#include "core/tx/tx.h"
#include "wallet/token.h"

extern const struct store_module spend_module; /* "spend" */

/* Counts outlay and fee.  B3IQ_E_DENIED names the cap that it would break; then nothing is counted. */
int32_t spend_count(struct store *, const struct token *, const char *wallet, const struct tx *,
                    uint64_t now_ms, struct b3iq_error *);
/* Of the current day. */
int32_t spend_today(struct store *, const char *token_id, uint64_t now_ms, uint64_t *out,
                    struct b3iq_error *);
/* Forgets what is older than a month. */
int32_t spend_prune(struct store *, uint64_t now_ms, struct b3iq_error *);

#endif
