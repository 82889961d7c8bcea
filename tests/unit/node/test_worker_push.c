#include "node/worker/push.c"

#include "core/http/client.h"
#include "desk.h"
#include "node/identity.h"
#include "node/state.h"

static struct push *push;
static struct client *client;
static struct client_reply reply;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(push_open("127.0.0.1", 0, "the-key", &push, &err), err);
	assert_ok(client_create(&client, &err), err);
	client_reply_init(&reply, 65536);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	client_reply_finish(&reply);
	client_destroy(client);
	push_close(push);
	push_close(NULL);
	return 0;
}

static int
ask(const char *path, const char *key, const char *body)
{
	const char *const headers[] = { key, NULL };
	struct b3iq_error err = NO_ERR;
	char url[256];

	push_url(push, url, sizeof url);
	strncat(url, path, sizeof url - strlen(url) - 1);
	assert_ok(client_call(client, &(struct client_request){
		.method = body ? "POST" : NULL, .url = url, .headers = key ? headers : NULL,
		.body = body, .body_len = body ? strlen(body) : 0 }, &reply, &err), err);
	return reply.status;
}

static void
test_gate(void **state)
{
	(void)state;
	assert_int_equal(ask("/health", NULL, NULL), 200);
	assert_int_equal(ask("/v1/jobs/assign", NULL, "{}"), 401);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-ke", "{}"), 401);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-kex", "{}"), 401);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key", "{"), 400);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key", "{}"), 503); /* no miner yet */
	assert_int_equal(ask("/nowhere", "X-Api-Key: the-key", NULL), 404);
}

static struct json_object *
models(void *ctx)
{
	(void)ctx;
	return json_object_new_array(); /* it never registers: pushes are all it gets */
}

static int32_t
work(void *ctx, const struct lease *l, int cancel_fd, struct miner_say *to,
     struct json_object **result, struct b3iq_error *err)
{
	(void)ctx, (void)l, (void)cancel_fd, (void)to, (void)err;
	*result = json_object_new_object();
	return B3IQ_OK;
}

static void
test_jobs(void **state)
{
	struct json_object *job = desk_job(1, "m", false);
	struct b3iq_error err = NO_ERR;
	struct miner_status s = { .completed = 0 };
	struct identity id;
	struct store *store;
	struct miner *miner;
	struct desk desk;
	struct home home;

	(void)state;
	desk_open(&desk);
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	assert_ok(state_open(&home, &store, &err), err);
	assert_ok(miner_start(&(struct miner_options){
		.url = desk.url, .key = DESK_KEY, .concurrency = 1, .store = store,
		.identity = id.key, .host = { .models = models, .work = work } }, &miner, &err), err);
	push_set_miner(push, miner);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key",
	                     json_object_to_json_string(job)), 202);
	assert_non_null(strstr(reply.body.data, "\"job_id\":\"job_1\""));
	while (s.completed != 1 || s.inflight) { /* done, and the hand is free again */
		usleep(1000);
		miner_status(miner, &s);
	}
	free(desk_wait(&desk, "/job_1/result", 1));
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key", "{\"job_id\":7}"), 400);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key", "[]"), 400);
	push_set_miner(push, NULL);
	assert_int_equal(ask("/v1/jobs/assign", "X-Api-Key: the-key",
	                     json_object_to_json_string(job)), 503);
	miner_stop(miner, 10000);
	json_object_put(job);
	store_close(store);
	identity_close(&id);
	unit_home_end(&home);
	desk_close(&desk);
}

static void
test_options(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct push *p;
	char longest[300];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(push_open("127.0.0.1", 0, "", &p, &err), B3IQ_E_INVALID);
	assert_int_equal(push_open("127.0.0.1", 0, longest, &p, &err), B3IQ_E_INVALID);
	assert_int_not_equal(push_open("not an address", 0, "k", &p, &err), B3IQ_OK);
	assert_null(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
