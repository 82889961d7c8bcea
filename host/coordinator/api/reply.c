#include "coordinator/api/reply.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"

static const struct {
	const char *code;
	int         status;
} statuses[] = {
	{ "job_not_found", 404 },       { "miner_not_registered", 404 },
	{ "receipt_not_available", 404 }, { "payment_not_found", 404 },
	{ "content_deleted", 410 },
	{ "miner_id_taken", 403 },      { "node_pinned", 403 },
	{ "proof_invalid", 403 },       { "receipt_signature", 403 },
	{ "lease_lost", 409 },          { "job_finished", 409 },
	{ "not_cancelable", 409 },      { "gap", 409 },
	{ "receipt_replayed", 409 },    { "idempotency_mismatch", 409 },
	{ "job_failed", 409 },          { "not_payable", 409 },
	{ "receipt_malformed", 422 },   { "receipt_order", 422 },
	{ "receipt_prompt", 422 },      { "receipt_output", 422 },
	{ "receipt_params", 422 },      { "receipt_model", 422 },
	{ "receipt_units", 422 },       { "receipt_tokens", 422 },
	{ "insufficient_funds", 402 },  { "payment_refused", 402 },
	{ "ledger_unavailable", 503 },  { "queue_full", 503 },
	{ "too_many_miners", 503 },     { "not_ready", 425 },
};

int
reply_status(int32_t rc, const char *code)
{
	for (size_t i = 0; code && i < sizeof statuses / sizeof *statuses; i++)
		if (strcmp(statuses[i].code, code) == 0)
			return statuses[i].status;
	switch (rc) {
	case B3IQ_E_INVALID:
		return 400;
	case B3IQ_E_DENIED:
		return 403;
	case B3IQ_E_NOT_FOUND:
		return 404;
	case B3IQ_E_BUSY:
	case B3IQ_E_NO_MEMORY:
	case B3IQ_E_UNAVAILABLE:
	case B3IQ_E_UNSUPPORTED:
		return 503;
	case B3IQ_E_TIMEOUT:
		return 504;
	default:
		return 500;
	}
}

void
reply_text(struct buf *out, const char *s)
{
	buf_append(out, "\"", 1);
	for (const char *c = s; *c; c++)
		if (*c == '"' || *c == '\\')
			buf_printf(out, "\\%c", *c);
		else if ((unsigned char)*c < 0x20)
			buf_printf(out, "\\u%04x", *c);
		else
			buf_append(out, c, 1);
	buf_append(out, "\"", 1);
}

static const char *
type_of(int status)
{
	return status == 401   ? "authentication_error"
	       : status == 403 ? "permission_error"
	       : status == 402 ? "payment_error"
	       : status == 404 ? "not_found_error"
	       : status == 429 ? "rate_limit_error"
	       : status < 500  ? "invalid_request_error"
	                       : "server_error";
}

void
reply_error(const struct http_request *rq, struct http_response *rs, int status, const char *code,
            const char *field, const char *text)
{
	char when[25];

	response_clear(rs);
	clock_iso(clock_wall_ms(), when);
	rs->status = status;
	rs->type = "application/json";
	buf_puts(&rs->body, "{\"detail\":");
	reply_text(&rs->body, text);
	buf_puts(&rs->body, ",\"error\":{\"code\":");
	reply_text(&rs->body, code);
	buf_puts(&rs->body, ",\"message\":");
	reply_text(&rs->body, text);
	buf_printf(&rs->body, ",\"type\":\"%s\",\"param\":", type_of(status));
	if (field && field[0])
		reply_text(&rs->body, field);
	else
		buf_puts(&rs->body, "null");
	buf_printf(&rs->body, ",\"status\":%d},\"timestamp\":\"%s\",\"request_id\":", status, when);
	reply_text(&rs->body, rq->id);
	buf_puts(&rs->body, "}");
	if (status == 503 || status == 425)
		response_set(rs, "Retry-After", "1");
}

void
reply_why(const struct http_request *rq, struct http_response *rs, int32_t rc, const struct why *why)
{
	const int status = reply_status(rc, why->code);

	reply_error(rq, rs, status,
	            why->code ? why->code : status == 400 ? "invalid_value"
	                        : status == 503 ? "unavailable" : "internal",
	            why->field, why->err.text[0] ? why->err.text : result_text(rc));
}

struct json_object *
reply_body(const struct http_request *rq, struct http_response *rs)
{
	struct json_object *doc = NULL;
	struct b3iq_error err = NO_ERROR;

	if (!rq->body_len)
		return json_object_new_object();
	if (json_parse(rq->body, rq->body_len, "the body", &doc, &err) != B3IQ_OK) {
		reply_error(rq, rs, 400, "invalid_json", NULL, err.text);
		return NULL;
	}
	if (json_object_is_type(doc, json_type_object))
		return doc;
	json_object_put(doc);
	reply_error(rq, rs, 400, "invalid_type", NULL, "the body must be a JSON object");
	return NULL;
}
