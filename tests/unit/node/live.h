/* live.h - a node in this process, with inline examples as its plugins, for handlers under test. */
#ifndef TESTS_UNIT_NODE_LIVE_H
#define TESTS_UNIT_NODE_LIVE_H

#include "core/http/client.h"
#include "node/api.h"
#include "node/context.h"
#include "node/keys.h"
#include "node/state.h"
#include "unit.h"

struct live {
	struct node   *node;
	struct client *client;
	char           key[KEYS_SECRET_SIZE + 32]; /* "Authorization: Bearer ..." */
	struct client_reply reply;
};

static inline struct principal *
live_principal(void)
{
	static struct principal all = { .subject = "unit", .scopes = KEYS_ALL_SCOPES };

	return &all;
}

/* Everything is allowed: who may what is auth's own test. */
static inline bool
live_gate(struct http_request *rq, struct http_response *rs)
{
	(void)rs;
	rq->principal = live_principal();
	return true;
}

static inline void
live_start(struct live *l, const char *flaky_config)
{
	struct b3iq_error err = NO_ERR;
	struct server_options o = { .gate = live_gate };
	struct node *node = calloc(1, sizeof *node);

	assert_non_null(node);
	l->node = node;
	pthread_mutex_init(&node->lock, NULL);
	unit_home(&node->home);
	assert_ok(identity_open(&node->identity, &node->home, &err), err);
	assert_ok(config_from(json_object_new_object(), &node->config, &err), err);
	assert_ok(state_open(&node->home, &node->store, &err), err);
	node->plugins = unit_plugins(&node->home, flaky_config);
	node->models = models_create(node->plugins);
	node->auth = auth_create(node->store, node->plugins);
	node->metrics = metrics_create();
	node->pipeline = pipeline_create(&(struct pipeline_options){
		.store = node->store, .key = node->identity.key, .metrics = node->metrics,
		.streams = 4, .queue = 2, .request_s = 60 }, &err);
	node->pinger = events_pinger_create(100, &err);
	assert_true(node->models && node->auth && node->metrics && node->pipeline && node->pinger);
	atomic_store(&node->ready, true);
	o.context = node;
	o.routes = api_routes(65536, &o.n_routes);
	assert_ok(server_create(&node->server, &o, &err), err);
	assert_ok(client_create(&l->client, &err), err);
	client_reply_init(&l->reply, 4u << 20);
}

static inline void
live_stop(struct live *l)
{
	struct node *node = l->node;

	client_reply_finish(&l->reply);
	client_destroy(l->client);
	assert_int_equal(server_destroy(node->server, 10000), B3IQ_OK);
	plugins_destroy(node->plugins);
	events_pinger_destroy(node->pinger);
	pipeline_destroy(node->pipeline);
	auth_destroy(node->auth);
	models_destroy(node->models);
	metrics_destroy(node->metrics);
	store_close(node->store);
	identity_close(&node->identity);
	config_free(node->config);
	unit_home_end(&node->home);
	pthread_mutex_destroy(&node->lock);
	free(node);
}

/* Asks, and returns the status; the body is in l->reply.body. body NULL: GET. */
static inline int
live_ask(struct live *l, const char *path, const char *body)
{
	struct b3iq_error err = NO_ERR;
	char url[512];

	snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server_port(l->node->server), path);
	assert_ok(client_call(l->client, &(struct client_request){
		.method = body ? "POST" : NULL, .url = url, .body = body,
		.body_len = body ? strlen(body) : 0 }, &l->reply, &err), err);
	return l->reply.status;
}

/* Does the body have this text? */
static inline bool
live_says(const struct live *l, const char *text)
{
	return l->reply.body.len && strstr(l->reply.body.data, text);
}

#endif
