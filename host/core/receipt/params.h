/* params.h - the sampling parameters of a request as canonical JSON, and their digest.
 *
 *   params_digest = SHA-256("b3iq.params/1\n" || canonical JSON)
 *
 * Floats are integers in millionths ("temperature_e6": 700000), so that the text is exact.  A node
 * therefore runs exactly what it states: params_settle() first rounds the request to millionths.
 * All keys are always there:
 *   flags frequency_penalty_e6 max_tokens min_p_e6 presence_penalty_e6 repetition_penalty_e6
 *   temperature_e6 top_k top_logprobs top_p_e6
 * The seed is a field of the receipt of its own; stop strings, bias, grammar and tools are part of
 * the request body, thus of the prompt commitment.
 */
#ifndef CORE_RECEIPT_PARAMS_H
#define CORE_RECEIPT_PARAMS_H

#include <json-c/json.h>
#include <stdint.h>

#include "core/base/buf.h"

/* B3IQ_E_INVALID for a float that is not finite or beyond +-1000. */
int32_t params_settle(struct b3iq_gen_request *, struct b3iq_error *err);
/* Appends the canonical JSON of a settled request. */
int32_t params_write(const struct b3iq_gen_request *, struct buf *, struct b3iq_error *err);
int32_t params_digest(const void *json, size_t len, uint8_t out[32]);
/* The way back: fills the parameters of *req, leaving its model, body, seed and deadline. */
int32_t params_read(struct json_object *, struct b3iq_gen_request *req, struct b3iq_error *err);

#endif
