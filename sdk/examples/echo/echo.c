/* echo: the smallest complete plugin.  A token is a byte of the request, so all that a backend owes
 * its host can be seen at once: limits, cancel, determinism, probes and usage. */
#include "plugin.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	return code;
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	static char nothing; /* an instance that keeps nothing still needs an address */

	(void)config, (void)err;
	*self = &nothing;
	host->log(host->ctx, B3IQ_LOG_INFO, "echo is ready");
	return B3IQ_OK;
}

static void
destroy(void *self)
{
	(void)self;
}

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"cpu\",\"name\":\"Any processor\",\"usable\":true}]";

	(void)self, (void)err;
	return devices->write(devices, doc, sizeof doc - 1);
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"echo\",\"context\":4096,\"resident\":true}]";

	(void)self, (void)err;
	return out->write(out, doc, sizeof doc - 1);
}

/* What we would otherwise have to ignore.  A quote inside a JSON string is escaped, so this is a
 * key and never content. */
static bool
asks_for(const struct b3iq_gen_request *rq, const char *key)
{
	return memmem(rq->body, rq->body_len, key, strlen(key)) != NULL;
}

/* Does a character end at byte i?  Until it does, a step has no text. */
static bool
whole(const struct b3iq_gen_request *rq, size_t i)
{
	return i + 1 == rq->body_len || (rq->body[i + 1] & 0xc0) != 0x80;
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const size_t limit = rq->max_tokens ? rq->max_tokens : 4096;
	size_t       start = 0; /* of the text that is not yet emitted */

	(void)self;
	if (strcmp(rq->model, "echo") != 0)
		return fail(err, B3IQ_E_NOT_FOUND, "the only model here is \"echo\"");
	if (rq->flags & ~(B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES))
		return fail(err, B3IQ_E_UNSUPPORTED, "echo has no log probabilities: ask without");
	if (asks_for(rq, "\"stop\":") || asks_for(rq, "\"tools\":"))
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "echo knows neither stop nor tools: ask without");
	use->determinism = B3IQ_DET_SAME_FINGERPRINT;
	snprintf(use->fingerprint, sizeof use->fingerprint, "echo/%s", B3IQ_PLUGIN_VERSION);
	use->prompt_tokens = rq->body_len;
	for (size_t i = 0; i < rq->body_len && i < limit; i++) {
		const int32_t id = (unsigned char)rq->body[i];
		struct b3iq_chunk step = { .size = sizeof step, .n_ids = 1, .ids = &id };
		int32_t rc;

		if (whole(rq, i)) {
			step.text = rq->body + start;
			step.text_len = i + 1 - start;
			start = i + 1;
		}
		if (rq->flags & B3IQ_GEN_PROBES) {
			step.probe = &id;
			step.probe_len = sizeof id;
		}
		rc = sink->emit(sink, &step);
		if (rc != B3IQ_OK) {
			use->stop = B3IQ_STOP_CANCELLED;
			return fail(err, rc, "the host asked to stop");
		}
		use->output_tokens++;
	}
	use->stop = rq->body_len > limit ? B3IQ_STOP_LENGTH : B3IQ_STOP_END;
	return B3IQ_OK;
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
