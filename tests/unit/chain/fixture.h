/* fixture.h - people with keys, a genesis for them, and signed transactions of each kind. */
#ifndef TESTS_UNIT_CHAIN_FIXTURE_H
#define TESTS_UNIT_CHAIN_FIXTURE_H

#include "../check.h"

#include <unistd.h>

#include "chain/ledger/ledger.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/path.h"

#define PEOPLE  6
#define PROPOSER 0 /* also slasher                    */
#define ALICE   1  /* has 1,000,000,000               */
#define BOB     2  /* has 1,000,000                   */
#define CAROL   3  /* has nothing at first            */
#define DAVE    4
#define TREASURY 5
#define RICH    UINT64_C(1000000000)
#define FEE     10
#define UNBOND  1000
#define START   UINT64_C(1700000000000)

struct people {
	struct ed25519_key *key[PEOPLE];
	struct address      address[PEOPLE];
	struct buf          genesis;
};

#define assert_ok(rc, err)                                         \
	do {                                                       \
		const int32_t got_ = (rc);                         \
		if (got_ != B3IQ_OK)                               \
			fail_msg("%d: %s", (int)got_, (err).text); \
	} while (0)

void people_make(struct people *);
void people_end(struct people *);
struct genesis people_genesis(const struct people *);

/* Signed; chain, from, fee and key are filled in. */
struct tx people_tx(const struct people *, int from, uint64_t nonce, enum tx_kind);
void      people_sign(const struct people *, int from, struct tx *);
struct tx people_pay(const struct people *, int from, uint64_t nonce, int to, uint64_t amount);
struct tx people_open(const struct people *, int from, uint64_t nonce, uint8_t id, uint64_t amount,
                      int arbiter, uint64_t deadline);
struct tx people_release(const struct people *, int from, uint64_t nonce, uint8_t id, int to,
                         uint64_t amount, uint64_t cut);
struct tx people_refund(const struct people *, int from, uint64_t nonce, uint8_t id);
struct tx people_stake(const struct people *, int from, uint64_t nonce, uint64_t amount);
struct tx people_unstake(const struct people *, int from, uint64_t nonce, uint64_t amount);
struct tx people_slash(const struct people *, int from, uint64_t nonce, int account,
                       uint64_t amount);
struct tx people_commit(const struct people *, int from, uint64_t nonce, uint8_t root);
struct tx people_node(const struct people *, int from, uint64_t nonce, int node, const char *label);
struct tx people_model(const struct people *, int from, uint64_t nonce, uint8_t root,
                       const char *name);
/* As it comes over the wire; freed with free(). */
struct block_tx *people_wire(const struct tx *);

/* A folder of its own, and a file name in it. */
void folder_make(char dir[64], char file[96], const char *name);
void folder_remove(const char *dir);

#endif
