/* drive: loads ollama.so as a host would, in this process, and makes one call.
 *
 *   drive PLUGIN.so CONFIG probe|models
 *   drive PLUGIN.so CONFIG generate MODEL BODY [max_tokens] [cancel_after_chunks] [flags]
 *
 * Prints one JSON object: rc, error, and what the call gave. */
#include <dlfcn.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "plugin.h"

struct sink {
	struct b3iq_sink    base;
	char                text[1 << 20];
	size_t              len, cancel_after;
	long                n_chunks;
	struct json_object *deltas;
	uint64_t            poked_us;
};

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int32_t
emit(struct b3iq_sink *base, const struct b3iq_chunk *c)
{
	struct sink *s = (struct sink *)base;

	if (c->text_len > sizeof s->text - s->len - 1)
		return B3IQ_E_NO_MEMORY;
	memcpy(s->text + s->len, c->text, c->text_len);
	s->len += c->text_len;
	if (c->delta)
		json_object_array_add(s->deltas, json_tokener_parse(c->delta));
	if (++s->n_chunks == (long)s->cancel_after) {
		s->poked_us = now_us();
		eventfd_write(s->base.cancel_fd, 1);
	}
	return B3IQ_OK;
}

static char   written[1 << 20];
static size_t n_written;

static int32_t
write_out(struct b3iq_writer *w, const void *data, size_t len)
{
	(void)w;
	if (len > sizeof written - n_written - 1)
		return B3IQ_E_NO_MEMORY;
	memcpy(written + n_written, data, len);
	n_written += len;
	return B3IQ_OK;
}

static void
log_line(void *ctx, int32_t level, const char *text)
{
	(void)ctx, (void)level;
	fprintf(stderr, "%s\n", text);
}

static void
metric(void *ctx, int32_t type, const char *name, double value)
{
	(void)ctx, (void)type, (void)name, (void)value;
}

static int32_t
no_secret(void *ctx, const char *name, struct b3iq_writer *out)
{
	(void)ctx, (void)name, (void)out;
	return B3IQ_E_NOT_FOUND;
}

static void
put_int(struct json_object *out, const char *key, int64_t value)
{
	json_object_object_add(out, key, json_object_new_int64(value));
}

static int32_t
generate(const struct b3iq_inference *iface, void *self, char **argv, int argc,
         struct json_object *out, struct b3iq_error *err)
{
	static struct sink      sink;
	struct b3iq_usage       use = { .size = sizeof use };
	struct b3iq_gen_request rq = { .size = sizeof rq, .model = argv[0], .body = argv[1],
		                       .body_len = strlen(argv[1]), .seed = 7, .temperature = 0.8f,
		                       .top_p = 0.95f, .top_k = 40, .max_tokens = 16 };
	int32_t                 rc;

	if (argc > 2)
		rq.max_tokens = (uint32_t)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		sink.cancel_after = strtoul(argv[3], NULL, 10);
	if (argc > 4)
		rq.flags = (uint32_t)strtoul(argv[4], NULL, 10);
	sink.base = (struct b3iq_sink){ sizeof sink.base, eventfd(0, EFD_CLOEXEC), emit };
	sink.deltas = json_object_new_array();
	rc = iface->generate(self, &rq, &sink.base, &use, err);
	if (sink.poked_us)
		put_int(out, "stopped_ms", (int64_t)(now_us() - sink.poked_us) / 1000);
	json_object_object_add(out, "text", json_object_new_string_len(sink.text, (int)sink.len));
	json_object_object_add(out, "deltas", sink.deltas);
	json_object_object_add(out, "fingerprint", json_object_new_string(use.fingerprint));
	put_int(out, "chunks", sink.n_chunks);
	put_int(out, "stop", use.stop);
	put_int(out, "determinism", use.determinism);
	put_int(out, "prompt_tokens", (int64_t)use.prompt_tokens);
	put_int(out, "output_tokens", (int64_t)use.output_tokens);
	return rc;
}

int
main(int argc, char **argv)
{
	const struct b3iq_host host = { .size = sizeof host,
		                        .abi = B3IQ_ABI,
		                        .instance = "flow",
		                        .state_dir = "/nonexistent",
		                        .log = log_line,
		                        .metric = metric,
		                        .secret = no_secret };
	struct b3iq_error            err = { .size = sizeof err };
	struct b3iq_writer           writer = { write_out };
	struct json_object          *out = json_object_new_object();
	const struct b3iq_plugin    *plugin;
	const struct b3iq_inference *iface;
	const struct b3iq_plugin *(*entry)(uint32_t);
	void   *self = NULL, *so = argc > 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	int32_t rc;

	if (!so) {
		fprintf(stderr, "usage: drive PLUGIN.so CONFIG CALL ...: %s\n",
		        argc > 3 ? dlerror() : "");
		return 2;
	}
	*(void **)&entry = dlsym(so, "b3iq_plugin_entry");
	plugin = entry(B3IQ_ABI);
	iface = plugin->iface;
	rc = plugin->create(&host, argv[2], &self, &err);
	if (!rc && strcmp(argv[3], "probe") == 0)
		rc = iface->probe(self, &writer, &err);
	else if (!rc && strcmp(argv[3], "models") == 0)
		rc = iface->models(self, &writer, &err);
	else if (!rc && strcmp(argv[3], "generate") == 0 && argc > 5)
		rc = generate(iface, self, argv + 4, argc - 4, out, &err);
	plugin->destroy(self);
	put_int(out, "rc", rc);
	json_object_object_add(out, "error", json_object_new_string(err.text));
	if (n_written)
		json_object_object_add(out, "document", json_tokener_parse(written));
	puts(json_object_to_json_string_ext(out, JSON_C_TO_STRING_PLAIN));
	json_object_put(out);
	return 0;
}
