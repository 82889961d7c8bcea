#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/plugin/load/backend.h"
#include "core/plugin/sandbox/child.h"
#include "core/plugin/sandbox/codec.h"
#include "core/plugin/sandbox/ring.h"
#include "core/plugin/load/load.h"
#include "core/plugin/file/manifest.h"
#include "core/plugin/sandbox/upcall.h"
#include "core/plugin/sandbox/worker.h"

/* How this process ends, apart from signals. */
enum { END_FINE = 0, END_BROKEN_FRAME = 3, END_NO_START = 4 };

struct child {
	struct wire    wire;
	struct rings   rings;
	struct upcall  upcall;
	struct worker  worker;
	struct load    load;
	struct backend backend;
	pthread_mutex_t lock;       /* of all that follows                               */
	pthread_cond_t  changed;
	struct wire_frame hello;    /* its payload a copy, kept: strings point into it   */
	bool has_hello, serving, stopping;
};

/* ---- the receiving thread ------------------------------------------------------ */

/* _exit(): the plugin's destructors and exit handlers have nothing to say any more. */
__attribute__((noreturn)) static void
end_process(int status)
{
	_exit(status);
}

static bool
take_hello(struct child *c, const struct wire_frame *f)
{
	uint8_t *copy = malloc(f->len + 1);

	if (copy == NULL || c->has_hello) {
		free(copy);
		return false;
	}
	memcpy(copy, f->data, f->len);
	pthread_mutex_lock(&c->lock);
	c->hello = *f;
	c->hello.data = copy;
	c->has_hello = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return true;
}

static bool
take_stop(struct child *c)
{
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return true;
}

/* Between READY and STOP the workers are there. */
static bool
serving(struct child *c)
{
	bool yes;

	pthread_mutex_lock(&c->lock);
	yes = c->serving;
	pthread_mutex_unlock(&c->lock);
	return yes;
}

static bool
handle(struct child *c, const struct wire_frame *f)
{
	switch (f->type) {
	case CODEC_HELLO:
		return take_hello(c, f);
	case CODEC_CALL:
		return serving(c) && worker_call(&c->worker, f);
	case CODEC_CANCEL:
		return serving(c) && worker_cancel(&c->worker, f);
	case CODEC_PING:
		return wire_post(&c->wire, CODEC_PONG, 0, f->call, NULL) != B3IQ_E_DIED;
	case CODEC_RETURN:
		return c->has_hello && upcall_return(&c->upcall, f);
	case CODEC_STOP:
		return take_stop(c);
	default:
		return false;
	}
}

/* Never waits for anything but the socket, so that pings are answered whatever the plugin does. */
static void *
receive_main(void *arg)
{
	struct child *c = arg;
	bool left = false;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = c->wire.fd, .events = (short)(POLLIN | (left ? POLLOUT : 0)) },
			{ .fd = c->wire.wake, .events = POLLIN },
		};
		struct wire_frame f;
		int got;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			end_process(END_BROKEN_FRAME);
		if (fds[1].revents != 0 || (fds[0].revents & POLLOUT) != 0)
			left = wire_flush(&c->wire);
		if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		if (wire_receive(&c->wire, false) < 0)
			end_process(END_FINE); /* the host is gone, or lets go of us */
		while ((got = wire_next(&c->wire, &f)) > 0)
			if (!handle(c, &f))
				end_process(END_BROKEN_FRAME);
		if (got < 0)
			end_process(END_BROKEN_FRAME);
	}
}

/* ---- the plugin ------------------------------------------------------------------ */

/* dlopen and create(). */
static int32_t
start_plugin(struct child *c, const struct codec_hello *h, struct b3iq_error *err)
{
	const struct manifest m = { .id = h->id, .version = h->plugin_version, .kind = h->kind };
	void *self = NULL;
	int32_t rc;

	if (h->version != WIRE_VERSION)
		return fail(err, B3IQ_E_UNSUPPORTED, "the host's program file changed while it ran: "
		            "restart the host");
	if (!rings_map(&c->rings, PLUGIN_CHILD_RINGS, h->width))
		return fail(err, B3IQ_E_NO_MEMORY, "the memory that it shares with the host is not there");
	close(PLUGIN_CHILD_RINGS);
	rc = load_open(h->path, (dev_t)h->dev, (ino_t)h->ino, &m, &c->load, err);
	if (rc != B3IQ_OK)
		return rc;
	rc = c->load.plugin.create(&c->upcall.table, h->config, &self, err);
	if (rc == B3IQ_OK)
		load_backend(&c->load, self, &c->backend);
	return rc;
}

static uint32_t
optional_functions(const struct backend *b)
{
	return (b->inference.load != NULL ? CODEC_HAS_LOAD : 0u) |
	       (b->inference.unload != NULL ? CODEC_HAS_UNLOAD : 0u) |
	       (b->inference.embed != NULL ? CODEC_HAS_EMBED : 0u) |
	       (b->auth.login != NULL ? CODEC_HAS_LOGIN : 0u) |
	       (b->replay.replay != NULL ? CODEC_HAS_REPLAY : 0u);
}

static int32_t
send_ready(struct child *c, int32_t rc, const struct b3iq_error *err)
{
	const struct codec_ready ready = {
		.rc = rc,
		.threads = c->backend.threads,
		.has = optional_functions(&c->backend),
		.ops = c->backend.ledger.ops,
	};
	struct buf frame;

	buf_init(&frame, WIRE_FRAME_MAX);
	codec_put_ready(&frame, &ready, err);
	rc = wire_send(&c->wire, CODEC_READY, 0, 0, &frame);
	buf_free(&frame);
	return rc;
}

/* HELLO to READY, on the main thread, as create() and destroy() should be. */
static bool
begin(struct child *c)
{
	union {
		struct b3iq_error error;
		char slot[B3IQ_SLOT];
	} e = { .slot = { 0 } };
	struct codec_hello h;
	int32_t rc;

	e.error.size = sizeof e.error;
	pthread_mutex_lock(&c->lock);
	while (!c->has_hello)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	if (!codec_get_hello(&c->hello, &h))
		end_process(END_BROKEN_FRAME);
	c->upcall.table.instance = h.instance;
	c->upcall.table.state_dir = h.state_dir;
	rc = start_plugin(c, &h, &e.error);
	if (rc == B3IQ_OK) {
		worker_init(&c->worker, &c->rings, &c->backend, h.width);
		pthread_mutex_lock(&c->lock);
		c->serving = true;
		pthread_mutex_unlock(&c->lock);
	}
	return send_ready(c, rc, &e.error) == B3IQ_OK && rc == B3IQ_OK;
}

static void
serve(struct child *c)
{
	pthread_mutex_lock(&c->lock);
	while (!c->stopping)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	worker_finish(&c->worker);
	c->load.plugin.destroy(c->backend.self);
	wire_send(&c->wire, CODEC_BYE, 0, 0, NULL);
}

/* ---- the process ------------------------------------------------------------------ */

static void
write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* no /proc: the defaults hold */
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* What this process takes upon itself before it looks at the plugin.  Each may be missing in an odd
 * container without harm, but for the first: without it we would outlive the host. */
static bool
confine(const char *host_pid)
{
	const struct rlimit no_core = { 0, 0 };
	char parent[16];

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return false;
	snprintf(parent, sizeof parent, "%d", (int)getppid());
	if (strcmp(parent, host_pid) != 0)
		return false; /* it died before the line above */
	write_file("/proc/self/oom_score_adj", "500");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	return true;
}

int
plugin_child_main(int argc, char **argv)
{
	static struct child c; /* the one struct of this role */
	pthread_t receiver;

	if (argc != 4 || fcntl(PLUGIN_CHILD_FD, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(PLUGIN_CHILD_RINGS, F_SETFD, FD_CLOEXEC) != 0) {
		fputs(PLUGIN_CHILD_FLAG " is how the host starts a plugin; it is not for people\n", stderr);
		return END_NO_START;
	}
	if (!confine(argv[3]))
		return END_NO_START;
	prctl(PR_SET_NAME, argv[2]);
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.changed, NULL);
	if (wire_init(&c.wire, PLUGIN_CHILD_FD, NULL) != B3IQ_OK)
		return END_NO_START;
	upcall_init(&c.upcall, &c.wire, argv[2], "/");
	if (pthread_create(&receiver, NULL, receive_main, &c) != 0)
		return END_NO_START;
	if (begin(&c))
		serve(&c);
	end_process(END_FINE);
}
