#include "coordinator/api/routes.h"

#include <string.h>

#define C ROUTES_CLIENT
#define M ROUTES_MINER
#define A ROUTES_ADMIN
#define B 1 /* takes a body */

static struct http_route table[] = {
	{ "POST", "/v1/jobs", clients_submit, C, B },
	{ "GET", "/v1/jobs", clients_list, C, 0 },
	{ "GET", "/v1/jobs/history", clients_list, C, 0 },
	{ "GET", "/v1/jobs/{id}", clients_show, C, 0 },
	{ "GET", "/v1/jobs/{id}/result", clients_result, C, 0 },
	{ "GET", "/v1/jobs/{id}/receipt", clients_receipt, C, 0 },
	{ "GET", "/v1/jobs/{id}/receipts", clients_receipts, C, 0 },
	{ "GET", "/v1/jobs/{id}/stream", clients_stream, C, 0 },
	{ "GET", "/v1/jobs/{id}/payment", pays_of_job, C, 0 },
	{ "POST", "/v1/jobs/{id}/cancel", clients_cancel, C, B },
	{ "POST", "/v1/payments", pays_make, C, B },
	{ "GET", "/v1/payments/{id}", pays_show, C, 0 },
	{ "GET", "/v1/payments/{id}/receipt", pays_receipt, C, 0 },
	{ "POST", "/v1/payments/{id}/release", pays_release, C, B },
	{ "POST", "/v1/payments/{id}/refund", pays_refund, C, B },

	{ "POST", "/v1/jobs/{id}/status", miners_status, M, B },
	{ "POST", "/v1/jobs/{id}/delta", miners_delta, M, B },
	{ "POST", "/v1/jobs/{id}/complete", miners_result, M, B },
	{ "POST", "/v1/miners/challenge", miners_challenge, M, B },
	{ "POST", "/v1/miners/register", miners_register, M, B },
	{ "POST", "/v1/miners/heartbeat", miners_heartbeat, M, B },
	{ "POST", "/v1/miners/poll", miners_poll, M, B },
	{ "POST", "/v1/miners/{id}/status", miners_status, M, B },
	{ "POST", "/v1/miners/{id}/delta", miners_delta, M, B },
	{ "POST", "/v1/miners/{id}/result", miners_result, M, B },
	{ "POST", "/v1/miners/{id}/fail", miners_fail, M, B },
	{ "POST", "/v1/miners/{id}/jobs", miners_jobs, M, B },
	{ "POST", "/v1/miners/{id}/earnings", miners_earnings, M, B },
	{ "PUT", "/v1/miners/{id}/capabilities", miners_capabilities, M, B },
	{ "DELETE", "/v1/miners/{id}", miners_leave, M, 0 },

	{ "GET", "/v1/admin/stats", admin_stats, A, 0 },
	{ "GET", "/v1/admin/status", admin_stats, A, 0 },
	{ "GET", "/v1/admin/jobs", admin_jobs, A, 0 },
	{ "GET", "/v1/admin/miners", admin_miners, A, 0 },
	{ "POST", "/v1/admin/cancel-running", admin_cancel_running, A, B },

	{ "GET", "/health", admin_health, NULL, 0 },
	{ "GET", "/v1/health", admin_health, NULL, 0 },
	{ "GET", "/health/live", admin_health, NULL, 0 },
	{ "GET", "/health/ready", admin_ready, NULL, 0 },
	{ "GET", "/ready", admin_ready, NULL, 0 },
	{ "GET", "/metrics", admin_metrics, NULL, 0 },
	{ "GET", "/openapi.yaml", admin_document, NULL, 0 },
};

const struct http_route *
routes_table(size_t body_max, size_t *n)
{
	*n = sizeof table / sizeof *table;
	for (size_t i = 0; i < *n; i++)
		if (table[i].body_max)
			table[i].body_max = body_max;
	return table;
}
