#include "chain/state/state.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

/* When stake gets free; the record itself is in the trie, and may be gone by then (slashed). */
struct due {
	uint64_t         mature;
	struct record_id id;
};

struct dues {
	struct due *list;
	size_t      n, cap;
};

struct state {
	struct trie *trie;
	struct buf   value;    /* scratch of the writer                           */
	uint64_t     money[2]; /* by enum trie_version; modulo 2^64               */
	struct dues  due;      /* of the committed version, earliest first        */
	struct dues  added;    /* by the next version                             */
	struct dues  merged;   /* `due` as it will be, from state_root() on       */
	size_t       taken;    /* how many of `due` the next version has freed    */
	bool         missed;   /* a record of the next version could not be looked up... */
	bool        *note;     /* ...which is noted here, also by those who only read     */
};

struct state *
state_create(void)
{
	struct state *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	buf_init(&s->value, RECORD_VALUE_MAX);
	s->note = &s->missed;
	s->trie = trie_create();
	if (s->trie)
		return s;
	free(s);
	return NULL;
}

void
state_destroy(struct state *s)
{
	if (!s)
		return;
	trie_destroy(s->trie);
	buf_free(&s->value);
	free(s->due.list);
	free(s->added.list);
	free(s->merged.list);
	free(s);
}

const struct trie *
state_trie(const struct state *s)
{
	return s->trie;
}

/* ---- records ------------------------------------------------------------- */

static bool
get(const struct state *s, enum trie_version version, enum record_kind kind,
    const uint8_t path[SHA256_SIZE], struct record *out)
{
	struct trie_entry entry;

	memset(out, 0, sizeof *out);
	return trie_get(s->trie, version, path, &entry) &&
	       record_read(kind, entry.value, entry.value_len, out, NULL) == B3IQ_OK;
}

bool
state_get(const struct state *s, enum trie_version version, enum record_kind kind,
          const struct record_id *id, struct record *out)
{
	uint8_t path[SHA256_SIZE];
	char key[RECORD_KEY_SIZE];
	const size_t len = record_key(kind, id, key);

	memset(out, 0, sizeof *out);
	if (trie_path(key, len, path) == B3IQ_OK)
		return get(s, version, kind, path, out);
	/* "Not there" may be wrong now: no version that rests on it becomes a block. */
	if (version == TRIE_NEXT)
		*s->note = true;
	return false;
}

struct record
state_account(const struct state *s, enum trie_version version, const struct address *address)
{
	const struct record_id id = { .address = *address };
	struct record r;

	state_get(s, version, RECORD_ACCOUNT, &id, &r);
	return r;
}

void
state_begin(struct state *s)
{
	trie_begin(s->trie);
	s->money[TRIE_NEXT] = s->money[TRIE_COMMITTED];
	s->added.n = 0;
	s->taken = 0;
	s->missed = false;
}

/* ---- dues ---------------------------------------------------------------- */

static int
compare(const struct due *a, const struct due *b)
{
	int order;

	if (a->mature != b->mature)
		return a->mature < b->mature ? -1 : 1;
	order = memcmp(a->id.address.bytes, b->id.address.bytes, ADDRESS_BYTES);
	if (order)
		return order;
	return a->id.nonce < b->id.nonce ? -1 : a->id.nonce > b->id.nonce;
}

static int32_t
make_room(struct dues *d, size_t n)
{
	const size_t cap = (d->n + n) * 2 + 16;
	struct due *list;

	if (d->n + n <= d->cap)
		return B3IQ_OK;
	list = reallocarray(d->list, cap, sizeof *list);
	if (!list)
		return B3IQ_E_NO_MEMORY;
	d->list = list;
	d->cap = cap;
	return B3IQ_OK;
}

/* There is room. */
static void
insert(struct dues *d, const struct due *due)
{
	size_t at = d->n;

	while (at > 0 && compare(due, &d->list[at - 1]) < 0)
		at--;
	memmove(d->list + at + 1, d->list + at, (d->n - at) * sizeof *due);
	d->list[at] = *due;
	d->n++;
}

static int32_t
add_due(struct state *s, const struct record_id *id, uint64_t mature)
{
	if (make_room(&s->added, 1) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	s->added.list[s->added.n++] = (struct due){ mature, *id };
	return B3IQ_OK;
}

/* What follows `due`, in memory of its own: readers still have the old list. */
static int32_t
merge(struct state *s)
{
	const size_t rest = s->due.n - s->taken;

	s->merged.n = 0;
	if (s->taken + s->added.n == 0)
		return B3IQ_OK;
	if (make_room(&s->merged, rest + s->added.n) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	if (rest)
		memcpy(s->merged.list, s->due.list + s->taken, rest * sizeof *s->due.list);
	s->merged.n = rest;
	for (size_t i = 0; i < s->added.n; i++)
		insert(&s->merged, &s->added.list[i]);
	return B3IQ_OK;
}

bool
state_take_mature(struct state *s, uint64_t time, struct record_id *out)
{
	if (s->taken == s->due.n || s->due.list[s->taken].mature > time)
		return false;
	*out = s->due.list[s->taken++].id;
	return true;
}

bool
state_unbonding(const struct state *s, enum trie_version version, const struct address *account,
                size_t *at, struct record_id *id, struct record *out)
{
	const size_t taken = version == TRIE_NEXT ? s->taken : 0;
	const size_t n = s->due.n + (version == TRIE_NEXT ? s->added.n : 0);

	if (*at < taken)
		*at = taken;
	while (*at < n) {
		const size_t i = (*at)++;
		const struct due *d =
			i < s->due.n ? &s->due.list[i] : &s->added.list[i - s->due.n];

		if (!address_equal(&d->id.address, account))
			continue;
		*id = d->id;
		state_get(s, version, RECORD_UNBONDING, id, out);
		return true;
	}
	return false;
}

/* ---- changes ------------------------------------------------------------- */

int32_t
state_put(struct state *s, enum record_kind kind, const struct record_id *id,
          const struct record *r, struct b3iq_error *err)
{
	uint8_t path[SHA256_SIZE];
	char key[RECORD_KEY_SIZE];
	const size_t len = record_key(kind, id, key);
	struct record before;
	bool there;
	int32_t rc;

	buf_clear(&s->value);
	rc = record_write(kind, r, &s->value, err);
	if (rc == B3IQ_OK)
		rc = trie_path(key, len, path);
	if (rc != B3IQ_OK)
		return rc;
	there = get(s, TRIE_NEXT, kind, path, &before);
	rc = trie_put(s->trie, path, key, len, s->value.data, s->value.len, 0);
	if (rc == B3IQ_OK && kind == RECORD_UNBONDING && !there)
		rc = add_due(s, id, r->unbonding.mature);
	if (rc != B3IQ_OK)
		return fail_memory(err, "changing the state");
	s->money[TRIE_NEXT] += record_money(kind, r) - record_money(kind, &before);
	return B3IQ_OK;
}

int32_t
state_remove(struct state *s, enum record_kind kind, const struct record_id *id,
             struct b3iq_error *err)
{
	uint8_t path[SHA256_SIZE];
	char key[RECORD_KEY_SIZE];
	const size_t len = record_key(kind, id, key);
	struct record before;

	if (trie_path(key, len, path) != B3IQ_OK)
		return fail_memory(err, "changing the state");
	get(s, TRIE_NEXT, kind, path, &before);
	if (trie_remove(s->trie, path) != B3IQ_OK)
		return fail_memory(err, "changing the state");
	s->money[TRIE_NEXT] -= record_money(kind, &before);
	return B3IQ_OK;
}

int32_t
state_load(struct state *s, const struct trie_entry *entry, struct b3iq_error *err)
{
	uint8_t path[SHA256_SIZE];
	enum record_kind kind;
	struct record_id id;
	struct record r;
	int32_t rc;

	if (!record_key_read(entry->key, entry->key_len, &kind, &id))
		return fail(err, B3IQ_E_INVALID, "the entry \"%.100s\" of the state has no known key",
		            entry->key);
	rc = record_read(kind, entry->value, entry->value_len, &r, err);
	if (rc != B3IQ_OK)
		return rc;
	rc = trie_path(entry->key, entry->key_len, path);
	if (rc == B3IQ_OK)
		rc = trie_put(s->trie, path, entry->key, entry->key_len, entry->value,
		              entry->value_len, entry->row);
	if (rc == B3IQ_OK && kind == RECORD_UNBONDING)
		rc = add_due(s, &id, r.unbonding.mature);
	if (rc != B3IQ_OK)
		return fail_memory(err, "loading the state");
	s->money[TRIE_NEXT] += record_money(kind, &r);
	return B3IQ_OK;
}

int32_t
state_root(struct state *s, uint8_t out[SHA256_SIZE], struct b3iq_error *err)
{
	if (s->missed || merge(s) != B3IQ_OK || trie_root(s->trie, out) != B3IQ_OK)
		return fail_memory(err, "hashing the state");
	return B3IQ_OK;
}

bool
state_supply_holds(const struct state *s)
{
	const struct record_id id = { .nonce = 0 };
	struct record supply;

	return state_get(s, TRIE_NEXT, RECORD_SUPPLY, &id, &supply) &&
	       supply.supply.amount == s->money[TRIE_NEXT];
}

void
state_commit(struct state *s)
{
	if (s->taken + s->added.n) {
		const struct dues old = s->due;

		s->due = s->merged;
		s->merged = old;
	}
	s->added.n = s->taken = 0;
	s->money[TRIE_COMMITTED] = s->money[TRIE_NEXT];
	trie_commit(s->trie);
}

void
state_abort(struct state *s)
{
	s->added.n = s->taken = 0;
	trie_abort(s->trie);
}
