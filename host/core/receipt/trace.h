/* trace.h - what is recorded of a running generation: token chain and logit tree.
 *
 *   h_0 = SHA-256("b3iq.tokens/1\n" || salt("tokens"))
 *   h_i = SHA-256(h_{i-1} || u32le(id_i))
 *
 *   leaf_p = SHA-256(0x00 || u64le(p) || i32le(id_p) || probe_p), p from 0; tree of RFC 9162
 *
 * Feed it every chunk of the stream in order.  It costs a hash per token and fixed memory.
 */
#ifndef CORE_RECEIPT_TRACE_H
#define CORE_RECEIPT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/crypto/merkle.h"
#include "plugin.h"

struct trace {
	uint8_t       head[32];  /* h_n                                               */
	uint64_t      count;     /* n: ids seen                                       */
	struct merkle logits;
	bool          hidden;    /* a chunk with text came without ids: no token claim */
	bool          unprobed;  /* an id came without its probe: no logit claim       */
	int32_t       rc;        /* the first failure sticks                          */
};

int32_t trace_init(struct trace *, const uint8_t tokens_salt[32]);
/* One chunk.  Several ids in a chunk make `unprobed` (a probe belongs to one id). */
int32_t trace_chunk(struct trace *, const struct b3iq_chunk *);
/* The same from parts: one id and its probe (NULL: none). */
int32_t trace_token(struct trace *, int32_t id, const void *probe, size_t probe_len);

#endif
