/* The settler against a ledger that says what the test wants; work() is called, without its thread. */
#include "coordinator/settle/settler.h"

static const struct b3iq_ledger *scripted(struct instance *);

#define instance_ledger scripted
#include "coordinator/settle/settler.c"
#undef instance_ledger

#include "unit.h"

static const struct payments payments = { .wallet = "us", .address = "ait1us", .cut = 100 };
static int submits;
static int32_t says[4]; /* the answer to each kind of step */

static int32_t
ledger_submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx,
              struct b3iq_error *err)
{
	const enum step_kind kind = op->op == B3IQ_OP_ESCROW_OPEN      ? STEP_OPEN
	                            : op->op == B3IQ_OP_ESCROW_RELEASE ? STEP_RELEASE
	                            : op->op == B3IQ_OP_ESCROW_REFUND  ? STEP_REFUND
	                                                               : STEP_COMMIT;

	(void)self;
	submits++;
	if (says[kind] != B3IQ_OK) {
		snprintf(err->text, sizeof err->text, "the ledger says no");
		return says[kind];
	}
	snprintf(tx->ref, sizeof tx->ref, "tx%d", submits);
	tx->state = B3IQ_TX_FINAL;
	return B3IQ_OK;
}

static int32_t says_of_us, says_of_others; /* asked for a balance */

static int32_t
ledger_query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	const int32_t rc = strstr(what, "\"ait1us\"") ? says_of_us : says_of_others;

	(void)self;
	(void)err;
	return rc == B3IQ_OK ? out->write(out, "{\"amount\":\"7\"}", 14) : rc;
}

static const struct b3iq_ledger *
scripted(struct instance *instance)
{
	static const struct b3iq_ledger ledger = { .size = sizeof ledger, .submit = ledger_submit,
		                                   .query = ledger_query };

	(void)instance;
	return &ledger;
}

static struct job moved;

static void
remember(void *ctx, const struct job *j)
{
	(void)ctx;
	moved = *j;
}

static struct settler
settler_of_test(void)
{
	submits = 0;
	memset(says, 0, sizeof says);
	says_of_us = says_of_others = B3IQ_OK;
	memset(&moved, 0, sizeof moved);
	return (struct settler){ .o = { .store = unit_store, .payments = &payments,
		                        .moved = remember },
		                 .lock = PTHREAD_MUTEX_INITIALIZER };
}

static int32_t
put_release(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return payments_release(tx, &payments, arg, "nobody", (uint8_t[32]){ 1 }, err);
}

/* A completed job whose worker is to be paid: its row says so, its step is due. */
static struct job
to_be_released(void)
{
	struct job j = unit_job("alice", "m");
	struct b3iq_error err = NO_ERR;

	j.phase = JOB_COMPLETED;
	j.mode = JOB_MODE_TIME;
	j.escrow = 1000;
	j.amount = 400;
	j.pay = JOB_PAY_RELEASING;
	unit_put(&j);
	j.pay = JOB_PAY_ESCROWED;
	assert_ok(store_write(unit_store, put_release, &j, &err), err);
	return j;
}

static int32_t
run_sql(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, arg, "");
}

static void
sql(const char *text)
{
	struct b3iq_error err = NO_ERR;
	char copy[200];

	snprintf(copy, sizeof copy, "%s", text);
	assert_ok(store_write(unit_store, run_sql, copy, &err), err);
}

/* A disk that takes nothing must not make a storm of calls of the ledger. */
static void
test_an_outcome_that_cannot_be_written(void **state)
{
	struct settler s = settler_of_test();
	struct todo t;
	uint64_t before;

	(void)state;
	to_be_released();
	sql("CREATE TRIGGER full BEFORE UPDATE ON step BEGIN SELECT RAISE(ABORT, 'full'); END");
	before = clock_wall_ms();
	assert_true(work(&s, &t) >= before + STORE_MS);
	assert_int_equal(submits, 1);
	sql("DROP TRIGGER full");
	assert_int_equal(work(&s, &t), 0); /* the same step, and more may be due */
	assert_int_equal(submits, 2);
	assert_int_equal(moved.pay, JOB_PAY_RELEASED);
	assert_int_not_equal(work(&s, &t), 0);
	assert_int_equal(submits, 2);
}

/* Each call makes what waits due and does it. */
static void
round_of(struct settler *s)
{
	struct todo t;

	sql("UPDATE step SET due_ms = 0");
	work(s, &t);
}

/* Nobody can be paid at a bogus address: the buyer has the escrow back, once. */
static void
test_a_release_to_nobody(void **state)
{
	struct settler s = settler_of_test();

	(void)state;
	to_be_released();
	says[STEP_RELEASE] = B3IQ_E_INVALID;
	for (int i = 0; i < INVALID_MOST; i++) {
		assert_int_equal(moved.pay, JOB_PAY_FREE);
		round_of(&s);
	}
	assert_int_equal(moved.pay, JOB_PAY_REFUNDING);
	round_of(&s);
	assert_int_equal(moved.pay, JOB_PAY_REFUNDED);
	submits = 0;
	round_of(&s);
	assert_int_equal(submits, 0); /* neither is tried again */
}

/* Another no, or a ledger that calls everything invalid, says nothing of the payee. */
static void
test_a_release_that_waits(void **state)
{
	struct settler s = settler_of_test();

	(void)state;
	to_be_released();
	says[STEP_RELEASE] = B3IQ_E_DENIED;
	for (int i = 0; i < 2 * INVALID_MOST; i++)
		round_of(&s);
	says[STEP_RELEASE] = says_of_us = B3IQ_E_INVALID;
	for (int i = 0; i < 2 * INVALID_MOST; i++)
		round_of(&s);
	assert_int_equal(moved.pay, JOB_PAY_FREE);
	says[STEP_RELEASE] = B3IQ_OK;
	round_of(&s);
	assert_int_equal(moved.pay, JOB_PAY_RELEASED);
}

static void
test_accounts(void **state)
{
	static const int32_t doubts[] = { B3IQ_OK, B3IQ_E_NOT_FOUND, B3IQ_E_UNSUPPORTED,
		                          B3IQ_E_UNAVAILABLE };
	struct settler s = settler_of_test();
	struct b3iq_error err = NO_ERR;

	(void)state;
	for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++) {
		says_of_others = doubts[i];
		assert_ok(settler_check_account(&s, "ait1miner", &err), err);
	}
	says_of_others = B3IQ_E_INVALID;
	assert_int_equal(settler_check_account(&s, "nobody", &err), B3IQ_E_INVALID);
	says_of_us = B3IQ_E_INVALID;
	assert_ok(settler_check_account(&s, "nobody", &err), err);
	says_of_others = B3IQ_OK;
	assert_int_equal(settler_stake(&s, "ait1miner"), 7);
}

UNIT_MAIN(UNIT_STORE(test_an_outcome_that_cannot_be_written), UNIT_STORE(test_a_release_to_nobody),
          UNIT_STORE(test_a_release_that_waits), UNIT_STORE(test_accounts))
