/* settler.h - the one thread that talks to the ledger about money.
 *
 *   todo --submit(key)--> sent --status(key)--> done
 *                          |  ^                   |
 *                          +--+ not there: submit again, same key, same transaction
 *
 * A step is durable before it is submitted and stays until the ledger says FINAL.  What is in doubt is
 * asked for, never guessed: B3IQ_E_UNKNOWN_OUTCOME and a dead plugin lead to status().  An opening that
 * the ledger refuses ends the job; a release or refund that it refuses is tried again for ever, for
 * the money is there (a locked wallet, a missing fee), and counted in b3iq_settle_refusals_total.  But
 * a release that a sane ledger calls invalid again and again has nobody to go to: it becomes a refund.
 */
#ifndef COORDINATOR_SETTLE_SETTLER_H
#define COORDINATOR_SETTLE_SETTLER_H

#include "coordinator/settle/payments.h"
#include "core/base/buf.h"
#include "core/plugin/instance/instance.h"

struct settler;

struct settler_options {
	struct store          *store;
	struct instance       *ledger;      /* borrowed                                     */
	const struct payments *payments;
	uint32_t               batch_ms;    /* receipts wait so long for others             */
	bool                   commits;     /* commit roots                                 */
	void                  *ctx;
	void                 (*moved)(void *ctx, const struct job *); /* after the commit   */
};

int32_t settler_create(const struct settler_options *, struct settler **out, struct b3iq_error *err);
/* Before the ledger instance is stopped: takes no new step. */
void    settler_quit(struct settler *);
/* After it: joins the thread.  NULL is fine. */
void    settler_destroy(struct settler *);
/* There is a new step.  [any thread] */
void    settler_wake(struct settler *);
/* What an account has at stake; 0 if the ledger does not say.  [any thread, blocks] */
uint64_t settler_stake(struct settler *, const char *account);
/* B3IQ_E_INVALID: the ledger says that this is no account.  Any doubt is B3IQ_OK.  [any thread, blocks] */
int32_t  settler_check_account(struct settler *, const char *account, struct b3iq_error *err);
/* Can this ledger hold money for us?  B3IQ_E_UNAVAILABLE: it is not ready. */
int32_t settler_fit(struct settler *, struct b3iq_error *err);
void    settler_metrics(struct settler *, struct buf *out);

#endif
