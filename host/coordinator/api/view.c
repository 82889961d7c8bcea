#include "coordinator/api/view.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/api/reply.h"
#include "coordinator/jobs/price.h"
#include "core/base/clock.h"
#include "core/tx/amount.h"

static void
put_time(struct buf *out, const char *name, uint64_t ms)
{
	char when[25];

	if (ms) {
		clock_iso(ms, when);
		buf_printf(out, ",\"%s\":\"%s\"", name, when);
	} else {
		buf_printf(out, ",\"%s\":null", name);
	}
}

static void
put_text(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value[0])
		reply_text(out, value);
	else
		buf_puts(out, "null");
}

/* 0.25 without a float. */
static void
put_amount(struct buf *out, const char *name, uint64_t amount)
{
	buf_printf(out, ",\"%s\":%llu.%06llu,\"%s_units\":\"%llu\"", name,
	           (unsigned long long)(amount / AMOUNT_COIN),
	           (unsigned long long)(amount % AMOUNT_COIN), name, (unsigned long long)amount);
}

void
view_payment_id(const struct job *j, char out[JOB_ID_SIZE + 4])
{
	snprintf(out, JOB_ID_SIZE + 4, "pay_%s", j->id + 4);
}

bool
view_job_of_payment(const char *payment, char job[JOB_ID_SIZE])
{
	if (strncmp(payment, "pay_", 4) != 0 || strlen(payment) != JOB_ID_SIZE - 1)
		return false;
	snprintf(job, JOB_ID_SIZE, "job_%.32s", payment + 4);
	return true;
}

static void
put_money(struct buf *out, const struct job *j)
{
	char payment[JOB_ID_SIZE + 4], cost[AMOUNT_SHOW];

	view_payment_id(j, payment);
	buf_printf(out, ",\"payment\":\"%s\"", j->mode == JOB_MODE_FREE ? "free" : "escrow");
	put_text(out, "payment_id", j->mode == JOB_MODE_FREE ? "" : payment);
	put_text(out, "payment_status", job_pay_name(j->pay));
	put_amount(out, "escrow", j->escrow);
	put_amount(out, "amount", j->amount);
	amount_show_short(j->amount, cost);
	put_text(out, "amount_paid", cost);
}

void
view_job(struct buf *out, const struct job *j, const char *result)
{
	buf_printf(out, "{\"job_id\":\"%s\",\"status\":\"%s\",\"state\":\"%s\",\"phase\":\"%s\"", j->id,
	           job_status(j->phase), job_state(j->phase), job_phase_name(j->phase));
	put_text(out, "type", j->type);
	put_text(out, "model", j->model);
	put_text(out, "assigned_miner_id", j->worker);
	put_time(out, "requested_at", j->requested_ms);
	put_time(out, "submitted_at", j->requested_ms);
	put_time(out, "started_at", j->started_ms ? j->started_ms : j->leased_ms);
	put_time(out, "completed_at", j->ended_ms);
	put_time(out, "expires_at", j->expires_ms);
	put_text(out, "error", j->error);
	put_text(out, "receipt_id", j->receipt);
	buf_printf(out, ",\"attempt\":%u,\"revision\":%lld", j->attempt, (long long)j->rev);
	put_money(out, j);
	if (result)
		buf_printf(out, ",\"result\":%s", result);
	buf_puts(out, "}");
}

struct listing {
	const struct jobbook_filter *filter;
	struct buf *out;
	size_t      n;
	int64_t    *total;
};

static int32_t
add_job(void *arg, const struct job *j, struct b3iq_error *err)
{
	struct listing *l = arg;

	(void)err;
	if (l->n++)
		buf_puts(l->out, ",");
	view_job(l->out, j, NULL);
	return B3IQ_OK;
}

static int32_t
read_list(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct listing *l = arg;

	return jobbook_list(tx, l->filter, add_job, l, l->total, err);
}

int32_t
view_jobs(struct buf *out, struct store *store, const struct jobbook_filter *filter,
          int64_t *total, struct b3iq_error *err)
{
	struct listing l = { .filter = filter, .out = out, .total = total };

	return store_read(store, read_list, &l, err);
}

/* AITBC's words for where the money is. */
static const char *
payment_word(enum job_pay pay)
{
	switch (pay) {
	case JOB_PAY_RELEASING:
	case JOB_PAY_REFUNDING:
		return "escrowed";
	default:
		return job_pay_name(pay);
	}
}

void
view_payment(struct buf *out, const struct job *j, const char *open_ref, const char *close_ref)
{
	const bool released = j->pay == JOB_PAY_RELEASED, refunded = j->pay == JOB_PAY_REFUNDED;
	char id[JOB_ID_SIZE + 4];

	view_payment_id(j, id);
	buf_printf(out, "{\"payment_id\":\"%s\",\"job_id\":\"%s\",\"currency\":\"AITBC\","
	                "\"payment_method\":\"aitbc_token\",\"status\":\"%s\",\"phase\":\"%s\"",
	           id, j->id, payment_word(j->pay), job_pay_name(j->pay));
	put_amount(out, "amount", j->escrow);
	put_amount(out, "paid", released ? j->amount : 0);
	put_amount(out, "refunded", refunded ? j->escrow : released ? j->escrow - j->amount : 0);
	put_text(out, "transaction_hash", open_ref);
	put_text(out, "release_transaction_hash", released ? close_ref : "");
	put_text(out, "refund_transaction_hash", refunded ? close_ref : "");
	put_time(out, "created_at", j->requested_ms);
	put_time(out, "updated_at", j->ended_ms ? j->ended_ms : j->requested_ms);
	put_time(out, "released_at", released ? j->ended_ms : 0);
	put_time(out, "refunded_at", refunded ? j->ended_ms : 0);
	buf_puts(out, "}");
}
