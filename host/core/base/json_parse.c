/* The reader of json.h: RFC 8259 to the letter, straight into json-c objects.
 *
 * json-c's own tokener lets duplicate keys, NaN, control bytes and lone surrogates through and cuts
 * large integers silently; receipts and configurations can afford none of that. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

#define NUMBER_SIZE 64 /* characters of a number: more than any use has */

struct parser {
	const char        *text, *at, *end;
	const char        *what;
	struct buf         scratch; /* the string being read */
	int                depth;
	struct b3iq_error *err;
};

static int32_t value(struct parser *, struct json_object **out);

static int32_t
wrong(struct parser *p, const char *why)
{
	return fail(p->err, B3IQ_E_INVALID, "%s: %s at byte %zu", p->what, why,
	            (size_t)(p->at - p->text));
}

static int32_t
memory(struct parser *p)
{
	return fail_memory(p->err, "reading JSON");
}

static void
skip_space(struct parser *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

static bool
next_is(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static bool
hex4(struct parser *p, unsigned *out)
{
	unsigned v = 0, digit;
	int i;

	if (p->end - p->at < 4)
		return false;
	for (i = 0; i < 4; i++) {
		char c = p->at[i];

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned)((c | 32) - 'a') + 10;
		else
			return false;
		v = v << 4 | digit;
	}
	p->at += 4;
	*out = v;
	return true;
}

static void
put_utf8(struct buf *b, unsigned c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	buf_append(b, s, n);
}

static int32_t
unicode_escape(struct parser *p)
{
	unsigned hi, lo;

	if (!hex4(p, &hi))
		return wrong(p, "\\u needs four hex digits");
	if (hi >= 0xdc00 && hi <= 0xdfff)
		return wrong(p, "half a surrogate pair");
	if (hi >= 0xd800 && hi <= 0xdbff) {
		if (!next_is(p, '\\') || !next_is(p, 'u') || !hex4(p, &lo) || lo < 0xdc00 ||
		    lo > 0xdfff)
			return wrong(p, "half a surrogate pair");
		hi = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
	}
	put_utf8(&p->scratch, hi);
	return B3IQ_OK;
}

static int32_t
escape(struct parser *p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	char c = p->at < p->end ? *p->at++ : '\0';

	if (c == 'u')
		return unicode_escape(p);
	hit = c ? strchr(from, c) : NULL;
	if (!hit)
		return wrong(p, "unknown escape in a string");
	buf_append(&p->scratch, &to[hit - from], 1);
	return B3IQ_OK;
}

/* The string behind an opening quote, into p->scratch. */
static int32_t
string(struct parser *p)
{
	const char *run;
	int32_t rc;

	buf_clear(&p->scratch);
	for (;;) {
		run = p->at;
		while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
			p->at++;
		buf_append(&p->scratch, run, (size_t)(p->at - run));
		if (p->at == p->end)
			return wrong(p, "the string does not end");
		if ((unsigned char)*p->at < 0x20)
			return wrong(p, "control byte in a string");
		if (*p->at++ == '"')
			break;
		rc = escape(p);
		if (rc != B3IQ_OK)
			return rc;
	}
	return p->scratch.rc == B3IQ_OK ? B3IQ_OK : memory(p);
}

static int32_t
string_value(struct parser *p, struct json_object **out)
{
	int32_t rc = string(p);

	if (rc != B3IQ_OK)
		return rc;
	*out = json_object_new_string_len(p->scratch.len ? p->scratch.data : "", (int)p->scratch.len);
	return *out ? B3IQ_OK : memory(p);
}

static size_t
digits(struct parser *p)
{
	const char *from = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return (size_t)(p->at - from);
}

/* Moves over a number of the grammar; *real tells whether it has a fraction or exponent. */
static bool
number_shape(struct parser *p, bool *real)
{
	*real = false;
	next_is(p, '-');
	if (!next_is(p, '0') && digits(p) == 0)
		return false;
	if (next_is(p, '.')) {
		*real = true;
		if (digits(p) == 0)
			return false;
	}
	if (next_is(p, 'e') || next_is(p, 'E')) {
		*real = true;
		if (!next_is(p, '+'))
			next_is(p, '-');
		if (digits(p) == 0)
			return false;
	}
	return true;
}

static int32_t
number(struct parser *p, struct json_object **out)
{
	const char *from = p->at;
	char copy[NUMBER_SIZE];
	bool real;
	double d;
	size_t n;

	if (!number_shape(p, &real))
		return wrong(p, "not a JSON value");
	n = (size_t)(p->at - from);
	if (n >= sizeof(copy))
		return wrong(p, "a number of more than 63 characters");
	memcpy(copy, from, n);
	copy[n] = '\0';
	if (!real) {
		errno = 0;
		if (copy[0] == '-') {
			int64_t i = strtoll(copy, NULL, 10);

			if (errno == 0) {
				*out = json_object_new_int64(i);
				return *out ? B3IQ_OK : memory(p);
			}
		} else {
			uint64_t u = strtoull(copy, NULL, 10);

			if (errno == 0) {
				*out = u > INT64_MAX ? json_object_new_uint64(u) :
				                       json_object_new_int64((int64_t)u);
				return *out ? B3IQ_OK : memory(p);
			}
		}
	}
	d = strtod(copy, NULL);
	if (!isfinite(d))
		return wrong(p, "a number beyond the range of a double");
	*out = json_object_new_double(d);
	return *out ? B3IQ_OK : memory(p);
}

/* One "key": value behind an opening brace or a comma. */
static int32_t
member(struct parser *p, struct json_object *object)
{
	struct json_object *v = NULL;
	char *key;
	int32_t rc;

	skip_space(p);
	if (!next_is(p, '"'))
		return wrong(p, "expected a key in quotes");
	rc = string(p);
	if (rc != B3IQ_OK)
		return rc;
	if (p->scratch.len > 0 && memchr(p->scratch.data, '\0', p->scratch.len))
		return wrong(p, "a key with a NUL in it");
	if (json_object_object_get_ex(object, p->scratch.len ? p->scratch.data : "", NULL))
		return wrong(p, "a key that was there before");
	key = strdup(p->scratch.len ? p->scratch.data : "");
	if (!key)
		return memory(p);
	skip_space(p);
	rc = next_is(p, ':') ? value(p, &v) : wrong(p, "expected a colon");
	if (rc == B3IQ_OK && json_object_object_add(object, key, v) != 0) {
		json_object_put(v);
		rc = memory(p);
	}
	free(key);
	return rc;
}

static int32_t
object_members(struct parser *p, struct json_object *object)
{
	int32_t rc;

	skip_space(p);
	if (next_is(p, '}'))
		return B3IQ_OK;
	do {
		rc = member(p, object);
		if (rc != B3IQ_OK)
			return rc;
		skip_space(p);
	} while (next_is(p, ','));
	return next_is(p, '}') ? B3IQ_OK : wrong(p, "expected a comma or the end of the object");
}

static int32_t
array_items(struct parser *p, struct json_object *array)
{
	struct json_object *v;
	int32_t rc;

	skip_space(p);
	if (next_is(p, ']'))
		return B3IQ_OK;
	do {
		v = NULL;
		rc = value(p, &v);
		if (rc != B3IQ_OK)
			return rc;
		if (json_object_array_add(array, v) != 0) {
			json_object_put(v);
			return memory(p);
		}
		skip_space(p);
	} while (next_is(p, ','));
	return next_is(p, ']') ? B3IQ_OK : wrong(p, "expected a comma or the end of the array");
}

static int32_t
container(struct parser *p, bool object, struct json_object **out)
{
	struct json_object *c;
	int32_t rc;

	if (p->depth == JSON_DEPTH)
		return wrong(p, "nested deeper than 32");
	c = object ? json_object_new_object() : json_object_new_array();
	if (!c)
		return memory(p);
	p->depth++;
	rc = object ? object_members(p, c) : array_items(p, c);
	p->depth--;
	if (rc != B3IQ_OK)
		json_object_put(c);
	else
		*out = c;
	return rc;
}

static bool
word(struct parser *p, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, w, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* Reads one value; *out must be NULL before, and stays NULL for null and on failure. */
static int32_t
value(struct parser *p, struct json_object **out)
{
	bool yes;

	skip_space(p);
	if (next_is(p, '{'))
		return container(p, true, out);
	if (next_is(p, '['))
		return container(p, false, out);
	if (next_is(p, '"'))
		return string_value(p, out);
	if (word(p, "null"))
		return B3IQ_OK;
	yes = word(p, "true");
	if (yes || word(p, "false")) {
		*out = json_object_new_boolean(yes);
		return *out ? B3IQ_OK : memory(p);
	}
	return number(p, out);
}

int32_t
json_parse(const char *text, size_t len, const char *what, struct json_object **out,
           struct b3iq_error *err)
{
	struct parser p = { .text = text, .at = text, .end = text + len, .what = what, .err = err };
	bool bad;
	int32_t rc;

	*out = NULL;
	if (len > INT32_MAX)
		return fail(err, B3IQ_E_INVALID, "%s: larger than 2 GiB", what);
	p.at = text + utf8_whole(text, len, &bad);
	if (p.at != p.end)
		return wrong(&p, "not UTF-8");
	p.at = text;
	buf_init(&p.scratch, len);
	rc = value(&p, out);
	if (rc == B3IQ_OK) {
		skip_space(&p);
		if (p.at != p.end)
			rc = wrong(&p, "something follows the document");
	}
	if (rc != B3IQ_OK) {
		json_object_put(*out);
		*out = NULL;
	}
	buf_wipe(&p.scratch);
	return rc;
}
