#include "defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/base/schema.h"

static const char *
keyword(struct json_object *field, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(field, key, &value) ? json_object_get_string(value) : "";
}

static struct json_object *
place(const struct check *c, const char *name, bool folder)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof path, "%s/config-%s", c->scratch, name);
	if (folder)
		path_make_dir(path, 0700, NULL);
	return json_object_new_string(path);
}

static struct json_object *
make_string(const struct check *c, const char *name, struct json_object *field)
{
	const char         *format = keyword(field, "format");
	struct json_object *least;
	char                filler[65] = "";
	int64_t             n;

	if (strcmp(format, "directory") == 0 || strcmp(format, "file") == 0)
		return place(c, name, format[0] == 'd');
	if (strcmp(format, "url") == 0)
		return json_object_new_string("http://127.0.0.1:9/");
	if (strcmp(format, "secret") == 0) {
		snprintf(filler, sizeof filler, DEFAULTS_SECRET "%s", name);
		return json_object_new_string(filler);
	}
	n = json_object_object_get_ex(field, "minLength",
	                              &least) ? json_object_get_int64(least) : 0;
	memset(filler, 'x', n < 64 ? (size_t)n : 64);
	return json_object_new_string(filler);
}

/* The smallest value that a field without default takes; NULL if there is no telling. */
static struct json_object *
make(const struct check *c, const char *name, struct json_object *field)
{
	const char         *type = keyword(field, "type");
	struct json_object *value;

	if (json_object_object_get_ex(field, "enum", &value))
		return json_object_get(json_object_array_get_idx(value, 0));
	if (strcmp(type, "string") == 0)
		return make_string(c, name, field);
	if (strcmp(type, "boolean") == 0)
		return json_object_new_boolean(0);
	if (strcmp(type, "array") == 0)
		return json_object_new_array();
	if (strcmp(type, "object") == 0)
		return json_object_new_object();
	if (json_object_object_get_ex(field, "minimum", &value))
		return json_object_get(value);
	return json_object_new_int(1);
}

static bool
required(struct json_object *schema, const char *name)
{
	struct json_object *list;

	if (!json_object_object_get_ex(schema, "required", &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0)
			return true;
	return false;
}

/* Moves the values of secret fields from the config to c->secrets. */
static void
hide_secrets(struct check *c, struct json_object *fields)
{
	json_object_object_foreach(fields, name, field)
	{
		struct json_object *value, *stand_in;

		if (strcmp(keyword(field, "format"), "secret") != 0 ||
		    !json_object_object_get_ex(c->config, name, &value) ||
		    !json_object_is_type(value, json_type_string))
			continue;
		json_put(c->secrets, name, json_object_get(value));
		stand_in = json_object_new_object();
		json_put_string(stand_in, "secret", name);
		json_put(c->config, name, stand_in);
	}
}

static void
unready(struct check *c, const char *lead, const struct b3iq_error *err)
{
	snprintf(c->unready, sizeof c->unready, "%s%s%s", lead, err ? ": " : "",
	         err ? err->text : "");
}

void
defaults_config(struct check *c, const char *given, size_t len)
{
	struct json_object *schema, *fields, *unused;
	struct b3iq_error   err = NO_ERROR;

	c->secrets = json_object_new_object();
	c->config = json_object_new_object();
	if (!c->manifest || !json_object_object_get_ex(c->manifest, "config", &schema) ||
	    !json_object_object_get_ex(schema, "properties", &fields)) {
		unready(c, "the manifest holds no schema for the config", NULL);
		return;
	}
	if (given) {
		json_object_put(c->config);
		c->config = NULL;
		if (json_parse(given, len, "--config", &c->config, &err) != B3IQ_OK ||
		    !json_object_is_type(c->config, json_type_object)) {
			unready(c, "--config is no JSON object", &err);
			return;
		}
	}
	json_object_object_foreach(fields, name, field)
	{
		if ((required(schema, name) || strcmp(keyword(field, "format"), "secret") == 0) &&
		    !json_object_object_get_ex(field, "default", &unused) &&
		    !json_object_object_get_ex(c->config, name, &unused))
			json_put(c->config, name, make(c, name, field));
	}
	if (schema_check(schema, c->config, "config", &err) != B3IQ_OK)
		unready(c, given ? "--config does not satisfy the manifest's schema"
		                 : "no config can be made up, give one with --config", &err);
	hide_secrets(c, fields);
}

struct json_object *
defaults_with(const struct check *c, const char *field, struct json_object *value)
{
	struct json_object *copy = NULL;

	must(json_object_deep_copy(c->config, &copy, NULL) == 0, "plugin-check: out of memory");
	if (value)
		json_put(copy, field, value);
	else
		json_object_object_del(copy, field);
	return copy;
}
