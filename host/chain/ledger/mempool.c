#include "chain/ledger/mempool.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/fail.h"

#define TABLE   (1u << 16) /* chains of both hash tables                           */
#define TURN    64         /* transactions that one account gives before the next  */
#define RECENT  256        /* refused ones whose reason is remembered              */

struct waiter { /* on the stack of who waits */
	pthread_cond_t       moved;
	struct mempool_fate *fate;
	bool                 done;
	struct waiter       *next;
};

struct mempool_entry {
	struct block_tx      *tx;
	struct queue         *queue;
	struct mempool_entry *prev, *next; /* by nonce                    */
	struct mempool_entry *chain;       /* same place in the table     */
	struct waiter        *waiters;
	bool                  taken;
};

/* What waits of one account: the run without a gap, then the rest. */
struct queue {
	struct address        address;
	uint64_t              nonce;       /* of the account, committed            */
	uint64_t              spend;
	struct mempool_entry *first, *last;
	struct mempool_entry *fresh;       /* first of the run that is not taken   */
	size_t                n, run, taken;
	struct queue         *chain;
	struct queue         *left, *right; /* accounts with as many                */
	struct queue         *after;        /* in the round of those that are ready */
	struct queue         *also;         /* of those that the block in hand changes */
	struct queue         *lacking, *lacking_before; /* other accounts with a gap */
	bool                  listed, marked, lacks;
};

struct mempool {
	struct mempool_options options;
	pthread_mutex_t        lock;
	struct mempool_entry  *by_hash[TABLE];
	struct queue          *by_address[TABLE];
	struct queue         **by_size;    /* [n]: accounts with n waiting */
	size_t                 largest;
	struct queue          *round, **round_end;
	struct queue          *marked; /* the block in hand changes these */
	struct queue          *lacking; /* something waits behind a gap    */
	struct {
		uint8_t             hash[TX_HASH];
		struct mempool_fate fate;
	}                      recent[RECENT]; /* for who asks a moment too late */
	size_t                 n_recent;
	struct mempool_counts  counts;
};

struct mempool *
mempool_create(const struct mempool_options *options)
{
	struct mempool *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->options = *options;
	if (!m->options.txs)
		m->options.txs = MEMPOOL_TXS;
	if (!m->options.bytes)
		m->options.bytes = MEMPOOL_BYTES;
	if (!m->options.per_account)
		m->options.per_account = MEMPOOL_ACCOUNT;
	m->by_size = calloc(m->options.per_account + 1, sizeof(struct queue *));
	if (!m->by_size) {
		free(m);
		return NULL;
	}
	m->round_end = &m->round;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
mempool_destroy(struct mempool *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < TABLE; i++) {
		struct mempool_entry *e;
		struct queue *q;

		while ((e = m->by_hash[i])) {
			m->by_hash[i] = e->chain;
			free(e->tx);
			free(e);
		}
		while ((q = m->by_address[i])) {
			m->by_address[i] = q->chain;
			free(q);
		}
	}
	pthread_mutex_destroy(&m->lock);
	free(m->by_size);
	free(m);
}

/* ---- tables -------------------------------------------------------------- */

/* Both are hashes already. */
static size_t
slot(const uint8_t *bytes)
{
	uint32_t v;

	memcpy(&v, bytes, sizeof v);
	return v % TABLE;
}

static struct mempool_entry *
find(const struct mempool *m, const uint8_t hash[TX_HASH])
{
	struct mempool_entry *e = m->by_hash[slot(hash)];

	while (e && memcmp(e->tx->hash, hash, TX_HASH) != 0)
		e = e->chain;
	return e;
}

static struct queue *
find_queue(const struct mempool *m, const struct address *address)
{
	struct queue *q = m->by_address[slot(address->bytes)];

	while (q && !address_equal(&q->address, address))
		q = q->chain;
	return q;
}

static struct queue *
add_queue(struct mempool *m, const struct address *address, uint64_t nonce)
{
	struct queue *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->address = *address;
	q->nonce = nonce;
	q->chain = m->by_address[slot(address->bytes)];
	m->by_address[slot(address->bytes)] = q;
	m->counts.accounts++;
	return q;
}

/* ---- accounts by how much they have waiting ------------------------------ */

static void
resize(struct mempool *m, struct queue *q, size_t n)
{
	if (q->n) {
		if (q->left)
			q->left->right = q->right;
		else
			m->by_size[q->n] = q->right;
		if (q->right)
			q->right->left = q->left;
	}
	q->n = n;
	q->left = NULL;
	q->right = n ? m->by_size[n] : NULL;
	if (q->right)
		q->right->left = q;
	if (n)
		m->by_size[n] = q;
	if (n > m->largest)
		m->largest = n;
	while (m->largest > 0 && !m->by_size[m->largest])
		m->largest--;
}

/* ---- the round of those that are ready ------------------------------------ */

static void
enlist(struct mempool *m, struct queue *q)
{
	if (q->listed || !q->fresh)
		return;
	q->listed = true;
	q->after = NULL;
	*m->round_end = q;
	m->round_end = &q->after;
}

static struct queue *
delist_first(struct mempool *m)
{
	struct queue *q = m->round;

	m->round = q->after;
	if (!m->round)
		m->round_end = &m->round;
	q->listed = false;
	return q;
}

static void
delist(struct mempool *m, struct queue *q)
{
	struct queue **at = &m->round;

	if (!q->listed)
		return;
	while (*at != q)
		at = &(*at)->after;
	*at = q->after;
	if (m->round_end == &q->after)
		m->round_end = at;
	q->listed = false;
}

/* ---- entries ------------------------------------------------------------- */

static uint64_t
spend_of(const struct tx *tx)
{
	uint64_t sum;

	return amount_add(tx_outlay(tx), tx->fee, &sum) ? sum : UINT64_MAX;
}

/* Counts the run anew from the account's nonce. */
static void
count_run(struct queue *q)
{
	struct mempool_entry *e = q->first;

	q->run = q->taken = 0;
	q->fresh = NULL;
	while (e && e->tx->tx.nonce == q->nonce + q->run) {
		q->run++;
		if (e->taken)
			q->taken++;
		else if (!q->fresh)
			q->fresh = e;
		e = e->next;
	}
}

/* Keeps the list of the accounts of which something waits behind a gap. */
static void
note_gap(struct mempool *m, struct queue *q)
{
	const bool lacks = q->n > q->run;

	if (lacks == q->lacks)
		return;
	q->lacks = lacks;
	if (lacks) {
		q->lacking = m->lacking;
		q->lacking_before = NULL;
		if (q->lacking)
			q->lacking->lacking_before = q;
		m->lacking = q;
		return;
	}
	*(q->lacking_before ? &q->lacking_before->lacking : &m->lacking) = q->lacking;
	if (q->lacking)
		q->lacking->lacking_before = q->lacking_before;
}

static void
link_entry(struct mempool *m, struct queue *q, struct mempool_entry *e)
{
	struct mempool_entry *before = q->last;
	const uint64_t nonce = e->tx->tx.nonce;

	while (before && before->tx->tx.nonce > nonce)
		before = before->prev;
	e->queue = q;
	e->prev = before;
	e->next = before ? before->next : q->first;
	*(before ? &before->next : &q->first) = e;
	*(e->next ? &e->next->prev : &q->last) = e;
	e->chain = m->by_hash[slot(e->tx->hash)];
	m->by_hash[slot(e->tx->hash)] = e;
	q->spend += spend_of(&e->tx->tx);
	resize(m, q, q->n + 1);
	m->counts.txs++;
	m->counts.bytes += e->tx->len;
	/* At the end of the run: it grows by this one and by what waited for it. */
	for (; e && e->tx->tx.nonce == q->nonce + q->run; e = e->next) {
		q->run++;
		if (!q->fresh)
			q->fresh = e;
	}
	note_gap(m, q);
	enlist(m, q);
}

/* Frees the entry, after telling who waits for it.  The queue's run is counted by the caller. */
static void
unlink_entry(struct mempool *m, struct mempool_entry *e, const struct mempool_fate *fate)
{
	struct queue *q = e->queue;
	struct mempool_entry **at = &m->by_hash[slot(e->tx->hash)];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	*(e->prev ? &e->prev->next : &q->first) = e->next;
	*(e->next ? &e->next->prev : &q->last) = e->prev;
	q->spend -= spend_of(&e->tx->tx);
	resize(m, q, q->n - 1);
	m->counts.txs--;
	m->counts.bytes -= e->tx->len;
	m->counts.taken -= e->taken;
	if (fate->why) {
		memcpy(m->recent[m->n_recent % RECENT].hash, e->tx->hash, TX_HASH);
		m->recent[m->n_recent++ % RECENT].fate = *fate;
	}
	for (struct waiter *w = e->waiters, *next; w; w = next) {
		next = w->next;
		*w->fate = *fate;
		w->done = true;
		pthread_cond_signal(&w->moved);
	}
	free(e->tx);
	free(e);
}

/* After changes to a queue: its run, its place in the round, or its end. */
static void
tidy(struct mempool *m, struct queue *q)
{
	struct queue **at = &m->by_address[slot(q->address.bytes)];

	count_run(q);
	note_gap(m, q);
	if (q->fresh)
		enlist(m, q);
	else
		delist(m, q);
	if (q->n)
		return;
	while (*at != q)
		at = &(*at)->chain;
	*at = q->chain;
	m->counts.accounts--;
	free(q);
}

/* ---- coming in ----------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static enum refusal
refuse(struct b3iq_error *err, enum refusal why, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fail(err, why == REFUSED_FULL ? B3IQ_E_BUSY : B3IQ_E_INVALID, "%s", text);
	return why;
}

static enum refusal
full(struct b3iq_error *err)
{
	return refuse(err, REFUSED_FULL, "the mempool is full; try again after the next block");
}

/* Who loses its last one to an account with n: the one with the most, if that is more; else, to what
 * can be executed, one that waits behind a gap, which costs nothing and may be for ever.  Or NULL. */
static struct queue *
find_victim(const struct mempool *m, const struct queue *own, size_t n, bool ready)
{
	struct queue *victim = m->largest ? m->by_size[m->largest] : NULL;

	if (victim && victim->n > n + 1 && !victim->last->taken)
		return victim;
	if (!ready)
		return NULL;
	for (victim = m->lacking; victim && victim == own;)
		victim = victim->lacking;
	return victim;
}

static enum refusal
make_room(struct mempool *m, const struct queue *own, bool ready, size_t len,
          struct b3iq_error *err)
{
	static const struct mempool_fate evicted = {
		.why = REFUSED_FULL, .text = "the mempool became full; send it again"
	};

	while (m->counts.txs >= m->options.txs || m->counts.bytes + len > m->options.bytes) {
		struct queue *victim = find_victim(m, own, own ? own->n : 0, ready);

		if (!victim)
			return full(err);
		unlink_entry(m, victim->last, &evicted);
		m->counts.evicted++;
		tidy(m, victim);
	}
	return REFUSED_NOT;
}

static enum refusal
check_nonce(const struct queue *q, uint64_t nonce, uint64_t next, struct b3iq_error *err)
{
	const struct mempool_entry *e;

	if (nonce < next)
		return refuse(err, REFUSED_NONCE, "nonce %llu was used; the account's next is %llu",
		              (unsigned long long)nonce, (unsigned long long)next);
	if (nonce - next >= MEMPOOL_AHEAD)
		return refuse(err, REFUSED_NONCE,
		              "nonce %llu is too far ahead; the account's next is %llu",
		              (unsigned long long)nonce, (unsigned long long)next);
	if (!q || nonce > q->last->tx->tx.nonce)
		return REFUSED_NOT;
	for (e = q->last; e && e->tx->tx.nonce > nonce; e = e->prev)
		;
	if (e && e->tx->tx.nonce == nonce)
		return refuse(err, REFUSED_NONCE,
		              "another transaction with nonce %llu waits for a block",
		              (unsigned long long)nonce);
	return REFUSED_NOT;
}

static enum refusal
check(struct mempool *m, const struct block_tx *t, struct queue **out, uint64_t *nonce,
      struct b3iq_error *err)
{
	struct queue *q = find_queue(m, &t->tx.from);
	uint64_t balance, sum;
	enum refusal why;

	*out = q;
	if (find(m, t->hash))
		return refuse(err, REFUSED_DUPLICATE, "the transaction waits for a block already");
	m->options.account(m->options.ctx, &t->tx.from, &balance, nonce);
	why = check_nonce(q, t->tx.nonce, *nonce, err);
	if (why)
		return why;
	if (q && q->n >= m->options.per_account)
		return refuse(err, REFUSED_FULL, "%zu transactions of this account wait already", q->n);
	if (!amount_add(q ? q->spend : 0, spend_of(&t->tx), &sum) || sum > balance)
		return refuse(err, REFUSED_FUNDS,
		              "the account has %llu and %llu of it waits to be spent: not enough",
		              (unsigned long long)balance, (unsigned long long)(q ? q->spend : 0));
	return make_room(m, q, t->tx.nonce == (q ? q->nonce + q->run : *nonce), t->len, err);
}

/* It waits again: what was said of it earlier does not hold any more. */
static void
forget_recent(struct mempool *m, const uint8_t hash[TX_HASH])
{
	for (size_t i = 0; i < RECENT; i++)
		if (memcmp(m->recent[i].hash, hash, TX_HASH) == 0)
			memset(&m->recent[i], 0, sizeof m->recent[i]);
}

static enum refusal
add(struct mempool *m, struct block_tx *t, struct b3iq_error *err)
{
	struct mempool_entry *e = calloc(1, sizeof *e);
	uint64_t nonce;
	struct queue *q;
	enum refusal why;

	if (!e)
		return full(err);
	pthread_mutex_lock(&m->lock);
	why = check(m, t, &q, &nonce, err);
	if (!why && !q && !(q = add_queue(m, &t->tx.from, nonce)))
		why = full(err);
	if (!why) {
		e->tx = t;
		link_entry(m, q, e);
		forget_recent(m, t->hash);
		m->counts.added++;
	}
	pthread_mutex_unlock(&m->lock);
	if (why)
		free(e);
	return why;
}

enum refusal
mempool_add(struct mempool *m, struct block_tx *t, struct b3iq_error *err)
{
	const enum refusal why = add(m, t, err);

	if (why)
		free(t);
	return why;
}

/* ---- looking and waiting -------------------------------------------------- */

static struct timespec
after(uint32_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Why it was refused lately; latest first. */
static bool
find_recent(const struct mempool *m, const uint8_t hash[TX_HASH], struct mempool_fate *fate)
{
	for (size_t i = m->n_recent; i > 0 && m->n_recent - i < RECENT; i--)
		if (memcmp(m->recent[(i - 1) % RECENT].hash, hash, TX_HASH) == 0) {
			*fate = m->recent[(i - 1) % RECENT].fate;
			return true;
		}
	return false;
}

enum refusal
mempool_wait(struct mempool *m, const uint8_t hash[TX_HASH], uint32_t wait_ms,
             struct mempool_fate *fate)
{
	const struct timespec until = after(wait_ms);
	struct waiter w = { .fate = fate }, **at;
	struct mempool_entry *e;
	pthread_condattr_t attr;
	int late = 0;

	*fate = (struct mempool_fate){ .why = REFUSED_UNKNOWN };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.moved, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&m->lock);
	e = find(m, hash);
	if (e) {
		w.next = e->waiters;
		e->waiters = &w;
	} else {
		find_recent(m, hash, fate);
	}
	while (e && !w.done && late != ETIMEDOUT)
		late = pthread_cond_timedwait(&w.moved, &m->lock, &until);
	if (e && !w.done) { /* then the entry is still there */
		for (at = &e->waiters; *at != &w; at = &(*at)->next)
			;
		*at = w.next;
	}
	pthread_mutex_unlock(&m->lock);
	pthread_cond_destroy(&w.moved);
	return fate->why;
}

void
mempool_pending(struct mempool *m, const struct address *address, uint64_t *nonce, uint64_t *spend,
                size_t *n)
{
	const struct queue *q;
	uint64_t balance;

	pthread_mutex_lock(&m->lock);
	q = find_queue(m, address);
	m->options.account(m->options.ctx, address, &balance, nonce);
	if (q)
		*nonce = q->nonce + q->run;
	*spend = q ? q->spend : 0;
	*n = q ? q->n : 0;
	pthread_mutex_unlock(&m->lock);
}

bool
mempool_get(struct mempool *m, const uint8_t hash[TX_HASH], char wire[TX_MAX], size_t *len)
{
	const struct mempool_entry *e;

	pthread_mutex_lock(&m->lock);
	e = find(m, hash);
	if (e) {
		memcpy(wire, e->tx->wire, e->tx->len);
		*len = e->tx->len;
	}
	pthread_mutex_unlock(&m->lock);
	return e != NULL;
}

void
mempool_each(struct mempool *m, size_t limit, void (*visit)(void *, const struct block_tx *),
             void *arg)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < TABLE && limit > 0; i++)
		for (const struct mempool_entry *e = m->by_hash[i]; e && limit > 0; e = e->chain) {
			visit(arg, e->tx);
			limit--;
		}
	pthread_mutex_unlock(&m->lock);
}

void
mempool_count(struct mempool *m, struct mempool_counts *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->counts;
	pthread_mutex_unlock(&m->lock);
}

bool
mempool_ready(struct mempool *m)
{
	bool ready;

	pthread_mutex_lock(&m->lock);
	ready = m->round != NULL;
	pthread_mutex_unlock(&m->lock);
	return ready;
}

/* ---- into a block --------------------------------------------------------- */

static void
mark(struct mempool *m, struct queue *q)
{
	if (q->marked)
		return;
	q->marked = true;
	q->also = m->marked;
	m->marked = q;
}

/* Up to TURN of one account; false when the block has no more room. */
static bool
take_turn(struct mempool *m, struct queue *q, size_t n, size_t *bytes, struct block_tx **out,
          size_t *got)
{
	for (size_t i = 0; i < TURN && q->fresh; i++) {
		struct mempool_entry *e = q->fresh;

		if (*got == n || e->tx->len > *bytes)
			return false;
		*bytes -= e->tx->len;
		out[(*got)++] = e->tx;
		e->taken = true;
		q->taken++;
		m->counts.taken++;
		q->fresh = q->taken < q->run ? e->next : NULL;
	}
	return true;
}

size_t
mempool_take(struct mempool *m, size_t n, size_t bytes, struct block_tx **out)
{
	size_t got = 0;
	bool room = true;

	pthread_mutex_lock(&m->lock);
	while (room && m->round) {
		struct queue *q = delist_first(m);

		mark(m, q);
		room = take_turn(m, q, n, &bytes, out, &got);
		enlist(m, q);
	}
	pthread_mutex_unlock(&m->lock);
	return got;
}

void
mempool_lock(struct mempool *m)
{
	pthread_mutex_lock(&m->lock);
}

void
mempool_unlock(struct mempool *m)
{
	pthread_mutex_unlock(&m->lock);
}

/* The account has used this nonce: this transaction, and whatever waits with a lower one, goes. */
static void
settle_committed(struct mempool *m, const uint8_t *hash, const struct tx *tx, uint64_t height,
                 uint64_t index)
{
	struct mempool_fate done = { .height = height, .index = index };
	struct mempool_fate beaten = { .why = REFUSED_NONCE,
		                       .text = "another transaction used the nonce" };
	struct queue *q = find_queue(m, &tx->from);

	if (!q)
		return;
	mark(m, q);
	while (q->first && q->first->tx->tx.nonce <= tx->nonce) {
		struct mempool_entry *e = q->first;

		unlink_entry(m, e, memcmp(e->tx->hash, hash, TX_HASH) == 0 ? &done : &beaten);
	}
	if (q->nonce <= tx->nonce)
		q->nonce = tx->nonce + 1;
}

void
mempool_settle(struct mempool *m, uint64_t height, struct block_tx *const *committed, size_t n,
               struct block_tx *const *refused, const struct mempool_fate *fates, size_t n_refused)
{
	struct mempool_entry *e;

	for (size_t i = 0; i < n_refused; i++) {
		if (!(e = find(m, refused[i]->hash)))
			continue;
		mark(m, e->queue);
		unlink_entry(m, e, &fates[i]);
		m->counts.dropped++;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t hash[TX_HASH];
		struct tx tx = committed[i]->tx; /* it may be our own, which is freed now */

		memcpy(hash, committed[i]->hash, sizeof hash);
		settle_committed(m, hash, &tx, height, i);
	}
	/* What is left of the taken goes back; every queue that changed is put in order. */
	for (struct queue *q = m->marked, *next; q; q = next) {
		next = q->also;
		q->marked = false;
		for (e = q->first; e && e->taken; e = e->next) {
			e->taken = false;
			m->counts.taken--;
		}
		tidy(m, q);
	}
	m->marked = NULL;
}
