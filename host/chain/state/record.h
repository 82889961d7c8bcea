/* record.h - the entries of the state: a key, and a closed canonical object behind it.
 *
 *   account/<address>            {"balance","nonce","stake"}
 *   unbonding/<address>/<nonce>  {"amount","mature"}          nonce of the unstake transaction
 *   escrow/<id>                  {"amount","arbiter","buyer","deadline","state":"open"}; once closed also
 *                                "state":"refunded", or "state":"released" with "cut","digest","paid","to"
 *   node/<key in hex>            {"account","label"?}
 *   model/<root>                 {"account","name"}
 *   supply                       {"amount"}
 *   genesis                      {"hash"}
 *
 * What a record holds in money counts towards the supply.  Records are plain values.  Any thread.
 */
#ifndef CHAIN_RECORD_H
#define CHAIN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/tx/tx.h"

enum record_kind {
	RECORD_ACCOUNT,
	RECORD_UNBONDING,
	RECORD_ESCROW,
	RECORD_NODE,
	RECORD_MODEL,
	RECORD_SUPPLY,
	RECORD_GENESIS,
	RECORD_N_KINDS
};

/* Which one of a kind: the member that the kind's key shows. */
struct record_id {
	struct address address;  /* account, unbonding  */
	uint64_t       nonce;    /* unbonding           */
	uint8_t        hash[32]; /* escrow, node, model */
};

enum escrow_state { ESCROW_OPEN, ESCROW_RELEASED, ESCROW_REFUNDED };

struct record {
	union {
		struct {
			uint64_t balance, nonce, stake;
		} account;
		struct {
			uint64_t amount, mature; /* ms of block time */
		} unbonding;
		struct {
			enum escrow_state state;
			uint64_t          amount, deadline; /* locked; ms of block time */
			struct address    buyer, arbiter;
			struct address    to;               /* from here on: released   */
			uint64_t          paid, cut;
			uint8_t           digest[32];
		} escrow;
		struct {
			struct address account;
			char           label[TX_TEXT];
		} node;
		struct {
			struct address account;
			char           name[TX_TEXT];
		} model;
		struct {
			uint64_t amount;
		} supply;
		struct {
			uint8_t hash[32];
		} genesis;
	};
};

#define RECORD_KEY_SIZE  128
#define RECORD_VALUE_MAX 512

const char *record_kind_name(enum record_kind);
/* Writes the key and NUL, returns its length. */
size_t  record_key(enum record_kind, const struct record_id *, char out[RECORD_KEY_SIZE]);
/* Reads a key of any kind; false if it is none. */
bool    record_key_read(const char *key, size_t len, enum record_kind *, struct record_id *);
int32_t record_write(enum record_kind, const struct record *, struct buf *, struct b3iq_error *);
/* The one canonical text, all of it, or B3IQ_E_INVALID. */
int32_t record_read(enum record_kind, const char *value, size_t len, struct record *,
                    struct b3iq_error *);
/* What the entry holds of the supply, modulo 2^64. */
uint64_t record_money(enum record_kind, const struct record *);

#endif
