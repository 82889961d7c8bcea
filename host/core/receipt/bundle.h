/* bundle.h - b3iq.bundle/1: a receipt together with what opens it, as one file.
 *
 *   {"version": "b3iq.bundle/1",
 *    "receipt": {envelope},
 *    "openings": {"secret": hex | "salts": {field: hex, ...},
 *                 "prompt": text, "params": {...}, "output": text, "tokens": [id, ...],
 *                 "logits": hex, "probes": [hex, ...]}}          all optional
 *
 * Who holds the secret opens every field; who wants to show one field only gives its salt and bytes.
 */
#ifndef CORE_RECEIPT_BUNDLE_H
#define CORE_RECEIPT_BUNDLE_H

#include "core/receipt/commit.h"
#include "core/receipt/receipt.h"

#define BUNDLE_VERSION "b3iq.bundle/1"
#define BUNDLE_MAX     (64u << 20) /* bytes of a bundle */

enum { BUNDLE_PROMPT, BUNDLE_OUTPUT, BUNDLE_TOKENS, BUNDLE_LOGITS, BUNDLE_SALTS };

struct bundle { /* strings and arrays are borrowed from doc */
	struct json_object   *doc;
	struct receipt_signed receipt;
	bool                  has_salt[BUNDLE_SALTS];
	uint8_t               salt[BUNDLE_SALTS][32]; /* given, or derived from the secret */
	const char           *prompt, *output;        /* NULL: not opened                  */
	size_t                prompt_len, output_len;
	struct json_object   *params;                 /* NULL: not opened                  */
	int32_t              *tokens;                 /* NULL: not opened                  */
	size_t                n_tokens;
	bool                  has_logits;
	uint8_t               logits[32];
	struct json_object   *probes;                 /* array of n_tokens hex strings, or NULL */
};

/* A bundle, or a bare envelope (as the API returns it), which is a bundle without openings. */
int32_t bundle_read(const void *, size_t, struct bundle *out, struct b3iq_error *err);
void    bundle_free(struct bundle *);

struct bundle_opening { /* what the client knows; absent parts are NULL, 0 */
	const uint8_t *secret;               /* 32 bytes                     */
	const char    *prompt, *params, *output; /* params: canonical JSON   */
	size_t         prompt_len, params_len, output_len;
	const int32_t *tokens;
	size_t         n_tokens;
	const uint8_t *logits;               /* 32 bytes                     */
};
/* Appends the bundle of an envelope. */
int32_t bundle_write(const void *envelope, size_t len, const struct bundle_opening *, struct buf *,
                     struct b3iq_error *err);

#endif
