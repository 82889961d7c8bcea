/* unit.h - what every test of this folder needs, and a client that sends exactly what it is told. */
#ifndef TESTS_UNIT_HTTP_UNIT_H
#define TESTS_UNIT_HTTP_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static inline int
raw_connect(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static inline void
raw_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads until `until` has come, or (until NULL) to the end; at most 20 s. Returns what came. */
static inline char *
raw_read(int fd, const char *until)
{
	static char got[1 << 20];
	size_t n = 0;

	got[0] = '\0';
	while (n < sizeof got - 1 && !(until && strstr(got, until))) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t more;

		if (poll(&p, 1, 20000) <= 0)
			fail_msg("no more bytes after: %s", got);
		more = recv(fd, got + n, sizeof got - 1 - n, 0);
		if (more <= 0)
			break;
		n += (size_t)more;
		got[n] = '\0';
	}
	return got;
}

/* One request on a connection of its own, to the end of the connection. */
static inline char *
raw_ask(uint16_t port, const char *text)
{
	const int fd = raw_connect(port);
	char *got;

	raw_send(fd, text);
	got = raw_read(fd, NULL);
	close(fd);
	return got;
}

/* The body of a chunked answer, joined in place: a border of chunks may fall anywhere, in a line as well. */
static inline char *
raw_joined(char *answer)
{
	char *from = strstr(answer, "\r\n\r\n"), *const body = from ? from + 4 : answer, *to = body;
	size_t n;

	for (from = body; (n = strtoul(from, &from, 16)) > 0 && n <= strlen(from) - 2; from += n) {
		memmove(to, from + 2, n);
		to += n;
		from += 4;
	}
	*to = '\0';
	return body;
}

static inline int
raw_status(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

#endif
