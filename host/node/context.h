/* context.h - the one struct of this role: what every handler finds behind rq->context. */
#ifndef NODE_CONTEXT_H
#define NODE_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/http/server.h"
#include "core/plugin/instance/plugins.h"
#include "core/store/store.h"
#include "node/auth.h"
#include "node/config.h"
#include "core/role/home.h"
#include "node/identity.h"
#include "node/metrics.h"
#include "node/models.h"
#include "node/openai/events.h"
#include "node/pipeline.h"
#include "node/worker/push.h"

struct node {
	struct home      home;
	struct identity  identity;
	struct config   *config;         /* as the node was started with          */
	struct store    *store;
	struct plugins  *plugins;
	struct hostapi_services services; /* what plugins get from this node       */
	struct models   *models;
	struct auth     *auth;
	struct metrics  *metrics;
	struct pipeline *pipeline;
	struct events_pinger   *pinger;
	struct push     *push;           /* NULL: not configured, as the next      */
	struct miner    *miner;          /* this node as a worker: work.h          */
	struct server   *server;
	char             url[HOME_URL_SIZE]; /* where it listens                  */
	uint64_t         start_ms;       /* wall clock                            */
	atomic_bool      ready;          /* until it drains                       */
	pthread_mutex_t  lock;           /* what a reload changes, from here on   */
	char             default_model[MODELS_ID_SIZE];
	uint64_t         reloads;
};

/* A copy of the current default model ("" if none). */
void node_default_model(struct node *, char out[MODELS_ID_SIZE]);

#endif
