/* plugin.c - the CPU backend: the engine with the kernels of this folder behind plugin.h. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>
#include "cpu/config.h"
#include "cpu/device.h"
#include "cpu/shelf.h"
#include "engine/fail.h"

struct cpu {
	struct config config;
	struct shelf *shelf;
};

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct cpu *cpu = calloc(1, sizeof *cpu);
	int32_t rc;

	if (!cpu)
		return fail_memory(err, "the plugin");
	rc = config_parse(&cpu->config, config, err);
	if (rc == B3IQ_OK)
		rc = shelf_create(&cpu->shelf, host, &cpu->config, err);
	if (rc != B3IQ_OK) {
		free(cpu);
		return rc;
	}
	*self = cpu;
	return B3IQ_OK;
}

static void
destroy(void *self)
{
	struct cpu *cpu = self;

	if (!cpu)
		return;
	shelf_destroy(cpu->shelf);
	free(cpu);
}

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	const struct cpu *cpu = self;

	return device_write(cpu->config.scheduler.kernels, devices, err);
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	const struct cpu *cpu = self;

	return shelf_write(cpu->shelf, out, err);
}

static int32_t
load(void *self, const char *model, const char *opts, struct b3iq_error *err)
{
	const struct cpu *cpu = self;
	struct shelf_item *item;
	int32_t rc;

	if (opts && strspn(opts, "{} \t\r\n") != strlen(opts))
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "load() has no options here: set them in the plugin's config");
	rc = shelf_hold(cpu->shelf, model, &item, err);
	if (rc == B3IQ_OK)
		shelf_release(cpu->shelf, item);
	return rc;
}

static int32_t
unload(void *self, const char *model, struct b3iq_error *err)
{
	const struct cpu *cpu = self;

	return shelf_unload(cpu->shelf, model, err);
}

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	const struct cpu *cpu = self;
	struct shelf_item *item;
	int32_t rc = shelf_hold(cpu->shelf, rq->model, &item, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = resident_generate(shelf_resident(item), rq, sink, use, err);
	shelf_release(cpu->shelf, item);
	return rc;
}

static int32_t
replay(void *self, const struct b3iq_gen_request *rq, const int32_t *ids, size_t n_ids,
       struct b3iq_sink *sink, struct b3iq_usage *use, struct b3iq_error *err)
{
	const struct cpu *cpu = self;
	struct shelf_item *item;
	int32_t rc = shelf_hold(cpu->shelf, rq->model, &item, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = resident_replay(shelf_resident(item), rq, ids, n_ids, sink, use, err);
	shelf_release(cpu->shelf, item);
	return rc;
}

static const struct b3iq_replay replay_table = {
	.size = sizeof replay_table,
	.replay = replay,
};

static const void *
extension(void *self, const char *id)
{
	(void)self;
	return strcmp(id, B3IQ_EXT_REPLAY) == 0 ? &replay_table : NULL;
}

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
	.extension = extension,
};

const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}
