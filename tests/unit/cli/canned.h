/* canned.h - a node that gives prepared answers on loopback, one a connection, and keeps what it
 * was asked. */
#ifndef TEST_CLI_CANNED_H
#define TEST_CLI_CANNED_H

#include "../check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CANNED_MOST 8

struct canned {
	const char *const *answers; /* whole HTTP answers; the last one again and again */
	char               asked[CANNED_MOST][8192]; /* head and body of each request */
	size_t             n;
	int                fd, stop;
	char               url[64];
	pthread_t          thread;
};

#define CANNED_STREAM                                           \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
	"Connection: close\r\n\r\n"
#define CANNED_DELTA(text)                                                               \
	"data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
	"\"},\"finish_reason\":null}]}\n\n"
#define CANNED_DONE "data: [DONE]\n\n"
#define CANNED_ERROR(status, text)                                       \
	"HTTP/1.1 " status " No\r\nContent-Type: application/json\r\n"   \
	"Connection: close\r\n\r\n{\"error\":{\"message\":\"" text "\"}}"

/* The length of head and body, or 0 while the head is not complete. */
static inline size_t
canned_whole(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");

	if (!end)
		return 0;
	return (size_t)(end + 4 - text) +
	       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static inline void
canned_one(struct canned *c, int fd)
{
	const size_t at = c->n < CANNED_MOST ? c->n : CANNED_MOST - 1;
	const char  *answer = *c->answers;
	char        *text = c->asked[at];
	size_t       len = 0;
	ssize_t      n;

	for (size_t i = 0; i < c->n && c->answers[i + 1]; i++)
		answer = c->answers[i + 1];
	while (!canned_whole(text) || len < canned_whole(text)) {
		n = read(fd, text + len, sizeof c->asked[0] - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		text[len] = '\0';
	}
	for (size_t left = strlen(answer); left; left -= (size_t)n) {
		n = send(fd, answer + strlen(answer) - left, left, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	c->n++;
	close(fd);
}

static inline void *
canned_serve(void *arg)
{
	struct canned *c = arg;
	struct pollfd  p[2] = { { .fd = c->fd, .events = POLLIN },
		                { .fd = c->stop, .events = POLLIN } };

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		const int fd = accept(c->fd, NULL, NULL);

		if (fd >= 0)
			canned_one(c, fd);
	}
	return NULL;
}

static inline void
canned_begin(struct canned *c, const char *const *answers)
{
	struct sockaddr_in where = { .sin_family = AF_INET,
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t          len = sizeof where;

	memset(c, 0, sizeof *c);
	c->answers = answers;
	c->stop = eventfd(0, EFD_CLOEXEC);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->stop >= 0 && c->fd >= 0);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&where, len), 0);
	assert_int_equal(listen(c->fd, 8), 0);
	assert_int_equal(getsockname(c->fd, (struct sockaddr *)&where, &len), 0);
	snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u", ntohs(where.sin_port));
	assert_int_equal(pthread_create(&c->thread, NULL, canned_serve, c), 0);
}

/* Afterwards `asked` and `n` may be read. */
static inline void
canned_end(struct canned *c)
{
	const uint64_t one = 1;

	assert_int_equal(write(c->stop, &one, sizeof one), sizeof one);
	pthread_join(c->thread, NULL);
	close(c->fd);
	close(c->stop);
}

#endif
