/* ledger.c: submit, build, restart, import, a log that drives two nodes, and a disk that is full. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "chain/ledger/ledger.c"
#include "chain/ledger/replay.h"

static struct people people;
static char dir[64], file[96];
static uint64_t clock_ms;

static uint64_t
test_clock(void)
{
	return clock_ms;
}

static int
make(void **state)
{
	(void)state;
	clock_ms = START + 5;
	people_make(&people);
	folder_make(dir, file, "chain.db");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	folder_remove(dir);
	people_end(&people);
	return 0;
}

static struct ledger *
opened(const char *name, int proposer, struct source *source)
{
	const struct ledger_options o = { .file = name, .genesis = people.genesis.data,
		                          .genesis_len = people.genesis.len,
		                          .proposer = proposer < 0 ? NULL : people.key[proposer],
		                          .source = source, .now = test_clock };
	struct b3iq_error err = NO_ERROR;
	struct ledger *l;

	assert_ok(ledger_open(&o, &l, &err), err);
	return l;
}

static enum refusal
submit(struct ledger *l, struct tx tx)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t hash[TX_HASH], want[TX_HASH];
	struct buf wire;
	enum refusal why;

	buf_init(&wire, TX_MAX);
	assert_ok(tx_format(&tx, &wire, &err), err);
	why = ledger_submit(l, wire.data, wire.len, hash, &err);
	assert_int_equal(tx_hash(&tx, want, NULL), B3IQ_OK);
	assert_memory_equal(hash, want, TX_HASH);
	if (why)
		assert_true(err.text[0] != '\0');
	buf_free(&wire);
	return why;
}

static void
build(struct ledger *l, uint64_t height, uint64_t transactions)
{
	struct b3iq_error err = NO_ERROR;
	struct ledger_head head;

	assert_ok(ledger_build(l, false, &err), err);
	ledger_head(l, &head);
	assert_int_equal(head.header.height, height);
	assert_int_equal(head.transactions, transactions);
}

static uint64_t
balance(struct ledger *l, int who)
{
	uint64_t amount, nonce;

	look_up_account(l, &people.address[who], &amount, &nonce);
	return amount;
}

static void
replays(const char *name, uint64_t height)
{
	struct b3iq_error err = NO_ERROR;
	struct replay_report report;

	assert_ok(replay_verify(name, &report, &err), err);
	assert_int_equal(report.height, height);
	assert_int_equal(report.supply, RICH + 1000000);
}

static void
test_blocks(void **state)
{
	struct ledger *l = opened(file, PROPOSER, NULL);
	struct ledger_head before, after;
	struct tx tx;

	(void)state;
	build(l, 0, 0); /* nothing waits: no block */
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, CAROL, 500)), REFUSED_NOT);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, CAROL, 500)), REFUSED_DUPLICATE);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, BOB, 500)), REFUSED_NONCE);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 2, BOB, 7)), REFUSED_NOT); /* a gap */
	assert_int_equal(balance(l, CAROL), 0);
	build(l, 1, 1);
	assert_int_equal(balance(l, CAROL), 500);
	assert_int_equal(balance(l, PROPOSER), FEE);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, CAROL, 500)), REFUSED_DUPLICATE);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, CAROL, 501)), REFUSED_NONCE);
	assert_int_equal(submit(l, people_commit(&people, ALICE, 1, 9)), REFUSED_NOT);
	build(l, 2, 3); /* the gap is filled */
	/* What nobody should sign. */
	tx = people_pay(&people, ALICE, 3, BOB, 1);
	tx.signature[3] ^= 1;
	assert_int_equal(submit(l, tx), REFUSED_SIGNATURE);
	tx = people_pay(&people, ALICE, 3, BOB, 1);
	tx.transfer.amount = 2;
	assert_int_equal(submit(l, tx), REFUSED_SIGNATURE);
	tx = people_pay(&people, ALICE, 3, BOB, 1);
	tx.from = people.address[BOB];
	assert_int_equal(submit(l, tx), REFUSED_SIGNATURE);
	tx = people_tx(&people, ALICE, 3, TX_COMMIT);
	memcpy(tx.chain, "other", 6);
	people_sign(&people, ALICE, &tx);
	assert_int_equal(submit(l, tx), REFUSED_CHAIN);
	tx = people_tx(&people, ALICE, 3, TX_COMMIT);
	tx.fee = FEE - 1;
	people_sign(&people, ALICE, &tx);
	assert_int_equal(submit(l, tx), REFUSED_FEE);
	assert_int_equal(submit(l, people_pay(&people, CAROL, 0, BOB, 491)), REFUSED_FUNDS);
	assert_int_equal(submit(l, people_slash(&people, ALICE, 3, BOB, 1)), REFUSED_AUTHORITY);
	assert_int_equal(submit(l, people_release(&people, ALICE, 3, 1, BOB, 1, 0)), REFUSED_YET);
	/* Time stands or goes back: the chain's does not. */
	ledger_head(l, &before);
	clock_ms = START - 1000;
	assert_int_equal(submit(l, people_pay(&people, ALICE, 3, BOB, 1)), REFUSED_NOT);
	build(l, 3, 4);
	ledger_head(l, &after);
	assert_int_equal(after.header.time, before.header.time);
	assert_int_equal(after.receipts, 1);
	assert_memory_equal(after.header.parent, before.hash, 32);
	ledger_close(l);
	replays(file, 3);
	/* The next life finds the same. */
	l = opened(file, PROPOSER, NULL);
	ledger_head(l, &before);
	assert_memory_equal(before.hash, after.hash, 32);
	assert_int_equal(before.transactions, 4);
	assert_int_equal(before.receipts, 1);
	assert_int_equal(submit(l, people_pay(&people, ALICE, 3, BOB, 1)), REFUSED_DUPLICATE);
	clock_ms = START + 100;
	assert_int_equal(submit(l, people_commit(&people, ALICE, 4, 10)), REFUSED_NOT);
	build(l, 4, 5);
	ledger_close(l);
	replays(file, 4);
}

/* One that cannot hold is dropped when its turn comes; those behind it wait for another. */
static void
test_dropped(void **state)
{
	struct ledger *l = opened(file, PROPOSER, NULL);
	struct mempool_counts counts;
	struct mempool_fate fate;
	struct tx open = people_open(&people, ALICE, 0, 1, 100, BOB, START + 50), late;
	uint8_t hash[TX_HASH];

	(void)state;
	assert_int_equal(submit(l, open), REFUSED_NOT);
	late = people_refund(&people, CAROL, 0, 2); /* no such escrow, but one waits... */
	tx_hash(&late, hash, NULL);
	assert_int_equal(submit(l, late), REFUSED_FUNDS); /* carol cannot even pay the fee */
	late = people_release(&people, BOB, 0, 2, CAROL, 1, 0);
	tx_hash(&late, hash, NULL);
	assert_int_equal(submit(l, late), REFUSED_NOT);
	assert_int_equal(submit(l, people_release(&people, BOB, 1, 1, CAROL, 1, 0)), REFUSED_NOT);
	build(l, 1, 1);
	mempool_count(ledger_mempool(l), &counts);
	assert_int_equal(counts.dropped, 1);
	assert_int_equal(counts.txs, 1);
	assert_int_equal(ledger_wait(l, hash, 1, &fate), REFUSED_YET); /* why it was dropped */
	assert_int_equal(submit(l, people_release(&people, BOB, 0, 1, CAROL, 60, 40)), REFUSED_NOT);
	build(l, 2, 2); /* and the second release is refused: it is closed */
	mempool_count(ledger_mempool(l), &counts);
	assert_int_equal(counts.dropped, 2);
	assert_int_equal(counts.txs, 0);
	tx_hash(&open, hash, NULL);
	assert_int_equal(ledger_wait(l, hash, 0, &fate), REFUSED_NOT); /* from the archive */
	assert_int_equal(fate.height, 1);
	ledger_close(l);
	replays(file, 2);
}

/* ---- blocks from elsewhere ------------------------------------------------- */

static int32_t
read_text(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct archive_block b;
	int32_t rc = archive_block(tx, UINT64_MAX, &b, err);

	return rc == B3IQ_OK ? ledger_block_text(tx, &b, arg, err) : rc;
}

static struct buf
latest(struct ledger *l)
{
	struct b3iq_error err = NO_ERROR;
	struct buf out;

	buf_init(&out, BLOCK_TEXT);
	assert_ok(ledger_read(l, read_text, &out, &err), err);
	return out;
}

static void
test_import(void **state)
{
	char other[128];
	struct ledger *a = opened(file, PROPOSER, NULL), *b;
	struct b3iq_error err = NO_ERROR;
	struct ledger_head ha, hb;
	struct buf text, second;
	char *at;

	(void)state;
	snprintf(other, sizeof other, "%s/other.db", dir);
	b = opened(other, ALICE, NULL); /* a key that the genesis does not know */
	assert_false(ledger_proposes(b));
	assert_int_equal(ledger_build(b, true, &err), B3IQ_E_DENIED);
	submit(a, people_pay(&people, ALICE, 0, CAROL, 500));
	submit(a, people_commit(&people, BOB, 0, 4));
	submit(b, people_pay(&people, ALICE, 0, CAROL, 500)); /* waits on b as well */
	build(a, 1, 2);
	text = latest(a);
	/* Forged in every way. */
	for (size_t i = 10; i < text.len; i += 7) {
		char was = text.data[i];

		text.data[i] = (char)(was == '1' ? '2' : '1');
		if (text.data[i] != was && ledger_import(b, text.data, text.len, &err) == B3IQ_OK)
			fail_msg("byte %zu does not matter", i);
		text.data[i] = was;
	}
	assert_int_equal(balance(b, CAROL), 0);
	assert_ok(ledger_import(b, text.data, text.len, &err), err);
	assert_int_equal(ledger_import(b, text.data, text.len, &err), B3IQ_E_INVALID); /* again */
	{
		struct mempool_counts counts;

		mempool_count(ledger_mempool(b), &counts);
		assert_int_equal(counts.txs, 0);
	}
	/* A gap, then both. */
	submit(a, people_pay(&people, ALICE, 1, CAROL, 1));
	build(a, 2, 3);
	second = latest(a);
	submit(a, people_pay(&people, ALICE, 2, CAROL, 1));
	build(a, 3, 4);
	buf_free(&text);
	text = latest(a);
	assert_int_equal(ledger_import(b, text.data, text.len, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "height"));
	assert_ok(ledger_import(b, second.data, second.len, &err), err);
	assert_ok(ledger_import(b, text.data, text.len, &err), err);
	ledger_head(a, &ha);
	ledger_head(b, &hb);
	assert_memory_equal(&ha.hash, &hb.hash, 32);
	assert_int_equal(ha.receipts, hb.receipts);
	/* Another JSON text of the same block is the same block: refused only because it is there. */
	at = strstr(text.data, "\"signature\"");
	assert_non_null(at);
	buf_free(&text);
	buf_free(&second);
	ledger_close(a);
	ledger_close(b);
	replays(other, 3);
}

/* A proposer of the genesis who claims too much: right signature, wrong state. */
static void
test_lying_proposer(void **state)
{
	char other[128], third[128];
	struct ledger *a = opened(file, PROPOSER, NULL), *b, *c;
	struct b3iq_error err = NO_ERROR;
	struct buf text, forged;
	struct block block;
	char signature[129];

	(void)state;
	snprintf(other, sizeof other, "%s/other.db", dir);
	snprintf(third, sizeof third, "%s/third.db", dir);
	b = opened(other, -1, NULL);
	submit(a, people_pay(&people, ALICE, 0, CAROL, 500));
	build(a, 1, 1);
	text = latest(a);
	assert_ok(block_read(text.data, text.len, &block, &err), err);
	block.header.state[0] ^= 1;
	assert_ok(header_sign(&block.header, people.key[PROPOSER], block.signature, &err), err);
	buf_init(&forged, BLOCK_TEXT);
	buf_puts(&forged, "{\"header\":");
	header_write(&block.header, &forged, &err);
	hex_encode(block.signature, 64, signature);
	buf_printf(&forged, ",\"signature\":\"%s\",\"transactions\":[%s]}", signature,
	           block.txs[0]->wire);
	assert_int_equal(ledger_import(b, forged.data, forged.len, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "state root"));
	assert_ok(ledger_import(b, text.data, text.len, &err), err); /* the honest one still goes in */
	/* Another chain: its genesis differs by a millisecond, so its blocks are a fork here. */
	people.genesis.data[people.genesis.len - 3] = '1';
	c = opened(third, PROPOSER, NULL);
	assert_int_equal(ledger_import(c, text.data, text.len, &err), B3IQ_E_INVALID);
	ledger_close(c);
	{
		const struct ledger_options o = { .file = file, .genesis = people.genesis.data,
			                          .genesis_len = people.genesis.len };

		ledger_close(a);
		assert_int_equal(ledger_open(&o, &a, &err), B3IQ_E_INVALID); /* genesis mismatch */
		assert_null(a);
	}
	block_finish(&block);
	buf_free(&forged);
	buf_free(&text);
	ledger_close(b);
}

/* ---- an ordered log that drives two nodes ------------------------------------ */

struct log_source {
	struct source    source;
	struct log      *log;
	size_t           at;
	bool             wanted; /* something waits on this node */
};

struct log { /* in memory: whoever orders first is first */
	pthread_mutex_t lock;
	pthread_cond_t  moved;
	struct buf      blocks[64];
	size_t          n;
	bool            stopping;
};

static void
log_wait(struct source *s, struct source_event *out)
{
	struct log_source *l = (struct log_source *)s;

	*out = (struct source_event){ .step = SOURCE_STOP };
	pthread_mutex_lock(&l->log->lock);
	while (l->at == l->log->n && !l->log->stopping && !l->wanted)
		pthread_cond_wait(&l->log->moved, &l->log->lock);
	if (l->at < l->log->n) {
		out->step = SOURCE_BLOCK;
		out->len = l->log->blocks[l->at].len;
		out->block = strdup(l->log->blocks[l->at++].data);
	} else if (!l->log->stopping) {
		out->step = SOURCE_BUILD;
		l->wanted = false;
	}
	pthread_mutex_unlock(&l->log->lock);
}

static int32_t
log_order(struct source *s, const char *block, size_t len, struct b3iq_error *err)
{
	struct log_source *l = (struct log_source *)s;

	(void)err;
	pthread_mutex_lock(&l->log->lock);
	if (l->at == l->log->n && l->log->n < 64) { /* nobody was faster */
		buf_init(&l->log->blocks[l->log->n], BLOCK_TEXT);
		buf_append(&l->log->blocks[l->log->n++], block, len);
		pthread_cond_broadcast(&l->log->moved);
	}
	pthread_mutex_unlock(&l->log->lock);
	return B3IQ_DECLINED; /* the log will tell */
}

static void
log_wake(struct source *s)
{
	struct log_source *l = (struct log_source *)s;

	pthread_mutex_lock(&l->log->lock);
	l->wanted = true;
	pthread_cond_broadcast(&l->log->moved);
	pthread_mutex_unlock(&l->log->lock);
}

static void
log_stop(struct source *s)
{
	struct log_source *l = (struct log_source *)s;

	pthread_mutex_lock(&l->log->lock);
	l->log->stopping = true;
	pthread_cond_broadcast(&l->log->moved);
	pthread_mutex_unlock(&l->log->lock);
}

static void
log_destroy(struct source *s)
{
	free(s);
}

static struct source *
log_source(struct log *log)
{
	struct log_source *l = calloc(1, sizeof *l);

	l->source = (struct source){ .wait = log_wait, .order = log_order, .wake = log_wake,
		                     .stop = log_stop, .destroy = log_destroy, .wants_text = true };
	l->log = log;
	return &l->source;
}

static void
until(struct ledger *l, uint64_t transactions)
{
	struct ledger_head head;

	for (;;) {
		ledger_head(l, &head);
		if (head.transactions >= transactions)
			return;
		usleep(1000);
	}
}

static void
test_log(void **state)
{
	static struct log log = { .lock = PTHREAD_MUTEX_INITIALIZER,
		                  .moved = PTHREAD_COND_INITIALIZER };
	char other[128];
	struct b3iq_error err = NO_ERROR;
	struct ledger *a, *b;
	struct ledger_head ha, hb;

	(void)state;
	snprintf(other, sizeof other, "%s/other.db", dir);
	a = opened(file, PROPOSER, log_source(&log));
	b = opened(other, PROPOSER, log_source(&log)); /* either may propose, the log decides */
	assert_ok(ledger_start(a, &err), err);
	assert_ok(ledger_start(b, &err), err);
	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(submit(i % 2 ? a : b, people_pay(&people, ALICE, i, CAROL, 5)),
		                 REFUSED_NOT);
		until(a, i + 1);
		until(b, i + 1);
	}
	ledger_head(a, &ha);
	ledger_head(b, &hb);
	assert_memory_equal(ha.hash, hb.hash, 32);
	assert_int_equal(balance(a, CAROL), 50);
	ledger_stop(a);
	ledger_stop(b);
	ledger_close(a);
	ledger_close(b);
	for (size_t i = 0; i < log.n; i++)
		buf_free(&log.blocks[i]);
	replays(file, ha.header.height);
	replays(other, hb.header.height);
}

/* ---- many at once ------------------------------------------------------------- */

struct sender {
	struct ledger *ledger;
	int            who;
};

#define EACH 60

static void *
send_many(void *arg)
{
	const struct sender *s = arg;

	for (uint64_t i = 0; i < EACH; i++) {
		struct tx tx = people_pay(&people, s->who, i, CAROL, 3);
		struct mempool_fate fate;
		uint8_t hash[TX_HASH];

		if (submit(s->ledger, tx) != REFUSED_NOT)
			abort();
		tx_hash(&tx, hash, NULL);
		if (i % 8 == 0 && ledger_wait(s->ledger, hash, 60000, &fate) != REFUSED_NOT)
			abort();
	}
	return NULL;
}

static void
look(void *arg, const struct state *s, const struct ledger_head *head)
{
	const struct record_id none = { .nonce = 0 };
	struct record r;

	(void)head;
	assert_true(state_get(s, TRIE_COMMITTED, RECORD_SUPPLY, &none, &r));
	*(uint64_t *)arg = state_account(s, TRIE_COMMITTED, &people.address[CAROL]).account.balance;
}

static void
test_threads(void **state)
{
	struct ledger *l = opened(file, PROPOSER, NULL);
	struct sender senders[2] = { { l, ALICE }, { l, BOB } };
	struct b3iq_error err = NO_ERROR;
	uint64_t seen = 0, last = 0;
	struct ledger_head head;
	pthread_t thread[2];

	(void)state;
	assert_ok(ledger_start(l, &err), err);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, send_many, &senders[i]), 0);
	do {
		ledger_state(l, look, &seen);
		assert_true(seen >= last);
		last = seen;
		usleep(200);
	} while (seen < 2 * EACH * 3);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ledger_head(l, &head);
	ledger_close(l); /* stops the thread too */
	replays(file, head.header.height);
}

/* ---- a disk that fails --------------------------------------------------------- */

static void
test_full_disk(void **state)
{
	struct ledger *l = opened(file, PROPOSER, NULL);
	struct b3iq_error err = NO_ERROR;
	struct ledger_counts counts;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(submit(l, people_pay(&people, ALICE, 0, CAROL, 500)), REFUSED_NOT);
	build(l, 1, 1);
	ledger_close(l);
	/* A limit on the size of files stands for the full disk; in a child, it cannot be undone. */
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { 8192, RLIM_INFINITY };
		int bad = 0;

		signal(SIGXFSZ, SIG_IGN);
		l = opened(file, PROPOSER, NULL);
		for (uint64_t i = 1; i < 40; i++)
			bad += submit(l, people_pay(&people, ALICE, i, CAROL, 1)) != REFUSED_NOT;
		setrlimit(RLIMIT_FSIZE, &limit);
		bad += ledger_build(l, false, &err) == B3IQ_OK;
		bad += balance(l, CAROL) != 500; /* nothing shows of what could not be stored */
		ledger_count(l, &counts);
		bad += counts.failures != 1;
		limit.rlim_cur = RLIM_INFINITY;
		setrlimit(RLIMIT_FSIZE, &limit);
		bad += ledger_build(l, false, &err) != B3IQ_OK; /* there is room again */
		bad += balance(l, CAROL) != 539;
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	replays(file, 2);
}

/* ---- damage ---------------------------------------------------------------------- */

static int32_t
run_sql(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, arg, "");
}

static void
damage(const char *sql)
{
	static const struct store_module *const modules[] = { &archive_module, NULL };
	struct b3iq_error err = NO_ERROR;
	struct store *store;

	assert_ok(store_open(file, modules, &store, &err), err);
	assert_ok(store_write(store, run_sql, (void *)(uintptr_t)sql, &err), err);
	store_close(store);
}

static void
refuses_damage(const char *sql, const char *back, const char *why, bool opens)
{
	const struct ledger_options o = { .file = file };
	struct b3iq_error err = NO_ERROR;
	struct replay_report report;
	struct ledger *l;

	damage(sql);
	assert_int_not_equal(replay_verify(file, &report, &err), B3IQ_OK);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", sql, err.text);
	if (ledger_open(&o, &l, &err) == B3IQ_OK) {
		ledger_close(l);
		assert_true(opens);
	} else {
		assert_false(opens);
	}
	damage(back);
}

static void
test_damage(void **state)
{
	struct ledger *l = opened(file, PROPOSER, NULL);

	(void)state;
	submit(l, people_pay(&people, ALICE, 0, CAROL, 500));
	build(l, 1, 1);
	submit(l, people_pay(&people, ALICE, 1, CAROL, 500));
	build(l, 2, 2);
	ledger_close(l);
	refuses_damage("UPDATE entry SET value = replace(value, '\"1000\"', '\"1001\"')",
	               "UPDATE entry SET value = replace(value, '\"1001\"', '\"1000\"')", "entry", false);
	refuses_damage("INSERT INTO entry(row, key, value) VALUES(900, 'supply2', '{}')",
	               "DELETE FROM entry WHERE row = 900", "supply2", false);
	refuses_damage("UPDATE tx SET wire = replace(wire, '\"500\"', '\"501\"') WHERE seq = 0",
	               "UPDATE tx SET wire = replace(wire, '\"501\"', '\"500\"') WHERE seq = 0",
	               "block 1", true);
	refuses_damage("UPDATE block SET header = replace(header, '\"count\":1', '\"count\":2') "
	               "WHERE height = 1",
	               "UPDATE block SET header = replace(header, '\"count\":2', '\"count\":1') "
	               "WHERE height = 1",
	               "block 1", true);
	refuses_damage("UPDATE block SET signature = zeroblob(64) WHERE height = 1",
	               "SELECT 1", "block 1", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blocks, make, end),
		cmocka_unit_test_setup_teardown(test_dropped, make, end),
		cmocka_unit_test_setup_teardown(test_import, make, end),
		cmocka_unit_test_setup_teardown(test_lying_proposer, make, end),
		cmocka_unit_test_setup_teardown(test_log, make, end),
		cmocka_unit_test_setup_teardown(test_threads, make, end),
		cmocka_unit_test_setup_teardown(test_full_disk, make, end),
		cmocka_unit_test_setup_teardown(test_damage, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
