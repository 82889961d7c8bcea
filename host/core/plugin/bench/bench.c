/* bench.c - what the sandbox costs: a call and a streamed token, against inline.
 *
 *   wire-bench [metronome.so]         default: that of this build
 *
 * Inline is the same path without the wire, so the difference is the wire alone.  The two take turns
 * in short rounds, so that both meet the same other work on the machine, and what is told is the
 * median of the rounds' differences with its quartiles.
 *
 *   CPU      user and system time of both processes: what a machine that is busy computing tokens
 *            loses to the sandbox
 *   latency  from the plugin's emit() to the caller's sink, by the clock that both share: how much
 *            later the reader sees a token
 *
 * The verdict is about the paced stream.  It waits a millisecond before each token: every token
 * finds its reader asleep and nothing is batched, which is the dearest case there is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/plugin/instance/instance.h"
#include "core/plugin/sandbox/child.h"

#define ROUNDS      60
#define TOKENS_MAX  4000
#define SAMPLES_MAX 20000   /* latencies that are kept                            */
#define BUDGET_US   10.0    /* 1 % of a token's time at 1,000 tokens/s            */

struct side { /* inline or sandboxed                                         */
	struct instance *instance;
	pid_t   pid;                   /* of the sandbox; 0: inline                  */
	double  cpu_us[ROUNDS];        /* of one unit of a round                     */
	double  late_us[SAMPLES_MAX];
	size_t  n_late;
};

struct work { /* of a round                                                  */
	const char *what, *model;
	size_t calls, tokens;          /* tokens of each call                        */
	bool   per_call;               /* the unit is a call, not a token            */
};

struct reader {
	struct b3iq_sink sink;
	struct side *side;
	size_t tokens;
};

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CPU time so far, of this process and the sandbox. */
static uint64_t
cpu_ns(const struct side *s)
{
	uint64_t sum = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	clockid_t clock;

	if (s->pid != 0 && clock_getcpuclockid(s->pid, &clock) == 0)
		sum += now_ns(clock);
	return sum;
}

static int32_t
take(struct b3iq_sink *sink, const struct b3iq_chunk *chunk)
{
	struct reader *r = (struct reader *)(void *)sink;
	struct side *s = r->side;
	uint64_t made_ns;

	r->tokens += chunk->n_ids;
	if (chunk->probe_len == sizeof made_ns && s->n_late < SAMPLES_MAX) {
		memcpy(&made_ns, chunk->probe, sizeof made_ns);
		s->late_us[s->n_late++] = (double)(now_ns(CLOCK_MONOTONIC) - made_ns) / 1000;
	}
	return B3IQ_OK;
}

static struct instance *
start(const char *plugin, bool run_inline, const char *dir)
{
	const struct instance_options o = {
		.name = run_inline ? "inline" : "sandbox", .path = plugin, .state_dir = dir,
		.run_inline = run_inline,
	};
	struct b3iq_error err = NO_ERROR;
	struct instance *i;

	if (instance_create(&o, &i, &err) == B3IQ_OK)
		instance_start(i);
	if (i == NULL || instance_wait(i, 10000, &err) != B3IQ_OK) {
		fprintf(stderr, "wire-bench: %s\n", err.text);
		exit(1);
	}
	return i;
}

static void
generate(struct side *s, const struct work *w)
{
	const struct b3iq_gen_request q = { .size = sizeof q, .flags = B3IQ_GEN_PROBES,
	                                    .model = w->model, .body = "{}", .body_len = 2,
	                                    .max_tokens = (uint32_t)w->tokens };
	struct reader r = { .sink = { .size = sizeof r.sink, .cancel_fd = -1, .emit = take },
	                    .side = s };
	struct b3iq_usage use = { .size = sizeof use };
	struct b3iq_error err = NO_ERROR;

	if (instance_inference(s->instance)->generate(s->instance, &q, &r.sink, &use, &err) !=
	            B3IQ_OK || r.tokens != w->tokens) {
		fprintf(stderr, "wire-bench: %zu of %zu tokens came. %s\n", r.tokens, w->tokens, err.text);
		exit(1);
	}
}

static void
run_round(struct side *s, const struct work *w, size_t round)
{
	const size_t units = w->per_call ? w->calls : w->calls * w->tokens;
	const uint64_t before = cpu_ns(s);

	for (size_t k = 0; k < w->calls; k++)
		generate(s, w);
	s->cpu_us[round] = (double)(cpu_ns(s) - before) / (double)units / 1000;
}

static int
ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static double
quantile(double *values, size_t n, double q)
{
	qsort(values, n, sizeof *values, ascending);
	return n > 0 ? values[(size_t)(q * (double)(n - 1) + 0.5)] : 0;
}

struct result { /* microseconds a unit that the sandbox adds                     */
	double cpu, late;
};

static struct result
measure(struct side side[2], const struct work *w)
{
	double extra[ROUNDS], late[2][2];

	for (size_t k = 0; k < 2; k++) {
		side[k].n_late = 0;
		generate(&side[k], w); /* warm */
		side[k].n_late = 0;
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		run_round(&side[round % 2], w, round);
		run_round(&side[1 - round % 2], w, round);
		extra[round] = side[1].cpu_us[round] - side[0].cpu_us[round];
	}
	for (size_t k = 0; k < 2; k++) {
		late[k][0] = quantile(side[k].late_us, side[k].n_late, 0.5);
		late[k][1] = quantile(side[k].late_us, side[k].n_late, 0.99);
	}
	printf("%-30s %7.2f %7.2f  %7.2f (%6.2f .. %6.2f) %8.2f %8.2f %8.2f\n", w->what,
	       quantile(side[0].cpu_us, ROUNDS, 0.5), quantile(side[1].cpu_us, ROUNDS, 0.5),
	       quantile(extra, ROUNDS, 0.5), quantile(extra, ROUNDS, 0.25),
	       quantile(extra, ROUNDS, 0.75), late[0][0], late[1][0], late[1][1]);
	return (struct result){ quantile(extra, ROUNDS, 0.5), late[1][0] - late[0][0] };
}

/* The plugin that was built with this program. */
static char *
metronome(void)
{
	char self[PATH_SIZE], path[PATH_SIZE + 64];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, sizeof path, "%s/../bench/metronome.so", self);
	return realpath(path, NULL);
}

static double
load_average(void)
{
	double load = 0;

	return getloadavg(&load, 1) == 1 ? load : 0;
}

static struct result
measure_all(struct side side[2])
{
	static const struct work call = { "a call with one token", "fast", 50, 1, true },
	                         fast = { "a token, as fast as they come", "fast", 1, TOKENS_MAX, false },
	                         paced = { "a token, one a millisecond", "paced", 1, 100, false };

	printf("microseconds, median of %d rounds                    CPU%29s   latency\n%30s %7s %7s  "
	       "%7s (%6s .. %6s) %8s %8s %8s\n", ROUNDS, "", "", "inline", "sandbox", "extra",
	       "1/4", "3/4", "inline", "sandbox", "99 %");
	measure(side, &call);
	measure(side, &fast);
	return measure(side, &paced);
}

int
main(int argc, char **argv)
{
	static struct side side[2];
	char dir[] = "/tmp/wire-bench-XXXXXX";
	struct instance_status st;
	struct result r;
	char *file;

	if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
		return plugin_child_main(argc, argv);
	file = argc == 2 ? strdup(argv[1]) : metronome();
	if (argc > 2 || file == NULL || mkdtemp(dir) == NULL) {
		fputs("usage: wire-bench [.../metronome.so]\n", stderr);
		return 2;
	}
	log_setup(B3IQ_LOG_ERROR, LOG_TEXT);
	for (size_t k = 0; k < 2; k++)
		side[k].instance = start(file, k == 0, dir);
	instance_status(side[1].instance, &st);
	side[1].pid = st.pid;
	r = measure_all(side);
	printf("\nof a token's time at 1,000 tokens/s the sandbox takes %.2f %% of CPU (must be under 1 %%) "
	       "and adds %.2f %% of latency; load average %.1f\n", r.cpu / 10, r.late / 10, load_average());
	for (size_t k = 0; k < 2; k++)
		instance_close(side[k].instance);
	rmdir(dir);
	free(file);
	return r.cpu < BUDGET_US ? 0 : 1;
}
