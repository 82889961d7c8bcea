#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"

#define LIMIT_S      20
#define VALGRIND_X   15
#define ARGS_MAX     48

extern char **environ;

enum outcome { PASSED, FAILED, SKIPPED };

struct report { /* what became of one test                                  */
	enum outcome outcome;
	char         reason[512];
	double       ms;
	char         printed[PATH_MAX]; /* file with its stdout and stderr       */
};

/* ---- one test ----------------------------------------------------------- */

static size_t
arguments(const struct run_options *o, const char *name, const char *scratch, const char **argv)
{
	static const char *const valgrind[] = { "valgrind", "-q", "--error-exitcode=99",
		                                "--leak-check=full",
		                                "--errors-for-leak-kinds=definite",
		                                "--trace-children=yes" };
	size_t n = 0;

	for (size_t i = 0; o->valgrind && i < sizeof valgrind / sizeof *valgrind; i++)
		argv[n++] = valgrind[i];
	argv[n++] = o->self;
	for (size_t i = 0; o->pass[i] && n < ARGS_MAX - 8; i++)
		argv[n++] = o->pass[i];
	argv[n++] = "--scratch";
	argv[n++] = scratch;
	argv[n++] = "--test";
	argv[n++] = name;
	argv[n++] = o->plugin;
	argv[n] = NULL;
	return n;
}

static pid_t
spawn(const char *const *argv, int verdict, const char *printed)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t          attr;
	pid_t                      pid = -1;
	int                        rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, printed, O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawn_file_actions_adddup2(&files, verdict, CHECK_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	rc = posix_spawnp(&pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc == 0 ? pid : -1;
}

/* Waits for the end of the process; false: the limit came first, and it was killed. */
static bool
await(pid_t pid, unsigned limit_s, int *status)
{
	int           fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int           n;

	do
		n = poll(&p, 1, (int)limit_s * 1000);
	while (n < 0 && errno == EINTR);
	kill(-pid, SIGKILL); /* whatever it left behind goes too */
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
	close(fd);
	return n > 0;
}

static void
judge(struct report *r, bool in_time, int status, unsigned limit_s)
{
	size_t n = strlen(r->reason);

	r->outcome = FAILED;
	if (!in_time)
		snprintf(r->reason, sizeof r->reason, "did not end within %u s", limit_s);
	else if (WIFSIGNALED(status))
		snprintf(r->reason, sizeof r->reason, "crashed: %s", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == CHECK_SKIPPED)
		r->outcome = SKIPPED;
	else if (WEXITSTATUS(status) == CHECK_PASSED && strcmp(r->reason, CHECK_WORD) == 0) {
		r->outcome = PASSED;
		r->reason[0] = 0;
	}
	else if (WEXITSTATUS(status) != CHECK_FAILED || n == 0)
		snprintf(r->reason, sizeof r->reason, "the process ended with status %d",
		         WEXITSTATUS(status)); /* the plugin's exit(), a sanitizer's, valgrind's */
}

static void
one(const struct run_options *o, const char *name, const struct check_test *t, const char *scratch,
    struct report *r)
{
	const char *argv[ARGS_MAX];
	unsigned    own_s = t->limit_s ? t->limit_s : LIMIT_S;
	unsigned    limit_s = o->limit_s ? o->limit_s : own_s * (o->valgrind ? VALGRIND_X : 1);
	uint64_t    start = clock_mono_us();
	int         fds[2], status = 0;
	pid_t       pid;
	bool        in_time;
	ssize_t     n;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		snprintf(r->reason, sizeof r->reason, "plugin-check: %s", strerror(errno));
		r->outcome = FAILED;
		return;
	}
	arguments(o, name, scratch, argv);
	pid = spawn(argv, fds[1], r->printed);
	close(fds[1]);
	if (pid > 0) {
		in_time = await(pid, limit_s, &status);
		n = read(fds[0], r->reason, sizeof r->reason - 1);
		r->reason[n > 0 ? n : 0] = 0;
		judge(r, in_time, status, limit_s);
	} else {
		snprintf(r->reason, sizeof r->reason, "plugin-check: cannot start %s", argv[0]);
		r->outcome = FAILED;
	}
	close(fds[0]);
	r->ms = (double)(clock_mono_us() - start) / 1000;
}

/* ---- the report --------------------------------------------------------- */

static void
print_tail(const char *file)
{
	FILE *f = fopen(file, "r");
	char  line[1000];

	if (!f)
		return;
	if (fseek(f, -4000, SEEK_END) == 0 && !fgets(line, sizeof line, f))
		line[0] = 0; /* the rest of a line that began before */
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		printf("#   | %s\n", line);
	}
	fclose(f);
}

static void
print_tap(unsigned n, const char *name, const struct check_test *t, const struct report *r)
{
	const bool  advice = t->flags & CHECK_SHOULD && r->outcome == FAILED;
	const char *todo = advice ? " # TODO advice only" : "";

	printf("%sok %u - %s%s", r->outcome == FAILED ? "not " : "", n, name, todo);
	if (r->outcome == SKIPPED)
		printf(" # SKIP %s", r->reason);
	printf("\n");
	if (r->outcome == FAILED) {
		printf("#   %s\n", r->reason);
		print_tail(r->printed);
	}
	fflush(stdout);
}

static void
add_json(struct json_object *list, const char *name, const struct check_test *t,
         const struct report *r)
{
	static const char *const outcomes[] = { "passed", "failed", "skipped" };
	struct json_object      *o = json_object_new_object();

	json_put_string(o, "name", name);
	json_put_string(o, "level", t->flags & CHECK_SHOULD ? "should" : "must");
	json_put_string(o, "result", outcomes[r->outcome]);
	json_put_string(o, "reason", r->reason);
	json_put_int(o, "us", (int64_t)(r->ms * 1000));
	json_object_array_add(list, o);
}

/* ---- all tests ---------------------------------------------------------- */

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static bool
wanted(const struct run_options *o, const char *name, const struct check_test *t)
{
	if (t->kind && t->kind != o->kind)
		return false;
	if (o->except && regexec(o->except, name, 0, NULL, 0) == 0)
		return false;
	return !o->only || regexec(o->only, name, 0, NULL, 0) == 0;
}

/* Says why a test has nothing to say here, or NULL. */
static const char *
pointless(const struct run_options *o, const struct check_test *t)
{
	if (o->sandbox && t->flags & CHECK_INLINE)
		return "inline only";
	if (o->valgrind && t->flags & CHECK_TIMED)
		return "not under valgrind";
	return NULL;
}

static void
run_one(const struct run_options *o, const char *name, const struct check_test *t, struct report *r)
{
	const char *why = pointless(o, t);
	const char *tmp = getenv("TMPDIR");
	char        scratch[420];

	memset(r, 0, sizeof *r);
	snprintf(scratch, sizeof scratch, "%.380s/plugin-check-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (why) {
		r->outcome = SKIPPED;
		snprintf(r->reason, sizeof r->reason, "%s", why);
	} else if (!mkdtemp(scratch)) {
		r->outcome = FAILED;
		snprintf(r->reason, sizeof r->reason, "plugin-check: no folder %s", scratch);
	} else {
		snprintf(r->printed, sizeof r->printed, "%s.out", scratch);
		one(o, name, t, scratch, r);
		nftw(scratch, drop, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static size_t
count(const struct run_options *o)
{
	char   name[128];
	size_t n = 0;

	for (const struct check_group *g = check_groups; g->name; g++)
		for (const struct check_test *t = g->tests; t->name; t++) {
			snprintf(name, sizeof name, "%s/%s", g->name, t->name);
			n += wanted(o, name, t);
		}
	return n;
}

bool
run_all(const struct run_options *o)
{
	struct json_object *list = json_object_new_array();
	struct report       r;
	unsigned            n = 0, failed = 0;
	char                name[128];

	if (!o->json)
		printf("TAP version 13\n1..%zu\n", count(o));
	for (const struct check_group *g = check_groups; g->name; g++)
		for (const struct check_test *t = g->tests; t->name; t++) {
			snprintf(name, sizeof name, "%s/%s", g->name, t->name);
			if (!wanted(o, name, t))
				continue;
			run_one(o, name, t, &r);
			failed += r.outcome == FAILED && !(t->flags & CHECK_SHOULD);
			if (o->json)
				add_json(list, name, t, &r);
			else
				print_tap(++n, name, t, &r);
			if (r.printed[0])
				unlink(r.printed);
		}
	if (o->json)
		puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
		                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		printf("# %s: %s\n", o->plugin, failed ? "failed" : "plugin-check 1.0: all passed");
	json_object_put(list);
	return failed == 0;
}

void
run_list(void)
{
	static const char *const kinds[] = { "", "inference", "ledger", "auth" };

	for (const struct check_group *g = check_groups; g->name; g++)
		for (const struct check_test *t = g->tests; t->name; t++)
			printf("%s/%s%s%s%s\n    %s\n", g->name, t->name, t->kind ? "  " : "",
			       kinds[t->kind], t->flags & CHECK_SHOULD ? "  advice" : "", t->what);
}

const struct check_test *
run_find(const char *name)
{
	for (const struct check_group *g = check_groups; g->name; g++) {
		size_t n = strlen(g->name);

		if (strncmp(name, g->name, n) != 0 || name[n] != '/')
			continue;
		for (const struct check_test *t = g->tests; t->name; t++)
			if (strcmp(t->name, name + n + 1) == 0)
				return t;
	}
	return NULL;
}
