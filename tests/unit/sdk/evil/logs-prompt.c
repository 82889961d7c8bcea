/* logs-prompt: writes the prompt to the log. */
#include "good-inference.h"

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const struct good *g = self;
	char               line[256];

	snprintf(line, sizeof line, "asked: %.*s", (int)rq->body_len, rq->body);
	g->host->log(g->host->ctx, B3IQ_LOG_INFO, line);
	return good_generate(self, rq, sink, use, err);
}

static void
evil(void)
{
	iface.generate = generate;
}
