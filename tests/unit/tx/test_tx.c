/* tx.c: every kind there and back, one text each, and what a signature covers. */
#include "../check.h"

#include "core/tx/tx.c"

#include "fixture.h"

static void
wire_of(const struct tx *tx, struct buf *b)
{
	buf_init(b, TX_MAX);
	assert_int_equal(tx_format(tx, b, NULL), B3IQ_OK);
}

static void
test_tables(void **state)
{
	size_t k, i;

	(void)state;
	for (k = 0; k < TX_N_KINDS; k++) {
		for (i = 1; i < forms[k].n; i++) /* canonical order */
			assert_true(strcmp(forms[k].fields[i - 1].key, forms[k].fields[i].key) < 0);
		for (i = 0; i < forms[k].n; i++)
			if (forms[k].fields[i].type == FORM_WORD)
				assert_string_equal(forms[k].fields[i].word,
				                    tx_kind_name((enum tx_kind)k));
	}
	assert_string_equal(tx_kind_name(TX_N_KINDS), "unknown");
}

static void
test_every_kind(void **state)
{
	struct tx tx, back;
	struct buf wire, message;
	uint8_t hash[32];
	int kind;

	(void)state;
	for (kind = 0; kind < TX_N_KINDS; kind++) {
		tx = fixture_tx((enum tx_kind)kind);
		wire_of(&tx, &wire);
		assert_int_equal(tx_parse(wire.data, wire.len, &back, NULL), B3IQ_OK);
		assert_memory_equal(&back, &tx, sizeof(tx));
		assert_int_equal(tx_check(&back, NULL), B3IQ_OK);
		assert_int_equal(tx_outlay(&tx), kind == TX_TRANSFER || kind == TX_ESCROW_OPEN ||
		                                                 kind == TX_STAKE ?
		                                         7 :
		                                         0);
		buf_init(&message, TX_MAX);
		assert_int_equal(tx_message(&tx, &message, NULL), B3IQ_OK);
		assert_int_equal(tx_parse_message(message.data, message.len, &back, NULL), B3IQ_OK);
		memcpy(back.key, tx.key, sizeof(tx.key) + sizeof(tx.signature));
		assert_memory_equal(&back, &tx, sizeof(tx));
		assert_int_equal(sha256(message.data, message.len, hash), B3IQ_OK);
		assert_int_equal(tx_hash(&tx, back.signature, NULL), B3IQ_OK);
		assert_memory_equal(hash, back.signature, 32);
		buf_free(&message);
		buf_free(&wire);
	}
}

static void
refused(const char *text, size_t n, const char *why)
{
	struct b3iq_error err = NO_ERROR;
	struct tx tx;

	assert_int_equal(tx_parse(text, n, &tx, &err), B3IQ_E_INVALID);
	if (!strstr(err.text, why))
		fail_msg("%.*s: %s", (int)n, text, err.text);
}

static void
test_refused(void **state)
{
	struct tx tx = fixture_tx(TX_TRANSFER);
	struct buf wire;
	char text[TX_MAX + 8];
	char *at;

	(void)state;
	wire_of(&tx, &wire);
	refused("", 0, "begin");
	refused("{\"body\":", 8, "begin");
	refused("{\"body\":{}}", 11, "kind");
	memset(text, ' ', sizeof(text));
	refused(text, sizeof(text), "longer");
	memcpy(text, wire.data, wire.len);
	text[wire.len] = '\n';
	refused(text, wire.len + 1, "follows");
	refused(text, wire.len - 1, "");
	memset(text + wire.len, ' ', 300);
	refused(text, wire.len + 300, "behind the body");
	at = memmem(text, wire.len, "transfer", 8);
	*at = 'T';
	refused(text, wire.len, "kind");
	*at = 't';
	at = memmem(text, wire.len, "\"key\"", 5);
	at[-1] = ';';
	refused(text, wire.len, "behind the body");
	at[-1] = ',';
	at[1] = 'K';
	refused(text, wire.len, "key");
	buf_free(&wire);
}

/* The kind is looked for in the middle: a memo that shows one changes nothing. */
static void
test_kind_in_a_memo(void **state)
{
	struct tx tx = fixture_tx(TX_TRANSFER), back;
	struct buf wire;

	(void)state;
	memcpy(tx.transfer.memo, ",\"kind\":\"stake\"", 16);
	wire_of(&tx, &wire);
	assert_int_equal(tx_parse(wire.data, wire.len, &back, NULL), B3IQ_OK);
	assert_int_equal(back.kind, TX_TRANSFER);
	assert_string_equal(back.transfer.memo, tx.transfer.memo);
	buf_free(&wire);
}

static void
test_messages(void **state)
{
	static const char *const bad[] = { "", "b3iq.tx/1", "b3iq.tx/1\n", "b3iq.tx/2\n{}",
		                           "b3iq.tx/1\n{}" };
	struct tx tx = fixture_tx(TX_STAKE), back;
	struct buf m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tx_parse_message(bad[i], strlen(bad[i]), &back, NULL),
		                 B3IQ_E_INVALID);
	buf_init(&m, TX_MAX + 1);
	assert_int_equal(tx_message(&tx, &m, NULL), B3IQ_OK);
	buf_append(&m, " ", 1);
	assert_int_equal(tx_parse_message(m.data, m.len, &back, NULL), B3IQ_E_INVALID);
	while (m.len <= TX_MAX)
		buf_append(&m, " ", 1);
	assert_int_equal(tx_parse_message(m.data, m.len, &back, NULL), B3IQ_E_INVALID);
	buf_free(&m);
}

static void
test_signatures(void **state)
{
	struct ed25519_key *other = fixture_key(2);
	struct b3iq_error err = NO_ERROR;
	struct tx tx = fixture_tx(TX_TRANSFER), bad;
	int i;

	(void)state;
	bad = tx;
	assert_int_equal(tx_sign(&bad, other, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "from"));
	bad.transfer.amount++;
	assert_int_equal(tx_check(&bad, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "signature"));
	bad = tx;
	bad.chain[0] = 'b'; /* another chain: another message */
	assert_int_equal(tx_check(&bad, NULL), B3IQ_E_DENIED);
	bad = tx;
	bad.nonce++;
	assert_int_equal(tx_check(&bad, NULL), B3IQ_E_DENIED);
	bad = tx;
	memcpy(bad.key, ed25519_public(other), 32);
	assert_int_equal(tx_check(&bad, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "from"));
	for (i = 0; i < 64; i++) {
		bad = tx;
		bad.signature[i] ^= 0x80;
		assert_int_equal(tx_check(&bad, NULL), B3IQ_E_DENIED);
	}
	bad = tx;
	bad.fee = AMOUNT_MAX + 1; /* has no form */
	assert_int_equal(tx_check(&bad, NULL), B3IQ_E_INVALID);
	bad.kind = TX_N_KINDS;
	assert_int_equal(tx_check(&bad, NULL), B3IQ_E_INVALID);
	ed25519_free(other);
}

static void
test_registration(void **state)
{
	struct tx tx = fixture_tx(TX_REGISTER_NODE);
	struct ed25519_key *key = fixture_key(1);
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(tx_check(&tx, NULL), B3IQ_OK);
	tx.register_node.proof[5] ^= 1; /* signed by the account, but the node did not agree */
	assert_int_equal(tx_sign(&tx, key, NULL), B3IQ_OK);
	assert_int_equal(tx_check(&tx, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "proof"));
	ed25519_free(key);
}

static void
test_hash_text(void **state)
{
	uint8_t hash[32], back[32];
	char text[TX_HASH_TEXT], upper[TX_HASH_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < 32; i++)
		hash[i] = (uint8_t)(i * 9);
	tx_hash_write(hash, text);
	assert_int_equal(strlen(text), TX_HASH_TEXT - 1);
	assert_true(tx_hash_parse(text, back));
	assert_memory_equal(hash, back, 32);
	assert_true(tx_hash_parse(text + 2, back));
	for (i = 0; i < sizeof(upper); i++)
		upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] & ~0x20 : text[i]);
	assert_true(tx_hash_parse(upper, back));
	assert_false(tx_hash_parse("", back));
	assert_false(tx_hash_parse("0x", back));
	assert_false(tx_hash_parse(text + 3, back));
	text[5] = 'g';
	assert_false(tx_hash_parse(text, back));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),         cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_kind_in_a_memo),
		cmocka_unit_test(test_messages),       cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_registration),   cmocka_unit_test(test_hash_text),
	};

	return cmocka_run_group_tests_name("tx/tx", tests, NULL, NULL);
}
