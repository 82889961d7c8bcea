#include "fake_http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUESTS 64
#define TEXT_MAX (1u << 20)

struct fake {
	const struct fake_answer *answers;
	size_t                    n_answers;
	int                       listener, port, stop;
	pthread_t                 thread, clients[REQUESTS];
	size_t                    n_clients;
	pthread_mutex_t           lock;
	char                     *asked[REQUESTS];
	size_t                    n_asked;
	char                      socket[108];
};

struct client {
	struct fake *fake;
	int          fd;
};

static void
must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

/* ---- reading a request -------------------------------------------------- */

static bool
complete(const char *text, size_t len)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

	if (!end)
		return false;
	return len >= (size_t)(end + 4 - text) + (length ? strtoul(length + 15, NULL, 10) : 0);
}

static char *
read_request(int fd)
{
	char   *text = calloc(1, TEXT_MAX + 1);
	size_t  len = 0;
	ssize_t n;

	must(text != NULL, "calloc");
	while (!complete(text, len)) {
		n = read(fd, text + len, TEXT_MAX - len);
		if (n <= 0) {
			free(text);
			return NULL;
		}
		len += (size_t)n;
	}
	return text;
}

static bool
is_for(const char *request, const char *path)
{
	const char  *at = strchr(request, ' ');
	const size_t n = strlen(path);

	return at && strncmp(at + 1, path, n) == 0 && at[1 + n] == ' ';
}

/* ---- answering ---------------------------------------------------------- */

static bool
send_all(int fd, const char *data, size_t len, size_t piece)
{
	while (len) {
		const size_t  want = piece && piece < len ? piece : len;
		const ssize_t n = send(fd, data, want, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static void
wait_for_leave(const struct client *c)
{
	struct pollfd fds[2] = { { .fd = c->fd, .events = POLLIN | POLLRDHUP },
		                 { .fd = c->fake->stop, .events = POLLIN } };

	poll(fds, 2, -1);
}

static void
answer(const struct client *c, const struct fake_answer *a)
{
	char head[1024], length[64] = "";

	if (a->mute) {
		wait_for_leave(c);
		return;
	}
	if (a->claimed)
		snprintf(length, sizeof length, "Content-Length: %zu\r\n", a->claimed);
	snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%s%sConnection: close\r\n\r\n",
	         a->status ? a->status : "200 OK", length, a->headers ? a->headers : "");
	if (send_all(c->fd, head, strlen(head), a->piece) &&
	    send_all(c->fd, a->body, strlen(a->body), a->piece) && a->hang)
		wait_for_leave(c);
	if (a->reset) {
		const struct linger now = { .l_onoff = 1 };

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	}
}

static void *
serve(void *arg)
{
	static const struct fake_answer missing = { .status = "404 Not Found",
		                                    .body = "{\"error\":\"not found\"}" };
	struct client                  *c = arg;
	const struct fake_answer       *a = &missing;
	char                           *text = read_request(c->fd);

	if (text) {
		for (size_t i = c->fake->n_answers; i-- > 0;)
			if (is_for(text, c->fake->answers[i].path) &&
			    (!c->fake->answers[i].asked || strstr(text, c->fake->answers[i].asked)))
				a = &c->fake->answers[i];
		pthread_mutex_lock(&c->fake->lock);
		must(c->fake->n_asked < REQUESTS, "too many requests for this fake");
		c->fake->asked[c->fake->n_asked++] = text;
		pthread_mutex_unlock(&c->fake->lock);
		answer(c, a);
	}
	close(c->fd);
	free(c);
	return NULL;
}

static void *
listen_loop(void *arg)
{
	struct fake  *f = arg;
	const int     one = 1;
	struct pollfd fds[2] = { { .fd = f->listener, .events = POLLIN },
		                 { .fd = f->stop, .events = POLLIN } };

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		struct client *c = malloc(sizeof *c);

		must(c && f->n_clients < REQUESTS, "client");
		*c = (struct client){ f, accept(f->listener, NULL, NULL) };
		must(c->fd >= 0, "accept");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		must(!pthread_create(&f->clients[f->n_clients++], NULL, serve, c), "thread");
	}
	return NULL;
}

/* ---- life --------------------------------------------------------------- */

static struct fake *
start(struct sockaddr *at, socklen_t size, const struct fake_answer *answers, size_t n)
{
	struct fake *f = calloc(1, sizeof *f);

	must(f != NULL, "calloc");
	f->answers = answers;
	f->n_answers = n;
	pthread_mutex_init(&f->lock, NULL);
	f->stop = eventfd(0, EFD_CLOEXEC);
	f->listener = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(f->listener >= 0 && !bind(f->listener, at, size) && !listen(f->listener, 64),
	     "listen");
	must(!getsockname(f->listener, at, &size), "getsockname");
	must(!pthread_create(&f->thread, NULL, listen_loop, f), "thread");
	return f;
}

struct fake *
fake_start(const struct fake_answer *answers, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct fake       *f = start((struct sockaddr *)&at, sizeof at, answers, n);

	f->port = ntohs(at.sin_port);
	return f;
}

struct fake *
fake_start_unix(const char *path, const struct fake_answer *answers, size_t n)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct fake       *f;

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	unlink(path);
	f = start((struct sockaddr *)&at, sizeof at, answers, n);
	snprintf(f->socket, sizeof f->socket, "%s", path);
	return f;
}

void
fake_stop(struct fake *f)
{
	must(eventfd_write(f->stop, 1) == 0, "eventfd");
	pthread_join(f->thread, NULL);
	for (size_t i = 0; i < f->n_clients; i++)
		pthread_join(f->clients[i], NULL);
	for (size_t i = 0; i < f->n_asked; i++)
		free(f->asked[i]);
	close(f->listener);
	close(f->stop);
	if (f->socket[0])
		unlink(f->socket);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int
fake_port(const struct fake *f)
{
	return f->port;
}

const char *
fake_asked(struct fake *f, const char *path)
{
	const char *text = NULL;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_asked; i++)
		if (is_for(f->asked[i], path))
			text = f->asked[i];
	pthread_mutex_unlock(&f->lock);
	return text;
}

int
fake_count(struct fake *f, const char *path)
{
	int n = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_asked; i++)
		n += is_for(f->asked[i], path);
	pthread_mutex_unlock(&f->lock);
	return n;
}

int
fake_closed_port(void)
{
	struct fake *f = fake_start(NULL, 0);
	const int    port = f->port;

	fake_stop(f);
	return port;
}
