#include "core/receipt/params.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/sha256.h"

#define MILLION 1e6
#define LIMIT   1000.0 /* no parameter has a meaning beyond it */

static const char domain[] = "b3iq.params/1\n";

/* Every parameter with its place in the request. */
static const struct {
	const char *key;
	size_t      at;
	bool        millionths; /* a float; else uint32_t */
} fields[] = {
#define INTEGER(name) { #name, offsetof(struct b3iq_gen_request, name), false }
#define FLOAT(name)   { #name "_e6", offsetof(struct b3iq_gen_request, name), true }
	INTEGER(flags),
	FLOAT(frequency_penalty),
	INTEGER(max_tokens),
	FLOAT(min_p),
	FLOAT(presence_penalty),
	FLOAT(repetition_penalty),
	FLOAT(temperature),
	INTEGER(top_k),
	INTEGER(top_logprobs),
	FLOAT(top_p),
#undef INTEGER
#undef FLOAT
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static float *
float_at(struct b3iq_gen_request *req, size_t at)
{
	return (float *)(void *)((char *)req + at);
}

static int64_t
to_millionths(float f)
{
	return llround((double)f * MILLION);
}

static float
from_millionths(int64_t e6)
{
	return (float)((double)e6 / MILLION);
}

int32_t
params_settle(struct b3iq_gen_request *req, struct b3iq_error *err)
{
	size_t i;
	float *f;

	for (i = 0; i < N_FIELDS; i++) {
		if (!fields[i].millionths)
			continue;
		f = float_at(req, fields[i].at);
		if (!(fabs((double)*f) <= LIMIT))
			return fail(err, B3IQ_E_INVALID, "%.*s must be a number between -1000 and 1000",
			            (int)strlen(fields[i].key) - 3, fields[i].key);
		*f = from_millionths(to_millionths(*f));
	}
	return B3IQ_OK;
}

int32_t
params_write(const struct b3iq_gen_request *req, struct buf *out, struct b3iq_error *err)
{
	struct b3iq_gen_request settled = *req;
	size_t i;
	int32_t rc;

	rc = params_settle(&settled, err);
	if (rc != B3IQ_OK)
		return rc;
	for (i = 0; i < N_FIELDS; i++) {
		const char *at = (const char *)&settled + fields[i].at;
		long long v = fields[i].millionths
				  ? (long long)to_millionths(*(const float *)(const void *)at)
				  : (long long)*(const uint32_t *)(const void *)at;

		/* The table is sorted: what comes out is canonical. */
		buf_printf(out, "%c\"%s\":%lld", i ? ',' : '{', fields[i].key, v);
	}
	return buf_puts(out, "}") == B3IQ_OK ? B3IQ_OK : fail(err, out->rc, "no room for the parameters");
}

int32_t
params_digest(const void *json, size_t len, uint8_t out[32])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, domain, sizeof(domain) - 1);
	sha256_add(&s, json, len);
	return sha256_end(&s, out);
}

int32_t
params_read(struct json_object *json, struct b3iq_gen_request *req, struct b3iq_error *err)
{
	const int64_t most = (int64_t)(LIMIT * MILLION);
	struct json_object *v;
	size_t i;
	int64_t n;
	int32_t rc;

	if (!json_object_is_type(json, json_type_object) ||
	    json_object_object_length(json) != (int)N_FIELDS)
		return fail(err, B3IQ_E_INVALID, "params must be an object of exactly %zu keys", N_FIELDS);
	for (i = 0; i < N_FIELDS; i++) {
		if (!json_object_object_get_ex(json, fields[i].key, &v) || !v)
			return fail(err, B3IQ_E_INVALID, "params lacks %s", fields[i].key);
		rc = json_get_int(json, fields[i].key, fields[i].millionths ? -most : 0,
		                  fields[i].millionths ? most : UINT32_MAX, 0, &n, err);
		if (rc != B3IQ_OK)
			return rc;
		if (fields[i].millionths)
			*float_at(req, fields[i].at) = from_millionths(n);
		else
			*(uint32_t *)(void *)((char *)req + fields[i].at) = (uint32_t)n;
	}
	return B3IQ_OK;
}
