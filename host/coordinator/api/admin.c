/* Health, metrics, and what the administrator looks at. */
#include <string.h>

#include "coordinator/api/reply.h"
#include "coordinator/api/routes.h"
#include "coordinator/context.h"
#include "core/base/clock.h"
#include "core/base/schema.h"
#include "core/role/prometheus.h"

void clients_list_of(struct http_request *, struct http_response *, const char *client);

void
admin_health(struct http_request *rq, struct http_response *rs)
{
	const struct coordinator *c = rq->context;

	rs->type = "application/json";
	buf_printf(&rs->body,
	           "{\"status\":\"ok\",\"role\":\"coordinator\",\"version\":\"%s\",\"env\":\"%s\","
	           "\"payment\":\"%s\",\"uptime_ms\":%llu}",
	           B3IQ_VERSION, c->ledger ? "ledger" : "free", c->ledger ? "escrow" : "free",
	           (unsigned long long)(clock_wall_ms() - c->start_ms));
}

/* Ready: it serves, and where there is a ledger, that is there too. */
void
admin_ready(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct instance_status s;

	if (c->ledger)
		instance_status(c->ledger, &s);
	if (!atomic_load(&c->ready))
		reply_error(rq, rs, 503, "not_ready", NULL, "the coordinator starts or stops");
	else if (c->ledger && s.state != INSTANCE_READY)
		reply_error(rq, rs, 503, "ledger_unavailable", NULL, "the ledger is not ready");
	else
		response_text(rs, 200, "application/json", "{\"status\":\"ready\"}");
}

static bool
is_local(const struct http_request *rq)
{
	return strncmp(rq->peer, "127.", 4) == 0 || strcmp(rq->peer, "::1") == 0;
}

static void
plugin_metric(void *arg, const char *instance, int32_t type, const char *name, double value)
{
	buf_printf(arg, "# TYPE b3iq_plugin_%s %s\nb3iq_plugin_%s{instance=\"%s\"} %.17g\n", name,
	           type == B3IQ_COUNTER ? "counter" : "gauge", name, instance, value);
}

void
admin_metrics(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct principal p;
	struct b3iq_error err = NO_ERROR;

	if (!is_local(rq) && (access_check(c->access, rq, &p, &err) != B3IQ_OK || !p.admin)) {
		reply_error(rq, rs, 401, "invalid_api_key", NULL,
		            "metrics are for this machine and for administrators");
		return;
	}
	rs->type = "text/plain; version=0.0.4";
	traffic_write(c->traffic, &rs->body);
	desk_metrics(c->desk, &rs->body);
	if (c->ledger)
		instance_metrics(c->ledger, plugin_metric, &rs->body);
}

void
admin_document(struct http_request *rq, struct http_response *rs)
{
	size_t len;
	const char *text = schema_text("coordinator.yaml", &len);

	(void)rq;
	rs->type = "application/yaml";
	if (text)
		buf_append(&rs->body, text, len);
}

struct stats {
	int64_t count[JOB_PHASES_N], paid, mean_ms, steps;
};

static int32_t
read_stats(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct stats *s = arg;
	int32_t rc = jobbook_stats(tx, s->count, &s->paid, &s->mean_ms, err);

	return rc == B3IQ_OK ? steps_count_open(tx, &s->steps, err) : rc;
}

void
admin_stats(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct why why = NO_WHY;
	struct desk_counts n;
	struct stats s = { .paid = 0 };
	int64_t total = 0, active = 0;
	const int32_t rc = store_read(c->store, read_stats, &s, &why.err);

	if (rc != B3IQ_OK) {
		reply_why(rq, rs, rc, &why);
		return;
	}
	desk_counts(c->desk, &n);
	for (int i = 0; i < JOB_PHASES_N; i++)
		total += s.count[i];
	for (int i = 0; i < JOB_COMPLETED; i++)
		active += s.count[i];
	rs->type = "application/json";
	buf_printf(&rs->body,
	           "{\"total_jobs\":%lld,\"active_jobs\":%lld,\"online_miners\":%zu,"
	           "\"miners\":%zu,\"avg_miner_job_duration_ms\":%lld,\"queued_jobs\":%zu,"
	           "\"running_jobs\":%zu,\"paid_units\":\"%lld\",\"open_steps\":%lld,\"phases\":{",
	           (long long)total, (long long)active, n.online, n.workers, (long long)s.mean_ms,
	           n.queued, n.held, (long long)s.paid, (long long)s.steps);
	for (int i = 0; i < JOB_PHASES_N; i++)
		buf_printf(&rs->body, "%s\"%s\":%lld", i ? "," : "",
		           job_phase_name((enum job_phase)i), (long long)s.count[i]);
	buf_puts(&rs->body, "}}");
}

void
admin_jobs(struct http_request *rq, struct http_response *rs)
{
	clients_list_of(rq, rs, "");
}

struct miners {
	struct buf *out;
	size_t      n;
};

static void
add_miner(void *arg, struct worker *w)
{
	struct miners *m = arg;
	char seen[25];

	if (w->gone)
		return;
	clock_iso(w->seen_ms, seen);
	buf_puts(m->out, m->n++ ? ",{\"miner_id\":" : "{\"miner_id\":");
	reply_text(m->out, w->id);
	buf_printf(m->out,
	           ",\"status\":\"%s\",\"verified\":%s,\"concurrency\":%u,\"inflight\":%u,"
	           "\"quality\":%u,\"completed\":%llu,\"failed\":%llu,\"lost\":%llu,"
	           "\"refused\":%llu,\"stake_units\":\"%llu\",\"earned_units\":\"%llu\","
	           "\"last_heartbeat\":\"%s\",\"capabilities\":%s}",
	           !w->online ? "OFFLINE" : w->draining ? "DRAINING" : "ONLINE",
	           w->verified ? "true" : "false", w->concurrency, w->held, w->quality,
	           (unsigned long long)w->completed, (unsigned long long)w->failed,
	           (unsigned long long)w->lost, (unsigned long long)w->refused,
	           (unsigned long long)w->stake, (unsigned long long)w->earned, seen,
	           w->capabilities ? w->capabilities : "{}");
}

void
admin_miners(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct miners m = { .out = &rs->body };

	rs->type = "application/json";
	buf_puts(&rs->body, "{\"items\":[");
	desk_each_worker(c->desk, add_miner, &m);
	buf_printf(&rs->body, "],\"total\":%zu}", m.n);
}

void
admin_cancel_running(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct why why = NO_WHY;
	int64_t n;
	const int32_t rc = desk_cancel_running(c->desk, &n, &why);

	if (rc == B3IQ_OK) {
		rs->type = "application/json";
		buf_printf(&rs->body, "{\"status\":\"ok\",\"cancelled\":%lld}", (long long)n);
	} else {
		reply_why(rq, rs, rc, &why);
	}
}
