/* Every allocation failed in turn: where a node reads its config, checks a key, looks for a model,
 * and brings a request to the form of the backends. */
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "node/config.h"
#include "node/keys.h"
#include "node/models.h"
#include "node/openai/messages.h"
#include "node/state.h"
#include "unit.h"
#include "../torture.h"

static struct home home;

/* ---- config -------------------------------------------------------------- */

static const char file[] =
	"{\"version\":1,\"node\":{\"name\":\"n\",\"hosts\":[\"a.example\",\"b.example\"]},"
	"\"plugin_dirs\":[\"/one\",\"/two\"],\"plugins\":{\"echo\":{\"plugin\":\"echo\",\"enabled\":true,"
	"\"config\":{\"deep\":[1,{\"er\":true}]}},\"off\":{\"plugin\":\"flaky\",\"enabled\":false}}}";

static int32_t
rename_node(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	(void)arg, (void)err;
	return config_plugin_section(doc, "more", true) &&
	                       json_put_string(config_plugin_section(doc, "more", true), "plugin",
	                                       "more") == B3IQ_OK
	               ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

/* Edits and reads the file; a fault must leave it as it was or as it is wanted. */
static int32_t
config(void *arg)
{
	struct config *c = NULL;
	int32_t rc = config_edit(&home, rename_node, NULL, NULL);

	(void)arg;
	if (rc == B3IQ_OK)
		rc = config_load(&home, &c, NULL);
	if (rc == B3IQ_OK &&
	    (c->n_hosts != 2 || strcmp(c->hosts[1], "b.example") != 0 || c->n_plugins != 3 ||
	     strcmp(c->plugin_dirs[1], "/two") != 0 || c->plugin_dirs[2] || c->port != 8008 ||
	     strcmp(c->plugins[0].config, "{\"deep\":[1,{\"er\":true}]}") != 0))
		rc = B3IQ_E_INTERNAL;
	config_free(c);
	return rc;
}

static void
test_config(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct config *c;
	char path[PATH_SIZE];

	(void)state;
	assert_ok(home_path(&home, path, &err, "config.json", NULL), err);
	assert_ok(path_write(path, file, sizeof file - 1, 0600, &err), err);
	torture("config", config, NULL, 0);
	assert_ok(config_load(&home, &c, &err), err); /* after all of that it can still be read */
	assert_int_equal(c->n_plugins, 3);
	config_free(c);
}

/* ---- keys ---------------------------------------------------------------- */

/* A key that could be made opens, one that was revoked does not, whatever fails. */
static int32_t
keys(void *arg)
{
	static unsigned serial;
	char name[32], secret[KEYS_SECRET_SIZE];
	const struct key_spec spec = { .name = name, .models = "mini*" };
	struct store *store = arg;
	struct key key;
	int32_t rc;

	snprintf(name, sizeof name, "app-%u", serial++);
	rc = keys_create(store, &spec, &key, secret, NULL);
	if (rc == B3IQ_OK)
		rc = keys_check(store, secret, clock_wall_ms(), &key, NULL);
	if (rc == B3IQ_OK && strcmp(key.models, "mini*") != 0)
		rc = B3IQ_E_INTERNAL; /* never a key that may do more */
	if (rc == B3IQ_OK)
		rc = keys_revoke(store, name, NULL);
	if (rc == B3IQ_OK) {
		rc = keys_check(store, secret, clock_wall_ms(), &key, NULL);
		rc = rc == B3IQ_OK ? B3IQ_E_INTERNAL : rc == B3IQ_E_DENIED ? B3IQ_OK : rc;
	}
	return rc;
}

static void
test_keys(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct store *store;

	(void)state;
	assert_ok(state_open(&home, &store, &err), err);
	torture("keys", keys, store, 0);
	store_close(store);
}

/* ---- models -------------------------------------------------------------- */

static int32_t
models(void *arg)
{
	struct models *m = models_create(arg);
	struct instance *instance = NULL;
	struct model model;
	int32_t rc;

	if (!m)
		return B3IQ_E_NO_MEMORY;
	rc = models_find(m, "echo", "", &model, &instance, NULL);
	if (rc == B3IQ_OK && (strcmp(model.instance, "echo") != 0 ||
	                      strcmp(instance_name(instance), "echo") != 0))
		rc = B3IQ_E_INTERNAL;
	instance_release(instance);
	models_destroy(m);
	return rc;
}

static void
test_models(void **state)
{
	struct plugins *set = unit_plugins(&home, NULL);

	(void)state;
	torture("models", models, set, 0); /* never "there is no such model" */
	plugins_destroy(set);
}

/* ---- requests ------------------------------------------------------------ */

static const char request[] =
	"{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\","
	"\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]},"
	"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":"
	"{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"content\":\"r\","
	"\"tool_call_id\":\"1\"}],\"stop\":[\"x\",\"y\"],\"logit_bias\":{\"5\":-1},\"tools\":[{\"type\":"
	"\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":{\"type\":\"function\","
	"\"function\":{\"name\":\"f\"}},\"response_format\":{\"type\":\"json_object\"}}";

static int32_t
to_body(struct json_object *doc, struct buf *out)
{
	struct json_object *body = json_object_new_object();
	struct arguments args;
	struct wrong w = { 0 };
	int32_t rc = body ? arguments_read(doc, ARGUMENTS_CHAT, &args, &w) : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = arguments_body(&args, body, &w);
	if (rc == B3IQ_OK)
		rc = messages_add(&args, body, &w);
	if (rc == B3IQ_OK)
		rc = messages_add_tools(&args, body, &w);
	if (rc != B3IQ_OK && body && w.status != 503)
		rc = B3IQ_E_INTERNAL; /* a client is not told that it was wrong */
	if (rc == B3IQ_OK)
		rc = json_write(body, out);
	json_object_put(body);
	return rc;
}

/* arg: the whole body, as it is without faults. */
static int32_t
body(void *arg)
{
	const struct buf *whole = arg;
	struct json_object *doc = NULL;
	struct buf out;
	int32_t rc = json_parse(request, sizeof request - 1, "request", &doc, NULL);

	buf_init(&out, 10000);
	if (rc == B3IQ_OK)
		rc = to_body(doc, &out);
	if (rc == B3IQ_OK && strcmp(out.data, whole->data) != 0)
		rc = B3IQ_E_INTERNAL; /* nothing may be missing from what was asked */
	json_object_put(doc);
	buf_free(&out);
	return rc;
}

static void
test_body(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *doc;
	struct buf whole;

	(void)state;
	buf_init(&whole, 10000);
	assert_ok(json_parse(request, sizeof request - 1, "request", &doc, &err), err);
	assert_int_equal(to_body(doc, &whole), B3IQ_OK);
	json_object_put(doc);
	torture("body", body, &whole, 0);
	buf_free(&whole);
}

/* In memory where the system has such a folder: thousands of transactions are made. */
static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;
	char dir[] = "/dev/shm/b3iq-unit-XXXXXX";

	(void)state;
	log_setup(B3IQ_LOG_ERROR, LOG_TEXT); /* what fails here is meant to */
	if (mkdtemp(dir))
		assert_ok(home_open(&home, dir, &err), err);
	else
		unit_home(&home);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unit_home_end(&home);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
