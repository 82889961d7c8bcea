/* Writing and typed access; the reader is json_parse.c. */
#include "core/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/utf8.h"

#define SAFE_INTEGER 9007199254740991 /* 2^53 - 1: exact in every JSON reader */
#define WRITE_DEPTH  64               /* what a program may nest               */

struct writer {
	struct buf        *out;
	bool               canonical;
	int                depth;
	struct b3iq_error *err;
};

static int32_t write_value(struct writer *, struct json_object *);

static int32_t
write_string(struct writer *w, const char *s, size_t n)
{
	static const char letters[] = "btn_fr"; /* 8, 9, 10, 11, 12, 13 */
	size_t i, from = 0;

	if (!utf8_valid(s, n))
		return fail(w->err, B3IQ_E_INVALID, "a string of the document is not UTF-8");
	buf_append(w->out, "\"", 1);
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(w->out, s + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\')
			buf_printf(w->out, "\\%c", c);
		else if (c >= 8 && c <= 13 && c != 11)
			buf_printf(w->out, "\\%c", letters[c - 8]);
		else
			buf_printf(w->out, "\\u%04x", c);
	}
	buf_append(w->out, s + from, n - from);
	return buf_append(w->out, "\"", 1);
}

static int32_t
write_int(struct writer *w, struct json_object *o)
{
	int64_t i = json_object_get_int64(o);
	uint64_t u = json_object_get_uint64(o);

	if (w->canonical && (i > SAFE_INTEGER || i < -SAFE_INTEGER))
		return fail(w->err, B3IQ_E_INVALID,
		            "an integer beyond 2^53 has no canonical form; write it as a string");
	if (u > INT64_MAX)
		return buf_printf(w->out, "%llu", (unsigned long long)u);
	return buf_printf(w->out, "%lld", (long long)i);
}

/* The shortest decimal that reads back as the same double. */
static int32_t
write_double(struct writer *w, double d)
{
	char text[32];
	int digits;

	if (w->canonical)
		return fail(w->err, B3IQ_E_INVALID,
		            "a fraction has no canonical form; use an integer in a smaller unit");
	if (!isfinite(d))
		return fail(w->err, B3IQ_E_INVALID, "a number of the document is not finite");
	if (d == 0)
		return buf_puts(w->out, "0"); /* without the sign of -0.0, as RFC 8785 has it */
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	return buf_puts(w->out, text);
}

static int32_t
write_array(struct writer *w, struct json_object *array)
{
	size_t i, n = json_object_array_length(array);
	int32_t rc;

	buf_append(w->out, "[", 1);
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_append(w->out, ",", 1);
		rc = write_value(w, json_object_array_get_idx(array, i));
		if (rc != B3IQ_OK)
			return rc;
	}
	return buf_append(w->out, "]", 1);
}

/* Order by UTF-16 code units.  It is the order of UTF-8 bytes, except that the pairs of surrogates
 * (four bytes in UTF-8) stand before U+E000..U+FFFF (first byte 0xee, 0xef). */
static int
compare_keys(const void *left, const void *right)
{
	const unsigned char *a = *(const unsigned char *const *)left;
	const unsigned char *b = *(const unsigned char *const *)right;

	while (*a && *a == *b)
		a++, b++;
	if (*a >= 0xee && *b >= 0xee && (*a >= 0xf0) != (*b >= 0xf0))
		return *a >= 0xf0 ? -1 : 1;
	return (int)*a - (int)*b;
}

static int32_t
write_object(struct writer *w, struct json_object *object)
{
	size_t i = 0, n = (size_t)json_object_object_length(object);
	const char **keys = calloc(n ? n : 1, sizeof(*keys));
	struct json_object *v;
	int32_t rc = B3IQ_OK;

	if (!keys)
		return fail_memory(w->err, "writing JSON");
	json_object_object_foreach(object, key, unused) {
		(void)unused;
		keys[i++] = key;
	}
	if (w->canonical)
		qsort(keys, n, sizeof(*keys), compare_keys);
	buf_append(w->out, "{", 1);
	for (i = 0; i < n && rc == B3IQ_OK; i++) {
		if (i > 0)
			buf_append(w->out, ",", 1);
		rc = write_string(w, keys[i], strlen(keys[i]));
		buf_append(w->out, ":", 1);
		json_object_object_get_ex(object, keys[i], &v);
		if (rc == B3IQ_OK)
			rc = write_value(w, v);
	}
	free(keys);
	return rc == B3IQ_OK ? buf_append(w->out, "}", 1) : rc;
}

static int32_t
write_value(struct writer *w, struct json_object *o)
{
	int32_t rc;

	switch (json_object_get_type(o)) {
	case json_type_null:
		if (w->canonical)
			return fail(w->err, B3IQ_E_INVALID, "null has no canonical form; leave it out");
		return buf_puts(w->out, "null");
	case json_type_boolean:
		return buf_puts(w->out, json_object_get_boolean(o) ? "true" : "false");
	case json_type_int:
		return write_int(w, o);
	case json_type_double:
		return write_double(w, json_object_get_double(o));
	case json_type_string:
		return write_string(w, json_object_get_string(o),
				    (size_t)json_object_get_string_len(o));
	case json_type_array:
	case json_type_object:
		break;
	}
	if (w->depth == (w->canonical ? JSON_DEPTH : WRITE_DEPTH))
		return fail(w->err, B3IQ_E_INVALID, "the document is nested too deeply");
	w->depth++;
	rc = json_object_is_type(o, json_type_array) ? write_array(w, o) : write_object(w, o);
	w->depth--;
	return rc;
}

static int32_t
write_document(struct json_object *o, struct buf *out, bool canonical, struct b3iq_error *err)
{
	struct writer w = { .out = out, .canonical = canonical, .err = err };
	int32_t rc = write_value(&w, o);

	if (out->rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "writing JSON");
	if (out->rc != B3IQ_OK)
		return fail(err, out->rc, "the document is longer than the %zu bytes allowed", out->max);
	return rc;
}

int32_t
json_write(struct json_object *o, struct buf *out)
{
	return write_document(o, out, false, NULL);
}

int32_t
json_canonical(struct json_object *o, struct buf *out, struct b3iq_error *err)
{
	return write_document(o, out, true, err);
}

/* ---- typed access -------------------------------------------------------- */

static int32_t
wrong_type(struct b3iq_error *err, const char *key, const char *wanted)
{
	return fail(err, B3IQ_E_INVALID, "%s must be %s", key, wanted);
}

/* The member, or NULL if it is absent or null. */
static struct json_object *
find(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

int32_t
json_get_string(struct json_object *o, const char *key, const char *otherwise, const char **out,
                struct b3iq_error *err)
{
	struct json_object *v = find(o, key);

	*out = otherwise;
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_string))
		return wrong_type(err, key, "a string");
	if (strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
		return wrong_type(err, key, "a string without NUL");
	*out = json_object_get_string(v);
	return B3IQ_OK;
}

int32_t
json_get_int(struct json_object *o, const char *key, int64_t least, int64_t most, int64_t otherwise,
             int64_t *out, struct b3iq_error *err)
{
	struct json_object *v = find(o, key);
	int64_t i;

	*out = otherwise;
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_int))
		return wrong_type(err, key, "an integer");
	i = json_object_get_int64(v);
	if (i < least || i > most || json_object_get_uint64(v) > INT64_MAX)
		return fail(err, B3IQ_E_INVALID, "%s must be between %lld and %lld", key,
		            (long long)least, (long long)most);
	*out = i;
	return B3IQ_OK;
}

int32_t
json_get_number(struct json_object *o, const char *key, double least, double most, double otherwise,
                double *out, struct b3iq_error *err)
{
	struct json_object *v = find(o, key);
	double d;

	*out = otherwise;
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return wrong_type(err, key, "a number");
	d = json_object_get_double(v);
	if (!(d >= least && d <= most))
		return fail(err, B3IQ_E_INVALID, "%s must be between %g and %g", key, least, most);
	*out = d;
	return B3IQ_OK;
}

int32_t
json_get_bool(struct json_object *o, const char *key, bool otherwise, bool *out,
              struct b3iq_error *err)
{
	struct json_object *v = find(o, key);

	*out = otherwise;
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_boolean))
		return wrong_type(err, key, "true or false");
	*out = json_object_get_boolean(v);
	return B3IQ_OK;
}

int32_t
json_get(struct json_object *o, const char *key, enum json_type type, struct json_object **out,
         struct b3iq_error *err)
{
	struct json_object *v = find(o, key);

	*out = NULL;
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, type))
		return fail(err, B3IQ_E_INVALID, "%s must be of type %s", key, json_type_to_name(type));
	*out = v;
	return B3IQ_OK;
}

int32_t
json_put(struct json_object *o, const char *key, struct json_object *v)
{
	if (!v)
		return B3IQ_E_NO_MEMORY;
	if (json_object_object_add(o, key, v) == 0)
		return B3IQ_OK;
	json_object_put(v);
	return B3IQ_E_NO_MEMORY;
}

int32_t
json_put_or_null(struct json_object *o, const char *key, struct json_object *v)
{
	if (v)
		return json_put(o, key, v);
	return json_object_object_add(o, key, NULL) == 0 ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

int32_t
json_add(struct json_object *array, struct json_object *v)
{
	if (!v)
		return B3IQ_E_NO_MEMORY;
	if (json_object_array_add(array, v) == 0)
		return B3IQ_OK;
	json_object_put(v);
	return B3IQ_E_NO_MEMORY;
}

int32_t
json_put_string(struct json_object *o, const char *key, const char *v)
{
	return json_put(o, key, json_object_new_string(v));
}

int32_t
json_put_int(struct json_object *o, const char *key, int64_t v)
{
	return json_put(o, key, json_object_new_int64(v));
}

int32_t
json_put_bool(struct json_object *o, const char *key, bool v)
{
	return json_put(o, key, json_object_new_boolean(v));
}
