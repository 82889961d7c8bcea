/* packed.h - the matrices of a model as a kernel set wants them in memory.
 *
 * Each matrix that the set packs is packed once, part by part on all threads, and the pages of the
 * file that it came from are let go part by part too: so a model takes about the size of its file,
 * also at the peak.  Matrices that the set computes from the file's layout stay in the mapping.
 * Rows of the embedding are looked up in the file, a few pages at a time.
 *
 *   Memory    The model outlives it.
 *   Threads   packed_create() works as a thread of the pool; immutable afterwards.
 */
#ifndef B3IQ_ENGINE_PACKED_H
#define B3IQ_ENGINE_PACKED_H

#include "engine/model/model.h"
#include "engine/model/pool.h"

struct packed {
	struct model_layer *layers; /* those of the model, matrices packed    */
	struct matrix       output;
	uint8_t            *memory; /* of all groups; NULL where there are none */
	size_t              bytes;
};

/* Zero-initialise; packed_finish() in any case.  Errors: B3IQ_E_NO_MEMORY. */
int32_t packed_init(struct packed *, const struct model *, const struct kernels *, struct pool *,
                    struct b3iq_error *);
void packed_finish(struct packed *);

#endif
