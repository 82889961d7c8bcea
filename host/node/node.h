/* node.h - the node role: local API, plugin instances, receipts.  `b3iq node` is node_main().
 *
 * Start order: home and its lock, identity, state.db, audit event, jobs that a crash left behind,
 * plugins (not waited for), HTTP.  Then the ready line, with the URLs, on stdout:
 *
 *   b3iq node is ready at http://127.0.0.1:8008/v1 (pid 4711, home /home/me/.b3iq)
 *
 * or with json: {"ready":true,"url":"http://127.0.0.1:8008","pid":4711,"home":...,"node":...}
 * SIGTERM and SIGINT drain and stop; a second one stops at once.  SIGHUP reloads config.json.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/role/service.h"

struct node_options {
	const char *home;    /* NULL: $B3IQ_HOME or ~/.b3iq                          */
	const char *address; /* NULL: as configured                                  */
	int32_t     port;    /* -1: as configured; 0: any free one                   */
	const char *coordinator, *coordinator_key, *payout; /* NULL: as configured   */
	bool        json;    /* the ready line as JSON                               */
	bool        quiet;   /* no ready line                                        */
};

struct node;

/* Serves when it returns B3IQ_OK.  stop() frees the node, except when requests did not end in time
 * (B3IQ_E_TIMEOUT). */
int32_t     node_start(const struct node_options *, struct node **out, struct b3iq_error *err);
const char *node_url(const struct node *);
int32_t     node_stop(struct node *, struct b3iq_error *err);
/* The same for service_run(); options stay the caller's. */
struct service node_service(const struct node_options *options);

/* Runs until it is told to stop.  B3IQ_OK after an orderly stop; otherwise *err says why it could
 * not start or stop. */
int32_t node_main(const struct node_options *, struct b3iq_error *err);

/* What the first start of a home does, without starting: folders, identity, config, state.db and
 * the CLI's key.  Idempotent; also fine beside a running node. */
int32_t node_init(const char *home, struct b3iq_error *err);

#endif
