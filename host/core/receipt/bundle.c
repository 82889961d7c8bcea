#include "core/receipt/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"

static const char *const salt_fields[BUNDLE_SALTS] = { COMMIT_PROMPT, COMMIT_OUTPUT, COMMIT_TOKENS,
	                                               COMMIT_LOGITS };

static const char *const bundle_keys[] = { "version", "receipt", "openings", NULL };
static const char *const opening_keys[] = { "secret", "salts",  "prompt", "params", "output",
	                                    "tokens", "logits", "probes", NULL };

/* ---- reading ----------------------------------------------------------------------- */

static int32_t
check_keys(struct json_object *o, const char *const *known, const char *what,
           struct b3iq_error *err)
{
	size_t i;

	json_object_object_foreach(o, key, v) {
		for (i = 0; known[i] && strcmp(known[i], key) != 0; i++)
			;
		if (!known[i])
			return fail(err, B3IQ_E_INVALID, "%s: unknown key \"%.60s\"", what, key);
		if (!v)
			return fail(err, B3IQ_E_INVALID, "%s: %s is null; leave it out", what, key);
	}
	return B3IQ_OK;
}

/* 32 bytes as hex; *there tells whether the key exists. */
static int32_t
read_hash(struct json_object *o, const char *key, bool *there, uint8_t out[32],
          struct b3iq_error *err)
{
	const char *hex;
	int32_t rc = json_get_string(o, key, NULL, &hex, err);

	*there = rc == B3IQ_OK && hex;
	if (*there && !hex_decode(hex, strlen(hex), out, 32))
		return fail(err, B3IQ_E_INVALID, "bundle: %s must be 64 lowercase hex digits", key);
	return rc;
}

static int32_t
read_text(struct json_object *o, const char *key, const char **out, size_t *len,
          struct b3iq_error *err)
{
	struct json_object *v;
	int32_t rc = json_get(o, key, json_type_string, &v, err);

	if (rc == B3IQ_OK && v) { /* NULs are fine here: the length goes along */
		*out = json_object_get_string(v);
		*len = (size_t)json_object_get_string_len(v);
	}
	return rc;
}

static int32_t
read_tokens(struct bundle *b, struct json_object *openings, struct b3iq_error *err)
{
	struct json_object *array, *id;
	int32_t rc = json_get(openings, "tokens", json_type_array, &array, err);
	size_t i, n;

	if (rc != B3IQ_OK || !array)
		return rc;
	n = json_object_array_length(array);
	b->tokens = calloc(n ? n : 1, sizeof(*b->tokens));
	if (!b->tokens)
		return fail_memory(err, "reading a bundle");
	b->n_tokens = n;
	for (i = 0; i < n; i++) {
		id = json_object_array_get_idx(array, i);
		if (!json_object_is_type(id, json_type_int) ||
		    json_object_get_int64(id) < INT32_MIN || json_object_get_int64(id) > INT32_MAX)
			return fail(err, B3IQ_E_INVALID, "bundle: tokens[%zu] is not a token id", i);
		b->tokens[i] = (int32_t)json_object_get_int64(id);
	}
	return B3IQ_OK;
}

static int32_t
read_probes(struct bundle *b, struct json_object *openings, struct b3iq_error *err)
{
	int32_t rc = json_get(openings, "probes", json_type_array, &b->probes, err);
	size_t i;

	if (rc != B3IQ_OK || !b->probes)
		return rc;
	if (!b->tokens || json_object_array_length(b->probes) != b->n_tokens)
		return fail(err, B3IQ_E_INVALID, "bundle: there must be one probe for each token");
	for (i = 0; i < b->n_tokens; i++)
		if (!json_object_is_type(json_object_array_get_idx(b->probes, i), json_type_string))
			return fail(err, B3IQ_E_INVALID, "bundle: probes[%zu] is not a hex string", i);
	return B3IQ_OK;
}

static int32_t
read_salts(struct bundle *b, struct json_object *openings, struct b3iq_error *err)
{
	const char *const known[] = {COMMIT_PROMPT, COMMIT_OUTPUT, COMMIT_TOKENS, COMMIT_LOGITS,
				     NULL};
	struct json_object *salts;
	uint8_t secret[32];
	bool has_secret;
	int32_t rc;
	size_t i;

	rc = read_hash(openings, "secret", &has_secret, secret, err);
	if (rc == B3IQ_OK)
		rc = json_get(openings, "salts", json_type_object, &salts, err);
	if (rc != B3IQ_OK)
		return rc;
	if (has_secret && salts)
		return fail(err, B3IQ_E_INVALID, "bundle: openings hold either secret or salts");
	if (salts)
		rc = check_keys(salts, known, "bundle: salts", err);
	for (i = 0; i < BUNDLE_SALTS && rc == B3IQ_OK; i++) {
		if (salts)
			rc = read_hash(salts, salt_fields[i], &b->has_salt[i], b->salt[i], err);
		else if (has_secret && !(b->has_salt[i] = commit_salt(secret, salt_fields[i],
		                                                      b->salt[i]) == B3IQ_OK))
			rc = fail_memory(err, "deriving a salt");
	}
	secret_wipe(secret, sizeof(secret));
	return rc;
}

static int32_t
read_openings(struct bundle *b, struct json_object *o, struct b3iq_error *err)
{
	int32_t rc = check_keys(o, opening_keys, "bundle: openings", err);

	if (rc == B3IQ_OK)
		rc = read_salts(b, o, err);
	if (rc == B3IQ_OK)
		rc = read_text(o, "prompt", &b->prompt, &b->prompt_len, err);
	if (rc == B3IQ_OK)
		rc = read_text(o, "output", &b->output, &b->output_len, err);
	if (rc == B3IQ_OK)
		rc = json_get(o, "params", json_type_object, &b->params, err);
	if (rc == B3IQ_OK)
		rc = read_tokens(b, o, err);
	if (rc == B3IQ_OK)
		rc = read_hash(o, "logits", &b->has_logits, b->logits, err);
	return rc == B3IQ_OK ? read_probes(b, o, err) : rc;
}

/* The body must stand in the file as the very bytes that were hashed.  No other place of the
 * document can hold them: inside a string their quotes would be escaped. */
static int32_t
check_canonical(struct json_object *body, const void *text, size_t len, struct b3iq_error *err)
{
	struct buf canonical;
	int32_t rc;

	buf_init(&canonical, RECEIPT_MAX);
	rc = json_canonical(body, &canonical, err);
	if (rc == B3IQ_OK && !memmem(text, len, canonical.data, canonical.len))
		rc = fail(err, B3IQ_E_INVALID,
		          "the receipt in the file is not in canonical form; use the file as it was "
		          "handed out, without reformatting");
	buf_free(&canonical);
	return rc;
}

static int32_t
read_document(struct bundle *b, const void *text, size_t len, struct b3iq_error *err)
{
	struct json_object *envelope = b->doc, *openings = NULL, *version, *body;
	int32_t rc = B3IQ_OK;

	if (!json_object_is_type(b->doc, json_type_object))
		return fail(err, B3IQ_E_INVALID, "a bundle must be a JSON object");
	if (json_object_object_get_ex(b->doc, "version", &version)) {
		if (!json_object_is_type(version, json_type_string) ||
		    strcmp(json_object_get_string(version), BUNDLE_VERSION) != 0)
			return fail(err, B3IQ_E_INVALID, "bundle: version must be " BUNDLE_VERSION);
		rc = check_keys(b->doc, bundle_keys, "bundle", err);
		if (rc == B3IQ_OK)
			rc = json_get(b->doc, "receipt", json_type_object, &envelope, err);
		if (rc == B3IQ_OK)
			rc = json_get(b->doc, "openings", json_type_object, &openings, err);
	}
	if (rc == B3IQ_OK)
		rc = receipt_open(envelope, &b->receipt, err);
	if (rc != B3IQ_OK)
		return rc;
	json_object_object_get_ex(envelope, "receipt", &body);
	rc = check_canonical(body, text, len, err);
	return rc == B3IQ_OK && openings ? read_openings(b, openings, err) : rc;
}

int32_t
bundle_read(const void *text, size_t len, struct bundle *out, struct b3iq_error *err)
{
	int32_t rc;

	memset(out, 0, sizeof(*out));
	if (len > BUNDLE_MAX)
		return fail(err, B3IQ_E_INVALID, "the bundle is larger than 64 MiB");
	rc = json_parse(text, len, "bundle", &out->doc, err);
	if (rc == B3IQ_OK)
		rc = read_document(out, text, len, err);
	if (rc != B3IQ_OK)
		bundle_free(out);
	return rc;
}

void
bundle_free(struct bundle *b)
{
	if (!b)
		return;
	json_object_put(b->doc);
	free(b->tokens);
	secret_wipe(b->salt, sizeof(b->salt));
	memset(b, 0, sizeof(*b));
}

/* ---- writing ------------------------------------------------------------------------- */

static int32_t
put_hash(struct json_object *o, const char *key, const uint8_t *hash)
{
	char hex[2 * 32 + 1];

	hex_encode(hash, 32, hex);
	return json_put_string(o, key, hex);
}

static int32_t
put_text(struct json_object *o, const char *key, const char *s, size_t n)
{
	if (n > INT32_MAX)
		return B3IQ_E_INVALID;
	return json_put(o, key, json_object_new_string_len(s, (int)n));
}

static int32_t
put_tokens(struct json_object *o, const int32_t *ids, size_t n)
{
	struct json_object *array = json_object_new_array(), *id;
	size_t i;

	for (i = 0; array && i < n; i++) {
		id = json_object_new_int(ids[i]);
		if (!id || json_object_array_add(array, id) != 0) {
			json_object_put(id);
			json_object_put(array);
			return B3IQ_E_NO_MEMORY;
		}
	}
	return json_put(o, "tokens", array);
}

static int32_t
fill_openings(struct json_object *o, const struct bundle_opening *open, struct b3iq_error *err)
{
	struct json_object *params = NULL;
	int32_t rc = B3IQ_OK;

	if (open->params) {
		rc = json_parse(open->params, open->params_len, "params", &params, err);
		if (rc != B3IQ_OK)
			return rc;
		rc = json_put(o, "params", params);
	}
	if (rc == B3IQ_OK && open->secret)
		rc = put_hash(o, "secret", open->secret);
	if (rc == B3IQ_OK && open->prompt)
		rc = put_text(o, "prompt", open->prompt, open->prompt_len);
	if (rc == B3IQ_OK && open->output)
		rc = put_text(o, "output", open->output, open->output_len);
	if (rc == B3IQ_OK && open->tokens)
		rc = put_tokens(o, open->tokens, open->n_tokens);
	if (rc == B3IQ_OK && open->logits)
		rc = put_hash(o, "logits", open->logits);
	return rc == B3IQ_OK ? rc : fail(err, rc, "cannot make the bundle: memory or size");
}

int32_t
bundle_write(const void *envelope, size_t len, const struct bundle_opening *open, struct buf *out,
             struct b3iq_error *err)
{
	struct json_object *o = json_object_new_object();
	int32_t rc;

	if (!o)
		return fail_memory(err, "making a bundle");
	rc = fill_openings(o, open, err);
	if (rc == B3IQ_OK) {
		buf_puts(out, "{\"openings\":");
		rc = json_canonical(o, out, err);
	}
	json_object_put(o);
	if (rc != B3IQ_OK)
		return rc;
	buf_puts(out, ",\"receipt\":");
	buf_append(out, envelope, len);
	rc = buf_puts(out, ",\"version\":\"" BUNDLE_VERSION "\"}");
	return rc == B3IQ_OK ? rc : fail(err, rc, "cannot make the bundle: memory or size");
}
