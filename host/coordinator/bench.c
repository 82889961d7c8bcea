/* coordinator-bench: load on a coordinator that runs, and what it makes of it.
 *
 *   coordinator-bench PORT MODE CONNECTIONS COUNT KEY [MINER_KEY [JOB]]
 *
 *   submit   POST /v1/jobs                       status   GET /v1/jobs/JOB
 *   poll     POST /v1/miners/poll                cycle    submit, poll, result, one after another
 *
 * One thread, one epoll, kept connections; a request leaves when the answer before it is complete.
 * Prints one JSON object: count, errors, seconds, per second, and the latencies of a request (for
 * cycle: of the three together) in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/clock.h"

#define CONNECTIONS 1024
#define ANSWER      65536
#define REQUEST     4096

enum mode { MODE_SUBMIT, MODE_STATUS, MODE_POLL, MODE_CYCLE };

struct line { /* one connection */
	int      fd;
	char     out[REQUEST], in[ANSWER], job[64];
	size_t   out_len, sent, in_len;
	uint64_t began_us;
	int      step; /* of a cycle */
	bool     busy;
};

struct bench {
	enum mode   mode;
	uint16_t    port;
	const char *key, *miner, *job;
	size_t      want, begun, ended, errors, lines;
	uint32_t   *took_us;
	int         epoll;
	struct line line[CONNECTIONS];
};

static void
make_request(struct bench *b, struct line *l, const char *method, const char *path, const char *key,
             const char *body)
{
	const int n = snprintf(l->out, sizeof l->out,
	                       "%s %s HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\n"
	                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	                       method, path, key, strlen(body), body);

	(void)b;
	l->out_len = n > 0 && (size_t)n < sizeof l->out ? (size_t)n : 0;
	l->sent = l->in_len = 0;
}

static const char submission[] =
	"{\"type\":\"inference\",\"prompt\":\"What is machine learning?\",\"model\":\"llama3.2:latest\"}";

static void
next_request(struct bench *b, struct line *l)
{
	char path[128];

	if (b->mode == MODE_STATUS) {
		snprintf(path, sizeof path, "/v1/jobs/%s", b->job);
		make_request(b, l, "GET", path, b->key, "");
	} else if (b->mode == MODE_POLL || (b->mode == MODE_CYCLE && l->step == 1)) {
		make_request(b, l, "POST", "/v1/miners/poll", b->miner, "{\"max_wait_seconds\":5}");
	} else if (b->mode == MODE_CYCLE && l->step == 2) {
		snprintf(path, sizeof path, "/v1/miners/%s/result", l->job);
		make_request(b, l, "POST", path, b->miner, "{\"result\":{\"output\":\"It is.\"}}");
	} else {
		make_request(b, l, "POST", "/v1/jobs", b->key, submission);
	}
}

static void
begin(struct bench *b, struct line *l)
{
	l->busy = b->begun < b->want;
	if (!l->busy)
		return;
	b->begun++;
	l->step = 0;
	l->began_us = clock_mono_us();
	next_request(b, l);
}

/* Is the answer whole?  Its status, or 0. */
static int
answered(struct line *l)
{
	char *end, *length;

	l->in[l->in_len] = '\0';
	end = strstr(l->in, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(l->in, "\r\nContent-Length:");
	if (length && length < end && (size_t)(end + 4 - l->in) + strtoul(length + 17, NULL, 10) > l->in_len)
		return 0;
	return (int)strtol(l->in + 9, NULL, 10);
}

static void
take_answer(struct bench *b, struct line *l, int status)
{
	const char *id = strstr(l->in, "\"job_id\":\"");

	if (b->mode == MODE_CYCLE && status / 100 == 2 && l->step < 2 && (id || l->step == 0)) {
		if (l->step == 1)
			snprintf(l->job, sizeof l->job, "%.36s", id + 10);
		l->step++;
		next_request(b, l);
		return;
	}
	if (status / 100 != 2 || (b->mode == MODE_POLL && status != 200) ||
	    (b->mode == MODE_CYCLE && l->step < 2))
		b->errors++;
	b->took_us[b->ended++] = (uint32_t)(clock_mono_us() - l->began_us);
	begin(b, l);
}

static void
move(struct bench *b, struct line *l)
{
	ssize_t n;
	int status;

	while (l->busy && l->sent < l->out_len) {
		n = send(l->fd, l->out + l->sent, l->out_len - l->sent, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		l->sent += (size_t)n;
	}
	while (l->busy && l->in_len < sizeof l->in - 1) {
		n = recv(l->fd, l->in + l->in_len, sizeof l->in - 1 - l->in_len, 0);
		if (n <= 0)
			return;
		l->in_len += (size_t)n;
		status = answered(l);
		if (status) {
			take_answer(b, l, status);
			if (l->busy) {
				move(b, l);
				return;
			}
		}
	}
}

static bool
connect_all(struct bench *b)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(b->port),
		                        .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int one = 1;

	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < b->lines; i++) {
		struct line *l = &b->line[i];
		struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = l };

		l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&to, sizeof to) != 0)
			return false;
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		fcntl(l->fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, l->fd, &e);
	}
	return true;
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
report(struct bench *b, uint64_t us)
{
	const double seconds = (double)us / 1e6;

	qsort(b->took_us, b->ended, sizeof *b->took_us, by_size);
	printf("{\"count\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_us\":%u,"
	       "\"p99_us\":%u,\"max_us\":%u}\n",
	       b->ended, b->errors, seconds, (double)b->ended / seconds, b->took_us[b->ended / 2],
	       b->took_us[b->ended * 99 / 100], b->took_us[b->ended - 1]);
}

static void
run(struct bench *b)
{
	const uint64_t began = clock_mono_us();
	struct epoll_event events[256];

	for (size_t i = 0; i < b->lines; i++) {
		begin(b, &b->line[i]);
		move(b, &b->line[i]);
	}
	while (b->ended < b->want) {
		const int n = epoll_wait(b->epoll, events, 256, 30000);

		if (n <= 0) {
			fprintf(stderr, "no answer for 30 seconds\n");
			break;
		}
		for (int i = 0; i < n; i++)
			move(b, events[i].data.ptr);
	}
	if (b->ended)
		report(b, clock_mono_us() - began);
}

int
main(int argc, char **argv)
{
	static const char *const modes[] = { "submit", "status", "poll", "cycle" };
	static struct bench b;

	if (argc < 6) {
		fprintf(stderr, "usage: coordinator-bench PORT submit|status|poll|cycle CONNECTIONS "
		                "COUNT KEY [MINER_KEY [JOB]]\n");
		return 2;
	}
	for (size_t i = 0; i < 4; i++)
		if (strcmp(argv[2], modes[i]) == 0)
			b.mode = (enum mode)i;
	b.port = (uint16_t)strtoul(argv[1], NULL, 10);
	b.lines = strtoul(argv[3], NULL, 10);
	b.want = strtoul(argv[4], NULL, 10);
	b.key = argv[5];
	b.miner = argc > 6 ? argv[6] : "";
	b.job = argc > 7 ? argv[7] : "";
	b.took_us = calloc(b.want + 1, sizeof *b.took_us);
	if (!b.took_us || b.lines < 1 || b.lines > CONNECTIONS || !b.want || !connect_all(&b)) {
		fprintf(stderr, "cannot connect to port %u\n", b.port);
		return 1;
	}
	run(&b);
	free(b.took_us);
	return b.errors || b.ended < b.want;
}
