/* ollama: a backend that passes requests on to a running Ollama.
 *
 * What it computes cannot be checked: no token ids, no probes, no determinism, so receipts of it
 * are signed claims (tier T0) and it says so wherever it is asked. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "config.h"
#include "doc.h"
#include "engine/fail.h"
#include "plugin.h"
#include "request.h"
#include "stream.h"
#include "upstream.h"

struct instance {
	const struct b3iq_host *host;
	struct config           config;
	struct catalog         *catalog;
};

/* ---- life --------------------------------------------------------------- */

static void
destroy(void *self)
{
	struct instance *it = self;

	if (!it)
		return;
	catalog_destroy(it->catalog);
	config_finish(&it->config);
	free(it);
	curl_global_cleanup();
}

/* Does not ask Ollama: it may be started later. */
static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct instance *it;
	int32_t          rc;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return fail_with(err, B3IQ_E_INTERNAL,
		                 "libcurl cannot start: is it installed whole?");
	it = calloc(1, sizeof *it);
	if (!it) {
		curl_global_cleanup();
		return fail_memory(err, "an instance");
	}
	it->host = host;
	rc = config_read(&it->config, host, config, err);
	if (!rc)
		rc = catalog_create(&it->catalog, &it->config, err);
	if (rc) {
		destroy(it);
		return rc;
	}
	*self = it;
	return B3IQ_OK;
}

/* ---- what there is ------------------------------------------------------ */

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	struct instance    *it = self;
	struct b3iq_error   why = { .size = sizeof why };
	char                version[CATALOG_VERSION] = "";
	const bool          up = catalog_version(it->catalog, version, &why) == B3IQ_OK;
	struct json_object *list = json_object_new_array(), *one = json_object_new_object();
	const char         *text = NULL;
	size_t              len;
	int32_t             rc;

	/* The address is private: it stays in the config. */
	if (doc_append(list, one) && doc_add_string(one, "id", "ollama") &&
	    doc_add_string(one, "name", "Ollama") && doc_add_string(one, "kind", "remote") &&
	    doc_add_bool(one, "usable", up) &&
	    doc_add_string(one, up ? "driver" : "why", up ? version : why.text))
		text = doc_text(list, &len);
	rc = text ? devices->write(devices, text, len) : fail_memory(err, "the list of devices");
	json_object_put(list);
	return rc;
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct instance *it = self;

	return catalog_list(it->catalog, out, err);
}

/* Without a prompt Ollama only loads the model, or lets it go. */
static int32_t
keep(struct instance *it, const char *model, struct json_object *how_long, struct b3iq_error *err)
{
	struct json_object  *ask = json_object_new_object(), *options = json_object_new_object();
	struct json_object  *answer = NULL;
	struct catalog_model known;
	int32_t              rc;

	if (!doc_add(ask, "keep_alive", how_long) || !doc_add(ask, "options", options) ||
	    !doc_add_string(ask, "model", model) || !doc_add_bool(ask, "stream", false))
		rc = fail_memory(err, "a request to Ollama");
	else
		rc = catalog_find(it->catalog, model, UPSTREAM_NO_STOP, &known, err);
	if (!rc && !doc_add_int(options, "num_ctx", known.context))
		rc = fail_memory(err, "a request to Ollama");
	if (!rc)
		rc = upstream_json(&it->config,
		                   (struct upstream_call){ .path = "/api/generate", .body = ask,
		                                           .stop = UPSTREAM_NO_STOP,
		                                           .first_ms = it->config.first_ms },
		                   &answer, err);
	json_object_put(ask);
	json_object_put(answer);
	return rc;
}

static int32_t
load(void *self, const char *model, const char *opts, struct b3iq_error *err)
{
	(void)opts; /* context and keep_alive are the operator's */
	return keep(self, model, config_keep_alive(&((struct instance *)self)->config), err);
}

static int32_t
unload(void *self, const char *model, struct b3iq_error *err)
{
	return keep(self, model, json_object_new_int64(0), err);
}

/* ---- generate ----------------------------------------------------------- */

static int32_t
on_data(void *ctx, const char *data, size_t len, struct b3iq_error *err)
{
	struct stream *s = ctx;
	const int32_t  rc = stream_feed(s, data, len, err);

	return !rc && s->full ? B3IQ_DECLINED : rc; /* enough: ends the transfer */
}

static int32_t
converse(struct instance *it, const struct request *r, struct upstream_stop stop,
         struct stream *s, struct b3iq_error *err)
{
	const struct upstream_call call = { .path = r->chat ? "/api/chat" : "/api/generate",
		                            .body = r->body,
		                            .first_ms = it->config.first_ms,
		                            .stop = stop,
		                            .on_data = on_data,
		                            .ctx = s };
	int32_t                    rc;

	stream_init(s);
	rc = upstream_stream(&it->config, &call, err);
	if (!rc || s->full)
		rc = stream_end(s, err);
	if (rc == B3IQ_E_CANCELLED || rc == B3IQ_E_TIMEOUT)
		s->usage->stop = B3IQ_STOP_CANCELLED;
	if (rc == B3IQ_E_NOT_FOUND)
		catalog_forget(it->catalog, s->model);
	stream_finish(s);
	return rc;
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct instance           *it = self;
	const struct upstream_stop stop = { rq->deadline_ms, sink->cancel_fd };
	struct catalog_model       known;
	struct request             r = { .body = NULL };
	int32_t                    rc;

	if (rq->flags & ~B3IQ_GEN_LOGPROBS)
		return fail_with(
			err, B3IQ_E_UNSUPPORTED,
			"Ollama's work cannot be reproduced or proven: ask without determinism "
			"and probes, or ask a det-v1 backend");
	rc = catalog_find(it->catalog, rq->model, stop, &known, err);
	if (rc)
		return rc;
	use->determinism = B3IQ_DET_NONE;
	snprintf(use->fingerprint, sizeof use->fingerprint, "none/ollama/%.12s/%.32s",
	         known.digest[0] ? known.digest : "unknown", known.quantisation);
	rc = request_make(&r, &it->config, rq, known.context, err);
	if (!rc) {
		struct stream s = { .model = rq->model, .sink = sink, .usage = use,
			            .max_tokens = rq->max_tokens, .context = known.context,
			            .chat = r.chat, .stops = r.stops,
			            .logprobs = (rq->flags & B3IQ_GEN_LOGPROBS) != 0 };

		rc = converse(it, &r, stop, &s, err);
	}
	request_finish(&r);
	it->host->metric(it->host->ctx, B3IQ_COUNTER, rc ? "failures" : "answers", 1);
	return rc;
}

/* ---- tables ------------------------------------------------------------- */

static const struct b3iq_inference iface = {
	.size = sizeof iface,
	.probe = probe,
	.models = models,
	.load = load,
	.unload = unload,
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
