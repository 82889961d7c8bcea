/* lies-about-threads: declares PARALLEL and keeps its state in one place. */
#include "good-inference.h"

static uint64_t seed; /* of whoever came last */

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct b3iq_gen_request mine = *rq;
	int32_t                 rc = B3IQ_OK;

	if (strcmp(rq->model, "good") != 0 || rq->flags & ~B3IQ_GEN_DETERMINISTIC)
		return good_generate(self, rq, sink, use, err);
	good_usage(use);
	seed = rq->seed;
	for (uint32_t i = 0; i < rq->max_tokens && rc == B3IQ_OK; i++) {
		mine.seed = seed++;
		sleep_ms(1);
		rc = good_step(&mine, sink, use, i);
	}
	return rc;
}

static void
evil(void)
{
	iface.generate = generate;
}
