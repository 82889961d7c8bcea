#include "node/worker/uplink.c"

#include <sys/eventfd.h>

#include "desk.h"

static struct desk desk;
static struct uplink *up;
static struct ed25519_key *identity;
static struct b3iq_error err;

static int
setup(void **state)
{
	(void)state;
	err = NO_ERR;
	desk_open(&desk);
	assert_ok(ed25519_generate(&identity, &err), err);
	assert_ok(uplink_create(desk.url, DESK_KEY, &up, &err), err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	uplink_destroy(up);
	uplink_destroy(NULL);
	ed25519_free(identity);
	desk_close(&desk);
	return 0;
}

static void
set(bool registered, const char *lost)
{
	pthread_mutex_lock(&desk.lock);
	desk.registered = registered;
	desk.lost = lost;
	pthread_mutex_unlock(&desk.lock);
}

static void
refuse(int status, int left)
{
	pthread_mutex_lock(&desk.lock);
	desk.refuse = "/result";
	desk.refuse_status = status;
	desk.refuse_left = left;
	pthread_mutex_unlock(&desk.lock);
}

static struct uplink_self
self_of(struct json_object *models)
{
	return (struct uplink_self){ .identity = identity, .miner_id = "", .region = "north",
		                     .address = "ait1x", .push_url = "", .push_key = "",
		                     .concurrency = 3, .models = models };
}

/* The proof is over what the coordinator said, by the key that is named. */
static void
test_register(void **state)
{
	static const char message[] = "b3iq.worker/1\n"
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" "key_1";
	struct json_object *models = json_tokener_parse("[{\"id\":\"m\"}]"), *body;
	struct uplink_self self = self_of(models);
	struct uplink_terms terms;
	const char *proof = NULL, *node = NULL;
	uint8_t sig[ED25519_SIGNATURE], pub[ED25519_PUBLIC];
	char *text;

	(void)state;
	assert_ok(uplink_register(up, &self, &terms, &err), err);
	assert_string_equal(terms.miner_id, "heron");
	assert_true(terms.verified && terms.heartbeat_ms == 1000 && terms.poll_s == 1);
	text = desk_wait(&desk, "/register", 1);
	body = json_tokener_parse(text);
	assert_int_equal(json_get_string(body, "proof", NULL, &proof, NULL), B3IQ_OK);
	assert_int_equal(json_get_string(body, "node", NULL, &node, NULL), B3IQ_OK);
	assert_true(hex_decode(proof, strlen(proof), sig, sizeof sig) && ed25519_parse(node, pub));
	assert_memory_equal(pub, ed25519_public(identity), sizeof pub);
	assert_int_equal(ed25519_verify(pub, message, sizeof message - 1, sig), B3IQ_OK);
	assert_non_null(strstr(text, "\"address\":\"ait1x\""));
	assert_null(strstr(text, "push_url")); /* what is not given is not said */
	json_object_put(body);
	json_object_put(models);
	free(text);
}

/* It signs nothing but a challenge. */
static void
test_odd_challenges(void **state)
{
	static const char *const nonces[] = { "", "00",
		"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF" };
	struct json_object *models = json_object_new_array();
	struct uplink_self self = self_of(models);
	struct uplink_terms terms;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		pthread_mutex_lock(&desk.lock);
		desk.nonce = nonces[i];
		pthread_mutex_unlock(&desk.lock);
		assert_int_equal(uplink_register(up, &self, &terms, &err), B3IQ_E_UNAVAILABLE);
	}
	assert_int_equal(desk_count(&desk, "/register"), 0);
	json_object_put(models);
}

static void
test_codes(void **state)
{
	static const struct {
		int     status;
		int32_t rc;
		bool    last;
	} cases[] = {
		{ 400, B3IQ_E_INVALID, true },      { 401, B3IQ_E_DENIED, false },
		{ 403, B3IQ_E_DENIED, true },       { 404, B3IQ_E_NOT_FOUND, true },
		{ 408, B3IQ_E_UNAVAILABLE, false }, { 409, B3IQ_E_INVALID, true },
		{ 413, B3IQ_E_INVALID, true },      { 422, B3IQ_E_INVALID, true },
		{ 425, B3IQ_E_UNAVAILABLE, false }, { 429, B3IQ_E_UNAVAILABLE, false },
		{ 500, B3IQ_E_UNAVAILABLE, false }, { 503, B3IQ_E_UNAVAILABLE, false },
	};
	struct spool_item item = { .kind = SPOOL_RESULT, .job = "j", .lease = "l" };
	bool last;

	(void)state;
	buf_init(&item.body, 100);
	buf_puts(&item.body, "{}");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		refuse(cases[i].status, -1);
		assert_int_equal(uplink_report(up, &item, &last, &err), cases[i].rc);
		if (last != cases[i].last)
			fail_msg("%d: last word? %d", cases[i].status, last);
		assert_non_null(strstr(err.text, "refused as told"));
	}
	refuse(200, 0);
	assert_ok(uplink_report(up, &item, &last, &err), err);
	assert_true(last);
	item.kind = SPOOL_FAILURE;
	assert_ok(uplink_report(up, &item, &last, &err), err);
	assert_int_equal(desk_count(&desk, "/v1/miners/j/fail"), 1);
	buf_free(&item.body);
}

/* Nobody there, and a wrong key: nothing is final. */
static void
test_unreached(void **state)
{
	struct spool_item item = { .kind = SPOOL_RESULT, .job = "j", .lease = "l" };
	struct uplink *lost;
	bool last = true;

	(void)state;
	buf_init(&item.body, 100);
	buf_puts(&item.body, "{}");
	assert_ok(uplink_create("http://127.0.0.1:1", DESK_KEY, &lost, &err), err);
	assert_int_equal(uplink_report(lost, &item, &last, &err), B3IQ_E_UNAVAILABLE);
	assert_false(last);
	uplink_destroy(lost);
	assert_ok(uplink_create(desk.url, "wrong", &lost, &err), err);
	assert_int_equal(uplink_report(lost, &item, &last, &err), B3IQ_E_DENIED);
	assert_false(last);
	uplink_destroy(lost);
	buf_free(&item.body);
}

static void
test_calls(void **state)
{
	struct json_object *leases = json_tokener_parse("[\"a\"]"), *lost = NULL, *job = NULL;
	int64_t listeners;
	char *text;

	(void)state;
	assert_int_equal(uplink_heartbeat(up, 0, false, leases, &lost, &err), B3IQ_E_NOT_FOUND);
	assert_null(lost);
	set(true, "a");
	assert_ok(uplink_heartbeat(up, 1, true, leases, &lost, &err), err);
	assert_string_equal(json_object_to_json_string_ext(lost, 0), "[\"a\"]");
	json_object_put(lost);
	text = desk_wait(&desk, "/heartbeat", 2);
	assert_non_null(strstr(text, "DRAINING"));
	free(text);
	assert_ok(uplink_poll(up, 1, &job, &err), err);
	assert_null(job);
	desk_give(&desk, desk_job(1, "m", false));
	assert_ok(uplink_poll(up, 1, &job, &err), err);
	assert_non_null(job);
	json_object_put(job);
	assert_ok(uplink_running(up, "j", "l", &err), err);
	assert_ok(uplink_delta(up, "j", "l", 0, "x\"y", 3, &listeners, &err), err);
	assert_int_equal(listeners, 1);
	assert_true(desk_heard(&desk, "x\"y"));
	assert_ok(uplink_leave(up, "heron", &err), err);
	free(desk_wait(&desk, "/v1/miners/heron", 1));
	json_object_put(leases);
}

/* A poll that waits ends at once when it is told to. */
static void
test_cancel(void **state)
{
	const uint64_t one = 1;
	const int fd = eventfd(0, EFD_CLOEXEC);
	struct json_object *job = NULL;

	(void)state;
	set(true, NULL);
	uplink_cancel_fd(up, fd);
	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
	assert_int_equal(uplink_poll(up, 30, &job, &err), B3IQ_E_CANCELLED);
	uplink_cancel_fd(up, -1);
	assert_ok(uplink_running(up, "j", "l", &err), err);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_register, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_challenges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreached, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
