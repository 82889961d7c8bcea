/* bench.c - what the sandbox costs: a call and a streamed token, against inline.
 *
 *   wire-bench [echo.so flaky.so]     default: those of this build
 *
 * Inline is the same path without the wire, so the difference is the wire alone.  A token is one
 * emit() of one id and a few bytes of text.  "CPU" is user and system time of both processes: what
 * a machine that is busy computing tokens loses.  The verdict is about flaky's stream, which pauses
 * a millisecond before each token: there every token wakes its reader anew, and nothing is batched.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/plugin/sandbox/child.h"
#include "core/plugin/instance/instance.h"

#define TOKENS 80000  /* streamed in calls of 4000                     */
#define PACED  400    /* tokens at not quite 1,000 a second            */
#define RUNS   8      /* of each measurement, the cheapest counts: other work only adds to it */
#define CALLS  2000
#define BODY   4000

struct counter {
	struct b3iq_sink sink;
	uint64_t tokens;
};

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CPU time of a process so far, from /proc: the children are not reaped while we look. */
static uint64_t
cpu_ns(pid_t pid)
{
	clockid_t clock;

	if (pid == 0)
		return now_ns(CLOCK_PROCESS_CPUTIME_ID);
	return clock_getcpuclockid(pid, &clock) == 0 ? now_ns(clock) : 0;
}

static int32_t
count(struct b3iq_sink *sink, const struct b3iq_chunk *chunk)
{
	struct counter *c = (struct counter *)(void *)sink;

	c->tokens += chunk->n_ids;
	return B3IQ_OK;
}

static struct instance *
start(const char *plugin, const char *config, bool run_inline, const char *dir)
{
	const struct instance_options o = {
		.name = run_inline ? "inline" : "sandbox", .path = plugin, .config = config,
		.state_dir = dir, .run_inline = run_inline,
	};
	struct b3iq_error err = NO_ERROR;
	struct instance *i = instance_create(&o, &err);

	if (i != NULL)
		instance_start(i);
	if (i == NULL || instance_wait(i, 10000, &err) != B3IQ_OK) {
		fprintf(stderr, "wire-bench: %s\n", err.text);
		exit(1);
	}
	return i;
}

static void
generate(struct instance *i, const char *model, size_t tokens, struct counter *c)
{
	static char body[BODY];
	const struct b3iq_gen_request q = { .size = sizeof q, .model = model, .body = body,
	                                    .body_len = tokens, .max_tokens = (uint32_t)tokens };
	struct b3iq_usage use = { .size = sizeof use };
	struct b3iq_error err = NO_ERROR;

	memset(body, 'a', sizeof body);
	c->sink = (struct b3iq_sink){ .size = sizeof c->sink, .cancel_fd = -1, .emit = count };
	if (instance_inference(i)->generate(i, &q, &c->sink, &use, &err) != B3IQ_OK) {
		fprintf(stderr, "wire-bench: %s\n", err.text);
		exit(1);
	}
}

struct cost {
	double wall_us, cpu_us;
};

static struct cost
measure_once(struct instance *i, const char *model, size_t calls, size_t tokens)
{
	struct instance_status s;
	struct counter c = { .tokens = 0 };
	uint64_t wall, cpu;
	double n;

	instance_status(i, &s);
	wall = now_ns(CLOCK_MONOTONIC);
	cpu = cpu_ns(0) + (s.pid != 0 ? cpu_ns(s.pid) : 0);
	for (size_t k = 0; k < calls; k++)
		generate(i, model, tokens, &c);
	wall = now_ns(CLOCK_MONOTONIC) - wall;
	cpu = cpu_ns(0) + (s.pid != 0 ? cpu_ns(s.pid) : 0) - cpu;
	if (c.tokens != calls * tokens) {
		fprintf(stderr, "wire-bench: %" PRIu64 " tokens came, not %zu\n", c.tokens, calls * tokens);
		exit(1);
	}
	n = (double)(tokens > 1 ? calls * tokens : calls);
	return (struct cost){ (double)wall / n / 1000, (double)cpu / n / 1000 };
}

static struct cost
measure(struct instance *i, const char *model, size_t calls, size_t tokens)
{
	struct cost best = measure_once(i, model, calls, tokens);

	for (int run = 1; run < RUNS; run++) {
		const struct cost c = measure_once(i, model, calls, tokens);

		if (c.wall_us < best.wall_us)
			best.wall_us = c.wall_us;
		if (c.cpu_us < best.cpu_us)
			best.cpu_us = c.cpu_us;
	}
	return best;
}

/* Measures inline, then sandboxed, and prints both.  Returns the CPU that the sandbox adds. */
static double
compare(const char *what, struct instance *const pair[2], const char *model, size_t calls,
        size_t tokens)
{
	struct cost c[2];

	for (size_t k = 0; k < 2; k++)
		c[k] = measure(pair[k], model, calls, tokens);
	printf("%-34s %10.3f %10.3f %10.3f %10.3f\n", what, c[0].wall_us, c[0].cpu_us, c[1].wall_us,
	       c[1].cpu_us);
	return c[1].cpu_us - c[0].cpu_us;
}

/* The example that was built with this program. */
static char *
example(const char *name)
{
	char self[PATH_SIZE], path[PATH_SIZE + 64];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, sizeof path, "%s/../examples/%s.so", self, name);
	return realpath(path, NULL);
}

int
main(int argc, char **argv)
{
	static const char pace[] = "{\"token_ms\":1}";
	char dir[] = "/tmp/wire-bench-XXXXXX";
	struct instance *echo[2], *flaky[2];
	char *file[2];
	double extra;

	if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
		return plugin_child_main(argc, argv);
	for (int k = 0; k < 2; k++)
		file[k] = argc == 3 ? strdup(argv[1 + k]) : example(k == 0 ? "echo" : "flaky");
	if ((argc != 1 && argc != 3) || file[0] == NULL || file[1] == NULL || mkdtemp(dir) == NULL) {
		fputs("usage: wire-bench [.../echo.so .../flaky.so]\n", stderr);
		return 2;
	}
	log_setup(B3IQ_LOG_ERROR, LOG_TEXT);
	for (size_t k = 0; k < 2; k++) {
		echo[k] = start(file[0], NULL, k == 0, dir);
		flaky[k] = start(file[1], pace, k == 0, dir);
	}
	printf("%-34s %10s %10s %10s %10s\n", "microseconds", "inline", "CPU", "sandbox", "CPU");
	compare("a call with one token", echo, "echo", CALLS, 1);
	compare("a token, as fast as they come", echo, "echo", TOKENS / BODY, BODY);
	extra = compare("a token, one a millisecond", flaky, "ok", 1, PACED);
	printf("\nthe sandbox takes %.2f %% of a token's time at 1,000 tokens/s (must be under 1 %%)\n",
	       extra / 10);
	for (size_t k = 0; k < 2; k++) {
		instance_close(echo[k]);
		instance_close(flaky[k]);
	}
	rmdir(dir);
	free(file[0]);
	free(file[1]);
	return extra < 10 ? 0 : 1;
}
