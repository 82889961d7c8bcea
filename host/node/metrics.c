#include "node/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/fail.h"
#include "core/role/prometheus.h"

#define RESULTS 16 /* B3IQ_OK and the negative codes */

struct metrics {
	pthread_mutex_t  lock;
	struct traffic  *traffic;
	uint64_t         results[RESULTS];
	uint64_t         prompt_tokens, cached_tokens, output_tokens;
	struct histogram first, total;
	int              running;
};

struct metrics *
metrics_create(void)
{
	struct metrics *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->traffic = traffic_create();
	if (!m->traffic) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
metrics_destroy(struct metrics *m)
{
	if (!m)
		return;
	traffic_destroy(m->traffic);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct traffic *
metrics_traffic(struct metrics *m)
{
	return m->traffic;
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
		histogram_observe(&m->first, g->first_us);
	histogram_observe(&m->total, g->total_us);
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
write_generations(const struct metrics *m, struct buf *out)
{
	prometheus_head(out, "b3iq_generations_total", "counter", "Generations that ended, by result");
	for (int i = 0; i < RESULTS; i++)
		if (m->results[i])
			buf_printf(out, "b3iq_generations_total{result=\"%s\"} %llu\n",
			           result_name(-i), (unsigned long long)m->results[i]);
	prometheus_head(out, "b3iq_generations_running", "gauge", "Generations that run now");
	buf_printf(out, "b3iq_generations_running %d\n", m->running);
	prometheus_single(out, "b3iq_prompt_tokens_total", "counter", "Prompt tokens",
	                  m->prompt_tokens);
	prometheus_single(out, "b3iq_cached_tokens_total", "counter",
	                  "Prompt tokens found in a cache", m->cached_tokens);
	prometheus_single(out, "b3iq_output_tokens_total", "counter", "Output tokens",
	                  m->output_tokens);
	prometheus_head(out, "b3iq_first_token_seconds", "histogram",
	                "From the start of a generation to its first token");
	prometheus_histogram(out, "b3iq_first_token_seconds", "", &m->first);
	prometheus_head(out, "b3iq_generation_seconds", "histogram", "Whole generations");
	prometheus_histogram(out, "b3iq_generation_seconds", "", &m->total);
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

	prometheus_head(out, "b3iq_instance_up", "gauge", "Is the plugin instance ready?");
	for (struct instance *i = NULL; (i = plugins_next(plugins, 0, i)) != NULL;) {
		instance_status(i, &s);
		buf_printf(out, "b3iq_instance_up{instance=\"%s\",state=\"%s\"} %d\n",
		           instance_name(i), instance_state_name(s.state),
		           s.state == INSTANCE_READY);
	}
	prometheus_head(out, "b3iq_instance_deaths_total", "counter", "How often its process ended unasked");
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
	traffic_write(m->traffic, out);
	pthread_mutex_lock(&m->lock);
	write_generations(m, out);
	pthread_mutex_unlock(&m->lock);
	if (plugins)
		write_plugins(plugins, out);
	return out->rc;
}
