/* /v1/payments: the escrow of a job, as AITBC's clients look at it.  It is opened with the job and moves
 * by what happens to the job, never by a request: who could release his own payment could steal it. */
#include <string.h>

#include "coordinator/api/reply.h"
#include "coordinator/api/routes.h"
#include "coordinator/api/view.h"
#include "coordinator/context.h"
#include "coordinator/jobs/price.h"
#include "core/base/clock.h"
#include "core/base/json.h"

static struct desk_client
client_of(const struct http_request *rq)
{
	const struct principal *p = rq->principal;

	return (struct desk_client){ .key = p->key, .wallet = p->wallet, .admin = p->admin };
}

struct refs {
	const struct job *job;
	struct step       open, close;
};

static int32_t
read_refs(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct refs *r = arg;
	const bool refund = r->job->pay == JOB_PAY_REFUNDED || r->job->pay == JOB_PAY_REFUNDING;

	steps_find(tx, r->job->seq, STEP_OPEN, &r->open, err);
	steps_find(tx, r->job->seq, refund ? STEP_REFUND : STEP_RELEASE, &r->close, err);
	return B3IQ_OK;
}

static void
send_payment(struct coordinator *c, struct http_response *rs, int status, const struct job *j)
{
	struct refs refs = { .job = j };

	store_read(c->store, read_refs, &refs, NULL);
	rs->status = status;
	rs->type = "application/json";
	view_payment(&rs->body, j, refs.open.ref, refs.close.ref);
}

/* A job that has a payment; otherwise the answer is set. */
static bool
find(struct http_request *rq, struct http_response *rs, const char *id, struct job *j)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	struct why why = NO_WHY;
	int32_t rc = desk_job(c->desk, &client, id, j, &why);

	if (rc == B3IQ_OK && j->mode == JOB_MODE_FREE)
		rc = why_say(&why, B3IQ_E_NOT_FOUND, "payment_not_found", "payment not found");
	if (rc != B3IQ_OK)
		reply_why(rq, rs, rc, &why);
	return rc == B3IQ_OK;
}

static bool
find_payment(struct http_request *rq, struct http_response *rs, struct job *j)
{
	char id[JOB_ID_SIZE];

	if (view_job_of_payment(request_param(rq, "id"), id))
		return find(rq, rs, id, j);
	reply_error(rq, rs, 404, "payment_not_found", NULL, "payment not found");
	return false;
}

void
pays_of_job(struct http_request *rq, struct http_response *rs)
{
	struct job j;

	if (find(rq, rs, request_param(rq, "id"), &j))
		send_payment(rq->context, rs, 200, &j);
}

void
pays_show(struct http_request *rq, struct http_response *rs)
{
	struct job j;

	if (find_payment(rq, rs, &j))
		send_payment(rq->context, rs, 200, &j);
}

/* The payment of a job is made with it; asking for the same again is fine. */
void
pays_make(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	struct json_object *doc = reply_body(rq, rs), *v;
	struct why why = NO_WHY;
	const char *id = "";
	uint64_t amount = 0;
	struct job j;
	int32_t rc;

	if (!doc)
		return;
	rc = json_get_string(doc, "job_id", "", &id, &why.err);
	if (rc == B3IQ_OK && json_object_object_get_ex(doc, "amount", &v))
		rc = price_read(v, "amount", &amount, &why.err);
	if (rc == B3IQ_OK && !amount)
		rc = why_say(&why, B3IQ_E_INVALID, "invalid_value", "amount must be above 0");
	if (rc == B3IQ_OK)
		rc = desk_job(c->desk, &client, id, &j, &why);
	if (rc == B3IQ_OK && (j.mode == JOB_MODE_FREE || j.escrow != amount))
		rc = why_say(&why, B3IQ_E_INVALID, "not_payable",
		             "the payment of a job is fixed when it is submitted: send "
		             "payment_amount with the job");
	if (rc == B3IQ_OK)
		send_payment(c, rs, 201, &j);
	else
		reply_why(rq, rs, rc, &why);
	json_object_put(doc);
}

void
pays_receipt(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct refs refs;
	char when[25];
	struct job j;

	if (!find_payment(rq, rs, &j))
		return;
	memset(&refs, 0, sizeof refs);
	refs.job = &j;
	store_read(c->store, read_refs, &refs, NULL);
	clock_iso(refs.close.done_ms ? refs.close.done_ms : j.requested_ms, when);
	rs->type = "application/json";
	buf_printf(&rs->body,
	           "{\"payment_id\":\"%s\",\"job_id\":\"%s\",\"amount\":%llu.%06llu,"
	           "\"currency\":\"AITBC\",\"status\":\"%s\",\"transaction_hash\":",
	           request_param(rq, "id"), j.id, (unsigned long long)(j.escrow / 1000000),
	           (unsigned long long)(j.escrow % 1000000), job_pay_name(j.pay));
	reply_text(&rs->body, refs.close.ref[0] ? refs.close.ref : refs.open.ref);
	buf_printf(&rs->body, ",\"created_at\":\"%s\",\"verified_at\":%s%s%s}", when,
	           refs.close.done_ms ? "\"" : "", refs.close.done_ms ? when : "null",
	           refs.close.done_ms ? "\"" : "");
}

void
pays_release(struct http_request *rq, struct http_response *rs)
{
	struct job j;

	if (!find_payment(rq, rs, &j))
		return;
	if (j.pay == JOB_PAY_RELEASED || j.pay == JOB_PAY_RELEASING)
		send_payment(rq->context, rs, 200, &j);
	else
		reply_error(rq, rs, 403, "not_payable", NULL,
		            "an escrow is released by a result whose receipt verifies, by nobody");
}

/* A refund is the end of the job: what has not been completed may be cancelled. */
void
pays_refund(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	const struct desk_client client = client_of(rq);
	struct why why = NO_WHY;
	struct job j;
	int32_t rc = B3IQ_OK;

	if (!find_payment(rq, rs, &j))
		return;
	if (j.pay == JOB_PAY_RELEASED || j.pay == JOB_PAY_RELEASING)
		rc = why_say(&why, B3IQ_E_INVALID, "not_payable", "the payment was released");
	else if (!job_ended(&j))
		rc = desk_cancel(c->desk, &client, j.id, &j, &why);
	if (rc == B3IQ_OK)
		send_payment(c, rs, 200, &j);
	else
		reply_why(rq, rs, rc, &why);
}
