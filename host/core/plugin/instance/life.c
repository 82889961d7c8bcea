#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/plugin/instance/life.h"
#include "core/plugin/load/load.h"
#include "core/plugin/sandbox/sandbox.h"

#define PINGS_LOST 3    /* unanswered: the process is frozen                    */
#define KILL_MS    2000 /* from SIGABRT, or a closed socket, to SIGKILL         */
#define LAST_WORDS_MS 100 /* for what a dead process had sent                    */
#define IDLE_MS    1000 /* how late a hang may be noticed                       */
#define EVENTS     32

enum tag { TAG_WAKE = 1, TAG_PROCESS, TAG_STDERR, TAG_SOCKET, TAG_FLUSH };

enum phase { CREATING, SERVING, DRAINING, CANCELLING, LEAVING };

struct watch {                  /* a life in a sandbox                           */
	const struct life *life;
	struct sandbox box;
	struct roster_run *run;
	struct remote *remote;      /* the run's                                 */
	enum phase phase;
	uint64_t due_ms;            /* end of the phase                          */
	uint64_t ping_ms, kill_ms;  /* next ping; SIGKILL at, 0: not planned     */
	bool gone, refused;         /* it has ended; create() said no            */
	char why[160];              /* what we blame it for, "": nothing         */
	int32_t code;               /* of create()                               */
	struct b3iq_error error;
};

/* Codes of create() that may be different next time. */
static bool
may_pass(int32_t code)
{
	return code == B3IQ_E_UNAVAILABLE || code == B3IQ_E_BUSY || code == B3IQ_E_NO_MEMORY ||
	       code == B3IQ_E_TIMEOUT;
}

/* ---- epoll --------------------------------------------------------------------- */

static bool
watch_fd(const struct life *l, int fd, enum tag tag)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u64 = tag } };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static void
forget_fds(const struct watch *w)
{
	remote_unwatch(w->remote);
	epoll_ctl(w->life->epoll, EPOLL_CTL_DEL, w->box.pid_fd, NULL);
	epoll_ctl(w->life->epoll, EPOLL_CTL_DEL, w->box.err_fd, NULL);
}

/* ---- ending it -------------------------------------------------------------------- */

static void
kill_by(struct watch *w, uint64_t at)
{
	if (w->kill_ms == 0 || at < w->kill_ms)
		w->kill_ms = at;
}

static void
blame(struct watch *w, const char *why)
{
	if (w->why[0] == '\0')
		snprintf(w->why, sizeof w->why, "%s", why);
}

/* SIGABRT first: a plugin with a handler of its own may say where it was. */
static void
abort_hung(struct watch *w, const char *why, uint64_t now)
{
	if (w->kill_ms != 0)
		return;
	blame(w, why);
	log_event(B3IQ_LOG_ERROR, "plugin.hung", "instance=%s pid=%d reason=%s", w->life->options->name,
	          (int)w->box.pid, why);
	sandbox_signal(&w->box, SIGABRT);
	kill_by(w, now + KILL_MS);
}

/* ---- what happens ----------------------------------------------------------------- */

static void
read_stderr(struct watch *w)
{
	char text[4096];
	ssize_t got;

	for (int i = 0; i < 64 && (got = read(w->box.err_fd, text, sizeof text)) > 0; i++)
		lines_add(w->life->lines, text, (size_t)got);
}

static void
receive(struct watch *w, uint64_t now)
{
	if (remote_receive(w->remote) >= 0)
		return;
	remote_unwatch(w->remote);
	if (remote_broken(w->remote)) {
		blame(w, "broke the protocol");
		kill_by(w, now);
	} else {
		kill_by(w, now + KILL_MS); /* it usually is dead already */
	}
}

static void
handle(struct watch *w, const struct epoll_event *e, uint64_t now)
{
	uint64_t count;

	switch (e->data.u64) {
	case TAG_WAKE:
		(void)!read(w->life->wake, &count, sizeof count);
		break;
	case TAG_PROCESS:
		w->gone = true;
		break;
	case TAG_STDERR:
		read_stderr(w);
		if ((e->events & (EPOLLHUP | EPOLLERR)) != 0)
			epoll_ctl(w->life->epoll, EPOLL_CTL_DEL, w->box.err_fd, NULL);
		break;
	case TAG_SOCKET:
		if ((e->events & EPOLLOUT) != 0)
			remote_flush(w->remote);
		if ((e->events & ~(uint32_t)EPOLLOUT) != 0)
			receive(w, now);
		break;
	case TAG_FLUSH:
		remote_flush(w->remote);
		break;
	default:
		roster_cancelled(w->life->roster, e->data.u64);
	}
}

/* ---- phases ------------------------------------------------------------------------ */

/* Has create() said no?  Its words may be read after the process has ended already. */
static bool
take_refusal(struct watch *w)
{
	struct codec_ready ready;
	struct b3iq_error err = NO_ERROR;

	if (w->phase != CREATING || !remote_ready(w->remote, &ready, &err) || ready.rc == B3IQ_OK)
		return false;
	w->refused = true;
	w->code = ready.rc;
	w->error = err;
	return true;
}

static void
become_ready(struct watch *w, uint64_t now)
{
	const struct instance_options *o = w->life->options;
	struct codec_ready ready;
	struct b3iq_error err;

	if (take_refusal(w)) {
		kill_by(w, now + KILL_MS); /* it ends by itself */
		return;
	}
	if (!remote_ready(w->remote, &ready, &err))
		return;
	remote_backend(w->remote, w->life->prepared->manifest.kind, &w->run->backend);
	w->phase = SERVING;
	w->ping_ms = now + o->ping_ms;
	w->life->owner.ready(w->life->owner.ctx, &w->run->backend);
	roster_open(w->life->roster, w->run,
	            w->run->backend.threads == B3IQ_THREADS_PARALLEL ? o->width : 1);
}

static void
begin_stop(struct watch *w, uint64_t now)
{
	char why[128];

	if (w->phase == CREATING) { /* nothing to be polite to */
		w->phase = LEAVING;
		w->due_ms = now;
		return;
	}
	snprintf(why, sizeof why, "%s is being stopped", w->life->options->name);
	roster_close(w->life->roster, false, B3IQ_E_UNAVAILABLE, 0, why);
	w->life->owner.stopping(w->life->owner.ctx);
	w->phase = DRAINING;
	w->due_ms = now + w->life->options->drain_ms;
}

/* The way out, once nobody wants it any more. */
static void
go_on_stopping(struct watch *w, uint64_t now)
{
	uint32_t running, waiting;

	roster_count(w->life->roster, &running, &waiting);
	if (w->phase != LEAVING && running == 0) {
		remote_send_stop(w->remote);
		w->phase = LEAVING;
		w->due_ms = now + w->life->options->bye_ms;
	} else if (now < w->due_ms) {
		return;
	} else if (w->phase == DRAINING) {
		roster_cancel_all(w->life->roster, B3IQ_E_CANCELLED);
		w->phase = CANCELLING;
		w->due_ms = now + w->life->options->cancel_ms;
	} else {
		kill_by(w, now);
	}
}

/* Pings and hanging calls. */
static void
check_health(struct watch *w, uint64_t now, uint64_t *due)
{
	const struct instance_options *o = w->life->options;
	char why[160];

	if (w->phase == CREATING && now >= w->due_ms) {
		snprintf(why, sizeof why, "hung: create() was not done after %u ms", o->start_ms);
		abort_hung(w, why, now);
	}
	if (now >= w->ping_ms) {
		w->ping_ms = now + o->ping_ms;
		if (remote_ping(w->remote) > PINGS_LOST) {
			snprintf(why, sizeof why, "hung: no sign of life for %u ms", PINGS_LOST * o->ping_ms);
			abort_hung(w, why, now);
		}
	}
	if (roster_watch(w->life->roster, now, due, why))
		abort_hung(w, why, now);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

/* Everything that is due now.  Returns when to look again. */
static uint64_t
act(struct watch *w, uint64_t now)
{
	const bool wanted = w->life->owner.wanted(w->life->owner.ctx);
	uint64_t due = now + IDLE_MS;

	if (w->phase == CREATING && !w->refused)
		become_ready(w, now);
	if (!wanted && (w->phase == CREATING || w->phase == SERVING))
		begin_stop(w, now);
	if (w->phase == CREATING || w->phase == SERVING)
		check_health(w, now, &due);
	else
		go_on_stopping(w, now);
	if (w->kill_ms != 0 && now >= w->kill_ms)
		sandbox_signal(&w->box, SIGKILL);
	due = earlier(due, w->phase == SERVING ? w->ping_ms : w->due_ms);
	due = earlier(due, w->ping_ms);
	return w->kill_ms > now ? earlier(due, w->kill_ms) : due;
}

static void
pump(struct watch *w)
{
	struct epoll_event events[EVENTS];
	uint64_t now = clock_mono_ms();

	while (!w->gone) {
		const uint64_t due = act(w, now);
		const int n = epoll_wait(w->life->epoll, events, EVENTS, due > now ? (int)(due - now) : 1);

		now = clock_mono_ms();
		for (int i = 0; i < n; i++)
			handle(w, &events[i], now);
	}
	/* What it said before it died still counts.  The end of the stream is there, unless something
	 * that it forked holds the socket: do not wait long for that. */
	for (int i = 0; i < LAST_WORDS_MS && remote_receive(w->remote) >= 0; i++)
		poll(NULL, 0, 1);
	take_refusal(w);
	read_stderr(w);
}

/* ---- sandboxed ---------------------------------------------------------------------- */

static int32_t
say_hello(struct watch *w, struct b3iq_error *err)
{
	const struct prepare *p = w->life->prepared;
	const struct codec_hello hello = {
		.version = WIRE_VERSION,
		.kind = p->manifest.kind,
		.width = w->life->options->width,
		.dev = (uint64_t)p->file.dev,
		.ino = (uint64_t)p->file.ino,
		.path = p->file.path,
		.id = p->manifest.id,
		.plugin_version = p->manifest.version,
		.instance = w->life->options->name,
		.state_dir = w->life->options->state_dir,
		.config = p->config.data,
	};

	return remote_hello(w->remote, &hello, err);
}

/* The process, the connection, and the eyes on both. */
static int32_t
begin(struct watch *w, struct b3iq_error *err)
{
	const struct life *l = w->life;
	const struct instance_options *o = l->options;
	const uint64_t now = clock_mono_ms();
	int32_t rc;

	rc = sandbox_spawn(o->name, &l->prepared->manifest, o->state_dir, o->width, &w->box, err);
	if (rc != B3IQ_OK)
		return rc;
	w->remote = remote_create(w->box.socket, w->box.rings, o->width, o->name, l->api, err);
	if (w->remote == NULL)
		return B3IQ_E_NO_MEMORY;
	w->box.socket = -1;
	w->run = roster_run_create(w->remote, err);
	if (w->run == NULL) {
		remote_destroy(w->remote);
		w->remote = NULL;
		return B3IQ_E_NO_MEMORY;
	}
	if (!watch_fd(l, w->box.pid_fd, TAG_PROCESS) || !watch_fd(l, w->box.err_fd, TAG_STDERR))
		return fail_memory(err, "watching a plugin's process");
	rc = remote_watch(w->remote, l->epoll, TAG_SOCKET, TAG_FLUSH, err);
	if (rc != B3IQ_OK)
		return rc;
	l->owner.spawned(l->owner.ctx, w->box.pid);
	w->due_ms = now + o->start_ms;
	w->ping_ms = now + o->ping_ms;
	return say_hello(w, err);
}

/* How it ended, as a code for the owner and a sentence for people. */
static enum life_end
judge(const struct watch *w, const char *reason, struct b3iq_error *err)
{
	const char *name = w->life->options->name;

	if (w->phase > SERVING)
		return LIFE_STOPPED;
	if (w->refused) {
		*err = w->error;
		if (err->text[0] == '\0')
			fail(err, w->code, "%s: create() failed without a word (%s)", name,
			     result_name(w->code));
		return may_pass(w->code) ? LIFE_AWAY : LIFE_REFUSED;
	}
	fail(err, B3IQ_E_DIED, "%s: its process %s%s", name, w->why[0] != '\0' ? w->why : reason,
	     w->phase == CREATING ? " before create() was done" : "");
	return LIFE_DIED;
}

static enum life_end
run_sandboxed(const struct life *l, struct b3iq_error *err)
{
	struct watch w = { .life = l, .box = { .pid_fd = -1, .socket = -1, .rings = -1, .err_fd = -1 } };
	char reason[SANDBOX_REASON];
	enum life_end end = LIFE_AWAY;
	const int32_t rc = begin(&w, err);

	/* A child that died at once is pumped as well: it tells why on stderr. */
	if (rc == B3IQ_OK || rc == B3IQ_E_DIED)
		pump(&w);
	if (w.run != NULL) {
		forget_fds(&w);
		roster_close(l->roster, true, B3IQ_E_UNAVAILABLE, 0, "the plugin's process ended");
	}
	sandbox_finish(&w.box, reason);
	if (rc == B3IQ_OK || rc == B3IQ_E_DIED)
		end = judge(&w, reason, err);
	if (w.run != NULL)
		remote_die(w.remote, w.why[0] != '\0' ? w.why : reason);
	roster_run_release(w.run);
	return end;
}

/* ---- inline ---------------------------------------------------------------------------- */

/* Waits until it is not wanted, and watches deadlines and cancels meanwhile.  A call that hangs in
 * our own process can only be reported. */
static void
watch_inline(const struct life *l, bool draining, uint64_t end_ms)
{
	bool reported = false;

	for (;;) {
		struct epoll_event events[EVENTS];
		const uint64_t now = clock_mono_ms();
		uint64_t due = now + IDLE_MS, count;
		uint32_t running, waiting;
		char why[160];
		int n;

		roster_count(l->roster, &running, &waiting);
		if (draining ? running == 0 || now >= end_ms : !l->owner.wanted(l->owner.ctx))
			return;
		if (roster_watch(l->roster, now, &due, why) && !reported) {
			log_event(B3IQ_LOG_ERROR, "plugin.hung", "instance=%s reason=%s", l->options->name, why);
			reported = true;
		}
		if (draining)
			due = earlier(due, end_ms);
		n = epoll_wait(l->epoll, events, EVENTS, due > now ? (int)(due - now) : 10);
		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == TAG_WAKE)
				(void)!read(l->wake, &count, sizeof count);
			else
				roster_cancelled(l->roster, events[i].data.u64);
		}
	}
}

/* No new calls; the running ones end, or are told to.  False: one does not. */
static bool
drain_inline(const struct life *l)
{
	uint32_t running, waiting;
	char why[128];

	snprintf(why, sizeof why, "%s is being stopped", l->options->name);
	l->owner.stopping(l->owner.ctx);
	/* The run stays the roster's until its calls have left, so that they are still watched. */
	roster_close(l->roster, false, B3IQ_E_UNAVAILABLE, 0, why);
	watch_inline(l, true, clock_mono_ms() + l->options->drain_ms);
	roster_cancel_all(l->roster, B3IQ_E_CANCELLED);
	watch_inline(l, true, clock_mono_ms() + l->options->cancel_ms);
	roster_count(l->roster, &running, &waiting);
	return running == 0;
}

static enum life_end
serve_inline(const struct life *l, const struct load *load, struct roster_run *run,
             struct b3iq_error *err)
{
	const uint32_t threads = run->backend.threads;

	l->owner.ready(l->owner.ctx, &run->backend);
	roster_open(l->roster, run, threads == B3IQ_THREADS_PARALLEL ? l->options->width : 1);
	watch_inline(l, false, 0);
	if (!drain_inline(l)) {
		fail(err, B3IQ_E_INTERNAL, "%s: a call hangs inside the host and cannot be ended: restart "
		     "the host, and run this plugin in its sandbox", l->options->name);
		return LIFE_REFUSED; /* without destroy(): the call still uses it */
	}
	if (run->serial != NULL)
		pthread_mutex_lock(run->serial);
	load->plugin.destroy(run->backend.self);
	if (run->serial != NULL)
		pthread_mutex_unlock(run->serial);
	return LIFE_STOPPED;
}

static enum life_end
run_inline(const struct life *l, struct b3iq_error *err)
{
	const struct prepare *p = l->prepared;
	union {
		struct b3iq_error error;
		char slot[B3IQ_SLOT];
	} e = { .slot = { 0 } };
	struct load load;
	struct roster_run *run;
	void *self = NULL;
	enum life_end end;
	int32_t rc;

	e.error.size = sizeof e.error;
	rc = load_open(p->file.path, p->file.dev, p->file.ino, &p->manifest, &load, &e.error);
	run = rc == B3IQ_OK ? roster_run_create(NULL, &e.error) : NULL;
	if (rc == B3IQ_OK && run == NULL)
		rc = B3IQ_E_NO_MEMORY;
	if (run != NULL && load.plugin.threads == B3IQ_THREADS_SERIAL)
		run->serial = l->serial;
	if (rc == B3IQ_OK) {
		if (run->serial != NULL)
			pthread_mutex_lock(run->serial);
		rc = load.plugin.create(hostapi_table(l->api), p->config.data, &self, &e.error);
		if (run->serial != NULL)
			pthread_mutex_unlock(run->serial);
	}
	if (rc != B3IQ_OK) {
		e.error.text[sizeof e.error.text - 1] = '\0';
		fail(err, rc, "%s", e.error.text);
		roster_run_release(run);
		return may_pass(rc) ? LIFE_AWAY : LIFE_REFUSED;
	}
	load_backend(&load, self, &run->backend);
	end = serve_inline(l, &load, run, err);
	roster_run_release(run);
	return end;
}

enum life_end
life_run(const struct life *l, struct b3iq_error *err)
{
	return l->options->run_inline ? run_inline(l, err) : run_sandboxed(l, err);
}
