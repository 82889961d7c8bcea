/* replay-agrees: replays by repeating what it was given. */
#include "good-inference.h"

static int32_t
replay(void *self, const struct b3iq_gen_request *rq, const int32_t *ids, size_t n,
       struct b3iq_sink *sink, struct b3iq_usage *use, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	(void)self, (void)ids, (void)rq;
	good_usage(use);
	for (size_t i = 0; i < n && rc == B3IQ_OK; i++) {
		const int32_t     id = ids[i];
		struct b3iq_chunk k = { .size = sizeof k, .n_ids = 1, .ids = &id, .probe = &id,
			                .probe_len = sizeof id };

		rc = sink->emit(sink, &k);
		use->output_tokens += rc == B3IQ_OK;
	}
	return rc ? fail(err, rc, "the host asked to stop") : rc;
}

static const void *
extension(void *self, const char *id)
{
	static const struct b3iq_replay table = { .size = sizeof table, .replay = replay };

	(void)self;
	return strcmp(id, B3IQ_EXT_REPLAY) == 0 ? &table : NULL;
}

static void
evil(void)
{
	plugin.extension = extension;
}
