/* scheduler.h - continuous batching: many requests, one engine thread, one step at a time.
 *
 * Each step of the network carries rows of all running requests: a token of each that decodes, and
 * chunks of the prompts that are still being read, shared evenly and in turn.  Requests beyond
 * max_sequences wait in a bounded queue; one starts when the keys and values of its whole course
 * fit the budget, so that it cannot die of memory half-way.  By det-v1 none of this changes a bit
 * of any answer.
 *
 *   Tickets   scheduler_submit() gives one; the submitter alone uses and closes it.  Tokens wait in
 * the ticket until they are fetched: a slow reader pauses its own request and no other. Threads
 * scheduler_submit(): any.  A ticket: one thread at a time.  scheduler_destroy(): after all tickets
 * are closed. Privacy   Nothing of a request is logged.
 */
#ifndef B3IQ_ENGINE_SCHEDULER_H
#define B3IQ_ENGINE_SCHEDULER_H

#include "engine/model/model.h"
#include "engine/serve/sampler.h"
#include "engine/text/tokenizer.h"

#define SCHEDULER_PROBE     32u  /* SHA-256 of the little-endian bits of a row of logits */
#define SCHEDULER_MAX_CHUNK 4096u

struct scheduler;
struct ticket;

struct scheduler_config {
	const struct kernels *kernels;
	unsigned threads;       /* 0: one a processor                                  */
	size_t   max_sequences; /* that run together                                   */
	size_t   max_queue;     /* that wait                                           */
	size_t   chunk;         /* rows of a step; 1..SCHEDULER_MAX_CHUNK              */
	uint32_t context;       /* 0: the model's; else at most that                   */
	uint64_t kv_bytes;      /* budget of keys and values; 0: no bound              */
	size_t   prefixes;      /* finished sequences that are kept for reuse          */
};

struct scheduler_job { /* all of it is copied */
	const int32_t        *prompt;
	size_t                n_prompt;   /* at least 1                                     */
	uint32_t              max_tokens; /* 0: what the context holds                      */
	struct sampler_params sampling;
	bool                  probes, logprobs;
	uint32_t              top_logprobs;
	const int32_t        *forced; /* replay: the output as it was claimed to be, or NULL */
	size_t                n_forced;
};

struct scheduler_token {
	int32_t                id;
	bool                   end;  /* an end-of-generation token   */
	bool                   last; /* nothing but TICKET_ENDED follows */
	uint8_t                probe[SCHEDULER_PROBE];
	struct sampler_logprob logprobs[1 + SAMPLER_MAX_TOP];
};

/* How a request ended, and what it took. */
struct scheduler_end {
	int32_t           rc;   /* B3IQ_OK, or why it failed; err says more */
	uint32_t          stop; /* B3IQ_STOP_END or _LENGTH                 */
	struct b3iq_error err;
};

struct scheduler_times {
	uint64_t cached_tokens, queue_us, prefill_us, decode_us;
};

enum ticket_news { TICKET_NOTHING, TICKET_TOKEN, TICKET_ENDED };

/* The model and the tokenizer (whose end tokens end a generation; NULL: none) outlive it.  Errors:
 * B3IQ_E_INVALID, B3IQ_E_NO_MEMORY, B3IQ_E_UNAVAILABLE. */
int32_t scheduler_create(struct scheduler **, const struct model *, const struct tokenizer *,
                         const struct scheduler_config *, struct b3iq_error *);
void scheduler_destroy(struct scheduler *);
uint32_t scheduler_context(const struct scheduler *);

/* Errors: B3IQ_E_INVALID (a bad id or number; a prompt that fills the context, whose text begins
 * with "context_length_exceeded"), B3IQ_E_BUSY with retry_ms (the queue is full), B3IQ_E_NO_MEMORY.
 */
int32_t scheduler_submit(struct scheduler *, const struct scheduler_job *, struct ticket **,
                         struct b3iq_error *);

/* A descriptor that turns readable when there is news; ticket_next() says what. */
int ticket_fd(const struct ticket *);
enum ticket_news ticket_next(struct ticket *, struct scheduler_token *, struct scheduler_end *);
struct scheduler_times ticket_times(struct ticket *);
/* Gives the request up wherever it stands, at once; its place is free after the step at hand. */
void ticket_close(struct ticket *);

#endif
