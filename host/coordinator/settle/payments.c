#include "coordinator/settle/payments.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"

static int32_t
begin(struct step *s, const struct job *j, enum step_kind kind, const char *signer,
      struct b3iq_error *err)
{
	memset(s, 0, sizeof *s);
	s->job = j->seq;
	s->kind = kind;
	s->created_ms = s->due_ms = clock_wall_ms();
	snprintf(s->subject, sizeof s->subject, "%s", j->id);
	snprintf(s->signer, sizeof s->signer, "%s", signer);
	return steps_escrow_id(j->id, s->digest) == B3IQ_OK
	               ? B3IQ_OK
	               : fail_memory(err, "naming an escrow");
}

int32_t
payments_open(struct store_tx *tx, const struct payments *p, const struct job *j, const char *buyer,
              uint64_t run_ms, struct b3iq_error *err)
{
	struct step s;
	const int32_t rc = begin(&s, j, STEP_OPEN, buyer, err);

	if (rc != B3IQ_OK)
		return rc;
	snprintf(s.to, sizeof s.to, "%s", p->address);
	s.amount = j->escrow;
	snprintf(s.extra, sizeof s.extra, "{\"deadline_ms\":%llu}",
	         (unsigned long long)(j->expires_ms + run_ms + PAYMENTS_GRACE_MS));
	return steps_add(tx, &s, err);
}

int32_t
payments_refund(struct store_tx *tx, const struct payments *p, struct job *j, struct b3iq_error *err)
{
	struct step s;
	int32_t rc;

	if (j->pay != JOB_PAY_ESCROWED)
		return B3IQ_OK;
	rc = begin(&s, j, STEP_REFUND, p->wallet, err);
	j->pay = JOB_PAY_REFUNDING;
	return rc == B3IQ_OK ? steps_add(tx, &s, err) : rc;
}

int32_t
payments_release(struct store_tx *tx, const struct payments *p, struct job *j, const char *to,
                 const uint8_t receipt[32], struct b3iq_error *err)
{
	struct step s;
	char hex[65];
	int32_t rc;

	if (j->pay != JOB_PAY_ESCROWED)
		return B3IQ_OK;
	j->cut = price_cut(j->amount, p->cut);
	if (j->amount == 0) /* nothing was earned: all of it returns */
		return payments_refund(tx, p, j, err);
	rc = begin(&s, j, STEP_RELEASE, p->wallet, err);
	if (rc != B3IQ_OK)
		return rc;
	snprintf(s.to, sizeof s.to, "%s", to);
	s.amount = j->amount - j->cut;
	hex_encode(receipt, 32, hex);
	snprintf(s.extra, sizeof s.extra, "{\"receipt\":\"%s\",\"cut\":\"%llu\"}", hex,
	         (unsigned long long)j->cut);
	j->pay = JOB_PAY_RELEASING;
	return steps_add(tx, &s, err);
}

int32_t
payments_done(struct store_tx *tx, const struct payments *p, const struct step *s, struct job *j,
              uint64_t now_ms, struct b3iq_error *err)
{
	switch (s->kind) {
	case STEP_OPEN:
		if (j->pay != JOB_PAY_PENDING)
			return B3IQ_OK;
		j->pay = JOB_PAY_ESCROWED;
		if (job_ended(j)) /* cancelled or expired meanwhile */
			return payments_refund(tx, p, j, err);
		if (j->phase == JOB_FUNDING) {
			j->phase = JOB_QUEUED;
			j->queued_ms = now_ms;
		}
		return B3IQ_OK;
	case STEP_RELEASE:
		j->pay = JOB_PAY_RELEASED;
		return B3IQ_OK;
	case STEP_REFUND:
		j->pay = JOB_PAY_REFUNDED;
		return B3IQ_OK;
	default:
		return B3IQ_OK;
	}
}

int32_t
payments_unpayable(struct store_tx *tx, const struct payments *p, struct job *j,
                   struct b3iq_error *err)
{
	if (j->pay != JOB_PAY_RELEASING)
		return B3IQ_OK;
	j->pay = JOB_PAY_ESCROWED; /* as it is on the ledger */
	j->cut = 0;
	return payments_refund(tx, p, j, err);
}

int32_t
payments_refused(struct store_tx *tx, struct job *j, const char *code, uint64_t now_ms)
{
	(void)tx;
	if (j->pay == JOB_PAY_PENDING)
		j->pay = JOB_PAY_UNPAID;
	if (j->phase == JOB_FUNDING) {
		j->phase = JOB_FAILED;
		j->ended_ms = now_ms;
		snprintf(j->error, sizeof j->error, "%s", code);
	}
	return B3IQ_OK;
}
