#include "node/worker/miner.c"

#include "desk.h"
#include "node/identity.h"
#include "node/state.h"

static struct desk desk;
static struct home home;
static struct store *store;
static struct identity id;
static atomic_int runs, inside, most_inside;
static atomic_bool no_models;

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	desk_open(&desk);
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	assert_ok(state_open(&home, &store, &err), err);
	atomic_store(&runs, 0);
	atomic_store(&most_inside, 0);
	atomic_store(&no_models, false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	store_close(store);
	identity_close(&id);
	unit_home_end(&home);
	desk_close(&desk);
	return 0;
}

static struct json_object *
models(void *ctx)
{
	(void)ctx;
	return json_tokener_parse(atomic_load(&no_models) ? "[]" : "[{\"id\":\"m\"}]");
}

/* The model says what it does: "ok" answers, "wait" until it is cancelled, "say" speaks and waits. */
static int32_t
host_work(void *ctx, const struct lease *l, int cancel_fd, struct miner_say *to,
          struct json_object **result, struct b3iq_error *err)
{
	struct pollfd p = { .fd = cancel_fd, .events = POLLIN };
	const int now = atomic_fetch_add(&inside, 1) + 1;
	int32_t rc = B3IQ_OK;

	(void)ctx;
	atomic_fetch_add(&runs, 1);
	if (now > atomic_load(&most_inside))
		atomic_store(&most_inside, now);
	if (strcmp(l->model, "say") == 0)
		to->say(to, "spoken", 6);
	if (strcmp(l->model, "busy") == 0)
		rc = (fail)(err, B3IQ_E_BUSY, "too many");
	else if (strcmp(l->model, "long") == 0)
		rc = (fail)(err, B3IQ_E_INVALID, "context_length_exceeded: 9 of 8 tokens");
	else if (strcmp(l->model, "ok") != 0 && poll(&p, 1, -1) > 0)
		rc = (fail)(err, B3IQ_E_CANCELLED, "stopped");
	if (rc == B3IQ_OK)
		*result = json_tokener_parse("{\"result\":{\"output\":\"done\"}}");
	atomic_fetch_sub(&inside, 1);
	return rc;
}

static struct miner *
start(const char *url, uint32_t concurrency)
{
	struct b3iq_error err = NO_ERR;
	struct miner *m;

	assert_ok(miner_start(&(struct miner_options){
		.url = url, .key = DESK_KEY, .miner_id = "heron", .concurrency = concurrency,
		.store = store, .identity = id.key,
		.host = { .models = models, .work = host_work } }, &m, &err), err);
	return m;
}

static void
settle(const struct miner *m, uint32_t inflight)
{
	while (in_hand((struct miner *)(uintptr_t)m) != inflight)
		usleep(1000);
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void
test_job(void **state)
{
	struct miner *m = start(desk.url, 2);
	struct miner_status s;
	char *body;

	(void)state;
	desk_give(&desk, desk_job(1, "ok", false));
	body = desk_wait(&desk, "/job_1/result", 1);
	assert_true(has(body, "\"lease\":\"lease_1\"") && has(body, "\"output\":\"done\""));
	free(body);
	free(desk_wait(&desk, "/job_1/status", 1));
	miner_status(m, &s);
	assert_true(s.registered && s.verified && s.completed == 1);
	assert_string_equal(s.miner_id, "heron");
	miner_stop(m, 10000);
	free(desk_wait(&desk, "/v1/miners/heron", 1)); /* goodbye */
	assert_int_equal(desk_count(&desk, "/job_1/result"), 1);
}

static void
test_failures(void **state)
{
	struct miner *m = start(desk.url, 2);
	struct json_object *odd = desk_job(3, "ok", false);
	char *body;

	(void)state;
	json_put_string(odd, "order", "00");
	desk_give(&desk, desk_job(1, "busy", false));
	desk_give(&desk, desk_job(2, "long", false));
	desk_give(&desk, odd);
	body = desk_wait(&desk, "/job_1/fail", 1);
	assert_true(has(body, "\"error_code\":\"overloaded\"") && has(body, "too many"));
	free(body);
	body = desk_wait(&desk, "/job_2/fail", 1);
	assert_true(has(body, "\"error_code\":\"context_length\""));
	free(body);
	body = desk_wait(&desk, "/job_3/fail", 1);
	assert_true(has(body, "\"error_code\":\"unsupported\""));
	free(body);
	miner_stop(m, 10000);
	assert_int_equal(atomic_load(&runs), 2);
}

/* No more at once than agreed, and all in the end. */
static void
test_room(void **state)
{
	struct miner *m = start(desk.url, 2);
	struct b3iq_error err = NO_ERR;

	(void)state;
	for (int i = 1; i <= 3; i++)
		desk_give(&desk, desk_job(i, "wait", false));
	settle(m, 2);
	while (atomic_load(&inside) != 2)
		usleep(1000);
	assert_int_equal(miner_offer(m, desk_job(4, "ok", false), &err), B3IQ_E_BUSY);
	assert_int_equal(desk_count(&desk, "/fail"), 0); /* who pushed was told */
	miner_stop(m, 0);
	free(desk_wait(&desk, "/job_1/fail", 1));
	free(desk_wait(&desk, "/job_2/fail", 1));
	assert_int_equal(atomic_load(&most_inside), 2);
	assert_int_equal(atomic_load(&runs), 2);
}

/* A lease that is lost stops the work, and nothing is reported. */
static void
test_lost(void **state)
{
	struct miner *m = start(desk.url, 1);
	struct miner_status s = { .lost = 0 };

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.lost = "lease_1";
	pthread_mutex_unlock(&desk.lock);
	desk_give(&desk, desk_job(1, "wait", false));
	while (s.lost != 1) {
		usleep(1000);
		miner_status(m, &s);
	}
	settle(m, 0);
	miner_stop(m, 10000);
	assert_int_equal(desk_count(&desk, "/job_1/fail") + desk_count(&desk, "/job_1/result"), 0);
}

static void
test_lost_by_delta(void **state)
{
	struct miner *m = start(desk.url, 1);

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.refuse = "/delta";
	desk.refuse_status = 409;
	desk.refuse_left = -1;
	pthread_mutex_unlock(&desk.lock);
	desk_give(&desk, desk_job(1, "say", true));
	free(desk_wait(&desk, "/delta", 1));
	settle(m, 0);
	miner_stop(m, 10000);
	assert_int_equal(desk_count(&desk, "/job_1/fail"), 0);
}

/* The same lease again, by poll and by push: one run, one report. */
static void
test_twice(void **state)
{
	struct miner *m = start(desk.url, 3);
	struct b3iq_error err = NO_ERR;
	int32_t rc;

	(void)state;
	desk_give(&desk, desk_job(1, "wait", false));
	settle(m, 1);
	while ((rc = miner_offer(m, desk_job(1, "wait", false), &err)) == B3IQ_E_BUSY)
		usleep(1000);
	assert_ok(rc, err);
	desk_give(&desk, desk_job(1, "wait", false));
	free(desk_wait(&desk, "/poll", 3));
	settle(m, 1);
	miner_stop(m, 0);
	free(desk_wait(&desk, "/job_1/fail", 1));
	assert_int_equal(atomic_load(&runs), 1);
}

/* A result that nobody takes waits in the spool for the next life; work that was cut short is a
 * failure there. */
static void
test_lives(void **state)
{
	struct miner *m = start(desk.url, 2);
	struct b3iq_error err = NO_ERR;
	struct spool *spool;
	bool fresh;
	char *body;

	(void)state;
	pthread_mutex_lock(&desk.lock);
	desk.refuse = "/result";
	desk.refuse_status = 503;
	desk.refuse_left = -1;
	pthread_mutex_unlock(&desk.lock);
	desk_give(&desk, desk_job(1, "ok", false));
	free(desk_wait(&desk, "/job_1/result", 1));
	miner_stop(m, 10000);
	assert_int_equal(desk_count(&desk, "/v1/miners/heron"), 0); /* it owes something */
	assert_ok(spool_create(store, id.key, desk.url, &spool, &err), err);
	assert_ok(spool_begin(spool, "job_2", "lease_2", &fresh, &err), err); /* and then it died */
	spool_destroy(spool);
	pthread_mutex_lock(&desk.lock);
	desk.refuse_left = 0;
	pthread_mutex_unlock(&desk.lock);
	m = start(desk.url, 2);
	body = desk_wait(&desk, "/job_2/fail", 1);
	assert_true(has(body, "\"error_code\":\"internal\""));
	free(body);
	while (!registered(m, NULL)) /* who is not known says no goodbye */
		usleep(1000);
	miner_stop(m, 10000);
	free(desk_wait(&desk, "/v1/miners/heron", 1));
	assert_int_equal(atomic_load(&runs), 1);
}

/* Away, forgotten, without models: it comes back by itself. */
static void
test_comes_back(void **state)
{
	struct miner_status s;
	struct miner *m;

	(void)state;
	m = start("http://127.0.0.1:1", 1);
	do {
		usleep(1000);
		miner_status(m, &s);
	} while (!s.trouble[0]);
	assert_false(s.registered);
	miner_stop(m, 10000);
	atomic_store(&no_models, true);
	m = start(desk.url, 1);
	do {
		usleep(1000);
		miner_status(m, &s);
	} while (!s.trouble[0]);
	assert_true(has(s.trouble, "no plugin offers a model"));
	assert_int_equal(desk_count(&desk, "/register"), 0);
	atomic_store(&no_models, false);
	free(desk_wait(&desk, "/register", 1));
	pthread_mutex_lock(&desk.lock);
	desk.registered = false;
	pthread_mutex_unlock(&desk.lock);
	free(desk_wait(&desk, "/register", 2));
	miner_stop(m, 10000);
}

static void
test_codes(void **state)
{
	(void)state;
	assert_string_equal(failure_code(B3IQ_E_INVALID, "x"), "invalid_request");
	assert_string_equal(failure_code(B3IQ_E_NOT_FOUND, ""), "model_not_found");
	assert_string_equal(failure_code(B3IQ_E_UNSUPPORTED, ""), "unsupported");
	assert_string_equal(failure_code(B3IQ_E_NO_MEMORY, ""), "out_of_memory");
	assert_string_equal(failure_code(B3IQ_E_TIMEOUT, ""), "timeout");
	assert_string_equal(failure_code(B3IQ_E_UNAVAILABLE, ""), "backend_unavailable");
	assert_string_equal(failure_code(B3IQ_E_DIED, ""), "backend_error");
	assert_string_equal(failure_code(B3IQ_E_DENIED, ""), "internal");
	assert_string_equal(failure_code(-99, ""), "internal");
}

static void
test_options(void **state)
{
	char longest[2000];
	struct b3iq_error err = NO_ERR;
	struct miner *m;

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(miner_start(&(struct miner_options){
		.url = longest, .key = "k", .concurrency = 1, .store = store, .identity = id.key,
		.host = { .models = models, .work = host_work } }, &m, &err), B3IQ_E_INVALID);
	assert_null(m);
	miner_stop(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_job, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_by_delta, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
