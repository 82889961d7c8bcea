#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/role/endpoint.h"
#include "core/role/kv.h"
#include "node/api.h"
#include "node/audit.h"
#include "node/context.h"
#include "node/jobs.h"
#include "node/keys.h"
#include "node/reload.h"
#include "node/state.h"
#include "node/work.h"

#define PING_MS      2500
#define OTHER_WORKERS 32   /* beyond those that generate or wait for their turn */
#define OTHER_QUEUE  256

/* ---- what plugins and the server call ------------------------------------ */

static int32_t
plugin_get(void *ctx, const char *instance, const char *key, struct b3iq_writer *out)
{
	const struct node *node = ctx;

	return kv_get(node->store, instance, key, out);
}

static int32_t
plugin_put(void *ctx, const char *instance, const char *key, const void *value, size_t len)
{
	const struct node *node = ctx;

	return kv_put(node->store, instance, key, value, len);
}

/* Before a handler: who is it, and may he? */
static bool
gate(struct http_request *rq, struct http_response *rs)
{
	struct node *node = rq->context;
	struct principal *principal;

	if (!rq->route->scope)
		return true;
	principal = calloc(1, sizeof *principal);
	rq->principal = principal;
	if (principal)
		return auth_check(node->auth, rq, rq->route->scope, principal, rs);
	response_json(rs, 500, NULL);
	return false;
}

static void
leave(struct http_request *rq)
{
	free(rq->principal);
	rq->principal = NULL;
}

static void
count(const struct http_request *rq, int status, uint64_t bytes)
{
	const struct node *node = rq->context;

	(void)bytes;
	traffic_count(metrics_traffic(node->metrics), rq, status);
}

void
node_default_model(struct node *node, char out[MODELS_ID_SIZE])
{
	pthread_mutex_lock(&node->lock);
	memcpy(out, node->default_model, MODELS_ID_SIZE);
	pthread_mutex_unlock(&node->lock);
}

/* ---- start --------------------------------------------------------------- */

/* Files of the home: config, identity, state, the CLI's key. */
static int32_t
open_home(struct node *node, const char *dir, bool lock, struct b3iq_error *err)
{
	int32_t rc = home_open(&node->home, dir, err);

	if (rc == B3IQ_OK && lock)
		rc = home_lock(&node->home, "node", err);
	if (rc == B3IQ_OK)
		rc = config_make_default(&node->home, err);
	if (rc == B3IQ_OK)
		rc = config_load(&node->home, &node->config, err);
	if (rc == B3IQ_OK)
		rc = identity_open(&node->identity, &node->home, err);
	if (rc == B3IQ_OK)
		rc = state_open(&node->home, &node->store, err);
	if (rc == B3IQ_OK)
		rc = keys_cli_make(node->store, &node->home, err);
	return rc;
}

static int32_t
recover(struct node *node, struct b3iq_error *err)
{
	uint64_t lost = 0;
	int32_t rc = audit_write(node->store, "node.started", node->identity.id, B3IQ_VERSION, err);

	if (rc == B3IQ_OK)
		rc = jobs_recover(node->store, node->identity.key, &lost, err);
	if (lost)
		log_event(B3IQ_LOG_WARN, "jobs.lost", "count=%llu", (unsigned long long)lost);
	return rc;
}

static int32_t
make_parts(struct node *node, struct b3iq_error *err)
{
	const struct config *c = node->config;

	node->services = (struct hostapi_services){ .ctx = node, .kv_get = plugin_get,
	                                            .kv_put = plugin_put };
	node->metrics = metrics_create();
	node->plugins = plugins_create(err);
	if (!node->metrics || !node->plugins)
		return fail_memory(err, "starting the node");
	node->models = models_create(node->plugins);
	node->auth = auth_create(node->store, node->plugins);
	if (!node->models || !node->auth)
		return fail_memory(err, "starting the node");
	node->pipeline = pipeline_create(&(struct pipeline_options){
		.store = node->store, .key = node->identity.key, .metrics = node->metrics,
		.streams = c->streams, .queue = c->queue, .request_s = c->request_s }, err);
	node->pinger = events_pinger_create(PING_MS, err);
	if (!node->pipeline || !node->pinger)
		return B3IQ_E_UNAVAILABLE;
	return reload_apply(node, c, err);
}

static int32_t
serve(struct node *node, const struct node_options *options, struct b3iq_error *err)
{
	const struct config *c = node->config;
	struct server_options o = {
		.address = options->address ? options->address : c->address,
		.port = options->port >= 0 ? (uint16_t)options->port : c->port,
		.guard = { c->hosts, c->n_hosts, c->origins, c->n_origins },
		.connections = c->connections, .workers = c->streams + c->queue + OTHER_WORKERS,
		.queue = OTHER_QUEUE, .context = node, .gate = gate, .leave = leave, .done = count,
		.access_log = c->access_log,
	};

	if (config_may_listen(c, o.address, err) != B3IQ_OK)
		return B3IQ_E_INVALID;
	o.routes = api_routes(c->body_bytes, &o.n_routes);
	return server_create(&node->server, &o, err);
}

/* Where it listens, for the CLI and for people. */
static void
announce(struct node *node, const char *address)
{
	endpoint_url(address, server_port(node->server), node->url, sizeof node->url);
	home_announce(&node->home, node->url);
	log_event(B3IQ_LOG_INFO, "node.ready", "url=%s node=%s version=%s", node->url,
	          node->identity.id, B3IQ_VERSION);
}

static void
say_ready(void *role, const void *options)
{
	const struct node_options *o = options;
	const struct node *node = role;

	if (o->quiet)
		return;
	if (o->json)
		printf("{\"ready\":true,\"url\":\"%s\",\"pid\":%d,\"node\":\"%s\",\"public_key\":"
		       "\"%s\"}\n",
		       node->url, (int)getpid(), node->identity.id, node->identity.public_name);
	else
		printf("b3iq node is ready at %s/v1 (pid %d, home %s)\n", node->url, (int)getpid(),
		       node->home.dir);
	fflush(stdout);
}

/* ---- stop ---------------------------------------------------------------- */

/* The worker first, which still needs everything; then the server, so that nobody calls into what
 * goes next. */
static int32_t
stop(struct node *node, struct b3iq_error *err)
{
	atomic_store(&node->ready, false);
	work_stop(node);
	if (server_destroy(node->server, node->config ? node->config->drain_s * 1000 : 0) !=
	    B3IQ_OK)
		return fail(err, B3IQ_E_TIMEOUT,
		            "requests did not end in time; what they did is recorded as lost at "
		            "the next "
		            "start");
	node->server = NULL;
	plugins_destroy(node->plugins);
	events_pinger_destroy(node->pinger);
	pipeline_destroy(node->pipeline);
	auth_destroy(node->auth);
	models_destroy(node->models);
	metrics_destroy(node->metrics);
	if (node->store && node->start_ms)
		audit_write(node->store, "node.stopped", node->identity.id, "", NULL);
	store_close(node->store);
	identity_close(&node->identity);
	config_free(node->config);
	home_close(&node->home);
	pthread_mutex_destroy(&node->lock);
	free(node);
	return B3IQ_OK;
}

/* ---- run ----------------------------------------------------------------- */

static struct node *
allocate(struct b3iq_error *err)
{
	struct node *node = calloc(1, sizeof *node);

	if (!node) {
		fail_memory(err, "starting the node");
		return NULL;
	}
	node->home.lock_fd = -1;
	pthread_mutex_init(&node->lock, NULL);
	return node;
}

int32_t
node_init(const char *home, struct b3iq_error *err)
{
	struct b3iq_error none = NO_ERROR;
	struct node *node = allocate(err);
	int32_t rc;

	if (!node)
		return B3IQ_E_NO_MEMORY;
	rc = open_home(node, home, false, err);
	stop(node, &none);
	return rc;
}

int32_t
node_start(const struct node_options *options, struct node **out, struct b3iq_error *err)
{
	struct b3iq_error none = NO_ERROR;
	struct node *node = allocate(err);
	int32_t rc;

	*out = NULL;
	if (!node)
		return B3IQ_E_NO_MEMORY;
	rc = open_home(node, options->home, true, err);
	if (rc == B3IQ_OK) {
		log_setup(node->config->log_level, node->config->log_format);
		node->start_ms = clock_wall_ms();
		rc = recover(node, err);
	}
	if (rc == B3IQ_OK)
		rc = make_parts(node, err);
	if (rc == B3IQ_OK)
		rc = serve(node, options, err);
	if (rc != B3IQ_OK) {
		stop(node, &none);
		return rc;
	}
	atomic_store(&node->ready, true);
	announce(node, options->address ? options->address : node->config->address);
	rc = work_start(node, options->coordinator, options->coordinator_key, options->payout, err);
	if (rc != B3IQ_OK) {
		stop(node, &none);
		return rc;
	}
	*out = node;
	return B3IQ_OK;
}

const char *
node_url(const struct node *node)
{
	return node->url;
}

int32_t
node_stop(struct node *node, struct b3iq_error *err)
{
	return stop(node, err);
}

static int32_t
start_role(const void *options, void **role, struct b3iq_error *err)
{
	struct node *node;
	const int32_t rc = node_start(options, &node, err);

	*role = node;
	return rc;
}

static int32_t
stop_role(void *role, struct b3iq_error *err)
{
	return node_stop(role, err);
}

static void
reload_role(void *role)
{
	struct b3iq_error err = NO_ERROR;

	reload_config(role, NULL, &err); /* it logs what is wrong */
}

struct service
node_service(const struct node_options *options)
{
	return (struct service){ .name = "node", .options = options, .start = start_role,
		                 .ready = say_ready, .reload = reload_role, .stop = stop_role };
}

int32_t
node_main(const struct node_options *options, struct b3iq_error *err)
{
	const struct service service = node_service(options);

	return service_run(&service, 1, err);
}
