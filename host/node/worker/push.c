#include "node/worker/push.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/http/server.h"
#include "core/role/endpoint.h"

#define BODY_MAX (16u << 20)
#define DRAIN_MS 1000

struct push {
	struct server   *server;
	char             address[64], key[256];
	pthread_rwlock_t lock; /* calls into the miner read, its change writes */
	struct miner    *miner;
};

/* The coordinator, and nobody else. */
static bool
gate(struct http_request *rq, struct http_response *rs)
{
	const struct push *p = rq->context;
	const char *key = request_header(rq, "X-Api-Key");
	const size_t n = strlen(p->key);

	if (!rq->route->scope || (key && strlen(key) == n && secret_equal(key, p->key, n)))
		return true;
	response_error(rs, 401, "unauthorized", NULL,
	               "X-Api-Key must be the push key that this worker registered with");
	return false;
}

static void
health(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	response_text(rs, 200, "application/json", "{\"status\":\"ok\"}");
}

static void
accepted(struct http_response *rs, const char *job)
{
	struct json_object *o = json_object_new_object();

	if (o && json_put_string(o, "status", "accepted") == B3IQ_OK &&
	    json_put_string(o, "job_id", job) == B3IQ_OK) {
		response_json(rs, 202, o);
		return;
	}
	json_object_put(o);
	response_json(rs, 500, NULL);
}

static int32_t
offer(struct push *p, struct json_object *doc, struct b3iq_error *err)
{
	int32_t rc;

	pthread_rwlock_rdlock(&p->lock);
	if (p->miner) {
		rc = miner_offer(p->miner, doc, err);
	} else {
		json_object_put(doc);
		rc = fail(err, B3IQ_E_BUSY, "this worker is not at work");
	}
	pthread_rwlock_unlock(&p->lock);
	return rc;
}

static void
assign(struct http_request *rq, struct http_response *rs)
{
	struct json_object *doc = NULL;
	struct b3iq_error err = NO_ERROR;
	const char *text = "";
	char job[SPOOL_ID_SIZE];
	int32_t rc = json_parse(rq->body, rq->body_len, "the body", &doc, &err);

	if (rc == B3IQ_OK)
		json_get_string(doc, "job_id", "", &text, NULL);
	snprintf(job, sizeof job, "%s", text);
	if (rc == B3IQ_OK)
		rc = offer(rq->context, doc, &err);
	if (rc == B3IQ_OK) {
		accepted(rs, job);
	} else if (rc == B3IQ_E_INVALID) {
		response_error(rs, 400, "invalid_value", NULL, "%s", err.text);
	} else {
		response_set(rs, "Retry-After", "1");
		response_error(rs, 503, "busy", NULL, "%s", err.text);
	}
}

static const struct http_route routes[] = {
	{ "GET", "/health", health, NULL, 0 },
	{ "POST", "/v1/jobs/assign", assign, "assign", BODY_MAX },
};

int32_t
push_open(const char *address, uint16_t port, const char *key, struct push **out,
          struct b3iq_error *err)
{
	struct push *p = calloc(1, sizeof *p);
	int32_t rc;

	*out = NULL;
	if (!p)
		return fail_memory(err, "opening the push endpoint");
	snprintf(p->address, sizeof p->address, "%s", address);
	pthread_rwlock_init(&p->lock, NULL);
	if (!*key || strlen(key) >= sizeof p->key) {
		push_close(p);
		return fail(err, B3IQ_E_INVALID, "the push key must have 1 to 255 bytes");
	}
	memcpy(p->key, key, strlen(key) + 1);
	rc = server_create(&p->server, &(struct server_options){
		.address = p->address, .port = port, .routes = routes,
		.n_routes = sizeof routes / sizeof *routes, .connections = 64, .workers = 8,
		.context = p, .gate = gate, .bodies = 4 * BODY_MAX }, err);
	if (rc != B3IQ_OK) {
		push_close(p);
		return rc;
	}
	*out = p;
	return B3IQ_OK;
}

void
push_url(const struct push *p, char *out, size_t size)
{
	endpoint_url(p->address, server_port(p->server), out, size);
}

void
push_set_miner(struct push *p, struct miner *miner)
{
	pthread_rwlock_wrlock(&p->lock);
	p->miner = miner;
	pthread_rwlock_unlock(&p->lock);
}

void
push_close(struct push *p)
{
	if (!p)
		return;
	if (p->server)
		server_destroy(p->server, DRAIN_MS);
	pthread_rwlock_destroy(&p->lock);
	secret_wipe(p->key, sizeof p->key);
	free(p);
}
