#include "coordinator/queue/board.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 1024

/* FNV-1a: ids are made by us, of random digits. */
static size_t
hash(const char *id)
{
	uint64_t h = 14695981039346656037u;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

bool
board_init(struct board *b, size_t ended_max)
{
	memset(b, 0, sizeof *b);
	b->n_buckets = FIRST_BUCKETS;
	b->ended_max = ended_max;
	b->said_max = BOARD_SAID_ALL;
	b->bucket = calloc(b->n_buckets, sizeof(struct live *));
	return b->bucket != NULL;
}

static void
destroy(struct live *l)
{
	buf_wipe(&l->said);
	free(l);
}

void
board_finish(struct board *b)
{
	for (size_t i = 0; b->bucket && i < b->n_buckets; i++)
		for (struct live *l = b->bucket[i], *next; l; l = next) {
			next = l->chain;
			destroy(l);
		}
	free(b->bucket);
	memset(b, 0, sizeof *b);
}

struct live *
board_find(const struct board *b, const char *id)
{
	struct live *l = b->bucket[hash(id) & (b->n_buckets - 1)];

	while (l && strcmp(l->job.id, id) != 0)
		l = l->chain;
	return l;
}

/* More buckets; without memory the chains just get longer. */
static void
grow(struct board *b)
{
	const size_t n = 2 * b->n_buckets;
	struct live **bucket = calloc(n, sizeof(struct live *));

	if (!bucket)
		return;
	for (size_t i = 0; i < b->n_buckets; i++)
		for (struct live *l = b->bucket[i], *next; l; l = next) {
			struct live **at = &bucket[hash(l->job.id) & (n - 1)];

			next = l->chain;
			l->chain = *at;
			*at = l;
		}
	free(b->bucket);
	b->bucket = bucket;
	b->n_buckets = n;
}

struct live *
board_show(struct board *b, const struct job *job, bool *fresh)
{
	struct live *l = board_find(b, job->id), **at;

	*fresh = !l || job->rev > l->job.rev;
	if (l) {
		if (*fresh)
			l->job = *job;
		return l;
	}
	l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->job = *job;
	buf_init(&l->said, BOARD_SAID_MAX);
	if (++b->n > b->n_buckets)
		grow(b);
	at = &b->bucket[hash(job->id) & (b->n_buckets - 1)];
	l->chain = *at;
	*at = l;
	return l;
}

static void
unlist(struct board *b, struct live *l)
{
	if (!l->ended)
		return;
	*(l->prev ? &l->prev->next : &b->oldest) = l->next;
	*(l->next ? &l->next->prev : &b->newest) = l->prev;
	l->prev = l->next = NULL;
	l->ended = false;
	b->n_ended--;
}

void
board_drop(struct board *b, struct live *l)
{
	struct live **at = &b->bucket[hash(l->job.id) & (b->n_buckets - 1)];

	unlist(b, l);
	while (*at != l)
		at = &(*at)->chain;
	*at = l->chain;
	b->n--;
	board_hush(b, l);
	destroy(l);
}

void
board_retire(struct board *b, struct live *l)
{
	if (l->ended)
		return;
	l->ended = true;
	l->next = NULL;
	l->prev = b->newest;
	*(b->newest ? &b->newest->next : &b->oldest) = l;
	b->newest = l;
	b->n_ended++;
	b->said -= l->said.cap;
	buf_wipe(&l->said);
	for (struct live *old = b->oldest, *next; old && b->n_ended > b->ended_max; old = next) {
		next = old->next;
		if (!old->watchers && old != l)
			board_drop(b, old);
	}
}

void
board_watch(struct live *l, struct watcher *w)
{
	w->next = l->watchers;
	l->watchers = w;
}

void
board_unwatch(struct board *b, const char *id, struct watcher *w)
{
	struct live *l = board_find(b, id);
	struct watcher **at = l ? &l->watchers : NULL;

	while (at && *at && *at != w)
		at = &(*at)->next;
	if (at && *at)
		*at = w->next;
}

void
board_moved(struct live *l)
{
	for (struct watcher *w = l->watchers; w; w = w->next)
		pthread_cond_signal(&w->moved);
}

void
board_hush(struct board *b, struct live *l)
{
	b->said -= l->said.cap;
	buf_wipe(&l->said);
	l->deltas = 0;
	l->cut = false;
}

bool
board_say(struct board *b, struct live *l, const char *text, size_t len)
{
	const size_t before = l->said.cap;
	int32_t rc = B3IQ_OK;

	if (l->said.len + len > BOARD_SAID_MAX || b->said + len > b->said_max)
		l->cut = true;
	if (len && !l->cut)
		rc = buf_append(&l->said, text, len);
	b->said += l->said.cap - before;
	if (rc != B3IQ_OK)
		return false;
	l->deltas++;
	board_moved(l);
	return true;
}
