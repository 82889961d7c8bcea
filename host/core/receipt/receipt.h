/* receipt.h - b3iq.receipt/1: the closed statement of what a node did for one request.
 *
 *   struct receipt  --receipt_write-->  canonical body  --receipt_hash-->  hash
 *   hash  --receipt_sign-->  envelope {"receipt": body, "hash", "signature", "node_key"}
 *
 *   receipt_hash = SHA-256("b3iq.receipt/1\n" || canonical body)
 *   signature    = Ed25519("b3iq.receipt/1\n" || receipt_hash)
 *
 * The whole format, field by field, with the rules of kinds and tiers: docs/receipts.md.
 * struct receipt is a plain value: fill it, no ownership.  memset() it to zero first.
 */
#ifndef CORE_RECEIPT_RECEIPT_H
#define CORE_RECEIPT_RECEIPT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/crypto/ed25519.h"

#define RECEIPT_VERSION   "b3iq.receipt/1"
#define RECEIPT_MAX       16384 /* bytes of an envelope                           */
#define RECEIPT_ID_SIZE   (5 + 32 + 1) /* "rcpt_" and 32 hex digits                      */
#define RECEIPT_HASH_SIZE 32

enum receipt_kind { RECEIPT_FINAL, RECEIPT_PREFIX, RECEIPT_FAILURE };
/* T0 a signed claim of an external runtime; T1 audited by canaries; T2 re-executable to the bit;
 * T3 a TEE quote bound to the node key. */
enum receipt_tier { RECEIPT_T0, RECEIPT_T1, RECEIPT_T2, RECEIPT_T3 };
/* How a claim is known, weakest first. */
enum receipt_evidence {
	RECEIPT_CONFIGURED,      /* "configured": the operator's configuration says so        */
	RECEIPT_SIGNED_CLAIM,    /* "signed-claim": the node says so and signs it             */
	RECEIPT_CLIENT_MEASURED, /* "client-measured": the client measured and acknowledged it */
	RECEIPT_RECOMPUTED       /* "recomputed": anybody with the weights can recompute it   */
};

struct receipt {
	enum receipt_kind kind;
	char     id[RECEIPT_ID_SIZE];      /* receipt_new_id(), before the work starts           */
	char     node[ED25519_NAME_SIZE];  /* ed25519_name() of the node identity                */
	uint64_t seq;                      /* from 1; receipt_log_append() sets seq and prev     */
	uint8_t  prev[32];                 /* receipt_hash of seq - 1; zeros at seq 1            */
	bool     has_order;
	uint8_t  order[32];                /* hash of the order that the client signed           */

	char     model[256];               /* the model's id as the client asked for it          */
	bool     has_root;
	uint8_t  root[32];                 /* model root: tensors, tokenizer, template           */
	char     engine[128];              /* plugin id and version                              */
	char     profile[64];              /* numerics profile "det-v1", or "none"               */
	enum receipt_tier tier;
	bool     has_quote;
	uint8_t  quote[32];                /* T3: SHA-256 of the TEE quote                       */

	uint8_t  params[32];               /* params_digest()                                    */
	uint64_t seed;
	bool     seed_by_client;           /* who chose it: client or node                       */
	uint8_t  prompt[32], output[32];   /* commit_field()                                     */
	bool     has_tokens, has_logits;
	uint8_t  tokens[32];               /* trace.head                                         */
	uint8_t  logits[32];               /* commit_field(secret, COMMIT_LOGITS, root, 32)      */

	uint64_t prompt_tokens, cached_tokens, output_tokens;
	uint32_t finish;                   /* B3IQ_STOP_..., FINAL only                          */
	int32_t  failure;                  /* B3IQ_E_..., FAILURE only; an unknown one is E_INTERNAL */
	uint64_t start_ms, end_ms;         /* wall clock                                         */
	uint64_t first_ms;                 /* first token; 0: none came                          */
	uint64_t expires_ms;               /* when the claim can no longer be disputed           */
	char     price[80], amount[80];    /* decimal strings of the smallest unit; "0"          */

	/* Evidence, one for each claim; those of tokens and logits count only with has_... */
	enum receipt_evidence model_evidence, output_evidence, tokens_evidence, logits_evidence,
	                      usage_evidence, times_evidence;
};

void receipt_new_id(char out[RECEIPT_ID_SIZE]);
/* The numerics profile of b3iq_usage.fingerprint ("det-v1 / build / device"): what stands before
 * the first " /" or "/"; "none" if there is nothing. */
void receipt_profile(const char *fingerprint, char out[64]);
/* The evidence labels that tier and has_... entitle to, the strongest that are honest. */
void receipt_label(struct receipt *);

/* Appends the canonical body; refuses what the format forbids, naming the field. */
int32_t receipt_write(const struct receipt *, struct buf *, struct b3iq_error *err);
int32_t receipt_hash(const void *body, size_t len, uint8_t out[RECEIPT_HASH_SIZE]);
/* Hash and signature of a canonical body. */
int32_t receipt_signature_make(const void *body, size_t len, const struct ed25519_key *,
                               uint8_t hash[RECEIPT_HASH_SIZE], uint8_t sig[ED25519_SIGNATURE],
                               struct b3iq_error *err);
/* Appends the envelope of a canonical body. */
int32_t receipt_sign(const void *body, size_t len, const struct ed25519_key *, struct buf *envelope,
                     struct b3iq_error *err);
/* The same from a signature that was made before. */
int32_t receipt_envelope(const void *body, size_t len, const uint8_t sig[ED25519_SIGNATURE],
                         const uint8_t pub[ED25519_PUBLIC], struct buf *envelope,
                         struct b3iq_error *err);

/* Strict reading of a body: unknown, missing or duplicate keys, bytes that are not canonical, wrong
 * types and what the rules below forbid are B3IQ_E_INVALID with the reason. */
int32_t receipt_read(const void *body, size_t len, struct receipt *out, struct b3iq_error *err);
/* Form only: a parsed body, without canonical bytes and without the rules of tier, counts, times. */
int32_t receipt_parse(struct json_object *body, struct receipt *out, struct b3iq_error *err);
/* The rules one by one, as receipt_write() and receipt_read() apply them. */
int32_t receipt_check_tier(const struct receipt *, struct b3iq_error *err);
int32_t receipt_check_counts(const struct receipt *, struct b3iq_error *err);
int32_t receipt_check_times(const struct receipt *, struct b3iq_error *err);

struct receipt_signed { /* an envelope, read; nothing in it is believed yet */
	struct receipt body;
	uint8_t        hash[32];                /* recomputed from the body          */
	uint8_t        stated_hash[32];         /* what the envelope says            */
	uint8_t        signature[ED25519_SIGNATURE];
	uint8_t        node_key[ED25519_PUBLIC]; /* travels along: a hint, never proof */
};
/* From {"receipt","hash","signature","node_key"}; form only, no check of hash or signature. */
int32_t receipt_open(struct json_object *envelope, struct receipt_signed *out,
                     struct b3iq_error *err);
/* Is the signature over the recomputed hash by this key?  B3IQ_OK or B3IQ_E_DENIED. */
int32_t receipt_signature(const struct receipt_signed *, const uint8_t pub[ED25519_PUBLIC]);

#endif
