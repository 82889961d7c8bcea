/* routes.h - what the coordinator answers to: schemas/coordinator.yaml, as a table. */
#ifndef COORDINATOR_API_ROUTES_H
#define COORDINATOR_API_ROUTES_H

#include "core/http/router.h"

#define ROUTES_CLIENT "client"
#define ROUTES_MINER  "miner"
#define ROUTES_ADMIN  "admin"

/* With this limit for bodies; a static of the process. */
const struct http_route *routes_table(size_t body_max, size_t *n);

/* ---- handlers, by file ---- */
#define ROUTES_HANDLER(name) void name(struct http_request *, struct http_response *)
/* clients.c */
ROUTES_HANDLER(clients_submit);
ROUTES_HANDLER(clients_show);
ROUTES_HANDLER(clients_list);
ROUTES_HANDLER(clients_result);
ROUTES_HANDLER(clients_cancel);
ROUTES_HANDLER(clients_receipt);
ROUTES_HANDLER(clients_receipts);
ROUTES_HANDLER(clients_stream);
/* payments.c */
ROUTES_HANDLER(pays_make);
ROUTES_HANDLER(pays_show);
ROUTES_HANDLER(pays_of_job);
ROUTES_HANDLER(pays_receipt);
ROUTES_HANDLER(pays_release);
ROUTES_HANDLER(pays_refund);
/* miners.c */
ROUTES_HANDLER(miners_challenge);
ROUTES_HANDLER(miners_register);
ROUTES_HANDLER(miners_heartbeat);
ROUTES_HANDLER(miners_poll);
ROUTES_HANDLER(miners_status);
ROUTES_HANDLER(miners_delta);
ROUTES_HANDLER(miners_result);
ROUTES_HANDLER(miners_fail);
ROUTES_HANDLER(miners_jobs);
ROUTES_HANDLER(miners_earnings);
ROUTES_HANDLER(miners_capabilities);
ROUTES_HANDLER(miners_leave);
/* admin.c */
ROUTES_HANDLER(admin_health);
ROUTES_HANDLER(admin_ready);
ROUTES_HANDLER(admin_metrics);
ROUTES_HANDLER(admin_document);
ROUTES_HANDLER(admin_stats);
ROUTES_HANDLER(admin_jobs);
ROUTES_HANDLER(admin_miners);
ROUTES_HANDLER(admin_cancel_running);

#endif
