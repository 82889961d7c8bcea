/* logprobs.h - the log probabilities of a token as chat-delta.json. */
#ifndef B3IQ_ENGINE_LOGPROBS_H
#define B3IQ_ENGINE_LOGPROBS_H

#include "engine/bytes.h"
#include "engine/serve/sampler.h"
#include "engine/text/tokenizer.h"

/* Appends {"logprobs":[...]} and a NUL; entries[0] is the token, n_top alternatives follow. */
int32_t logprobs_json(const struct tokenizer *, const struct sampler_logprob *entries,
                      size_t n_top, struct bytes *out);

#endif
