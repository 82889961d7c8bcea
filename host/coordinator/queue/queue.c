#include "coordinator/queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

static size_t
hash(const char *s, size_t h)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h ^ (h >> 32);
}

static struct live *
live_of(struct heap_node *node)
{
	return (struct live *)(void *)((char *)node - offsetof(struct live, wait));
}

/* ---- lines and clients --------------------------------------------------------- */

static struct queue_line **
line_at(struct queue *q, const struct job *j)
{
	const bool paid = j->mode != JOB_MODE_FREE;
	struct queue_line **at = &q->lines[hash(j->terms, hash(j->model, paid)) % QUEUE_LINES];

	while (*at && ((*at)->paid != paid || strcmp((*at)->model, j->model) != 0 ||
	               strcmp((*at)->text, j->terms) != 0))
		at = &(*at)->chain;
	return at;
}

/* When all lines are taken: those without jobs go. */
static void
sweep(struct queue *q)
{
	for (size_t i = 0; i < QUEUE_LINES; i++)
		for (struct queue_line **at = &q->lines[i], *line; (line = *at) != NULL;) {
			if (line->jobs.n) {
				at = &line->chain;
				continue;
			}
			*at = line->chain;
			heap_finish(&line->jobs);
			free(line);
			q->n_lines--;
		}
}

static int32_t
line_of(struct queue *q, const struct job *j, struct queue_line **out, struct b3iq_error *err)
{
	struct queue_line **at = line_at(q, j), *line = *at;
	int32_t rc;

	*out = line;
	if (line)
		return B3IQ_OK;
	if (q->n_lines >= QUEUE_LINES)
		sweep(q);
	if (q->n_lines >= QUEUE_LINES)
		return fail(err, B3IQ_E_BUSY,
		            "jobs with %d different terms wait already; try again later",
		            QUEUE_LINES);
	line = calloc(1, sizeof *line);
	if (!line)
		return fail_memory(err, "queueing a job");
	snprintf(line->model, sizeof line->model, "%s", j->model);
	snprintf(line->text, sizeof line->text, "%s", j->terms);
	line->paid = j->mode != JOB_MODE_FREE;
	rc = terms_parse(j->terms, &line->terms, err);
	if (rc != B3IQ_OK) {
		free(line);
		return rc;
	}
	at = line_at(q, j); /* the sweep may have moved it */
	line->chain = *at;
	*at = line;
	q->n_lines++;
	*out = line;
	return B3IQ_OK;
}

static struct queue_client **
client_at(const struct queue *q, const char *id)
{
	struct queue_client *const *at = &q->clients[hash(id, 0) % QUEUE_BUCKETS];

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->chain;
	return (struct queue_client **)(uintptr_t)at;
}

static struct queue_client *
client_of(struct queue *q, const char *id)
{
	struct queue_client **at = client_at(q, id);

	if (*at)
		return *at;
	*at = calloc(1, sizeof **at);
	if (*at)
		snprintf((*at)->id, sizeof (*at)->id, "%s", id);
	return *at;
}

/* A client without jobs is forgotten once its last tag has been served. */
static void
client_left(struct queue *q, const char *id)
{
	struct queue_client **at = client_at(q, id), *c = *at;

	if (!c || --c->waiting || c->tag > q->now)
		return;
	*at = c->chain;
	free(c);
}

void
queue_finish(struct queue *q)
{
	for (size_t i = 0; i < QUEUE_LINES; i++)
		for (struct queue_line *l = q->lines[i], *next; l; l = next) {
			next = l->chain;
			heap_finish(&l->jobs);
			free(l);
		}
	for (size_t i = 0; i < QUEUE_BUCKETS; i++)
		for (struct queue_client *c = q->clients[i], *next; c; c = next) {
			next = c->chain;
			free(c);
		}
	memset(q, 0, sizeof *q);
}

/* ---- jobs -------------------------------------------------------------------------- */

int32_t
queue_add(struct queue *q, struct live *l, struct b3iq_error *err)
{
	struct queue_client *client;
	struct queue_line *line;
	int32_t rc;

	if (l->line)
		return B3IQ_OK;
	rc = line_of(q, &l->job, &line, err);
	if (rc != B3IQ_OK)
		return rc;
	client = client_of(q, l->job.client);
	if (!client)
		return fail_memory(err, "queueing a job");
	if (!l->wait.tie) {
		l->wait.key = client->tag >= q->now ? client->tag + 1 : q->now;
		l->wait.tie = ++q->ties;
	}
	if (!heap_push(&line->jobs, &l->wait))
		return fail_memory(err, "queueing a job");
	if (client->tag < l->wait.key)
		client->tag = l->wait.key;
	client->waiting++;
	l->line = line;
	q->n++;
	if (line->jobs.n == 1) {
		line->prev = NULL;
		line->next = q->first;
		if (q->first)
			q->first->prev = line;
		q->first = line;
	}
	return B3IQ_OK;
}

void
queue_remove(struct queue *q, struct live *l)
{
	struct queue_line *line = l->line;

	if (!line)
		return;
	heap_remove(&line->jobs, &l->wait);
	l->line = NULL;
	q->n--;
	client_left(q, l->job.client);
	if (line->jobs.n)
		return;
	*(line->prev ? &line->prev->next : &q->first) = line->next;
	if (line->next)
		line->next->prev = line->prev;
	line->prev = line->next = NULL;
}

static bool
line_fits(const struct queue_line *line, const struct skills *s, uint32_t quality, bool payable)
{
	return (payable || !line->paid) && terms_fit(&line->terms, line->model, s, quality);
}

struct live *
queue_take(struct queue *q, const struct skills *s, uint32_t quality, bool payable)
{
	const struct heap_node *top;
	struct heap_node *best = NULL;
	struct live *l;

	for (struct queue_line *line = q->first; line; line = line->next) {
		top = heap_top(&line->jobs);
		if (best && (top->key > best->key || (top->key == best->key && top->tie > best->tie)))
			continue;
		if (line_fits(line, s, quality, payable))
			best = heap_top(&line->jobs);
	}
	if (!best)
		return NULL;
	l = live_of(best);
	if (q->now < best->key)
		q->now = best->key;
	queue_remove(q, l);
	return l;
}

bool
queue_fits(const struct live *l, const struct skills *s, uint32_t quality, bool payable)
{
	return l->line && line_fits(l->line, s, quality, payable);
}

size_t
queue_waiting(const struct queue *q, const char *client)
{
	const struct queue_client *c = *client_at(q, client);

	return c ? c->waiting : 0;
}
