#include "core/tx/form.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/utf8.h"
#include "core/tx/address.h"
#include "core/tx/amount.h"

#define KEY_PREFIX  "ed25519:"
#define KEY_LEN     (sizeof(KEY_PREFIX) - 1)
#define STRING_MAX  1024 /* bytes of a string value, escapes included */

struct cursor {
	const struct form *form;
	const char        *text, *at, *end;
	struct b3iq_error *err;
};

/* ---- writing --------------------------------------------------------------------- */

static bool
printable(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return utf8_valid(s, n);
}

bool
form_chain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') ||
		      (s[i] == '-' && i > 0)))
			return false;
	return n > 0 && n < FORM_CHAIN_SIZE;
}

/* In the member of a struct a text ends with NUL; its length, or size if it has none. */
static size_t
length(const char *s, size_t size)
{
	const char *end = memchr(s, '\0', size);

	return end ? (size_t)(end - s) : size;
}

static bool
write_text(const char *s, size_t size, struct buf *out)
{
	const size_t n = length(s, size);
	size_t i;

	if (n == 0 || n >= size || !printable(s, n))
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_append(out, "\\", 1);
		buf_append(out, &s[i], 1);
	}
	return true;
}

static void
write_hex(const void *bytes, size_t n, struct buf *out)
{
	char text[2 * 64 + 1];

	hex_encode(bytes, n, text);
	buf_append(out, text, 2 * n);
}

/* The value without its quotes; false if the member has no form. */
static bool
write_value(const struct form_field *f, const void *member, struct buf *out)
{
	char text[ADDRESS_SIZE > AMOUNT_SIZE ? ADDRESS_SIZE : AMOUNT_SIZE];
	uint64_t v = 0;

	switch (f->type) {
	case FORM_WORD:
		buf_puts(out, f->word);
		return true;
	case FORM_CHAIN:
		buf_append(out, member, length(member, f->size));
		return form_chain(member, length(member, f->size));
	case FORM_ADDRESS:
		address_write(member, text);
		buf_append(out, text, ADDRESS_SIZE - 1);
		return true;
	case FORM_AMOUNT:
	case FORM_POSITIVE:
	case FORM_COUNT:
		memcpy(&v, member, sizeof(v));
		if (v < (f->type == FORM_POSITIVE) ||
		    v > (f->type == FORM_COUNT ? FORM_COUNT_MAX : AMOUNT_MAX))
			return false;
		buf_append(out, text, amount_write(v, text));
		return true;
	case FORM_KEY:
		buf_append(out, KEY_PREFIX, KEY_LEN);
		write_hex(member, 32, out);
		return true;
	case FORM_HASH:
		write_hex(member, 32, out);
		return true;
	case FORM_SIGNATURE:
		write_hex(member, 64, out);
		return true;
	case FORM_TEXT:
	case FORM_MAYBE_TEXT:
		return write_text(member, f->size, out);
	}
	return false;
}

int32_t
form_write(const struct form *form, const void *object, struct buf *out, struct b3iq_error *err)
{
	const char *between = "{";
	size_t i;

	for (i = 0; i < form->n; i++) {
		const struct form_field *f = &form->fields[i];
		const char *member = (const char *)object + f->at;
		const char *quote = f->type == FORM_COUNT ? "" : "\"";

		if (f->type == FORM_MAYBE_TEXT && *member == '\0')
			continue;
		buf_puts(out, between);
		buf_append(out, "\"", 1);
		buf_puts(out, f->key);
		buf_append(out, "\":", 2);
		buf_puts(out, quote);
		if (!write_value(f, member, out))
			return fail(err, B3IQ_E_INVALID, "%s: \"%s\" is empty or out of bounds",
			            form->what, f->key);
		buf_puts(out, quote);
		between = ",";
	}
	buf_append(out, "}", 1);
	return out->rc == B3IQ_OK ? B3IQ_OK :
	                            fail(err, out->rc, "%s: no room for its text", form->what);
}

/* ---- reading --------------------------------------------------------------------- */

static int32_t
wrong(const struct cursor *c, const char *key, const char *what)
{
	return fail(c->err, B3IQ_E_INVALID, "%s: \"%s\" at byte %zu %s", c->form->what, key,
	            (size_t)(c->at - c->text), what);
}

static bool
literal(struct cursor *c, const char *s, size_t n)
{
	if ((size_t)(c->end - c->at) < n || memcmp(c->at, s, n) != 0)
		return false;
	c->at += n;
	return true;
}

/* The key with what stands before it and its colon; false, and nothing read, if another follows. */
static bool
key(struct cursor *c, const char *between, const char *name)
{
	const char *from = c->at;

	if (literal(c, between, 1) && literal(c, "\"", 1) && literal(c, name, strlen(name)) &&
	    literal(c, "\":", 2))
		return true;
	c->at = from;
	return false;
}

/* Characters up to the closing quote: NULL if there is none, or an escape or control byte. */
static const char *
plain(struct cursor *c, size_t *n)
{
	const char *from = c->at;

	while (c->at < c->end && *c->at != '"' && *c->at != '\\' && (unsigned char)*c->at >= 0x20)
		c->at++;
	*n = (size_t)(c->at - from);
	return literal(c, "\"", 1) ? from : NULL;
}

/* In canonical form only these two printable characters are escaped. */
static bool
read_text(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;

	while (c->at < c->end && *c->at != '"') {
		if (*c->at == '\\') {
			c->at++;
			if (c->at == c->end || (*c->at != '"' && *c->at != '\\'))
				return false;
		}
		if (n == size - 1)
			return false;
		out[n++] = *c->at++;
	}
	out[n] = '\0';
	return n > 0 && printable(out, n) && literal(c, "\"", 1);
}

static bool
read_count(struct cursor *c, uint64_t *out)
{
	const char *from = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return amount_read(from, (size_t)(c->at - from), out) && *out <= FORM_COUNT_MAX;
}

static bool
read_plain(const struct form_field *f, const char *s, size_t n, void *member)
{
	uint64_t v;

	switch (f->type) {
	case FORM_WORD:
		return n == strlen(f->word) && memcmp(s, f->word, n) == 0;
	case FORM_CHAIN:
		if (!form_chain(s, n))
			return false;
		memcpy(member, s, n);
		((char *)member)[n] = '\0';
		return true;
	case FORM_ADDRESS:
		return address_read(s, n, member);
	case FORM_AMOUNT:
	case FORM_POSITIVE:
		if (!amount_read(s, n, &v) || v < (f->type == FORM_POSITIVE))
			return false;
		memcpy(member, &v, sizeof(v));
		return true;
	case FORM_HASH:
		return hex_decode(s, n, member, 32);
	case FORM_SIGNATURE:
		return hex_decode(s, n, member, 64);
	case FORM_KEY:
		return n > KEY_LEN && memcmp(s, KEY_PREFIX, KEY_LEN) == 0 &&
		       hex_decode(s + KEY_LEN, n - KEY_LEN, member, 32);
	case FORM_COUNT:
	case FORM_TEXT:
	case FORM_MAYBE_TEXT:
		break;
	}
	return false;
}

static const char *
expected(enum form_type type)
{
	static const char *const names[] = {
		[FORM_WORD] = "has another value than its kind allows",
		[FORM_CHAIN] = "is not a chain id (1 to 32 of a-z, 0-9, -)",
		[FORM_ADDRESS] = "is not an address of this network with a right checksum",
		[FORM_AMOUNT] = "is not an amount: digits in quotes, below 2^63",
		[FORM_POSITIVE] = "is not an amount above zero: digits in quotes, below 2^63",
		[FORM_COUNT] = "is not an integer from 0 to 2^53-1",
		[FORM_HASH] = "is not 64 lower case hex digits",
		[FORM_KEY] = "is not a key: \"ed25519:\" and 64 lower case hex digits",
		[FORM_SIGNATURE] = "is not a signature: 128 lower case hex digits",
		[FORM_TEXT] = "is not canonical printable UTF-8 of 1 to 128 bytes",
		[FORM_MAYBE_TEXT] = "is not canonical printable UTF-8 of 1 to 128 bytes",
	};

	return names[type];
}

static int32_t
read_value(struct cursor *c, const struct form_field *f, void *member)
{
	const struct cursor before = *c;
	const char *s;
	bool good;
	size_t n;

	if (f->type == FORM_COUNT) {
		good = read_count(c, member);
	} else if (!literal(c, "\"", 1)) {
		good = false;
	} else if (f->type == FORM_TEXT || f->type == FORM_MAYBE_TEXT) {
		good = read_text(c, member, f->size);
	} else {
		s = plain(c, &n);
		good = s && n <= STRING_MAX && read_plain(f, s, n, member);
	}
	return good ? B3IQ_OK : wrong(&before, f->key, expected(f->type));
}

int32_t
form_read(const struct form *form, const char *text, size_t len, void *object, size_t *used,
          struct b3iq_error *err)
{
	struct cursor c = { form, text, text, text + len, err };
	const char *between = "{";
	size_t i;
	int32_t rc;

	for (i = 0; i < form->n; i++) {
		const struct form_field *f = &form->fields[i];
		char *member = (char *)object + f->at;

		if (!key(&c, between, f->key)) {
			if (f->type != FORM_MAYBE_TEXT)
				return wrong(&c, f->key,
				             "is missing, out of order or not canonical");
			*member = '\0';
			continue;
		}
		rc = read_value(&c, f, member);
		if (rc != B3IQ_OK)
			return rc;
		between = ",";
	}
	if (!literal(&c, "}", 1))
		return fail(err, B3IQ_E_INVALID,
		            "%s: an unknown key, or text that is not canonical, at byte %zu",
		            form->what, (size_t)(c.at - text));
	*used = (size_t)(c.at - text);
	return B3IQ_OK;
}
