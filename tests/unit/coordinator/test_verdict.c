#include "coordinator/settle/verdict.c"

#include <string.h>

#include "unit.h"

static void
test_signed(void **state)
{
	const uint8_t seed[32] = { 9 };
	struct ed25519_key *key = NULL;
	struct job j = unit_job("alice", "m");
	struct b3iq_error err = NO_ERR;
	struct json_object *doc = NULL, *body, *sig;
	struct buf out, message;
	uint8_t hash[32], signature[64];

	(void)state;
	buf_init(&out, VERDICT_MAX);
	buf_init(&message, VERDICT_MAX);
	assert_ok(ed25519_from_seed(seed, &key, &err), err);
	snprintf(j.worker, sizeof j.worker, "quo\"ted");
	j.amount = 250000;
	assert_ok(verdict_write(&j, (const uint8_t[32]){ 1 }, key, &out, hash, &err), err);
	assert_ok(json_parse(out.data, out.len, "verdict", &doc, &err), err);
	assert_true(json_object_object_get_ex(doc, "body", &body));
	assert_true(json_object_object_get_ex(doc, "signature", &sig));
	buf_puts(&message, VERDICT_DOMAIN);
	assert_ok(json_canonical(body, &message, &err), err);
	assert_true(hex_decode(json_object_get_string(sig), 128, signature, 64));
	assert_int_equal(ed25519_verify(ed25519_public(key), message.data, message.len, signature),
	                 B3IQ_OK);
	assert_non_null(strstr(out.data, "\"amount\":\"250000\""));
	buf_clear(&out);
	assert_ok(verdict_write(&j, NULL, key, &out, hash, &err), err);
	assert_non_null(strstr(out.data, "\"verified\":false"));
	assert_null(strstr(out.data, "\"receipt\""));
	json_object_put(doc);
	buf_free(&out);
	buf_free(&message);
	ed25519_free(key);
}

UNIT_MAIN(cmocka_unit_test(test_signed))
