/* proc.c: what a plugin leaves behind is counted, and what it changes is named. */
#include "verdict.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "../../../sdk/check/proc.c"

#define MIB ((size_t)1 << 20)

static void
test_descriptors(void **state)
{
	const size_t before = proc_fds();
	int fds[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(proc_fds(), before + i + 1);
	}
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	assert_int_equal(proc_fds(), before);
}

static void
list_missing(void *arg)
{
	entries(arg);
}

static void
test_folders(void **state)
{
	(void)state;
	assert_int_equal(entries(verdict_dir), 0); /* not those two of every folder */
	assert_refused(list_missing, (void *)(uintptr_t) "/proc/self/none", "/proc/self/none");
}

static void *
wait_for_end(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1) == 0 ? NULL : arg;
}

static void *
no_thread(void *arg)
{
	return arg;
}

static void
test_threads(void **state)
{
	size_t before;
	pthread_t thread;
	int fds[2];
	void *rc;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, no_thread, NULL), 0);
	pthread_join(thread, &rc); /* with the first, a sanitizer starts one of its own */
	assert_true(proc_threads_fall_to(SANITIZED ? 2 : 1));
	before = proc_threads();
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &fds[0]), 0);
	assert_int_equal(proc_threads(), before + 1);
	assert_true(proc_threads_fall_to(before + 1));
	assert_false(proc_threads_fall_to(before)); /* it is waited for, and does not end */
	close(fds[1]);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_null(rc);
	assert_true(proc_threads_fall_to(before));
	close(fds[0]);
}

static void
test_children(void **state)
{
	char file[64];
	pid_t pids[2];

	(void)state;
	snprintf(file, sizeof file, "/proc/self/task/%d/children", getpid());
	if (access(file, R_OK) != 0) {
		print_message("this kernel does not list children\n");
		skip();
	}
	assert_int_equal(proc_children(), 0);
	for (size_t i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			pause();
			_exit(0);
		}
		assert_int_equal(proc_children(), i + 1);
	}
	for (size_t i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	assert_int_equal(proc_children(), 0);
}

/* Small ones come out of the heap, big ones are mapped: both count, and only while they are held. */
static void
test_heap(void **state)
{
	static const size_t sizes[] = { 5000, 8 * MIB };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const size_t before = proc_heap();
		void *volatile block = malloc(sizes[i]);
		const size_t held = proc_heap();

		assert_non_null(block);
		free(block);
		if (SANITIZED) {
			assert_int_equal(held, 0);
			continue;
		}
		assert_in_range(held - before, sizes[i], sizes[i] + 8192);
		assert_int_equal(proc_heap(), before);
	}
}

static void
test_resident(void **state)
{
	const size_t len = 64 * MIB, before = proc_rss();
	char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(pages != MAP_FAILED);
	if (SANITIZED) {
		assert_int_equal(before, 0);
	} else {
		assert_true(before > 0);
		assert_true(proc_rss() < before + len / 2); /* not touched yet */
		memset(pages, 1, len);
		assert_true(proc_rss() > before + len / 2);
	}
	munmap(pages, len);
	assert_true(SANITIZED || proc_rss() < before + len / 2);
}

static void
ignore(int sig)
{
	(void)sig;
}

static void
set_handler(void)
{
	signal(SIGUSR1, ignore);
}

static void
set_flags(void)
{
	struct sigaction sa;

	sigaction(SIGUSR2, NULL, &sa);
	sa.sa_flags ^= SA_RESTART;
	sigaction(SIGUSR2, &sa, NULL);
}

static void
set_environment(void)
{
	setenv("B3IQ_CHECK_TEST", "1", 1);
}

static void
set_umask(void)
{
	umask(umask(0) ^ 011);
}

static void
set_folder(void)
{
	if (chdir("/proc") != 0)
		abort();
}

static void
set_locale(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		abort();
}

static void
set_nothing(void)
{
	umask(umask(0));
	signal(SIGUSR1, signal(SIGUSR1, ignore));
}

struct change {
	void (*make)(void);
	const char *name;
};

/* In a child, so that each change is the only one. */
static void
change(void *arg)
{
	const struct change *c = arg;
	struct proc_state before, after;
	const char *name;

	if (chdir("/") != 0 || signal(SIGUSR1, SIG_DFL) == SIG_ERR)
		abort();
	signal(SIGUSR1, signal(SIGUSR1, ignore)); /* signal() sets flags of its own */
	umask(022);
	proc_state(&before);
	must(umask(022) == 022, "proc_state() left the umask changed");
	c->make();
	proc_state(&after);
	name = proc_changed(&before, &after);
	must(!name == !c->name && (!name || strcmp(name, c->name) == 0), "%s was seen as %s",
	     c->name ? c->name : "nothing", name ? name : "nothing");
}

static void
test_changes_are_named(void **state)
{
	struct change changes[] = {
		{ set_handler, "a signal handler" },
		{ set_flags, "a signal handler" },
		{ set_environment, "the environment" },
		{ set_umask, "the umask" },
		{ set_folder, "the working directory" },
		{ set_locale, "the locale" },
		{ set_nothing, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		int rc = verdict(change, &changes[i]);

		if (rc != VERDICT_RETURNED)
			fail_msg("change %zu ended with %d: %s", i, rc, verdict_reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_resident),
		cmocka_unit_test(test_changes_are_named),
	};

	return cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
}
