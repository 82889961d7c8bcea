#include "node/worker/lease.h"

#include <stdio.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/sha256.h"
#include "core/receipt/params.h"

#define PARAMS_MAX 4096

static const char domain[] = "b3iq.order/1\n";

static int32_t
read_id(struct json_object *from, const char *key, char out[SPOOL_ID_SIZE], struct b3iq_error *err)
{
	const char *text = NULL;
	const int32_t rc = json_get_string(from, key, NULL, &text, err);

	if (rc != B3IQ_OK)
		return rc;
	if (!text || !spool_id_valid(text))
		return fail(err, B3IQ_E_INVALID, "the job's %s is missing or odd", key);
	memcpy(out, text, strlen(text) + 1);
	return B3IQ_OK;
}

static int32_t
read_seed(struct lease *l, struct b3iq_error *err)
{
	const char *text = NULL;
	const int32_t rc = json_get_string(l->doc, "seed", NULL, &text, err);

	if (rc != B3IQ_OK || !text)
		return rc;
	l->has_seed = true;
	for (const char *c = text; *c || c == text; c++) {
		if (*c < '0' || *c > '9' || l->seed > (UINT64_MAX - (uint64_t)(*c - '0')) / 10)
			return fail(err, B3IQ_E_INVALID, "the job's seed is no number below 2^64");
		l->seed = l->seed * 10 + (uint64_t)(*c - '0');
	}
	return B3IQ_OK;
}

static int32_t
read_work(struct lease *l, struct b3iq_error *err)
{
	struct json_object *request = NULL;
	int32_t rc = json_get_string(l->doc, "model", NULL, &l->model, err);

	if (rc == B3IQ_OK)
		rc = json_get(l->doc, "request", json_type_string, &request, err);
	if (rc == B3IQ_OK)
		rc = json_get(l->doc, "params", json_type_object, &l->params, err);
	if (rc == B3IQ_OK)
		rc = json_get_bool(l->doc, "stream", false, &l->stream, err);
	if (rc == B3IQ_OK)
		rc = read_seed(l, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!l->model || !*l->model || !request || !l->params)
		return fail(err, B3IQ_E_INVALID, "the job lacks its model, request or params");
	l->request = json_object_get_string(request);
	l->request_len = (size_t)json_object_get_string_len(request);
	return B3IQ_OK;
}

/* ---- the order ----------------------------------------------------------- */

static bool
says(struct json_object *order, const char *key, const char *wanted)
{
	const char *text = NULL;

	return json_get_string(order, key, NULL, &text, NULL) == B3IQ_OK && text &&
	       strcmp(text, wanted) == 0;
}

static int32_t
digest_of(struct json_object *params, char hex[65], struct b3iq_error *err)
{
	uint8_t digest[32];
	struct buf text;
	int32_t rc;

	buf_init(&text, PARAMS_MAX);
	rc = json_canonical(params, &text, err);
	if (rc == B3IQ_OK)
		rc = params_digest(text.data, text.len, digest);
	if (rc == B3IQ_OK)
		hex_encode(digest, sizeof digest, hex);
	buf_free(&text);
	return rc;
}

/* Is the hash that of the order's text, and is the order about this job, model and parameters?  The
 * prompt's commitment opens for the client alone. */
static int32_t
check_order(struct lease *l, const char *text, size_t len, struct b3iq_error *err)
{
	struct json_object *order = NULL;
	char params[65];
	uint8_t hash[32];
	struct sha256 s;
	int32_t rc;

	sha256_begin(&s);
	sha256_add(&s, domain, sizeof domain - 1);
	sha256_add(&s, text, len);
	rc = sha256_end(&s, hash);
	if (rc == B3IQ_OK && memcmp(hash, l->order, sizeof hash) != 0)
		rc = fail(err, B3IQ_E_INVALID, "the order's hash is not that of its text");
	if (rc == B3IQ_OK)
		rc = json_parse(text, len, "the order", &order, err);
	if (rc == B3IQ_OK)
		rc = digest_of(l->params, params, err);
	if (rc == B3IQ_OK && !(says(order, "version", "b3iq.order/1") && says(order, "job", l->job) &&
	                       says(order, "model", l->model) && says(order, "params", params)))
		rc = fail(err, B3IQ_E_INVALID, "the order is about something else than the job");
	json_object_put(order);
	return rc;
}

static int32_t
read_order(struct lease *l, struct b3iq_error *err)
{
	struct json_object *text = NULL;
	const char *hex = NULL;
	int32_t rc = json_get_string(l->doc, "order", NULL, &hex, err);

	if (rc == B3IQ_OK)
		rc = json_get(l->doc, "order_text", json_type_string, &text, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!hex || !text || !hex_decode(hex, strlen(hex), l->order, sizeof l->order))
		return fail(err, B3IQ_E_INVALID, "the job lacks its order");
	return check_order(l, json_object_get_string(text),
	                   (size_t)json_object_get_string_len(text), err);
}

int32_t
lease_read(struct json_object *doc, struct lease *l, struct b3iq_error *err)
{
	struct json_object *lease = NULL;
	int32_t rc;

	*l = (struct lease){ .doc = doc };
	if (!json_object_is_type(doc, json_type_object))
		return fail(err, B3IQ_E_INVALID, "a job must be a JSON object");
	rc = read_id(doc, "job_id", l->job, err);
	if (rc == B3IQ_OK)
		rc = json_get(doc, "lease", json_type_object, &lease, err);
	if (rc == B3IQ_OK && !lease)
		rc = fail(err, B3IQ_E_INVALID, "the job comes without a lease");
	if (rc == B3IQ_OK)
		rc = read_id(lease, "id", l->id, err);
	if (rc == B3IQ_OK)
		rc = read_work(l, err);
	return rc == B3IQ_OK ? read_order(l, err) : rc;
}

void
lease_free(struct lease *l)
{
	json_object_put(l->doc);
	*l = (struct lease){ .doc = NULL };
}
