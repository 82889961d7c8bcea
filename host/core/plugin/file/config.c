#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/base/schema.h"
#include "core/plugin/file/config.h"

#define DEPTH 8 /* groups in groups; nobody draws deeper forms */

struct filling {
	const char *name, *secrets_dir;
	struct b3iq_error *err;
};

/* ---- secrets -------------------------------------------------------------- */

static int32_t
open_secret(const char *dir, const char *name, int *fd, struct b3iq_error *err)
{
	char path[PATH_SIZE];
	struct stat st;
	int32_t rc;

	if (dir == NULL || !manifest_name(name))
		return fail(err, B3IQ_E_NOT_FOUND, "there is no secret \"%.64s\"", name);
	rc = path_join(path, err, dir, name, NULL);
	if (rc != B3IQ_OK)
		return rc;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT)
		return fail(err, B3IQ_E_NOT_FOUND, "the secret \"%s\" is not set; it belongs into %s",
		            name, path);
	if (*fd < 0)
		return fail(err, fail_code(errno), "the secret %s cannot be opened: %s", path,
		            errno == ELOOP ? "it is a symlink" : strerror(errno));
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 &&
	    (st.st_uid == geteuid() || st.st_uid == 0))
		return B3IQ_OK;
	close(*fd);
	*fd = -1;
	return fail(err, B3IQ_E_DENIED, "the secret %s is open to others: make it yours alone, "
	            "chmod 600", path);
}

int32_t
config_secret(const char *secrets_dir, const char *name, struct b3iq_writer *out,
              struct b3iq_error *err)
{
	static const size_t most = CONFIG_SECRET_MAX;
	struct buf value;
	ssize_t got = 0;
	int fd = -1;
	int32_t rc = open_secret(secrets_dir, name, &fd, err);

	if (rc != B3IQ_OK)
		return rc;
	buf_init(&value, most + 1); /* one more, to see that there is too much */
	while (value.len <= most) {
		char *at = buf_reserve(&value, most + 1 - value.len);

		if (at == NULL) {
			rc = fail_memory(err, "reading a secret");
			break;
		}
		got = read(fd, at, most + 1 - value.len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		buf_grew(&value, (size_t)got);
	}
	if (rc == B3IQ_OK && got < 0)
		rc = fail(err, B3IQ_E_UNAVAILABLE, "the secret \"%s\" cannot be read", name);
	if (rc == B3IQ_OK && value.len > most)
		rc = fail(err, B3IQ_E_INVALID, "the secret \"%s\" is longer than %zu bytes", name, most);
	if (rc == B3IQ_OK && value.len > 0) {
		const size_t cut = value.data[value.len - 1] == '\n';

		rc = out->write(out, value.data, value.len - cut);
	}
	buf_wipe(&value);
	close(fd);
	return rc;
}

static bool
secret_exists(const char *dir, const char *name)
{
	struct b3iq_error ignored = NO_ERROR;
	int fd = -1;

	if (open_secret(dir, name, &fd, &ignored) != B3IQ_OK)
		return false;
	close(fd);
	return true;
}

/* ---- the schema as the host reads it -------------------------------------- */

static bool
is_secret(struct json_object *field)
{
	struct json_object *format = NULL;

	return json_object_is_type(field, json_type_object) &&
	       json_object_object_get_ex(field, "format", &format) &&
	       strcmp(json_object_get_string(format), "secret") == 0;
}

/* What stands in a config for a secret: {"secret":"name"}. */
static struct json_object *
reference_schema(void)
{
	static const char text[] =
		"{\"type\":\"object\",\"required\":[\"secret\"],\"additionalProperties\":false,"
		"\"properties\":{\"secret\":{\"type\":\"string\","
		"\"pattern\":\"^[a-z0-9][a-z0-9._-]{0,63}$\"}}}";
	struct json_object *schema = NULL;

	return json_parse(text, sizeof text - 1, "secret", &schema, NULL) == B3IQ_OK ? schema : NULL;
}

/* A plain value where a reference belongs: say so before the schema says "must be an object". */
static int32_t
check_value(const struct filling *f, const char *field, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return B3IQ_OK;
	return fail(f->err, B3IQ_E_INVALID,
	            "%s: \"%.60s\" is a secret and does not belong into the config: write {\"secret\":"
	            "\"name\"} there, and the value into the file \"name\" of the secrets directory "
	            "(mode 600)", f->name, field);
}

static int32_t fill_group(const struct filling *, struct json_object *schema,
                          struct json_object *value, int depth);

/* Replaces a secret field's schema, and makes its value a reference if there is a file for it. */
static int32_t
fill_secret(const struct filling *f, struct json_object *fields, const char *name,
            struct json_object *value)
{
	struct json_object *given = NULL;

	if (json_put(fields, name, reference_schema()) != B3IQ_OK)
		return fail_memory(f->err, "checking a config");
	if (value == NULL)
		return B3IQ_OK;
	if (json_object_object_get_ex(value, name, &given))
		return check_value(f, name, given);
	if (f->secrets_dir == NULL || !secret_exists(f->secrets_dir, name))
		return B3IQ_OK;
	given = json_object_new_object();
	if (json_put(value, name, given) != B3IQ_OK ||
	    json_put_string(given, "secret", name) != B3IQ_OK)
		return fail_memory(f->err, "checking a config");
	return B3IQ_OK;
}

static int32_t
fill_field(const struct filling *f, struct json_object *fields, const char *name,
           struct json_object *field, struct json_object *value, int depth)
{
	struct json_object *items = NULL, *group = NULL;

	if (is_secret(field))
		return fill_secret(f, fields, name, value);
	if (json_object_object_get_ex(field, "items", &items) && is_secret(items))
		return fail(f->err, B3IQ_E_UNSUPPORTED,
		            "%s: the plugin's schema has a list of secrets, \"%.60s\"; a secret has to be a "
		            "field of its own", f->name, name);
	if (value != NULL)
		json_object_object_get_ex(value, name, &group);
	if (!json_object_object_get_ex(field, "properties", NULL))
		return B3IQ_OK;
	return fill_group(f, field, json_object_is_type(group, json_type_object) ? group : NULL,
	                  depth + 1);
}

static int32_t
fill_group(const struct filling *f, struct json_object *schema, struct json_object *value,
           int depth)
{
	struct json_object *fields = NULL;
	struct lh_entry *at, *next;
	int32_t rc = B3IQ_OK;

	if (depth > DEPTH)
		return fail(f->err, B3IQ_E_UNSUPPORTED, "%s: the plugin's schema nests too deeply", f->name);
	if (!json_object_object_get_ex(schema, "properties", &fields))
		return B3IQ_OK;
	for (at = json_object_get_object(fields)->head; rc == B3IQ_OK && at != NULL; at = next) {
		next = lh_entry_next(at);
		rc = fill_field(f, fields, lh_entry_k(at), (struct json_object *)lh_entry_v(at), value,
		                depth);
	}
	return rc;
}

int32_t
config_check(const struct manifest *m, const char *name, const char *text, const char *secrets_dir,
             struct buf *out, struct b3iq_error *err)
{
	const struct filling f = { .name = name, .secrets_dir = secrets_dir, .err = err };
	struct json_object *schema = NULL, *doc = NULL;
	int32_t rc;

	if (text == NULL || text[0] == '\0')
		text = "{}";
	rc = json_parse(text, strlen(text), name, &doc, err);
	if (rc == B3IQ_OK && !json_object_is_type(doc, json_type_object))
		rc = fail(err, B3IQ_E_INVALID, "%s: the config has to be an object", name);
	if (rc == B3IQ_OK && json_object_deep_copy(m->config, &schema, NULL) != 0)
		rc = fail_memory(err, "checking a config");
	if (rc == B3IQ_OK)
		rc = fill_group(&f, schema, doc, 0);
	if (rc == B3IQ_OK)
		rc = schema_check(schema, doc, name, err);
	if (rc == B3IQ_OK && json_write(doc, out) != B3IQ_OK)
		rc = fail_memory(err, "checking a config");
	json_object_put(schema);
	json_object_put(doc);
	return rc;
}
