#include "node/api.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/receipt/receipt_log.h"
#include "node/audit.h"
#include "node/context.h"
#include "node/keys.h"
#include "node/openai/chat.h"
#include "node/openai/completions.h"
#include "node/openai/errors.h"
#include "node/openai/listing.h"
#include "node/reload.h"
#include "node/work.h"

#define LIST_LIMIT 1000
#define SMALL_BODY 65536

static void
refuse(struct http_response *rs, int32_t rc, const struct b3iq_error *err)
{
	struct wrong wrong = { 0 };

	errors_from(&wrong, rc, err, NULL);
	if (rc == B3IQ_E_NOT_FOUND) {
		wrong.code = "not_found";
		wrong.param[0] = '\0';
	}
	errors_answer(&wrong, rs);
}

/* ---- is it alive --------------------------------------------------------- */

static void
health(struct http_request *rq, struct http_response *rs)
{
	(void)rq;
	response_text(rs, 200, "application/json", "{\"status\":\"ok\"}");
}

/* Ready to take requests: not draining, and at least one inference instance ready. */
static void
ready(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	const char *why = "no inference plugin is ready";
	bool any = false;

	for (struct instance *i = NULL; (i = plugins_next(node->plugins, B3IQ_INFERENCE, i));) {
		struct instance_status status;

		instance_status(i, &status);
		any |= status.state == INSTANCE_READY;
	}
	if (!atomic_load(&node->ready))
		why = "the node is stopping";
	if (any && atomic_load(&node->ready)) {
		response_text(rs, 200, "application/json", "{\"status\":\"ready\"}");
		return;
	}
	response_error(rs, 503, "not_ready", NULL, "%s", why);
	response_set(rs, "Retry-After", "1");
}

static void
show_metrics(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;

	rs->type = "text/plain; version=0.0.4; charset=utf-8";
	if (metrics_write(node->metrics, node->plugins, &rs->body) != B3IQ_OK ||
	    work_metrics(node, &rs->body) != B3IQ_OK)
		response_json(rs, 500, NULL);
}

static void
show_openapi(struct http_request *rq, struct http_response *rs)
{
	size_t len = 0;
	const char *text = schema_text("openapi.yaml", &len);

	(void)rq;
	rs->type = "application/yaml; charset=utf-8";
	if (!text || buf_append(&rs->body, text, len) != B3IQ_OK)
		response_json(rs, 500, NULL);
}

/* ---- receipts ------------------------------------------------------------ */

struct wanted {
	const char *id;
	struct buf *out;
};

static int32_t
get_receipt(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct wanted *w = arg;

	return receipt_log_get(tx, w->id, w->out, err);
}

static void
show_receipt(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct wanted wanted = { request_param(rq, "id"), &rs->body };
	struct b3iq_error err = NO_ERROR;
	const int32_t rc = store_read(node->store, get_receipt, &wanted, &err);

	if (rc != B3IQ_OK)
		refuse(rs, rc, &err);
}

/* ---- lists: newest first, a page at a time ------------------------------- */

struct page {
	struct json_object *list;
	uint64_t            before;
	uint32_t            limit;
	uint64_t            last; /* of this page */
};

static bool
read_page(struct http_request *rq, struct http_response *rs, struct page *page)
{
	struct b3iq_error err = NO_ERROR;
	int64_t before = 0, limit = 50;
	int32_t rc = request_query_int(rq, "before", 0, INT64_MAX / 2, 0, &before, &err);

	if (rc == B3IQ_OK)
		rc = request_query_int(rq, "limit", 1, LIST_LIMIT, 50, &limit, &err);
	*page = (struct page){ .before = (uint64_t)before, .limit = (uint32_t)limit };
	if (rc != B3IQ_OK) {
		refuse(rs, rc, &err);
		return false;
	}
	page->list = json_object_new_array();
	return page->list != NULL;
}

/* {"receipts":[...],"next_before":n}: what to ask for next, where there may be more. */
static void
answer_page(struct http_response *rs, const char *name, struct page *page, int32_t rc,
            const struct b3iq_error *err)
{
	const size_t n = json_object_array_length(page->list);
	struct json_object *doc = json_object_new_object();

	if (rc != B3IQ_OK) {
		refuse(rs, rc, err);
	} else if (doc && json_put(doc, name, json_object_get(page->list)) == B3IQ_OK &&
	           (n < page->limit || page->last <= 1 ||
	            json_put_int(doc, "next_before", (int64_t)page->last) == B3IQ_OK)) {
		response_json(rs, 200, json_object_get(doc));
	} else {
		response_json(rs, 500, NULL);
	}
	json_object_put(doc);
	json_object_put(page->list);
}

static int32_t
add_receipt(void *arg, const struct receipt_entry *entry)
{
	struct page *page = arg;
	struct json_object *o = json_object_new_object(), *body = NULL;
	char hash[2 * sizeof entry->hash + 1];

	page->last = entry->seq;
	hex_encode(entry->hash, sizeof entry->hash, hash);
	if (o && json_put_int(o, "seq", (int64_t)entry->seq) == B3IQ_OK &&
	    json_put_string(o, "id", entry->id) == B3IQ_OK &&
	    json_put_string(o, "hash", hash) == B3IQ_OK &&
	    json_parse(entry->body, entry->body_len, "receipt", &body, NULL) == B3IQ_OK &&
	    json_put(o, "receipt", body) == B3IQ_OK && json_object_array_add(page->list, o) == 0)
		return B3IQ_OK;
	json_object_put(o);
	return B3IQ_E_NO_MEMORY;
}

static int32_t
read_receipts(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct page *page = arg;

	return receipt_log_list(tx, page->before, page->limit, add_receipt, page, err);
}

static void
list_receipts(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct page page;

	if (read_page(rq, rs, &page))
		answer_page(rs, "receipts", &page,
		            store_read(node->store, read_receipts, &page, &err), &err);
}

static int32_t
add_event(void *arg, const struct audit_event *event)
{
	struct page *page = arg;
	struct json_object *o = json_object_new_object();

	page->last = event->seq;
	if (o && json_put_int(o, "seq", (int64_t)event->seq) == B3IQ_OK &&
	    json_put_int(o, "time_ms", (int64_t)event->time_ms) == B3IQ_OK &&
	    json_put_string(o, "kind", event->kind) == B3IQ_OK &&
	    json_put_string(o, "subject", event->subject) == B3IQ_OK &&
	    json_put_string(o, "detail", event->detail) == B3IQ_OK &&
	    json_object_array_add(page->list, o) == 0)
		return B3IQ_OK;
	json_object_put(o);
	return B3IQ_E_NO_MEMORY;
}

static void
list_events(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct page page;

	if (read_page(rq, rs, &page))
		answer_page(
			rs, "events", &page,
			audit_list(node->store, page.before, page.limit, add_event, &page, &err),
			&err);
}

/* ---- administration ------------------------------------------------------ */

static const char *
kind_name(uint32_t kind)
{
	static const char *const names[] = { "unknown", "inference", "ledger", "auth" };

	return kind < 4 ? names[kind] : names[0];
}

static struct json_object *
instance_object(struct instance *i)
{
	struct json_object *o = json_object_new_object();
	struct instance_status s;
	struct buf lines;
	bool ok;

	instance_status(i, &s);
	buf_init(&lines, 256u << 10);
	instance_stderr(i, &lines);
	ok = o && json_put_string(o, "name", instance_name(i)) == B3IQ_OK &&
	     json_put_string(o, "kind", kind_name(s.kind)) == B3IQ_OK &&
	     json_put_string(o, "state", instance_state_name(s.state)) == B3IQ_OK &&
	     json_put_string(o, "id", s.id) == B3IQ_OK &&
	     json_put_string(o, "version", s.version) == B3IQ_OK &&
	     json_put_string(o, "sha256", s.sha256) == B3IQ_OK &&
	     json_put_string(o, "isolation", s.run_inline ? "inline" : "process") == B3IQ_OK &&
	     json_put_int(o, "pid", s.pid) == B3IQ_OK &&
	     json_put_int(o, "running", s.running) == B3IQ_OK &&
	     json_put_int(o, "waiting", s.waiting) == B3IQ_OK &&
	     json_put_int(o, "uptime_ms", (int64_t)s.uptime_ms) == B3IQ_OK &&
	     json_put_int(o, "deaths", (int64_t)s.deaths) == B3IQ_OK &&
	     json_put_int(o, "retry_in_ms", (int64_t)s.retry_in_ms) == B3IQ_OK &&
	     json_put_string(o, "error", s.error) == B3IQ_OK &&
	     json_put_string(o, "stderr", lines.len ? lines.data : "") == B3IQ_OK;
	buf_free(&lines);
	if (ok)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
instances(struct node *node)
{
	struct json_object *list = json_object_new_array();

	if (!list)
		return NULL;
	for (struct instance *i = NULL; (i = plugins_next(node->plugins, 0, i)) != NULL;) {
		struct json_object *o = instance_object(i);

		if (!o || json_object_array_add(list, o) != 0) {
			json_object_put(o);
			instance_release(i);
			json_object_put(list);
			return NULL;
		}
	}
	return list;
}

static void
list_plugins(struct http_request *rq, struct http_response *rs)
{
	struct json_object *doc = json_object_new_object();

	if (doc && json_put(doc, "plugins", instances(rq->context)) == B3IQ_OK) {
		response_json(rs, 200, doc);
		return;
	}
	json_object_put(doc);
	response_json(rs, 500, NULL);
}

static void
restart_plugin(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	const char *name = request_param(rq, "name");
	struct instance *i = plugins_find(node->plugins, name);
	struct b3iq_error err = NO_ERROR;

	if (!i) {
		response_error(rs, 404, "not_found", NULL, "there is no plugin instance \"%.64s\"",
		               name);
		return;
	}
	instance_restart(i);
	instance_wait(i, 10000, &err); /* its state tells what came of it */
	models_forget(node->models);
	auth_forget(node->auth);
	audit_write(node->store, "plugin.restarted", name, "", NULL);
	response_json(rs, 200, instance_object(i));
	instance_release(i);
}

static void
show_status(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct json_object *doc = json_object_new_object();
	unsigned connections, running;

	server_count(node->server, &connections, &running);
	if (doc && json_put_string(doc, "node", node->identity.id) == B3IQ_OK &&
	    json_put_string(doc, "name", node->config->name) == B3IQ_OK &&
	    json_put_string(doc, "version", B3IQ_VERSION) == B3IQ_OK &&
	    json_put_string(doc, "public_key", node->identity.public_name) == B3IQ_OK &&
	    json_put_string(doc, "home", node->home.dir) == B3IQ_OK &&
	    json_put_int(doc, "pid", getpid()) == B3IQ_OK &&
	    json_put_int(doc, "uptime_ms", (int64_t)(clock_wall_ms() - node->start_ms)) ==
	            B3IQ_OK &&
	    json_put_bool(doc, "ready", atomic_load(&node->ready)) == B3IQ_OK &&
	    json_put_int(doc, "connections", connections) == B3IQ_OK &&
	    json_put_int(doc, "requests", running) == B3IQ_OK &&
	    json_put_int(doc, "generations", metrics_is_running(node->metrics)) == B3IQ_OK &&
	    json_put_int(doc, "models", (int64_t)models_known(node->models)) == B3IQ_OK &&
	    json_put(doc, "worker", work_status(node)) == B3IQ_OK &&
	    json_put(doc, "plugins", instances(node)) == B3IQ_OK) {
		response_json(rs, 200, doc);
		return;
	}
	json_object_put(doc);
	response_json(rs, 500, NULL);
}

static void
do_reload(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc = NULL;
	const int32_t rc = reload_config(node, &doc, &err);

	if (rc != B3IQ_OK) {
		response_error(rs, 400, "invalid_config", NULL, "%s", err.text);
		return;
	}
	response_json(rs, 200, doc);
}

/* ---- the table ----------------------------------------------------------- */

static struct http_route routes[] = {
	{ "GET", "/health", health, NULL, 0 },
	{ "GET", "/ready", ready, NULL, 0 },
	{ "GET", "/metrics", show_metrics, "metrics", 0 },
	{ "GET", "/openapi.yaml", show_openapi, NULL, 0 },
	{ "GET", "/v1/models", listing_all, "models.read", 0 },
	{ "GET", "/v1/models/{id...}", listing_one, "models.read", 0 },
	{ "POST", "/v1/chat/completions", chat_handle, "chat", SIZE_MAX },
	{ "POST", "/v1/completions", completions_handle, "completions", SIZE_MAX },
	{ "GET", "/v1/receipts/{id}", show_receipt, "receipts", 0 },
	{ "GET", "/api/status", show_status, "admin", 0 },
	{ "GET", "/api/plugins", list_plugins, "admin", 0 },
	{ "POST", "/api/plugins/{name}/restart", restart_plugin, "admin", SMALL_BODY },
	{ "POST", "/api/reload", do_reload, "admin", SMALL_BODY },
	{ "GET", "/api/receipts", list_receipts, "admin", 0 },
	{ "GET", "/api/audit", list_events, "admin", 0 },
};
#define N_ROUTES (sizeof routes / sizeof *routes)

const struct http_route *
api_routes(uint32_t body_bytes, size_t *n)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		if (routes[i].body_max > SMALL_BODY)
			routes[i].body_max = body_bytes;
	*n = N_ROUTES;
	return routes;
}
