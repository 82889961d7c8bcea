#include "cpu/shelf.h"

#include <dirent.h>
#include <dlfcn.h>
#include <json-c/json.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/roots.h"
#include "engine/fail.h"

#define MAX_ITEMS 4096u
#define BUILTIN   "b3iq-mini.gguf"
#define SUFFIX    ".gguf"

/* Items are added and never removed, so that pointers to them stay good. */
struct shelf_item {
	struct shelf_item *next;
	char               id[256], path[PATH_MAX];
	bool               present, builtin; /* present: the file is there and is a model */
	struct roots_stamp stamp;            /* of what is described below                */
	uint32_t           context;
	uint64_t           bytes;
	const char        *architecture, *quantisation;
	char               root[ROOTS_HEX];  /* "": not known yet                         */

	struct roots_stamp loaded;           /* of the file in memory                     */
	struct resident   *resident;
	unsigned           users;
	bool               loading;
};

struct shelf {
	const struct b3iq_host *host;
	const struct config    *config;
	pthread_mutex_t         lock;
	pthread_cond_t          loaded;
	struct shelf_item      *first;
	size_t                  n_items;
};

static void say(const struct shelf *, int32_t level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void
say(const struct shelf *s, int32_t level, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	s->host->log(s->host->ctx, level, line);
}

/* ---- which files there are ---- */

/* The folder this plugin lies in, "" where that cannot be told. */
static void
own_folder(char out[PATH_MAX])
{
	static const char here = 0;
	char *slash;
	Dl_info info;

	out[0] = 0;
	if (dladdr(&here, &info) == 0 || !info.dli_fname || !realpath(info.dli_fname, out)) {
		out[0] = 0;
		return;
	}
	slash = strrchr(out, '/');
	if (slash)
		*slash = 0;
}

static struct shelf_item *
find(struct shelf *s, const char *id)
{
	struct shelf_item *i = s->first;

	while (i && strcmp(i->id, id) != 0)
		i = i->next;
	return i;
}

/* Opens the file's metadata and says what it is. */
static int32_t
describe(struct shelf *s, struct shelf_item *item, struct b3iq_error *err)
{
	const uint32_t limit = s->config->scheduler.context;
	struct gguf *file;
	struct model *model = NULL;
	int32_t rc = gguf_open(&file, item->path, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = model_create(&model, file, err);
	if (rc == B3IQ_OK) {
		item->context = model->hyper.context;
		if (limit && limit < item->context)
			item->context = limit;
		item->bytes = model_weight_bytes(model);
		item->architecture = model->hyper.architecture->name;
		item->quantisation = model_quantisation(model);
		if (!roots_find(s->host->state_dir, item->path, &item->stamp, item->root))
			item->root[0] = 0;
	}
	model_destroy(model);
	gguf_close(file);
	return rc;
}

/* Under the lock: notes a file, anew where it was not known or has changed. */
static void
note(struct shelf *s, const char *path, const char *name, bool builtin)
{
	const size_t len = strlen(name) - strlen(SUFFIX);
	struct b3iq_error err = { .size = sizeof err };
	struct roots_stamp stamp;
	struct shelf_item *item;
	char id[256];

	if (len == 0 || len >= sizeof id || strlen(path) >= PATH_MAX)
		return;
	memcpy(id, name, len);
	id[len] = 0;
	if (roots_stamp(path, &stamp, &err) != B3IQ_OK)
		return;
	item = find(s, id);
	if (item && item->loading) {
		item->present = true; /* its description is in use: look again later */
		return;
	}
	if (item && strcmp(item->path, path) == 0 && roots_same(&item->stamp, &stamp)) {
		item->present = item->context > 0;
		return;
	}
	if (item && item->present)
		return; /* the folder comes first, the built-in model of that name second */
	if (!item) {
		item = s->n_items < MAX_ITEMS ? calloc(1, sizeof *item) : NULL;
		if (!item)
			return;
		memcpy(item->id, id, len + 1);
		item->next = s->first;
		s->first = item;
		s->n_items++;
	}
	snprintf(item->path, sizeof item->path, "%s", path);
	item->stamp = stamp;
	item->builtin = builtin;
	item->context = 0;
	if (describe(s, item, &err) == B3IQ_OK)
		item->present = true;
	else
		say(s, B3IQ_LOG_WARN, "%s is not offered: %s", id, err.text);
}

static bool
is_model_name(const char *name)
{
	const size_t n = strlen(name);

	return n > strlen(SUFFIX) && name[0] != '.' &&
	       strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static void
scan_folder(struct shelf *s, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[PATH_MAX];

	if (!dir) {
		say(s, B3IQ_LOG_WARN, "the model folder %s cannot be read", folder);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (is_model_name(e->d_name) &&
		    snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path)
			note(s, path, e->d_name, false);
	(void)closedir(dir);
}

static void
scan(struct shelf *s)
{
	const struct config *c = s->config;
	char folder[PATH_MAX], path[PATH_MAX + sizeof BUILTIN + 1];
	const char *name;

	for (struct shelf_item *i = s->first; i; i = i->next)
		i->present = false;
	if (c->models_dir[0])
		scan_folder(s, c->models_dir);
	if (c->builtin_model[0]) {
		name = strrchr(c->builtin_model, '/');
		name = name ? name + 1 : c->builtin_model;
		if (is_model_name(name))
			note(s, c->builtin_model, name, true);
		return;
	}
	own_folder(folder);
	if (folder[0]) {
		snprintf(path, sizeof path, "%s/%s", folder, BUILTIN);
		note(s, path, BUILTIN, true);
	}
}

/* ---- the list ---- */

static struct json_object *
item_json(const struct shelf_item *i)
{
	struct json_object *out = json_object_new_object();

	json_object_object_add(out, "id", json_object_new_string(i->id));
	json_object_object_add(out, "context", json_object_new_int64(i->context));
	json_object_object_add(out, "architecture", json_object_new_string(i->architecture));
	json_object_object_add(out, "quantisation", json_object_new_string(i->quantisation));
	json_object_object_add(out, "size", json_object_new_int64((int64_t)i->bytes));
	if (i->root[0])
		json_object_object_add(out, "root", json_object_new_string(i->root));
	json_object_object_add(out, "profile", json_object_new_string(RESIDENT_PROFILE));
	json_object_object_add(out, "engine", json_object_new_string(RESIDENT_ENGINE));
	json_object_object_add(out, "resident", json_object_new_boolean(i->resident != NULL));
	json_object_object_add(out, "builtin", json_object_new_boolean(i->builtin));
	return out;
}

int32_t
shelf_write(struct shelf *s, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array();
	const char *text;
	int32_t rc;

	pthread_mutex_lock(&s->lock);
	scan(s);
	for (const struct shelf_item *i = s->first; i; i = i->next)
		if (i->present)
			json_object_array_add(list, item_json(i));
	pthread_mutex_unlock(&s->lock);
	text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN);
	rc = text ? out->write(out, text, strlen(text)) : fail_memory(err, "the list of models");
	json_object_put(list);
	return rc;
}

/* ---- models in memory ---- */

/* Without the lock; the item is marked as loading. */
static int32_t
load(struct shelf *s, struct shelf_item *item, struct resident **out, char root[ROOTS_HEX],
     struct b3iq_error *err)
{
	struct scheduler_config config = s->config->scheduler;
	int32_t rc = B3IQ_OK;

	if (config.context > item->context)
		config.context = item->context; /* the limit of the config is above this model's */
	if (!root[0])
		rc = roots_compute(s->host->state_dir, item->path, &item->stamp, config.threads,
				   root, err);
	if (rc == B3IQ_OK)
		rc = resident_open(out, item->path, &config, "cpu", err);
	if (rc == B3IQ_OK)
		say(s, B3IQ_LOG_INFO, "%s is in memory, computed by the %s kernels", item->id,
		    config.kernels->name);
	return rc;
}

/* Under the lock: makes the item resident, loading it or waiting for who does. */
static int32_t
make_resident(struct shelf *s, struct shelf_item *item, struct b3iq_error *err)
{
	struct resident *stale = NULL, *new = NULL;
	char root[ROOTS_HEX];
	int32_t rc;

	while (item->loading)
		pthread_cond_wait(&s->loaded, &s->lock);
	if (item->resident && (roots_same(&item->loaded, &item->stamp) || item->users > 1))
		return B3IQ_OK;
	stale = item->resident;
	item->resident = NULL;
	item->loading = true;
	memcpy(root, item->root, sizeof root);
	pthread_mutex_unlock(&s->lock);
	resident_close(stale);
	rc = load(s, item, &new, root, err);
	pthread_mutex_lock(&s->lock);
	item->loading = false;
	item->resident = new;
	item->loaded = item->stamp;
	if (rc == B3IQ_OK)
		memcpy(item->root, root, sizeof root);
	pthread_cond_broadcast(&s->loaded);
	return rc;
}

int32_t
shelf_hold(struct shelf *s, const char *id, struct shelf_item **out, struct b3iq_error *err)
{
	struct roots_stamp stamp;
	struct shelf_item *item;
	int32_t rc;

	pthread_mutex_lock(&s->lock);
	item = find(s, id);
	if (!item || !item->present || item->loading ||
	    roots_stamp(item->path, &stamp, NULL) != B3IQ_OK || !roots_same(&stamp, &item->stamp)) {
		if (!item || !item->loading)
			scan(s);
		item = find(s, id);
	}
	if (!item || !item->present) {
		pthread_mutex_unlock(&s->lock);
		return fail_with(
		    err, B3IQ_E_NOT_FOUND,
		    "there is no model \"%.100s\": put its .gguf into the model folder", id);
	}
	item->users++;
	rc = make_resident(s, item, err);
	if (rc != B3IQ_OK)
		item->users--;
	pthread_mutex_unlock(&s->lock);
	if (rc == B3IQ_OK)
		*out = item;
	return rc;
}

struct resident *
shelf_resident(struct shelf_item *item)
{
	return item->resident;
}

void
shelf_release(struct shelf *s, struct shelf_item *item)
{
	pthread_mutex_lock(&s->lock);
	item->users--;
	pthread_mutex_unlock(&s->lock);
}

int32_t
shelf_unload(struct shelf *s, const char *id, struct b3iq_error *err)
{
	struct resident *gone = NULL;
	struct shelf_item *item;
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&s->lock);
	item = find(s, id);
	if (!item) {
		rc = fail_with(err, B3IQ_E_NOT_FOUND, "there is no model \"%.100s\"", id);
	} else if (item->users > 0) {
		if (err)
			err->retry_ms = 1000;
		rc = fail_with(err, B3IQ_E_BUSY, "%u requests run on \"%.100s\": try again later",
		               item->users, id);
	} else {
		gone = item->resident;
		item->resident = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	resident_close(gone);
	return rc;
}

/* ---- making and unmaking ---- */

int32_t
shelf_create(struct shelf **out, const struct b3iq_host *host, const struct config *config,
             struct b3iq_error *err)
{
	struct shelf *s = calloc(1, sizeof *s);

	if (!s)
		return fail_memory(err, "the list of models");
	s->host = host;
	s->config = config;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->loaded, NULL);
	*out = s;
	return B3IQ_OK;
}

void
shelf_destroy(struct shelf *s)
{
	if (!s)
		return;
	while (s->first) {
		struct shelf_item *item = s->first;

		s->first = item->next;
		resident_close(item->resident);
		free(item);
	}
	pthread_cond_destroy(&s->loaded);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
