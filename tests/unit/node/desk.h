/* desk.h - a coordinator in this process, as far as a worker sees it: hands out what a test gives it, keeps
 * what it is told, and answers as a test wants. */
#ifndef TESTS_UNIT_NODE_DESK_H
#define TESTS_UNIT_NODE_DESK_H

#include <pthread.h>
#include <time.h>

#include "core/base/encode.h"
#include "core/crypto/sha256.h"
#include "core/http/server.h"
#include "core/receipt/params.h"
#include "node/worker/lease.h"
#include "unit.h"

#define DESK_KEY   "key-of-the-test"
#define DESK_CALLS 512
#define DESK_JOBS  16

struct desk_call {
	char  path[256];
	char *body;
};

struct desk {
	struct server   *server;
	char             url[64];
	pthread_mutex_t  lock;
	pthread_cond_t   moved;
	struct desk_call calls[DESK_CALLS];
	size_t           n_calls;
	struct json_object *jobs[DESK_JOBS]; /* not handed out yet */
	size_t           n_jobs;
	const char      *refuse;       /* calls whose path ends so get refuse_status,  */
	int              refuse_status, refuse_left; /* so often; -1: always           */
	const char      *lost;         /* the lease that every heartbeat says is lost  */
	const char      *nonce, *key;  /* of a challenge; NULL: good ones              */
	bool             registered, deaf; /* deaf: nobody listens to deltas           */
	uint64_t         next_delta;
	char             said[4096];
	bool             closing;
};

static inline bool
desk_ends(const char *path, const char *end)
{
	const size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

static inline void
desk_text(struct http_response *rs, int status, const char *text)
{
	response_text(rs, status, "application/json", text);
}

static inline void
desk_poll(struct desk *d, struct http_response *rs)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	while (!d->n_jobs && !d->closing &&
	       pthread_cond_timedwait(&d->moved, &d->lock, &until) == 0)
		;
	if (!d->n_jobs) {
		rs->status = 204;
		return;
	}
	response_json(rs, 200, d->jobs[0]);
	memmove(d->jobs, d->jobs + 1, --d->n_jobs * sizeof *d->jobs);
}

static inline void
desk_delta(struct desk *d, struct json_object *body, struct http_response *rs)
{
	char text[128];
	const char *said = "";
	int64_t seq = -1;

	json_get_int(body, "seq", 0, INT64_MAX, -1, &seq, NULL);
	json_get_string(body, "text", "", &said, NULL);
	if (seq == (int64_t)d->next_delta) {
		const size_t n = strlen(d->said);

		snprintf(d->said + n, sizeof d->said - n, "%s", said);
		d->next_delta++;
	}
	snprintf(text, sizeof text, "{\"status\":\"ok\",\"next\":%llu,\"listeners\":%d}",
	         (unsigned long long)d->next_delta, d->deaf ? 0 : 1);
	desk_text(rs, 200, text);
}

static inline void
desk_reply(struct desk *d, const char *path, struct json_object *body, struct http_response *rs)
{
	char text[512];

	if (desk_ends(path, "/challenge")) {
		snprintf(text, sizeof text, "{\"nonce\":\"%s\",\"key\":\"%s\"}",
		         d->nonce ? d->nonce
		                  : "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		         d->key ? d->key : "key_1");
		desk_text(rs, 200, text);
	} else if (desk_ends(path, "/register")) {
		d->registered = true;
		desk_text(rs, 200, "{\"status\":\"ok\",\"miner_id\":\"heron\",\"verified\":true,"
		                   "\"heartbeat_seconds\":1,\"poll_seconds\":1}");
	} else if (!d->registered && (desk_ends(path, "/poll") || desk_ends(path, "/heartbeat"))) {
		response_error(rs, 404, "not_found", NULL, "miner not registered");
	} else if (desk_ends(path, "/poll")) {
		desk_poll(d, rs);
	} else if (desk_ends(path, "/heartbeat")) {
		snprintf(text, sizeof text, "{\"status\":\"ok\",\"lost\":[%s%s%s]}",
		         d->lost ? "\"" : "", d->lost ? d->lost : "", d->lost ? "\"" : "");
		desk_text(rs, 200, text);
	} else if (desk_ends(path, "/delta")) {
		desk_delta(d, body, rs);
	} else {
		desk_text(rs, 200, "{\"status\":\"ok\"}");
	}
}

static inline void
desk_answer(struct http_request *rq, struct http_response *rs)
{
	struct desk *d = rq->context;
	struct json_object *body = NULL;
	const char *key = request_header(rq, "X-Api-Key");

	if (rq->body_len)
		json_parse(rq->body, rq->body_len, "body", &body, NULL);
	pthread_mutex_lock(&d->lock);
	if (d->n_calls < DESK_CALLS) {
		snprintf(d->calls[d->n_calls].path, sizeof d->calls[0].path, "%s", rq->path);
		d->calls[d->n_calls++].body = strndup(rq->body, rq->body_len);
	}
	pthread_cond_broadcast(&d->moved);
	if (!key || strcmp(key, DESK_KEY) != 0) {
		response_error(rs, 401, "unauthorized", NULL, "who are you?");
	} else if (d->refuse && d->refuse_left != 0 && desk_ends(rq->path, d->refuse)) {
		d->refuse_left -= d->refuse_left > 0;
		response_error(rs, d->refuse_status, "refused", NULL, "refused as told");
		response_set(rs, "Retry-After", "0");
	} else {
		desk_reply(d, rq->path, body, rs);
	}
	pthread_mutex_unlock(&d->lock);
	json_object_put(body);
}

static const struct http_route desk_routes[] = {
	{ "POST", "/{all...}", desk_answer, NULL, 32u << 20 },
	{ "DELETE", "/{all...}", desk_answer, NULL, 65536 },
};

static inline void
desk_open(struct desk *d)
{
	struct b3iq_error err = NO_ERR;

	memset(d, 0, sizeof *d);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->moved, NULL);
	assert_ok(server_create(&d->server, &(struct server_options){
		.routes = desk_routes, .n_routes = 2, .context = d }, &err), err);
	snprintf(d->url, sizeof d->url, "http://127.0.0.1:%u", server_port(d->server));
}

static inline void
desk_close(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	d->closing = true;
	pthread_cond_broadcast(&d->moved);
	pthread_mutex_unlock(&d->lock);
	assert_int_equal(server_destroy(d->server, 10000), B3IQ_OK);
	for (size_t i = 0; i < d->n_calls; i++)
		free(d->calls[i].body);
	for (size_t i = 0; i < d->n_jobs; i++)
		json_object_put(d->jobs[i]);
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->lock);
}

static inline void
desk_give(struct desk *d, struct json_object *job)
{
	pthread_mutex_lock(&d->lock);
	assert_true(d->n_jobs < DESK_JOBS);
	d->jobs[d->n_jobs++] = job;
	pthread_cond_broadcast(&d->moved);
	pthread_mutex_unlock(&d->lock);
}

static inline size_t
desk_counted(const struct desk *d, const char *end)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_calls; i++)
		n += desk_ends(d->calls[i].path, end);
	return n;
}

/* How often a path that ends so was called. */
static inline size_t
desk_count(struct desk *d, const char *end)
{
	size_t n;

	pthread_mutex_lock(&d->lock);
	n = desk_counted(d, end);
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* Was this said in deltas, and nothing else? */
static inline bool
desk_heard(struct desk *d, const char *wanted)
{
	bool heard;

	pthread_mutex_lock(&d->lock);
	heard = strcmp(d->said, wanted) == 0;
	pthread_mutex_unlock(&d->lock);
	return heard;
}

/* Until it was called n times; the body of the last such call, the caller's. */
static inline char *
desk_wait(struct desk *d, const char *end, size_t n)
{
	char *body = NULL;

	pthread_mutex_lock(&d->lock);
	while (desk_counted(d, end) < n)
		pthread_cond_wait(&d->moved, &d->lock); /* the test's own time limit ends it */
	for (size_t i = 0; i < d->n_calls; i++)
		if (desk_ends(d->calls[i].path, end)) {
			free(body);
			body = strdup(d->calls[i].body);
		}
	pthread_mutex_unlock(&d->lock);
	return body;
}

/* What a poll answers for job N: a whole and true one. */
static inline struct json_object *
desk_job(int n, const char *model, bool stream)
{
	static const char params[] =
		"{\"flags\":0,\"frequency_penalty_e6\":0,\"max_tokens\":16,\"min_p_e6\":0,"
		"\"presence_penalty_e6\":0,\"repetition_penalty_e6\":1000000,\"temperature_e6\":0,"
		"\"top_k\":0,\"top_logprobs\":0,\"top_p_e6\":1000000}";
	static const char order_domain[] = "b3iq.order/1\n";
	char order[1024], hash[65], digest_hex[65], lease[128], job[64];
	struct json_object *o = json_object_new_object();
	uint8_t digest[32];
	struct sha256 s;

	assert_int_equal(params_digest(params, sizeof params - 1, digest), B3IQ_OK);
	hex_encode(digest, 32, digest_hex);
	snprintf(job, sizeof job, "job_%d", n);
	snprintf(order, sizeof order,
	         "{\"deadline_ms\":1,\"job\":\"%s\",\"max_price\":\"0\",\"model\":\"%s\",\"params\":\"%s\","
	         "\"prompt\":\"00\",\"version\":\"b3iq.order/1\"}", job, model, digest_hex);
	sha256_begin(&s);
	sha256_add(&s, order_domain, sizeof order_domain - 1);
	sha256_add(&s, order, strlen(order));
	assert_int_equal(sha256_end(&s, digest), B3IQ_OK);
	hex_encode(digest, 32, hash);
	snprintf(lease, sizeof lease, "{\"id\":\"lease_%d\",\"attempt\":1,\"deadline_ms\":1}", n);
	json_put_string(o, "job_id", job);
	json_put(o, "lease", json_tokener_parse(lease));
	json_put_string(o, "model", model);
	json_put_string(o, "request", "{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"}]}");
	json_put(o, "params", json_tokener_parse(params));
	json_put_string(o, "seed", "18446744073709551615");
	json_put_bool(o, "stream", stream);
	json_put_string(o, "order", hash);
	json_put_string(o, "order_text", order);
	return o;
}

#endif
