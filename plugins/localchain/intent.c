#include "intent.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "value.h"

#define KEY_NAME (sizeof "tx/" + 64)

static void
key_name(const uint8_t key[32], char out[KEY_NAME])
{
	memcpy(out, "tx/", 3);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 3 + 2 * i, 3, "%02x", key[i]);
}

void
intent_finish(struct intent *i)
{
	free(i->wire);
	i->wire = NULL;
}

static bool
take(struct json_object *doc, const char *name, char *out, size_t size)
{
	struct json_object *value;

	if (!json_object_object_get_ex(doc, name, &value) ||
	    (size_t)json_object_get_string_len(value) >= size)
		return false;
	snprintf(out, size, "%s", json_object_get_string(value));
	return true;
}

int32_t
intent_load(const struct b3iq_host *host, const uint8_t key[32], struct intent *out,
            struct b3iq_error *err)
{
	struct value value = VALUE(2 * BODY_MAX);
	struct json_object *doc = NULL, *wire, *nonce;
	char name[KEY_NAME];
	int32_t rc;

	memset(out, 0, sizeof *out);
	key_name(key, name);
	rc = host->kv_get(host->ctx, name, &value.writer);
	if (rc == B3IQ_E_NOT_FOUND)
		fail_with(err, rc, "no transaction was ever made for this key");
	else if (rc != B3IQ_OK)
		fail_with(err, rc, "the key-value store does not answer: nothing was sent");
	else
		doc = value_json(&value);
	value_finish(&value);
	if (rc != B3IQ_OK)
		return rc;
	if (take(doc, "hash", out->hash, sizeof out->hash) &&
	    take(doc, "fee", out->fee, sizeof out->fee) &&
	    take(doc, "from", out->from, sizeof out->from) &&
	    json_object_object_get_ex(doc, "nonce", &nonce) &&
	    json_object_object_get_ex(doc, "wire", &wire)) {
		out->nonce = (uint64_t)json_object_get_int64(nonce);
		out->wire = strdup(json_object_get_string(wire));
	}
	json_object_put(doc);
	return out->wire ? B3IQ_OK
	                 : fail_with(err, B3IQ_E_INTERNAL,
	                             "the record of this key in the key-value store is damaged");
}

int32_t
intent_store(const struct b3iq_host *host, const uint8_t key[32], const struct intent *i,
             struct b3iq_error *err)
{
	struct json_object *doc = json_object_new_object();
	char name[KEY_NAME];
	const char *text;
	int32_t rc;

	if (!doc)
		return fail_memory(err, "a transaction");
	key_name(key, name);
	json_object_object_add(doc, "hash", json_object_new_string(i->hash));
	json_object_object_add(doc, "fee", json_object_new_string(i->fee));
	json_object_object_add(doc, "from", json_object_new_string(i->from));
	json_object_object_add(doc, "nonce", json_object_new_int64((int64_t)i->nonce));
	json_object_object_add(doc, "wire", json_object_new_string(i->wire));
	text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN);
	rc = text ? host->kv_put(host->ctx, name, text, strlen(text)) : B3IQ_E_NO_MEMORY;
	json_object_put(doc);
	if (rc != B3IQ_OK)
		return fail_with(err, rc, "the transaction could not be recorded: nothing was sent");
	return B3IQ_OK;
}

static int32_t
hash_of(const char *message, char out[RPC_HASH_SIZE])
{
	uint8_t digest[32];

	if (EVP_Digest(message, strlen(message), digest, NULL, EVP_sha256(), NULL) != 1)
		return B3IQ_E_INTERNAL;
	memcpy(out, "0x", 2);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", digest[i]);
	return B3IQ_OK;
}

int32_t
intent_make(const struct b3iq_host *host, const char *signer, const uint8_t public_key[32],
            const struct body_sender *sender, const char *body, struct intent *out,
            struct b3iq_error *err)
{
	struct value signature = VALUE(64);
	char message[sizeof BODY_DOMAIN + BODY_MAX];
	int32_t rc;

	memset(out, 0, sizeof *out);
	snprintf(out->fee, sizeof out->fee, "%s", sender->fee);
	snprintf(out->from, sizeof out->from, "%s", sender->from);
	out->nonce = sender->nonce;
	if (snprintf(message, sizeof message, BODY_DOMAIN "%s", body) >= (int)sizeof message)
		return fail_with(err, B3IQ_E_INVALID, "the transaction has more than %d bytes",
		                 BODY_MAX);
	rc = host->sign(host->ctx, signer, "ed25519", message, strlen(message), &signature.writer);
	if (rc == B3IQ_OK && signature.len != 64)
		rc = B3IQ_E_INTERNAL;
	if (rc != B3IQ_OK)
		fail_with(err, rc, "the host did not sign with the key \"%.64s\": nothing was sent",
		          signer);
	else
		rc = hash_of(message, out->hash);
	if (rc == B3IQ_OK)
		rc = body_seal(body, public_key, (const uint8_t *)signature.data, &out->wire, err);
	value_finish(&signature);
	return rc;
}
