/* chain.c, faucet.c, query.c, rpc.c, rest.c, witness.c: the role in this process, asked over HTTP. */
#include "fixture.h"

#include <pthread.h>
#include <sys/stat.h>

#include "chain/chain.h"
#include "chain/rpc/context.h"
#include "chain/rpc/faucet.h"
#include "chain/rpc/query.h"
#include "chain/rpc/wire.h"
#include "core/base/json.h"
#include "core/http/client.h"

static char dir[64], file[96];
static struct people people;
static struct chain *chain;

static struct chain_options
options(void)
{
	return (struct chain_options){ .home = dir, .port = 0, .comet_port = 0, .quiet = true };
}

static int
make(void **state)
{
	const struct chain_options o = options();
	struct b3iq_error err = NO_ERROR;

	(void)state;
	people_make(&people);
	folder_make(dir, file, "chain.db");
	assert_ok(chain_start(&o, &chain, &err), err);
	return 0;
}

static int
end(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_ok(chain_stop(chain, &err), err);
	folder_remove(dir);
	people_end(&people);
	return 0;
}

/* A call to one of the two listeners; the answer's status, and its body for free(). */
static int
ask(const char *base, const char *path, const char *body, char **out)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	char url[512];
	const struct client_request rq = { .method = body ? "POST" : "GET", .url = url, .body = body,
		                           .body_len = body ? strlen(body) : 0,
		                           .headers = headers, .cancel_fd = -1 };
	struct b3iq_error err = NO_ERROR;
	struct client_reply reply;
	struct client *client;
	int status;

	snprintf(url, sizeof url, "%s%s", base, path);
	assert_ok(client_create(&client, &err), err);
	client_reply_init(&reply, 16u << 20);
	assert_ok(client_call(client, &rq, &reply, &err), err);
	status = reply.status;
	*out = reply.body.len ? strdup(reply.body.data) : strdup("");
	client_reply_finish(&reply);
	client_destroy(client);
	return status;
}

static void
expect(const char *path, const char *body, int status, const char *part)
{
	char *got;
	const int have = ask(chain_url(chain), path, body, &got);

	if (have != status || !strstr(got, part))
		fail_msg("%s: %d, %.400s (not %d with %s)", path, have, got, status, part);
	free(got);
}

static void
give(int who, uint64_t amount)
{
	struct b3iq_error err = NO_ERROR;
	struct mempool_fate fate;
	uint8_t hash[TX_HASH];

	if (faucet_give(chain, &people.address[who], amount, hash, &err))
		fail_msg("%s", err.text);
	assert_int_equal(ledger_wait(chain->ledger, hash, 60000, &fate), REFUSED_NOT);
}

static void
test_two_ports(void **state)
{
	char *a, *b;

	(void)state;
	assert_int_equal(ask(chain_url(chain), "/rpc/genesis", NULL, &a), 200);
	assert_int_equal(ask(chain_comet_url(chain), "/rpc/genesis", NULL, &b), 200);
	assert_string_equal(a, b);
	assert_string_not_equal(chain_url(chain), chain_comet_url(chain));
	free(a);
	free(b);
	expect("/health", NULL, 200, "\"ok\"");
	expect("/ready", NULL, 200, "ready");
	expect("/metrics", NULL, 200, "b3iq_chain_height 0");
}

static void
test_faucet(void **state)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t hash[TX_HASH];

	(void)state;
	give(ALICE, 5000);
	assert_int_equal(faucet_give(chain, &people.address[BOB], 0, hash, &err), REFUSED_RULE);
	assert_int_equal(faucet_give(chain, &people.address[BOB], AMOUNT_MAX, hash, &err),
	                 REFUSED_RULE);
	expect("/rpc/faucet", "{", 400, "detail");
	expect("/rpc/faucet", "{\"address\":5}", 400, "address");
	expect("/rpc/faucet", "{\"address\":\"ait1x\"}", 400, "detail");
	{
		struct ed25519_key *key = chain->faucet;

		chain->faucet = NULL; /* a node that only follows */
		assert_int_equal(faucet_give(chain, &people.address[BOB], 1, hash, &err),
		                 REFUSED_AUTHORITY);
		chain->faucet = key;
	}
}

/* Several at once: none gets the nonce of another. */
static void *
drip_some(void *arg)
{
	struct b3iq_error err = NO_ERROR;
	uint8_t hash[TX_HASH];

	for (int i = 0; i < 20; i++)
		if (faucet_give(chain, arg, 1, hash, &err))
			return arg;
	return NULL;
}

static void
test_faucet_threads(void **state)
{
	pthread_t thread[4];
	void *failed;
	struct ledger_head head;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, drip_some, &people.address[DAVE]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	do {
		usleep(1000);
		ledger_head(chain->ledger, &head);
	} while (head.transactions < 80);
	assert_int_equal(head.transactions, 80);
}

static void
test_rpc_errors(void **state)
{
	char *got;
	struct buf big;

	(void)state;
	expect("/", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"health\"}", 200, "-32600");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"health\"}", 200, "-32600");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"health\",\"params\":5}", 200, "-32602");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"health\",\"params\":[1]}", 200, "-32602");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"health\"}", 200, "\"id\":\"a\"");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tx\",\"params\":{\"hash\":\"zz\"}}", 200,
	       "-32602");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"broadcast_tx_sync\",\"params\":[\"!\"]}", 200,
	       "-32602");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"broadcast_tx_sync\",\"params\":[\"e30=\"]}", 200,
	       "\"word\":\"malformed\"");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check_tx\",\"params\":[\"e30=\"]}", 200,
	       "malformed");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"block\",\"params\":{\"height\":7}}", 200,
	       "no such block");
	expect("/", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"abci_query\",\"params\":{\"path\":\"x\"}}", 200,
	       "-32602");
	expect("/",
	       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"abci_query\",\"params\":{\"path\":\"/account\","
	       "\"data\":\"0x6\"}}",
	       200, "-32602");
	expect("/", "[5,{\"jsonrpc\":\"2.0\",\"method\":\"health\"}]", 200, "[{");
	buf_init(&big, 8u << 20);
	buf_puts(&big, "[");
	for (int i = 0; i <= 1000; i++)
		buf_puts(&big, i ? ",1" : "1");
	buf_puts(&big, "]");
	expect("/", big.data, 200, "1000");
	buf_clear(&big); /* few bytes that ask for many */
	buf_puts(&big, "[");
	for (int i = 0; i < 600; i++)
		buf_printf(&big, "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"blockchain\"}",
		           i ? "," : "", i);
	buf_puts(&big, "]");
	expect("/", big.data, 200, "ask in parts");
	buf_free(&big);
	assert_int_equal(ask(chain_url(chain), "/", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health\"}]",
	                     &got),
	                 200);
	assert_string_equal(got, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]");
	free(got);
}

static void
test_rpc_reads(void **state)
{
	char address[ADDRESS_SIZE], body[512], hex[2 * ADDRESS_SIZE];

	(void)state;
	give(ALICE, 777);
	address_write(&people.address[ALICE], address);
	hex_encode(address, ADDRESS_SIZE - 1, hex);
	snprintf(body, sizeof body,
	         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"abci_query\",\"params\":{\"path\":\"/account\","
	         "\"data\":\"%s\",\"prove\":true}}",
	         hex);
	expect("/", body, 200, "b3iq.proof/1");
	snprintf(body, sizeof body, "/abci_query?path=%%22/stake/%s%%22", address);
	expect(body, NULL, 200, "\"code\":0");
	address_write(&people.address[CAROL], address);
	snprintf(body, sizeof body, "/abci_query?path=/account/%s&prove=true", address);
	expect(body, NULL, 200, "\"value\":null"); /* proven absent */
	expect("/abci_query?path=/receipt/zz", NULL, 200, "-32602");
	expect("/status", NULL, 200, "\"catching_up\":false");
	expect("/genesis", NULL, 200, "\"faucet\"");
	expect("/validators", NULL, 200, "\"total\":\"1\"");
	expect("/num_unconfirmed_txs", NULL, 200, "\"n_txs\":\"0\"");
	expect("/abci_info", NULL, 200, "last_block_height");
	expect("/blockchain", NULL, 200, "\"last_height\":\"1\"");
	expect("/block?height=1", NULL, 200, "\"height\":\"1\"");
	expect("/block", NULL, 200, "\"txs\":[");
	expect("/unknown", NULL, 404, "no such path");
}

/* ---- witnesses ------------------------------------------------------------------ */

static void
refuses(struct witness *w, const struct witness *good)
{
	struct b3iq_error err = NO_ERROR;
	const uint8_t(*key)[32] = (const uint8_t(*)[32])(const void *)ed25519_public(chain->proposer);

	assert_int_equal(witness_check(w, key, 1, NULL, &err), B3IQ_E_DENIED);
	*w = *good;
	assert_ok(witness_check(w, key, 1, NULL, &err), err);
}

static void
test_witness(void **state)
{
	static struct witness good, w;
	const uint8_t(*key)[32] = (const uint8_t(*)[32])(const void *)ed25519_public(chain->proposer);
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc;
	char name[RECORD_KEY_SIZE];
	struct ledger_head head;
	struct record_id id = { .nonce = 0 };

	(void)state;
	give(ALICE, 777);
	id.address = people.address[ALICE];
	record_key(RECORD_ACCOUNT, &id, name);
	assert_ok(query_state_witness(chain, name, &good, &err), err);
	assert_true(good.present);
	/* As JSON and back. */
	assert_ok(witness_write(&good, &doc, &err), err);
	assert_ok(witness_read(doc, &w, &err), err);
	assert_ok(witness_check(&w, key, 1, NULL, &err), err);
	assert_string_equal(w.key, name);
	json_object_object_del(doc, "header");
	assert_int_equal(witness_read(doc, &w, &err), B3IQ_E_INVALID);
	json_object_put(doc);
	/* Pins. */
	w = good;
	ledger_head(chain->ledger, &head);
	assert_int_equal(witness_check(&w, NULL, 0, NULL, &err), B3IQ_E_INVALID);
	assert_ok(witness_check(&w, NULL, 0, head.hash, &err), err);
	head.hash[0] ^= 1;
	assert_int_equal(witness_check(&w, key, 1, head.hash, &err), B3IQ_E_DENIED);
	/* Whatever is changed shows. */
	w.value[12] ^= 1;
	refuses(&w, &good);
	w.present = false;
	refuses(&w, &good);
	w.key[10] = w.key[10] == 'q' ? 'p' : 'q';
	refuses(&w, &good);
	w.header.state[0] ^= 1;
	refuses(&w, &good);
	w.header.height++;
	refuses(&w, &good);
	w.signature[0] ^= 1;
	refuses(&w, &good);
	if (w.state.depth) {
		w.state.path[0][0] ^= 1;
		refuses(&w, &good);
	}
	assert_int_equal(query_state_witness(chain, "nothing/1", &w, &err), B3IQ_E_INVALID);
}

/* ---- life ------------------------------------------------------------------------ */

static void
test_lives(void **state)
{
	struct chain_options o = options();
	struct b3iq_error err = NO_ERROR;
	struct ledger_head before, after;
	struct chain *second;
	struct buf genesis;

	(void)state;
	give(ALICE, 5);
	assert_int_equal(chain_start(&o, &second, &err), B3IQ_E_BUSY); /* one of each home */
	assert_null(second);
	ledger_head(chain->ledger, &before);
	assert_ok(chain_stop(chain, &err), err);
	assert_ok(chain_start(&o, &chain, &err), err);
	ledger_head(chain->ledger, &after);
	assert_memory_equal(before.hash, after.hash, 32);
	give(ALICE, 5); /* the faucet's key was found again */
	/* The first life was killed between making the file and writing block 0. */
	assert_ok(chain_stop(chain, &err), err);
	folder_remove(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	{
		static const struct store_module *const modules[] = { &archive_module, NULL };
		struct store *store;

		assert_ok(store_open(file, modules, &store, &err), err);
		store_close(store);
	}
	assert_ok(chain_start(&o, &chain, &err), err);
	give(ALICE, 5);
	assert_ok(chain_stop(chain, &err), err);
	/* Another genesis than the file's. */
	snprintf(file, sizeof file, "%.60s/genesis.json", dir);
	genesis = people.genesis;
	assert_ok(path_write(file, genesis.data, genesis.len, 0600, &err), err);
	o.genesis = file;
	assert_int_equal(chain_start(&o, &second, &err), B3IQ_E_INVALID);
	o.genesis = NULL;
	o.name = "Not A Name";
	assert_ok(chain_start(&o, &chain, &err), err); /* the name is for a new one */
	o.address = "0.0.0.0";
	assert_ok(chain_stop(chain, &err), err);
	assert_int_equal(chain_start(&o, &second, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "--allow-remote"));
	o = options();
	o.idle_s = 1; /* empty blocks now and then */
	assert_ok(chain_start(&o, &chain, &err), err);
	ledger_head(chain->ledger, &before);
	do {
		usleep(10000);
		ledger_head(chain->ledger, &after);
	} while (after.header.height == before.header.height);
	assert_int_equal(after.header.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_ports, make, end),
		cmocka_unit_test_setup_teardown(test_faucet, make, end),
		cmocka_unit_test_setup_teardown(test_faucet_threads, make, end),
		cmocka_unit_test_setup_teardown(test_rpc_errors, make, end),
		cmocka_unit_test_setup_teardown(test_rpc_reads, make, end),
		cmocka_unit_test_setup_teardown(test_witness, make, end),
		cmocka_unit_test_setup_teardown(test_lives, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
