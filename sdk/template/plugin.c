/* myplugin: copy this folder, and fill in what is marked with 1 to 5.
 *
 * It builds and passes plugin-check as it stands; keep it so after every step.  plugin.h says what
 * each function may and must do, docs/plugin-writing.md how the pieces fit together. */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instance { /* 1: what you keep from create() to destroy()                     */
	const struct b3iq_host *host;
};

/* Every error has a sentence for the operator: what was wrong, and the remedy. */
static int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	return code;
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct instance *me = calloc(1, sizeof *me);

	if (!me)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	(void)config; /* 2: valid by your schema, defaults filled in; gone when you return: copy */
	me->host = host;
	*self = me;
	return B3IQ_OK;
}

static void
destroy(void *self)
{
	free(self); /* NULL is fine; join your threads first */
}

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"cpu\",\"name\":\"Processor\",\"usable\":true}]";
	int32_t           rc = devices->write(devices, doc, sizeof doc - 1);

	(void)self; /* 3: what you could run on, and why not: schemas/devices.json */
	return rc == B3IQ_OK ? rc : fail(err, rc, "the host did not take the devices");
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	static const char doc[] = "[{\"id\":\"hello\",\"context\":4096}]";
	int32_t           rc = out->write(out, doc, sizeof doc - 1);

	(void)self; /* 4: what you can run: schemas/models.json */
	return rc == B3IQ_OK ? rc : fail(err, rc, "the host did not take the models");
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const uint32_t n = rq->max_tokens && rq->max_tokens < 20 ? rq->max_tokens : 20;

	(void)self;
	if (strcmp(rq->model, "hello") != 0)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no such model: see models()");
	if (rq->flags) /* refuse what you cannot do; never ignore it */
		return fail(err, B3IQ_E_UNSUPPORTED, "no determinism, probes or logprobs here");
	use->prompt_tokens = 1;
	use->stop = n == rq->max_tokens ? B3IQ_STOP_LENGTH : B3IQ_STOP_END;
	for (uint32_t i = 0; i < n; i++) { /* 5: your tokens, in whole UTF-8 characters */
		const struct b3iq_chunk step = { .size = sizeof step, .text = "hello ",
		                                 .text_len = 6 };
		int32_t                 rc = sink->emit(sink, &step);

		if (rc != B3IQ_OK) /* the host wants no more: stop within 250 ms and say so */
			return fail(err, rc, "the host asked to stop");
		use->output_tokens++;
	}
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
	.threads = B3IQ_THREADS_PARALLEL, /* or SERIAL: the host keeps to it */
	.id = B3IQ_PLUGIN_ID,             /* both from plugin.json */
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
