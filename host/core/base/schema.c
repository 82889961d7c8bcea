#include "core/base/schema.h"

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"

#define CHECK_DEPTH 128 /* schemas entered on the way to one value; more is a $ref in a circle */

/* Made by schemas/CMakeLists.txt from the files of schemas/. */
extern const struct schema_file {
	const char          *name;
	const unsigned char *text, *end;
} schema_files[];
extern const size_t n_schema_files;

const char *
schema_text(const char *name, size_t *len)
{
	size_t i;

	for (i = 0; i < n_schema_files; i++) {
		if (strcmp(schema_files[i].name, name) != 0)
			continue;
		if (len)
			*len = (size_t)(schema_files[i].end - schema_files[i].text);
		return (const char *)schema_files[i].text;
	}
	return NULL;
}

struct checker {
	struct json_object *root; /* the whole schema, for $ref  */
	const char         *what;
	char                path[160];
	int                 depth;
	struct b3iq_error  *err;
};

static int32_t check(struct checker *, struct json_object *schema, struct json_object *v);
static int32_t valid(struct checker *, struct json_object *schema);

/* ---- where we are --------------------------------------------------------- */

static size_t
enter_name(struct checker *c, const char *name)
{
	size_t len = strlen(c->path);

	snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len ? "." : "", name);
	return len;
}

static size_t
enter_index(struct checker *c, size_t i)
{
	size_t len = strlen(c->path);

	snprintf(c->path + len, sizeof(c->path) - len, "[%zu]", i);
	return len;
}

static void
leave(struct checker *c, size_t len)
{
	c->path[len] = '\0';
}

#define WRONG(c, ...) wrong_at((c), fail((c)->err, B3IQ_E_INVALID, __VA_ARGS__))

/* Puts document and path before the sentence that fail() just wrote. */
static int32_t
wrong_at(struct checker *c, int32_t rc)
{
	struct b3iq_error rule;

	if (!c->err)
		return rc;
	rule = *c->err;
	return fail(c->err, rc, "%s: %s %s", c->what, c->path[0] ? c->path : "the document", rule.text);
}

/* ---- the checks of one value ---------------------------------------------- */

static const struct {
	const char *name, *shown;
} types[] = {
	{ "object", "an object" }, { "array", "an array" },     { "string", "a string" },
	{ "integer", "an integer" }, { "number", "a number" },  { "boolean", "true or false" },
	{ "null", "null" },
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static bool
is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool
has_type(struct json_object *v, const char *name)
{
	if (strcmp(name, "integer") == 0)
		return json_object_is_type(v, json_type_int);
	if (strcmp(name, "number") == 0)
		return is_number(v);
	return strcmp(name, json_type_to_name(json_object_get_type(v))) == 0;
}

static int32_t
check_type(struct checker *c, struct json_object *rule, struct json_object *v)
{
	const char *name = json_object_get_string(rule);
	size_t i;

	if (has_type(v, name))
		return B3IQ_OK;
	for (i = 0; i < N_TYPES - 1 && strcmp(types[i].name, name) != 0; i++)
		;
	return WRONG(c, "must be %s", types[i].shown);
}

/* Equal as JSON values: 1 and 1.0 are one number. */
static bool
same(struct json_object *a, struct json_object *b)
{
	if (is_number(a) && is_number(b) && json_object_get_type(a) != json_object_get_type(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return json_object_equal(a, b) != 0;
}

static int32_t
check_const(struct checker *c, struct json_object *rule, struct json_object *v)
{
	if (same(rule, v))
		return B3IQ_OK;
	if (json_object_is_type(rule, json_type_string))
		return WRONG(c, "must be \"%.80s\"", json_object_get_string(rule));
	if (json_object_is_type(rule, json_type_int))
		return WRONG(c, "must be %lld", (long long)json_object_get_int64(rule));
	return WRONG(c, "must be the constant of the schema");
}

/* The choices of an enum, or of a oneOf whose entries are {"const", "title"}. */
static int32_t
check_choice(struct checker *c, struct json_object *rule, struct json_object *v, bool one_of)
{
	char list[120] = "";
	struct json_object *choice;
	size_t i, len, n = json_object_array_length(rule);

	for (i = 0; i < n; i++) {
		choice = json_object_array_get_idx(rule, i);
		if (one_of)
			json_object_object_get_ex(choice, "const", &choice);
		if (same(choice, v))
			return B3IQ_OK;
		len = strlen(list);
		if (json_object_is_type(choice, json_type_string))
			snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
			         json_object_get_string(choice));
		else if (json_object_is_type(choice, json_type_int))
			snprintf(list + len, sizeof(list) - len, "%s%lld", i ? ", " : "",
			         (long long)json_object_get_int64(choice));
	}
	return WRONG(c, "must be one of: %s", list);
}

static int64_t
code_points(struct json_object *v)
{
	const char *s = json_object_get_string(v);
	int i, len = json_object_get_string_len(v);
	int64_t n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static int32_t
check_pattern(struct checker *c, struct json_object *rule, struct json_object *v)
{
	const char *pattern = json_object_get_string(rule), *s = json_object_get_string(v);
	regex_t re;
	int rc;

	rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc == REG_ESPACE)
		return fail_memory(c->err, "checking a pattern");
	if (rc != 0)
		return WRONG(c, "has a pattern in its schema that is not a POSIX expression");
	rc = strlen(s) == (size_t)json_object_get_string_len(v) ? regexec(&re, s, 0, NULL, 0) :
	                                                          REG_NOMATCH;
	regfree(&re);
	if (rc == REG_ESPACE)
		return fail_memory(c->err, "checking a pattern");
	return rc == 0 ? B3IQ_OK : WRONG(c, "must match %s", pattern);
}

/* Compares without losing the low bits of large integers. */
static int
compare_numbers(struct json_object *a, struct json_object *b)
{
	double x, y;

	if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
		int64_t i = json_object_get_int64(a), j = json_object_get_int64(b);

		if (i != INT64_MAX || j != INT64_MAX)
			return (i > j) - (i < j);
	}
	x = json_object_get_double(a);
	y = json_object_get_double(b);
	return (x > y) - (x < y);
}

static int32_t
check_bound(struct checker *c, const char *key, struct json_object *rule, struct json_object *v)
{
	int order = compare_numbers(v, rule);
	double bound = json_object_get_double(rule);

	if (strcmp(key, "minimum") == 0)
		return order >= 0 ? B3IQ_OK : WRONG(c, "must be at least %.15g", bound);
	if (strcmp(key, "maximum") == 0)
		return order <= 0 ? B3IQ_OK : WRONG(c, "must be at most %.15g", bound);
	if (strcmp(key, "exclusiveMinimum") == 0)
		return order > 0 ? B3IQ_OK : WRONG(c, "must be more than %.15g", bound);
	return order < 0 ? B3IQ_OK : WRONG(c, "must be less than %.15g", bound);
}

static int32_t
check_count(struct checker *c, bool least, int64_t n, struct json_object *rule, const char *of)
{
	int64_t bound = json_object_get_int64(rule);

	if (least ? n >= bound : n <= bound)
		return B3IQ_OK;
	return WRONG(c, "must have at %s %lld %s", least ? "least" : "most", (long long)bound, of);
}

static int32_t
check_required(struct checker *c, struct json_object *rule, struct json_object *v)
{
	size_t i, n = json_object_array_length(rule);
	const char *name;

	for (i = 0; i < n; i++) {
		name = json_object_get_string(json_object_array_get_idx(rule, i));
		if (!json_object_object_get_ex(v, name, NULL))
			return WRONG(c, "lacks \"%s\"", name);
	}
	return B3IQ_OK;
}

static int32_t
check_properties(struct checker *c, struct json_object *rules, struct json_object *v)
{
	struct json_object *member;
	int32_t rc = B3IQ_OK;
	size_t mark;

	json_object_object_foreach(rules, name, schema) {
		if (!json_object_object_get_ex(v, name, &member))
			continue;
		mark = enter_name(c, name);
		rc = check(c, schema, member);
		leave(c, mark);
		if (rc != B3IQ_OK)
			return rc;
	}
	return rc;
}

static int32_t
check_additional(struct checker *c, struct json_object *schema, struct json_object *rule,
                 struct json_object *v)
{
	struct json_object *known = NULL;
	int32_t rc;
	size_t mark;

	json_object_object_get_ex(schema, "properties", &known);
	json_object_object_foreach(v, name, member) {
		if (known && json_object_object_get_ex(known, name, NULL))
			continue;
		if (json_object_is_type(rule, json_type_boolean)) {
			if (json_object_get_boolean(rule))
				continue;
			return WRONG(c, "has an unknown key \"%.60s\"", name);
		}
		mark = enter_name(c, name);
		rc = check(c, rule, member);
		leave(c, mark);
		if (rc != B3IQ_OK)
			return rc;
	}
	return B3IQ_OK;
}

static int32_t
check_items(struct checker *c, struct json_object *rule, struct json_object *v)
{
	size_t i, mark, n = json_object_array_length(v);
	int32_t rc;

	for (i = 0; i < n; i++) {
		mark = enter_index(c, i);
		rc = check(c, rule, json_object_array_get_idx(v, i));
		leave(c, mark);
		if (rc != B3IQ_OK)
			return rc;
	}
	return B3IQ_OK;
}

/* Gives absent members their defaults, before anything else looks at them. */
static int32_t
fill_defaults(struct checker *c, struct json_object *rules, struct json_object *v)
{
	struct json_object *otherwise, *copy;

	json_object_object_foreach(rules, name, schema) {
		if (json_object_object_get_ex(v, name, NULL) ||
		    !json_object_object_get_ex(schema, "default", &otherwise))
			continue;
		copy = NULL;
		if (json_object_deep_copy(otherwise, &copy, NULL) != 0 ||
		    json_put(v, name, copy) != B3IQ_OK)
			return fail_memory(c->err, "filling in defaults");
	}
	return B3IQ_OK;
}

static struct json_object *
resolve(struct checker *c, struct json_object *ref)
{
	static const char prefix[] = "#/$defs/";
	const char *to = json_object_get_string(ref);
	struct json_object *defs, *found = NULL;

	if (strncmp(to, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	if (json_object_object_get_ex(c->root, "$defs", &defs))
		json_object_object_get_ex(defs, to + sizeof(prefix) - 1, &found);
	return found;
}

static int32_t
check_object(struct checker *c, struct json_object *schema, const char *key,
             struct json_object *rule, struct json_object *v)
{
	if (strcmp(key, "properties") == 0)
		return check_properties(c, rule, v);
	if (strcmp(key, "required") == 0)
		return check_required(c, rule, v);
	if (strcmp(key, "additionalProperties") == 0)
		return check_additional(c, schema, rule, v);
	return B3IQ_OK;
}

static int32_t
check_array(struct checker *c, const char *key, struct json_object *rule, struct json_object *v)
{
	int64_t n = (int64_t)json_object_array_length(v);

	if (strcmp(key, "items") == 0)
		return check_items(c, rule, v);
	if (strcmp(key, "minItems") == 0)
		return check_count(c, true, n, rule, "items");
	if (strcmp(key, "maxItems") == 0)
		return check_count(c, false, n, rule, "items");
	return B3IQ_OK;
}

static int32_t
check_string(struct checker *c, const char *key, struct json_object *rule, struct json_object *v)
{
	if (strcmp(key, "minLength") == 0)
		return check_count(c, true, code_points(v), rule, "characters");
	if (strcmp(key, "maxLength") == 0)
		return check_count(c, false, code_points(v), rule, "characters");
	if (strcmp(key, "pattern") == 0)
		return check_pattern(c, rule, v);
	return B3IQ_OK;
}

static int32_t
check_rule(struct checker *c, struct json_object *schema, const char *key, struct json_object *rule,
           struct json_object *v)
{
	if (strcmp(key, "type") == 0)
		return check_type(c, rule, v);
	if (strcmp(key, "const") == 0)
		return check_const(c, rule, v);
	if (strcmp(key, "enum") == 0)
		return check_choice(c, rule, v, false);
	if (strcmp(key, "oneOf") == 0)
		return check_choice(c, rule, v, true);
	if (strcmp(key, "$ref") == 0)
		return check(c, resolve(c, rule), v);
	if (json_object_is_type(v, json_type_object))
		return check_object(c, schema, key, rule, v);
	if (json_object_is_type(v, json_type_array))
		return check_array(c, key, rule, v);
	if (json_object_is_type(v, json_type_string))
		return check_string(c, key, rule, v);
	if (is_number(v) && (strcmp(key, "minimum") == 0 || strcmp(key, "maximum") == 0 ||
	                     strncmp(key, "exclusive", 9) == 0))
		return check_bound(c, key, rule, v);
	return B3IQ_OK;
}

static int32_t
check(struct checker *c, struct json_object *schema, struct json_object *v)
{
	struct json_object *rules;
	int32_t rc = B3IQ_OK;

	if (c->depth == CHECK_DEPTH)
		return WRONG(c, "is described by a $ref that runs in a circle");
	c->depth++;
	/* The type first, so that its sentence wins whatever the order of the keywords. */
	if (json_object_object_get_ex(schema, "type", &rules))
		rc = check_type(c, rules, v);
	if (rc == B3IQ_OK && json_object_is_type(v, json_type_object) &&
	    json_object_object_get_ex(schema, "properties", &rules))
		rc = fill_defaults(c, rules, v);
	if (rc == B3IQ_OK) {
		json_object_object_foreach(schema, key, rule) {
			rc = check_rule(c, schema, key, rule, v);
			if (rc != B3IQ_OK)
				break;
		}
	}
	c->depth--;
	return rc;
}

/* ---- the schema itself ------------------------------------------------------ */

static int32_t
valid_members(struct checker *c, struct json_object *members)
{
	int32_t rc;
	size_t mark;

	json_object_object_foreach(members, name, schema) {
		mark = enter_name(c, name);
		rc = valid(c, schema);
		leave(c, mark);
		if (rc != B3IQ_OK)
			return rc;
	}
	return B3IQ_OK;
}

static int32_t
valid_one_of(struct checker *c, struct json_object *rule)
{
	size_t i, n = json_object_array_length(rule);
	struct json_object *entry;

	for (i = 0; i < n; i++) {
		entry = json_object_array_get_idx(rule, i);
		if (!json_object_is_type(entry, json_type_object) ||
		    !json_object_object_get_ex(entry, "const", NULL))
			return WRONG(c, "has a oneOf that is not made of const and title");
		json_object_object_foreach(entry, key, unused) {
			(void)unused;
			if (strcmp(key, "const") != 0 && strcmp(key, "title") != 0 &&
			    strcmp(key, "description") != 0)
				return WRONG(c, "has a oneOf that is not made of const and title");
		}
	}
	return n ? B3IQ_OK : WRONG(c, "has an empty oneOf");
}

static int32_t
valid_required(struct checker *c, struct json_object *rule)
{
	size_t i, n = json_object_array_length(rule);

	for (i = 0; i < n; i++)
		if (!json_object_is_type(json_object_array_get_idx(rule, i), json_type_string))
			return WRONG(c, "has a \"required\" that is not a list of names");
	return B3IQ_OK;
}

static int32_t
valid_pattern(struct checker *c, struct json_object *rule)
{
	regex_t re;
	int rc = regcomp(&re, json_object_get_string(rule), REG_EXTENDED | REG_NOSUB);

	if (rc == REG_ESPACE)
		return fail_memory(c->err, "checking a pattern");
	if (rc != 0)
		return WRONG(c, "has a pattern that is not a POSIX extended expression");
	regfree(&re);
	return B3IQ_OK;
}

static int32_t
valid_type(struct checker *c, struct json_object *rule)
{
	size_t i;

	for (i = 0; i < N_TYPES; i++)
		if (strcmp(types[i].name, json_object_get_string(rule)) == 0)
			return B3IQ_OK;
	return WRONG(c, "has an unknown type \"%.40s\"", json_object_get_string(rule));
}

static int32_t
valid_ref(struct checker *c, struct json_object *rule)
{
	if (resolve(c, rule))
		return B3IQ_OK;
	return WRONG(c, "has a $ref that leads nowhere: %.80s", json_object_get_string(rule));
}

enum shape { ANY, TEXT, COUNT, NUMBER, LIST, MEMBERS, SCHEMA, SCHEMA_OR_BOOL, BOOL };

/* Every keyword that may stand in a schema, the shape of its value, and a further check. */
static const struct {
	const char *name;
	enum shape  shape;
	int32_t (*valid)(struct checker *, struct json_object *);
} keywords[] = {
	{ "type", TEXT, valid_type },
	{ "properties", MEMBERS, valid_members },
	{ "required", LIST, valid_required },
	{ "additionalProperties", SCHEMA_OR_BOOL, NULL },
	{ "items", SCHEMA, valid },
	{ "minItems", COUNT, NULL },
	{ "maxItems", COUNT, NULL },
	{ "enum", LIST, NULL },
	{ "const", ANY, NULL },
	{ "minLength", COUNT, NULL },
	{ "maxLength", COUNT, NULL },
	{ "pattern", TEXT, valid_pattern },
	{ "minimum", NUMBER, NULL },
	{ "maximum", NUMBER, NULL },
	{ "exclusiveMinimum", NUMBER, NULL },
	{ "exclusiveMaximum", NUMBER, NULL },
	{ "default", ANY, NULL },
	{ "format", TEXT, NULL },
	{ "oneOf", LIST, valid_one_of },
	{ "$ref", TEXT, valid_ref },
	{ "$defs", MEMBERS, valid_members },
	{ "$schema", TEXT, NULL },
	{ "$id", TEXT, NULL },
	{ "$comment", TEXT, NULL },
	{ "title", TEXT, NULL },
	{ "description", TEXT, NULL },
	{ "examples", LIST, NULL },
	{ "deprecated", BOOL, NULL },
	{ "readOnly", BOOL, NULL },
	{ "writeOnly", BOOL, NULL },
};
#define N_KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static bool
has_shape(struct json_object *v, enum shape shape)
{
	switch (shape) {
	case ANY:
		return true;
	case TEXT:
		return json_object_is_type(v, json_type_string);
	case COUNT:
		return json_object_is_type(v, json_type_int) && json_object_get_int64(v) >= 0;
	case NUMBER:
		return is_number(v);
	case LIST:
		return json_object_is_type(v, json_type_array);
	case BOOL:
		return json_object_is_type(v, json_type_boolean);
	case SCHEMA_OR_BOOL:
		if (json_object_is_type(v, json_type_boolean))
			return true;
		break;
	case MEMBERS:
	case SCHEMA:
		break;
	}
	return json_object_is_type(v, json_type_object);
}

static int32_t
valid_keyword(struct checker *c, const char *key, struct json_object *rule)
{
	size_t i;

	for (i = 0; i < N_KEYWORDS && strcmp(keywords[i].name, key) != 0; i++)
		;
	if (i == N_KEYWORDS) /* x-... are notes to people and forms, and constrain nothing */
		return strncmp(key, "x-", 2) == 0 ?
		               B3IQ_OK :
		               WRONG(c, "has the keyword \"%.40s\", which is not in our subset", key);
	if (!has_shape(rule, keywords[i].shape))
		return WRONG(c, "has a malformed \"%s\"", key);
	if (keywords[i].shape == SCHEMA_OR_BOOL)
		return json_object_is_type(rule, json_type_object) ? valid(c, rule) : B3IQ_OK;
	return keywords[i].valid ? keywords[i].valid(c, rule) : B3IQ_OK;
}

/* A default must satisfy its own schema; it is checked on a copy, which gets defaults itself. */
static int32_t
valid_default(struct checker *c, struct json_object *schema)
{
	struct json_object *otherwise, *copy = NULL;
	int32_t rc;

	if (!json_object_object_get_ex(schema, "default", &otherwise))
		return B3IQ_OK;
	if (!otherwise)
		return WRONG(c, "has null as its default; leave it out");
	if (json_object_deep_copy(otherwise, &copy, NULL) != 0)
		return fail_memory(c->err, "checking a default");
	rc = check(c, schema, copy);
	json_object_put(copy);
	return rc;
}

static int32_t
valid(struct checker *c, struct json_object *schema)
{
	int32_t rc;

	if (!json_object_is_type(schema, json_type_object))
		return WRONG(c, "is not described by an object");
	if (c->depth == CHECK_DEPTH)
		return WRONG(c, "is nested too deeply");
	c->depth++;
	json_object_object_foreach(schema, key, rule) {
		rc = valid_keyword(c, key, rule);
		if (rc != B3IQ_OK)
			return rc;
	}
	c->depth--;
	return valid_default(c, schema);
}

int32_t
schema_valid(struct json_object *schema, const char *what, struct b3iq_error *err)
{
	struct b3iq_error own = NO_ERROR; /* wrong_at() builds its sentence from the rule's */
	struct checker c = { .root = schema, .what = what, .err = err ? err : &own };

	return valid(&c, schema);
}

int32_t
schema_check(struct json_object *schema, struct json_object *doc, const char *what,
             struct b3iq_error *err)
{
	struct b3iq_error own = NO_ERROR;
	struct checker c = { .root = schema, .what = what, .err = err ? err : &own };
	int32_t rc = schema_valid(schema, what, err);

	return rc == B3IQ_OK ? check(&c, schema, doc) : rc;
}
