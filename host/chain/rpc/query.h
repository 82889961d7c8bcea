/* query.h - what the chain knows as JSON: the objects that both RPCs are made of.
 *
 * Every object carries the names of all dialects (the seeds', v0.2's and HEAD's) side by side, amounts
 * as decimal strings in micro-AITBC.  *out is the caller's.  B3IQ_E_NOT_FOUND: there is none.
 */
#ifndef CHAIN_QUERY_H
#define CHAIN_QUERY_H

#include "chain/rpc/context.h"
#include "chain/state/witness.h"

#define QUERY_LIST_MAX 100

int32_t query_account(struct chain *, const struct address *, struct json_object **out,
                      struct b3iq_error *);
/* An entry by its key: what it is, as an object with "key" and "value". */
int32_t query_entry(struct chain *, const char *key, struct json_object **out,
                    struct b3iq_error *);
/* height UINT64_MAX: the latest; with its transactions or without. */
int32_t query_block(struct chain *, uint64_t height, bool transactions, struct json_object **out,
                    struct b3iq_error *);
int32_t query_block_named(struct chain *, const uint8_t hash[32], struct json_object **out,
                          struct b3iq_error *);
/* Blocks first .. last as an array, without transactions. */
int32_t query_blocks(struct chain *, uint64_t first, uint64_t last, struct json_object **out,
                     struct b3iq_error *);
/* In a block or waiting for one. */
int32_t query_tx(struct chain *, const uint8_t hash[TX_HASH], struct json_object **out,
                 struct b3iq_error *);
/* Newest first: {"items":[...],"next_before":seq?}. */
struct query_page {
	const struct address *account; /* NULL: all                     */
	bool                  commits; /* only those of receipt roots   */
	uint64_t              before, limit, offset;
};
int32_t query_txs(struct chain *, const struct query_page *, struct json_object **out,
                  struct b3iq_error *);
/* {"root","block_height","place","transaction_hash",...} of a committed receipt root. */
int32_t query_receipt(struct chain *, const uint8_t root[32], struct json_object **out,
                      struct b3iq_error *);
/* Accounts with at least `least`, richest first, at most limit. */
int32_t query_accounts(struct chain *, uint64_t least, size_t limit, struct json_object **out,
                       struct b3iq_error *);
/* Height, hashes, counts: head, info, status and supply in one object. */
int32_t query_info(struct chain *, struct json_object **out, struct b3iq_error *);

int32_t query_state_witness(struct chain *, const char *key, struct witness *,
                            struct b3iq_error *);
int32_t query_tx_witness(struct chain *, const uint8_t hash[TX_HASH], struct witness *,
                         struct b3iq_error *);
int32_t query_receipt_witness(struct chain *, const uint8_t root[32], struct witness *,
                              struct b3iq_error *);

/* The parts: one block; one transaction (height UINT64_MAX: it waits). */
struct json_object *query_show_block(const struct archive_block *);
struct json_object *query_show_tx(const struct archive_row *);

/* "0x" and hex; decimal string; "0.25 AITBC" without its unit. */
int32_t query_put_hash(struct json_object *, const char *key, const uint8_t hash[32]);
int32_t query_put_amount(struct json_object *, const char *key, uint64_t amount);
int32_t query_put_address(struct json_object *, const char *key, const struct address *);

#endif
