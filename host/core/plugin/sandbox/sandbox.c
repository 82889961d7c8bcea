#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/plugin/sandbox/child.h"
#include "core/plugin/sandbox/ring.h"
#include "core/plugin/sandbox/sandbox.h"

enum { HOST_END, CHILD_END, ERR_READ, ERR_WRITE, RINGS, FDS };

static const struct sandbox no_sandbox = { .pid_fd = -1, .socket = -1, .rings = -1, .err_fd = -1 };

struct environment {
	char *entry[MANIFEST_LIST_MAX + 4];
	size_t n;
};

static bool
add(struct environment *e, const char *name, const char *value)
{
	const size_t size = strlen(name) + strlen(value) + 2;
	char *entry = malloc(size);

	if (entry == NULL)
		return false;
	snprintf(entry, size, "%s=%s", name, value);
	e->entry[e->n++] = entry;
	return true;
}

static bool
make_environment(struct environment *e, const struct manifest *m, const char *state_dir)
{
	bool ok = add(e, "PATH", "/usr/local/bin:/usr/bin:/bin") && add(e, "LANG", "C.UTF-8") &&
	          add(e, "HOME", state_dir);

	for (size_t i = 0; ok && i < m->n_env; i++) {
		const char *value = getenv(m->env[i]);

		if (value != NULL)
			ok = add(e, m->env[i], value);
	}
	return ok;
}

static void
free_environment(struct environment *e)
{
	while (e->n > 0)
		free(e->entry[--e->n]);
}

/* Which descriptors it has, and a clean state of signals; its own process group, so that Ctrl-C in
 * a terminal goes to the host alone. */
static int
prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, const int fds[FDS])
{
	sigset_t all, none;
	int rc;

	sigfillset(&all);
	sigemptyset(&none);
	rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, fds[ERR_WRITE], 2);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, fds[CHILD_END], PLUGIN_CHILD_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, fds[RINGS], PLUGIN_CHILD_RINGS);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, PLUGIN_CHILD_RINGS + 1);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
		                                            POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	return rc;
}

static int
spawn(const char *instance, const int fds[FDS], char **environment, pid_t *pid)
{
	char flag[] = PLUGIN_CHILD_FLAG, program[] = "b3iq", host[16], name[MANIFEST_NAME + 1];
	char *argv[] = { program, flag, name, host, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	snprintf(host, sizeof host, "%d", (int)getpid());
	snprintf(name, sizeof name, "%s", instance);
	rc = posix_spawn_file_actions_init(&files);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = prepare(&files, &attr, fds);
		if (rc == 0)
			rc = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, environment);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static void
close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int32_t
start(const char *instance, char **environment, int fds[FDS], struct sandbox *out,
      struct b3iq_error *err)
{
	int rc;

	/* Descriptors at 10 and above: the child's 0 to 4 are put in place one after the other. */
	for (size_t i = 0; i < FDS; i++) {
		const int low = fds[i];

		fds[i] = fcntl(low, F_DUPFD_CLOEXEC, 10);
		close(low);
		if (fds[i] < 0)
			return fail(err, B3IQ_E_UNAVAILABLE, "%s: no descriptor for its process: %s", instance,
			            strerror(errno));
	}
	rc = spawn(instance, fds, environment, &out->pid);
	if (rc != 0)
		return fail(err, rc == ENOMEM || rc == EAGAIN ? B3IQ_E_NO_MEMORY : B3IQ_E_UNAVAILABLE,
		            "%s: its process cannot be started: %s", instance, strerror(rc));
	out->pid_fd = pidfd_open(out->pid, 0);
	if (out->pid_fd < 0) {
		rc = errno;
		kill(out->pid, SIGKILL);
		waitpid(out->pid, NULL, 0);
		return fail(err, B3IQ_E_UNAVAILABLE, "%s: its process cannot be watched: %s", instance,
		            strerror(rc));
	}
	return B3IQ_OK;
}

int32_t
sandbox_spawn(const char *instance, const struct manifest *m, const char *state_dir,
              uint32_t width, struct sandbox *out, struct b3iq_error *err)
{
	struct environment e = { .n = 0 };
	int fds[FDS] = { -1, -1, -1, -1, -1 };
	int32_t rc;

	*out = no_sandbox;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
	    pipe2(fds + ERR_READ, O_CLOEXEC) != 0 || (fds[RINGS] = rings_create(width)) < 0)
		rc = fail(err, B3IQ_E_UNAVAILABLE, "%s: no socket or memory for its process: %s", instance,
		          strerror(errno));
	else if (!make_environment(&e, m, state_dir))
		rc = fail_memory(err, "starting a plugin");
	else
		rc = start(instance, e.entry, fds, out, err);
	free_environment(&e);
	if (rc != B3IQ_OK) {
		close_all(fds, FDS);
		*out = no_sandbox;
		return rc;
	}
	close(fds[CHILD_END]);
	close(fds[ERR_WRITE]);
	out->socket = fds[HOST_END];
	out->rings = fds[RINGS];
	out->err_fd = fds[ERR_READ];
	fcntl(out->err_fd, F_SETFL, O_NONBLOCK);
	return B3IQ_OK;
}

void
sandbox_signal(const struct sandbox *s, int signal)
{
	if (s->pid_fd >= 0)
		pidfd_send_signal(s->pid_fd, signal, NULL, 0);
}

void
sandbox_finish(struct sandbox *s, char reason[SANDBOX_REASON])
{
	int status = 0;

	snprintf(reason, SANDBOX_REASON, "was not running");
	if (s->pid > 0) {
		kill(-s->pid, SIGKILL); /* its group: it was told not to fork, but who knows */
		sandbox_signal(s, SIGKILL);
		while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status))
			snprintf(reason, SANDBOX_REASON, "was killed by SIG%s",
			         sigabbrev_np(WTERMSIG(status)) != NULL ? sigabbrev_np(WTERMSIG(status)) : "?");
		else
			snprintf(reason, SANDBOX_REASON, "ended with status %d", WEXITSTATUS(status));
	}
	close_all((const int[]){ s->pid_fd, s->socket, s->rings, s->err_fd }, 4);
	*s = no_sandbox;
}
