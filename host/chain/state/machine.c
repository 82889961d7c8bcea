#include "chain/state/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"

/* What the checks look at; they change nothing. */
struct view {
	const struct state   *state;
	enum trie_version     version;
	const struct genesis *genesis;
	uint64_t              time;
};

__attribute__((format(printf, 3, 4))) static enum refusal
refuse(struct b3iq_error *err, enum refusal why, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fail(err, B3IQ_E_INVALID, "%s", text);
	return why;
}

static enum refusal
broken(struct b3iq_error *err, const char *what)
{
	fail(err, B3IQ_E_INTERNAL, "the chain's accounts do not add up (%s); run b3iq chain verify",
	     what);
	return REFUSED_INTERNAL;
}

static struct record_id
of_address(const struct address *address)
{
	return (struct record_id){ .address = *address };
}

static struct record_id
of_hash(const uint8_t hash[32])
{
	struct record_id id = { .nonce = 0 };

	memcpy(id.hash, hash, sizeof id.hash);
	return id;
}

/* ---- checks, kind by kind ------------------------------------------------ */

static enum refusal
check_open(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->escrow_open.id);
	struct record r;

	if (state_get(v->state, v->version, RECORD_ESCROW, &id, &r))
		return refuse(err, REFUSED_RULE, "an escrow of this id is there already");
	if (tx->escrow_open.deadline <= v->time)
		return refuse(err, REFUSED_RULE, "the escrow's deadline has passed already");
	return REFUSED_NOT;
}

static enum refusal
find_open(const struct view *v, const uint8_t hash[32], struct record *r, struct b3iq_error *err)
{
	const struct record_id id = of_hash(hash);

	if (!state_get(v->state, v->version, RECORD_ESCROW, &id, r))
		return refuse(err, REFUSED_YET, "there is no escrow of this id");
	if (r->escrow.state != ESCROW_OPEN)
		return refuse(err, REFUSED_RULE, "the escrow is closed: it was %s",
		              r->escrow.state == ESCROW_RELEASED ? "released" : "refunded");
	return REFUSED_NOT;
}

static enum refusal
check_release(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	struct record r;
	const enum refusal why = find_open(v, tx->escrow_release.id, &r, err);
	uint64_t sum;

	if (why)
		return why;
	if (!address_equal(&tx->from, &r.escrow.arbiter))
		return refuse(err, REFUSED_AUTHORITY, "only the escrow's arbiter can release it");
	if (!amount_add(tx->escrow_release.amount, tx->escrow_release.cut, &sum) ||
	    sum > r.escrow.amount)
		return refuse(err, REFUSED_RULE, "amount and cut are more than the escrow holds");
	return REFUSED_NOT;
}

static enum refusal
check_refund(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	struct record r;
	const enum refusal why = find_open(v, tx->escrow_refund.id, &r, err);

	if (why || address_equal(&tx->from, &r.escrow.arbiter) || v->time > r.escrow.deadline)
		return why;
	return refuse(err, REFUSED_AUTHORITY,
	              "until its deadline only the escrow's arbiter can refund it");
}

static enum refusal
check_unstake(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct record r = state_account(v->state, v->version, &tx->from);

	if (r.account.stake < tx->unstake.amount)
		return refuse(err, REFUSED_YET, "the account's stake is less than that");
	return REFUSED_NOT;
}

static enum refusal
check_slash(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct address *account = &tx->slash.account;
	struct record r = state_account(v->state, v->version, account);
	struct record_id id;
	size_t at = 0;

	if (!address_equal(&tx->from, &v->genesis->slasher))
		return refuse(err, REFUSED_AUTHORITY, "only the slasher of the genesis may slash");
	if (r.account.stake > 0)
		return REFUSED_NOT;
	while (state_unbonding(v->state, v->version, account, &at, &id, &r))
		if (r.unbonding.amount > 0)
			return REFUSED_NOT;
	return refuse(err, REFUSED_YET, "the account has no stake");
}

static enum refusal
check_node(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->register_node.node);
	struct record r;

	if (state_get(v->state, v->version, RECORD_NODE, &id, &r) &&
	    !address_equal(&r.node.account, &tx->from))
		return refuse(err, REFUSED_AUTHORITY, "another account has registered this node");
	return REFUSED_NOT;
}

static enum refusal
check_model(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->register_model.root);
	struct record r;

	if (state_get(v->state, v->version, RECORD_MODEL, &id, &r) &&
	    !address_equal(&r.model.account, &tx->from))
		return refuse(err, REFUSED_AUTHORITY, "another account has registered this model");
	return REFUSED_NOT;
}

static enum refusal
check_kind(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	static enum refusal (*const checks[TX_N_KINDS])(const struct view *, const struct tx *,
	                                                struct b3iq_error *) = {
		[TX_ESCROW_OPEN] = check_open,     [TX_ESCROW_RELEASE] = check_release,
		[TX_ESCROW_REFUND] = check_refund, [TX_UNSTAKE] = check_unstake,
		[TX_SLASH] = check_slash,          [TX_REGISTER_NODE] = check_node,
		[TX_REGISTER_MODEL] = check_model,
	};

	return checks[tx->kind] ? checks[tx->kind](v, tx, err) : REFUSED_NOT;
}

/* What every kind must hold. */
static enum refusal
check_common(const struct view *v, const struct tx *tx, struct b3iq_error *err)
{
	const struct record r = state_account(v->state, v->version, &tx->from);
	uint64_t spend;

	if (strcmp(tx->chain, v->genesis->chain) != 0)
		return refuse(err, REFUSED_CHAIN, "the transaction is for the chain \"%s\", this is \"%s\"",
		              tx->chain, v->genesis->chain);
	if (tx->fee < v->genesis->min_fee)
		return refuse(err, REFUSED_FEE, "the fee is below the chain's least, %llu",
		              (unsigned long long)v->genesis->min_fee);
	if (tx->nonce != r.account.nonce)
		return refuse(err, tx->nonce < r.account.nonce ? REFUSED_NONCE : REFUSED_YET,
		              "the nonce is %llu, the account's next is %llu",
		              (unsigned long long)tx->nonce, (unsigned long long)r.account.nonce);
	if (!amount_add(tx_outlay(tx), tx->fee, &spend) || spend > r.account.balance)
		return refuse(err, REFUSED_FUNDS, "amount and fee are more than the balance, %llu",
		              (unsigned long long)r.account.balance);
	return REFUSED_NOT;
}

enum refusal
machine_foresee(const struct state *state, const struct genesis *genesis, const struct tx *tx,
                uint64_t time, struct b3iq_error *err)
{
	const struct view v = { state, TRIE_COMMITTED, genesis, time };

	return check_kind(&v, tx, err);
}

/* ---- money --------------------------------------------------------------- */

static void
touch(struct machine_touched *t, const struct address *address)
{
	size_t i = 0;

	while (i < t->n && !address_equal(&t->list[i], address))
		i++;
	if (i == t->n && i < MACHINE_TOUCHED)
		t->list[t->n++] = *address;
}

static enum refusal
put(struct machine *m, enum record_kind kind, const struct record_id *id, const struct record *r,
    struct b3iq_error *err)
{
	return state_put(m->state, kind, id, r, err) == B3IQ_OK ? REFUSED_NOT : REFUSED_INTERNAL;
}

static enum refusal
credit(struct machine *m, const struct address *to, uint64_t amount, struct b3iq_error *err)
{
	const struct record_id id = of_address(to);
	struct record r = state_account(m->state, TRIE_NEXT, to);

	if (amount == 0)
		return REFUSED_NOT;
	if (!amount_add(r.account.balance, amount, &r.account.balance))
		return broken(err, "a credit");
	return put(m, RECORD_ACCOUNT, &id, &r, err);
}

/* Outlay and fee leave the account, and its nonce is used. */
static enum refusal
charge(struct machine *m, const struct tx *tx, struct b3iq_error *err)
{
	const struct record_id id = of_address(&tx->from);
	struct record r = state_account(m->state, TRIE_NEXT, &tx->from);

	if (!amount_sub(r.account.balance, tx->fee, &r.account.balance) ||
	    !amount_sub(r.account.balance, tx_outlay(tx), &r.account.balance) ||
	    !amount_add(m->fees, tx->fee, &m->fees))
		return broken(err, "a charge");
	r.account.nonce++;
	if (tx->kind == TX_STAKE && !amount_add(r.account.stake, tx->stake.amount, &r.account.stake))
		return broken(err, "a stake");
	if (tx->kind == TX_UNSTAKE &&
	    !amount_sub(r.account.stake, tx->unstake.amount, &r.account.stake))
		return broken(err, "an unstake");
	return put(m, RECORD_ACCOUNT, &id, &r, err);
}

/* ---- effects, kind by kind; charge() has been done ----------------------- */

static enum refusal
do_transfer(struct machine *m, const struct tx *tx, struct machine_touched *t,
            struct b3iq_error *err)
{
	touch(t, &tx->transfer.to);
	return credit(m, &tx->transfer.to, tx->transfer.amount, err);
}

static enum refusal
do_open(struct machine *m, const struct tx *tx, struct machine_touched *t, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->escrow_open.id);
	const struct record r = { .escrow = { .state = ESCROW_OPEN, .amount = tx->escrow_open.amount,
		                              .deadline = tx->escrow_open.deadline, .buyer = tx->from,
		                              .arbiter = tx->escrow_open.arbiter } };

	touch(t, &tx->escrow_open.arbiter);
	return put(m, RECORD_ESCROW, &id, &r, err);
}

static enum refusal
do_release(struct machine *m, const struct tx *tx, struct machine_touched *t,
           struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->escrow_release.id);
	const uint64_t paid = tx->escrow_release.amount, cut = tx->escrow_release.cut;
	struct record r;
	enum refusal why;

	if (!state_get(m->state, TRIE_NEXT, RECORD_ESCROW, &id, &r))
		return broken(err, "an escrow");
	r.escrow.state = ESCROW_RELEASED;
	r.escrow.to = tx->escrow_release.to;
	r.escrow.paid = paid;
	r.escrow.cut = cut;
	memcpy(r.escrow.digest, tx->escrow_release.digest, sizeof r.escrow.digest);
	touch(t, &r.escrow.to);
	touch(t, &r.escrow.arbiter);
	touch(t, &r.escrow.buyer);
	why = put(m, RECORD_ESCROW, &id, &r, err);
	if (!why)
		why = credit(m, &r.escrow.to, paid, err);
	if (!why)
		why = credit(m, &r.escrow.arbiter, cut, err);
	return why ? why : credit(m, &r.escrow.buyer, r.escrow.amount - paid - cut, err);
}

static enum refusal
do_refund(struct machine *m, const struct tx *tx, struct machine_touched *t,
          struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->escrow_refund.id);
	struct record r;
	enum refusal why;

	if (!state_get(m->state, TRIE_NEXT, RECORD_ESCROW, &id, &r))
		return broken(err, "an escrow");
	r.escrow.state = ESCROW_REFUNDED;
	touch(t, &r.escrow.buyer);
	touch(t, &r.escrow.arbiter);
	why = put(m, RECORD_ESCROW, &id, &r, err);
	return why ? why : credit(m, &r.escrow.buyer, r.escrow.amount, err);
}

static enum refusal
do_unstake(struct machine *m, const struct tx *tx, struct machine_touched *t,
           struct b3iq_error *err)
{
	const struct record_id id = { .address = tx->from, .nonce = tx->nonce };
	struct record r = { .unbonding = { .amount = tx->unstake.amount } };

	(void)t;
	r.unbonding.mature = m->time + m->genesis->unbonding_ms;
	return put(m, RECORD_UNBONDING, &id, &r, err);
}

/* From what is unbonding, earliest first; *left is what could not be taken. */
static enum refusal
slash_unbonding(struct machine *m, const struct address *account, uint64_t *left,
                struct b3iq_error *err)
{
	struct record_id id;
	struct record r;
	enum refusal why = REFUSED_NOT;
	size_t at = 0;

	while (*left > 0 && !why) {
		if (!state_unbonding(m->state, TRIE_NEXT, account, &at, &id, &r))
			break;
		if (r.unbonding.amount == 0)
			continue;
		if (r.unbonding.amount <= *left) {
			*left -= r.unbonding.amount;
			if (state_remove(m->state, RECORD_UNBONDING, &id, err) != B3IQ_OK)
				why = REFUSED_INTERNAL;
			continue;
		}
		r.unbonding.amount -= *left;
		*left = 0;
		why = put(m, RECORD_UNBONDING, &id, &r, err);
	}
	return why;
}

static enum refusal
do_slash(struct machine *m, const struct tx *tx, struct machine_touched *t, struct b3iq_error *err)
{
	const struct record_id id = of_address(&tx->slash.account);
	struct record r = state_account(m->state, TRIE_NEXT, &tx->slash.account);
	const uint64_t wanted = tx->slash.amount;
	const uint64_t staked = r.account.stake < wanted ? r.account.stake : wanted;
	uint64_t left = wanted - staked;
	enum refusal why = REFUSED_NOT;

	touch(t, &tx->slash.account);
	touch(t, &m->genesis->treasury);
	r.account.stake -= staked;
	if (staked)
		why = put(m, RECORD_ACCOUNT, &id, &r, err);
	if (!why)
		why = slash_unbonding(m, &tx->slash.account, &left, err);
	return why ? why : credit(m, &m->genesis->treasury, wanted - left, err);
}

static enum refusal
do_node(struct machine *m, const struct tx *tx, struct machine_touched *t, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->register_node.node);
	struct record r = { .node = { .account = tx->from } };

	(void)t;
	memcpy(r.node.label, tx->register_node.label, sizeof r.node.label);
	return put(m, RECORD_NODE, &id, &r, err);
}

static enum refusal
do_model(struct machine *m, const struct tx *tx, struct machine_touched *t, struct b3iq_error *err)
{
	const struct record_id id = of_hash(tx->register_model.root);
	struct record r = { .model = { .account = tx->from } };

	(void)t;
	memcpy(r.model.name, tx->register_model.name, sizeof r.model.name);
	return put(m, RECORD_MODEL, &id, &r, err);
}

static enum refusal
do_kind(struct machine *m, const struct tx *tx, struct machine_touched *t, struct b3iq_error *err)
{
	static enum refusal (*const effects[TX_N_KINDS])(struct machine *, const struct tx *,
	                                                 struct machine_touched *,
	                                                 struct b3iq_error *) = {
		[TX_TRANSFER] = do_transfer,     [TX_ESCROW_OPEN] = do_open,
		[TX_ESCROW_RELEASE] = do_release, [TX_ESCROW_REFUND] = do_refund,
		[TX_UNSTAKE] = do_unstake,       [TX_SLASH] = do_slash,
		[TX_REGISTER_NODE] = do_node,    [TX_REGISTER_MODEL] = do_model,
	};

	return effects[tx->kind] ? effects[tx->kind](m, tx, t, err) : REFUSED_NOT;
}

/* ---- a block ------------------------------------------------------------- */

/* Mature stake is the account's again. */
static int32_t
free_stake(struct machine *m, struct b3iq_error *err)
{
	struct record_id id;
	struct record r;

	while (state_take_mature(m->state, m->time, &id)) {
		if (!state_get(m->state, TRIE_NEXT, RECORD_UNBONDING, &id, &r))
			continue; /* slashed */
		if (state_remove(m->state, RECORD_UNBONDING, &id, err) != B3IQ_OK ||
		    credit(m, &id.address, r.unbonding.amount, err))
			return B3IQ_E_INTERNAL;
	}
	return B3IQ_OK;
}

int32_t
machine_begin(struct machine *m, struct state *state, const struct genesis *genesis, uint64_t time,
              const uint8_t proposer[ED25519_PUBLIC], struct b3iq_error *err)
{
	*m = (struct machine){ .state = state, .genesis = genesis, .time = time };
	if (address_of(proposer, &m->proposer) != B3IQ_OK)
		return fail_memory(err, "beginning a block");
	state_begin(state);
	return free_stake(m, err);
}

enum refusal
machine_apply(struct machine *m, const struct tx *tx, struct machine_touched *touched,
              struct b3iq_error *err)
{
	const struct view v = { m->state, TRIE_NEXT, m->genesis, m->time };
	enum refusal why = check_common(&v, tx, err);

	touched->n = 0;
	touch(touched, &tx->from);
	if (!why)
		why = check_kind(&v, tx, err);
	if (!why)
		why = charge(m, tx, err);
	return why ? why : do_kind(m, tx, touched, err);
}

int32_t
machine_end(struct machine *m, struct b3iq_error *err)
{
	if (credit(m, &m->proposer, m->fees, err))
		return B3IQ_E_INTERNAL;
	if (!state_supply_holds(m->state)) {
		broken(err, "the supply");
		return B3IQ_E_INTERNAL;
	}
	return B3IQ_OK;
}

int32_t
machine_run(struct state *state, const struct genesis *genesis, const struct block *b,
            struct machine_touched *touched, struct b3iq_error *err)
{
	struct b3iq_error why = NO_ERROR;
	uint8_t root[SHA256_SIZE];
	struct machine m;
	int32_t rc;

	rc = machine_begin(&m, state, genesis, b->header.time, b->header.proposer, err);
	for (size_t i = 0; rc == B3IQ_OK && i < b->n; i++) {
		const enum refusal refusal = machine_apply(&m, &b->txs[i]->tx, &touched[i], &why);

		if (refusal == REFUSED_INTERNAL)
			rc = fail(err, B3IQ_E_INTERNAL, "%.200s", why.text);
		else if (refusal)
			rc = fail(err, B3IQ_E_INVALID, "transaction %zu of the block does not hold: %.150s",
			          i, why.text);
	}
	if (rc == B3IQ_OK)
		rc = machine_end(&m, err);
	if (rc == B3IQ_OK)
		rc = state_root(state, root, err);
	if (rc == B3IQ_OK && memcmp(root, b->header.state, sizeof root) != 0)
		rc = fail(err, B3IQ_E_INVALID, "block %llu leads to another state root than it says",
		          (unsigned long long)b->header.height);
	return rc;
}
