#include "node/models.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/schema.h"

#define LIST_MAX   (4u << 20)
#define PATIENCE_MS 5000

/* An immutable list that several requests may be looking at. */
struct list {
	unsigned      refs;
	size_t        n;
	struct model *models;    /* by name                                        */
	uint64_t      made_ms;
	uint64_t      generation; /* of the starts of all instances, when it was made */
	bool          partial;   /* memory was short: it may lack models, and is not kept */
};

struct models {
	pthread_mutex_t lock;
	struct plugins *plugins;
	struct list    *list;    /* NULL: none yet, or forgotten */
	struct json_object *schema;
	size_t          known;
};

struct models *
models_create(struct plugins *plugins)
{
	struct models *m = calloc(1, sizeof *m);
	size_t len = 0;
	const char *text = schema_text("models.json", &len);

	if (!m)
		return NULL;
	if (!text || json_parse(text, len, "schemas/models.json", &m->schema, NULL) != B3IQ_OK) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	m->plugins = plugins;
	return m;
}

/* Lock held, or nobody else has it. */
static void
drop(struct list *list)
{
	if (list && --list->refs == 0) {
		free(list->models);
		free(list);
	}
}

void
models_destroy(struct models *m)
{
	if (!m)
		return;
	drop(m->list);
	json_object_put(m->schema);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void
models_forget(struct models *m)
{
	pthread_mutex_lock(&m->lock);
	drop(m->list);
	m->list = NULL;
	pthread_mutex_unlock(&m->lock);
}

size_t
models_known(struct models *m)
{
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = m->known;
	pthread_mutex_unlock(&m->lock);
	return n;
}

static void
release(struct models *m, struct list *list)
{
	pthread_mutex_lock(&m->lock);
	drop(list);
	pthread_mutex_unlock(&m->lock);
}

/* ---- asking the instances ------------------------------------------------ */

static void
copy_text(char *out, size_t size, struct json_object *from, const char *key, const char *otherwise)
{
	const char *value = otherwise;

	json_get_string(from, key, otherwise, &value, NULL);
	snprintf(out, size, "%s", value);
}

static void
read_model(struct json_object *item, const struct instance_status *status, const char *instance,
           struct model *out)
{
	char engine[200];
	const char *root = NULL;
	int64_t n = 0;

	memset(out, 0, sizeof *out);
	snprintf(engine, sizeof engine, "%s/%s", status->id, status->version);
	engine[sizeof out->engine - 1] = '\0';
	copy_text(out->id, sizeof out->id, item, "id", "");
	copy_text(out->engine, sizeof out->engine, item, "engine", engine);
	copy_text(out->profile, sizeof out->profile, item, "profile", "none");
	copy_text(out->architecture, sizeof out->architecture, item, "architecture", "");
	copy_text(out->quantisation, sizeof out->quantisation, item, "quantisation", "");
	snprintf(out->instance, sizeof out->instance, "%s", instance);
	if (json_get_int(item, "context", 0, INT64_MAX, 0, &n, NULL) == B3IQ_OK)
		out->context = (uint64_t)n;
	if (json_get_int(item, "size", 0, INT64_MAX, 0, &n, NULL) == B3IQ_OK)
		out->size = (uint64_t)n;
	json_get_bool(item, "builtin", false, &out->builtin, NULL);
	json_get_bool(item, "resident", false, &out->resident, NULL);
	json_get_string(item, "root", NULL, &root, NULL);
	out->has_root = root && hex_decode(root, strlen(root), out->root, sizeof out->root);
}

static int32_t
append(struct list *list, struct json_object *doc, const struct instance_status *status,
       const char *instance)
{
	const size_t n = json_object_array_length(doc);
	struct model *longer;

	if (list->n + n > MODELS_MAX)
		return B3IQ_E_INVALID;
	longer = realloc(list->models, (list->n + n + 1) * sizeof *longer);
	if (!longer)
		return B3IQ_E_NO_MEMORY;
	list->models = longer;
	for (size_t i = 0; i < n; i++)
		read_model(json_object_array_get_idx(doc, i), status, instance,
		           &list->models[list->n++]);
	return B3IQ_OK;
}

/* One instance's models; what it says wrong counts as nothing, with a line in the log. */
static void
ask(struct models *m, struct instance *instance, const struct instance_status *status,
    struct list *list)
{
	const struct b3iq_inference *backend = instance_inference(instance);
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc = NULL;
	struct buf answer;
	int32_t rc;

	buf_init(&answer, LIST_MAX);
	rc = backend ? backend->models(instance, &answer.writer, &err) : B3IQ_E_UNAVAILABLE;
	if (rc == B3IQ_OK)
		rc = json_parse(answer.len ? answer.data : "", answer.len, "models()", &doc, &err);
	if (rc == B3IQ_OK)
		rc = schema_check(m->schema, doc, "models()", &err);
	if (rc == B3IQ_OK)
		rc = append(list, doc, status, instance_name(instance));
	if (rc != B3IQ_OK) {
		list->partial |= rc == B3IQ_E_NO_MEMORY;
		log_event(B3IQ_LOG_WARN, "models.unknown", "instance=%s code=%s reason=\"%s\"",
		          instance_name(instance), result_name(rc), err.text);
	}
	json_object_put(doc);
	buf_free(&answer);
}

static int
by_name(const void *a, const void *b)
{
	const struct model *x = a, *y = b;
	const int order = strcmp(x->id, y->id);

	return order ? order : strcmp(x->instance, y->instance);
}

/* Ids that two instances have are told apart by the instance. */
static void
give_names(struct list *list)
{
	qsort(list->models, list->n, sizeof *list->models, by_name);
	for (size_t i = 0; i < list->n; i++) {
		struct model *model = &list->models[i];
		const bool twice = (i > 0 && strcmp(model->id, model[-1].id) == 0) ||
		                   (i + 1 < list->n && strcmp(model->id, model[1].id) == 0);

		if (twice)
			snprintf(model->name, sizeof model->name, "%s/%s", model->instance,
			         model->id);
		else
			snprintf(model->name, sizeof model->name, "%s", model->id);
	}
}

/* A number that changes when an instance starts anew, appears or leaves. */
static uint64_t
generation(struct plugins *plugins, bool *starting)
{
	uint64_t sum = 14695981039346656037u;

	*starting = false;
	for (struct instance *i = NULL; (i = plugins_next(plugins, 0, i)) != NULL;) {
		struct instance_status status;

		instance_status(i, &status);
		if (status.kind != 0 && status.kind != B3IQ_INFERENCE)
			continue;
		*starting |= status.state == INSTANCE_STOPPED || /* not yet started */
		             status.state == INSTANCE_STARTING ||
		             status.state == INSTANCE_RESTARTING;
		for (const char *c = instance_name(i); *c; c++)
			sum = (sum ^ (uint8_t)*c) * 1099511628211u;
		sum = (sum ^ (status.deaths * 16 + status.state)) * 1099511628211u;
		sum = (sum ^ (uint64_t)status.pid) * 1099511628211u;
	}
	return sum;
}

static struct list *
make_list(struct models *m, uint64_t made_of)
{
	struct list *list = calloc(1, sizeof *list);

	if (!list)
		return NULL;
	list->refs = 1;
	list->made_ms = clock_mono_ms();
	list->generation = made_of;
	for (struct instance *i = NULL;
	     (i = plugins_next(m->plugins, B3IQ_INFERENCE, i)) != NULL;) {
		struct instance_status status;

		instance_status(i, &status);
		if (status.state == INSTANCE_READY)
			ask(m, i, &status, list);
	}
	if (list->n)
		give_names(list);
	return list;
}

/* The list as it is now, with a reference; NULL: no memory. */
static struct list *
current(struct models *m, bool *starting)
{
	const uint64_t now = generation(m->plugins, starting);
	struct list *list;

	pthread_mutex_lock(&m->lock);
	list = m->list;
	if (list && !list->partial && list->generation == now && clock_mono_ms() - list->made_ms < MODELS_FRESH_MS) {
		list->refs++;
		pthread_mutex_unlock(&m->lock);
		return list;
	}
	pthread_mutex_unlock(&m->lock);
	list = make_list(m, now);
	if (!list)
		return NULL;
	pthread_mutex_lock(&m->lock);
	drop(m->list);
	m->list = list;
	m->known = list->n;
	list->refs++;
	pthread_mutex_unlock(&m->lock);
	return list;
}

/* ---- finding ------------------------------------------------------------- */

/* "instance/id", or the id of exactly one; *many if the id alone is not enough. */
static const struct model *
match(const struct list *list, const char *name, bool *many)
{
	const struct model *found = NULL;

	*many = false;
	for (size_t i = 0; i < list->n; i++) {
		const struct model *model = &list->models[i];
		const size_t n = strlen(model->instance);

		if (strncmp(name, model->instance, n) == 0 && name[n] == '/' &&
		    strcmp(name + n + 1, model->id) == 0)
			return model;
		if (strcmp(name, model->id) == 0) {
			*many = found != NULL;
			found = model;
		}
	}
	return *many ? NULL : found;
}

/* The built-in model, or the only one there is. */
static const struct model *
natural(const struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->models[i].builtin)
			return &list->models[i];
	return list->n == 1 ? &list->models[0] : NULL;
}

static const struct model *
choose(const struct list *list, const char *name, const char *default_model, bool *many)
{
	const struct model *model = match(list, name, many);

	if (model || *many || strcmp(name, "default") != 0)
		return model;
	return *default_model ? match(list, default_model, many) : natural(list);
}

static int32_t
not_found(const struct list *list, const char *name, bool many, bool starting,
          struct b3iq_error *err)
{
	if (many)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "several plugins have the model \"%.100s\"; ask for INSTANCE/MODEL as "
		            "/v1/models lists them",
		            name);
	if (list->partial)
		return fail_memory(err, "listing the models");
	if (starting)
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "the model \"%.100s\" is not there yet: a plugin is still starting",
		            name);
	if (list->n == 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "the model \"%.100s\" does not exist: no plugin offers any model; see "
		            "`b3iq plugin list`",
		            name);
	return fail(err, B3IQ_E_NOT_FOUND,
	            "the model \"%.100s\" does not exist; GET /v1/models lists "
	            "those that do",
	            name);
}

static void
pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

int32_t
models_find(struct models *m, const char *name, const char *default_model, struct model *out,
            struct instance **instance, struct b3iq_error *err)
{
	const uint64_t until = clock_mono_ms() + PATIENCE_MS;

	*instance = NULL;
	for (;;) {
		const struct model *model;
		bool starting, many;
		struct list *list = current(m, &starting);
		int32_t rc = B3IQ_OK;

		if (!list)
			return fail_memory(err, "listing the models");
		model = choose(list, name, default_model, &many);
		if (model) {
			*out = *model;
			*instance = plugins_find(m->plugins, out->instance);
		} else if (many || !starting || clock_mono_ms() >= until) {
			rc = not_found(list, name, many, starting, err);
		}
		release(m, list);
		if (*instance || rc != B3IQ_OK)
			return rc;
		if (model)
			models_forget(m); /* its instance has just gone */
		else
			pause_a_little();
	}
}

bool
models_load_for_root(struct models *m, const struct model *model, struct instance *instance)
{
	const struct b3iq_inference *backend = instance_inference(instance);
	struct b3iq_error err = NO_ERROR;

	if (strcmp(model->profile, "none") == 0 || model->has_root || model->resident || !backend)
		return false;
	if (backend->load(instance, model->id, NULL, &err) != B3IQ_OK)
		return false; /* generate() will say what is wrong */
	models_forget(m);
	return true;
}

int32_t
models_list(struct models *m, int32_t (*each)(void *, const struct model *), void *arg,
            struct b3iq_error *err)
{
	const uint64_t until = clock_mono_ms() + PATIENCE_MS;
	bool starting;
	struct list *list;
	int32_t rc = B3IQ_OK;

	while ((list = current(m, &starting)) && !list->n && starting && clock_mono_ms() < until) {
		release(m, list);
		pause_a_little();
	}
	if (!list)
		return fail_memory(err, "listing the models");
	for (size_t i = 0; rc == B3IQ_OK && i < list->n; i++)
		rc = each(arg, &list->models[i]);
	release(m, list);
	return rc;
}
