/* context.h - the one struct of this role: what every handler finds behind rq->context. */
#ifndef CHAIN_CONTEXT_H
#define CHAIN_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "chain/ledger/ledger.h"
#include "core/http/server.h"
#include "core/role/home.h"
#include "core/role/traffic.h"

struct chain {
	struct home         home;
	struct ledger      *ledger;
	struct ed25519_key *proposer;  /* NULL: makes no blocks                   */
	struct ed25519_key *faucet;    /* NULL: there is none, or not here        */
	pthread_mutex_t     tap;       /* one request to the faucet at a time     */
	struct traffic     *traffic;
	struct server      *server, *comet;
	char                url[HOME_URL_SIZE], comet_url[HOME_URL_SIZE];
	uint64_t            start_ms;
	atomic_uint         waiting;   /* calls that wait for a block             */
	atomic_bool         ready;     /* until it stops                          */
};

#endif
