#include "fixture.h"

void
people_make(struct people *p)
{
	static const uint64_t money[PEOPLE] = { [ALICE] = RICH, [BOB] = 1000000 };
	char name[ED25519_NAME_SIZE], text[ADDRESS_SIZE];
	const char *between = "";

	for (int i = 0; i < PEOPLE; i++) {
		const uint8_t seed[32] = { 7, (uint8_t)i };

		assert_int_equal(ed25519_from_seed(seed, &p->key[i], NULL), B3IQ_OK);
		assert_int_equal(address_of(ed25519_public(p->key[i]), &p->address[i]), B3IQ_OK);
	}
	buf_init(&p->genesis, 65536);
	buf_puts(&p->genesis, "{\"accounts\":{");
	for (int i = 0; i < PEOPLE; i++) {
		if (!money[i])
			continue;
		address_write(&p->address[i], text);
		buf_printf(&p->genesis, "%s\"%s\":\"%llu\"", between, text,
		           (unsigned long long)money[i]);
		between = ",";
	}
	ed25519_name(ed25519_public(p->key[PROPOSER]), name);
	address_write(&p->address[PROPOSER], text);
	buf_printf(&p->genesis,
	           "},\"chain\":\"test\",\"min_fee\":\"%d\",\"proposers\":[\"%s\"],"
	           "\"slasher\":\"%s\",",
	           FEE, name, text);
	address_write(&p->address[TREASURY], text);
	buf_printf(&p->genesis, "\"time\":%llu,\"treasury\":\"%s\",\"unbonding_ms\":%d}",
	           (unsigned long long)START, text, UNBOND);
	assert_int_equal(p->genesis.rc, B3IQ_OK);
}

void
people_end(struct people *p)
{
	for (int i = 0; i < PEOPLE; i++)
		ed25519_free(p->key[i]);
	buf_free(&p->genesis);
}

struct genesis
people_genesis(const struct people *p)
{
	struct b3iq_error err = NO_ERROR;
	struct genesis g;

	assert_ok(genesis_read(p->genesis.data, p->genesis.len, &g, &err), err);
	return g;
}

struct tx
people_tx(const struct people *p, int from, uint64_t nonce, enum tx_kind kind)
{
	struct tx tx;

	memset(&tx, 0, sizeof tx);
	memcpy(tx.chain, "test", 5);
	tx.from = p->address[from];
	tx.nonce = nonce;
	tx.fee = FEE;
	tx.kind = kind;
	return tx;
}

void
people_sign(const struct people *p, int from, struct tx *tx)
{
	struct b3iq_error err = NO_ERROR;

	assert_ok(tx_sign(tx, p->key[from], &err), err);
}

struct tx
people_pay(const struct people *p, int from, uint64_t nonce, int to, uint64_t amount)
{
	struct tx tx = people_tx(p, from, nonce, TX_TRANSFER);

	tx.transfer.to = p->address[to];
	tx.transfer.amount = amount;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_open(const struct people *p, int from, uint64_t nonce, uint8_t id, uint64_t amount, int arbiter,
            uint64_t deadline)
{
	struct tx tx = people_tx(p, from, nonce, TX_ESCROW_OPEN);

	tx.escrow_open.id[0] = id;
	tx.escrow_open.amount = amount;
	tx.escrow_open.arbiter = p->address[arbiter];
	tx.escrow_open.deadline = deadline;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_release(const struct people *p, int from, uint64_t nonce, uint8_t id, int to, uint64_t amount,
               uint64_t cut)
{
	struct tx tx = people_tx(p, from, nonce, TX_ESCROW_RELEASE);

	tx.escrow_release.id[0] = id;
	tx.escrow_release.to = p->address[to];
	tx.escrow_release.amount = amount;
	tx.escrow_release.cut = cut;
	tx.escrow_release.digest[0] = 0xd1;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_refund(const struct people *p, int from, uint64_t nonce, uint8_t id)
{
	struct tx tx = people_tx(p, from, nonce, TX_ESCROW_REFUND);

	tx.escrow_refund.id[0] = id;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_stake(const struct people *p, int from, uint64_t nonce, uint64_t amount)
{
	struct tx tx = people_tx(p, from, nonce, TX_STAKE);

	tx.stake.amount = amount;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_unstake(const struct people *p, int from, uint64_t nonce, uint64_t amount)
{
	struct tx tx = people_tx(p, from, nonce, TX_UNSTAKE);

	tx.unstake.amount = amount;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_slash(const struct people *p, int from, uint64_t nonce, int account, uint64_t amount)
{
	struct tx tx = people_tx(p, from, nonce, TX_SLASH);

	tx.slash.account = p->address[account];
	tx.slash.amount = amount;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_commit(const struct people *p, int from, uint64_t nonce, uint8_t root)
{
	struct tx tx = people_tx(p, from, nonce, TX_COMMIT);

	tx.commit.root[0] = root;
	tx.commit.count = 3;
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_node(const struct people *p, int from, uint64_t nonce, int node, const char *label)
{
	struct tx tx = people_tx(p, from, nonce, TX_REGISTER_NODE);
	char message[TX_REGISTER_MAX];
	const size_t n = tx_register_message(&tx.from, message);

	memcpy(tx.register_node.node, ed25519_public(p->key[node]), ED25519_PUBLIC);
	assert_int_equal(
		ed25519_sign(p->key[node], message, n, tx.register_node.proof, NULL), B3IQ_OK);
	snprintf(tx.register_node.label, sizeof tx.register_node.label, "%s", label);
	people_sign(p, from, &tx);
	return tx;
}

struct tx
people_model(const struct people *p, int from, uint64_t nonce, uint8_t root, const char *name)
{
	struct tx tx = people_tx(p, from, nonce, TX_REGISTER_MODEL);

	tx.register_model.root[0] = root;
	snprintf(tx.register_model.name, sizeof tx.register_model.name, "%s", name);
	people_sign(p, from, &tx);
	return tx;
}

struct block_tx *
people_wire(const struct tx *tx)
{
	struct b3iq_error err = NO_ERROR;
	struct block_tx *out;
	struct buf wire;

	buf_init(&wire, TX_MAX);
	assert_ok(tx_format(tx, &wire, &err), err);
	assert_ok(block_tx_read(wire.data, wire.len, &out, &err), err);
	buf_free(&wire);
	return out;
}

void
folder_make(char dir[64], char file[96], const char *name)
{
	snprintf(dir, 64, "/tmp/b3iq-chain-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, 96, "%.60s/%.30s", dir, name);
}

void
folder_remove(const char *dir)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}
