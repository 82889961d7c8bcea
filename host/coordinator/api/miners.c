/* /v1/miners and the seed's /v1/jobs/{id}/status and /complete, for workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/api/reply.h"
#include "coordinator/api/routes.h"
#include "coordinator/api/view.h"
#include "coordinator/context.h"
#include "coordinator/desk/assignment.h"
#include "coordinator/settle/receipts.h"
#include "core/base/json.h"
#include "core/tx/amount.h"

#define POLL_MOST_S 60
#define POLL_S      15
#define LEASES_MOST 1024
#define POLLS       512 /* that wait at once; more are told to come again */

static const char *
key_of(const struct http_request *rq)
{
	return ((const struct principal *)rq->principal)->key;
}

/* The id that a request names: header, query, body. */
static const char *
named_id(const struct http_request *rq, struct json_object *doc)
{
	const char *id = request_header(rq, "X-Miner-ID");
	struct json_object *v = NULL;

	if (!id)
		id = request_query(rq, "miner_id");
	if (!id && doc && json_object_object_get_ex(doc, "miner_id", &v) &&
	    json_object_is_type(v, json_type_string))
		id = json_object_get_string(v);
	return id && id[0] ? id : NULL;
}

/* Who asks, and his body.  NULL: the answer is set. */
static struct json_object *
enter(struct http_request *rq, struct http_response *rs, char worker[JOB_OWNER_SIZE])
{
	struct coordinator *c = rq->context;
	struct json_object *doc = reply_body(rq, rs);
	struct why why = NO_WHY;
	int32_t rc;

	if (!doc)
		return NULL;
	rc = desk_worker(c->desk, key_of(rq), named_id(rq, doc), worker, &why);
	if (rc == B3IQ_OK)
		return doc;
	reply_why(rq, rs, rc, &why);
	json_object_put(doc);
	return NULL;
}

static void
say_ok(struct http_response *rs)
{
	rs->type = "application/json";
	buf_puts(&rs->body, "{\"status\":\"ok\"}");
}

static struct json_object *
member(struct json_object *of, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(of, key, &v);
	return v;
}

/* ---- register ------------------------------------------------------------------------ */

void
miners_challenge(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char nonce[FLEET_NONCE];
	uint64_t expires_ms;

	desk_challenge(c->desk, key_of(rq), nonce, &expires_ms);
	rs->type = "application/json";
	buf_printf(&rs->body, "{\"nonce\":\"%s\",\"key\":\"%s\",\"expires_ms\":%llu}", nonce,
	           key_of(rq), (unsigned long long)expires_ms);
}

static int32_t
read_registration(struct json_object *doc, struct desk_registration *r, struct why *why)
{
	const struct {
		const char  *key;
		const char **at;
	} texts[] = { { "region", &r->region },   { "node", &r->node },
		      { "nonce", &r->nonce },     { "proof", &r->proof },
		      { "address", &r->address }, { "push_url", &r->push_url },
		      { "push_key", &r->push_key } };
	int64_t concurrency;
	int32_t rc = json_get_int(doc, "concurrency", 1, 1024, 1, &concurrency, &why->err);

	for (size_t i = 0; rc == B3IQ_OK && i < sizeof texts / sizeof *texts; i++)
		rc = json_get_string(doc, texts[i].key, "", texts[i].at, &why->err);
	r->concurrency = (uint32_t)concurrency;
	r->capabilities = member(doc, "capabilities");
	r->models = member(doc, "models");
	return rc;
}

static void
say_registered(struct coordinator *c, struct http_response *rs, const char *id, const char *session,
               bool verified)
{
	char name[ED25519_NAME_SIZE];

	ed25519_name(ed25519_public(c->key), name);
	rs->type = "application/json";
	buf_puts(&rs->body, "{\"status\":\"ok\",\"miner_id\":");
	reply_text(&rs->body, id);
	buf_printf(&rs->body,
	           ",\"session_token\":\"%s\",\"verified\":%s,\"coordinator\":\"%s\","
	           "\"heartbeat_seconds\":%u,\"lease_seconds\":%u,\"poll_seconds\":%u}",
	           session, verified ? "true" : "false", name, c->settings->heartbeat_s,
	           c->settings->lease_s, POLL_S);
}

void
miners_register(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct json_object *doc = reply_body(rq, rs);
	struct desk_registration r = { .id = NULL };
	struct why why = NO_WHY;
	bool verified = false;
	int32_t rc;

	if (!doc)
		return;
	r.id = named_id(rq, doc) ? named_id(rq, doc) : key_of(rq);
	rc = read_registration(doc, &r, &why);
	if (rc == B3IQ_OK)
		rc = desk_register(c->desk, key_of(rq), &r, &verified, &why);
	if (rc == B3IQ_OK)
		say_registered(c, rs, r.id, key_of(rq), verified);
	else
		reply_why(rq, rs, rc, &why);
	json_object_put(doc);
}

void
miners_leave(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct why why = NO_WHY;
	const int32_t rc = desk_deregister(c->desk, key_of(rq), request_param(rq, "id"), &why);

	if (rc == B3IQ_OK)
		say_ok(rs);
	else
		reply_why(rq, rs, rc, &why);
}

/* New capabilities are a registration with what is known of the rest. */
void
miners_capabilities(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct json_object *doc = reply_body(rq, rs);
	struct why why = NO_WHY;
	struct worker known;
	bool verified;
	int32_t rc;

	if (!doc)
		return;
	rc = desk_worker(c->desk, key_of(rq), request_param(rq, "id"), known.id, &why);
	if (rc == B3IQ_OK && desk_worker_view(c->desk, request_param(rq, "id"), &known)) {
		struct json_object *inner = member(doc, "capabilities");
		const struct desk_registration r = {
			.id = known.id, .region = known.region, .node = "", .nonce = "",
			.proof = "", .address = known.address, .push_url = known.push_url,
			.push_key = known.push_key, .capabilities = inner ? inner : doc,
			.models = member(doc, "models"), .concurrency = known.concurrency,
		};

		rc = desk_register(c->desk, key_of(rq), &r, &verified, &why);
	}
	if (rc == B3IQ_OK)
		say_ok(rs);
	else
		reply_why(rq, rs, rc, &why);
	json_object_put(doc);
}

/* ---- heartbeat ---------------------------------------------------------------------------- */

struct beat {
	const char      *named[LEASES_MOST];
	bool             lost[LEASES_MOST];
	size_t           n, n_held;
	struct desk_beat held[DESK_BEATS];
};

static void
say_beat(struct http_response *rs, const struct beat *b, bool names)
{
	bool first = true;

	rs->type = "application/json";
	buf_puts(&rs->body, "{\"status\":\"ok\",\"leases\":[");
	for (size_t i = 0; i < b->n_held; i++)
		buf_printf(&rs->body, "%s{\"id\":\"%s\",\"job_id\":\"%s\",\"deadline_ms\":%llu}",
		           i ? "," : "", b->held[i].lease, b->held[i].job,
		           (unsigned long long)b->held[i].deadline_ms);
	buf_puts(&rs->body, "],\"lost\":[");
	for (size_t i = 0; names && i < b->n; i++)
		if (b->lost[i]) {
			if (!first)
				buf_puts(&rs->body, ",");
			first = false;
			reply_text(&rs->body, b->named[i]);
		}
	buf_puts(&rs->body, "]}");
}

static int32_t
read_leases(struct json_object *doc, struct beat *b, bool *names, struct why *why)
{
	struct json_object *list;
	const int32_t rc = json_get(doc, "leases", json_type_array, &list, &why->err);

	*names = rc == B3IQ_OK && list;
	if (!*names)
		return rc;
	if (json_object_array_length(list) > LEASES_MOST)
		return fail(&why->err, B3IQ_E_INVALID, "more than %d leases", LEASES_MOST);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_string))
			return fail(&why->err, B3IQ_E_INVALID, "leases must be texts");
		b->named[b->n++] = json_object_get_string(v);
	}
	return B3IQ_OK;
}

void
miners_heartbeat(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker);
	struct beat *b = doc ? calloc(1, sizeof *b) : NULL;
	struct why why = NO_WHY;
	const char *status = "";
	bool names = false;
	int32_t rc;

	if (!doc)
		return;
	rc = b ? read_leases(doc, b, &names, &why) : fail_memory(&why.err, "a heartbeat");
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "status", "ONLINE", &status, &why.err);
	if (rc == B3IQ_OK)
		rc = desk_heartbeat(c->desk, worker, names ? b->named : NULL, b->n,
		                    strcmp(status, "DRAINING") == 0, b->held, &b->n_held, b->lost,
		                    &why);
	if (rc == B3IQ_OK)
		say_beat(rs, b, names);
	else
		reply_why(rq, rs, rc, &why);
	free(b);
	json_object_put(doc);
}

/* ---- poll -------------------------------------------------------------------------------------- */

static bool
has_left(void *ctx)
{
	return request_gone(ctx);
}

void
miners_poll(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker);
	struct desk_patience patience = { .gone = has_left, .ctx = rq };
	struct desk_work work;
	struct why why = NO_WHY;
	double wait = POLL_S;
	bool got = false, full = false;
	int32_t rc;

	if (!doc)
		return;
	rc = json_get_number(doc, "max_wait_seconds", 0, 1e9, POLL_S, &wait, &why.err);
	json_object_put(doc);
	if (rc == B3IQ_OK) {
		full = atomic_fetch_add(&c->polling, 1) >= POLLS;
		patience.ms = (uint32_t)((wait < POLL_MOST_S ? wait : POLL_MOST_S) * !full * 1000);
		rc = desk_poll(c->desk, worker, &patience, &work, &got, &why);
		atomic_fetch_sub(&c->polling, 1);
	}
	if (rc == B3IQ_OK && got) {
		rs->type = "application/json";
		rc = assignment_write(&work, false, &rs->body, &why.err);
		desk_work_free(&work);
	} else if (rc == B3IQ_OK && full && wait > 0) {
		reply_error(rq, rs, 503, "overloaded", NULL, "too many workers wait for a job");
	} else if (rc == B3IQ_OK) {
		rs->status = 204;
	}
	if (rc != B3IQ_OK)
		reply_why(rq, rs, rc, &why);
}

/* ---- what becomes of a job ------------------------------------------------------------------------ */

/* "lease": an id, or the object that a poll gave; NULL: none is named. */
static int32_t
lease_of(struct json_object *doc, const char **out, struct why *why)
{
	struct json_object *v = member(doc, "lease");

	*out = NULL;
	if (json_object_is_type(v, json_type_object))
		v = member(v, "id");
	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_string))
		return fail(&why->err, B3IQ_E_INVALID, "lease must be the id of a lease");
	*out = json_object_get_string(v);
	return B3IQ_OK;
}

void
miners_status(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker);
	struct why why = NO_WHY;
	const char *lease, *status = "";
	int32_t rc;

	if (!doc)
		return;
	rc = lease_of(doc, &lease, &why);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "status", "running", &status, &why.err);
	if (rc == B3IQ_OK && strcmp(status, "running") != 0)
		rc = fail(&why.err, B3IQ_E_INVALID,
		          "status can only be \"running\" here; send a result or a failure");
	if (rc == B3IQ_OK)
		rc = desk_running(c->desk, worker, request_param(rq, "id"), lease, &why);
	if (rc == B3IQ_OK)
		say_ok(rs);
	else
		reply_why(rq, rs, rc, &why);
	json_object_put(doc);
}

void
miners_delta(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker), *text;
	struct why why = NO_WHY;
	const char *lease;
	int64_t seq = 0;
	uint64_t next = 0;
	uint32_t listeners = 0;
	int32_t rc;

	if (!doc)
		return;
	rc = lease_of(doc, &lease, &why);
	if (rc == B3IQ_OK)
		rc = json_get_int(doc, "seq", 0, INT64_MAX, 0, &seq, &why.err);
	if (rc == B3IQ_OK)
		rc = json_get(doc, "text", json_type_string, &text, &why.err);
	if (rc == B3IQ_OK && !text)
		rc = fail(&why.err, B3IQ_E_INVALID, "text is missing");
	if (rc == B3IQ_OK)
		rc = desk_delta(c->desk, worker, request_param(rq, "id"), lease, (uint64_t)seq,
		                json_object_get_string(text),
		                (size_t)json_object_get_string_len(text), &next, &listeners, &why);
	if (rc == B3IQ_OK) {
		rs->type = "application/json";
		buf_printf(&rs->body, "{\"status\":\"ok\",\"next\":%llu,\"listeners\":%u}",
		           (unsigned long long)next, listeners);
	} else {
		reply_why(rq, rs, rc, &why);
	}
	json_object_put(doc);
}

struct view {
	const struct job   *job;
	struct json_object *receipt;
};

static int32_t
read_view(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct view *v = arg;

	return receipts_view(tx, v->job, &v->receipt, err);
}

static void
say_done(struct coordinator *c, struct http_response *rs, const struct job *j)
{
	struct json_object *o = json_object_new_object();
	struct view v = { .job = j };
	char units[AMOUNT_SIZE];

	store_read(c->store, read_view, &v, NULL);
	amount_write(j->amount, units);
	if (!o || json_put_string(o, "status", "ok") ||
	    json_put_string(o, "job_id", j->id) || json_put_string(o, "amount_units", units) ||
	    json_put_string(o, "payment_status", job_pay_name(j->pay)) ||
	    json_put_or_null(o, "receipt", v.receipt)) {
		json_object_put(o);
		o = NULL;
	}
	response_json(rs, 200, o);
}

/* "result": the text itself (the seed), or an object with "output". */
static int32_t
read_result(struct json_object *doc, struct desk_result *r, struct buf *document, struct why *why)
{
	struct json_object *result = member(doc, "result"), *output = result;

	if (json_object_is_type(result, json_type_object))
		output = member(result, "output");
	if (!json_object_is_type(output, json_type_string))
		return fail(&why->err, B3IQ_E_INVALID,
		            "result must be a text, or an object with the text \"output\"");
	r->output = json_object_get_string(output);
	r->output_len = (size_t)json_object_get_string_len(output);
	r->receipt = member(doc, "receipt");
	r->openings = member(doc, "openings");
	if (json_write(result, document) != B3IQ_OK)
		return fail_memory(&why->err, "reading a result");
	r->document = document->data;
	r->document_len = document->len;
	return lease_of(doc, &r->lease, why);
}

void
miners_result(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker);
	struct desk_result result = { .lease = NULL };
	struct why why = NO_WHY;
	struct buf document;
	struct job job;
	int32_t rc;

	if (!doc)
		return;
	buf_init(&document, 64u << 20);
	rc = read_result(doc, &result, &document, &why);
	if (rc == B3IQ_OK)
		rc = desk_result(c->desk, worker, request_param(rq, "id"), &result, &job, &why);
	if (rc == B3IQ_OK)
		say_done(c, rs, &job);
	else
		reply_why(rq, rs, rc, &why);
	buf_wipe(&document);
	json_object_put(doc);
}

void
miners_fail(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct json_object *doc = enter(rq, rs, worker);
	struct why why = NO_WHY;
	const char *lease, *code = "", *message = "";
	bool requeued = false;
	int32_t rc;

	if (!doc)
		return;
	rc = lease_of(doc, &lease, &why);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "error_code", "internal", &code, &why.err);
	if (rc == B3IQ_OK)
		rc = json_get_string(doc, "error_message", "", &message, &why.err);
	if (rc == B3IQ_OK)
		rc = desk_fail(c->desk, worker, request_param(rq, "id"), lease, code, message,
		               &requeued, &why);
	if (rc == B3IQ_OK) {
		rs->type = "application/json";
		buf_printf(&rs->body, "{\"status\":\"ok\",\"requeued\":%s}",
		           requeued ? "true" : "false");
	} else {
		reply_why(rq, rs, rc, &why);
	}
	json_object_put(doc);
}

/* ---- a worker's own accounts ---------------------------------------------------------------------------- */

void
miners_jobs(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct why why = NO_WHY;
	struct jobbook_filter f = { .client = "", .type = "", .phase = -1 };
	int64_t total = 0;
	int32_t rc = desk_worker(c->desk, key_of(rq), request_param(rq, "id"), worker, &why);

	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "limit", 1, 1000, 20, &f.limit, &why.err);
	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "offset", 0, INT64_MAX, 0, &f.offset, &why.err);
	f.worker = worker;
	rs->type = "application/json";
	buf_puts(&rs->body, "{\"items\":[");
	if (rc == B3IQ_OK)
		rc = view_jobs(&rs->body, c->store, &f, &total, &why.err);
	if (rc == B3IQ_OK)
		buf_printf(&rs->body, "],\"total\":%lld}", (long long)total);
	else
		reply_why(rq, rs, rc, &why);
}

void
miners_earnings(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	char worker[JOB_OWNER_SIZE];
	struct why why = NO_WHY;
	struct worker w;
	const int32_t rc = desk_worker(c->desk, key_of(rq), request_param(rq, "id"), worker, &why);

	if (rc != B3IQ_OK || !desk_worker_view(c->desk, worker, &w)) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	rs->type = "application/json";
	buf_puts(&rs->body, "{\"miner_id\":");
	reply_text(&rs->body, worker);
	buf_printf(&rs->body,
	           ",\"total_earnings\":%llu.%06llu,\"total_earnings_units\":\"%llu\","
	           "\"completed_jobs\":%llu,\"currency\":\"AITBC\"}",
	           (unsigned long long)(w.earned / AMOUNT_COIN),
	           (unsigned long long)(w.earned % AMOUNT_COIN), (unsigned long long)w.earned,
	           (unsigned long long)w.completed);
}
