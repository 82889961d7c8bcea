#include "chain/state/trie.h"

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* A leaf carries its entry behind it: key, NUL, value, NUL. */
struct node {
	uint8_t      hash[SHA256_SIZE];
	uint64_t     version; /* that made it; only the version being built is ever changed */
	struct node *stale;   /* next in the list of nodes that the next version replaced    */
	bool         leaf, hashed, removed;
	union {
		struct node *child[2];
		struct {
			uint8_t  path[SHA256_SIZE];
			uint64_t row;
			size_t   key_len, value_len;
			struct node *origin; /* the committed leaf that it stands for, or NULL */
		} entry;
	};
	char text[];
};

struct trie {
	struct node *root[2]; /* by enum trie_version */
	uint64_t     count[2];
	uint64_t     version; /* of the version being built, or the last one */
	uint64_t     rows;    /* highest row that was ever given             */
	struct node *stale;   /* committed nodes that the next version replaced */
	bool         open;
};

struct trie *
trie_create(void)
{
	return calloc(1, sizeof(struct trie));
}

static void
free_all(struct node *n)
{
	if (n && !n->leaf)
		for (int side = 0; side < 2; side++)
			free_all(n->child[side]);
	free(n);
}

void
trie_destroy(struct trie *t)
{
	if (!t)
		return;
	trie_abort(t);
	free_all(t->root[TRIE_COMMITTED]);
	free(t);
}

int32_t
trie_path(const char *key, size_t len, uint8_t out[SHA256_SIZE])
{
	return sha256(key, len, out);
}

/* ---- reading ------------------------------------------------------------- */

static const struct node *
find(const struct node *n, const uint8_t *path)
{
	for (size_t depth = 0; n && !n->leaf; depth++)
		n = n->child[proof_bit(path, depth)];
	return n && memcmp(n->entry.path, path, SHA256_SIZE) == 0 ? n : NULL;
}

static struct trie_entry
entry_of(const struct node *n)
{
	return (struct trie_entry){ .key = n->text, .key_len = n->entry.key_len,
		                    .value = n->text + n->entry.key_len + 1,
		                    .value_len = n->entry.value_len, .row = n->entry.row };
}

bool
trie_get(const struct trie *t, enum trie_version version, const uint8_t path[SHA256_SIZE],
         struct trie_entry *out)
{
	const struct node *n = find(t->root[version], path);

	if (n)
		*out = entry_of(n);
	return n != NULL;
}

uint64_t
trie_count(const struct trie *t, enum trie_version version)
{
	return t->count[version];
}

static int32_t
each(const struct node *n, trie_visit *visit, void *arg)
{
	struct trie_entry entry;
	int32_t rc;

	if (!n)
		return B3IQ_OK;
	if (n->leaf) {
		entry = entry_of(n);
		return visit(arg, &entry);
	}
	rc = each(n->child[0], visit, arg);
	return rc == B3IQ_OK ? each(n->child[1], visit, arg) : rc;
}

int32_t
trie_each(const struct trie *t, enum trie_version version, trie_visit *visit, void *arg)
{
	return each(t->root[version], visit, arg);
}

int32_t
trie_prove(const struct trie *t, enum trie_version version, const uint8_t path[SHA256_SIZE],
           struct proof_state *out, bool *found)
{
	static const uint8_t empty[SHA256_SIZE];
	const struct node *n = t->root[version], *beside;

	out->depth = 0;
	out->other = false;
	*found = false;
	while (n && !n->leaf) {
		const bool side = proof_bit(path, out->depth);

		beside = n->child[!side];
		memcpy(out->path[out->depth++], beside ? beside->hash : empty, SHA256_SIZE);
		n = n->child[side];
	}
	if (!n)
		return B3IQ_OK;
	*found = memcmp(n->entry.path, path, SHA256_SIZE) == 0;
	if (*found)
		return B3IQ_OK;
	out->other = true;
	memcpy(out->other_path, n->entry.path, SHA256_SIZE);
	return sha256(n->text + n->entry.key_len + 1, n->entry.value_len, out->other_value);
}

/* ---- the next version ---------------------------------------------------- */

void
trie_begin(struct trie *t)
{
	trie_abort(t);
	t->version++;
	t->root[TRIE_NEXT] = t->root[TRIE_COMMITTED];
	t->count[TRIE_NEXT] = t->count[TRIE_COMMITTED];
	t->open = true;
}

/* The next version goes without this node: gone if it is its own, else kept for the readers. */
static void
drop(struct trie *t, struct node *n, bool removed)
{
	if (n->version == t->version) {
		if (removed && n->entry.origin)
			n->entry.origin->removed = true;
		free(n);
		return;
	}
	n->removed = removed;
	n->stale = t->stale;
	t->stale = n;
}

static struct node *
new_branch(struct trie *t)
{
	struct node *n = calloc(1, sizeof *n);

	if (n)
		n->version = t->version;
	return n;
}

/* A branch that the next version may change, in place of *at. */
static struct node *
own_branch(struct trie *t, struct node **at)
{
	struct node *n = *at, *copy;

	if (n->version != t->version) {
		copy = new_branch(t);
		if (!copy)
			return NULL;
		memcpy(copy->child, n->child, sizeof copy->child);
		drop(t, n, false);
		*at = n = copy;
	}
	n->hashed = false;
	return n;
}

static struct node *
new_leaf(struct trie *t, const uint8_t *path, const char *key, size_t key_len, const char *value,
         size_t value_len)
{
	struct node *n = malloc(sizeof *n + key_len + value_len + 2);

	if (!n)
		return NULL;
	memset(n, 0, sizeof *n);
	n->version = t->version;
	n->leaf = true;
	memcpy(n->entry.path, path, SHA256_SIZE);
	n->entry.key_len = key_len;
	n->entry.value_len = value_len;
	memcpy(n->text, key, key_len);
	n->text[key_len] = '\0';
	memcpy(n->text + key_len + 1, value, value_len);
	n->text[key_len + 1 + value_len] = '\0';
	return n;
}

/* Where two paths part, a branch for each depth above; *at holds `old`, a leaf, at `depth`. */
static int32_t
split(struct trie *t, struct node **at, struct node *old, struct node *leaf, size_t depth)
{
	struct node *top = NULL, **hang = &top;
	bool side;

	do {
		*hang = new_branch(t);
		if (!*hang) {
			free_all(top); /* no leaf hangs there yet */
			return B3IQ_E_NO_MEMORY;
		}
		side = proof_bit(leaf->entry.path, depth);
		if (side != proof_bit(old->entry.path, depth))
			break;
		hang = &(*hang)->child[side];
		depth++;
	} while (true);
	(*hang)->child[side] = leaf;
	(*hang)->child[!side] = old;
	*at = top;
	return B3IQ_OK;
}

static void
give_row(struct trie *t, struct node *leaf, uint64_t row, const struct node *before)
{
	leaf->entry.row = row ? row : before ? before->entry.row : t->rows + 1;
	if (leaf->entry.row > t->rows)
		t->rows = leaf->entry.row;
}

int32_t
trie_put(struct trie *t, const uint8_t path[SHA256_SIZE], const char *key, size_t key_len,
         const char *value, size_t value_len, uint64_t row)
{
	struct node **at = &t->root[TRIE_NEXT], *n, *old, *leaf;
	size_t depth = 0;

	for (; *at && !(*at)->leaf; depth++) {
		n = own_branch(t, at);
		if (!n)
			return B3IQ_E_NO_MEMORY;
		at = &n->child[proof_bit(path, depth)];
	}
	leaf = new_leaf(t, path, key, key_len, value, value_len);
	if (!leaf)
		return B3IQ_E_NO_MEMORY;
	old = *at;
	if (old && memcmp(old->entry.path, path, SHA256_SIZE) == 0) {
		give_row(t, leaf, row, old);
		leaf->entry.origin = old->version == t->version ? old->entry.origin : old;
		*at = leaf;
		drop(t, old, false);
		return B3IQ_OK;
	}
	if (!old) {
		*at = leaf;
	} else if (split(t, at, old, leaf, depth) != B3IQ_OK) {
		free(leaf);
		return B3IQ_E_NO_MEMORY;
	}
	give_row(t, leaf, row, NULL);
	t->count[TRIE_NEXT]++;
	return B3IQ_OK;
}

/* A branch over a single leaf becomes that leaf, up to where another entry stands beside it. */
static void
collapse(struct trie *t, struct node ***way, size_t depth)
{
	while (depth-- > 0) {
		struct node *n = *way[depth];
		struct node *one = n->child[0] ? n->child[0] : n->child[1];

		if ((n->child[0] && n->child[1]) || (one && !one->leaf))
			return;
		*way[depth] = one;
		drop(t, n, false);
	}
}

int32_t
trie_remove(struct trie *t, const uint8_t path[SHA256_SIZE])
{
	struct node **way[PROOF_DEPTH], **at = &t->root[TRIE_NEXT], *n;
	size_t depth = 0;

	if (!find(*at, path))
		return B3IQ_OK;
	while (!(*at)->leaf) {
		n = own_branch(t, at);
		if (!n)
			return B3IQ_E_NO_MEMORY;
		way[depth] = at;
		at = &n->child[proof_bit(path, depth)];
		depth++;
	}
	n = *at;
	*at = NULL;
	drop(t, n, true);
	t->count[TRIE_NEXT]--;
	collapse(t, way, depth);
	return B3IQ_OK;
}

/* ---- root, commit, abort ------------------------------------------------- */

static int32_t
hash_leaf(struct node *n)
{
	uint8_t value[SHA256_SIZE];
	const int32_t rc = sha256(n->text + n->entry.key_len + 1, n->entry.value_len, value);

	return rc == B3IQ_OK ? proof_leaf(n->entry.path, value, n->hash) : rc;
}

static int32_t
hash_node(struct node *n)
{
	static const uint8_t empty[SHA256_SIZE];
	int32_t rc = B3IQ_OK;

	if (!n || n->hashed)
		return B3IQ_OK;
	if (n->leaf) {
		rc = hash_leaf(n);
	} else {
		rc = hash_node(n->child[0]);
		if (rc == B3IQ_OK)
			rc = hash_node(n->child[1]);
		if (rc == B3IQ_OK)
			rc = proof_node(n->child[0] ? n->child[0]->hash : empty,
			                n->child[1] ? n->child[1]->hash : empty, n->hash);
	}
	n->hashed = rc == B3IQ_OK;
	return rc;
}

int32_t
trie_root(struct trie *t, uint8_t out[SHA256_SIZE])
{
	struct node *n = t->root[TRIE_NEXT];
	const int32_t rc = hash_node(n);

	if (rc != B3IQ_OK)
		return rc;
	if (n)
		memcpy(out, n->hash, SHA256_SIZE);
	else
		memset(out, 0, SHA256_SIZE);
	return B3IQ_OK;
}

static int32_t
changed(const struct trie *t, const struct node *n, trie_visit *put, void *arg)
{
	struct trie_entry entry;
	int32_t rc;

	if (!n || n->version != t->version) /* older nodes never lead to newer ones... */
		return B3IQ_OK;
	if (n->leaf) {
		entry = entry_of(n);
		return put(arg, &entry);
	}
	rc = changed(t, n->child[0], put, arg);
	return rc == B3IQ_OK ? changed(t, n->child[1], put, arg) : rc;
}

int32_t
trie_changed(const struct trie *t, trie_visit *put, trie_visit *removed, void *arg)
{
	struct trie_entry entry;
	int32_t rc = B3IQ_OK;

	for (const struct node *n = t->stale; n && rc == B3IQ_OK; n = n->stale) {
		if (!n->leaf || !n->removed)
			continue;
		entry = entry_of(n);
		rc = removed(arg, &entry);
	}
	return rc == B3IQ_OK ? changed(t, t->root[TRIE_NEXT], put, arg) : rc;
}

void
trie_commit(struct trie *t)
{
	struct node *n;

	while ((n = t->stale)) {
		t->stale = n->stale;
		free(n);
	}
	t->root[TRIE_COMMITTED] = t->root[TRIE_NEXT];
	t->count[TRIE_COMMITTED] = t->count[TRIE_NEXT];
	t->root[TRIE_NEXT] = NULL;
	t->open = false;
}

static void
free_version(struct node *n, uint64_t version)
{
	if (!n || n->version != version)
		return;
	if (!n->leaf)
		for (int side = 0; side < 2; side++)
			free_version(n->child[side], version);
	free(n);
}

void
trie_abort(struct trie *t)
{
	if (!t->open)
		return;
	free_version(t->root[TRIE_NEXT], t->version);
	while (t->stale) {
		struct node *n = t->stale;

		t->stale = n->stale;
		n->stale = NULL;
		n->removed = false;
	}
	t->root[TRIE_NEXT] = NULL;
	t->open = false;
}
