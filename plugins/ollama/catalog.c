#include "catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "doc.h"
#include "engine/fail.h"
#include "stream.h"

struct catalog {
	const struct config *config;
	pthread_mutex_t      lock;
	size_t               n, oldest;
	struct catalog_model models[CATALOG_MAX];
};

int32_t
catalog_create(struct catalog **out, const struct config *config, struct b3iq_error *err)
{
	struct catalog *c = calloc(1, sizeof *c);

	if (!c)
		return fail_memory(err, "the list of models");
	c->config = config;
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return B3IQ_OK;
}

void
catalog_destroy(struct catalog *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- memory ------------------------------------------------------------- */

/* digest NULL: any. */
static bool
recall(struct catalog *c, const char *name, const char *digest, struct catalog_model *out)
{
	bool found = false;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n && !found; i++) {
		found = stream_same_model(c->models[i].name, name) &&
		        (!digest || strcmp(c->models[i].digest, digest) == 0);
		if (found)
			*out = c->models[i];
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

static void
remember(struct catalog *c, const struct catalog_model *m)
{
	size_t at = 0;

	pthread_mutex_lock(&c->lock);
	while (at < c->n && !stream_same_model(c->models[at].name, m->name))
		at++;
	if (at == CATALOG_MAX)
		at = c->oldest++ % CATALOG_MAX;
	else if (at == c->n)
		c->n++;
	c->models[at] = *m;
	pthread_mutex_unlock(&c->lock);
}

void
catalog_forget(struct catalog *c, const char *model)
{
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n; i++)
		if (stream_same_model(c->models[i].name, model)) {
			c->models[i] = c->models[--c->n];
			break;
		}
	pthread_mutex_unlock(&c->lock);
}

/* ---- reading Ollama's documents ----------------------------------------- */

/* The number under "<architecture>.context_length", or 0. */
static int64_t
trained_context(struct json_object *show)
{
	static const char   suffix[] = ".context_length";
	struct json_object *info = doc_member(show, "model_info", json_type_object);

	if (!info)
		return 0;
	json_object_object_foreach(info, key, value) {
		const size_t n = strlen(key);

		if (n > sizeof suffix - 1 && strcmp(key + n - (sizeof suffix - 1), suffix) == 0 &&
		    json_object_is_type(value, json_type_int) && json_object_get_int64(value) > 0)
			return json_object_get_int64(value);
	}
	return 0;
}

/* A simple question to Ollama. */
static int32_t
ask(struct catalog *c, const char *path, struct json_object *body, struct upstream_stop stop,
    struct json_object **answer, struct b3iq_error *err)
{
	return upstream_json(c->config,
	                     (struct upstream_call){ .path = path, .body = body, .stop = stop,
	                                             .first_ms = c->config->connect_ms },
	                     answer, err);
}

/* Fills m by /api/show and remembers it; m->name and m->digest are set. */
static int32_t
show(struct catalog *c, struct catalog_model *m, struct upstream_stop stop, struct b3iq_error *err)
{
	struct json_object *which = json_object_new_object(), *answer = NULL;
	int64_t             trained;
	int32_t             rc;

	if (doc_add_string(which, "model", m->name))
		rc = ask(c, "/api/show", which, stop, &answer, err);
	else
		rc = fail_memory(err, "a request to Ollama");
	if (!rc) {
		trained = trained_context(answer);
		m->context = trained && trained < c->config->context ? trained : c->config->context;
		doc_copy(doc_member(answer, "details", json_type_object), "quantization_level",
		         m->quantisation, sizeof m->quantisation);
		remember(c, m);
	}
	json_object_put(which);
	json_object_put(answer);
	return rc;
}

int32_t
catalog_version(struct catalog *c, char out[CATALOG_VERSION], struct b3iq_error *err)
{
	struct json_object *answer;
	const int32_t       rc = ask(c, "/api/version", NULL, UPSTREAM_NO_STOP, &answer, err);

	if (rc)
		return rc;
	doc_copy(answer, "version", out, CATALOG_VERSION);
	json_object_put(answer);
	if (!*out)
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "what answers at config url is not Ollama: it has no version");
	return B3IQ_OK;
}

int32_t
catalog_find(struct catalog *c, const char *model, struct upstream_stop stop,
             struct catalog_model *out, struct b3iq_error *err)
{
	memset(out, 0, sizeof *out);
	if (strlen(model) > CATALOG_NAME || !config_allows(c->config, model))
		return fail_with(
			err, B3IQ_E_NOT_FOUND,
			"this model is not offered here: config allow lists those that are");
	if (recall(c, model, NULL, out))
		return B3IQ_OK;
	memcpy(out->name, model, strlen(model) + 1);
	return show(c, out, stop, err);
}

/* ---- models.json -------------------------------------------------------- */

struct listing {
	struct catalog     *catalog;
	struct json_object *resident; /* "models" of /api/ps, or NULL: not known */
	struct json_object *out;
	char                engine[CATALOG_VERSION + 8];
};

static bool
is_resident(const struct listing *l, const char *name)
{
	char other[CATALOG_NAME + 1];

	for (size_t i = 0; i < doc_length(l->resident); i++) {
		doc_copy(json_object_array_get_idx(l->resident, i), "name", other, sizeof other);
		if (stream_same_model(other, name))
			return true;
	}
	return false;
}

static bool
list_model(const struct listing *l, const struct catalog_model *m, struct json_object *size)
{
	struct json_object *one = json_object_new_object();
	bool                ok = doc_append(l->out, one) && doc_add_string(one, "id", m->name) &&
	          doc_add_int(one, "context", m->context) &&
	          doc_add_string(one, "profile", "none") &&
	          doc_add_string(one, "engine", l->engine);

	if (ok && m->quantisation[0])
		ok = doc_add_string(one, "quantisation", m->quantisation);
	if (ok && size && json_object_get_int64(size) >= 0)
		ok = doc_add(one, "size", json_object_get(size));
	if (ok && l->resident)
		ok = doc_add_bool(one, "resident", is_resident(l, m->name));
	return ok;
}

static int32_t
list_tag(const struct listing *l, struct json_object *tag, struct b3iq_error *err)
{
	struct catalog_model m = { .context = 0 };
	char                 digest[sizeof m.digest];
	int32_t              rc = B3IQ_OK;

	doc_copy(tag, "name", m.name, sizeof m.name);
	doc_copy(tag, "digest", digest, sizeof digest);
	if (!m.name[0] || !config_allows(l->catalog->config, m.name))
		return B3IQ_OK;
	if (recall(l->catalog, m.name, digest, &m)) {
		doc_copy(tag, "name", m.name,
		         sizeof m.name); /* it may be known by its short name */
	} else {
		memcpy(m.digest, digest, sizeof digest);
		rc = show(l->catalog, &m, UPSTREAM_NO_STOP, err);
	}
	if (rc == B3IQ_E_NOT_FOUND) /* removed since */
		return B3IQ_OK;
	if (!rc && !list_model(l, &m, doc_member(tag, "size", json_type_int)))
		rc = fail_memory(err, "the list of models");
	return rc;
}

static int32_t
list_tags(const struct listing *l, struct json_object *tags, struct b3iq_writer *out,
          struct b3iq_error *err)
{
	size_t      len;
	const char *text;
	int32_t     rc;

	if (!tags || doc_length(tags) > 4096)
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "what answers at config url is not Ollama: no list of models");
	for (size_t i = 0; i < doc_length(tags); i++) {
		rc = list_tag(l, json_object_array_get_idx(tags, i), err);
		if (rc)
			return rc;
	}
	text = doc_text(l->out, &len);
	if (!text)
		return fail_memory(err, "the list of models");
	rc = out->write(out, text, len);
	return rc ? fail_with(err, rc, "the host does not take the list of models") : B3IQ_OK;
}

int32_t
catalog_list(struct catalog *c, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct listing      l = { .catalog = c, .out = json_object_new_array() };
	struct json_object *tags = NULL, *running = NULL;
	char                version[CATALOG_VERSION];
	int32_t             rc = l.out ? catalog_version(c, version, err)
	                               : fail_memory(err, "the list of models");

	if (!rc)
		rc = ask(c, "/api/tags", NULL, UPSTREAM_NO_STOP, &tags, err);
	if (!rc) {
		snprintf(l.engine, sizeof l.engine, "ollama/%s", version);
		/* Which are in memory is good to know; older versions cannot say. */
		if (ask(c, "/api/ps", NULL, UPSTREAM_NO_STOP, &running, NULL) == B3IQ_OK)
			l.resident = doc_member(running, "models", json_type_array);
		rc = list_tags(&l, doc_member(tags, "models", json_type_array), out, err);
	}
	json_object_put(tags);
	json_object_put(running);
	json_object_put(l.out);
	return rc;
}
