#include "core/role/traffic.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/http/router.h"
#include "core/role/prometheus.h"

#define ROUTES 128
#define STATUS 6 /* 0: none was sent; 1xx .. 5xx */

struct route_count {
	const struct http_route *route;
	uint64_t                 status[STATUS];
	struct histogram         time;
};

struct traffic {
	pthread_mutex_t    lock;
	uint64_t           start_ms;
	struct route_count routes[ROUTES];
	size_t             n_routes;
};

struct traffic *
traffic_create(void)
{
	struct traffic *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	t->start_ms = clock_wall_ms();
	return t;
}

void
traffic_destroy(struct traffic *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void
traffic_add(struct traffic *t, const struct http_route *route, int status, uint64_t us)
{
	size_t i = 0;

	pthread_mutex_lock(&t->lock);
	while (i < t->n_routes && t->routes[i].route != route)
		i++;
	if (i == t->n_routes && i < ROUTES)
		t->routes[t->n_routes++].route = route;
	if (i < ROUTES) {
		t->routes[i].status[status >= 100 && status < 600 ? status / 100 : 0]++;
		histogram_observe(&t->routes[i].time, us);
	}
	pthread_mutex_unlock(&t->lock);
}

void
traffic_count(struct traffic *t, const struct http_request *rq, int status)
{
	traffic_add(t, rq->route, status, clock_mono_us() - rq->arrived_us);
}

static void
route_labels(const struct http_route *route, char *out, size_t size)
{
	snprintf(out, size, "method=\"%s\",route=\"%s\",", route ? route->method : "",
	         route ? route->pattern : "");
}

void
traffic_write(struct traffic *t, struct buf *out)
{
	char labels[256];

	pthread_mutex_lock(&t->lock);
	prometheus_head(out, "b3iq_http_requests_total", "counter",
	                "HTTP requests by route and status class");
	for (size_t i = 0; i < t->n_routes; i++) {
		route_labels(t->routes[i].route, labels, sizeof labels);
		for (int s = 0; s < STATUS; s++)
			if (t->routes[i].status[s])
				buf_printf(out,
				           "b3iq_http_requests_total{%sstatus=\"%dxx\"} %llu\n",
				           labels, s, (unsigned long long)t->routes[i].status[s]);
	}
	prometheus_head(out, "b3iq_http_request_seconds", "histogram",
	                "From the request's head to its end");
	for (size_t i = 0; i < t->n_routes; i++) {
		route_labels(t->routes[i].route, labels, sizeof labels);
		prometheus_histogram(out, "b3iq_http_request_seconds", labels, &t->routes[i].time);
	}
	pthread_mutex_unlock(&t->lock);
	prometheus_process(out, t->start_ms);
}
