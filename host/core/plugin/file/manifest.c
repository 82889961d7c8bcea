#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/plugin/file/manifest.h"
#include "core/plugin/file/note.h"

static const char *const kinds[] = {
	[B3IQ_INFERENCE] = "inference",
	[B3IQ_LEDGER] = "ledger",
	[B3IQ_AUTH] = "auth",
};

#define KINDS (sizeof kinds / sizeof kinds[0])

const char *
manifest_kind_name(uint32_t kind)
{
	return kind > 0 && kind < KINDS ? kinds[kind] : "unknown";
}

uint32_t
manifest_kind(const char *name)
{
	for (uint32_t kind = 1; kind < KINDS; kind++)
		if (strcmp(kinds[kind], name) == 0)
			return kind;
	return 0;
}

bool
manifest_name(const char *name)
{
	size_t n = 0;

	for (; name[n] != '\0' && n <= MANIFEST_NAME; n++) {
		const char c = name[n];
		const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!word && (n == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return n > 0 && n <= MANIFEST_NAME;
}

/* Validates doc against one of our own schemas. */
static int32_t
check_with(const char *schema_name, struct json_object *doc, const char *what,
           struct b3iq_error *err)
{
	struct json_object *schema = NULL;
	size_t len = 0;
	const char *text = schema_text(schema_name, &len);
	int32_t rc;

	if (text == NULL)
		return fail(err, B3IQ_E_INTERNAL, "the schema %s is not part of this build", schema_name);
	rc = json_parse(text, len, schema_name, &schema, err);
	if (rc == B3IQ_OK)
		rc = schema_check(schema, doc, what, err);
	json_object_put(schema);
	return rc;
}

static const char *
text_of(struct json_object *doc, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(doc, key, &value) ? json_object_get_string(value) : NULL;
}

/* The strings of the array doc[key]; the schema has checked their type and number. */
static size_t
strings_of(struct json_object *doc, const char *key, const char *out[MANIFEST_LIST_MAX])
{
	struct json_object *list = NULL;
	size_t n = 0;

	if (!json_object_object_get_ex(doc, key, &list))
		return 0;
	for (; n < json_object_array_length(list) && n < MANIFEST_LIST_MAX; n++)
		out[n] = json_object_get_string(json_object_array_get_idx(list, n));
	return n;
}

static int32_t
take_needs(struct manifest *m, const char *file, struct b3iq_error *err)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(m->json, "needs", &list))
		return B3IQ_OK;
	for (size_t i = 0; i < json_object_array_length(list) && i < MANIFEST_LIST_MAX; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct manifest_need *need = &m->needs[m->n_needs++];

		need->library = text_of(item, "library");
		need->path = text_of(item, "path");
		need->why = text_of(item, "why");
		if ((need->library == NULL) == (need->path == NULL))
			return fail(err, B3IQ_E_INVALID, "%s: needs[%zu] has to name either a library or a "
			            "path", file, i);
	}
	return B3IQ_OK;
}

static int32_t
take_abi(struct manifest *m, const char *file, struct b3iq_error *err)
{
	const char *text = text_of(m->json, "abi");
	uint32_t part[2] = { 0, 0 };
	size_t at = 0;

	/* The schema's pattern leaves digits and one point, four digits each at most. */
	for (; *text != '\0' && at < 2; text++) {
		if (*text == '.')
			at++;
		else
			part[at] = part[at] * 10 + (uint32_t)(*text - '0');
	}
	m->abi = part[0] << 16 | part[1];
	if (part[0] != B3IQ_ABI_MAJOR)
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "%s: built for plugin ABI %u.%u, this host speaks %u.%u: %s", file, part[0],
		            part[1], B3IQ_ABI_MAJOR, B3IQ_ABI_MINOR,
		            part[0] > B3IQ_ABI_MAJOR ? "install a newer host" : "get a newer plugin");
	return B3IQ_OK;
}

static int32_t
take_env(struct manifest *m, const char *file, struct b3iq_error *err)
{
	m->n_env = strings_of(m->json, "env", m->env);
	for (size_t i = 0; i < m->n_env; i++)
		if (strncmp(m->env[i], "LD_", 3) == 0)
			return fail(err, B3IQ_E_DENIED, "%s: env asks for %s, which changes what is loaded "
			            "beside the checked file; it is never passed on", file, m->env[i]);
	return B3IQ_OK;
}

static int32_t
take(struct manifest *m, const char *file, struct b3iq_error *err)
{
	const char *isolation = text_of(m->json, "isolation");
	int32_t rc;

	m->id = text_of(m->json, "id");
	m->version = text_of(m->json, "version");
	m->summary = text_of(m->json, "summary");
	m->license = text_of(m->json, "license");
	m->name = text_of(m->json, "name");
	if (m->name == NULL)
		m->name = m->id;
	m->kind = manifest_kind(text_of(m->json, "kind"));
	m->may_inline = isolation != NULL && strcmp(isolation, "inline") == 0;
	m->config = json_object_object_get(m->json, "config");
	m->n_keys = strings_of(m->json, "keys", m->keys);
	m->n_egress = strings_of(m->json, "egress", m->egress);
	rc = take_env(m, file, err);
	if (rc == B3IQ_OK)
		rc = take_needs(m, file, err);
	return rc;
}

int32_t
manifest_parse(const char *text, size_t len, const char *file, struct manifest *m,
               struct b3iq_error *err)
{
	int32_t rc;

	*m = (struct manifest){ 0 };
	rc = json_parse(text, len, file, &m->json, err);
	if (rc == B3IQ_OK)
		rc = check_with("plugin-manifest.json", m->json, file, err);
	/* The ABI before the config schema, whose rules may differ in another major. */
	if (rc == B3IQ_OK)
		rc = take_abi(m, file, err);
	if (rc == B3IQ_OK)
		rc = take(m, file, err);
	if (rc == B3IQ_OK)
		rc = check_with("plugin-config-meta.json", m->config, file, err);
	if (rc == B3IQ_OK)
		rc = schema_valid(m->config, file, err);
	if (rc != B3IQ_OK)
		manifest_free(m);
	return rc;
}

int32_t
manifest_read(int fd, const char *file, struct manifest *m, struct b3iq_error *err)
{
	struct buf text;
	int32_t rc;

	*m = (struct manifest){ 0 };
	buf_init(&text, NOTE_MAX);
	rc = note_read(fd, file, &text, err);
	if (rc == B3IQ_OK)
		rc = manifest_parse(text.data, text.len, file, m, err);
	buf_free(&text);
	return rc;
}

void
manifest_free(struct manifest *m)
{
	json_object_put(m->json);
	*m = (struct manifest){ 0 };
}
