/* metronome.c - the plugin that wire-bench measures with: it does next to nothing, so that what is
 * left is the way.  A token is one id, a word, and as its probe the nanosecond of CLOCK_MONOTONIC at
 * which it was handed over, which is the same clock in every process.
 *
 * Models: "fast" emits as fast as it is taken, "paced" waits a millisecond before each token, as a
 * device would, and wakes for a cancel.
 */
#include "plugin.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAUSE_MS 1

static int32_t
token(struct b3iq_sink *sink, int32_t id)
{
	uint64_t          made_ns;
	struct b3iq_chunk k = { .size = sizeof k, .n_ids = 1, .ids = &id, .text = "tick ", .text_len = 5,
		                .probe = &made_ns, .probe_len = sizeof made_ns };
	struct timespec   t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	made_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return sink->emit(sink, &k);
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const int     pause_ms = strcmp(rq->model, "paced") == 0 ? PAUSE_MS : 0;
	struct pollfd p = { .fd = sink->cancel_fd, .events = POLLIN };
	int32_t       rc = B3IQ_OK;

	(void)self;
	while (rc == B3IQ_OK && use->output_tokens < rq->max_tokens) {
		if (pause_ms > 0 && poll(&p, 1, pause_ms) > 0)
			rc = B3IQ_E_CANCELLED;
		else
			rc = token(sink, (int32_t)(use->output_tokens % 1000));
		use->output_tokens += rc == B3IQ_OK;
	}
	use->stop = rc == B3IQ_OK ? B3IQ_STOP_LENGTH : B3IQ_STOP_CANCELLED;
	if (rc != B3IQ_OK)
		snprintf(err->text, sizeof err->text, "the host asked to stop");
	return rc;
}

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	static const char doc[] = "[]";

	(void)self, (void)err;
	return devices->write(devices, doc, sizeof doc - 1);
}

static int32_t
models(void *self, struct b3iq_writer *list, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"fast\",\"context\":1048576,\"resident\":true},"
	                          "{\"id\":\"paced\",\"context\":1048576,\"resident\":true}]";

	(void)self, (void)err;
	return list->write(list, doc, sizeof doc - 1);
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	(void)config, (void)err;
	*self = (void *)host; /* nothing is kept; any address will do */
	return B3IQ_OK;
}

static void
destroy(void *self)
{
	(void)self;
}

static const struct b3iq_inference iface = {
	.size = sizeof iface,
	.probe = probe,
	.models = models,
	.generate = generate,
};

static const struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = B3IQ_INFERENCE,
	.threads = B3IQ_THREADS_PARALLEL,
	.id = B3IQ_PLUGIN_ID,
	.version = B3IQ_PLUGIN_VERSION,
	.create = create,
	.destroy = destroy,
	.iface = &iface,
};

const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}
