/* pipeline.h - the way of a request that is allowed and routed, to its receipt.
 *
 *   job row -> generate() -> emit: token chain, logit leaves, whole characters
 *           -> receipt and job row in one transaction
 *
 * Every run that reaches a backend ends with a receipt, of kind final or failure.
 */
#ifndef NODE_PIPELINE_H
#define NODE_PIPELINE_H

#include <json-c/json.h>

#include "core/crypto/ed25519.h"
#include "core/receipt/receipt.h"
#include "core/store/store.h"
#include "node/metrics.h"
#include "node/models.h"

#define PIPELINE_OUTPUT_MAX (16u << 20) /* bytes of text of one run        */
#define PIPELINE_TOKENS_MAX (1u << 20)  /* ids that are kept for a bundle  */

struct pipeline;

struct pipeline_options {
	struct store             *store;
	const struct ed25519_key *key;
	struct metrics           *metrics;
	uint32_t                  streams, queue; /* runs at once, and those that wait */
	uint32_t                  request_s;      /* of a whole run                    */
};

struct run {
	/* In, all borrowed. */
	const char                *origin;         /* id of the request or lease, for the job row */
	const char                *principal;
	int                        cancel_fd;      /* readable: stop; -1: nobody can             */
	const uint8_t             *order;          /* 32 bytes: the order that this is for; NULL: none */
	const struct model        *model;
	struct instance           *instance;
	struct b3iq_gen_request    request;        /* settled; its deadline is set here  */
	bool                       seed_by_client;
	bool                       keep_tokens;    /* for a bundle                       */
	/* A step with whole characters (maybe none) and the chunk's delta (or NULL).  Other than
	 * B3IQ_OK stops the run. */
	int32_t                  (*on_step)(void *ctx, const char *text, size_t len,
	                                    struct json_object *delta);
	void                      *ctx;
	/* Set by pipeline_prepare(). */
	char                       receipt_id[RECEIPT_ID_SIZE];
	uint8_t                    secret[32];
	/* Out. */
	struct b3iq_usage          usage;
	struct buf                 output;         /* as delivered                       */
	struct buf                 envelope;       /* empty if the store failed          */
	struct buf                 params;         /* canonical JSON                     */
	int32_t                   *tokens;         /* with keep_tokens                   */
	size_t                     n_tokens;
	bool                       has_logits;
	uint8_t                    logits[32];
	uint64_t                   first_us;       /* 0: no token came                   */
};

struct pipeline *pipeline_create(const struct pipeline_options *, struct b3iq_error *err);
void             pipeline_destroy(struct pipeline *);

/* A turn for one request's runs, one after another.  B3IQ_E_BUSY: too many wait already;
 * B3IQ_E_CANCELLED: cancel_fd (or -1) turned readable while it waited. */
int32_t pipeline_enter(struct pipeline *, int cancel_fd, struct b3iq_error *err);
void    pipeline_leave(struct pipeline *);

/* Zeroes the run, and gives it its receipt id and secret. */
void    pipeline_prepare(struct run *);
void    pipeline_finish(struct run *);
/* B3IQ_OK, or why there is no complete output; also then there is a receipt, except where the store
 * or the request itself failed before the backend was asked. */
int32_t pipeline_run(struct pipeline *, struct run *, struct b3iq_error *err);

#endif
