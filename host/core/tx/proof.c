#include "core/tx/proof.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"

/* ---- the state trie --------------------------------------------------------------- */

static int32_t
pair(uint8_t tag, const uint8_t a[32], const uint8_t b[32], uint8_t out[32])
{
	uint8_t text[1 + 2 * 32] = { tag };

	memcpy(text + 1, a, 32);
	memcpy(text + 33, b, 32);
	return sha256(text, sizeof(text), out);
}

int32_t
proof_leaf(const uint8_t path[32], const uint8_t value_hash[32], uint8_t out[32])
{
	return pair(0, path, value_hash, out);
}

int32_t
proof_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
	return pair(1, left, right, out);
}

bool
proof_bit(const uint8_t path[32], size_t depth)
{
	return path[depth / 8] >> (7 - depth % 8) & 1;
}

/* What stands at the end of the path, as the proof claims it. */
static int32_t
bottom(const struct proof_state *p, const uint8_t path[32], const void *value, size_t len,
       uint8_t out[32])
{
	uint8_t hash[32];
	size_t i;
	int32_t rc;

	if (value) {
		if (p->other)
			return B3IQ_E_DENIED;
		rc = sha256(value, len, hash);
		return rc == B3IQ_OK ? proof_leaf(path, hash, out) : rc;
	}
	if (!p->other) {
		memset(out, 0, 32);
		return B3IQ_OK;
	}
	if (memcmp(p->other_path, path, 32) == 0)
		return B3IQ_E_DENIED; /* that is the entry itself */
	for (i = 0; i < p->depth; i++)
		if (proof_bit(p->other_path, i) != proof_bit(path, i))
			return B3IQ_E_DENIED; /* it stands elsewhere and shows nothing */
	return proof_leaf(p->other_path, p->other_value, out);
}

int32_t
proof_state_check(const struct proof_state *p, const char *key, const void *value, size_t len,
                  const uint8_t root[32])
{
	uint8_t path[32], hash[32];
	size_t depth;
	int32_t rc;

	if (p->depth > PROOF_DEPTH)
		return B3IQ_E_DENIED;
	rc = sha256(key, strlen(key), path);
	if (rc == B3IQ_OK)
		rc = bottom(p, path, value, len, hash);
	for (depth = p->depth; rc == B3IQ_OK && depth-- > 0;)
		rc = proof_bit(path, depth) ? proof_node(p->path[depth], hash, hash) :
		                              proof_node(hash, p->path[depth], hash);
	if (rc != B3IQ_OK)
		return rc;
	return secret_equal(hash, root, 32) ? B3IQ_OK : B3IQ_E_DENIED;
}

/* ---- JSON -------------------------------------------------------------------------- */

static int32_t
put_hash(struct json_object *o, const char *key, const uint8_t hash[32])
{
	char text[65];

	hex_encode(hash, 32, text);
	return json_put_string(o, key, text);
}

static int32_t
put_path(struct json_object *o, const uint8_t (*path)[32], size_t n)
{
	struct json_object *list = json_object_new_array();
	char text[65];
	size_t i;
	int32_t rc = json_put(o, "path", list);

	for (i = 0; rc == B3IQ_OK && i < n; i++) {
		hex_encode(path[i], 32, text);
		rc = json_add(list, json_object_new_string_len(text, 64));
	}
	return rc;
}

static bool
get_hash(struct json_object *o, uint8_t out[32])
{
	return json_object_is_type(o, json_type_string) &&
	       hex_decode(json_object_get_string(o), (size_t)json_object_get_string_len(o), out,
	                  32);
}

static int32_t
get_path(struct json_object *o, uint8_t (*out)[32], size_t max, size_t *n, struct b3iq_error *err)
{
	struct json_object *list;
	size_t i;
	int32_t rc = json_get(o, "path", json_type_array, &list, err);

	if (rc != B3IQ_OK)
		return rc;
	*n = list ? json_object_array_length(list) : 0;
	if (!list || *n > max)
		return fail(err, B3IQ_E_INVALID,
		            "the proof has no \"path\", or one of more than %zu hashes", max);
	for (i = 0; i < *n; i++)
		if (!get_hash(json_object_array_get_idx(list, i), out[i]))
			return fail(err, B3IQ_E_INVALID,
			            "the proof: hash %zu of its \"path\" is not 64 lower case hex "
			            "digits",
			            i);
	return B3IQ_OK;
}

/* No key of an object but these; NULL ends the list. */
static int32_t
closed(struct json_object *o, const char *const *keys, struct b3iq_error *err)
{
	struct json_object_iterator at, end;
	size_t i;

	if (!json_object_is_type(o, json_type_object))
		return fail(err, B3IQ_E_INVALID, "the proof is not an object");
	at = json_object_iter_begin(o);
	end = json_object_iter_end(o);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *key = json_object_iter_peek_name(&at);

		for (i = 0; keys[i] && strcmp(keys[i], key) != 0; i++)
			;
		if (!keys[i])
			return fail(err, B3IQ_E_INVALID, "the proof has an unknown key \"%.40s\"",
			            key);
	}
	return B3IQ_OK;
}

int32_t
proof_state_write(const struct proof_state *p, struct json_object **out, struct b3iq_error *err)
{
	struct json_object *o = json_object_new_object(), *other;
	int32_t rc = B3IQ_E_NO_MEMORY;

	*out = NULL;
	if (p->depth > PROOF_DEPTH) {
		json_object_put(o);
		return fail(err, B3IQ_E_INVALID, "the proof is deeper than %d", PROOF_DEPTH);
	}
	if (o)
		rc = put_path(o, p->path, p->depth);
	if (rc == B3IQ_OK && p->other) {
		other = json_object_new_object();
		rc = json_put(o, "other", other);
		if (rc == B3IQ_OK)
			rc = put_hash(other, "path", p->other_path);
		if (rc == B3IQ_OK)
			rc = put_hash(other, "value", p->other_value);
	}
	if (rc != B3IQ_OK) {
		json_object_put(o);
		return fail_memory(err, "writing a proof");
	}
	*out = o;
	return B3IQ_OK;
}

int32_t
proof_state_read(struct json_object *o, struct proof_state *out, struct b3iq_error *err)
{
	static const char *const keys[] = { "other", "path", NULL };
	static const char *const other_keys[] = { "path", "value", NULL };
	struct json_object *other = NULL;
	int32_t rc = closed(o, keys, err);

	out->other = false;
	if (rc == B3IQ_OK)
		rc = get_path(o, out->path, PROOF_DEPTH, &out->depth, err);
	if (rc != B3IQ_OK || !json_object_object_get_ex(o, "other", &other))
		return rc;
	rc = closed(other, other_keys, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!get_hash(json_object_object_get(other, "path"), out->other_path) ||
	    !get_hash(json_object_object_get(other, "value"), out->other_value))
		return fail(err, B3IQ_E_INVALID,
		            "the proof: \"path\" and \"value\" of \"other\" are 64 lower case hex "
		            "digits each");
	out->other = true;
	return B3IQ_OK;
}

/* ---- the two trees of a block ------------------------------------------------------ */

static int32_t
in_tree(const struct merkle_proof *p, const uint8_t entry[32], const uint8_t root[32])
{
	uint8_t leaf[SHA256_SIZE];
	int32_t rc = merkle_leaf(entry, 32, leaf);

	return rc == B3IQ_OK ? merkle_verify(p, leaf, root) : rc;
}

int32_t
proof_transaction(const struct header *h, const struct merkle_proof *p, const uint8_t hash[32])
{
	return p->count == h->count ? in_tree(p, hash, h->transactions) : B3IQ_E_DENIED;
}

int32_t
proof_receipt(const struct header *h, const struct merkle_proof *p, const uint8_t root[32])
{
	return p->count <= h->count ? in_tree(p, root, h->receipts) : B3IQ_E_DENIED;
}

int32_t
proof_merkle_write(const struct merkle_proof *p, struct json_object **out, struct b3iq_error *err)
{
	struct json_object *o = json_object_new_object();
	int32_t rc = B3IQ_E_NO_MEMORY;

	*out = NULL;
	if (p->depth > MERKLE_DEPTH || p->count > FORM_COUNT_MAX) {
		json_object_put(o);
		return fail(err, B3IQ_E_INVALID, "the proof is deeper than %d", MERKLE_DEPTH);
	}
	if (o)
		rc = json_put_int(o, "count", (int64_t)p->count);
	if (rc == B3IQ_OK)
		rc = json_put_int(o, "index", (int64_t)p->index);
	if (rc == B3IQ_OK)
		rc = put_path(o, p->path, p->depth);
	if (rc != B3IQ_OK) {
		json_object_put(o);
		return fail_memory(err, "writing a proof");
	}
	*out = o;
	return B3IQ_OK;
}

int32_t
proof_merkle_read(struct json_object *o, struct merkle_proof *out, struct b3iq_error *err)
{
	static const char *const keys[] = { "count", "index", "path", NULL };
	int64_t count, index;
	int32_t rc = closed(o, keys, err);

	if (rc == B3IQ_OK)
		rc = json_get_int(o, "count", 1, (int64_t)FORM_COUNT_MAX, -1, &count, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(o, "index", 0, (int64_t)FORM_COUNT_MAX, -1, &index, err);
	if (rc != B3IQ_OK)
		return rc;
	if (count < 1 || index < 0 || index >= count)
		return fail(err, B3IQ_E_INVALID, "the proof: \"index\" is not below \"count\"");
	out->count = (uint64_t)count;
	out->index = (uint64_t)index;
	return get_path(o, out->path, MERKLE_DEPTH, &out->depth, err);
}
