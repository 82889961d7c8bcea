#include "smoke.h"

#include <string.h>

static void
smoke_inference(struct subject *s)
{
	struct b3iq_usage use;
	struct listener   l;
	struct buf        doc;

	buf_init(&doc, 8u << 20);
	subject_probe(s, &doc);
	subject_models(s, &doc);
	buf_free(&doc);
	if (!s->model[0])
		return;
	listener_init(&l, &s->host);
	subject_generate(s, &(struct ask){ .max_tokens = 8 }, &l, &use);
	listener_finish(&l);
}

static void
smoke_ledger(struct subject *s)
{
	struct b3iq_ledger_op op = { .op = B3IQ_OP_COMMIT, .signer = FAKEHOST_KEY,
	                             .max_fee = "1000000000",
		                     .amount = "0", .extra = "{}" };
	struct b3iq_tx        tx;
	struct buf            doc;

	buf_init(&doc, 8u << 20);
	memset(op.key, 0x51, sizeof op.key);
	memset(op.digest, 0x52, sizeof op.digest);
	subject_quote(s, &op, &tx);
	subject_submit(s, &op, &tx);
	subject_status(s, op.key, &tx);
	subject_query(s, "{\"query\":\"height\"}", &doc);
	buf_free(&doc);
}

static void
smoke_auth(struct subject *s)
{
	struct b3iq_principal    who;
	struct b3iq_auth_request rq = { .scheme = "Bearer", .credential = "nobody", .method = "GET",
		                        .path = "/v1/models", .peer = "127.0.0.1",
		                        .now_ms = 1790000000000 };

	subject_authenticate(s, &rq, &who);
	rq.scheme = rq.credential = NULL;
	subject_authenticate(s, &rq, &who);
}

void
smoke(struct subject *s)
{
	if (s->be.kind == B3IQ_INFERENCE)
		smoke_inference(s);
	else if (s->be.kind == B3IQ_LEDGER)
		smoke_ledger(s);
	else if (s->be.kind == B3IQ_AUTH)
		smoke_auth(s);
}
