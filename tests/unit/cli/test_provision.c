/* provision.c: what it makes, what it leaves alone, and what stands again after files were lost. */
#include "../check.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "canned.h"
#include "node/config.h"

/* The plugins of this build, wherever the test lies; none if a test says so. */
static bool no_plugins;

static bool
plugins_here(char out[PATH_SIZE])
{
	return !no_plugins && snprintf(out, PATH_SIZE, "%s/plugins", BUILD_DIR) < PATH_SIZE;
}

#define config_plugin_dir plugins_here
#include "cli/devnet/provision.c"

#define ANSWER(status, body)                                               \
	"HTTP/1.1 " status " X\r\nContent-Type: application/json\r\n"      \
	"Connection: close\r\n\r\n" body
#define HAS(n) ANSWER("200", "{\"balance\":\"" n "\"}")

static struct b3iq_error err;

static int
begin(void **state)
{
	static struct home home;
	char dir[] = "/tmp/b3iq-provision-XXXXXX";

	err = (struct b3iq_error){ .size = sizeof err };
	home = (struct home){ .lock_fd = -1 };
	no_plugins = false;
	*state = &home;
	return mkdtemp(dir) && home_open(&home, dir, &err) == B3IQ_OK ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
end(void **state)
{
	struct home *h = *state;
	int bad;

	home_close(h);
	bad = nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return bad;
}

static const char *
file_of(const struct home *h, const char *folder, const char *name)
{
	static char out[PATH_SIZE];

	assert_int_equal(folder ? home_path(h, out, &err, folder, name, NULL)
	                        : home_path(h, out, &err, name, NULL), B3IQ_OK);
	return out;
}

static void
put(const struct home *h, const char *folder, const char *name, const char *text)
{
	assert_int_equal(path_write(file_of(h, folder, name), text, strlen(text), 0600, &err), B3IQ_OK);
}

/* The text of a file, with its mode checked: only its owner may read it. */
static void
private_text(const char *file, struct buf *out)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init(out, 65536);
	assert_int_equal(path_read(file, out, &err), B3IQ_OK);
}

static void
same_again(const char *file, const struct buf *first)
{
	struct buf text;

	private_text(file, &text);
	assert_string_equal(text.data, first->data);
	buf_free(&text);
}

/* ---- wallets --------------------------------------------------------------------- */

static void
test_wallets(void **state)
{
	static const char *const names[] = { "client", "coordinator", "node" };
	const struct home *h = *state;
	char password[PATH_SIZE], address[3][PROVISION_ADDRESS_SIZE], again[PROVISION_ADDRESS_SIZE];
	struct buf text;

	assert_int_equal(provision_password(h, password, &err), B3IQ_OK);
	private_text(password, &text);
	assert_int_equal(text.len, 64 + 1);
	assert_int_equal(strspn(text.data, "0123456789abcdef"), 64);
	assert_int_equal(provision_password(h, password, &err), B3IQ_OK);
	same_again(password, &text);
	buf_free(&text);

	assert_int_equal(provision_address(h, "client", again, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(provision_wallets(h, password, &err), B3IQ_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(provision_address(h, names[i], address[i], &err), B3IQ_OK);
		assert_int_equal(strncmp(address[i], "ait1", 4), 0);
	}
	assert_string_not_equal(address[0], address[1]);
	assert_string_not_equal(address[1], address[2]);

	/* Killed between two wallets: the one that is wanting is made, the others keep their keys. */
	assert_int_equal(unlink(file_of(h, "wallets", "node.json")), 0);
	assert_int_equal(provision_wallets(h, password, &err), B3IQ_OK);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(provision_address(h, names[i], again, &err), B3IQ_OK);
		assert_string_equal(again, address[i]);
	}
	assert_int_equal(provision_address(h, "node", again, &err), B3IQ_OK);
	assert_string_not_equal(again, address[2]);
}

static void
test_damaged_wallet(void **state)
{
	const struct home *h = *state;
	char password[PATH_SIZE];
	struct buf text;

	assert_int_equal(provision_password(h, password, &err), B3IQ_OK);
	assert_int_equal(path_make_dir(file_of(h, NULL, "wallets"), 0700, &err), B3IQ_OK);
	put(h, "wallets", "client.json", "{\"money\":\"all of it\"}");
	assert_int_equal(provision_wallets(h, password, &err), B3IQ_E_INVALID);
	private_text(file_of(h, "wallets", "client.json"), &text); /* perhaps somebody can save it */
	assert_string_equal(text.data, "{\"money\":\"all of it\"}");
	buf_free(&text);
	assert_int_equal(chmod(password, 0644), 0);
	assert_int_not_equal(provision_wallets(h, password, &err), B3IQ_OK);
}

/* ---- the coordinator's token and keys ------------------------------------------------ */

static int32_t
count_token(void *arg, const struct token *t)
{
	if (!t->key.revoked_ms)
		++*(int *)arg;
	return B3IQ_OK;
}

/* How many tokens work; and what the one in the file may. */
static int
tokens(const struct home *h, const char *line)
{
	char secret[PROVISION_KEY_SIZE];
	struct store *store;
	struct token token;
	int n = 0;

	snprintf(secret, sizeof secret, "%.*s", (int)strcspn(line, "\n"), line);
	assert_int_equal(wallet_store_open(h, &store, &err), B3IQ_OK);
	assert_int_equal(token_check(store, secret, 0, &token, &err), B3IQ_OK);
	assert_true(token_may(&token, "sign", "client") && token_may(&token, "read", "coordinator"));
	assert_false(token_may(&token, "sign", "node")); /* it pays nobody: not its business */
	assert_false(token_may(&token, "send", "client") || token_may(&token, "admin", "client"));
	assert_int_equal(token_list(store, count_token, &n, &err), B3IQ_OK);
	store_close(store);
	return n;
}

static void
test_token(void **state)
{
	const struct home *h = *state;
	struct buf first, second;

	assert_int_equal(provision_token(h, &err), B3IQ_OK);
	private_text(file_of(h, "secrets/coordinator", "wallet"), &first);
	assert_int_equal(tokens(h, first.data), 1);
	assert_int_equal(provision_token(h, &err), B3IQ_OK);
	same_again(file_of(h, "secrets/coordinator", "wallet"), &first);

	/* The file is lost, or holds something else: a new token, and the old one is worth nothing. */
	assert_int_equal(unlink(file_of(h, "secrets/coordinator", "wallet")), 0);
	assert_int_equal(provision_token(h, &err), B3IQ_OK);
	private_text(file_of(h, "secrets/coordinator", "wallet"), &second);
	assert_string_not_equal(first.data, second.data);
	assert_int_equal(tokens(h, second.data), 1);
	buf_free(&second);
	put(h, "secrets/coordinator", "wallet", first.data);
	assert_int_equal(provision_token(h, &err), B3IQ_OK);
	private_text(file_of(h, "secrets/coordinator", "wallet"), &second);
	assert_string_not_equal(first.data, second.data);
	assert_int_equal(tokens(h, second.data), 1);
	buf_free(&first);
	buf_free(&second);
}

static void
key_is(const struct home *h, const char *file, const char *role, const char *account)
{
	char secret[PROVISION_KEY_SIZE];
	struct keyring ring;
	struct store *store;
	struct key key;

	assert_int_equal(read_line(h, "keys", file, secret, &err), B3IQ_OK);
	assert_int_equal(coordinator_keys(h->dir, &store, &err), B3IQ_OK);
	ring = coordinator_ring(store);
	assert_int_equal(keyring_check(&ring, secret, 0, &key, &err), B3IQ_OK);
	assert_string_equal(key.scopes, role);
	assert_string_equal(key.account, account);
	store_close(store);
}

static void
test_keys(void **state)
{
	const struct home *h = *state;
	char miner[PROVISION_KEY_SIZE], again[PROVISION_KEY_SIZE];
	struct buf client;

	assert_int_equal(provision_keys(h, miner, &err), B3IQ_OK);
	key_is(h, "client.key", "client", "client");
	key_is(h, "admin.key", "admin", "");
	key_is(h, "miner.key", "miner", "");
	private_text(file_of(h, "keys", "client.key"), &client);
	assert_int_equal(unlink(file_of(h, "keys", "miner.key")), 0); /* killed before it was written */
	assert_int_equal(provision_keys(h, again, &err), B3IQ_OK);
	assert_string_not_equal(miner, again);
	key_is(h, "miner.key", "miner", "");
	same_again(file_of(h, "keys", "client.key"), &client);
	buf_free(&client);
	put(h, "keys", "admin.key", "\n"); /* torn */
	assert_int_equal(provision_keys(h, again, &err), B3IQ_OK);
	key_is(h, "admin.key", "admin", "");
}

/* ---- coordinator.json ------------------------------------------------------------------- */

static struct json_object *
settings(const struct home *h)
{
	struct json_object *doc = NULL;
	struct buf text;

	private_text(file_of(h, NULL, "coordinator.json"), &text);
	assert_int_equal(json_parse(text.data, text.len, "test", &doc, &err), B3IQ_OK);
	buf_free(&text);
	return doc;
}

static const char *
text_at(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

static void
test_settings(void **state)
{
	const struct home *h = *state;
	struct json_object *doc, *ledger;

	assert_int_equal(provision_settings(h, "http://c:1", "http://w:2", &err), B3IQ_OK);
	doc = settings(h);
	ledger = json_object_object_get(doc, "ledger");
	assert_string_equal(text_at(doc, "default_model"), "b3iq-mini");
	assert_string_equal(text_at(ledger, "plugin"), "localchain");
	assert_int_equal(strlen(text_at(ledger, "sha256")), 64);
	assert_string_equal(text_at(ledger, "wallet"), "coordinator");
	assert_string_equal(text_at(ledger, "default_wallet"), "client");
	assert_string_equal(text_at(ledger, "wallet_url"), "http://w:2");
	assert_string_equal(text_at(json_object_object_get(ledger, "config"), "url"), "http://c:1");
	json_object_put(doc);
	no_plugins = true; /* nothing but the addresses is touched the second time */
	assert_int_equal(provision_settings(h, "http://c:3", "http://w:4", &err), B3IQ_OK);
	doc = settings(h);
	ledger = json_object_object_get(doc, "ledger");
	assert_string_equal(text_at(ledger, "wallet_url"), "http://w:4");
	assert_string_equal(text_at(json_object_object_get(ledger, "config"), "url"), "http://c:3");
	assert_string_equal(text_at(ledger, "plugin"), "localchain");
	json_object_put(doc);
}

static void
test_own_settings(void **state)
{
	const struct home *h = *state;
	struct json_object *doc, *ledger;

	put(h, NULL, "coordinator.json",
	    "{\"default_model\":\"mine\",\"limits\":{\"attempts\":7},"
	    "\"ledger\":{\"plugin\":\"other\",\"sha256\":\"x\",\"config\":{\"more\":1}}}");
	assert_int_equal(provision_settings(h, "http://c:1", "http://w:2", &err), B3IQ_OK);
	doc = settings(h);
	ledger = json_object_object_get(doc, "ledger");
	assert_string_equal(text_at(doc, "default_model"), "mine");
	assert_string_equal(text_at(json_object_object_get(doc, "limits"), "attempts"), "7");
	assert_string_equal(text_at(ledger, "plugin"), "other");
	assert_string_equal(text_at(ledger, "sha256"), "x");
	assert_string_equal(text_at(json_object_object_get(ledger, "config"), "more"), "1");
	json_object_put(doc);
}

static void
test_bad_settings(void **state)
{
	static const char *const texts[] = { "{\"ledger\":", "", "[]", "7", "{\"ledger\":7}", "{\"ledger\":null}",
		                             "{\"ledger\":{\"config\":\"x\"}}" };
	const struct home *h = *state;
	struct buf text;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		put(h, NULL, "coordinator.json", texts[i]);
		assert_int_equal(provision_settings(h, "http://c:1", "http://w:2", &err), B3IQ_E_INVALID);
		assert_non_null(strstr(err.text, "coordinator.json"));
		private_text(file_of(h, NULL, "coordinator.json"), &text);
		assert_int_equal(text.len, strlen(texts[i])); /* as the operator left it */
		assert_int_equal(strncmp(text.len ? text.data : "", texts[i], text.len), 0);
		buf_free(&text);
	}
}

static void
test_no_plugin(void **state)
{
	const struct home *h = *state;

	no_plugins = true;
	assert_int_equal(provision_settings(h, "http://c:1", "http://w:2", &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "localchain"));
	assert_false(path_exists(file_of(h, NULL, "coordinator.json")));
}

/* ---- money --------------------------------------------------------------------------------- */

static int32_t
funds(struct canned *c, uint64_t least, const char *const *answers)
{
	int32_t rc;

	canned_begin(c, answers);
	rc = provision_funds(c->url, "ait1x", least, &err);
	canned_end(c);
	return rc;
}

static void
test_funds(void **state)
{
	struct canned *c = calloc(1, sizeof *c);

	(void)state;
	assert_non_null(c);
	assert_int_equal(funds(c, 100, (const char *const[]){ HAS("100"), NULL }), B3IQ_OK);
	assert_int_equal(c->n, 1); /* rich enough: the faucet is not asked */
	assert_non_null(strstr(c->asked[0], "GET /rpc/accounts/ait1x "));
	assert_int_equal(funds(c, 100, (const char *const[]){ HAS("99"), ANSWER("200", "{}"), HAS("99"),
	                                                      HAS("1000"), NULL }), B3IQ_OK);
	assert_int_equal(c->n, 4);
	assert_non_null(strstr(c->asked[1], "POST /rpc/faucet "));
	assert_non_null(strstr(c->asked[1], "{\"address\":\"ait1x\"}"));
	free(c);
}

static void
test_no_funds(void **state)
{
	struct canned *c = calloc(1, sizeof *c);

	(void)state;
	assert_non_null(c);
	assert_int_equal(funds(c, 100, (const char *const[]){ HAS("0"),
	                 ANSWER("403", "{\"error\":{\"message\":\"no faucet here\"}}"), NULL }),
	                 B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "no faucet here"));
	assert_int_equal(funds(c, 100, (const char *const[]){ HAS("-1"), NULL }), B3IQ_E_INVALID);
	assert_int_equal(funds(c, 100, (const char *const[]){ ANSWER("200", "{}"), NULL }), B3IQ_E_INVALID);
	assert_int_equal(funds(c, 100, (const char *const[]){ ANSWER("200", "no JSON"), NULL }), B3IQ_E_INVALID);
	free(c);
}

int
main(void)
{
#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_A_HOME(test_wallets), IN_A_HOME(test_damaged_wallet), IN_A_HOME(test_token),
		IN_A_HOME(test_keys), IN_A_HOME(test_settings), IN_A_HOME(test_own_settings),
		IN_A_HOME(test_bad_settings), IN_A_HOME(test_no_plugin), IN_A_HOME(test_funds),
		IN_A_HOME(test_no_funds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
