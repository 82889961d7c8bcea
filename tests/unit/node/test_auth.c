#include "node/auth.c"
#include "node/state.h"
#include "unit.h"

#define TOKEN "a-token-of-somebody"

static struct home home;
static struct store *store;
static struct plugins *plugins;
static struct auth *auth;
static struct http_response rs;
static struct principal who;

static void
write_secret(void)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(home_path(&home, file, &err, "secrets", "people", NULL), err);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_ok(home_path(&home, file, &err, "secrets", "people", "tokens", NULL), err);
	assert_ok(path_write(file, TOKEN " alice chat\n", sizeof TOKEN + 11, 0600, &err), err);
}

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;
	char dir[2][PATH_SIZE];
	struct instance_options wanted = {
		.name = "people", .path = BUILD_DIR "/examples/auth-static.so", .run_inline = true,
		.config = "{\"tokens\":{\"secret\":\"tokens\"}}", .state_dir = dir[0], .secrets_dir = dir[1],
	};
	struct instance *i;

	(void)state;
	unit_home(&home);
	write_secret();
	assert_ok(home_path(&home, dir[0], &err, "plugins", "people", NULL), err);
	assert_ok(home_path(&home, dir[1], &err, "secrets", "people", NULL), err);
	assert_ok(state_open(&home, &store, &err), err);
	plugins = plugins_create(&err);
	assert_ok(plugins_reconcile(plugins, &wanted, 1, &err), err);
	i = plugins_find(plugins, "people");
	assert_ok(instance_wait(i, 20000, &err), err);
	instance_release(i);
	auth = auth_create(store, plugins);
	return auth == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	auth_destroy(auth);
	plugins_destroy(plugins);
	store_close(store);
	unit_home_end(&home);
	return 0;
}

/* 200 if the request is let in, else the status. */
static int
ask(const char *authorization, const char *scope, const char *peer)
{
	struct http_pair header = { "Authorization", authorization };
	struct http_request rq = { .method = "POST", .path = "/v1/x", .headers = &header,
	                           .n_headers = authorization != NULL };
	int status = 200;

	snprintf(rq.peer, sizeof rq.peer, "%s", peer);
	response_init(&rs);
	if (!auth_check(auth, &rq, scope, &who, &rs))
		status = rs.status;
	response_finish(&rs);
	return status;
}

static char *
make_key(const struct key_spec *spec)
{
	static char header[KEYS_SECRET_SIZE + 16];
	struct b3iq_error err = NO_ERR;
	char secret[KEYS_SECRET_SIZE];
	struct key key;

	assert_ok(keys_create(store, spec, &key, secret, &err), err);
	snprintf(header, sizeof header, "Bearer %s", secret);
	return header;
}

static void
test_local_keys(void **state)
{
	char *key = make_key(&(struct key_spec){ .name = "k", .scopes = "chat", .models = "mini*" });

	(void)state;
	assert_int_equal(ask(key, "chat", "10.0.0.1"), 200);
	assert_string_equal(who.models, "mini*");
	assert_int_equal(strncmp(who.subject, "key_", 4), 0);
	assert_int_equal(ask(key, "completions", "10.0.0.1"), 403);
	key[0] = 'b'; /* schemes compare without case */
	assert_int_equal(ask(key, "chat", "10.0.0.1"), 200);
	key[20] ^= 1;
	assert_int_equal(ask(key, "chat", "10.0.0.1"), 401);
	assert_int_equal(ask("Bearer b3iq_local_x", "chat", "10.0.0.1"), 401);
	assert_int_equal(ask("Bearer", "chat", "10.0.0.1"), 401);
	assert_int_equal(ask("", "chat", "10.0.0.1"), 401);
}

static void
test_no_key(void **state)
{
	(void)state;
	assert_int_equal(ask(NULL, "chat", "127.0.0.1"), 401);
	assert_int_equal(ask(NULL, AUTH_LOCAL, "127.0.0.1"), 200);
	assert_int_equal(ask(NULL, AUTH_LOCAL, "10.0.0.1"), 401);
	auth_open_loopback(auth, true);
	assert_int_equal(ask(NULL, "chat", "127.0.0.1"), 200);
	assert_int_equal(ask(NULL, "chat", "::1"), 200);
	assert_int_equal(ask(NULL, "chat", "10.0.0.1"), 401);
	assert_int_equal(ask(NULL, "admin", "127.0.0.1"), 401);
	auth_open_loopback(auth, false);
}

static void
test_rate(void **state)
{
	char *key = make_key(&(struct key_spec){ .name = "r", .scopes = "chat", .rate_per_minute = 1,
	                                         .burst = 3 });

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(key, "chat", "10.0.0.1"), 200);
	assert_int_equal(ask(key, "chat", "10.0.0.1"), 429);
}

/* The bucket refills with time, to its brim and no further. */
static void
test_bucket(void **state)
{
	const struct key key = { .rate_per_minute = 60, .burst = 2 };
	struct bucket b = { .filled_ms = 1000, .level = 2 * UNIT };

	(void)state;
	assert_int_equal(take(&b, &key, 1000), 0);
	assert_int_equal(take(&b, &key, 1000), 0);
	assert_int_equal(take(&b, &key, 1500), 501);
	assert_int_equal(take(&b, &key, 2000), 0);
	assert_int_equal(take(&b, &key, 100000), 0);
	assert_int_equal(take(&b, &key, 100000), 0);
	assert_int_not_equal(take(&b, &key, 100000), 0);
}

/* The provider is asked for what is not a key of ours, and its answer is kept while it allows. */
static void
test_plugin(void **state)
{
	struct instance *i;

	(void)state;
	assert_int_equal(ask("Bearer " TOKEN, "chat", "10.0.0.1"), 200);
	assert_string_equal(who.subject, "alice");
	assert_int_equal(ask("Bearer " TOKEN, "completions", "10.0.0.1"), 403);
	assert_int_equal(ask("Bearer another-token-of-nobody", "chat", "10.0.0.1"), 401);
	assert_int_equal(ask("Negotiate abc", "chat", "10.0.0.1"), 401);
	i = plugins_find(plugins, "people");
	instance_stop(i);
	instance_release(i);
	assert_int_equal(ask("Bearer " TOKEN, "chat", "10.0.0.1"), 200); /* remembered */
	auth_forget(auth);
	assert_int_equal(ask("Bearer " TOKEN, "chat", "10.0.0.1"), 503); /* nobody can say */
}

static void
test_keeping(void **state)
{
	struct b3iq_principal p = { .cache_s = 60 };

	(void)state;
	assert_int_equal(keep_for(&p, 1000), 60);
	p.expires_ms = 11000;
	assert_int_equal(keep_for(&p, 1000), 10);
	assert_int_equal(keep_for(&p, 11000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_keys), cmocka_unit_test(test_no_key), cmocka_unit_test(test_rate),
		cmocka_unit_test(test_bucket), cmocka_unit_test(test_keeping), cmocka_unit_test(test_plugin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
