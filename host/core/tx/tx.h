/* tx.h - transactions: what they say, the bytes that are signed, and the check of a signature.
 *
 *   body       canonical JSON, a closed object for each kind
 *   message    "b3iq.tx/1\n" || body                 what a signer sees and signs
 *   hash       SHA-256(message)                      written "0x" and 64 hex digits
 *   signature  Ed25519(key, message), pure
 *   wire       {"body":{...},"key":"ed25519:<hex>","signature":"<hex>"}, canonical, at most 4096 bytes
 *
 * The hash leaves the signature out: whoever signs the same message twice made one transaction.
 * struct tx is a plain value: memset() it to zero, fill it, no ownership.  Any thread.
 * The fields, kind by kind, and the rules of state: docs/chain.md.
 */
#ifndef CORE_TX_TX_H
#define CORE_TX_TX_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/crypto/ed25519.h"
#include "core/crypto/sha256.h"
#include "core/tx/address.h"
#include "core/tx/amount.h"
#include "core/tx/form.h"

#define TX_DOMAIN          "b3iq.tx/1\n"
#define TX_REGISTER_DOMAIN "b3iq.register/1\n"
#define TX_DEVNET          "ait-devnet"
#define TX_MAX             4096          /* bytes on the wire, and of a message */
#define TX_HASH            SHA256_SIZE
#define TX_HASH_TEXT       (2 + 2 * TX_HASH + 1)
#define TX_TEXT            129           /* memo, label, model name: 128 bytes and NUL */

/* kind(constant, name on the wire) */
#define TX_KINDS(X)                              \
	X(TX_TRANSFER, "transfer")               \
	X(TX_ESCROW_OPEN, "escrow_open")         \
	X(TX_ESCROW_RELEASE, "escrow_release")   \
	X(TX_ESCROW_REFUND, "escrow_refund")     \
	X(TX_STAKE, "stake")                     \
	X(TX_UNSTAKE, "unstake")                 \
	X(TX_SLASH, "slash")                     \
	X(TX_REGISTER_NODE, "register_node")     \
	X(TX_REGISTER_MODEL, "register_model")   \
	X(TX_COMMIT, "commit")

enum tx_kind {
#define TX_KIND_ENUM(id, name) id,
	TX_KINDS(TX_KIND_ENUM)
#undef TX_KIND_ENUM
	TX_N_KINDS
};

struct tx {
	char           chain[FORM_CHAIN_SIZE]; /* chain id: no transaction counts on two chains  */
	struct address from;                   /* address of `key`                               */
	uint64_t       nonce;                  /* number of transactions of `from` before        */
	uint64_t       fee;                    /* to the proposer of the block                   */
	enum tx_kind   kind;
	union {
		struct { /* moves money */
			struct address to;
			uint64_t       amount; /* from 1 */
			char           memo[TX_TEXT]; /* public; "": none */
		} transfer;
		struct { /* locks amount of `from`, the buyer */
			uint8_t        id[32];
			uint64_t       amount; /* from 1 */
			struct address arbiter;
			uint64_t       deadline; /* ms of block time, then anybody may refund */
		} escrow_open;
		struct { /* by the arbiter: amount to `to`, cut to the arbiter, the rest to the buyer */
			uint8_t        id[32];
			struct address to;
			uint64_t       amount, cut;
			uint8_t        digest[32]; /* hash of the receipt that was paid */
		} escrow_release;
		struct {
			uint8_t id[32];
		} escrow_refund;
		struct {
			uint64_t amount; /* from 1 */
		} stake, unstake;
		struct { /* by the slasher of the genesis */
			struct address account;
			uint64_t       amount; /* from 1 */
			uint8_t        digest[32]; /* of the evidence */
		} slash;
		struct {
			uint8_t node[ED25519_PUBLIC];
			uint8_t proof[ED25519_SIGNATURE]; /* by `node`, see tx_register_message() */
			char    label[TX_TEXT]; /* "": none */
		} register_node;
		struct {
			uint8_t root[32];
			char    name[TX_TEXT];
		} register_model;
		struct { /* receipts by their root: a leaf of the block's receipts tree */
			uint8_t  root[32];
			uint64_t count;
			char     label[TX_TEXT]; /* "": none */
		} commit;
	};
	uint8_t key[ED25519_PUBLIC];
	uint8_t signature[ED25519_SIGNATURE];
};

const char *tx_kind_name(enum tx_kind);
/* What leaves the account of `from` besides the fee: amount of a transfer, an escrow, a stake; else 0. */
uint64_t    tx_outlay(const struct tx *);

/* ---- struct to bytes; B3IQ_E_INVALID names the member that has no form ---------- */
int32_t tx_body(const struct tx *, struct buf *, struct b3iq_error *err);
int32_t tx_message(const struct tx *, struct buf *, struct b3iq_error *err);
int32_t tx_hash(const struct tx *, uint8_t out[TX_HASH], struct b3iq_error *err);
int32_t tx_format(const struct tx *, struct buf *, struct b3iq_error *err); /* the wire */
void    tx_hash_write(const uint8_t hash[TX_HASH], char out[TX_HASH_TEXT]);
/* With or without "0x", either case: people paste hashes. */
bool    tx_hash_parse(const char *text, uint8_t hash[TX_HASH]);

/* ---- bytes to struct: the one canonical text or B3IQ_E_INVALID -------------------- */
int32_t tx_parse(const void *wire, size_t len, struct tx *out, struct b3iq_error *err);
/* A message, as a signer is shown it; key and signature stay zero. */
int32_t tx_parse_message(const void *, size_t len, struct tx *out, struct b3iq_error *err);

/* ---- signatures ------------------------------------------------------------------- */
/* Sets key and signature.  B3IQ_E_DENIED: `from` is not the address of the key. */
int32_t tx_sign(struct tx *, const struct ed25519_key *, struct b3iq_error *err);
/* B3IQ_OK: `from` is the address of `key`, which signed this, and the node of a registration
 * agreed.  B3IQ_E_DENIED otherwise.  One Ed25519 verification (two for register_node). */
int32_t tx_check(const struct tx *, struct b3iq_error *err);
/* What a node signs to let `from` register it: "b3iq.register/1\n" || address.  Returns its length. */
#define TX_REGISTER_MAX 64
size_t  tx_register_message(const struct address *from, char out[TX_REGISTER_MAX]);

#endif
