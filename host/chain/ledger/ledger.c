#include "chain/ledger/ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/log.h"

#define RETRY_MS 500 /* after a block could not be written */

struct ledger {
	struct genesis        genesis;
	struct store         *store;
	struct mempool       *mempool;
	struct source        *source;
	const struct ed25519_key *proposer;
	uint64_t            (*now)(void);
	pthread_t             thread;
	bool                  running;

	pthread_mutex_t       making;   /* one block at a time; guards what follows */
	struct block_tx     **taken, **kept, **dropped;
	struct mempool_fate  *fates;
	struct machine_touched *touched;

	pthread_rwlock_t      lock;     /* guards what follows                      */
	struct state         *state;    /* its next version is the maker's          */
	struct ledger_head    head;
	struct ledger_counts  counts;
};

const struct genesis *
ledger_genesis(const struct ledger *l)
{
	return &l->genesis;
}

struct mempool *
ledger_mempool(struct ledger *l)
{
	return l->mempool;
}

bool
ledger_proposes(const struct ledger *l)
{
	return l->proposer != NULL;
}

void
ledger_head(struct ledger *l, struct ledger_head *out)
{
	pthread_rwlock_rdlock(&l->lock);
	*out = l->head;
	pthread_rwlock_unlock(&l->lock);
}

void
ledger_count(struct ledger *l, struct ledger_counts *out)
{
	pthread_rwlock_rdlock(&l->lock);
	*out = l->counts;
	pthread_rwlock_unlock(&l->lock);
}

void
ledger_state(struct ledger *l, ledger_look *look, void *arg)
{
	pthread_rwlock_rdlock(&l->lock);
	look(arg, l->state, &l->head);
	pthread_rwlock_unlock(&l->lock);
}

int32_t
ledger_read(struct ledger *l, store_fn *fn, void *arg, struct b3iq_error *err)
{
	return store_read(l->store, fn, arg, err);
}

/* ---- a block becomes the head --------------------------------------------- */

static int32_t
write_block(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return archive_put(tx, arg, err);
}

/* Everybody sees the new version, and the mempool what became of its transactions. */
static void
publish(struct ledger *l, const struct block *b, size_t n_dropped, uint64_t us)
{
	mempool_lock(l->mempool);
	pthread_rwlock_wrlock(&l->lock);
	state_commit(l->state);
	l->head.header = b->header;
	memcpy(l->head.hash, b->hash, sizeof l->head.hash);
	memcpy(l->head.signature, b->signature, sizeof l->head.signature);
	l->head.transactions += b->n;
	for (size_t i = 0; i < b->n; i++)
		l->head.receipts += b->txs[i]->tx.kind == TX_COMMIT;
	l->counts.blocks++;
	l->counts.transactions += b->n;
	l->counts.write_us += us;
	pthread_rwlock_unlock(&l->lock);
	mempool_settle(l->mempool, b->header.height, b->txs, b->n, l->dropped, l->fates, n_dropped);
	mempool_unlock(l->mempool);
}

/* The next version is thrown away; what was taken goes back. */
static void
give_up(struct ledger *l, size_t n_dropped)
{
	mempool_lock(l->mempool);
	state_abort(l->state);
	mempool_settle(l->mempool, 0, NULL, 0, l->dropped, l->fates, n_dropped);
	mempool_unlock(l->mempool);
}

/* The executed block, durably.  making is held. */
static int32_t
commit(struct ledger *l, const struct block *b, size_t n_dropped, struct b3iq_error *err)
{
	struct archive_change change = { .block = b, .state = l->state, .touched = l->touched,
		                         .first = l->head.transactions,
		                         .receipts = l->head.receipts };
	const uint64_t begin = clock_mono_us();
	const int32_t rc = store_write(l->store, write_block, &change, err);

	if (rc == B3IQ_OK) {
		publish(l, b, n_dropped, clock_mono_us() - begin);
		return rc;
	}
	give_up(l, n_dropped);
	pthread_rwlock_wrlock(&l->lock);
	l->counts.failures++;
	pthread_rwlock_unlock(&l->lock);
	return rc;
}

/* ---- building ------------------------------------------------------------- */

/* Executes what was taken: kept[] goes into the block, dropped[] never will; the rest waits. */
static int32_t
execute(struct ledger *l, struct machine *m, size_t n, size_t *n_kept, size_t *n_dropped,
        struct b3iq_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct b3iq_error why = NO_ERROR;
		const struct tx *tx = &l->taken[i]->tx;
		const enum refusal refusal = machine_apply(m, tx, &l->touched[*n_kept], &why);
		struct mempool_fate *fate = &l->fates[*n_dropped];

		if (refusal == REFUSED_NOT) {
			l->kept[(*n_kept)++] = l->taken[i];
			continue;
		}
		if (refusal == REFUSED_INTERNAL)
			return fail(err, B3IQ_E_INTERNAL, "%.200s", why.text);
		if (tx->nonce > state_account(l->state, TRIE_NEXT, &tx->from).account.nonce)
			continue; /* the one before it was dropped: it waits for another */
		*fate = (struct mempool_fate){ .why = refusal };
		memcpy(fate->text, why.text, sizeof fate->text - 1);
		l->dropped[(*n_dropped)++] = l->taken[i];
	}
	return B3IQ_OK;
}

static int32_t
sign(struct ledger *l, struct block *b, struct b3iq_error *err)
{
	int32_t rc = block_seal(b, err);

	if (rc == B3IQ_OK)
		rc = state_root(l->state, b->header.state, err);
	if (rc == B3IQ_OK)
		rc = header_hash(&b->header, b->hash, err);
	return rc == B3IQ_OK ? header_sign(&b->header, l->proposer, b->signature, err) : rc;
}

/* The source says whether the block is the next one. */
static int32_t
order(struct ledger *l, const struct block *b, struct b3iq_error *err)
{
	struct buf text;
	char signature[2 * ED25519_SIGNATURE + 1];
	int32_t rc;

	if (!l->source->wants_text)
		return l->source->order(l->source, NULL, 0, err);
	buf_init(&text, BLOCK_TEXT);
	buf_puts(&text, "{\"header\":");
	header_write(&b->header, &text, err);
	hex_encode(b->signature, sizeof b->signature, signature);
	buf_printf(&text, ",\"signature\":\"%s\",\"transactions\":[", signature);
	for (size_t i = 0; i < b->n; i++) {
		buf_puts(&text, i ? "," : "");
		buf_append(&text, b->txs[i]->wire, b->txs[i]->len);
	}
	rc = buf_puts(&text, "]}");
	if (rc == B3IQ_OK)
		rc = l->source->order(l->source, text.data, text.len, err);
	buf_free(&text);
	return rc;
}

static void
next_header(struct ledger *l, struct header *h)
{
	const uint64_t now = l->now();

	*h = (struct header){ .height = l->head.header.height + 1, .time = l->head.header.time };
	if (now > h->time)
		h->time = now; /* time never goes back, whatever the clock does */
	memcpy(h->chain, l->genesis.chain, sizeof h->chain);
	memcpy(h->parent, l->head.hash, sizeof h->parent);
	memcpy(h->proposer, ed25519_public(l->proposer), sizeof h->proposer);
}

static int32_t
make_block(struct ledger *l, size_t n, bool empty, struct b3iq_error *err)
{
	struct block b = { .txs = l->kept };
	size_t n_dropped = 0;
	struct machine m;
	int32_t rc;

	next_header(l, &b.header);
	rc = machine_begin(&m, l->state, &l->genesis, b.header.time, b.header.proposer, err);
	if (rc == B3IQ_OK)
		rc = execute(l, &m, n, &b.n, &n_dropped, err);
	if (rc == B3IQ_OK)
		rc = machine_end(&m, err);
	if (rc == B3IQ_OK && b.n == 0 && !empty) {
		give_up(l, n_dropped);
		return B3IQ_OK;
	}
	if (rc == B3IQ_OK)
		rc = sign(l, &b, err);
	if (rc == B3IQ_OK)
		rc = order(l, &b, err);
	if (rc == B3IQ_OK)
		return commit(l, &b, n_dropped, err);
	give_up(l, n_dropped);
	return rc == B3IQ_DECLINED ? B3IQ_OK : rc;
}

int32_t
ledger_build(struct ledger *l, bool empty, struct b3iq_error *err)
{
	uint64_t begin;
	int32_t rc = B3IQ_OK;
	size_t n;

	if (!l->proposer)
		return fail(err, B3IQ_E_DENIED, "this node has no proposer's key of the genesis");
	pthread_mutex_lock(&l->making);
	begin = clock_mono_us();
	n = mempool_take(l->mempool, BLOCK_TXS, BLOCK_BYTES, l->taken);
	if (n > 0 || empty)
		rc = make_block(l, n, empty, err);
	pthread_rwlock_wrlock(&l->lock);
	l->counts.build_us += clock_mono_us() - begin;
	pthread_rwlock_unlock(&l->lock);
	pthread_mutex_unlock(&l->making);
	return rc;
}

/* ---- importing ------------------------------------------------------------ */

int32_t
ledger_import(struct ledger *l, const char *text, size_t len, struct b3iq_error *err)
{
	struct block b;
	int32_t rc = block_read(text, len, &b, err);

	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&l->making);
	rc = block_check(&b, &l->genesis, &l->head.header, l->head.hash, err);
	if (rc == B3IQ_OK) {
		rc = machine_run(l->state, &l->genesis, &b, l->touched, err);
		if (rc == B3IQ_OK)
			rc = commit(l, &b, 0, err);
		else
			give_up(l, 0);
	}
	pthread_mutex_unlock(&l->making);
	block_finish(&b);
	return rc;
}

/* ---- the thread ----------------------------------------------------------- */

static void
rest(void)
{
	const struct timespec t = { .tv_nsec = RETRY_MS * 1000000L };

	nanosleep(&t, NULL);
}

static void *
make_blocks(void *arg)
{
	struct ledger *l = arg;
	struct source_event event;

	for (;;) {
		struct b3iq_error err = NO_ERROR;
		int32_t rc = B3IQ_OK;

		l->source->wait(l->source, &event);
		if (event.step == SOURCE_STOP)
			return NULL;
		if (event.step == SOURCE_BLOCK) {
			rc = ledger_import(l, event.block, event.len, &err);
			free(event.block);
		} else if (l->proposer) {
			rc = ledger_build(l, event.empty, &err);
		}
		if (rc != B3IQ_OK) {
			log_event(B3IQ_LOG_ERROR, "chain.block_failed", "code=%s why=\"%s\"",
			          result_name(rc), err.text);
			rest();
		}
		if (l->proposer && mempool_ready(l->mempool))
			l->source->wake(l->source);
	}
}

int32_t
ledger_start(struct ledger *l, struct b3iq_error *err)
{
	if (pthread_create(&l->thread, NULL, make_blocks, l) != 0)
		return fail(err, B3IQ_E_NO_MEMORY, "cannot start the thread that makes blocks");
	l->running = true;
	return B3IQ_OK;
}

void
ledger_stop(struct ledger *l)
{
	if (!l->running)
		return;
	l->source->stop(l->source);
	pthread_join(l->thread, NULL);
	l->running = false;
}

/* ---- transactions from outside -------------------------------------------- */

static void
look_up_account(void *ctx, const struct address *address, uint64_t *balance, uint64_t *nonce)
{
	struct ledger *l = ctx;
	struct record r;

	pthread_rwlock_rdlock(&l->lock);
	r = state_account(l->state, TRIE_COMMITTED, address);
	pthread_rwlock_unlock(&l->lock);
	*balance = r.account.balance;
	*nonce = r.account.nonce;
}

static enum refusal
check_outside(struct ledger *l, const struct tx *tx, struct b3iq_error *err)
{
	if (strcmp(tx->chain, l->genesis.chain) != 0) {
		fail(err, B3IQ_E_INVALID, "the transaction is for the chain \"%s\", this is \"%s\"",
		     tx->chain, l->genesis.chain);
		return REFUSED_CHAIN;
	}
	if (tx->fee < l->genesis.min_fee) {
		fail(err, B3IQ_E_INVALID, "the fee is below the chain's least, %llu micro-AITBC",
		     (unsigned long long)l->genesis.min_fee);
		return REFUSED_FEE;
	}
	return tx_check(tx, err) == B3IQ_OK ? REFUSED_NOT : REFUSED_SIGNATURE;
}

/* What can never hold is not taken in; what may hold after what waits, is. */
static enum refusal
foresee(struct ledger *l, const struct tx *tx, struct b3iq_error *err)
{
	struct mempool_counts counts;
	enum refusal why;

	if (tx->kind == TX_TRANSFER || tx->kind == TX_STAKE || tx->kind == TX_COMMIT)
		return REFUSED_NOT;
	mempool_count(l->mempool, &counts); /* before the state: what is in neither is nowhere */
	pthread_rwlock_rdlock(&l->lock);
	why = machine_foresee(l->state, &l->genesis, tx, l->now(), err);
	pthread_rwlock_unlock(&l->lock);
	return why == REFUSED_YET && counts.txs > 0 ? REFUSED_NOT : why;
}

struct found {
	const uint8_t *hash;
	uint64_t       height, index;
};

static int32_t
note_place(void *arg, const struct archive_row *r)
{
	struct found *f = arg;

	f->height = r->height;
	f->index = r->index;
	return B3IQ_OK;
}

static int32_t
find_tx(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct found *f = arg;

	return archive_tx(tx, f->hash, note_place, f, err);
}

enum refusal
ledger_submit(struct ledger *l, const void *wire, size_t len, uint8_t hash[TX_HASH],
              struct b3iq_error *err)
{
	struct block_tx *t;
	struct found found = { .hash = hash };
	enum refusal why;

	memset(hash, 0, TX_HASH);
	if (block_tx_read(wire, len, &t, err) != B3IQ_OK)
		return REFUSED_FORM;
	memcpy(hash, t->hash, TX_HASH);
	why = check_outside(l, &t->tx, err);
	if (!why)
		why = foresee(l, &t->tx, err);
	if (why)
		free(t);
	else
		why = mempool_add(l->mempool, t, err);
	if (!why)
		l->source->wake(l->source);
	if ((why == REFUSED_NONCE || why == REFUSED_RULE || why == REFUSED_AUTHORITY) &&
	    ledger_read(l, find_tx, &found, NULL) == B3IQ_OK) {
		fail(err, B3IQ_E_INVALID, "the transaction is in block %llu already",
		     (unsigned long long)found.height);
		why = REFUSED_DUPLICATE;
	}
	return why;
}

static bool
is_committed(struct ledger *l, const uint8_t hash[TX_HASH], struct mempool_fate *fate)
{
	struct found found = { .hash = hash };

	if (ledger_read(l, find_tx, &found, NULL) != B3IQ_OK)
		return false;
	*fate = (struct mempool_fate){ .height = found.height, .index = found.index };
	return true;
}

enum refusal
ledger_wait(struct ledger *l, const uint8_t hash[TX_HASH], uint32_t wait_ms,
            struct mempool_fate *fate)
{
	const uint64_t until = clock_mono_ms() + wait_ms;
	enum refusal why;

	why = mempool_wait(l->mempool, hash, wait_ms, fate);
	if (why != REFUSED_UNKNOWN)
		return why;
	/* It was settled before we could wait, or the time is over. */
	if (is_committed(l, hash, fate))
		return REFUSED_NOT;
	if (clock_mono_ms() >= until)
		memcpy(fate->text, "no block has it yet", sizeof "no block has it yet");
	return REFUSED_UNKNOWN;
}

/* ---- a block as text ------------------------------------------------------ */

static int32_t
append_tx(void *arg, const struct archive_row *r)
{
	struct buf *out = arg;

	if (r->index > 0)
		buf_puts(out, ",");
	return buf_append(out, r->wire, r->len);
}

int32_t
ledger_block_text(struct store_tx *tx, const struct archive_block *b, struct buf *out,
                  struct b3iq_error *err)
{
	char signature[2 * ED25519_SIGNATURE + 1];
	int32_t rc;

	hex_encode(b->signature, sizeof b->signature, signature);
	buf_puts(out, "{\"header\":");
	rc = header_write(&b->header, out, err);
	buf_printf(out, ",\"signature\":\"%s\",\"transactions\":[", signature);
	if (rc == B3IQ_OK)
		rc = archive_range(tx, b->first, b->header.count, append_tx, out, err);
	if (rc == B3IQ_OK)
		rc = buf_puts(out, "]}");
	return rc;
}

/* ---- opening -------------------------------------------------------------- */

static int32_t
read_genesis(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return archive_genesis(tx, arg, err);
}

/* Block 0 of a new file. */
static int32_t
write_first(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct ledger *l = arg;
	struct block b = { .header = l->head.header };
	const struct archive_change change = { .block = &b, .state = l->state };
	int32_t rc = archive_put_genesis(tx, &l->genesis, err);

	memcpy(b.hash, l->head.hash, sizeof b.hash);
	return rc == B3IQ_OK ? archive_put(tx, &change, err) : rc;
}

static int32_t
make_first(struct ledger *l, struct b3iq_error *err)
{
	int32_t rc = genesis_apply(&l->genesis, l->state, &l->head.header, err);

	if (rc == B3IQ_OK)
		rc = header_hash(&l->head.header, l->head.hash, err);
	if (rc == B3IQ_OK)
		rc = store_write(l->store, write_first, l, err);
	if (rc == B3IQ_OK)
		state_commit(l->state);
	else
		state_abort(l->state);
	return rc;
}

struct loading {
	struct ledger     *ledger;
	struct b3iq_error *err;
};

static int32_t
load_entry(void *arg, const struct trie_entry *e)
{
	const struct loading *loading = arg;

	return state_load(loading->ledger->state, e, loading->err);
}

static int32_t
load(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct ledger *l = arg;
	struct loading loading = { l, err };
	struct archive_block b;
	uint8_t root[SHA256_SIZE], *leaves = NULL;
	uint64_t n = 0;
	int32_t rc = archive_block(tx, UINT64_MAX, &b, err);

	if (rc == B3IQ_OK)
		rc = archive_leaves(tx, &b, true, &leaves, &n, err);
	free(leaves);
	if (rc == B3IQ_OK)
		rc = archive_entries(tx, load_entry, &loading, err);
	if (rc == B3IQ_OK)
		rc = state_root(l->state, root, err);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(root, b.header.state, sizeof root) != 0 || !state_supply_holds(l->state))
		return fail(err, B3IQ_E_INTERNAL,
		            "chain.db is damaged: its entries are not the state of block %llu; "
		            "restore it from a backup, or import the blocks into a new one",
		            (unsigned long long)b.header.height);
	l->head.header = b.header;
	memcpy(l->head.hash, b.hash, sizeof b.hash);
	memcpy(l->head.signature, b.signature, sizeof b.signature);
	l->head.transactions = b.first + b.header.count;
	l->head.receipts = b.receipts + n;
	return B3IQ_OK;
}

/* A block changes pages all over the file: they stay in memory, and go from the log into the file
 * together after many blocks instead of after each. */
static int32_t
tune(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	int32_t rc = store_run(tx, err, "PRAGMA cache_size = -65536", "");

	(void)arg;
	return rc == B3IQ_OK ? store_run(tx, err, "PRAGMA wal_autocheckpoint = 16384", "") : rc;
}

static int32_t
open_archive(struct ledger *l, const struct ledger_options *o, struct b3iq_error *err)
{
	static const struct store_module *const modules[] = { &archive_module, NULL };
	struct genesis given = { .text = NULL };
	struct buf text;
	bool fresh;
	int32_t rc = store_open(o->file, modules, &l->store, err);

	if (rc == B3IQ_OK)
		rc = store_write(l->store, tune, NULL, err);
	if (rc == B3IQ_OK && o->genesis)
		rc = genesis_read(o->genesis, o->genesis_len, &given, err);
	if (rc != B3IQ_OK)
		return rc;
	buf_init(&text, GENESIS_MAX);
	rc = store_read(l->store, read_genesis, &text, err);
	fresh = rc == B3IQ_E_NOT_FOUND;
	if (rc == B3IQ_OK)
		rc = genesis_read(text.data, text.len, &l->genesis, err);
	else if (fresh && o->genesis)
		rc = genesis_read(o->genesis, o->genesis_len, &l->genesis, err);
	if (rc == B3IQ_OK && o->genesis && memcmp(given.hash, l->genesis.hash, 32) != 0)
		rc = fail(err, B3IQ_E_INVALID, "%s holds another chain than this genesis; name another "
		          "home, or leave the genesis out", o->file);
	genesis_finish(&given);
	buf_free(&text);
	if (rc != B3IQ_OK)
		return rc;
	if (fresh)
		return make_first(l, err);
	state_begin(l->state);
	rc = store_read(l->store, load, l, err);
	if (rc == B3IQ_OK)
		state_commit(l->state);
	return rc;
}

static uint64_t
wall(void)
{
	return clock_wall_ms();
}

static int32_t
make_parts(struct ledger *l, const struct ledger_options *o, struct b3iq_error *err)
{
	struct mempool_options pool = o->mempool;

	pool.account = look_up_account;
	pool.ctx = l;
	l->mempool = mempool_create(&pool);
	l->state = state_create();
	l->taken = calloc(BLOCK_TXS, sizeof(struct block_tx *));
	l->kept = calloc(BLOCK_TXS, sizeof(struct block_tx *));
	l->dropped = calloc(BLOCK_TXS, sizeof(struct block_tx *));
	l->fates = calloc(BLOCK_TXS, sizeof *l->fates);
	l->touched = calloc(BLOCK_TXS, sizeof *l->touched);
	if (!l->mempool || !l->state || !l->taken || !l->kept || !l->dropped || !l->fates ||
	    !l->touched)
		return fail_memory(err, "opening the chain");
	return B3IQ_OK;
}

static void
choose_source(struct ledger *l, const struct ledger_options *o)
{
	if (o->proposer && genesis_may_propose(&l->genesis, ed25519_public(o->proposer)))
		l->proposer = o->proposer;
	if (!l->source)
		l->source = l->proposer ? source_local(0) : source_none();
}

int32_t
ledger_open(const struct ledger_options *o, struct ledger **out, struct b3iq_error *err)
{
	struct ledger *l = calloc(1, sizeof *l);
	pthread_rwlockattr_t attr;
	int32_t rc;

	*out = NULL;
	if (!l) {
		if (o->source)
			o->source->destroy(o->source);
		return fail_memory(err, "opening the chain");
	}
	l->source = o->source;
	l->now = o->now ? o->now : wall;
	pthread_mutex_init(&l->making, NULL);
	pthread_rwlockattr_init(&attr);
	/* Many readers must not keep the next block from being published. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&l->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	rc = make_parts(l, o, err);
	if (rc == B3IQ_OK)
		rc = open_archive(l, o, err);
	if (rc == B3IQ_OK) {
		choose_source(l, o);
		if (!l->source)
			rc = fail_memory(err, "opening the chain");
	}
	if (rc == B3IQ_OK)
		*out = l;
	else
		ledger_close(l);
	return rc;
}

void
ledger_close(struct ledger *l)
{
	if (!l)
		return;
	ledger_stop(l);
	store_close(l->store);
	mempool_destroy(l->mempool);
	state_destroy(l->state);
	if (l->source)
		l->source->destroy(l->source);
	free(l->taken);
	free(l->kept);
	free(l->dropped);
	free(l->fates);
	free(l->touched);
	genesis_finish(&l->genesis);
	pthread_rwlock_destroy(&l->lock);
	pthread_mutex_destroy(&l->making);
	free(l);
}
