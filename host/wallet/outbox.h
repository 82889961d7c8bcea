/* outbox.h - transactions that this home has signed to send, in wallet.db: written before they leave.
 *
 * made     signed; may be anywhere or nowhere: the same bytes are sent again until the chain answers
 * sent     the chain has taken it
 * refused  the chain never will: its nonce is free, or another's
 *
 * An idempotency key names one sending of a wallet for ever: asking again gives the same transaction.
 */
#ifndef WALLET_OUTBOX_H
#define WALLET_OUTBOX_H

#include "core/store/store.h"
#include "core/tx/tx.h"

#define OUTBOX_KEY 129 /* of an idempotency key, with NUL */

extern const struct store_module outbox_module; /* "outbox" */

enum outbox_state { OUTBOX_MADE, OUTBOX_SENT, OUTBOX_REFUSED };

struct outbox_entry {
	int64_t           seq;    /* its place in the box */
	struct tx         tx;     /* signed */
	uint8_t           hash[TX_HASH];
	enum outbox_state state;
	uint64_t          created_ms;
	char              note[200]; /* why it was refused */
};

const char *outbox_state_name(enum outbox_state);
/* Sets seq.  idempotency "": none.  A wish that was refused may be wished again, with the same bytes:
 * each has its entry. */
int32_t outbox_put(struct store *, const char *wallet, const char *idempotency,
                   struct outbox_entry *, struct b3iq_error *);
int32_t outbox_settle(struct store *, int64_t seq, enum outbox_state, const char *note,
                      struct b3iq_error *);
/* B3IQ_E_NOT_FOUND: no sending of that name. */
int32_t outbox_named(struct store *, const char *wallet, const char *idempotency,
                     struct outbox_entry *, struct b3iq_error *);
/* Newest first; state -1: all. */
int32_t outbox_list(struct store *, const char *wallet, int state, uint32_t limit,
                    int32_t (*each)(void *arg, const struct outbox_entry *), void *arg,
                    struct b3iq_error *);

#endif
