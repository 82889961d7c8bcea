/* The seed's way: the coordinator calls the worker, POST {push_url}/v1/jobs/assign. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/desk/assignment.h"
#include "coordinator/desk/room.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/http/client.h"

#define ANSWER_MS 5000
#define MUTE_MS   10000 /* after a push that was not taken */

bool
push_allowed(const struct desk *d, const char *url)
{
	const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
	                   : strncmp(url, "https://", 8) == 0 ? url + 8
	                                                      : NULL;
	const size_t n = host ? strcspn(host, ":/") : 0;

	if (!n || strchr(host, '@') || strchr(host, '?') || strchr(host, '#'))
		return false;
	for (size_t i = 0; d->o.push_hosts && d->o.push_hosts[i]; i++)
		if (strlen(d->o.push_hosts[i]) == n && strncmp(d->o.push_hosts[i], host, n) == 0)
			return true;
	return false;
}

struct push {
	struct desk *desk;
	char         worker[JOB_OWNER_SIZE], url[FLEET_URL + 32], header[FLEET_ADDRESS + 32];
};

/* B3IQ_OK: the worker has it. */
static int32_t
deliver(const struct push *p, const struct desk_work *work, struct b3iq_error *err)
{
	const char *const headers[] = { "Content-Type: application/json", p->header, NULL };
	struct client *client = NULL;
	struct client_reply reply;
	struct buf body;
	int32_t rc = client_create(&client, err);

	buf_init(&body, 128u << 20);
	client_reply_init(&reply, 65536);
	if (rc == B3IQ_OK)
		rc = assignment_write(work, true, &body, err);
	if (rc == B3IQ_OK)
		rc = client_call(client,
		                 &(struct client_request){ .method = "POST", .url = p->url,
		                                           .headers = headers, .body = body.data,
		                                           .body_len = body.len,
		                                           .total_ms = ANSWER_MS },
		                 &reply, err);
	if (rc == B3IQ_OK && reply.status != 200 && reply.status != 202)
		rc = fail(err, B3IQ_E_BUSY, "the worker answered %d", reply.status);
	client_reply_finish(&reply);
	buf_wipe(&body);
	client_destroy(client);
	return rc;
}

static void
mute(struct desk *d, const char *id)
{
	struct worker *w;

	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, id);
	if (w)
		w->mute_ms = clock_wall_ms() + MUTE_MS;
	pthread_mutex_unlock(&d->lock);
}

/* One job after another, as long as there are some and the worker takes them. */
static void
push_run(void *arg)
{
	const struct desk_patience at_once = { .ms = 0 };
	struct push *p = arg;
	struct desk *d = p->desk;
	struct desk_work work;
	struct worker *w;
	bool got = true, taken = true;

	while (taken) {
		struct b3iq_error err = NO_ERROR;
		struct why why = NO_WHY;

		if (desk_poll(d, p->worker, &at_once, &work, &got, &why) != B3IQ_OK || !got)
			break;
		taken = deliver(p, &work, &err) == B3IQ_OK;
		if (!taken) {
			log_event(B3IQ_LOG_WARN, "push.failed", "worker=%s job=%s reason=\"%s\"",
			          p->worker, work.job.id, err.text);
			mute(d, p->worker);
			desk_give_back(d, p->worker, work.job.id, work.job.lease, &why);
		}
		desk_work_free(&work);
	}
	pthread_mutex_lock(&d->lock);
	w = fleet_find(&d->fleet, p->worker);
	if (w)
		w->push.wanted = false;
	if (w && taken)
		room_offer(d); /* what came while nobody looked */
	pthread_mutex_unlock(&d->lock);
	secret_wipe(p->header, sizeof p->header);
	free(p);
}

void
push_start(struct desk *d, struct worker *w)
{
	struct push *p = calloc(1, sizeof *p);

	if (p) {
		p->desk = d;
		memcpy(p->worker, w->id, sizeof p->worker);
		snprintf(p->url, sizeof p->url, "%s/v1/jobs/assign", w->push_url);
		snprintf(p->header, sizeof p->header, "X-Api-Key: %s", w->push_key);
		if (workers_run(d->pushers, push_run, p) == B3IQ_OK)
			return;
		free(p);
	}
	w->push.wanted = false;
	w->mute_ms = clock_wall_ms() + MUTE_MS;
}
