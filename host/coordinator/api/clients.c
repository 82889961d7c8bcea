/* /v1/jobs, for clients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/api/reply.h"
#include "coordinator/api/routes.h"
#include "coordinator/api/view.h"
#include "coordinator/context.h"
#include "coordinator/settle/receipts.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/http/sse.h"
#include "core/http/stream.h"

#define WAIT_MOST_S 60
#define LONG_POLLS  400 /* at once; more are answered without waiting */
#define LIST_MOST   1000
#define PING_MS     15000
#define REASON_MOST 200 /* bytes of a worker's message in an error */

static struct desk_client
client_of(const struct http_request *rq)
{
	const struct principal *p = rq->principal;

	return (struct desk_client){ .key = p->key, .wallet = p->wallet, .admin = p->admin };
}

static void
send_job(struct http_response *rs, int status, const struct job *j)
{
	rs->status = status;
	rs->type = "application/json";
	view_job(&rs->body, j, NULL);
}

void
clients_submit(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	const uint32_t wait = access_rate(c->access, rq->principal);
	struct why why = NO_WHY;
	struct job job;
	bool again;
	int32_t rc;

	if (wait) {
		reply_error(rq, rs, 429, "rate_limit_exceeded", NULL,
		            "this key has submitted as many jobs as it may for now");
		response_set(rs, "Retry-After", "%u", wait);
		return;
	}
	rc = desk_submit(c->desk, &client, rq->body, rq->body_len,
	                 request_header(rq, "Idempotency-Key"), &job, &again, &why);
	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	response_set(rs, "Location", "/v1/jobs/%s", job.id);
	if (again)
		response_set(rs, "Idempotent-Replayed", "true");
	send_job(rs, 201, &job);
}

/* ---- waiting -------------------------------------------------------------------------- */

static bool
has_left(void *ctx)
{
	return request_gone(ctx);
}

/* ?wait=SECONDS: the job once it has ended (or, with ?since=REVISION, changed), or as it is then. */
static int32_t
look(struct http_request *rq, struct job *job, struct why *why)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	int64_t wait = 0, since = -1;
	int32_t rc = request_query_int(rq, "wait", 0, WAIT_MOST_S, 0, &wait, &why->err);

	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "since", 0, INT64_MAX, -1, &since, &why->err);
	if (rc != B3IQ_OK)
		return rc;
	if (!wait)
		return desk_job(c->desk, &client, request_param(rq, "id"), job, why);
	if (atomic_fetch_add(&c->waiting, 1) >= LONG_POLLS)
		wait = 0;
	rc = desk_wait(c->desk, &client, request_param(rq, "id"), since,
	               &(struct desk_patience){ .gone = has_left, .ctx = rq,
	                                        .ms = (uint32_t)wait * 1000 },
	               job, why);
	atomic_fetch_sub(&c->waiting, 1);
	return rc;
}

struct outcome {
	const struct job      *job;
	struct jobbook_secrets hidden;
	struct json_object    *receipt;
};

static int32_t
read_outcome(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct outcome *o = arg;
	int32_t rc = jobbook_get_secrets(tx, o->job->seq, &o->hidden, err);

	if (rc == B3IQ_OK && o->job->receipt[0])
		rc = receipts_view(tx, o->job, &o->receipt, err);
	return rc;
}

/* The seed's `result` is the text itself. */
static void
put_seed_result(struct coordinator *c, struct buf *out, const struct job *job)
{
	struct outcome o = { .job = job };
	struct json_object *doc = NULL, *output = NULL;
	struct buf text;

	jobbook_secrets_init(&o.hidden);
	buf_init(&text, 64u << 20);
	if (store_read(c->store, read_outcome, &o, NULL) == B3IQ_OK && o.hidden.result.len &&
	    json_parse(o.hidden.result.data, o.hidden.result.len, "a result", &doc, NULL) == B3IQ_OK) {
		output = doc;
		if (json_object_is_type(doc, json_type_object))
			json_object_object_get_ex(doc, "output", &output);
		if (output)
			json_write(output, &text);
	}
	view_job(out, job, text.len ? text.data : NULL);
	json_object_put(doc);
	json_object_put(o.receipt);
	buf_wipe(&text);
	jobbook_secrets_wipe(&o.hidden);
}

void
clients_show(struct http_request *rq, struct http_response *rs)
{
	struct why why = NO_WHY;
	const char *accept = request_header(rq, "Accept");
	struct job job;
	int32_t rc;

	if (accept && strstr(accept, "text/event-stream")) {
		clients_stream(rq, rs);
		return;
	}
	rc = look(rq, &job, &why);
	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	rs->type = "application/json";
	if (job.phase == JOB_COMPLETED)
		put_seed_result(rq->context, &rs->body, &job);
	else
		view_job(&rs->body, &job, NULL);
}

/* ---- result and receipt ------------------------------------------------------------------ */

/* What lets the client open and audit the node's receipt: a bundle's openings, with the texts. */
static struct json_object *
openings_of(const struct outcome *o)
{
	struct json_object *doc = NULL, *result = NULL, *output = NULL;

	if (!o->hidden.openings.len ||
	    json_parse(o->hidden.openings.data, o->hidden.openings.len, "openings", &doc, NULL))
		return NULL;
	json_parse(o->hidden.result.data, o->hidden.result.len, "a result", &result, NULL);
	output = result;
	if (json_object_is_type(result, json_type_object))
		json_object_object_get_ex(result, "output", &output);
	json_put(doc, "prompt", json_object_new_string_len(o->hidden.request.data,
	                                                   (int)o->hidden.request.len));
	if (output)
		json_put(doc, "output", json_object_get(output));
	json_object_put(result);
	return doc;
}

static struct json_object *
order_of(const struct outcome *o)
{
	struct json_object *doc = json_object_new_object();
	char hex[65];

	hex_encode(o->hidden.secret, sizeof o->hidden.secret, hex);
	if (doc && json_put_string(doc, "text", o->hidden.order_text.data) == B3IQ_OK &&
	    json_put_string(doc, "secret", hex) == B3IQ_OK)
		return doc;
	json_object_put(doc);
	return NULL;
}

static struct json_object *
result_of(const struct outcome *o)
{
	struct json_object *doc = json_object_new_object(), *result = NULL;

	json_parse(o->hidden.result.data, o->hidden.result.len, "the result", &result, NULL);
	if (json_object_is_type(result, json_type_string)) { /* the seed's */
		struct json_object *output = result;

		result = json_object_new_object();
		json_put(result, "output", output);
	}
	if (doc && json_put(doc, "result", result) == B3IQ_OK &&
	    json_put_string(doc, "job_id", o->job->id) == B3IQ_OK &&
	    json_put_string(doc, "status", job_status(o->job->phase)) == B3IQ_OK &&
	    json_put_string(doc, "state", job_state(o->job->phase)) == B3IQ_OK &&
	    json_put_or_null(doc, "receipt", json_object_get(o->receipt)) == B3IQ_OK &&
	    json_put_or_null(doc, "openings", openings_of(o)) == B3IQ_OK &&
	    json_put_or_null(doc, "order", order_of(o)) == B3IQ_OK)
		return doc;
	json_object_put(doc);
	return NULL;
}

/* The error message of the worker is for this client alone. */
static void
say_failed(const struct http_request *rq, struct http_response *rs, const struct outcome *o)
{
	const struct buf *message = &o->hidden.message;
	size_t len = message->len < REASON_MOST ? message->len : REASON_MOST;
	char text[400];
	bool bad;

	len = len ? utf8_whole(message->data, len, &bad) : 0;
	snprintf(text, sizeof text, "the job is %s: %s%s%.*s", job_status(o->job->phase),
	         o->job->error, len ? ": " : "", (int)len, len ? message->data : "");
	reply_error(rq, rs, 409, "job_failed", NULL, text);
}

void
clients_result(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct why why = NO_WHY;
	struct job job;
	struct outcome o = { .job = &job };
	int32_t rc = look(rq, &job, &why);

	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	if (!job_ended(&job)) {
		reply_error(rq, rs, 425, "not_ready", NULL, "job not ready");
		return;
	}
	jobbook_secrets_init(&o.hidden);
	rc = store_read(c->store, read_outcome, &o, &why.err);
	if (rc == B3IQ_E_NOT_FOUND && job.phase == JOB_COMPLETED) {
		why.code = "content_deleted";
		reply_why(rq, rs, rc, &why);
	} else if (job.phase != JOB_COMPLETED)
		say_failed(rq, rs, &o);
	else if (rc != B3IQ_OK)
		reply_why(rq, rs, rc, &why);
	else
		response_json(rs, 200, result_of(&o));
	json_object_put(o.receipt);
	jobbook_secrets_wipe(&o.hidden);
}

static int32_t
read_receipt(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct outcome *o = arg;

	return receipts_view(tx, o->job, &o->receipt, err);
}

static int32_t
find_receipt(struct http_request *rq, struct job *job, struct json_object **out, struct why *why)
{
	struct coordinator *c = rq->context;
	struct outcome o = { .job = job };
	int32_t rc = look(rq, job, why);

	if (rc == B3IQ_OK)
		rc = store_read(c->store, read_receipt, &o, &why->err);
	if (rc == B3IQ_E_NOT_FOUND && !why->code)
		why->code = "receipt_not_available";
	*out = o.receipt;
	return rc;
}

void
clients_receipt(struct http_request *rq, struct http_response *rs)
{
	struct json_object *receipt = NULL;
	struct why why = NO_WHY;
	struct job job;
	const int32_t rc = find_receipt(rq, &job, &receipt, &why);

	if (rc == B3IQ_OK)
		response_json(rs, 200, receipt);
	else
		reply_why(rq, rs, rc, &why);
}

void
clients_receipts(struct http_request *rq, struct http_response *rs)
{
	struct json_object *receipt = NULL, *doc = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct why why = NO_WHY;
	struct job job;
	const int32_t rc = find_receipt(rq, &job, &receipt, &why);

	if (rc != B3IQ_OK && (!why.code || strcmp(why.code, "receipt_not_available") != 0)) {
		json_object_put(doc);
		json_object_put(list);
		reply_why(rq, rs, rc, &why);
		return;
	}
	if (receipt)
		json_add(list, receipt);
	json_put(doc, "items", list);
	response_json(rs, 200, doc);
}

/* ---- cancel ---------------------------------------------------------------------------------- */

void
clients_cancel(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	struct why why = NO_WHY;
	struct job job;
	const int32_t rc = desk_cancel(c->desk, &client, request_param(rq, "id"), &job, &why);

	if (rc == B3IQ_OK)
		send_job(rs, 200, &job);
	else
		reply_why(rq, rs, rc, &why);
}

/* ---- lists ------------------------------------------------------------------------------------- */

/* "2026-11-21T03:04:05[.678][Z]", or milliseconds. */
static int32_t
read_time(const struct http_request *rq, const char *name, uint64_t *out, struct b3iq_error *err)
{
	const char *text = request_query(rq, name);
	struct tm tm = { 0 };
	const char *end;

	*out = 0;
	if (!text || !text[0])
		return B3IQ_OK;
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) < 16) {
		*out = strtoull(text, NULL, 10);
		return B3IQ_OK;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end || (end[0] && !strchr(".Z+", end[0])))
		return fail(err, B3IQ_E_INVALID, "%s must be a time such as 2026-11-21T03:04:05Z",
		            name);
	*out = (uint64_t)timegm(&tm) * 1000;
	return B3IQ_OK;
}

static int32_t
read_filter(const struct http_request *rq, struct jobbook_filter *f, struct why *why)
{
	const char *status = request_query(rq, "status"), *type = request_query(rq, "job_type");
	enum job_phase phase;
	int32_t rc = request_query_int(rq, "limit", 1, LIST_MOST, 20, &f->limit, &why->err);

	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "offset", 0, INT64_MAX, 0, &f->offset, &why->err);
	if (rc == B3IQ_OK)
		rc = read_time(rq, "from_time", &f->from_ms, &why->err);
	if (rc == B3IQ_OK)
		rc = read_time(rq, "to_time", &f->to_ms, &why->err);
	f->type = type ? type : "";
	f->worker = "";
	f->phase = -1;
	if (rc == B3IQ_OK && status && status[0]) {
		if (!job_phase_read(status, &phase))
			return why_say(why, B3IQ_E_INVALID, "invalid_value",
			               "there is no status \"%.32s\"", status);
		f->phase = (int)phase;
	}
	return rc;
}

/* Of one client, or (admin.c) of all. */
void
clients_list_of(struct http_request *rq, struct http_response *rs, const char *client)
{
	struct coordinator *c = rq->context;
	struct jobbook_filter f = { .client = client };
	struct why why = NO_WHY;
	int64_t total = 0;
	int32_t rc = read_filter(rq, &f, &why);

	rs->type = "application/json";
	buf_puts(&rs->body, "{\"items\":[");
	if (rc == B3IQ_OK)
		rc = view_jobs(&rs->body, c->store, &f, &total, &why.err);
	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	buf_printf(&rs->body, "],\"total\":%lld,\"limit\":%lld,\"offset\":%lld}", (long long)total,
	           (long long)f.limit, (long long)f.offset);
}

void
clients_list(struct http_request *rq, struct http_response *rs)
{
	const struct principal *p = rq->principal;

	clients_list_of(rq, rs, p->key);
}

/* ---- stream -------------------------------------------------------------------------------------- */

static int32_t
send_event(struct http_request *rq, const char *name, const struct buf *data)
{
	struct buf out;
	int32_t rc;

	buf_init(&out, 64u << 20);
	rc = sse_event(&out, name, data->data ? data->data : "", data->len);
	if (rc == B3IQ_OK)
		rc = stream_write(rq, out.data, out.len);
	buf_wipe(&out);
	return rc;
}

static int32_t
send_text(struct http_request *rq, const char *name, const struct buf *text)
{
	struct json_object *o = json_object_new_object();
	struct buf data;
	int32_t rc;

	buf_init(&data, 64u << 20);
	rc = json_put(o, "text", json_object_new_string_len(text->data ? text->data : "",
	                                                    (int)text->len));
	if (rc == B3IQ_OK)
		rc = json_write(o, &data);
	if (rc == B3IQ_OK)
		rc = send_event(rq, name, &data);
	buf_wipe(&data);
	json_object_put(o);
	return rc;
}

static int32_t
send_status(struct http_request *rq, const struct job *job)
{
	struct buf data;
	int32_t rc;

	buf_init(&data, 64u << 20);
	if (job->phase == JOB_COMPLETED)
		put_seed_result(rq->context, &data, job);
	else
		view_job(&data, job, NULL);
	rc = send_event(rq, job_ended(job) ? "done" : "status", &data);
	buf_wipe(&data);
	return rc;
}

/* One round: what is new of text and job.  B3IQ_E_CANCELLED ends it. */
static int32_t
stream_round(struct http_request *rq, struct desk_follow *f, struct job *job, struct buf *text,
             struct why *why)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	const int64_t before = f->rev;
	int32_t rc;

	buf_clear(text);
	rc = desk_follow(c->desk, &client, request_param(rq, "id"), f,
	                 &(struct desk_patience){ .gone = has_left, .ctx = rq, .ms = PING_MS }, job,
	                 text, why);
	if (rc == B3IQ_OK && f->restarted)
		rc = send_event(rq, "restart", &(struct buf){ .data = (char[]){ "{}" }, .len = 2 });
	if (rc == B3IQ_OK && text->len)
		rc = send_text(rq, "delta", text);
	if (rc == B3IQ_OK && job->rev != before)
		rc = send_status(rq, job);
	else if (rc == B3IQ_OK && !text->len)
		rc = stream_write(rq, ": ping\n\n", 8);
	return rc == B3IQ_OK && request_gone(rq) ? B3IQ_E_CANCELLED : rc;
}

void
clients_stream(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	struct desk_follow follow = { .rev = 0 };
	struct why why = NO_WHY;
	struct buf text;
	struct job job;
	int32_t rc = desk_job(c->desk, &client, request_param(rq, "id"), &job, &why);

	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	if (atomic_fetch_add(&c->waiting, 1) >= LONG_POLLS) {
		atomic_fetch_sub(&c->waiting, 1);
		reply_error(rq, rs, 503, "overloaded", NULL, "too many streams are open");
		return;
	}
	rs->type = SSE_TYPE;
	buf_init(&text, 64u << 20);
	rc = stream_begin(rq, rs);
	while (rc == B3IQ_OK) {
		rc = stream_round(rq, &follow, &job, &text, &why);
		if (rc == B3IQ_OK && job_ended(&job))
			break;
	}
	stream_end(rq, rc == B3IQ_OK);
	buf_wipe(&text);
	atomic_fetch_sub(&c->waiting, 1);
}
