/* verdict.h - what the coordinator says of a result, under its own key: "b3iq.verdict/1".
 *
 *   m = "b3iq.verdict/1\n" || canonical body;  hash = SHA-256(m);  signature = Ed25519(key, m)
 */
#ifndef COORDINATOR_SETTLE_VERDICT_H
#define COORDINATOR_SETTLE_VERDICT_H

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"
#include "core/crypto/ed25519.h"

#define VERDICT_DOMAIN "b3iq.verdict/1\n"
#define VERDICT_MAX    4096

/* Appends {"body","hash","signature"} of a completed job.  receipt: the hash of the node's receipt;
 * NULL: there is none, the worker is not verified. */
int32_t verdict_write(const struct job *, const uint8_t *receipt, const struct ed25519_key *,
                      struct buf *out, uint8_t hash[32], struct b3iq_error *err);

#endif
