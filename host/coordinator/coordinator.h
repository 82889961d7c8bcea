/* coordinator.h - the coordinator role: jobs, workers, settlement.  `b3iq coordinator` is
 * coordinator_main(); docs/coordinator.md says what it does.
 *
 * Start order: home and its lock, coordinator.json, coordinator.db, key, wallet and ledger (not waited
 * for), the desk with what a crash left behind, HTTP.  The ready line:
 *
 *   b3iq coordinator is ready at http://127.0.0.1:8000 (pid 4711, home /home/me/.b3iq, free mode)
 */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/role/keyring.h"
#include "core/role/service.h"

struct coordinator_options {
	const char *home;    /* NULL: $B3IQ_HOME or ~/.b3iq                          */
	const char *address; /* NULL: as configured                                  */
	int32_t     port;    /* -1: as configured; 0: any free one                   */
	bool        json;    /* the ready line as JSON                               */
	bool        quiet;   /* no ready line                                        */
};

struct coordinator;

/* Serves when it returns B3IQ_OK. */
int32_t     coordinator_start(const struct coordinator_options *, struct coordinator **out,
                              struct b3iq_error *err);
const char *coordinator_url(const struct coordinator *);
int32_t     coordinator_stop(struct coordinator *, struct b3iq_error *err);
/* The same for service_run(); options stay the caller's. */
struct service coordinator_service(const struct coordinator_options *);
int32_t     coordinator_main(const struct coordinator_options *, struct b3iq_error *err);

/* The store of a home for whoever makes keys, also beside a running coordinator; store_close() it. */
int32_t coordinator_keys(const char *home, struct store **out, struct b3iq_error *err);
/* The key ring over it: prefix b3iq_net_, scopes client, miner, admin. */
struct keyring coordinator_ring(struct store *);

#endif
