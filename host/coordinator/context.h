/* context.h - the one struct of this role: what every handler finds behind rq->context. */
#ifndef COORDINATOR_CONTEXT_H
#define COORDINATOR_CONTEXT_H

#include <stdatomic.h>

#include "coordinator/api/access.h"
#include "coordinator/desk/desk.h"
#include "coordinator/settings.h"
#include "coordinator/settle/walletd.h"
#include "core/http/server.h"
#include "core/role/home.h"
#include "core/role/traffic.h"

struct coordinator {
	struct home              home;
	struct settings         *settings;
	struct store            *store;
	struct ed25519_key      *key;      /* signs verdicts: keys/coordinator.key     */
	struct walletd            *walletd;    /* NULL: free mode                          */
	struct hostapi_services  services; /* what the ledger plugin gets              */
	struct instance         *ledger;   /* NULL: free mode                          */
	struct payments          payments;
	char                     address[129];
	struct access           *access;
	struct desk             *desk;
	struct traffic          *traffic;
	struct server           *server;
	char                     url[128];
	uint64_t                 start_ms;
	atomic_bool              ready;
	atomic_uint              waiting;  /* handlers in a client's long poll         */
	atomic_uint              polling;  /* those in a worker's                      */
};

#endif
