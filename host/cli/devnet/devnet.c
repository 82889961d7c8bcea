#include "cli/devnet/devnet.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chain/chain.h"
#include "cli/devnet/provision.h"
#include "coordinator/coordinator.h"
#include "core/role/service.h"
#include "core/tx/amount.h"
#include "node/node.h"
#include "wallet/wallet.h"

#define POCKET_MONEY (100 * AMOUNT_COIN) /* with less than this a purse asks the faucet */

/* What one role leaves for the next. */
struct found {
	struct home home;
	char        password_file[PATH_SIZE];
	char        chain_url[HOME_URL_SIZE], wallet_url[HOME_URL_SIZE];
	char        coordinator_url[HOME_URL_SIZE], node_url[HOME_URL_SIZE];
	char        client[PROVISION_ADDRESS_SIZE], arbiter[PROVISION_ADDRESS_SIZE];
	char        payout[PROVISION_ADDRESS_SIZE];
	char        miner[PROVISION_KEY_SIZE];
};

struct devnet {
	const struct devnet_options *options;
	struct found                *found;
};

static int32_t
port(const struct devnet *d)
{
	return d->options->any_ports ? 0 : -1;
}

/* ---- chain: its money, and wallets to hold it -------------------------------- */

static int32_t
start_chain(const void *options, void **role, struct b3iq_error *err)
{
	const struct devnet *d = options;
	const struct chain_options o = { .home = d->options->home, .port = port(d),
		                         .comet_port = port(d), .quiet = true };
	struct found *f = d->found;
	struct chain *chain;
	int32_t rc = chain_start(&o, &chain, err);

	if (rc != B3IQ_OK)
		return rc;
	*role = chain;
	snprintf(f->chain_url, sizeof f->chain_url, "%s", chain_url(chain));
	rc = provision_password(&f->home, f->password_file, err);
	if (rc == B3IQ_OK)
		rc = provision_wallets(&f->home, f->password_file, err);
	if (rc == B3IQ_OK)
		rc = provision_address(&f->home, PROVISION_CLIENT, f->client, err);
	if (rc == B3IQ_OK)
		rc = provision_address(&f->home, PROVISION_COORDINATOR, f->arbiter, err);
	if (rc == B3IQ_OK)
		rc = provision_address(&f->home, PROVISION_NODE, f->payout, err);
	if (rc == B3IQ_OK)
		rc = provision_funds(f->chain_url, f->client, POCKET_MONEY, err);
	if (rc == B3IQ_OK) /* the fees of releases and refunds */
		rc = provision_funds(f->chain_url, f->arbiter, POCKET_MONEY, err);
	if (rc != B3IQ_OK)
		chain_stop(chain, NULL);
	return rc;
}

static int32_t
stop_chain(void *role, struct b3iq_error *err)
{
	return chain_stop(role, err);
}

/* ---- wallet daemon ------------------------------------------------------------ */

static int32_t
start_wallet(const void *options, void **role, struct b3iq_error *err)
{
	const struct devnet *d = options;
	struct found *f = d->found;
	const struct wallet_options o = { .home = d->options->home, .port = port(d),
		                          .chain_url = f->chain_url, .unlock = PROVISION_WALLETS,
		                          .password_file = f->password_file, .quiet = true };
	struct wallet *wallet;
	int32_t rc = provision_token(&f->home, err);

	if (rc == B3IQ_OK)
		rc = wallet_start(&o, &wallet, err);
	if (rc != B3IQ_OK)
		return rc;
	*role = wallet;
	snprintf(f->wallet_url, sizeof f->wallet_url, "%s", wallet_url(wallet));
	return B3IQ_OK;
}

static int32_t
stop_wallet(void *role, struct b3iq_error *err)
{
	return wallet_stop(role, err);
}

/* ---- coordinator ----------------------------------------------------------------- */

static int32_t
start_coordinator(const void *options, void **role, struct b3iq_error *err)
{
	const struct devnet *d = options;
	const struct coordinator_options o = { .home = d->options->home, .port = port(d),
		                               .quiet = true };
	struct found *f = d->found;
	struct coordinator *coordinator;
	int32_t rc = provision_settings(&f->home, f->chain_url, f->wallet_url, err);

	if (rc == B3IQ_OK)
		rc = provision_keys(&f->home, f->miner, err);
	if (rc == B3IQ_OK)
		rc = coordinator_start(&o, &coordinator, err);
	if (rc != B3IQ_OK)
		return rc;
	*role = coordinator;
	snprintf(f->coordinator_url, sizeof f->coordinator_url, "%s", coordinator_url(coordinator));
	return B3IQ_OK;
}

static int32_t
stop_coordinator(void *role, struct b3iq_error *err)
{
	return coordinator_stop(role, err);
}

/* ---- node -------------------------------------------------------------------------- */

static int32_t
start_node(const void *options, void **role, struct b3iq_error *err)
{
	const struct devnet *d = options;
	struct found *f = d->found;
	const struct node_options o = { .home = d->options->home, .port = port(d),
		                        .coordinator = f->coordinator_url,
		                        .coordinator_key = f->miner, .payout = f->payout,
		                        .quiet = true };
	struct node *node;
	const int32_t rc = node_start(&o, &node, err);

	if (rc != B3IQ_OK)
		return rc;
	*role = node;
	snprintf(f->node_url, sizeof f->node_url, "%s", node_url(node));
	return B3IQ_OK;
}

static int32_t
stop_node(void *role, struct b3iq_error *err)
{
	return node_stop(role, err);
}

/* ---- together ------------------------------------------------------------------------- */

static void
say_ready(void *role, const void *options)
{
	const struct devnet *d = options;
	const struct found *f = d->found;

	(void)role;
	if (d->options->quiet)
		return;
	if (d->options->json)
		printf("{\"ready\":true,\"pid\":%d,\"chain\":\"%s\",\"wallet\":\"%s\","
		       "\"coordinator\":\"%s\",\"node\":\"%s\",\"client\":\"%s\"}\n",
		       (int)getpid(), f->chain_url, f->wallet_url, f->coordinator_url, f->node_url,
		       f->client);
	else
		printf("b3iq is up (pid %d, home %s)\n"
		       "  chain        %s\n"
		       "  wallet       %s\n"
		       "  coordinator  %s\n"
		       "  node         %s/v1\n"
		       "  money        the wallet \"%s\", %s\n"
		       "ask it:  b3iq submit inference --prompt \"What is machine learning?\" --wait\n",
		       (int)getpid(), f->home.dir, f->chain_url, f->wallet_url, f->coordinator_url,
		       f->node_url, PROVISION_CLIENT, f->client);
	fflush(stdout);
}

int32_t
devnet_main(const struct devnet_options *options, struct b3iq_error *err)
{
	struct found found = { .home = { .lock_fd = -1 } };
	const struct devnet d = { options, &found };
	const struct service services[] = {
		{ .name = "chain", .options = &d, .start = start_chain, .stop = stop_chain },
		{ .name = "wallet", .options = &d, .start = start_wallet, .stop = stop_wallet },
		{ .name = "coordinator", .options = &d, .start = start_coordinator,
		  .stop = stop_coordinator },
		{ .name = "node", .options = &d, .start = start_node, .ready = say_ready,
		  .stop = stop_node },
	};
	int32_t rc = home_open(&found.home, options->home, err);

	if (rc == B3IQ_OK)
		rc = service_run(services, sizeof services / sizeof *services, err);
	home_close(&found.home);
	return rc;
}
