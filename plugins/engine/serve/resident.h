/* resident.h - a model in memory that answers requests: file, weights, tokenizer and scheduler.
 *
 * It turns a request of plugin.h into tokens for the scheduler and tokens into chunks for the sink.
 * A token is one chunk: its id, the text that may leave so far, and on demand its probe and its log
 * probabilities.  The end token is a chunk without text and counts as output.
 *
 *   Threads   resident_generate() and resident_replay(): any number at once; they emit on the
 * calling thread and hold no lock meanwhile.  resident_close(): after all of them returned.
 */
#ifndef B3IQ_ENGINE_RESIDENT_H
#define B3IQ_ENGINE_RESIDENT_H

#include "engine/serve/scheduler.h"

/* B3IQ_ENGINE_VERSION changes when a change of the engine may change a bit or a token. */
#define RESIDENT_PROFILE "det-v1"
#define RESIDENT_ENGINE  "b3iq-engine-0.1.0"

struct resident;

/* device: last part of the fingerprint, "cpu".  Errors: those of gguf_open(), model_create(),
 * tokenizer_create() and scheduler_create(). */
int32_t resident_open(struct resident **, const char *path, const struct scheduler_config *,
                      const char *device, struct b3iq_error *);
void resident_close(struct resident *);

const struct model *resident_model(const struct resident *);
uint32_t resident_context(const struct resident *);

/* As b3iq_inference.generate and b3iq_replay.replay of plugin.h. */
int32_t resident_generate(struct resident *, const struct b3iq_gen_request *, struct b3iq_sink *,
                          struct b3iq_usage *, struct b3iq_error *);
int32_t resident_replay(struct resident *, const struct b3iq_gen_request *, const int32_t *ids,
                        size_t n_ids, struct b3iq_sink *, struct b3iq_usage *,
                        struct b3iq_error *);

#endif
