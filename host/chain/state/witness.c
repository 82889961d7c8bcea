#include "chain/state/witness.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"

static const char *const kinds[] = { "state", "transaction", "receipt" };

/* ---- writing ------------------------------------------------------------- */

static int32_t
put_hex(struct json_object *o, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * ED25519_SIGNATURE + 1];

	hex_encode(bytes, n, text);
	return json_put_string(o, key, text);
}

static int32_t
put_header(struct json_object *o, const struct header *h, struct b3iq_error *err)
{
	struct json_object *header = NULL;
	struct buf text;
	int32_t rc;

	buf_init(&text, HEADER_MAX);
	rc = header_write(h, &text, err);
	if (rc == B3IQ_OK)
		rc = json_parse(text.data, text.len, "the header", &header, err);
	if (rc == B3IQ_OK)
		rc = json_put(o, "header", header);
	buf_free(&text);
	return rc;
}

static int32_t
put_proof(struct json_object *o, const struct witness *w, struct b3iq_error *err)
{
	struct json_object *proof, *value = NULL;
	int32_t rc;

	if (w->kind != WITNESS_STATE) {
		rc = proof_merkle_write(&w->merkle, &proof, err);
		if (rc == B3IQ_OK)
			rc = json_put(o, "proof", proof);
		return rc == B3IQ_OK ? put_hex(o, w->kind == WITNESS_RECEIPT ? "root" : "hash",
		                               w->hash, 32) :
		                       rc;
	}
	rc = proof_state_write(&w->state, &proof, err);
	if (rc == B3IQ_OK)
		rc = json_put(o, "proof", proof);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "key", w->key);
	if (rc != B3IQ_OK || !w->present)
		return rc == B3IQ_OK ? json_put_or_null(o, "value", NULL) : rc;
	value = json_object_new_string_len(w->value, (int)w->value_len);
	return json_put(o, "value", value);
}

int32_t
witness_write(const struct witness *w, struct json_object **out, struct b3iq_error *err)
{
	struct json_object *o = json_object_new_object();
	int32_t rc = o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	*out = NULL;
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "version", WITNESS_VERSION);
	if (rc == B3IQ_OK)
		rc = json_put_string(o, "kind", kinds[w->kind]);
	if (rc == B3IQ_OK)
		rc = put_header(o, &w->header, err);
	if (rc == B3IQ_OK)
		rc = put_hex(o, "signature", w->signature, sizeof w->signature);
	if (rc == B3IQ_OK)
		rc = put_proof(o, w, err);
	if (rc == B3IQ_OK) {
		*out = o;
		return rc;
	}
	json_object_put(o);
	return fail(err, rc, "the proof cannot be written");
}

/* ---- reading ------------------------------------------------------------- */

static int32_t
get_hex(struct json_object *o, const char *key, uint8_t *out, size_t n, struct b3iq_error *err)
{
	const char *text;
	const int32_t rc = json_get_string(o, key, "", &text, err);

	if (rc == B3IQ_OK && !hex_decode(text, strlen(text), out, n))
		return fail(err, B3IQ_E_INVALID, "the proof's \"%s\" is not %zu hex digits", key,
		            2 * n);
	return rc;
}

static int32_t
get_header(struct json_object *o, struct header *h, struct b3iq_error *err)
{
	struct json_object *header;
	struct buf text;
	int32_t rc = json_get(o, "header", json_type_object, &header, err);

	if (rc == B3IQ_OK && !header)
		rc = fail(err, B3IQ_E_INVALID, "the proof has no \"header\"");
	if (rc != B3IQ_OK)
		return rc;
	buf_init(&text, HEADER_MAX);
	rc = json_canonical(header, &text, err);
	if (rc == B3IQ_OK)
		rc = header_read(text.data, text.len, h, err);
	buf_free(&text);
	return rc;
}

static int32_t
get_state(struct json_object *o, struct json_object *proof, struct witness *w,
          struct b3iq_error *err)
{
	struct json_object *value = NULL;
	const char *key;
	int32_t rc = json_get_string(o, "key", "", &key, err);

	if (rc == B3IQ_OK && (!*key || strlen(key) >= sizeof w->key))
		rc = fail(err, B3IQ_E_INVALID, "the proof has no \"key\" of an entry");
	if (rc == B3IQ_OK)
		rc = json_get(o, "value", json_type_string, &value, err);
	if (rc != B3IQ_OK)
		return rc;
	memcpy(w->key, key, strlen(key) + 1);
	w->present = value != NULL;
	if (value) {
		w->value_len = (size_t)json_object_get_string_len(value);
		if (w->value_len >= sizeof w->value)
			return fail(err, B3IQ_E_INVALID, "the proof's \"value\" is too long");
		memcpy(w->value, json_object_get_string(value), w->value_len);
	}
	return proof_state_read(proof, &w->state, err);
}

static int32_t
get_kind(struct json_object *o, enum witness_kind *out, struct b3iq_error *err)
{
	const char *version, *kind;
	int32_t rc = json_get_string(o, "version", "", &version, err);

	if (rc == B3IQ_OK)
		rc = json_get_string(o, "kind", "", &kind, err);
	if (rc != B3IQ_OK)
		return rc;
	if (strcmp(version, WITNESS_VERSION) != 0)
		return fail(err, B3IQ_E_INVALID, "this is no \"" WITNESS_VERSION "\"");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kind, kinds[i]) == 0) {
			*out = (enum witness_kind)i;
			return B3IQ_OK;
		}
	return fail(err, B3IQ_E_INVALID, "the proof is of an unknown kind");
}

int32_t
witness_read(struct json_object *o, struct witness *w, struct b3iq_error *err)
{
	struct json_object *proof;
	int32_t rc;

	memset(w, 0, sizeof *w);
	if (!json_object_is_type(o, json_type_object))
		return fail(err, B3IQ_E_INVALID, "the proof is no object");
	rc = get_kind(o, &w->kind, err);
	if (rc == B3IQ_OK)
		rc = get_header(o, &w->header, err);
	if (rc == B3IQ_OK)
		rc = get_hex(o, "signature", w->signature, sizeof w->signature, err);
	if (rc == B3IQ_OK)
		rc = json_get(o, "proof", json_type_object, &proof, err);
	if (rc == B3IQ_OK && !proof)
		rc = fail(err, B3IQ_E_INVALID, "the proof has no \"proof\"");
	if (rc != B3IQ_OK)
		return rc;
	if (w->kind == WITNESS_STATE)
		return get_state(o, proof, w, err);
	rc = get_hex(o, w->kind == WITNESS_RECEIPT ? "root" : "hash", w->hash, 32, err);
	return rc == B3IQ_OK ? proof_merkle_read(proof, &w->merkle, err) : rc;
}

/* ---- checking ------------------------------------------------------------ */

static int32_t
check_block(const struct witness *w, const uint8_t (*proposers)[ED25519_PUBLIC], size_t n,
            const uint8_t *block, struct b3iq_error *err)
{
	uint8_t hash[SHA256_SIZE];
	bool pinned = false;
	int32_t rc = header_hash(&w->header, hash, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!n && !block)
		return fail(err, B3IQ_E_INVALID,
		            "nothing is pinned: name a proposer's key, or the hash of the block");
	if (block && memcmp(hash, block, sizeof hash) != 0)
		return fail(err, B3IQ_E_DENIED, "the header is not that of the pinned block");
	if (!n)
		return B3IQ_OK;
	for (size_t i = 0; i < n; i++)
		pinned |= memcmp(w->header.proposer, proposers[i], ED25519_PUBLIC) == 0;
	if (!pinned)
		return fail(err, B3IQ_E_DENIED, "the header's proposer is not a pinned one");
	return header_check(&w->header, w->signature, err);
}

int32_t
witness_check(const struct witness *w, const uint8_t (*proposers)[ED25519_PUBLIC], size_t n,
              const uint8_t *block, struct b3iq_error *err)
{
	int32_t rc = check_block(w, proposers, n, block, err);

	if (rc != B3IQ_OK)
		return rc;
	switch (w->kind) {
	case WITNESS_STATE:
		rc = proof_state_check(&w->state, w->key, w->present ? w->value : NULL,
		                       w->value_len, w->header.state);
		break;
	case WITNESS_TRANSACTION:
		rc = proof_transaction(&w->header, &w->merkle, w->hash);
		break;
	case WITNESS_RECEIPT:
		rc = proof_receipt(&w->header, &w->merkle, w->hash);
		break;
	}
	if (rc == B3IQ_E_DENIED || rc == B3IQ_E_INVALID)
		return fail(err, B3IQ_E_DENIED, "the proof does not lead to the header's root");
	return rc;
}
