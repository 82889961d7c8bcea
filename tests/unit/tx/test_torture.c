/* Every allocation of the room failed in turn. */
#include "../check.h"
#include "../torture.h"

#include "core/tx/proof.h"
#include "core/tx/tx.h"

static int32_t
transaction(void *arg)
{
	static const uint8_t seed[32] = { 1 };
	struct ed25519_key *key = NULL;
	struct tx tx, back;
	struct buf wire;
	int32_t rc;

	(void)arg;
	memset(&tx, 0, sizeof(tx));
	memcpy(tx.chain, TX_DEVNET, sizeof(TX_DEVNET));
	tx.transfer.amount = 1;
	buf_init(&wire, TX_MAX);
	rc = ed25519_from_seed(seed, &key, NULL);
	if (rc == B3IQ_OK)
		rc = address_of(ed25519_public(key), &tx.from);
	if (rc == B3IQ_OK)
		rc = tx_sign(&tx, key, NULL);
	if (rc == B3IQ_OK)
		rc = tx_format(&tx, &wire, NULL);
	if (rc == B3IQ_OK)
		rc = tx_parse(wire.data, wire.len, &back, NULL);
	if (rc == B3IQ_OK)
		rc = tx_check(&back, NULL);
	buf_free(&wire);
	ed25519_free(key);
	return rc;
}

static int32_t
proofs(void *arg)
{
	struct proof_state p;
	struct merkle_proof m;
	struct json_object *o = NULL;
	int32_t rc;

	(void)arg;
	memset(&p, 0, sizeof(p));
	p.depth = 3;
	p.other = true;
	rc = proof_state_write(&p, &o, NULL);
	if (rc == B3IQ_OK)
		rc = proof_state_read(o, &p, NULL);
	json_object_put(o);
	if (rc != B3IQ_OK)
		return rc;
	memset(&m, 0, sizeof(m));
	m.count = 4;
	m.depth = 2;
	rc = proof_merkle_write(&m, &o, NULL);
	if (rc == B3IQ_OK)
		rc = proof_merkle_read(o, &m, NULL);
	json_object_put(o);
	return rc;
}

static void
test_transaction(void **state)
{
	(void)state;
	/* OpenSSL tells a lack of memory inside a verification as a signature that is wrong */
	torture("transaction", transaction, NULL, B3IQ_E_DENIED);
}

static void
test_proofs(void **state)
{
	(void)state;
	torture("proofs", proofs, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_proofs),
	};

	return cmocka_run_group_tests_name("tx/torture", tests, NULL, NULL);
}
