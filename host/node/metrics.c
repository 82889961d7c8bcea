#include "node/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/http/router.h"

#define ROUTES  64
#define STATUS  6   /* 0: none was sent; 1xx .. 5xx */
#define RESULTS 16  /* B3IQ_OK and the negative codes */

/* Upper bounds of the histograms, in microseconds. */
static const uint64_t bounds[] = { 1000, 5000, 25000, 100000, 500000, 2500000, 10000000, 60000000 };
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct histogram {
	uint64_t count[BOUNDS + 1], sum_us;
};

struct route_count {
	const struct http_route *route;
	uint64_t                 status[STATUS];
	struct histogram         time;
};

struct metrics {
	pthread_mutex_t    lock;
	uint64_t           start_ms;
	struct route_count routes[ROUTES];
	size_t             n_routes;
	uint64_t           results[RESULTS];
	uint64_t           prompt_tokens, cached_tokens, output_tokens;
	struct histogram   first, total;
	int                running;
};

struct metrics *
metrics_create(void)
{
	struct metrics *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->start_ms = clock_wall_ms();
	return m;
}

void
metrics_destroy(struct metrics *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void
observe(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < BOUNDS && us > bounds[i])
		i++;
	h->count[i]++;
	h->sum_us += us;
}

void
metrics_request(struct metrics *m, const struct http_route *route, int status, uint64_t us)
{
	size_t i = 0;

	pthread_mutex_lock(&m->lock);
	while (i < m->n_routes && m->routes[i].route != route)
		i++;
	if (i == m->n_routes && i < ROUTES)
		m->routes[m->n_routes++].route = route;
	if (i < ROUTES) {
		m->routes[i].status[status >= 100 && status < 600 ? status / 100 : 0]++;
		observe(&m->routes[i].time, us);
	}
	pthread_mutex_unlock(&m->lock);
}

void
metrics_generation(struct metrics *m, const struct metrics_generation *g)
{
	pthread_mutex_lock(&m->lock);
	m->results[g->rc <= 0 && g->rc > -RESULTS ? -g->rc : -B3IQ_E_INTERNAL]++;
	m->prompt_tokens += g->prompt_tokens;
	m->cached_tokens += g->cached_tokens;
	m->output_tokens += g->output_tokens;
	if (g->first_us)
		observe(&m->first, g->first_us);
	observe(&m->total, g->total_us);
	pthread_mutex_unlock(&m->lock);
}

void
metrics_running(struct metrics *m, int change)
{
	pthread_mutex_lock(&m->lock);
	m->running += change;
	pthread_mutex_unlock(&m->lock);
}

int
metrics_is_running(struct metrics *m)
{
	int n;

	pthread_mutex_lock(&m->lock);
	n = m->running;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* ---- text ---------------------------------------------------------------- */

static void
head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

/* labels: "a=\"b\"," or "". */
static void
write_histogram(struct buf *out, const char *name, const char *labels, const struct histogram *h)
{
	const int bare = (int)strlen(labels) - (labels[0] != '\0'); /* without the comma */
	uint64_t sum = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		sum += h->count[i];
		buf_printf(out, "%s_bucket{%sle=\"%g\"} %llu\n", name, labels,
		           (double)bounds[i] / 1e6, (unsigned long long)sum);
	}
	sum += h->count[BOUNDS];
	buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels, (unsigned long long)sum);
	buf_printf(out, "%s_sum{%.*s} %.6f\n", name, bare, labels, (double)h->sum_us / 1e6);
	buf_printf(out, "%s_count{%.*s} %llu\n", name, bare, labels, (unsigned long long)sum);
}

static void
route_labels(const struct http_route *route, char *out, size_t size)
{
	snprintf(out, size, "method=\"%s\",route=\"%s\",", route ? route->method : "",
	         route ? route->pattern : "");
}

static void
write_requests(const struct metrics *m, struct buf *out)
{
	char labels[256];

	head(out, "b3iq_http_requests_total", "counter", "HTTP requests by route and status class");
	for (size_t i = 0; i < m->n_routes; i++) {
		route_labels(m->routes[i].route, labels, sizeof labels);
		for (int s = 0; s < STATUS; s++)
			if (m->routes[i].status[s])
				buf_printf(out,
				           "b3iq_http_requests_total{%sstatus=\"%dxx\"} %llu\n",
				           labels, s, (unsigned long long)m->routes[i].status[s]);
	}
	head(out, "b3iq_http_request_seconds", "histogram", "From the request's head to its end");
	for (size_t i = 0; i < m->n_routes; i++) {
		route_labels(m->routes[i].route, labels, sizeof labels);
		write_histogram(out, "b3iq_http_request_seconds", labels, &m->routes[i].time);
	}
}

static void
write_generations(const struct metrics *m, struct buf *out)
{
	head(out, "b3iq_generations_total", "counter", "Generations that ended, by result");
	for (int i = 0; i < RESULTS; i++)
		if (m->results[i])
			buf_printf(out, "b3iq_generations_total{result=\"%s\"} %llu\n",
			           result_name(-i), (unsigned long long)m->results[i]);
	head(out, "b3iq_generations_running", "gauge", "Generations that run now");
	buf_printf(out, "b3iq_generations_running %d\n", m->running);
	single(out, "b3iq_prompt_tokens_total", "counter", "Prompt tokens", m->prompt_tokens);
	single(out, "b3iq_cached_tokens_total", "counter", "Prompt tokens found in a cache",
	       m->cached_tokens);
	single(out, "b3iq_output_tokens_total", "counter", "Output tokens", m->output_tokens);
	head(out, "b3iq_first_token_seconds", "histogram",
	     "From the start of a generation to its first token");
	write_histogram(out, "b3iq_first_token_seconds", "", &m->first);
	head(out, "b3iq_generation_seconds", "histogram", "Whole generations");
	write_histogram(out, "b3iq_generation_seconds", "", &m->total);
}

/* Resident memory, from /proc: the second number of statm. */
static void
write_process(const struct metrics *m, struct buf *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0, resident = 0;

	head(out, "process_start_time_seconds", "gauge", "When the node started");
	buf_printf(out, "process_start_time_seconds %.3f\n", (double)m->start_ms / 1e3);
	if (!f)
		return;
	if (fscanf(f, "%lu %lu", &pages, &resident) == 2)
		single(out, "process_resident_memory_bytes", "gauge", "Memory of the node itself",
		       (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
	fclose(f);
}

static void
plugin_metric(void *arg, const char *instance, int32_t type, const char *name, double value)
{
	struct buf *out = arg;

	buf_printf(out, "# TYPE b3iq_plugin_%s %s\nb3iq_plugin_%s{instance=\"%s\"} %.17g\n", name,
	           type == B3IQ_COUNTER ? "counter" : "gauge", name, instance, value);
}

static void
write_plugins(struct plugins *plugins, struct buf *out)
{
	struct instance_status s;

	head(out, "b3iq_instance_up", "gauge", "Is the plugin instance ready?");
	for (struct instance *i = NULL; (i = plugins_next(plugins, 0, i)) != NULL;) {
		instance_status(i, &s);
		buf_printf(out, "b3iq_instance_up{instance=\"%s\",state=\"%s\"} %d\n",
		           instance_name(i), instance_state_name(s.state),
		           s.state == INSTANCE_READY);
	}
	head(out, "b3iq_instance_deaths_total", "counter", "How often its process ended unasked");
	for (struct instance *i = NULL; (i = plugins_next(plugins, 0, i)) != NULL;) {
		instance_status(i, &s);
		buf_printf(out, "b3iq_instance_deaths_total{instance=\"%s\"} %llu\n",
		           instance_name(i), (unsigned long long)s.deaths);
	}
	for (struct instance *i = NULL; (i = plugins_next(plugins, 0, i)) != NULL;)
		instance_metrics(i, plugin_metric, out);
}

int32_t
metrics_write(struct metrics *m, struct plugins *plugins, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	write_requests(m, out);
	write_generations(m, out);
	write_process(m, out);
	pthread_mutex_unlock(&m->lock);
	if (plugins)
		write_plugins(plugins, out);
	return out->rc;
}
