#include "chain/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/rpc/context.h"
#include "chain/rpc/rest.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/role/endpoint.h"

#define WORKERS  256   /* broadcast_tx_commit keeps one busy until the block */
#define QUEUE    1024
#define DRAIN_MS 10000

/* ---- keys and genesis ------------------------------------------------------ */

/* B3IQ_OK with *out NULL: there is none. */
static int32_t
load_key(const struct home *home, const char *name, struct ed25519_key **out,
         struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = home_path(home, file, err, "keys", name, NULL);

	*out = NULL;
	if (rc == B3IQ_OK)
		rc = ed25519_load(file, out, err);
	return rc == B3IQ_E_NOT_FOUND ? B3IQ_OK : rc;
}

static int32_t
make_key(const struct home *home, const char *name, struct ed25519_key **out,
         struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc;

	if (*out)
		return B3IQ_OK;
	rc = load_key(home, name, out, err);
	if (rc != B3IQ_OK || *out)
		return rc;
	rc = home_path(home, file, err, "keys", name, NULL);
	if (rc == B3IQ_OK)
		rc = ed25519_generate(out, err);
	return rc == B3IQ_OK ? ed25519_save(*out, file, err) : rc;
}

/* A new development network. */
static int32_t
make_devnet(struct chain *c, const char *name, struct buf *genesis, struct b3iq_error *err)
{
	int32_t rc;

	if (!form_chain(name, strlen(name)))
		return fail(err, B3IQ_E_INVALID,
		            "a chain id is 1 to 32 of a-z, 0-9 and -, not \"%.40s\"", name);
	rc = make_key(&c->home, "chain.key", &c->proposer, err);
	if (rc == B3IQ_OK)
		rc = make_key(&c->home, "faucet.key", &c->faucet, err);
	if (rc == B3IQ_OK)
		rc = genesis_write_devnet(name, clock_wall_ms(), ed25519_public(c->proposer),
		                          ed25519_public(c->faucet), genesis, err);
	return rc;
}

/* The genesis of --genesis, of a new devnet, or (empty) of the file that is there. */
static int32_t
choose_genesis(struct chain *c, const struct chain_options *o, const char *file,
               struct buf *genesis, struct b3iq_error *err)
{
	int32_t rc;

	if (o->genesis) {
		rc = path_read(o->genesis, genesis, err);
	} else if (!path_exists(file)) {
		return make_devnet(c, o->name ? o->name : TX_DEVNET, genesis, err);
	} else {
		rc = B3IQ_OK;
	}
	if (rc == B3IQ_OK)
		rc = load_key(&c->home, "chain.key", &c->proposer, err);
	return rc == B3IQ_OK ? load_key(&c->home, "faucet.key", &c->faucet, err) : rc;
}

/* A key that the genesis does not name is of no use. */
static int32_t
drop_foreign_keys(struct chain *c, struct b3iq_error *err)
{
	const struct genesis *g = ledger_genesis(c->ledger);
	struct address address;

	if (c->faucet && address_of(ed25519_public(c->faucet), &address) != B3IQ_OK)
		return fail_memory(err, "starting the chain");
	if (c->faucet && (!g->has_faucet || !address_equal(&address, &g->faucet))) {
		ed25519_free(c->faucet);
		c->faucet = NULL;
	}
	return B3IQ_OK;
}

/* A crash between making chain.db and writing block 0 leaves a file without a genesis. */
static int32_t
open_ledger(struct chain *c, const struct chain_options *o, struct b3iq_error *err)
{
	struct ledger_options l = { .genesis = NULL };
	char file[PATH_SIZE];
	struct buf genesis;
	int32_t rc = home_path(&c->home, file, err, "chain.db", NULL);

	buf_init(&genesis, GENESIS_MAX);
	if (rc == B3IQ_OK)
		rc = choose_genesis(c, o, file, &genesis, err);
	for (int attempt = 0; rc == B3IQ_OK && attempt < 2; attempt++) {
		l.file = file;
		l.genesis = genesis.len ? genesis.data : NULL;
		l.genesis_len = genesis.len;
		l.proposer = c->proposer;
		l.source = o->idle_s ? source_local(o->idle_s * 1000) : NULL;
		rc = ledger_open(&l, &c->ledger, err);
		if (rc != B3IQ_E_NOT_FOUND || genesis.len || attempt)
			break;
		rc = make_devnet(c, o->name ? o->name : TX_DEVNET, &genesis, err);
	}
	buf_free(&genesis);
	return rc == B3IQ_OK ? drop_foreign_keys(c, err) : rc;
}

/* ---- serving ---------------------------------------------------------------- */

static void
count(const struct http_request *rq, int status, uint64_t bytes)
{
	const struct chain *c = rq->context;

	(void)bytes;
	traffic_count(c->traffic, rq, status);
}

static int32_t
check_address(const struct chain_options *o, const char *address, struct b3iq_error *err)
{
	if (o->remote || strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0)
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID,
	            "%s can be reached by others; say --allow-remote if that is meant", address);
}

static int32_t
listen_on(struct chain *c, const char *address, uint16_t port, struct server **out,
          char url[HOME_URL_SIZE], struct b3iq_error *err)
{
	struct server_options s = { .address = address, .port = port, .connections = 1024,
		                    .workers = WORKERS, .queue = QUEUE, .context = c,
		                    .done = count };
	int32_t rc;

	s.routes = rest_routes(&s.n_routes);
	rc = server_create(out, &s, err);
	if (rc == B3IQ_OK)
		endpoint_url(address, server_port(*out), url, HOME_URL_SIZE);
	return rc;
}

static int32_t
serve(struct chain *c, const struct chain_options *o, struct b3iq_error *err)
{
	const char *address = o->address ? o->address : "127.0.0.1";
	int32_t rc = check_address(o, address, err);

	if (rc == B3IQ_OK)
		rc = listen_on(c, address, (uint16_t)(o->port < 0 ? CHAIN_PORT : o->port),
		               &c->server, c->url, err);
	if (rc == B3IQ_OK && o->comet_port != -2)
		rc = listen_on(c, address,
		               (uint16_t)(o->comet_port < 0 ? CHAIN_COMET : o->comet_port),
		               &c->comet, c->comet_url, err);
	return rc;
}

/* ---- life ------------------------------------------------------------------- */

/* The servers first, so that nobody calls into what goes next. */
static int32_t
stop(struct chain *c, struct b3iq_error *err)
{
	int32_t rc;

	atomic_store(&c->ready, false);
	rc = server_destroy(c->comet, DRAIN_MS);
	c->comet = rc == B3IQ_OK ? NULL : c->comet;
	if (rc == B3IQ_OK)
		rc = server_destroy(c->server, DRAIN_MS);
	if (rc != B3IQ_OK)
		return fail(err, B3IQ_E_TIMEOUT, "requests to the chain did not end in time");
	ledger_close(c->ledger);
	traffic_destroy(c->traffic);
	ed25519_free(c->proposer);
	ed25519_free(c->faucet);
	home_close(&c->home);
	pthread_mutex_destroy(&c->tap);
	free(c);
	return B3IQ_OK;
}

static int32_t
start(struct chain *c, const struct chain_options *o, struct b3iq_error *err)
{
	int32_t rc = home_open(&c->home, o->home, err);

	if (rc == B3IQ_OK)
		rc = home_lock(&c->home, "chain", err);
	if (rc != B3IQ_OK)
		return rc;
	c->start_ms = clock_wall_ms();
	c->traffic = traffic_create();
	if (!c->traffic)
		return fail_memory(err, "starting the chain");
	rc = open_ledger(c, o, err);
	if (rc == B3IQ_OK)
		rc = ledger_start(c->ledger, err);
	return rc == B3IQ_OK ? serve(c, o, err) : rc;
}

int32_t
chain_start(const struct chain_options *o, struct chain **out, struct b3iq_error *err)
{
	struct b3iq_error none = NO_ERROR;
	struct chain *c = calloc(1, sizeof *c);
	struct ledger_head head;
	int32_t rc;

	*out = NULL;
	if (!c)
		return fail_memory(err, "starting the chain");
	c->home.lock_fd = -1;
	pthread_mutex_init(&c->tap, NULL);
	rc = start(c, o, err);
	if (rc != B3IQ_OK) {
		stop(c, &none);
		return rc;
	}
	atomic_store(&c->ready, true);
	home_announce(&c->home, c->url);
	ledger_head(c->ledger, &head);
	log_event(B3IQ_LOG_INFO, "chain.ready", "url=%s chain=%s height=%llu proposes=%d", c->url,
	          head.header.chain, (unsigned long long)head.header.height,
	          ledger_proposes(c->ledger));
	*out = c;
	return B3IQ_OK;
}

const char *
chain_url(const struct chain *c)
{
	return c->url;
}

const char *
chain_comet_url(const struct chain *c)
{
	return c->comet_url;
}

int32_t
chain_stop(struct chain *c, struct b3iq_error *err)
{
	return stop(c, err);
}

/* ---- as a service ------------------------------------------------------------ */

static int32_t
start_role(const void *options, void **role, struct b3iq_error *err)
{
	struct chain *c;
	const int32_t rc = chain_start(options, &c, err);

	*role = c;
	return rc;
}

static int32_t
stop_role(void *role, struct b3iq_error *err)
{
	return chain_stop(role, err);
}

static void
say_ready(void *role, const void *options)
{
	const struct chain_options *o = options;
	struct chain *c = role;
	struct ledger_head head;

	if (o->quiet)
		return;
	ledger_head(c->ledger, &head);
	if (o->json)
		printf("{\"ready\":true,\"role\":\"chain\",\"url\":\"%s\",\"comet_url\":\"%s\","
		       "\"pid\":%d,\"chain\":\"%s\",\"height\":%llu}\n",
		       c->url, c->comet_url, (int)getpid(), head.header.chain,
		       (unsigned long long)head.header.height);
	else
		printf("b3iq chain is ready at %s (pid %d, chain %s, height %llu)\n", c->url,
		       (int)getpid(), head.header.chain, (unsigned long long)head.header.height);
	fflush(stdout);
}

struct service
chain_service(const struct chain_options *options)
{
	return (struct service){ .name = "chain", .options = options, .start = start_role,
		                 .ready = say_ready, .stop = stop_role };
}

int32_t
chain_main(const struct chain_options *options, struct b3iq_error *err)
{
	const struct service service = chain_service(options);

	return service_run(&service, 1, err);
}
