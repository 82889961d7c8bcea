#include "cli/devnet/provision.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coordinator/coordinator.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/crypto/secret.h"
#include "core/http/client.h"
#include "core/plugin/file/catalog.h"
#include "core/tx/amount.h"
#include "node/config.h"
#include "wallet/keystore.h"
#include "wallet/token.h"
#include "wallet/wallet.h"

#define SCRYPT_N    16384 /* enough in front of 256 random bits */
#define FILE_MAX    (1u << 20)
#define MODEL       "b3iq-mini" /* of the node, which has it built in */
#define BLOCK_TRIES 200   /* of 50 ms: until a faucet's transaction has its block */

/* A private file of one line. */
static int32_t
write_line(const struct home *h, const char *folder, const char *name, const char *text,
           struct b3iq_error *err)
{
	char dir[PATH_SIZE], file[PATH_SIZE], line[PROVISION_KEY_SIZE + 2];
	const int n = snprintf(line, sizeof line, "%s\n", text);
	int32_t rc = home_path(h, dir, err, folder, NULL);

	if (rc == B3IQ_OK)
		rc = path_make_dir(dir, 0700, err);
	if (rc == B3IQ_OK)
		rc = home_path(h, file, err, folder, name, NULL);
	if (rc == B3IQ_OK)
		rc = path_write(file, line, (size_t)n, 0600, err);
	secret_wipe(line, sizeof line);
	return rc;
}

/* The first line of a file of the home; B3IQ_E_NOT_FOUND. */
static int32_t
read_line(const struct home *h, const char *folder, const char *name,
          char out[PROVISION_KEY_SIZE], struct b3iq_error *err)
{
	char file[PATH_SIZE];
	struct buf text;
	int32_t rc = home_path(h, file, err, folder, name, NULL);

	if (rc != B3IQ_OK || !path_exists(file))
		return rc != B3IQ_OK ? rc : B3IQ_E_NOT_FOUND;
	buf_init(&text, PROVISION_KEY_SIZE - 1);
	rc = path_read(file, &text, err);
	if (rc == B3IQ_OK) {
		snprintf(out, PROVISION_KEY_SIZE, "%s", text.len ? text.data : "");
		out[strcspn(out, "\r\n")] = '\0';
	}
	buf_wipe(&text);
	return rc;
}

/* ---- wallets ------------------------------------------------------------- */

int32_t
provision_password(const struct home *h, char file[PATH_SIZE], struct b3iq_error *err)
{
	char text[2 * 32 + 1];
	uint8_t bytes[32];
	int32_t rc = home_path(h, file, err, "keys", "devnet.password", NULL);

	if (rc != B3IQ_OK || path_exists(file))
		return rc;
	random_bytes(bytes, sizeof bytes);
	hex_encode(bytes, sizeof bytes, text);
	rc = write_line(h, "keys", "devnet.password", text, err);
	secret_wipe(bytes, sizeof bytes);
	secret_wipe(text, sizeof text);
	return rc;
}

int32_t
provision_wallets(const struct home *h, const char *password_file, struct b3iq_error *err)
{
	static const char *const names[] = { PROVISION_CLIENT, PROVISION_COORDINATOR,
		                             PROVISION_NODE };
	char password[KEYSTORE_PASSWORD_MAX + 2];
	struct keystore_entry entry;
	struct keystore ks;
	int32_t rc = keystore_open(&ks, h, err);

	if (rc == B3IQ_OK)
		rc = wallet_password_file(password_file, password, sizeof password, err);
	ks.n = SCRYPT_N;
	for (size_t i = 0; rc == B3IQ_OK && i < 3; i++) {
		rc = keystore_read(&ks, names[i], &entry, err);
		if (rc == B3IQ_E_NOT_FOUND)
			rc = keystore_create(&ks, names[i], password, &entry, err);
	}
	secret_wipe(password, sizeof password);
	return rc;
}

int32_t
provision_address(const struct home *h, const char *wallet, char out[PROVISION_ADDRESS_SIZE],
                  struct b3iq_error *err)
{
	struct keystore_entry entry;
	struct keystore ks;
	int32_t rc = keystore_open(&ks, h, err);

	if (rc == B3IQ_OK)
		rc = keystore_read(&ks, wallet, &entry, err);
	if (rc == B3IQ_OK)
		address_write(&entry.address, out);
	return rc;
}

int32_t
provision_token(const struct home *h, struct b3iq_error *err)
{
	const struct key_spec spec = { .name = "devnet coordinator", .scopes = "read sign",
		                       .models = PROVISION_CLIENT " " PROVISION_COORDINATOR };
	char secret[PROVISION_KEY_SIZE];
	struct token token;
	struct store *store;
	int32_t rc = wallet_store_open(h, &store, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = read_line(h, "secrets/coordinator", "wallet", secret, err);
	if (rc == B3IQ_OK)
		rc = token_check(store, secret, 0, &token, err);
	if (rc != B3IQ_OK) { /* none, or one that wallet.db does not know */
		token_revoke(store, spec.name, NULL);
		rc = token_create(store, &spec, TOKEN_NO_CAP, TOKEN_NO_CAP, &token, secret, err);
		if (rc == B3IQ_OK)
			rc = write_line(h, "secrets/coordinator", "wallet", secret, err);
	}
	secret_wipe(secret, sizeof secret);
	store_close(store);
	return rc;
}

/* ---- the coordinator ----------------------------------------------------- */

static int32_t
make_key(const struct home *h, const struct keyring *ring, const char *role, const char *wallet,
         char secret[PROVISION_KEY_SIZE], struct b3iq_error *err)
{
	char name[64], file[64];
	const struct key_spec spec = { .name = name, .scopes = role, .account = wallet };
	struct key key;
	int32_t rc;

	snprintf(name, sizeof name, "devnet %s", role);
	snprintf(file, sizeof file, "%s.key", role);
	rc = read_line(h, "keys", file, secret, err);
	if (rc == B3IQ_OK)
		rc = keyring_check(ring, secret, 0, &key, err);
	if (rc == B3IQ_OK)
		return rc;
	keyring_revoke(ring, name, NULL);
	rc = keyring_create(ring, &spec, &key, secret, err);
	return rc == B3IQ_OK ? write_line(h, "keys", file, secret, err) : rc;
}

int32_t
provision_keys(const struct home *h, char miner[PROVISION_KEY_SIZE], struct b3iq_error *err)
{
	char secret[PROVISION_KEY_SIZE];
	struct keyring ring;
	struct store *store;
	int32_t rc = coordinator_keys(h->dir, &store, err);

	if (rc != B3IQ_OK)
		return rc;
	ring = coordinator_ring(store);
	rc = make_key(h, &ring, "client", PROVISION_CLIENT, secret, err);
	if (rc == B3IQ_OK)
		rc = make_key(h, &ring, "admin", NULL, secret, err);
	if (rc == B3IQ_OK)
		rc = make_key(h, &ring, "miner", NULL, miner, err);
	secret_wipe(secret, sizeof secret);
	store_close(store);
	return rc;
}

static int32_t
object_at(struct json_object *doc, const char *key, struct json_object **out,
          struct b3iq_error *err)
{
	if (!json_object_object_get_ex(doc, key, out)) {
		*out = json_object_new_object();
		if (json_put(doc, key, *out) != B3IQ_OK)
			return fail_memory(err, "writing coordinator.json");
	}
	return json_object_is_type(*out, json_type_object)
	               ? B3IQ_OK
	               : fail(err, B3IQ_E_INVALID, "coordinator.json: %s must be an object", key);
}

/* The ledger's section of a new file: the plugin as it lies there now, pinned. */
static int32_t
add_ledger(struct json_object *ledger, struct b3iq_error *err)
{
	struct catalog_item *item = calloc(1, sizeof *item);
	struct json_object *dirs = json_object_new_array();
	char dir[PATH_SIZE] = "";
	int32_t rc = B3IQ_OK;

	if (!item || !dirs) {
		json_object_put(dirs);
		free(item);
		return fail_memory(err, "writing coordinator.json");
	}
	if (!config_plugin_dir(dir) ||
	    catalog_open((const char *const[]){ dir, NULL }, "localchain", item) != B3IQ_OK)
		rc = fail(err, B3IQ_E_NOT_FOUND,
		          "the plugin localchain is not beside this program: %.120s",
		          dir[0] ? item->err.text : "there is no folder of plugins");
	if (json_add(dirs, json_object_new_string(dir)) != B3IQ_OK ||
	    json_put(ledger, "plugin_dirs", dirs) != B3IQ_OK ||
	    json_put_string(ledger, "plugin", "localchain") != B3IQ_OK ||
	    json_put_string(ledger, "sha256", item->file.sha256) != B3IQ_OK ||
	    json_put_string(ledger, "wallet", PROVISION_COORDINATOR) != B3IQ_OK ||
	    json_put_string(ledger, "default_wallet", PROVISION_CLIENT) != B3IQ_OK)
		rc = rc != B3IQ_OK ? rc : fail_memory(err, "writing coordinator.json");
	catalog_close(item);
	free(item);
	return rc;
}

static int32_t
read_settings(const char *file, struct json_object **out, struct b3iq_error *err)
{
	struct buf text;
	int32_t rc = B3IQ_OK;

	buf_init(&text, FILE_MAX);
	if (path_exists(file)) {
		rc = path_read(file, &text, err);
		if (rc == B3IQ_OK)
			rc = json_parse(text.data, text.len, "coordinator.json", out, err);
		if (rc == B3IQ_OK && !json_object_is_type(*out, json_type_object)) {
			json_object_put(*out);
			*out = NULL;
			rc = fail(err, B3IQ_E_INVALID, "coordinator.json must be an object");
		}
	} else {
		*out = json_object_new_object();
		rc = *out ? B3IQ_OK : fail_memory(err, "writing coordinator.json");
	}
	buf_free(&text);
	return rc;
}

int32_t
provision_settings(const struct home *h, const char *chain_url, const char *wallet_url,
                   struct b3iq_error *err)
{
	struct json_object *doc = NULL, *ledger = NULL, *config = NULL;
	char file[PATH_SIZE];
	const char *text;
	bool fresh;
	int32_t rc = home_path(h, file, err, "coordinator.json", NULL);

	if (rc == B3IQ_OK)
		rc = read_settings(file, &doc, err);
	if (rc != B3IQ_OK)
		return rc;
	fresh = !json_object_object_get_ex(doc, "ledger", NULL);
	rc = object_at(doc, "ledger", &ledger, err);
	if (rc == B3IQ_OK)
		rc = object_at(ledger, "config", &config, err);
	if (rc == B3IQ_OK && fresh)
		rc = add_ledger(ledger, err);
	if (rc == B3IQ_OK && !json_object_object_get_ex(doc, "default_model", NULL) &&
	    json_put_string(doc, "default_model", MODEL) != B3IQ_OK)
		rc = fail_memory(err, "writing coordinator.json");
	if (rc == B3IQ_OK &&
	    (json_put_string(config, "url", chain_url) != B3IQ_OK ||
	     json_put_string(ledger, "wallet_url", wallet_url) != B3IQ_OK))
		rc = fail_memory(err, "writing coordinator.json");
	text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
	                                                   JSON_C_TO_STRING_PRETTY_TAB |
	                                                   JSON_C_TO_STRING_NOSLASHESCAPE);
	if (rc == B3IQ_OK)
		rc = path_write(file, text, strlen(text), 0600, err);
	json_object_put(doc);
	return rc;
}

/* ---- money --------------------------------------------------------------- */

static int32_t
call(const char *method, const char *url, const char *body, struct json_object **out,
     struct b3iq_error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	const struct client_request rq = { .method = method, .url = url, .headers = headers,
		                           .body = body, .body_len = body ? strlen(body) : 0,
		                           .total_ms = 10000 };
	struct client_reply reply;
	struct client *client;
	char says[200];
	int32_t rc = client_create(&client, err);

	*out = NULL;
	if (rc != B3IQ_OK)
		return rc;
	client_reply_init(&reply, FILE_MAX);
	rc = client_call(client, &rq, &reply, err);
	if (rc == B3IQ_OK && reply.status / 100 != 2) {
		client_reply_message(&reply, says, sizeof says);
		rc = fail(err, B3IQ_E_UNAVAILABLE, "the chain says: %s", says);
	}
	if (rc == B3IQ_OK)
		rc = json_parse(reply.body.data, reply.body.len, "the chain's answer", out, err);
	client_reply_finish(&reply);
	client_destroy(client);
	return rc;
}

static int32_t
balance_of(const char *chain_url, const char *address, uint64_t *out, struct b3iq_error *err)
{
	struct json_object *account;
	const char *text = "";
	char url[1200];
	int32_t rc;

	snprintf(url, sizeof url, "%s/rpc/accounts/%s", chain_url, address);
	rc = call("GET", url, NULL, &account, err);
	if (rc == B3IQ_OK)
		rc = json_get_string(account, "balance", "", &text, err);
	if (rc == B3IQ_OK && !amount_read(text, strlen(text), out))
		rc = fail(err, B3IQ_E_INVALID, "the chain's balance is no amount");
	json_object_put(account);
	return rc;
}

int32_t
provision_funds(const char *chain_url, const char *address, uint64_t least,
                struct b3iq_error *err)
{
	struct json_object *answer;
	char url[1200], body[128];
	uint64_t balance = 0;
	int32_t rc = balance_of(chain_url, address, &balance, err);

	if (rc != B3IQ_OK || balance >= least)
		return rc;
	snprintf(url, sizeof url, "%s/rpc/faucet", chain_url);
	snprintf(body, sizeof body, "{\"address\":\"%s\"}", address);
	rc = call("POST", url, body, &answer, err);
	json_object_put(answer);
	for (int i = 0; rc == B3IQ_OK && balance < least && i < BLOCK_TRIES; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		rc = balance_of(chain_url, address, &balance, err);
	}
	if (rc == B3IQ_OK && balance < least)
		rc = fail(err, B3IQ_E_TIMEOUT, "the faucet's transaction has no block yet");
	return rc;
}
