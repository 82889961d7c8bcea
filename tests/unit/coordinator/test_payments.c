#include "coordinator/settle/payments.c"

#include "unit.h"

static const struct payments payments = { .wallet = "us", .address = "ait1us", .cut = 100 };

enum event { OPEN, OPENED, REFUSED, CANCEL, COMPLETE, RELEASED, REFUNDED };

struct walk {
	const enum event *events;
	struct job        job;
};

/* A job with its payment, walked through events as the desk and the settler would. */
static int32_t
walk(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct walk *w = arg;
	struct job *j = &w->job;
	struct step s = { .kind = STEP_OPEN };
	int32_t rc = B3IQ_OK;

	for (const enum event *e = w->events; rc == B3IQ_OK && (int)*e >= 0; e++)
		switch (*e) {
		case OPEN:
			rc = payments_open(tx, &payments, j, "alice", 1000, err);
			break;
		case OPENED:
			rc = payments_done(tx, &payments, &s, j, 7, err);
			break;
		case REFUSED:
			rc = payments_refused(tx, j, "insufficient_funds", 7);
			break;
		case CANCEL:
			j->phase = JOB_CANCELLED;
			rc = payments_refund(tx, &payments, j, err);
			break;
		case COMPLETE:
			j->phase = JOB_COMPLETED;
			rc = payments_release(tx, &payments, j, "ait1worker", (uint8_t[32]){ 1 }, err);
			break;
		case RELEASED:
		case REFUNDED:
			s.kind = *e == RELEASED ? STEP_RELEASE : STEP_REFUND;
			rc = payments_done(tx, &payments, &s, j, 7, err);
		}
	return rc;
}

static struct step steps[8];
static size_t n_steps;

static int32_t
read_steps(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	(void)arg;
	return steps_open(tx, steps, 8, &n_steps, err);
}

static struct job
go(uint64_t amount, const enum event *events)
{
	struct walk w = { .events = events, .job = unit_job("alice", "m") };
	struct b3iq_error err = NO_ERR;

	w.job.seq = 1;
	w.job.phase = JOB_FUNDING;
	w.job.pay = JOB_PAY_PENDING;
	w.job.mode = JOB_MODE_TIME;
	w.job.escrow = 1000;
	w.job.amount = amount;
	assert_ok(store_write(unit_store, walk, &w, &err), err);
	assert_ok(store_read(unit_store, read_steps, NULL, &err), err);
	return w.job;
}

#define END (enum event) - 1

static void
test_completed(void **state)
{
	struct job j = go(400, (enum event[]){ OPEN, OPENED, COMPLETE, RELEASED, END });

	(void)state;
	assert_int_equal(j.pay, JOB_PAY_RELEASED);
	assert_int_equal(n_steps, 2);
	assert_string_equal(steps[0].signer, "alice");
	assert_string_equal(steps[0].to, "ait1us");
	assert_int_equal(steps[1].kind, STEP_RELEASE);
	assert_int_equal(steps[1].amount, 360);
	assert_non_null(strstr(steps[1].extra, "\"cut\":\"40\""));
	assert_memory_equal(steps[0].digest, steps[1].digest, 32); /* of the same escrow */
}

static void
test_nothing_earned(void **state)
{
	struct job j = go(0, (enum event[]){ OPEN, OPENED, COMPLETE, REFUNDED, END });

	(void)state;
	assert_int_equal(j.pay, JOB_PAY_REFUNDED);
	assert_int_equal(steps[1].kind, STEP_REFUND);
}

static void
test_cancelled_while_it_opens(void **state)
{
	struct job j = go(0, (enum event[]){ OPEN, CANCEL, END });

	(void)state;
	assert_int_equal(j.pay, JOB_PAY_PENDING); /* nothing can be returned yet */
	assert_int_equal(n_steps, 1);
}

static void
test_cancelled_then_opened(void **state)
{
	struct job j = go(0, (enum event[]){ OPEN, CANCEL, OPENED, CANCEL, REFUNDED, END });

	(void)state;
	assert_int_equal(j.phase, JOB_CANCELLED);
	assert_int_equal(j.pay, JOB_PAY_REFUNDED);
	assert_int_equal(n_steps, 2); /* one refund, however often it ends */
}

static void
test_refused(void **state)
{
	struct job j = go(0, (enum event[]){ OPEN, REFUSED, CANCEL, END });

	(void)state;
	assert_int_equal(j.pay, JOB_PAY_UNPAID);
	assert_string_equal(j.error, "insufficient_funds");
	assert_int_equal(n_steps, 1);
}

UNIT_MAIN(UNIT_STORE(test_completed), UNIT_STORE(test_nothing_earned),
          UNIT_STORE(test_cancelled_while_it_opens), UNIT_STORE(test_cancelled_then_opened),
          UNIT_STORE(test_refused))
