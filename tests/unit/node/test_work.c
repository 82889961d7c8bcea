#include "node/work.c"

#include <sys/eventfd.h>

#include "desk.h"
#include "live.h"

static struct live live;
static struct desk desk;
static struct buf said;

static void
say(struct miner_say *to, const char *text, size_t len)
{
	(void)to;
	buf_append(&said, text, len);
}

static struct miner_say ear = { .say = say };

static int
setup(void **state)
{
	(void)state;
	live_start(&live, NULL);
	desk_open(&desk);
	buf_init(&said, 1u << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&said);
	desk_close(&desk);
	live_stop(&live);
	return 0;
}

static int32_t
run_job(struct json_object *job, int cancel_fd, struct json_object **result, struct b3iq_error *err)
{
	struct lease l;
	int32_t rc;

	*result = NULL;
	buf_clear(&said);
	assert_ok(lease_read(job, &l, err), *err);
	rc = work(live.node, &l, cancel_fd, &ear, result, err);
	lease_free(&l);
	return rc;
}

/* The report has the output, and a receipt that names the order and opens. */
static void
test_report(void **state)
{
	struct json_object *job = desk_job(1, "echo", false), *result, *part, *order;
	struct receipt_signed envelope;
	struct b3iq_error err = NO_ERR;
	uint8_t wanted[32], secret[32], commitment[32];
	const char *hex = NULL;

	(void)state;
	assert_true(json_object_object_get_ex(job, "order", &order));
	assert_true(hex_decode(json_object_get_string(order), 64, wanted, 32));
	assert_ok(run_job(job, -1, &result, &err), err);
	assert_true(json_object_object_get_ex(result, "receipt", &part));
	assert_ok(receipt_open(part, &envelope, &err), err);
	assert_int_equal(receipt_signature(&envelope, ed25519_public(live.node->identity.key)), B3IQ_OK);
	assert_true(envelope.body.has_order);
	assert_memory_equal(envelope.body.order, wanted, 32);
	assert_true(envelope.body.seed == UINT64_MAX && envelope.body.seed_by_client);
	assert_true(json_object_object_get_ex(result, "openings", &part));
	assert_null(json_object_object_get(part, "prompt"));
	assert_null(json_object_object_get(part, "output"));
	assert_int_equal(json_get_string(part, "secret", NULL, &hex, NULL), B3IQ_OK);
	assert_true(hex_decode(hex, strlen(hex), secret, 32));
	assert_true(json_object_object_get_ex(result, "result", &part));
	assert_int_equal(json_get_string(part, "output", NULL, &hex, NULL), B3IQ_OK);
	assert_string_equal(hex, "{\"messages\":[{\"c"); /* sixteen tokens of echo */
	assert_memory_equal(said.data, hex, said.len);
	assert_int_equal(commit_field(secret, COMMIT_OUTPUT, hex, strlen(hex), commitment), B3IQ_OK);
	assert_memory_equal(envelope.body.output, commitment, 32);
	json_object_put(result);
}

/* Exactly the model that was ordered, or none. */
static void
test_models(void **state)
{
	static const char *const none[] = { "nobody", "default", "echo2", "flaky/echo", NULL };
	struct json_object *result, *part;
	struct receipt_signed envelope;
	struct b3iq_error err = NO_ERR;

	(void)state;
	for (size_t i = 0; none[i]; i++) {
		assert_int_equal(run_job(desk_job(1, none[i], false), -1, &result, &err),
		                 B3IQ_E_NOT_FOUND);
		assert_null(result);
	}
	assert_ok(run_job(desk_job(2, "echo/echo", false), -1, &result, &err), err);
	assert_true(json_object_object_get_ex(result, "receipt", &part));
	assert_ok(receipt_open(part, &envelope, &err), err);
	assert_string_equal(envelope.body.model, "echo/echo");
	json_object_put(result);
}

/* Only what is offered, in the list and in fact. */
static void
test_offers(void **state)
{
	static const char *offers[] = { "ech?", "bus*", NULL };
	const char **all = live.node->config->worker.models;
	struct json_object *list, *result;
	struct b3iq_error err = NO_ERR;

	(void)state;
	live.node->config->worker.models = offers;
	list = offered(live.node);
	assert_int_equal(json_object_array_length(list), 2);
	assert_int_equal(run_job(desk_job(1, "ok", false), -1, &result, &err), B3IQ_E_NOT_FOUND);
	live.node->config->worker.models = all;
	json_object_put(list);
	assert_ok(run_job(desk_job(1, "ok", false), -1, &result, &err), err);
	json_object_put(result);
	assert_int_equal(run_job(desk_job(1, "busy", false), -1, &result, &err), B3IQ_E_BUSY);
}

/* A backend that does not look at the cancel descriptor is stopped at its next token. */
static void
test_cancel(void **state)
{
	const uint64_t one = 1;
	const int fd = eventfd(0, EFD_CLOEXEC);
	struct json_object *result;
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_int_equal(write(fd, &one, sizeof one), sizeof one);
	assert_int_equal(run_job(desk_job(1, "echo", false), fd, &result, &err), B3IQ_E_CANCELLED);
	assert_int_equal(said.len, 0);
	assert_null(result);
	close(fd);
}

/* The key: given, or a file that is its owner's alone. */
static void
test_key(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;
	char dir[PATH_SIZE], file[PATH_SIZE], *text;

	(void)state;
	assert_ok(work_start(live.node, NULL, NULL, NULL, &err), err); /* for nobody */
	assert_null(live.node->miner);
	assert_int_equal(work_start(live.node, desk.url, NULL, NULL, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "secrets/worker/key"));
	assert_int_equal(work_start(live.node, desk.url, "", NULL, &err), B3IQ_E_INVALID);
	assert_int_equal(work_start(live.node, desk.url, "a\nb", NULL, &err), B3IQ_E_INVALID);
	assert_ok(home_path(&live.node->home, dir, &err, "secrets", "worker", NULL), err);
	assert_ok(path_make_dir(dir, 0700, &err), err);
	assert_ok(path_join(file, &err, dir, "key", NULL), err);
	assert_ok(path_write(file, DESK_KEY "\n", strlen(DESK_KEY) + 1, 0644, &err), err);
	assert_int_equal(work_start(live.node, desk.url, NULL, NULL, &err), B3IQ_E_DENIED);
	assert_int_equal(chmod(file, 0600), 0);
	assert_ok(work_start(live.node, desk.url, NULL, "ait1payee", &err), err);
	text = desk_wait(&desk, "/register", 1);
	doc = json_tokener_parse(text);
	free(text);
	assert_string_equal(json_object_get_string(json_object_object_get(doc, "address")), "ait1payee");
	json_object_put(doc);
	assert_int_equal(live_ask(&live, "/api/status", NULL), 200);
	assert_true(live_says(&live, "\"configured\":true"));
	assert_int_equal(live_ask(&live, "/metrics", NULL), 200);
	assert_true(live_says(&live, "b3iq_worker_jobs_total{end=\"completed\"} 0"));
	work_stop(live.node);
	work_stop(live.node);
	assert_int_equal(live_ask(&live, "/metrics", NULL), 200);
	assert_false(live_says(&live, "b3iq_worker"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report), cmocka_unit_test(test_models),
		cmocka_unit_test(test_offers), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
