/* fixture.h - a small exact "model", and receipts and bundles of what it computed.
 *
 * The model is a hash: which id it picks depends on its weights, the request, every parameter, the
 * seed and all ids before.  So whatever a cheat changes, the replay gives other ids or probes.
 */
#ifndef TESTS_UNIT_RECEIPT_FIXTURE_H
#define TESTS_UNIT_RECEIPT_FIXTURE_H

#include "core/receipt/bundle.h"
#include "core/receipt/params.h"
#include "core/receipt/receipt.h"
#include "core/receipt/receipt_audit.h"
#include "core/receipt/trace.h"

#define FIXTURE_TOKENS 7

struct fixture {
	struct ed25519_key     *key;
	uint8_t                 secret[32];
	uint8_t                 root[32];      /* also the weights                       */
	struct b3iq_gen_request req;
	char                    prompt[128], output[64], params[512];
	int32_t                 ids[FIXTURE_TOKENS];
	uint8_t                 probes[FIXTURE_TOKENS][8];
	uint8_t                 logits[32];    /* the root that is committed             */
	struct receipt          r;             /* T2, final, complete                    */
};

void fixture_make(struct fixture *);
void fixture_free(struct fixture *);
/* What the client knows. */
struct bundle_opening fixture_opening(const struct fixture *);
/* Signs f->r as it is and appends the bundle with that opening. */
int32_t fixture_bundle(const struct fixture *, const struct bundle_opening *, struct buf *);
/* Computes r's commitments again from the fields of the fixture. */
void fixture_commit(struct fixture *);

/* The model as a backend with B3IQ_EXT_REPLAY; self is 32 bytes of weights. */
extern const struct b3iq_replay fixture_replay;
struct receipt_auditor fixture_auditor(const uint8_t root[32]);

#endif
