/* chain.h - the chain role: `b3iq chain`.
 *
 * Start order: home and its lock, keys, genesis, chain.db (state loaded and compared with the head),
 * the thread that makes blocks, HTTP on two ports with the same routes.  Without a genesis the first
 * start makes a development network: keys/chain.key proposes, keys/faucet.key has all the money.  The
 * ready line:
 *
 *   b3iq chain is ready at http://127.0.0.1:8006 (pid 4711, chain ait-devnet, height 12)
 */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/role/service.h"

#define CHAIN_PORT  8006
#define CHAIN_COMET 26657 /* the same RPC where CometBFT's clients look for it */

struct chain_options {
	const char *home;       /* NULL: $B3IQ_HOME or ~/.b3iq                         */
	const char *address;    /* numeric; NULL: 127.0.0.1                            */
	int32_t     port;       /* -1: CHAIN_PORT; 0: any free one                     */
	int32_t     comet_port; /* -1: CHAIN_COMET; 0: any free one; -2: not at all    */
	const char *genesis;    /* file; NULL: what chain.db has, or a new devnet      */
	const char *name;       /* chain id of a new devnet; NULL: ait-devnet          */
	uint32_t    idle_s;     /* an empty block after so long without one; 0: none   */
	bool        remote;     /* other addresses than loopback are meant             */
	bool        json;       /* the ready line as JSON                              */
	bool        quiet;      /* no ready line                                       */
};

struct chain;

/* Serves when it returns B3IQ_OK.  stop() frees the chain, except when requests did not end in time
 * (B3IQ_E_TIMEOUT). */
int32_t     chain_start(const struct chain_options *, struct chain **out, struct b3iq_error *err);
const char *chain_url(const struct chain *);
const char *chain_comet_url(const struct chain *); /* "": none */
int32_t     chain_stop(struct chain *, struct b3iq_error *err);
/* The same for service_run(); options stay the caller's. */
struct service chain_service(const struct chain_options *options);

/* Runs until it is told to stop. */
int32_t chain_main(const struct chain_options *, struct b3iq_error *err);

#endif
