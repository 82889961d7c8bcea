/* ledger.c - the money rules.
 *
 * The power fails here at every call of the plugin to its host: a child process does a submit() and
 * ends in the middle; the next one has only the key-value store and the chain.  Whatever happened,
 * there is one transaction for one key, and everybody agrees which.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "subject.h"

#define MAX_FEE    "1000000000000000000"
#define UPCALLS    64 /* more of them a submit() does not make                     */
#define FINAL_WAIT 50 /* tenths of a second                                        */

#define SURVIVED 3 /* exit status: the fault lay behind the last upcall            */

static void
fill(uint8_t out[32], unsigned n)
{
	for (unsigned i = 0; i < 32; i++)
		out[i] = (uint8_t)(n * 31 + i * 7 + 1);
}

/* An operation that this ledger can do; a commitment wherever it can, for that needs no account. */
static struct b3iq_ledger_op
operation(const struct subject *s, unsigned n)
{
	struct b3iq_ledger_op op = { .signer = FAKEHOST_KEY, .amount = "0", .max_fee = MAX_FEE,
		                     .extra = "{}" };

	if (!(s->be.ledger.ops & 1u << B3IQ_OP_COMMIT))
		while (op.op < B3IQ_OP_DISPUTE && !(s->be.ledger.ops & 1u << op.op))
			op.op++;
	fill(op.key, n);
	fill(op.digest, n + 100);
	return op;
}

static void
fine(struct reply r, const char *what)
{
	if (r.rc == B3IQ_E_UNAVAILABLE || r.rc == B3IQ_E_TIMEOUT)
		check_skip("%s: %s", what, r.err.text);
	must(r.rc == B3IQ_OK, "%s returned %s: %s", what, result_name(r.rc), r.err.text);
}

/* submit(), which may say that it cannot tell: then status() has to. */
static void
submit(struct subject *s, unsigned n, struct b3iq_tx *tx)
{
	struct b3iq_ledger_op op = operation(s, n);
	struct reply          r = subject_submit(s, &op, tx);

	if (r.rc == B3IQ_E_UNKNOWN_OUTCOME) {
		r = subject_status(s, op.key, tx);
		if (r.rc == B3IQ_OK && tx->state == B3IQ_TX_UNKNOWN)
			r = subject_submit(s, &op, tx);
	}
	fine(r, "submit()");
	must(tx->ref[0], "submit() succeeds without a ref");
}

static void
status(struct subject *s, unsigned n, struct b3iq_tx *tx)
{
	uint8_t key[32];

	fill(key, n);
	fine(subject_status(s, key, tx), "status()");
}

static void
same_ref(const struct b3iq_tx *a, const struct b3iq_tx *b, const char *when)
{
	must(strcmp(a->ref, b->ref) == 0, "%s: one key, two transactions: %s and %s", when, a->ref,
	     b->ref);
}

/* ---- one key, one transaction ------------------------------------------- */

static void
idempotent_key(const struct check *c)
{
	struct subject        s;
	struct b3iq_tx        first, again;
	struct b3iq_ledger_op op;
	struct reply          r;

	subject_open(&s, c);
	submit(&s, 1, &first);
	for (int i = 0; i < 3; i++) {
		submit(&s, 1, &again);
		same_ref(&first, &again, "submitted again");
	}
	op = operation(&s, 1);
	fill(op.digest, 77);
	r = subject_submit(&s, &op, &again); /* the key decides, whatever else it says now */
	must(r.rc != B3IQ_OK || strcmp(first.ref, again.ref) == 0,
	     "the key of one transaction made another when the op changed");
	submit(&s, 2, &again);
	must(strcmp(first.ref, again.ref) != 0, "two keys, one transaction");
	subject_close(&s);
}

struct racer {
	struct subject *s;
	struct b3iq_tx  tx;
	struct reply    r;
	pthread_t       thread;
};

static void *
race(void *arg)
{
	struct racer         *me = arg;
	struct b3iq_ledger_op op = operation(me->s, 9);

	me->r = subject_submit(me->s, &op, &me->tx);
	return NULL;
}

static void
idempotent_race(const struct check *c)
{
	struct subject s;
	struct racer   racers[4];
	struct b3iq_tx tx;

	subject_open(&s, c);
	if (s.be.threads != B3IQ_THREADS_PARALLEL)
		check_skip("its instances take one call at a time");
	for (int i = 0; i < 4; i++) {
		racers[i].s = &s;
		must(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0,
		     "plugin-check: no thread to be had");
	}
	for (int i = 0; i < 4; i++)
		pthread_join(racers[i].thread, NULL);
	submit(&s, 9, &tx);
	for (int i = 0; i < 4; i++)
		if (racers[i].r.rc == B3IQ_OK)
			same_ref(&tx, &racers[i].tx, "submitted by four threads at once");
	subject_close(&s);
}

static void
status_after_restart(const struct check *c)
{
	struct subject s;
	struct b3iq_tx before, after;

	subject_open(&s, c);
	submit(&s, 4, &before);
	subject_close(&s);
	subject_open(&s, c); /* another state folder, the same key-value store */
	status(&s, 4, &after);
	must(after.state != B3IQ_TX_UNKNOWN, "after a restart the transaction is unknown");
	same_ref(&before, &after, "after a restart");
	submit(&s, 4, &after);
	same_ref(&before, &after, "submitted again after a restart");
	subject_close(&s);
}

static void
unknown_key(const struct check *c)
{
	struct subject s;
	struct b3iq_tx tx;
	struct reply   r;
	uint8_t        key[32];

	subject_open(&s, c);
	fill(key, 200);
	r = subject_status(&s, key, &tx);
	must(r.rc == B3IQ_E_NOT_FOUND || (r.rc == B3IQ_OK && tx.state == B3IQ_TX_UNKNOWN) ||
	             r.rc == B3IQ_E_UNAVAILABLE,
	     "status() of a key that was never used returned %s, state %u", result_name(r.rc),
	     tx.state);
	subject_close(&s);
}

/* ---- bad luck ----------------------------------------------------------- */

/* In a process of its own: a submit() during which the power fails at the n-th upcall. */
static void
doomed(const struct check *c, unsigned n)
{
	struct subject        s;
	struct b3iq_ledger_op op;
	struct b3iq_tx        tx;

	subject_open(&s, c);
	op = operation(&s, 1000 + n);
	s.host.fault.die = true;
	s.host.fault.at = atomic_load(&s.host.fallible) + n;
	subject_submit(&s, &op, &tx);
	_exit(SURVIVED);
}

/* In the next process: what is there is one transaction. */
static void
survivor(const struct check *c, unsigned n)
{
	struct subject s;
	struct b3iq_tx found, sent, again;
	struct reply   r;
	uint8_t        key[32];

	subject_open(&s, c);
	fill(key, 1000 + n);
	r = subject_status(&s, key, &found);
	must(r.rc == B3IQ_OK || r.rc == B3IQ_E_NOT_FOUND, "after a crash status() returned %s: %s",
	     result_name(r.rc), r.err.text);
	submit(&s, 1000 + n, &sent);
	if (r.rc == B3IQ_OK && found.state != B3IQ_TX_UNKNOWN)
		same_ref(&found, &sent, "submitted again after a crash");
	submit(&s, 1000 + n, &again);
	same_ref(&sent, &again, "and again");
	status(&s, 1000 + n, &again);
	same_ref(&sent, &again, "status() after that");
	subject_close(&s);
	_exit(CHECK_PASSED);
}

static int
apart(void (*what)(const struct check *, unsigned), const struct check *c, unsigned n)
{
	int   status;
	pid_t pid = fork();

	must(pid >= 0, "plugin-check: no process to be had");
	if (pid == 0)
		what(c, n);
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "crashed at upcall %u", n);
	if (WEXITSTATUS(status) == CHECK_FAILED || WEXITSTATUS(status) == CHECK_SKIPPED)
		_exit(WEXITSTATUS(status)); /* it has said why */
	return WEXITSTATUS(status);
}

static void
crash_at_every_upcall(const struct check *c)
{
	for (unsigned n = 1; n <= UPCALLS; n++) {
		bool last = apart(doomed, c, n) == SURVIVED;

		apart(survivor, c, n);
		if (last)
			return;
	}
	check_fail("one submit() makes more than %d calls to its host", UPCALLS);
}

static void
failure_at_every_upcall(const struct check *c)
{
	struct subject s;
	struct b3iq_tx first, tx;

	for (unsigned n = 1; n <= UPCALLS; n++) {
		struct b3iq_ledger_op op;
		struct reply          r;
		unsigned              at;

		subject_open(&s, c);
		op = operation(&s, 2000 + n);
		at = atomic_load(&s.host.fallible) + n;
		s.host.fault = (struct fakehost_fault){ .at = at, .code = B3IQ_E_UNAVAILABLE };
		r = subject_submit(&s, &op, &first);
		s.host.fault.at = 0;
		if (atomic_load(&s.host.fallible) < at) { /* it came through without this upcall */
			if (r.rc != B3IQ_E_UNKNOWN_OUTCOME)
				fine(r, "submit()");
			subject_close(&s);
			return;
		}
		submit(&s, 2000 + n, &tx);
		if (r.rc == B3IQ_OK)
			same_ref(&first, &tx, "submitted again after a failure of the host");
		status(&s, 2000 + n, &first);
		same_ref(&first, &tx, "status() after that");
		subject_close(&s);
	}
}

static void
unknown_outcome(const struct check *c)
{
	struct subject        s;
	struct b3iq_ledger_op op;
	struct b3iq_tx        tx, again;
	struct reply          r;

	subject_open(&s, c);
	op = operation(&s, 5);
	r = subject_submit(&s, &op, &tx);
	if (r.rc != B3IQ_E_UNKNOWN_OUTCOME)
		check_skip("its ledger answers; a config that cuts the line shows more");
	must(r.err.text[0], "E_UNKNOWN_OUTCOME without a word");
	fine(subject_status(&s, op.key, &tx), "status() after E_UNKNOWN_OUTCOME");
	subject_close(&s);
	subject_open(&s, c);
	submit(&s, 5, &again);
	must(tx.state == B3IQ_TX_UNKNOWN || strcmp(tx.ref, again.ref) == 0,
	     "after E_UNKNOWN_OUTCOME there are two transactions: %s and %s", tx.ref, again.ref);
	subject_close(&s);
}

/* ---- what is asked for and what is done --------------------------------- */

static void
ops_mask_honest(const struct check *c)
{
	struct subject s;
	struct b3iq_tx tx;

	subject_open(&s, c);
	must(s.be.ledger.ops != 0, "ops is empty: it can do nothing");
	must(s.be.ledger.ops >> (B3IQ_OP_DISPUTE + 1) == 0,
	     "ops has bits that ABI 1.0 does not know");
	for (uint32_t op = 0; op <= B3IQ_OP_DISPUTE + 1; op++) {
		struct b3iq_ledger_op o = operation(&s, 300 + op);
		struct reply          r;

		o.op = op;
		r = subject_submit(&s, &o, &tx);
		if (s.be.ledger.ops & 1u << op)
			must(r.rc != B3IQ_E_UNSUPPORTED,
			     "op %u is in ops, submit() does not know it", op);
		else
			must(r.rc == B3IQ_E_UNSUPPORTED || r.rc == B3IQ_E_INVALID,
			     "op %u is not in ops, submit() returned %s", op, result_name(r.rc));
	}
	subject_close(&s);
}

static void
quote_sends_nothing(const struct check *c)
{
	struct subject        s;
	struct b3iq_ledger_op op;
	struct b3iq_tx        tx;
	struct reply          r;

	subject_open(&s, c);
	op = operation(&s, 6);
	fine(subject_quote(&s, &op, &tx), "quote()");
	must(tx.fee[0] && !tx.fee[strspn(tx.fee, "0123456789")],
	     "the quoted fee is \"%s\", no decimal",
	     tx.fee);
	must(!tx.ref[0], "quote() has made a transaction: %s", tx.ref);
	r = subject_status(&s, op.key, &tx);
	must(r.rc != B3IQ_OK || tx.state == B3IQ_TX_UNKNOWN,
	     "after quote() the key has a transaction");
	subject_close(&s);
}

static void
max_fee_respected(const struct check *c)
{
	struct subject        s;
	struct b3iq_ledger_op op;
	struct b3iq_tx        tx;
	struct reply          r;

	subject_open(&s, c);
	op = operation(&s, 7);
	fine(subject_quote(&s, &op, &tx), "quote()");
	if (strspn(tx.fee, "0") == strlen(tx.fee))
		check_skip("it asks for no fee");
	op.max_fee = "0";
	r = subject_submit(&s, &op, &tx);
	must(r.rc != B3IQ_OK && r.rc != B3IQ_E_UNKNOWN_OUTCOME,
	     "it submitted for a fee above max_fee");
	submit(&s, 7, &tx); /* and the key is still free */
	subject_close(&s);
}

static void
amounts(const struct check *c)
{
	static const struct {
		const char *amount;
		bool        sound;
	} cases[] = {
		{ "115792089237316195423570985008687907853269984665640564039457584007913129639935",
		  true },
		{ "115792089237316195423570985008687907853269984665640564039457584007913129639936",
		  false },
		{ "9999999999999999999999999999999999999999999999999999999999999999999999999999999",
		  false },
		{ "-1", false }, { "1.5", false }, { "1e3", false }, { "0x10", false }, { "",
		                                                                          false },
		{ " 1", false }, { "1 ", false },
	};
	struct subject s;
	struct b3iq_tx tx;

	subject_open(&s, c);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct b3iq_ledger_op op = operation(&s, 400 + (unsigned)i);
		struct reply          r;

		op.op = s.be.ledger.ops & 1u << B3IQ_OP_TRANSFER ? B3IQ_OP_TRANSFER : op.op;
		op.to = "check-recipient";
		op.amount = cases[i].amount;
		r = subject_submit(&s, &op, &tx);
		must(cases[i].sound || (r.rc != B3IQ_OK && r.rc != B3IQ_E_UNKNOWN_OUTCOME),
		     "it took the amount \"%s\"", cases[i].amount);
		must(!cases[i].sound || r.rc != B3IQ_E_INTERNAL,
		     "the largest uint256 is too much for it: %s",
		     r.err.text);
	}
	subject_close(&s);
}

/* The fake host holds every plugin to this; here it is the only question. */
static void
sign_only_in_submit(const struct check *c)
{
	struct subject        s;
	struct b3iq_ledger_op op;
	struct b3iq_tx        tx;
	struct buf            doc;
	unsigned              before;

	subject_open(&s, c);
	buf_init(&doc, 8u << 20);
	op = operation(&s, 8);
	subject_quote(&s, &op, &tx);
	subject_status(&s, op.key, &tx);
	subject_query(&s, "{\"query\":\"height\"}", &doc);
	must(atomic_load(&s.host.calls[FAKE_SIGN]) == 0, "it signs outside of submit()");
	submit(&s, 8, &tx);
	before = atomic_load(&s.host.calls[FAKE_SIGN]);
	submit(&s, 8, &tx);
	must(atomic_load(&s.host.calls[FAKE_SIGN]) == before,
	     "it signs again for a key that it has sent");
	buf_free(&doc);
	subject_close(&s);
}

static void
never_leaves_final(const struct check *c)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	struct subject        s;
	struct b3iq_tx        first, tx;
	int                   wait = FINAL_WAIT;

	subject_open(&s, c);
	submit(&s, 10, &tx);
	for (status(&s, 10, &first); first.state != B3IQ_TX_FINAL && wait--; status(&s, 10, &first))
		nanosleep(&tenth, NULL);
	if (first.state != B3IQ_TX_FINAL)
		check_skip("nothing becomes final here within %d s", FINAL_WAIT / 10);
	for (int i = 0; i < 5; i++) {
		status(&s, 10, &tx);
		must(tx.state == B3IQ_TX_FINAL && tx.height == first.height,
		     "what was final is now in state %u at height %llu", tx.state,
		     (unsigned long long)tx.height);
	}
	subject_close(&s);
	subject_open(&s, c);
	status(&s, 10, &tx);
	must(tx.state == B3IQ_TX_FINAL, "what was final is in state %u after a restart", tx.state);
	subject_close(&s);
}

static void
queries(const struct check *c)
{
	static const char *const good[] = { "balance", "stake", "registry", "height",
		                            "fees",    "escrow", "commitment" };
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"query\":5}",
		                           "{\"query\":\"b3iq-no-such-query\"}" };
	struct subject s;
	char           what[160];

	subject_open(&s, c);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct json_object *doc = NULL;
		struct buf          out;
		struct reply        r;

		buf_init(&out, 8u << 20);
		snprintf(what, sizeof what,
		         "{\"query\":\"%s\",\"account\":\"check\",\"id\":\"check\","
		         "\"digest\":\"%064d\"}", good[i], 0);
		r = subject_query(&s, what, &out);
		must(r.rc != B3IQ_OK ||
		     (json_parse(out.data, out.len, "answer", &doc, NULL) == B3IQ_OK &&
		                         json_object_is_type(doc, json_type_object)),
		     "query(\"%s\") does not answer with a JSON object", good[i]);
		must(r.rc == B3IQ_OK || r.err.text[0], "query(\"%s\"): %s without a word", good[i],
		     result_name(r.rc));
		json_object_put(doc);
		buf_free(&out);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf out;

		buf_init(&out, 8u << 20);
		must(subject_query(&s, bad[i], &out).rc != B3IQ_OK, "it answers the query %s",
		     bad[i]);
		buf_free(&out);
	}
	subject_close(&s);
}

#define L B3IQ_LEDGER
const struct check_test ledger_tests[] = {
	{ "idempotent-key", idempotent_key, L, 0, 0,
	  "the same key is the same transaction" },
	{ "idempotent-race", idempotent_race, L, 0, 0,
	  "the same key from four threads at once is one transaction" },
	{ "status-after-restart", status_after_restart, L, 0, 0,
	  "with only the key-value store left it knows what it sent" },
	{ "unknown-key", unknown_key, L, 0, 0,
	  "a key that was never used has no transaction" },
	{ "crash-at-every-upcall", crash_at_every_upcall, L, 0, 120,
	  "wherever the power fails in submit(), one key is one transaction" },
	{ "failure-at-every-upcall", failure_at_every_upcall, L, 0, 60,
	  "whichever call to the host fails in submit(), the same" },
	{ "unknown-outcome-then-status", unknown_outcome, L, 0, 0,
	  "E_UNKNOWN_OUTCOME is cleared up by status(), not by a second one" },
	{ "ops-mask-honest", ops_mask_honest, L, 0, 0,
	  "it does what ops says, and nothing else" },
	{ "quote-sends-nothing", quote_sends_nothing, L, 0, 0,
	  "quote() fills the fee and makes no transaction" },
	{ "max-fee-respected", max_fee_respected, L, 0, 0,
	  "it refuses above max_fee, and the key stays free" },
	{ "amount-uint256", amounts, L, 0, 0,
	  "amounts up to 2^256-1 are read exactly, all else is refused" },
	{ "sign-only-in-submit", sign_only_in_submit, L, 0, 0,
	  "it asks for a signature once, inside submit(), of the op's signer" },
	{ "never-leaves-final", never_leaves_final, L, 0, 30,
	  "what is final stays final, also over a restart" },
	{ "queries", queries, L, 0, 0,
	  "query() answers with objects or in words, whatever it is asked" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
#undef L
