/* From a row that changed to the queue, the leases, the alarms and those who wait. */
#include <string.h>

#include "coordinator/desk/room.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static uint64_t
due(const struct desk *d, const struct live *l)
{
	const struct job *j = &l->job;
	uint64_t at, other;

	switch (j->phase) {
	case JOB_FUNDING:
		return j->expires_ms;
	case JOB_QUEUED:
		at = j->expires_ms;
		other = l->since_ms + d->o.no_worker_s * 1000u;
		break;
	default:
		at = j->lease_ms;
		other = j->leased_ms + d->o.run_s * 1000u;
	}
	return at < other ? at : other;
}

void
room_alarm(struct desk *d, struct live *l)
{
	const uint64_t first = heap_top(&d->alarms) ? heap_top(&d->alarms)->key : UINT64_MAX;
	const uint64_t at = job_ended(&l->job) ? 0 : due(d, l);

	if (!at) {
		heap_remove(&d->alarms, &l->alarm);
		return;
	}
	if (l->alarm.at) {
		heap_rekey(&d->alarms, &l->alarm, at);
	} else {
		l->alarm.key = at;
		if (!heap_push(&d->alarms, &l->alarm))
			log_event(B3IQ_LOG_ERROR, "alarm.memory", "job=%s", l->job.id);
	}
	if (at < first)
		pthread_cond_signal(&d->rung);
}

/* The best of those who wait and could take it. */
static void
call_for(struct desk *d, const struct live *l)
{
	for (struct poller *p = d->fleet.pollers; p; p = p->next) {
		struct worker *w = p->worker;

		if (p->wanted || !fleet_room(w) ||
		    !queue_fits(l, &w->skills, w->quality, fleet_payable(w)))
			continue;
		if (p->push && w->mute_ms > clock_wall_ms())
			continue;
		p->wanted = true;
		if (p->push)
			push_start(d, w);
		else
			pthread_cond_signal(&p->called);
		return;
	}
}

void
room_offer(struct desk *d)
{
	for (struct queue_line *line = d->queue.first; line; line = line->next) {
		struct heap_node *top = heap_top(&line->jobs);

		if (d->fleet.pollers)
			call_for(d, (struct live *)(void *)((char *)top - offsetof(struct live, wait)));
	}
}

void
room_queue(struct desk *d, struct live *l)
{
	struct b3iq_error err = NO_ERROR;

	if (l->line)
		return;
	l->since_ms = clock_wall_ms();
	if (l->taken) /* a worker is getting it just now */
		return;
	if (queue_add(&d->queue, l, &err) != B3IQ_OK)
		log_event(B3IQ_LOG_ERROR, "queue.full", "job=%s reason=\"%s\"", l->job.id, err.text);
}

static void
show_held(struct desk *d, struct live *l)
{
	struct worker *w = fleet_find(&d->fleet, l->job.worker);

	if (l->holder && l->holder != w)
		fleet_release(l);
	if (w && !l->holder)
		fleet_hold(w, l);
	if (l->said_attempt != l->job.attempt) {
		board_hush(&d->board, l);
		l->said_attempt = l->job.attempt;
	}
}

void
room_show(struct desk *d, const struct job *j)
{
	bool fresh, freed;
	struct live *l = board_show(&d->board, j, &fresh);

	if (!l) { /* the row is safe; a restart finds it */
		log_event(B3IQ_LOG_ERROR, "board.memory", "job=%s", j->id);
		return;
	}
	if (!fresh)
		return;
	freed = l->holder && !job_held(j);
	if (freed)
		fleet_release(l);
	if (j->phase == JOB_QUEUED)
		room_queue(d, l);
	else
		queue_remove(&d->queue, l);
	if (job_held(j))
		show_held(d, l);
	room_alarm(d, l);
	board_moved(l);
	if (l->line)
		call_for(d, l);
	if (job_ended(j))
		board_retire(&d->board, l);
	if (freed)
		room_offer(d);
}

void
room_touch(struct desk *d, struct worker *w)
{
	const uint64_t now = clock_wall_ms();
	const uint64_t first = heap_top(&d->beats) ? heap_top(&d->beats)->key : UINT64_MAX;
	const uint64_t at = now + 3000u * d->o.heartbeat_s;

	w->seen_ms = now;
	if (!w->online && !w->gone)
		fleet_online(&d->fleet, w, true);
	if (w->alarm.at)
		heap_rekey(&d->beats, &w->alarm, at);
	else {
		w->alarm.key = at;
		heap_push(&d->beats, &w->alarm);
	}
	if (at < first)
		pthread_cond_signal(&d->rung);
}
