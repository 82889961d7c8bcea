/* Hostile bodies for the chain: transactions, blocks and proofs are refused or read back the same; calls
 * of the RPC are answered with JSON whatever they are, and the state stays as it is. */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/rpc/context.h"
#include "chain/rpc/rpc.h"
#include "chain/state/witness.h"
#include "core/base/fail.h"
#include "core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/b3iq-fuzz-chain-XXXXXX";

static void
clean(void)
{
	char name[64];

	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = { "", "-wal", "-shm" };

		snprintf(name, sizeof name, "%s/chain.db%s", dir, ends[i]);
		unlink(name);
	}
	rmdir(dir);
}

/* A chain of its own, whose proposer nobody is. */
static struct chain *
the_chain(void)
{
	static struct chain chain;
	struct b3iq_error err = NO_ERROR;
	const uint8_t key[32] = { 1 };
	struct ledger_options o = { .file = NULL };
	char file[64];
	struct buf genesis;

	if (chain.ledger)
		return &chain;
	buf_init(&genesis, GENESIS_MAX);
	if (!mkdtemp(dir) || genesis_write_devnet("fuzz", 1, key, key, &genesis, &err) != B3IQ_OK)
		abort();
	atexit(clean);
	snprintf(file, sizeof file, "%s/chain.db", dir);
	o.file = file;
	o.genesis = genesis.data;
	o.genesis_len = genesis.len;
	if (ledger_open(&o, &chain.ledger, &err) != B3IQ_OK)
		abort();
	pthread_mutex_init(&chain.tap, NULL);
	buf_free(&genesis);
	return &chain;
}

static void
transaction(const char *text, size_t size)
{
	struct block_tx *t;
	struct buf again;

	if (block_tx_read(text, size, &t, NULL) != B3IQ_OK)
		return;
	buf_init(&again, TX_MAX);
	if (tx_format(&t->tx, &again, NULL) != B3IQ_OK || again.len != size ||
	    memcmp(again.data, text, size) != 0)
		abort();
	buf_free(&again);
	free(t);
}

static void
proof(const char *text, size_t size)
{
	static const uint8_t stranger[1][32] = { { 1, 2, 3 } };
	static struct witness w;
	struct json_object *doc;

	if (json_parse(text, size, "it", &doc, NULL) != B3IQ_OK)
		return;
	if (witness_read(doc, &w, NULL) == B3IQ_OK &&
	    witness_check(&w, stranger, 1, NULL, NULL) == B3IQ_OK)
		abort();
	json_object_put(doc);
}

static void
call(struct chain *chain, const char *text, size_t size)
{
	struct http_request rq = { .method = "POST", .path = "/", .body = text, .body_len = size,
		                   .context = chain };
	struct http_response rs;
	struct json_object *doc;

	response_init(&rs);
	rpc_post(&rq, &rs);
	if (rs.status == 200) {
		if (json_parse(rs.body.data, rs.body.len, "the answer", &doc, NULL) != B3IQ_OK)
			abort();
		json_object_put(doc);
	} else if (rs.status != 204) {
		abort();
	}
	response_finish(&rs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chain *chain = the_chain();
	struct ledger_head head;
	struct b3iq_error err = NO_ERROR;
	struct genesis genesis;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	transaction(text, size);
	proof(text, size);
	call(chain, text, size);
	if (ledger_import(chain->ledger, text, size, &err) == B3IQ_OK)
		abort(); /* nobody has the proposer's key */
	if (genesis_read(text, size, &genesis, &err) == B3IQ_OK)
		genesis_finish(&genesis);
	ledger_head(chain->ledger, &head);
	if (head.header.height != 0)
		abort();
	free(text);
	return 0;
}
