#include "coordinator/jobs/terms.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "core/base/fail.h"
#include "core/base/json.h"

/* ---- what a job asks ------------------------------------------------------- */

/* A short word of printable ASCII, in lower case. */
static int32_t
word(struct json_object *from, const char *key, char *out, size_t size, struct b3iq_error *err)
{
	const char *s;
	size_t n;
	int32_t rc = json_get_string(from, key, "", &s, err);

	if (rc != B3IQ_OK)
		return rc;
	n = strlen(s);
	if (n >= size)
		return fail(err, B3IQ_E_INVALID, "%s is longer than %zu bytes", key, size - 1);
	for (size_t i = 0; i <= n; i++) {
		if (i < n && ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e))
			return fail(err, B3IQ_E_INVALID, "%s must be printable ASCII", key);
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	return B3IQ_OK;
}

static int32_t
megabytes(struct json_object *from, const char *key, uint32_t *out, struct b3iq_error *err)
{
	double gb;
	const int32_t rc = json_get_number(from, key, 0, 1e6, 0, &gb, err);

	if (rc == B3IQ_OK)
		*out = (uint32_t)ceil(gb * 1024);
	return rc;
}

static int32_t
model_name(struct json_object *v, char out[JOB_MODEL_SIZE], struct b3iq_error *err)
{
	struct json_object *id = v;

	if (json_object_is_type(v, json_type_object) && !json_object_object_get_ex(v, "id", &id))
		json_object_object_get_ex(v, "name", &id);
	if (!json_object_is_type(id, json_type_string) || json_object_get_string_len(id) < 1 ||
	    json_object_get_string_len(id) >= JOB_MODEL_SIZE)
		return fail(err, B3IQ_E_INVALID,
		            "models must be names of 1 to %d bytes, or objects with \"id\"",
		            JOB_MODEL_SIZE - 1);
	snprintf(out, JOB_MODEL_SIZE, "%s", json_object_get_string(id));
	return B3IQ_OK;
}

static int32_t
asked_models(struct json_object *c, struct terms *t, struct b3iq_error *err)
{
	struct json_object *list;
	int32_t rc = json_get(c, "models", json_type_array, &list, err);

	if (rc != B3IQ_OK || !list)
		return rc;
	if (json_object_array_length(list) > TERMS_MODELS)
		return fail(err, B3IQ_E_INVALID, "constraints.models names more than %d models",
		            TERMS_MODELS);
	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(list); i++)
		rc = model_name(json_object_array_get_idx(list, i), t->models[t->n_models++], err);
	return rc;
}

int32_t
terms_read(struct json_object *c, struct terms *out, struct b3iq_error *err)
{
	struct json_object *price;
	double quality;
	int32_t rc;

	memset(out, 0, sizeof *out);
	if (!c)
		return B3IQ_OK;
	if (!json_object_is_type(c, json_type_object))
		return fail(err, B3IQ_E_INVALID, "constraints must be an object");
	rc = word(c, "gpu", out->gpu, sizeof out->gpu, err);
	if (rc == B3IQ_OK)
		rc = word(c, "cuda", out->cuda, sizeof out->cuda, err);
	if (rc == B3IQ_OK)
		rc = word(c, "region", out->region, sizeof out->region, err);
	if (rc == B3IQ_OK)
		rc = megabytes(c, "min_vram_gb", &out->min_vram_mb, err);
	if (rc == B3IQ_OK)
		rc = json_get_number(c, "min_reputation", 0, 1000, 0, &quality, err);
	if (rc == B3IQ_OK)
		out->min_quality = (uint32_t)(quality <= 1 ? quality * 1000 : quality);
	if (rc == B3IQ_OK)
		rc = asked_models(c, out, err);
	if (rc == B3IQ_OK && json_object_object_get_ex(c, "max_price", &price) && price)
		rc = price_read(price, "constraints.max_price", &out->max_price, err);
	return rc;
}

static int32_t
put_word(struct json_object *to, const char *key, const char *value)
{
	return value[0] ? json_put_string(to, key, value) : B3IQ_OK;
}

static int32_t
put_number(struct json_object *to, const char *key, uint64_t value)
{
	return value ? json_put_int(to, key, (int64_t)value) : B3IQ_OK;
}

static int32_t
put_models(struct json_object *to, const struct terms *t)
{
	struct json_object *list = t->n_models ? json_object_new_array() : NULL;

	for (uint32_t i = 0; i < t->n_models; i++)
		if (json_add(list, json_object_new_string(t->models[i])) != B3IQ_OK) {
			json_object_put(list);
			return B3IQ_E_NO_MEMORY;
		}
	return t->n_models ? json_put(to, "models", list) : B3IQ_OK;
}

int32_t
terms_write(const struct terms *t, char out[JOB_TERMS_SIZE], struct b3iq_error *err)
{
	static const struct terms none;
	struct json_object *o;
	struct buf text;
	int32_t rc = B3IQ_OK;

	out[0] = '\0';
	if (memcmp(t, &none, sizeof none) == 0)
		return rc;
	o = json_object_new_object();
	if (!o || put_word(o, "gpu", t->gpu) || put_word(o, "cuda", t->cuda) ||
	    put_word(o, "region", t->region) || put_number(o, "vram_mb", t->min_vram_mb) ||
	    put_number(o, "quality", t->min_quality) || put_models(o, t) ||
	    put_number(o, "max_price", t->max_price))
		rc = fail_memory(err, "reading constraints");
	buf_init(&text, JOB_TERMS_SIZE - 1);
	if (rc == B3IQ_OK)
		rc = json_canonical(o, &text, err);
	if (rc == B3IQ_OK && text.len)
		memcpy(out, text.data, text.len + 1);
	else if (text.rc != B3IQ_OK)
		rc = fail(err, B3IQ_E_INVALID, "constraints are longer than %d bytes",
		          JOB_TERMS_SIZE - 1);
	buf_free(&text);
	json_object_put(o);
	return rc;
}

int32_t
terms_parse(const char *text, struct terms *out, struct b3iq_error *err)
{
	struct json_object *o = NULL;
	int64_t vram = 0, quality = 0, price = 0;
	int32_t rc;

	memset(out, 0, sizeof *out);
	if (!text[0])
		return B3IQ_OK;
	rc = json_parse(text, strlen(text), "constraints", &o, err);
	if (rc == B3IQ_OK)
		rc = word(o, "gpu", out->gpu, sizeof out->gpu, err);
	if (rc == B3IQ_OK)
		rc = word(o, "cuda", out->cuda, sizeof out->cuda, err);
	if (rc == B3IQ_OK)
		rc = word(o, "region", out->region, sizeof out->region, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(o, "vram_mb", 0, UINT32_MAX, 0, &vram, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(o, "quality", 0, 1000, 0, &quality, err);
	if (rc == B3IQ_OK)
		rc = json_get_int(o, "max_price", 0, INT64_MAX, 0, &price, err);
	if (rc == B3IQ_OK)
		rc = asked_models(o, out, err);
	out->min_vram_mb = (uint32_t)vram;
	out->min_quality = (uint32_t)quality;
	out->max_price = (uint64_t)price;
	json_object_put(o);
	return rc;
}

/* ---- what a worker can do ----------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int32_t
offered_models(struct json_object *list, struct skills *s, struct b3iq_error *err)
{
	const size_t n = json_object_array_length(list);
	int32_t rc = B3IQ_OK;

	if (n > SKILLS_MODELS)
		return fail(err, B3IQ_E_INVALID, "a worker offers at most %d models", SKILLS_MODELS);
	s->any_model = false;
	s->models = calloc(n ? n : 1, sizeof *s->models);
	if (!s->models)
		return fail_memory(err, "registering a worker");
	for (size_t i = 0; rc == B3IQ_OK && i < n; i++)
		rc = model_name(json_object_array_get_idx(list, i), s->models[s->n_models++], err);
	qsort(s->models, s->n_models, sizeof *s->models, by_name);
	return rc;
}

/* "gpu" as a name, an object with a name, or a list "gpus" of either. */
static void
add_gpu(struct skills *s, struct json_object *v)
{
	struct json_object *name = v;
	const size_t at = strlen(s->gpu);

	if (json_object_is_type(v, json_type_object) && !json_object_object_get_ex(v, "name", &name))
		json_object_object_get_ex(v, "model", &name);
	if (!json_object_is_type(name, json_type_string))
		return;
	snprintf(s->gpu + at, sizeof s->gpu - at, "%s;", json_object_get_string(name));
	for (char *c = s->gpu + at; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

static int32_t
read_capabilities(struct json_object *c, struct skills *s, struct b3iq_error *err)
{
	struct json_object *v;
	int32_t rc = word(c, "cuda", s->cuda, sizeof s->cuda, err);

	if (rc == B3IQ_OK)
		rc = megabytes(c, json_object_object_get_ex(c, "vram_gb", &v) ? "vram_gb"
		                                                              : "gpu_memory_gb",
		               &s->vram_mb, err);
	if (rc == B3IQ_OK && json_object_object_get_ex(c, "gpu", &v))
		add_gpu(s, v);
	if (rc == B3IQ_OK && json_object_object_get_ex(c, "gpus", &v) &&
	    json_object_is_type(v, json_type_array))
		for (size_t i = 0; i < json_object_array_length(v); i++)
			add_gpu(s, json_object_array_get_idx(v, i));
	return rc;
}

int32_t
skills_read(struct json_object *capabilities, struct json_object *models, const char *region,
            struct skills *out, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	memset(out, 0, sizeof *out);
	out->any_model = true;
	if (capabilities && !json_object_is_type(capabilities, json_type_object))
		return fail(err, B3IQ_E_INVALID, "capabilities must be an object");
	if (capabilities)
		rc = read_capabilities(capabilities, out, err);
	if (!models && capabilities)
		json_object_object_get_ex(capabilities, "models", &models);
	if (rc == B3IQ_OK && models && !json_object_is_type(models, json_type_array))
		rc = fail(err, B3IQ_E_INVALID, "models must be a list");
	if (rc == B3IQ_OK && models)
		rc = offered_models(models, out, err);
	for (size_t i = 0; rc == B3IQ_OK && region[i] && i < sizeof out->region - 1; i++)
		out->region[i] = (char)tolower((unsigned char)region[i]);
	if (rc != B3IQ_OK)
		skills_free(out);
	return rc;
}

void
skills_free(struct skills *s)
{
	free(s->models);
	memset(s, 0, sizeof *s);
}

static char *
find(const struct skills *s, const char *model)
{
	return s->n_models ? bsearch(model, s->models, s->n_models, sizeof *s->models, by_name)
	                   : NULL;
}

bool
skills_have(const struct skills *s, const char *model)
{
	return s->any_model || find(s, model);
}

void
skills_drop(struct skills *s, const char *model)
{
	char *at = find(s, model);
	const size_t i = at ? (size_t)(at - s->models[0]) / sizeof *s->models : 0;

	if (!at)
		return;
	s->n_models--;
	memmove(s->models + i, s->models + i + 1, (s->n_models - i) * sizeof *s->models);
}

/* ---- do they fit -------------------------------------------------------------- */

/* "12.4" against "12": number by number. */
static bool
version_reaches(const char *have, const char *want)
{
	while (*want) {
		char *h, *w;
		const unsigned long a = strtoul(have, &h, 10), b = strtoul(want, &w, 10);

		if (a != b || h == have || w == want)
			return a > b && h != have;
		have = h + (*h == '.');
		want = w + (*w == '.');
	}
	return true;
}

bool
terms_fit(const struct terms *t, const char *model, const struct skills *s, uint32_t quality)
{
	if (!skills_have(s, model) || quality < t->min_quality || s->vram_mb < t->min_vram_mb)
		return false;
	if (t->gpu[0] && !strstr(s->gpu, t->gpu))
		return false;
	if (t->region[0] && strcmp(t->region, s->region) != 0)
		return false;
	if (t->cuda[0] && !version_reaches(s->cuda, t->cuda))
		return false;
	for (uint32_t i = 0; i < t->n_models; i++)
		if (!skills_have(s, t->models[i]))
			return false;
	return true;
}
