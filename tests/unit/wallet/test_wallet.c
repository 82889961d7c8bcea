/* wallet.c, signer.c and api.c as one running role: what tests/flow/wallet does not reach. */
#include "unit.h"

#include "wallet/wallet.c"

#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/http/client.h"
#include "fakechain.h"

static struct home home;
static struct keystore ks;
static struct keystore_entry alice;
static struct wallet *w;
static char own[TOKEN_SECRET_SIZE];

static void
write_password(void)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(home_path(&home, file, &err, "pass", NULL), err);
	assert_ok(path_write(file, PASSWORD "\nsecond line\n", strlen(PASSWORD) + 13, 0600, &err),
	          err);
}

static int
begin(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct wallet_options o = { .home = home.dir,
		                    .port = 0,
		                    .chain_url = fake.url,
		                    .scrypt_n = 16,
		                    .unlock = " alice ",
		                    .quiet = true };
	char file[PATH_SIZE];

	(void)state;
	unit_home(&home);
	unit_keystore(&home, &ks);
	fake_start();
	assert_ok(keystore_create(&ks, "alice", PASSWORD, &alice, &err), err);
	write_password();
	assert_ok(home_path(&home, file, &err, "pass", NULL), err);
	o.password_file = file;
	assert_ok(wallet_start(&o, &w, &err), err);
	assert_ok(token_own_read(&home, own, &err), err);
	return 0;
}

static int
end(void **state)
{
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(wallet_stop(w, &err), err);
	fake_stop();
	unit_home_end(&home);
	return 0;
}

/* The status; *out (may be NULL) is the caller's. */
static int
call(const char *method, const char *path, const char *body, struct json_object **out)
{
	char url[512], header[128];
	const char *headers[] = { header, NULL };
	struct client_request rq = { .method = method, .url = url, .headers = headers, .body = body,
		                     .body_len = body ? strlen(body) : 0, .cancel_fd = -1 };
	struct b3iq_error err = NO_ERR;
	struct client_reply reply;
	struct client *client;
	int status;

	snprintf(url, sizeof(url), "%s%s", wallet_url(w), path);
	snprintf(header, sizeof(header), "Authorization: Bearer %s", own);
	assert_ok(client_create(&client, &err), err);
	client_reply_init(&reply, 1u << 20);
	assert_ok(client_call(client, &rq, &reply, &err), err);
	status = reply.status;
	if (out)
		assert_int_equal(json_parse(reply.body.data, reply.body.len, "answer", out, NULL),
		                 B3IQ_OK);
	client_reply_finish(&reply);
	client_destroy(client);
	return status;
}

static void
test_bad_bodies(void **state)
{
	static const struct {
		const char *path, *body;
		int         status;
	} cases[] = {
		{ "/v1/wallets", "", 400 },
		{ "/v1/wallets", "[]", 400 },
		{ "/v1/wallets", "{\"name\":5,\"password\":\"long enough\"}", 400 },
		{ "/v1/wallets", "{\"name\":\"x\"}", 400 },
		{ "/v1/wallets", "{\"name\":\"../x\",\"password\":\"long enough\"}", 400 },
		{ "/v1/wallets", "{\"name\":\"x\",\"password\":\"short\"}", 400 },
		{ "/v1/wallets", "{\"name\":\"alice\",\"password\":\"long enough\"}", 409 },
		{ "/v1/wallets/alice/unlock", "{\"password\":1}", 400 },
		{ "/v1/wallets/alice/unlock", "{\"password\":\"" PASSWORD "\",\"seconds\":-1}",
		  400 },
		{ "/v1/wallets/alice/unlock", "{\"password\":\"" PASSWORD "\",\"seconds\":604801}",
		  400 },
		{ "/v1/wallets/nobody/unlock", "{\"password\":\"" PASSWORD "\"}", 404 },
		{ "/v1/wallets/%2e%2e/unlock", "{\"password\":\"" PASSWORD "\"}", 400 },
		{ "/v1/wallets/alice/sign", "{}", 400 },
		{ "/v1/wallets/alice/sign", "{\"message\":5}", 400 },
		{ "/v1/wallets/alice/sign", "{\"message\":\"!!\"}", 400 },
		{ "/v1/wallets/alice/sign", "{\"message\":\"YWJj\"}", 400 },
		{ "/v1/wallets/alice/send", "{}", 400 },
		{ "/v1/wallets/alice/send", "{\"to\":\"ait1x\",\"amount\":\"1\"}", 400 },
	};
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		status = call("POST", cases[i].path, cases[i].body, NULL);
		if (status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].path, cases[i].body, status);
	}
}

static void
test_amounts(void **state)
{
	static const struct {
		const char *amount;
		int         status;
		uint64_t    micro;
	} cases[] = { { "\"5\"", 200, 5 },          { "\"0.25 AITBC\"", 200, 250000 },
		      { "\"1aitbc\"", 200, 1000000 }, { "\"0.25\"", 400, 0 },
		      { "5", 400, 0 },              { "\"0\"", 400, 0 },
		      { "\"-1\"", 400, 0 },         { "\"1 BTCA\"", 400, 0 } };
	char body[256], to[ADDRESS_SIZE];
	size_t i, n = 0;
	int status;

	(void)state;
	address_write(&alice.address, to);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(body, sizeof(body), "{\"to\":\"%s\",\"amount\":%s,\"fee\":\"0\"}", to,
		         cases[i].amount);
		status = call("POST", "/v1/wallets/alice/send", body, NULL);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].amount, status);
		if (status == 200)
			assert_int_equal(fake.txs[n++].transfer.amount, cases[i].micro);
		assert_int_equal(fake.n, n);
	}
}

static void
test_chain_troubles(void **state)
{
	char body[256], to[ADDRESS_SIZE];
	struct json_object *answer;

	(void)state;
	address_write(&alice.address, to);
	snprintf(body, sizeof(body), "{\"to\":\"%s\",\"amount\":\"5\",\"idempotency_key\":\"k\"}",
	         to);
	atomic_store(&fake.deaf, 4);
	assert_int_equal(call("POST", "/v1/wallets/alice/send", body, NULL), 502);
	atomic_store(&fake.refuse, RPC_FULL);
	assert_int_equal(call("POST", "/v1/wallets/alice/send", body, NULL), 429);
	atomic_store(&fake.refuse, 0);
	assert_int_equal(call("POST", "/v1/wallets/alice/send", body, NULL), 200);
	assert_int_equal(call("GET", "/v1/wallets/alice/history?limit=0", NULL, NULL), 400);
	assert_int_equal(call("GET", "/v1/wallets/alice/history", NULL, &answer), 200);
	assert_int_equal(json_object_array_length(json_object_object_get(answer, "sent")), 1);
	json_object_put(answer);
	assert_int_equal(call("GET", "/v1/wallets/alice/balance", NULL, &answer), 200);
	assert_string_equal(json_object_get_string(json_object_object_get(answer, "unbonding")),
	                    "7");
	json_object_put(answer);
	atomic_store(&fake.garbage, true);
	assert_int_equal(call("GET", "/v1/wallets/alice/balance", NULL, NULL), 400);
}

static void
test_base64(void **state)
{
	/* {"a":"?>?>"} as an order: base64 of both alphabets, with and without padding */
	static const char *const forms[] = {
		"YjNpcS5vcmRlci8xCnsiYSI6Ij8-Pz4ifQ",
		"YjNpcS5vcmRlci8xCnsiYSI6Ij8-Pz4ifQ==",
		"YjNpcS5vcmRlci8xCnsiYSI6Ij8+Pz4ifQ==",
		"YjNpcS5vcmRlci8xCnsiYSI6Ij8+Pz4ifQ",
	};
	static const char message[] = "b3iq.order/1\n{\"a\":\"?>?>\"}";
	struct json_object *answer;
	uint8_t sig[64];
	const char *text;
	char body[256];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(body, sizeof(body), "{\"message\":\"%s\"}", forms[i]);
		assert_int_equal(call("POST", "/v1/wallets/alice/sign", body, &answer), 200);
		text = json_object_get_string(json_object_object_get(answer, "signature"));
		assert_true(hex_decode(text, strlen(text), sig, 64));
		assert_int_equal(ed25519_verify(alice.pub, message, strlen(message), sig), B3IQ_OK);
		json_object_put(answer);
	}
}

static void
test_starts_that_fail(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct wallet_options o = { .home = home.dir, .port = 0 };
	struct wallet *second;
	char dir[] = BUILD_DIR "/unit-home-XXXXXX", file[PATH_SIZE];

	(void)state;
	assert_int_equal(wallet_start(&o, &second, &err), B3IQ_E_BUSY);
	assert_non_null(mkdtemp(dir));
	o.home = dir;
	o.address = "0.0.0.0";
	assert_int_equal(wallet_start(&o, &second, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "loopback"));
	o.address = NULL;
	o.chain_url = "gopher://x";
	assert_int_equal(wallet_start(&o, &second, &err), B3IQ_E_INVALID);
	o.chain_url = NULL;
	o.unlock = "alice";
	assert_int_equal(wallet_start(&o, &second, &err), B3IQ_E_INVALID);
	assert_ok(home_path(&home, file, &err, "pass", NULL), err);
	o.password_file = file;
	assert_int_equal(wallet_start(&o, &second, &err),
	                 B3IQ_E_NOT_FOUND); /* no such wallet there */
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(wallet_start(&o, &second, &err), B3IQ_E_DENIED);
	assert_null(second);
	unit_remove(dir);
}

static void
test_urls(void **state)
{
	struct b3iq_error err = NO_ERR;
	char url[32];

	(void)state;
	unsetenv("AITBC_BLOCKCHAIN_RPC_URL");
	assert_ok(wallet_chain_url(NULL, url, sizeof(url), &err), err);
	assert_string_equal(url, WALLET_CHAIN);
	setenv("AITBC_BLOCKCHAIN_RPC_URL", "https://c.example//", 1);
	assert_ok(wallet_chain_url(NULL, url, sizeof(url), &err), err);
	assert_string_equal(url, "https://c.example");
	assert_ok(wallet_chain_url("http://x/", url, sizeof(url), &err), err);
	assert_string_equal(url, "http://x");
	unsetenv("AITBC_BLOCKCHAIN_RPC_URL");
	assert_int_equal(wallet_chain_url("x", url, sizeof(url), &err), B3IQ_E_INVALID);
	assert_int_equal(wallet_chain_url("http://a.very.long.name.of.a.host.example", url,
	                                  sizeof(url), &err),
	                 B3IQ_E_INVALID);
}

static void
test_password_files(void **state)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE], other[PATH_SIZE], text[64], small[8];

	(void)state;
	assert_ok(home_path(&home, file, &err, "pass", NULL), err);
	assert_ok(wallet_password_file(file, text, sizeof(text), &err), err);
	assert_string_equal(text, PASSWORD); /* its first line */
	assert_int_equal(wallet_password_file(file, small, sizeof(small), &err), B3IQ_E_INVALID);
	assert_ok(home_path(&home, other, &err, "link", NULL), err);
	assert_int_equal(symlink(file, other), 0);
	assert_int_equal(wallet_password_file(other, text, sizeof(text), &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(wallet_password_file(home.dir, text, sizeof(text), &err), B3IQ_E_DENIED);
	assert_ok(path_write(file, "\n", 1, 0600, &err), err);
	assert_int_equal(wallet_password_file(file, text, sizeof(text), &err), B3IQ_E_INVALID);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_bad_bodies),     TEST(test_amounts),          TEST(test_chain_troubles),
		TEST(test_base64),         TEST(test_starts_that_fail), TEST(test_urls),
		TEST(test_password_files),
	};

	return cmocka_run_group_tests_name("wallet/wallet", tests, NULL, NULL);
}
