#include "cpu/config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cpu/kernels.h"
#include "engine/fail.h"

#define PREFIXES 32u /* sequences that the prefix cache keeps */

static int32_t
wrong(struct b3iq_error *err, const char *name, const char *what)
{
	return fail_with(err, B3IQ_E_INVALID, "config: \"%s\" must be %s", name, what);
}

static int32_t
number(struct json_object *root, const char *name, uint64_t min, uint64_t max, uint64_t *out,
       struct b3iq_error *err)
{
	struct json_object *value;
	int64_t n;

	if (!json_object_object_get_ex(root, name, &value))
		return B3IQ_OK;
	n = json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_int) || n < 0 || (uint64_t)n < min ||
	    (uint64_t)n > max)
		return wrong(err, name, "a number within its bounds");
	*out = (uint64_t)n;
	return B3IQ_OK;
}

static int32_t
text(struct json_object *root, const char *name, char *out, size_t size, struct b3iq_error *err)
{
	struct json_object *value;

	if (!json_object_object_get_ex(root, name, &value))
		return B3IQ_OK;
	if (!json_object_is_type(value, json_type_string) ||
	    (size_t)json_object_get_string_len(value) >= size ||
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return wrong(err, name, "a text that is not too long");
	snprintf(out, size, "%s", json_object_get_string(value));
	return B3IQ_OK;
}

/* A quarter of the machine's memory. */
static uint64_t
usual_kv_bytes(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 4 : 1ull << 30;
}

static int32_t
read_scheduler(struct scheduler_config *s, struct json_object *root, struct b3iq_error *err)
{
	uint64_t threads = 0, context = 0, batch = 16, queue = 256, chunk = 256, mib = 0;
	struct json_object *reuse;
	char kernels[32] = "auto";
	const struct {
		const char *name;
		uint64_t    min, max, *out;
	} numbers[] = {
		{ "threads", 0, 256, &threads },      { "context", 0, 4194304, &context },
		{ "max_batch", 1, 256, &batch },      { "max_queue", 0, 65536, &queue },
		{ "prefill_chunk", 256, 4096, &chunk }, { "kv_memory_mib", 0, 16777216, &mib },
	};
	int32_t rc = B3IQ_OK;

	for (size_t i = 0; rc == B3IQ_OK && i < sizeof numbers / sizeof *numbers; i++)
		rc = number(root, numbers[i].name, numbers[i].min, numbers[i].max, numbers[i].out,
		            err);
	if (rc == B3IQ_OK)
		rc = text(root, "kernels", kernels, sizeof kernels, err);
	if (rc == B3IQ_OK)
		rc = select_kernels(kernels, &s->kernels, err);
	s->threads = (unsigned)threads;
	s->context = (uint32_t)context;
	s->max_sequences = (size_t)batch;
	s->max_queue = (size_t)queue;
	s->chunk = (size_t)chunk;
	s->kv_bytes = mib ? mib << 20 : usual_kv_bytes();
	s->prefixes = PREFIXES;
	if (rc == B3IQ_OK && json_object_object_get_ex(root, "prefix_cache", &reuse)) {
		if (!json_object_is_type(reuse, json_type_boolean))
			return wrong(err, "prefix_cache", "true or false");
		if (!json_object_get_boolean(reuse))
			s->prefixes = 0;
	}
	return rc;
}

static const char *const fields[] = { "models_dir", "builtin_model", "context", "threads",
	"kernels", "max_batch", "max_queue", "prefill_chunk", "kv_memory_mib", "prefix_cache" };

/* A field that nobody reads is a misspelt one. */
static int32_t
refuse_unknown(struct json_object *root, struct b3iq_error *err)
{
	json_object_object_foreach(root, key, value) {
		bool known = false;

		(void)value;
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			known |= strcmp(key, fields[i]) == 0;
		if (!known)
			return fail_with(err, B3IQ_E_INVALID, "config: there is no field \"%.60s\"",
			                 key);
	}
	return B3IQ_OK;
}

int32_t
config_parse(struct config *c, const char *json, struct b3iq_error *err)
{
	struct json_object *root = json_tokener_parse(json);
	int32_t rc;

	*c = (struct config){ 0 };
	if (!json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		return fail_with(err, B3IQ_E_INVALID, "config: it must be a JSON object");
	}
	rc = refuse_unknown(root, err);
	if (rc == B3IQ_OK)
		rc = text(root, "models_dir", c->models_dir, sizeof c->models_dir, err);
	if (rc == B3IQ_OK)
		rc = text(root, "builtin_model", c->builtin_model, sizeof c->builtin_model, err);
	if (rc == B3IQ_OK)
		rc = read_scheduler(&c->scheduler, root, err);
	json_object_put(root);
	return rc;
}
