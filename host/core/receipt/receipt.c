#include "core/receipt/receipt.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/sha256.h"

#define SAFE_INTEGER UINT64_C(9007199254740991) /* 2^53 - 1 */

static const char domain[] = RECEIPT_VERSION "\n";

/* ---- the format as a table ---------------------------------------------------- */

enum type {
	T_VERSION,  /* the constant                                  */
	T_ID,       /* "rcpt_" and 32 hex digits                     */
	T_NODE,     /* "ed25519:" and 64 hex digits                  */
	T_TEXT,     /* printable UTF-8, 1 to size - 1 bytes          */
	T_HASH,     /* 64 hex digits                                 */
	T_COUNT,    /* integer, 0 to 2^53 - 1                        */
	T_U64,      /* decimal string, 0 to 2^64 - 1                 */
	T_AMOUNT,   /* decimal string, up to 78 digits               */
	T_CHOICE,   /* a name of a list, kept as its index           */
	T_CHOOSER,  /* "client" or "node", kept as bool              */
	T_FAILURE   /* "E_...", kept as the negative code            */
};

enum when { /* when a field is there */
	ALWAYS,
	HAS_ORDER,
	HAS_ROOT,
	HAS_QUOTE,
	HAS_TOKENS,
	HAS_LOGITS,
	IF_FINAL,
	IF_FAILURE,
	IF_FIRST
};

static const char *const kinds[] = { "final", "prefix", "failure", NULL };
static const char *const tiers[] = { "T0", "T1", "T2", "T3", NULL };
static const char *const evidence[] = { "configured", "signed-claim", "client-measured",
	                                "recomputed", NULL };
static const char *const finishes[] = { "", "end", "length", "sequence", "tool", "cancelled", NULL };

static const struct field {
	const char        *group; /* the object in the body, or NULL: the body itself */
	const char        *key;
	enum type          type;
	enum when          when;
	size_t             at, size;
	const char *const *names;
} fields[] = {
#define AT(member) offsetof(struct receipt, member), sizeof(((struct receipt *)0)->member)
	{ NULL, "version", T_VERSION, ALWAYS, 0, 0, NULL },
	{ NULL, "kind", T_CHOICE, ALWAYS, AT(kind), kinds },
	{ NULL, "id", T_ID, ALWAYS, AT(id), NULL },
	{ NULL, "node", T_NODE, ALWAYS, AT(node), NULL },
	{ NULL, "seq", T_COUNT, ALWAYS, AT(seq), NULL },
	{ NULL, "prev", T_HASH, ALWAYS, AT(prev), NULL },
	{ NULL, "order", T_HASH, HAS_ORDER, AT(order), NULL },
	{ "model", "name", T_TEXT, ALWAYS, AT(model), NULL },
	{ "model", "root", T_HASH, HAS_ROOT, AT(root), NULL },
	{ "runtime", "engine", T_TEXT, ALWAYS, AT(engine), NULL },
	{ "runtime", "profile", T_TEXT, ALWAYS, AT(profile), NULL },
	{ "runtime", "tier", T_CHOICE, ALWAYS, AT(tier), tiers },
	{ "runtime", "quote", T_HASH, HAS_QUOTE, AT(quote), NULL },
	{ NULL, "params", T_HASH, ALWAYS, AT(params), NULL },
	{ "seed", "value", T_U64, ALWAYS, AT(seed), NULL },
	{ "seed", "by", T_CHOOSER, ALWAYS, AT(seed_by_client), NULL },
	{ NULL, "prompt", T_HASH, ALWAYS, AT(prompt), NULL },
	{ NULL, "output", T_HASH, ALWAYS, AT(output), NULL },
	{ NULL, "tokens", T_HASH, HAS_TOKENS, AT(tokens), NULL },
	{ NULL, "logits", T_HASH, HAS_LOGITS, AT(logits), NULL },
	{ "usage", "prompt", T_COUNT, ALWAYS, AT(prompt_tokens), NULL },
	{ "usage", "cached", T_COUNT, ALWAYS, AT(cached_tokens), NULL },
	{ "usage", "output", T_COUNT, ALWAYS, AT(output_tokens), NULL },
	{ NULL, "finish", T_CHOICE, IF_FINAL, AT(finish), finishes },
	{ NULL, "failure", T_FAILURE, IF_FAILURE, AT(failure), NULL },
	{ "times", "start_ms", T_COUNT, ALWAYS, AT(start_ms), NULL },
	{ "times", "first_ms", T_COUNT, IF_FIRST, AT(first_ms), NULL },
	{ "times", "end_ms", T_COUNT, ALWAYS, AT(end_ms), NULL },
	{ NULL, "price", T_AMOUNT, ALWAYS, AT(price), NULL },
	{ NULL, "amount", T_AMOUNT, ALWAYS, AT(amount), NULL },
	{ "evidence", "model", T_CHOICE, ALWAYS, AT(model_evidence), evidence },
	{ "evidence", "output", T_CHOICE, ALWAYS, AT(output_evidence), evidence },
	{ "evidence", "tokens", T_CHOICE, HAS_TOKENS, AT(tokens_evidence), evidence },
	{ "evidence", "logits", T_CHOICE, HAS_LOGITS, AT(logits_evidence), evidence },
	{ "evidence", "usage", T_CHOICE, ALWAYS, AT(usage_evidence), evidence },
	{ "evidence", "times", T_CHOICE, ALWAYS, AT(times_evidence), evidence },
	{ NULL, "expires_ms", T_COUNT, ALWAYS, AT(expires_ms), NULL },
#undef AT
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *const groups[] = { "model", "runtime", "seed", "usage", "times", "evidence" };
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static bool
present(const struct receipt *r, enum when when)
{
	switch (when) {
	case HAS_ORDER:
		return r->has_order;
	case HAS_ROOT:
		return r->has_root;
	case HAS_QUOTE:
		return r->has_quote;
	case HAS_TOKENS:
		return r->has_tokens;
	case HAS_LOGITS:
		return r->has_logits;
	case IF_FINAL:
		return r->kind == RECEIPT_FINAL;
	case IF_FAILURE:
		return r->kind == RECEIPT_FAILURE;
	case IF_FIRST:
		return r->first_ms != 0;
	case ALWAYS:
		break;
	}
	return true;
}

static int32_t
bad(struct b3iq_error *err, const struct field *f, const char *must)
{
	return fail(err, B3IQ_E_INVALID, "receipt: %s%s%s %s", f->group ? f->group : "",
	            f->group ? "." : "", f->key, must);
}

/* ---- the values ------------------------------------------------------------------ */

static bool
printable(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n > 0 && utf8_valid(s, n);
}

/* "0", or digits that do not begin with 0: one text for each number. */
static bool
decimal(const char *s, size_t n, size_t most)
{
	size_t i;

	if (n == 0 || n > most || (n > 1 && s[0] == '0'))
		return false;
	for (i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static bool
valid_id(const char *s, size_t n)
{
	uint8_t bytes[16];

	return n == RECEIPT_ID_SIZE - 1 && memcmp(s, "rcpt_", 5) == 0 &&
	       hex_decode(s + 5, n - 5, bytes, sizeof(bytes));
}

/* Is s a right value for a field that is kept as text?  Else what it must be. */
static const char *
text_problem(const struct field *f, const char *s, size_t n)
{
	uint8_t key[ED25519_PUBLIC];

	if (n >= f->size)
		return "is too long";
	switch (f->type) {
	case T_ID:
		return valid_id(s, n) ? NULL : "must be \"rcpt_\" and 32 hex digits";
	case T_NODE:
		return n == strlen(s) && ed25519_parse(s, key) ?
		               NULL :
		               "must be \"ed25519:\" and 64 hex digits";
	case T_AMOUNT:
		return decimal(s, n, 78) ? NULL : "must be a decimal number in a string";
	default:
		return printable(s, n) ? NULL : "must be printable text";
	}
}

static int
choice(const char *const *names, const char *s)
{
	int i;

	for (i = 0; names[i]; i++)
		if (names[i][0] && strcmp(names[i], s) == 0)
			return i;
	return -1;
}

static int32_t
failure_code(const char *name)
{
	int32_t code;

	for (code = B3IQ_E_INVALID; code >= B3IQ_E_DIED; code--)
		if (strcmp(result_name(code), name) == 0)
			return code;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------ */

static int32_t
check_choice(const struct field *f, const struct receipt *r, const char **name)
{
	unsigned i, n = 0;

	memcpy(&i, (const char *)r + f->at, sizeof(i));
	while (f->names[n])
		n++;
	*name = i < n ? f->names[i] : "";
	return (*name)[0] ? B3IQ_OK : B3IQ_E_INVALID;
}

/* The field as a JSON value; NULL with B3IQ_OK when memory is out. */
static int32_t
to_json(const struct field *f, const struct receipt *r, struct json_object **out,
        struct b3iq_error *err)
{
	const char *at = (const char *)r + f->at, *s, *problem;
	char text[2 * 32 + 1];
	uint64_t n;

	switch (f->type) {
	case T_VERSION:
		*out = json_object_new_string(RECEIPT_VERSION);
		return B3IQ_OK;
	case T_HASH:
		hex_encode(at, 32, text);
		break;
	case T_COUNT:
		memcpy(&n, at, sizeof(n));
		if (n > SAFE_INTEGER)
			return bad(err, f, "is beyond 2^53 - 1");
		*out = json_object_new_int64((int64_t)n);
		return B3IQ_OK;
	case T_U64:
		memcpy(&n, at, sizeof(n));
		snprintf(text, sizeof(text), "%" PRIu64, n);
		break;
	case T_CHOICE:
		if (check_choice(f, r, &s) != B3IQ_OK)
			return bad(err, f, "is not set");
		*out = json_object_new_string(s);
		return B3IQ_OK;
	case T_CHOOSER:
		*out = json_object_new_string(r->seed_by_client ? "client" : "node");
		return B3IQ_OK;
	case T_FAILURE:
		if (r->failure > B3IQ_E_INVALID)
			return bad(err, f, "must be an error code");
		*out = json_object_new_string(result_name(r->failure));
		return B3IQ_OK;
	default:
		problem = text_problem(f, at, strnlen(at, f->size));
		if (problem)
			return bad(err, f, problem);
		*out = json_object_new_string(at);
		return B3IQ_OK;
	}
	*out = json_object_new_string(text);
	return B3IQ_OK;
}

static int32_t
put_field(struct json_object *body, const struct field *f, const struct receipt *r,
          struct b3iq_error *err)
{
	struct json_object *in = body, *v = NULL;
	int32_t rc;

	rc = to_json(f, r, &v, err);
	if (rc != B3IQ_OK)
		return rc;
	if (f->group && !json_object_object_get_ex(body, f->group, &in)) {
		in = json_object_new_object();
		if (json_put(body, f->group, in) != B3IQ_OK) {
			json_object_put(v);
			return fail_memory(err, "writing a receipt");
		}
	}
	return json_put(in, f->key, v) == B3IQ_OK ? B3IQ_OK : fail_memory(err, "writing a receipt");
}

static int32_t
check_kind(const struct receipt *r, struct b3iq_error *err)
{
	static const uint8_t zeros[32];

	if (r->seq == 0)
		return fail(err, B3IQ_E_INVALID, "receipt: seq begins with 1");
	if ((r->seq == 1) != (memcmp(r->prev, zeros, 32) == 0))
		return fail(err, B3IQ_E_INVALID,
		            "receipt: prev is zeros in the first receipt of a node and in no other");
	return B3IQ_OK;
}

static int32_t
check_all(const struct receipt *r, struct b3iq_error *err)
{
	int32_t rc = check_kind(r, err);

	if (rc == B3IQ_OK)
		rc = receipt_check_tier(r, err);
	if (rc == B3IQ_OK)
		rc = receipt_check_counts(r, err);
	return rc == B3IQ_OK ? receipt_check_times(r, err) : rc;
}

int32_t
receipt_write(const struct receipt *r, struct buf *out, struct b3iq_error *err)
{
	struct json_object *body;
	int32_t rc;
	size_t i;

	rc = check_all(r, err);
	if (rc != B3IQ_OK)
		return rc;
	body = json_object_new_object();
	if (!body)
		return fail_memory(err, "writing a receipt");
	for (i = 0; i < N_FIELDS && rc == B3IQ_OK; i++)
		if (present(r, fields[i].when))
			rc = put_field(body, &fields[i], r, err);
	if (rc == B3IQ_OK)
		rc = json_canonical(body, out, err);
	json_object_put(body);
	return rc;
}

/* ---- reading ------------------------------------------------------------------------ */

static int32_t
from_string(const struct field *f, const char *s, size_t n, struct receipt *r,
            struct b3iq_error *err)
{
	char *at = (char *)r + f->at;
	const char *problem;
	uint64_t u;
	int i;

	switch (f->type) {
	case T_VERSION:
		return strcmp(s, RECEIPT_VERSION) == 0 ? B3IQ_OK : bad(err, f, "must be " RECEIPT_VERSION);
	case T_HASH:
		return hex_decode(s, n, at, 32) ? B3IQ_OK : bad(err, f, "must be 64 lowercase hex digits");
	case T_U64:
		if (!decimal(s, n, 20) || (n == 20 && strcmp(s, "18446744073709551615") > 0))
			return bad(err, f, "must be a decimal number in a string, below 2^64");
		u = strtoull(s, NULL, 10);
		memcpy(at, &u, sizeof(u));
		return B3IQ_OK;
	case T_CHOICE:
		i = choice(f->names, s);
		memcpy(at, &i, sizeof(i));
		return i >= 0 ? B3IQ_OK : bad(err, f, "is not one of its values");
	case T_CHOOSER:
		r->seed_by_client = strcmp(s, "client") == 0;
		return r->seed_by_client || strcmp(s, "node") == 0 ? B3IQ_OK :
		                                                     bad(err, f, "must be client or node");
	case T_FAILURE:
		r->failure = failure_code(s);
		return r->failure ? B3IQ_OK : bad(err, f, "must be an error code");
	default:
		problem = text_problem(f, s, n);
		if (problem)
			return bad(err, f, problem);
		memcpy(at, s, n + 1);
		return B3IQ_OK;
	}
}

static int32_t
from_json(const struct field *f, struct json_object *v, struct receipt *r, struct b3iq_error *err)
{
	const char *s;
	size_t n;
	uint64_t u;

	if (f->type == T_COUNT) {
		if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0 ||
		    json_object_get_uint64(v) > SAFE_INTEGER)
			return bad(err, f, "must be an integer from 0 to 2^53 - 1");
		u = json_object_get_uint64(v);
		memcpy((char *)r + f->at, &u, sizeof(u));
		return B3IQ_OK;
	}
	if (!json_object_is_type(v, json_type_string))
		return bad(err, f, "must be a string");
	s = json_object_get_string(v);
	n = (size_t)json_object_get_string_len(v);
	if (strlen(s) != n)
		return bad(err, f, "must be printable text");
	return from_string(f, s, n, r, err);
}

static void
set_present(struct receipt *r, enum when when)
{
	if (when == HAS_ORDER)
		r->has_order = true;
	else if (when == HAS_ROOT)
		r->has_root = true;
	else if (when == HAS_QUOTE)
		r->has_quote = true;
}

/* Unknown keys: every object must hold exactly the fields that were found in it. */
static int32_t
check_closed(struct json_object *o, const char *group, struct b3iq_error *err)
{
	size_t i;

	json_object_object_foreach(o, key, unused) {
		(void)unused;
		for (i = 0; i < N_FIELDS; i++) {
			const char *of = fields[i].group;

			if ((of ? group && strcmp(of, group) == 0 : !group) &&
			    strcmp(fields[i].key, key) == 0)
				break;
			if (!group && of && strcmp(of, key) == 0)
				break;
		}
		if (i == N_FIELDS)
			return fail(err, B3IQ_E_INVALID, "receipt: unknown key \"%.60s\"%s%s", key,
			            group ? " in " : "", group ? group : "");
	}
	return B3IQ_OK;
}

static int32_t
check_shape(struct json_object *body, struct b3iq_error *err)
{
	struct json_object *o;
	size_t i;
	int32_t rc;

	if (!json_object_is_type(body, json_type_object))
		return fail(err, B3IQ_E_INVALID, "receipt: the body must be an object");
	rc = check_closed(body, NULL, err);
	for (i = 0; i < N_GROUPS && rc == B3IQ_OK; i++) {
		if (!json_object_object_get_ex(body, groups[i], &o) ||
		    !json_object_is_type(o, json_type_object))
			return fail(err, B3IQ_E_INVALID, "receipt: %s must be an object", groups[i]);
		rc = check_closed(o, groups[i], err);
	}
	return rc;
}

int32_t
receipt_parse(struct json_object *body, struct receipt *out, struct b3iq_error *err)
{
	bool seen[N_FIELDS] = { false };
	struct json_object *o, *v;
	size_t i;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	rc = check_shape(body, err);
	for (i = 0; i < N_FIELDS && rc == B3IQ_OK; i++) {
		o = body;
		if (fields[i].group)
			json_object_object_get_ex(body, fields[i].group, &o);
		seen[i] = json_object_object_get_ex(o, fields[i].key, &v);
		if (!seen[i])
			continue;
		set_present(out, fields[i].when);
		rc = from_json(&fields[i], v, out, err);
	}
	if (rc != B3IQ_OK)
		return rc;
	out->has_tokens = json_object_object_get_ex(body, "tokens", NULL);
	out->has_logits = json_object_object_get_ex(body, "logits", NULL);
	for (i = 0; i < N_FIELDS; i++) {
		if (seen[i] && !present(out, fields[i].when))
			return bad(err, &fields[i], "must not be there");
		if (!seen[i] && present(out, fields[i].when))
			return bad(err, &fields[i], "is missing");
	}
	return check_kind(out, err);
}

int32_t
receipt_read(const void *body, size_t len, struct receipt *out, struct b3iq_error *err)
{
	struct json_object *json = NULL;
	struct buf canonical;
	int32_t rc;

	buf_init(&canonical, RECEIPT_MAX);
	rc = json_parse(body, len, "receipt", &json, err);
	if (rc == B3IQ_OK)
		rc = receipt_parse(json, out, err);
	if (rc == B3IQ_OK)
		rc = json_canonical(json, &canonical, err);
	if (rc == B3IQ_OK && (canonical.len != len || memcmp(canonical.data, body, len) != 0))
		rc = fail(err, B3IQ_E_INVALID, "receipt: the bytes are not in canonical form");
	if (rc == B3IQ_OK)
		rc = check_all(out, err);
	json_object_put(json);
	buf_free(&canonical);
	return rc;
}

/* ---- the rules ------------------------------------------------------------------------ */

static bool
claims_recomputed(const struct receipt *r)
{
	return r->model_evidence == RECEIPT_RECOMPUTED ||
	       r->output_evidence == RECEIPT_RECOMPUTED ||
	       r->usage_evidence == RECEIPT_RECOMPUTED ||
	       (r->has_tokens && r->tokens_evidence == RECEIPT_RECOMPUTED) ||
	       (r->has_logits && r->logits_evidence == RECEIPT_RECOMPUTED);
}

int32_t
receipt_check_tier(const struct receipt *r, struct b3iq_error *err)
{
	bool exact = strcmp(r->profile, "none") != 0;
	const char *tier = tiers[r->tier & 3];

	if (r->tier > RECEIPT_T3)
		return fail(err, B3IQ_E_INVALID, "receipt: the tier is not set");
	if (r->times_evidence == RECEIPT_RECOMPUTED)
		return fail(err, B3IQ_E_INVALID, "receipt: times cannot be recomputed by anybody");
	if (r->tier == RECEIPT_T0 && (r->has_tokens || r->has_logits || exact))
		return fail(err, B3IQ_E_INVALID,
		            "receipt: tier T0 is a signed claim and has no token chain, logit root or "
		            "numerics profile");
	if (r->tier <= RECEIPT_T1 && claims_recomputed(r))
		return fail(err, B3IQ_E_INVALID,
		            "receipt: tier %s cannot be recomputed, and must not say so", tier);
	if (r->has_quote != (r->tier == RECEIPT_T3))
		return fail(err, B3IQ_E_INVALID, "receipt: a TEE quote belongs to tier T3, and only there");
	if (r->tier >= RECEIPT_T1 && !r->has_root)
		return fail(err, B3IQ_E_INVALID, "receipt: tier %s needs the model root", tier);
	if (r->tier == RECEIPT_T2 && !exact)
		return fail(err, B3IQ_E_INVALID, "receipt: tier T2 needs a numerics profile");
	if (r->tier == RECEIPT_T2 && r->kind != RECEIPT_FAILURE &&
	    !(r->has_tokens && r->has_logits))
		return fail(err, B3IQ_E_INVALID, "receipt: tier T2 needs token chain and logit root");
	if (claims_recomputed(r) && !(r->has_tokens && r->has_logits && exact))
		return fail(err, B3IQ_E_INVALID,
		            "receipt: without token chain, logit root and profile nothing can be "
		            "recomputed");
	return B3IQ_OK;
}

int32_t
receipt_check_counts(const struct receipt *r, struct b3iq_error *err)
{
	if (r->cached_tokens > r->prompt_tokens)
		return fail(err, B3IQ_E_INVALID,
		            "receipt: %" PRIu64 " cached tokens of a prompt of %" PRIu64,
		            r->cached_tokens, r->prompt_tokens);
	if (r->output_tokens > 0 && r->first_ms == 0 && r->kind != RECEIPT_FAILURE)
		return fail(err, B3IQ_E_INVALID, "receipt: output tokens, but no time of the first");
	return B3IQ_OK;
}

int32_t
receipt_check_times(const struct receipt *r, struct b3iq_error *err)
{
	if (r->start_ms == 0 || r->end_ms < r->start_ms)
		return fail(err, B3IQ_E_INVALID, "receipt: it ends before it starts");
	if (r->first_ms != 0 && (r->first_ms < r->start_ms || r->first_ms > r->end_ms))
		return fail(err, B3IQ_E_INVALID, "receipt: the first token is not between start and end");
	if (r->expires_ms < r->end_ms)
		return fail(err, B3IQ_E_INVALID, "receipt: it expires before the work ends");
	return B3IQ_OK;
}

/* ---- small help for those who fill a receipt -------------------------------------------- */

void
receipt_new_id(char out[RECEIPT_ID_SIZE])
{
	random_id(out, RECEIPT_ID_SIZE, "rcpt_", 16);
}

void
receipt_profile(const char *fingerprint, char out[64])
{
	size_t n = strcspn(fingerprint, "/");

	while (n > 0 && fingerprint[n - 1] == ' ')
		n--;
	if (n == 0 || n >= 64 || !printable(fingerprint, n))
		snprintf(out, 64, "none");
	else
		snprintf(out, 64, "%.*s", (int)n, fingerprint);
}

void
receipt_label(struct receipt *r)
{
	bool exact = r->tier >= RECEIPT_T2 && r->has_root && r->has_tokens && r->has_logits &&
	             strcmp(r->profile, "none") != 0;
	enum receipt_evidence label = exact ? RECEIPT_RECOMPUTED : RECEIPT_SIGNED_CLAIM;

	r->model_evidence = r->output_evidence = r->usage_evidence = label;
	r->tokens_evidence = r->logits_evidence = label;
	r->times_evidence = RECEIPT_SIGNED_CLAIM;
}

/* ---- hash, signature, envelope ------------------------------------------------------------ */

int32_t
receipt_hash(const void *body, size_t len, uint8_t out[RECEIPT_HASH_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, domain, sizeof(domain) - 1);
	sha256_add(&s, body, len);
	return sha256_end(&s, out);
}

/* What is signed: the domain again, so that this signature can stand for nothing else. */
static size_t
signed_message(const uint8_t hash[RECEIPT_HASH_SIZE], uint8_t out[64])
{
	size_t n = sizeof(domain) - 1;

	memcpy(out, domain, n);
	memcpy(out + n, hash, RECEIPT_HASH_SIZE);
	return n + RECEIPT_HASH_SIZE;
}

int32_t
receipt_signature_make(const void *body, size_t len, const struct ed25519_key *key,
                       uint8_t hash[RECEIPT_HASH_SIZE], uint8_t sig[ED25519_SIGNATURE],
                       struct b3iq_error *err)
{
	uint8_t msg[64];

	if (receipt_hash(body, len, hash) != B3IQ_OK)
		return fail_memory(err, "hashing a receipt");
	return ed25519_sign(key, msg, signed_message(hash, msg), sig, err);
}

int32_t
receipt_envelope(const void *body, size_t len, const uint8_t sig[ED25519_SIGNATURE],
                 const uint8_t pub[ED25519_PUBLIC], struct buf *out, struct b3iq_error *err)
{
	char key[ED25519_NAME_SIZE], hash_hex[2 * RECEIPT_HASH_SIZE + 1];
	char sig_hex[2 * ED25519_SIGNATURE + 1];
	uint8_t hash[RECEIPT_HASH_SIZE];

	if (receipt_hash(body, len, hash) != B3IQ_OK)
		return fail_memory(err, "hashing a receipt");
	hex_encode(hash, sizeof(hash), hash_hex);
	hex_encode(sig, ED25519_SIGNATURE, sig_hex);
	ed25519_name(pub, key);
	buf_printf(out, "{\"hash\":\"%s\",\"node_key\":\"%s\",\"receipt\":", hash_hex, key);
	buf_append(out, body, len);
	if (buf_printf(out, ",\"signature\":\"%s\"}", sig_hex) == B3IQ_OK)
		return B3IQ_OK;
	if (out->rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "writing a receipt");
	return fail(err, out->rc, "the receipt is larger than the %zu bytes allowed", out->max);
}

int32_t
receipt_sign(const void *body, size_t len, const struct ed25519_key *key, struct buf *envelope,
             struct b3iq_error *err)
{
	uint8_t hash[RECEIPT_HASH_SIZE], sig[ED25519_SIGNATURE];
	int32_t rc = receipt_signature_make(body, len, key, hash, sig, err);

	return rc == B3IQ_OK ? receipt_envelope(body, len, sig, ed25519_public(key), envelope, err)
			     : rc;
}

static int32_t
envelope_string(struct json_object *o, const char *key, const char **out, struct b3iq_error *err)
{
	int32_t rc = json_get_string(o, key, NULL, out, err);

	if (rc == B3IQ_OK && !*out)
		rc = fail(err, B3IQ_E_INVALID, "envelope: %s is missing", key);
	return rc;
}

static int32_t
open_body(struct json_object *envelope, struct receipt_signed *out, struct b3iq_error *err)
{
	struct json_object *body = NULL;
	struct buf canonical;
	int32_t rc;

	json_object_object_get_ex(envelope, "receipt", &body);
	rc = receipt_parse(body, &out->body, err);
	if (rc != B3IQ_OK)
		return rc;
	buf_init(&canonical, RECEIPT_MAX);
	rc = json_canonical(body, &canonical, err);
	if (rc == B3IQ_OK && receipt_hash(canonical.data, canonical.len, out->hash) != B3IQ_OK)
		rc = fail_memory(err, "hashing a receipt");
	buf_free(&canonical);
	return rc;
}

int32_t
receipt_open(struct json_object *envelope, struct receipt_signed *out, struct b3iq_error *err)
{
	const char *hash, *sig, *key;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	if (!json_object_is_type(envelope, json_type_object) ||
	    json_object_object_length(envelope) != 4)
		return fail(err, B3IQ_E_INVALID,
		            "envelope: it must hold receipt, hash, signature and node_key, no more");
	rc = envelope_string(envelope, "hash", &hash, err);
	if (rc == B3IQ_OK)
		rc = envelope_string(envelope, "signature", &sig, err);
	if (rc == B3IQ_OK)
		rc = envelope_string(envelope, "node_key", &key, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!hex_decode(hash, strlen(hash), out->stated_hash, RECEIPT_HASH_SIZE) ||
	    !hex_decode(sig, strlen(sig), out->signature, ED25519_SIGNATURE) ||
	    !ed25519_parse(key, out->node_key))
		return fail(err, B3IQ_E_INVALID, "envelope: hash, signature or node_key is malformed");
	return open_body(envelope, out, err);
}

int32_t
receipt_signature(const struct receipt_signed *r, const uint8_t pub[ED25519_PUBLIC])
{
	uint8_t msg[64];

	return ed25519_verify(pub, msg, signed_message(r->hash, msg), r->signature);
}
