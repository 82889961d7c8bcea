#include "coordinator/settle/verdict.h"

#include <stdio.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/sha256.h"

static int32_t
put_number(struct json_object *to, const char *key, uint64_t n)
{
	return json_put_int(to, key, (int64_t)n);
}

static struct json_object *
body_of(const struct job *j, const uint8_t *receipt, const struct ed25519_key *key)
{
	struct json_object *o = json_object_new_object();
	char name[ED25519_NAME_SIZE], hex[65], amount[24];

	ed25519_name(ed25519_public(key), name);
	snprintf(amount, sizeof amount, "%llu", (unsigned long long)j->amount);
	hex_encode(j->order, sizeof j->order, hex);
	if (!o || json_put_string(o, "version", "b3iq.verdict/1") ||
	    json_put_string(o, "amount", amount) || json_put_string(o, "coordinator", name) ||
	    json_put_string(o, "job", j->id) || json_put_string(o, "order", hex) ||
	    json_put_string(o, "worker", j->worker) || put_number(o, "time_ms", j->ended_ms) ||
	    put_number(o, "units_ms", j->units_ms) ||
	    put_number(o, "units_tokens", j->units_tokens) ||
	    json_put_bool(o, "verified", receipt != NULL)) {
		json_object_put(o);
		return NULL;
	}
	if (!receipt)
		return o;
	hex_encode(receipt, 32, hex);
	if (json_put_string(o, "receipt", hex) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static int32_t
sign(const struct buf *message, const struct ed25519_key *key, struct buf *out, uint8_t hash[32],
     struct b3iq_error *err)
{
	const size_t head = sizeof VERDICT_DOMAIN - 1;
	uint8_t sig[ED25519_SIGNATURE];
	char hash_hex[65], sig_hex[2 * ED25519_SIGNATURE + 1];
	int32_t rc = ed25519_sign(key, message->data, message->len, sig, err);

	if (rc == B3IQ_OK)
		rc = sha256(message->data, message->len, hash);
	if (rc != B3IQ_OK)
		return rc;
	hex_encode(hash, 32, hash_hex);
	hex_encode(sig, sizeof sig, sig_hex);
	return buf_printf(out, "{\"body\":%.*s,\"hash\":\"%s\",\"signature\":\"%s\"}",
	                  (int)(message->len - head), message->data + head, hash_hex, sig_hex);
}

int32_t
verdict_write(const struct job *j, const uint8_t *receipt, const struct ed25519_key *key,
              struct buf *out, uint8_t hash[32], struct b3iq_error *err)
{
	struct json_object *body = body_of(j, receipt, key);
	struct buf message;
	int32_t rc;

	if (!body)
		return fail_memory(err, "writing a verdict");
	buf_init(&message, VERDICT_MAX);
	buf_puts(&message, VERDICT_DOMAIN);
	rc = json_canonical(body, &message, err);
	if (rc == B3IQ_OK)
		rc = sign(&message, key, out, hash, err);
	buf_free(&message);
	json_object_put(body);
	return rc;
}
