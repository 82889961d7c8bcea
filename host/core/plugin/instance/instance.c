#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/plugin/instance/instance.h"
#include "core/plugin/instance/life.h"
#include "core/plugin/instance/options.h"
#include "core/plugin/instance/tables.h"

#define BACKOFF_MAX_MS 60000
#define TAG_WAKE       1 /* as in life.c */

struct instance {
	struct options  options;
	struct hostapi *api;
	struct lines    lines;
	struct roster   roster;
	int             epoll, wake;
	pthread_t       thread;
	_Atomic(uint32_t) refs;
	pthread_mutex_t lock;         /* of all that follows                          */
	pthread_cond_t  changed;
	bool     wanted, fresh, restart, quit; /* what others wish                    */
	struct instance_status status;         /* without uptime, calls, retry_in     */
	uint64_t ready_ms, retry_ms, ops;
	uint64_t death_ms[INSTANCE_DEATHS];    /* the last ones, a ring               */
	uint32_t away;                         /* starts in a row that were put off   */
};

static const char *const states[] = {
#define STATE_NAME(name, text) [INSTANCE_##name] = text,
	INSTANCE_STATES(STATE_NAME)
#undef STATE_NAME
};

const char *
instance_state_name(enum instance_state state)
{
	return (size_t)state < sizeof states / sizeof states[0] ? states[state] : "unknown";
}

/* ---- state --------------------------------------------------------------------- */

/* Lock held. */
static void
set_state(struct instance *i, enum instance_state state)
{
	if (i->status.state != state)
		log_event(state == INSTANCE_FAILED || state == INSTANCE_REFUSED ? B3IQ_LOG_ERROR :
		                                                                  B3IQ_LOG_INFO,
		          "plugin.state", "instance=%s state=%s pid=%d", i->options.o.name, states[state],
		          (int)i->status.pid);
	i->status.state = state;
	if (state != INSTANCE_READY && state != INSTANCE_STOPPING)
		i->status.pid = 0;
	if (state != INSTANCE_READY)
		i->ready_ms = i->ops = 0;
	pthread_cond_broadcast(&i->changed);
}

static void
change(struct instance *i, enum instance_state state)
{
	pthread_mutex_lock(&i->lock);
	set_state(i, state);
	pthread_mutex_unlock(&i->lock);
}

/* The error that is shown from now on, and that calls get in the states after it. */
static void
set_error(struct instance *i, int32_t code, const char *text)
{
	pthread_mutex_lock(&i->lock);
	i->status.code = code;
	snprintf(i->status.error, sizeof i->status.error, "%s", text);
	pthread_mutex_unlock(&i->lock);
	if (code != B3IQ_OK)
		log_event(B3IQ_LOG_WARN, "plugin.error", "instance=%s code=%s text=%s", i->options.o.name,
		          result_name(code), text);
}

static bool
wanted(void *ctx)
{
	struct instance *i = ctx;
	bool yes;

	pthread_mutex_lock(&i->lock);
	yes = i->wanted && !i->restart && !i->quit;
	pthread_mutex_unlock(&i->lock);
	return yes;
}

static void
on_spawned(void *ctx, pid_t pid)
{
	struct instance *i = ctx;

	pthread_mutex_lock(&i->lock);
	i->status.pid = pid;
	pthread_mutex_unlock(&i->lock);
}

static void
on_ready(void *ctx, const struct backend *b)
{
	struct instance *i = ctx;

	pthread_mutex_lock(&i->lock);
	i->away = 0;
	i->ready_ms = clock_mono_ms();
	set_state(i, INSTANCE_READY);
	i->ops = b->kind == B3IQ_LEDGER ? b->ledger.ops : 0;
	pthread_mutex_unlock(&i->lock);
}

static void
on_stopping(void *ctx)
{
	change(ctx, INSTANCE_STOPPING);
}

/* ---- one start ------------------------------------------------------------------- */

static void
show_prepared(struct instance *i, const struct prepare *p)
{
	struct instance_status *s = &i->status;

	pthread_mutex_lock(&i->lock);
	s->kind = p->manifest.kind;
	snprintf(s->id, sizeof s->id, "%s", p->manifest.id != NULL ? p->manifest.id : "");
	snprintf(s->version, sizeof s->version, "%s",
	         p->manifest.version != NULL ? p->manifest.version : "");
	memcpy(s->sha256, p->file.sha256, sizeof s->sha256);
	memcpy(s->signer, p->file.signer, sizeof s->signer);
	pthread_mutex_unlock(&i->lock);
}

static bool
may_pass(int32_t code)
{
	return code == B3IQ_E_UNAVAILABLE || code == B3IQ_E_BUSY || code == B3IQ_E_NO_MEMORY;
}

static enum life_end
run_once(struct instance *i, struct b3iq_error *err)
{
	struct prepare prepared;
	struct life life = {
		.options = &i->options.o, .prepared = &prepared,
		.owner = { .ctx = i, .wanted = wanted, .spawned = on_spawned, .ready = on_ready,
		           .stopping = on_stopping },
		.api = i->api, .roster = &i->roster, .lines = &i->lines,
		.serial = i->options.o.serial, .epoll = i->epoll, .wake = i->wake,
	};
	enum life_end end;
	int32_t rc;

	roster_close(&i->roster, true, B3IQ_E_UNAVAILABLE, 1000, "the plugin is starting");
	rc = prepare_open(&i->options.o, &prepared, err);
	show_prepared(i, &prepared);
	if (rc == B3IQ_OK)
		end = life_run(&life, err);
	else
		end = may_pass(rc) ? LIFE_AWAY : LIFE_REFUSED;
	prepare_close(&prepared);
	return end;
}

/* ---- the instance's thread --------------------------------------------------------- */

/* Sleeps until `until` (0: for good) or until somebody changes his wish. */
static void
sleep_for_wish(struct instance *i, uint64_t until)
{
	struct pollfd p = { .fd = i->wake, .events = POLLIN };
	const uint64_t now = clock_mono_ms();
	uint64_t count;

	if (until != 0 && until <= now)
		return;
	poll(&p, 1, until != 0 ? (int)(until - now) : -1);
	(void)!read(i->wake, &count, sizeof count);
}

/* Waits until there is something to do.  False: nothing more, ever. */
static bool
wait_for_wish(struct instance *i)
{
	bool go = false, quit = false;

	for (;;) {
		pthread_mutex_lock(&i->lock);
		quit = i->quit;
		if (!i->wanted) {
			/* Also if it never started: instance_start() had callers wait for it. */
			roster_close(&i->roster, false, B3IQ_E_UNAVAILABLE, 0, "the plugin is stopped");
			set_state(i, INSTANCE_STOPPED);
		}
		go = i->wanted && (i->fresh || (i->status.state != INSTANCE_FAILED &&
		                                i->status.state != INSTANCE_REFUSED));
		if (go && i->fresh) {
			memset(i->death_ms, 0, sizeof i->death_ms);
			i->away = 0;
		}
		if (go) {
			i->fresh = i->restart = false;
			set_state(i, INSTANCE_STARTING);
		}
		pthread_mutex_unlock(&i->lock);
		if (go || quit)
			return go && !quit;
		sleep_for_wish(i, 0);
	}
}

/* How often it died in the window, this time included. */
static uint32_t
note_death(struct instance *i)
{
	const uint64_t now = clock_mono_ms();
	uint32_t recent = 0;

	pthread_mutex_lock(&i->lock);
	i->death_ms[i->status.deaths++ % INSTANCE_DEATHS] = now;
	for (size_t n = 0; n < INSTANCE_DEATHS; n++)
		if (i->death_ms[n] != 0 && now - i->death_ms[n] < INSTANCE_WINDOW_MS)
			recent++;
	pthread_mutex_unlock(&i->lock);
	return recent;
}

/* RESTARTING: 1, 2, 4 ... times the first pause, at most a minute. */
static void
pause_before_restart(struct instance *i, uint32_t times)
{
	uint64_t pause = i->options.o.backoff_ms;
	char why[248];

	while (--times > 0 && pause < BACKOFF_MAX_MS)
		pause *= 2;
	if (pause > BACKOFF_MAX_MS)
		pause = BACKOFF_MAX_MS;
	pthread_mutex_lock(&i->lock);
	i->retry_ms = clock_mono_ms() + pause;
	memcpy(why, i->status.error, sizeof why);
	set_state(i, INSTANCE_RESTARTING);
	pthread_mutex_unlock(&i->lock);
	/* Whoever asks meanwhile waits, as far as his patience goes. */
	roster_close(&i->roster, true, B3IQ_E_UNAVAILABLE, (uint32_t)pause, why);
	while (wanted(i) && clock_mono_ms() < i->retry_ms)
		sleep_for_wish(i, i->retry_ms);
}

static void
give_up(struct instance *i, enum instance_state state, const char *why)
{
	roster_close(&i->roster, false, B3IQ_E_UNAVAILABLE, 0, why);
	change(i, state);
}

static void
after_death(struct instance *i, const struct b3iq_error *err)
{
	const uint32_t recent = note_death(i);
	char why[248];

	set_error(i, B3IQ_E_DIED, err->text);
	if (recent < INSTANCE_DEATHS) {
		pause_before_restart(i, recent);
		return;
	}
	snprintf(why, sizeof why, "%s died %u times in ten minutes and is not restarted any more: "
	         "`b3iq plugin info %s` shows its last words", i->options.o.name, recent,
	         i->options.o.name);
	give_up(i, INSTANCE_FAILED, why);
}

static void *
instance_main(void *arg)
{
	struct instance *i = arg;

	while (wait_for_wish(i)) {
		struct b3iq_error err = NO_ERROR;

		switch (run_once(i, &err)) {
		case LIFE_STOPPED:
			set_error(i, B3IQ_OK, "");
			break;
		case LIFE_REFUSED:
			set_error(i, B3IQ_E_DENIED, err.text);
			give_up(i, INSTANCE_REFUSED, err.text);
			break;
		case LIFE_AWAY:
			set_error(i, B3IQ_E_UNAVAILABLE, err.text);
			pause_before_restart(i, ++i->away);
			break;
		case LIFE_DIED:
			after_death(i, &err);
			break;
		}
	}
	return NULL;
}

/* ---- wishes -------------------------------------------------------------------------- */

static void
poke(struct instance *i)
{
	(void)!write(i->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void
instance_start(struct instance *i)
{
	pthread_mutex_lock(&i->lock);
	i->wanted = true;
	if (i->status.state == INSTANCE_FAILED || i->status.state == INSTANCE_REFUSED ||
	    i->status.state == INSTANCE_STOPPED) {
		i->fresh = true;
		/* Who calls from now on waits for it. */
		roster_close(&i->roster, true, B3IQ_E_UNAVAILABLE, 1000, "the plugin is starting");
	}
	pthread_mutex_unlock(&i->lock);
	poke(i);
}

void
instance_stop(struct instance *i)
{
	pthread_mutex_lock(&i->lock);
	i->wanted = i->fresh = false;
	poke(i);
	while (i->status.state != INSTANCE_STOPPED && !i->wanted)
		pthread_cond_wait(&i->changed, &i->lock);
	pthread_mutex_unlock(&i->lock);
}

void
instance_restart(struct instance *i)
{
	pthread_mutex_lock(&i->lock);
	i->wanted = i->fresh = i->restart = true;
	pthread_mutex_unlock(&i->lock);
	poke(i);
}

/* Is there nothing to wait for any more?  Lock held. */
static bool
settled(const struct instance *i)
{
	const enum instance_state s = i->status.state;

	return s == INSTANCE_READY || (!i->fresh && (s == INSTANCE_FAILED || s == INSTANCE_REFUSED)) ||
	       (s == INSTANCE_STOPPED && !i->wanted);
}

int32_t
instance_wait(struct instance *i, uint32_t wait_ms, struct b3iq_error *err)
{
	const uint64_t until = clock_mono_ms() + wait_ms;
	const struct timespec t = { .tv_sec = (time_t)(until / 1000),
	                            .tv_nsec = (long)(until % 1000) * 1000000 };
	enum instance_state state;
	char text[248];
	int late = 0;

	pthread_mutex_lock(&i->lock);
	while (late == 0 && (!settled(i) || i->restart))
		late = pthread_cond_timedwait(&i->changed, &i->lock, &t);
	state = i->status.state;
	memcpy(text, i->status.error, sizeof text);
	pthread_mutex_unlock(&i->lock);
	if (state == INSTANCE_READY)
		return B3IQ_OK;
	if (late != 0)
		return fail(err, B3IQ_E_TIMEOUT, "%s is %s after %u ms%s%.150s", i->options.o.name,
		            states[state], wait_ms, text[0] != '\0' ? ": " : "", text);
	return fail(err, B3IQ_E_UNAVAILABLE, "%s is %s%s%.180s", i->options.o.name, states[state],
	            text[0] != '\0' ? ": " : "", text);
}

/* ---- what it looks like ------------------------------------------------------------------ */

const char *
instance_name(const struct instance *i)
{
	return i->options.o.name;
}

uint32_t
instance_kind(struct instance *i)
{
	uint32_t kind;

	pthread_mutex_lock(&i->lock);
	kind = i->status.kind;
	pthread_mutex_unlock(&i->lock);
	return kind;
}

void
instance_status(struct instance *i, struct instance_status *out)
{
	const uint64_t now = clock_mono_ms();

	pthread_mutex_lock(&i->lock);
	*out = i->status;
	out->run_inline = i->options.o.run_inline;
	out->uptime_ms = i->ready_ms != 0 ? now - i->ready_ms : 0;
	if (out->state == INSTANCE_RESTARTING && i->retry_ms > now)
		out->retry_in_ms = i->retry_ms - now;
	pthread_mutex_unlock(&i->lock);
	roster_count(&i->roster, &out->running, &out->waiting);
}

int32_t
instance_stderr(struct instance *i, struct buf *out)
{
	return lines_text(&i->lines, out);
}

void
instance_metrics(struct instance *i, hostapi_metric_fn *each, void *ctx)
{
	hostapi_metrics(i->api, each, ctx);
}

struct roster *
instance_roster(struct instance *i)
{
	return &i->roster;
}

struct hostapi *
instance_api(struct instance *i)
{
	return i->api;
}

const struct options *
instance_options(const struct instance *i)
{
	return &i->options;
}

/* Could it be of this kind?  Until its manifest was read, yes. */
static bool
may_be(struct instance *i, uint32_t kind)
{
	const uint32_t known = instance_kind(i);

	return known == 0 || known == kind;
}

const struct b3iq_inference *
instance_inference(struct instance *i)
{
	return may_be(i, B3IQ_INFERENCE) ? &tables_inference : NULL;
}

const struct b3iq_replay *
instance_replay(struct instance *i)
{
	return may_be(i, B3IQ_INFERENCE) ? &tables_replay : NULL;
}

const struct b3iq_ledger *
instance_ledger(struct instance *i)
{
	return may_be(i, B3IQ_LEDGER) ? &tables_ledger : NULL;
}

const struct b3iq_auth *
instance_auth(struct instance *i)
{
	return may_be(i, B3IQ_AUTH) ? &tables_auth : NULL;
}

uint64_t
instance_ledger_ops(struct instance *i)
{
	uint64_t ops;

	pthread_mutex_lock(&i->lock);
	ops = i->ops;
	pthread_mutex_unlock(&i->lock);
	return ops;
}

/* ---- life ---------------------------------------------------------------------------------- */

static int32_t
make_fds(struct instance *i, struct b3iq_error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u64 = TAG_WAKE } };

	i->epoll = epoll_create1(EPOLL_CLOEXEC);
	i->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (i->epoll < 0 || i->wake < 0 || epoll_ctl(i->epoll, EPOLL_CTL_ADD, i->wake, &e) != 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s: no descriptors left; raise the limit of open files",
		            i->options.o.name);
	return B3IQ_OK;
}

static void
free_instance(struct instance *i)
{
	if (i->epoll >= 0)
		close(i->epoll);
	if (i->wake >= 0)
		close(i->wake);
	hostapi_destroy(i->api);
	options_free(&i->options);
	free(i);
}

static void
init_parts(struct instance *i)
{
	const struct instance_options *o = &i->options.o;
	const struct roster_limits limits = { .patience_ms = o->patience_ms, .stall_ms = o->stall_ms,
	                                      .call_ms = o->call_ms, .cancel_ms = o->cancel_ms };
	pthread_condattr_t monotonic;

	lines_init(&i->lines);
	roster_init(&i->roster, o->name, i->epoll, i->wake, &limits);
	pthread_mutex_init(&i->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&i->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	atomic_init(&i->refs, 1);
}

static void
finish_parts(struct instance *i)
{
	lines_finish(&i->lines);
	roster_finish(&i->roster);
	pthread_mutex_destroy(&i->lock);
	pthread_cond_destroy(&i->changed);
}

int32_t
instance_create(const struct instance_options *o, struct instance **out, struct b3iq_error *err)
{
	struct instance *i = calloc(1, sizeof *i);
	struct hostapi_options api;
	int32_t rc;

	*out = NULL;
	if (i == NULL)
		return fail_memory(err, "creating an instance");
	i->epoll = i->wake = -1;
	rc = options_copy(&i->options, o, err);
	if (rc == B3IQ_OK) {
		api = (struct hostapi_options){ .instance = o->name, .state_dir = o->state_dir,
		                                .secrets_dir = o->secrets_dir, .signers = o->signers,
		                                .services = o->services };
		rc = hostapi_create(&api, &i->api, err);
	}
	if (rc == B3IQ_OK)
		rc = make_fds(i, err);
	if (rc == B3IQ_OK) {
		init_parts(i);
		if (pthread_create(&i->thread, NULL, instance_main, i) == 0) {
			*out = i;
			return B3IQ_OK;
		}
		finish_parts(i);
		rc = fail(err, B3IQ_E_NO_MEMORY, "%s: no thread for it", o->name);
	}
	free_instance(i);
	return rc;
}

struct instance *
instance_ref(struct instance *i)
{
	atomic_fetch_add(&i->refs, 1);
	return i;
}

void
instance_release(struct instance *i)
{
	if (i == NULL || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	finish_parts(i);
	free_instance(i);
}

void
instance_close(struct instance *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&i->lock);
	i->wanted = i->fresh = false;
	i->quit = true;
	pthread_mutex_unlock(&i->lock);
	poke(i);
	pthread_join(i->thread, NULL);
	instance_release(i);
}
