#include "core/role/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fail.h"

static const char *const folders[] = { "keys", "keys/trust", "secrets", "plugins" };

/* Whoever may write here could swap keys and config. */
static int32_t
check_owner(const char *dir, struct b3iq_error *err)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be read: %s", dir, strerror(errno));
	if (st.st_uid != geteuid())
		return fail(
			err, B3IQ_E_DENIED,
			"the home %s belongs to another user; run as that user or set B3IQ_HOME",
			dir);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail(err, B3IQ_E_DENIED,
		            "others may write to the home %s; run chmod go-w on it", dir);
	return B3IQ_OK;
}

int32_t
home_open(struct home *h, const char *dir, struct b3iq_error *err)
{
	char *absolute;
	int32_t rc;

	h->lock_fd = -1;
	rc = dir ? path_join(h->dir, err, dir, NULL) : path_home(h->dir, err);
	if (rc == B3IQ_OK)
		rc = path_make_dir(h->dir, 0700, err);
	if (rc != B3IQ_OK)
		return rc;
	absolute = realpath(h->dir, NULL);
	if (!absolute && errno == ENOMEM)
		return fail_memory(err, "opening the home");
	if (!absolute || strlen(absolute) >= sizeof h->dir - 64) {
		free(absolute);
		return fail(err, B3IQ_E_INVALID,
		            "the home's path is too long or cannot be resolved");
	}
	memcpy(h->dir, absolute, strlen(absolute) + 1);
	free(absolute);
	rc = check_owner(h->dir, err);
	for (size_t i = 0; rc == B3IQ_OK && i < sizeof folders / sizeof *folders; i++) {
		char folder[PATH_SIZE];

		rc = path_join(folder, err, h->dir, folders[i], NULL);
		if (rc == B3IQ_OK)
			rc = path_make_dir(folder, 0700, err);
	}
	return rc;
}

void
home_close(struct home *h)
{
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	h->lock_fd = -1;
}

int32_t
home_path(const struct home *h, char out[PATH_SIZE], struct b3iq_error *err, ...)
{
	size_t at = strlen(h->dir);
	const char *part;
	va_list parts;
	int32_t rc = B3IQ_OK;

	memcpy(out, h->dir, at + 1);
	va_start(parts, err);
	while (rc == B3IQ_OK && (part = va_arg(parts, const char *)) != NULL) {
		const size_t n = strlen(part);

		if (at + 1 + n + 1 > PATH_SIZE) {
			rc = fail(err, B3IQ_E_INVALID,
			          "a path below the home is too long; choose a "
			          "shorter B3IQ_HOME");
			break;
		}
		out[at] = '/';
		memcpy(out + at + 1, part, n + 1);
		at += 1 + n;
	}
	va_end(parts);
	return rc;
}

static pid_t
read_pid(int fd)
{
	char text[32] = "";
	const ssize_t n = pread(fd, text, sizeof text - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int32_t
lock_path(const struct home *h, const char *role, char out[PATH_SIZE], struct b3iq_error *err)
{
	char name[64];

	snprintf(name, sizeof name, "%s.lock", role);
	return home_path(h, out, err, name, NULL);
}

int32_t
home_lock(struct home *h, const char *role, struct b3iq_error *err)
{
	char file[PATH_SIZE], text[32];
	int32_t rc = lock_path(h, role, file, err);
	int fd, n;

	if (rc != B3IQ_OK)
		return rc;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be opened: %s", file,
		            strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const pid_t pid = read_pid(fd);

		close(fd);
		return fail(
			err, B3IQ_E_BUSY,
			"a %s already runs in %s (pid %d); stop it, or set B3IQ_HOME to another "
			"folder",
			role, h->dir, (int)pid);
	}
	n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		close(fd);
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be written: %s", file,
		            strerror(errno));
	}
	h->lock_fd = fd;
	return B3IQ_OK;
}

void
home_announce(const struct home *h, const char *url)
{
	char text[HOME_URL_SIZE + 32];
	const int n = snprintf(text, sizeof text, "%d %s\n", (int)getpid(), url);

	/* Only a convenience for the CLI, which otherwise goes by config.json. */
	if (n > 0 && (size_t)n < sizeof text && pwrite(h->lock_fd, text, (size_t)n, 0) != n)
		(void)!ftruncate(h->lock_fd, 0);
}

pid_t
home_locked_by(const struct home *h, const char *role, char url[HOME_URL_SIZE])
{
	char file[PATH_SIZE], text[HOME_URL_SIZE + 32] = "";
	char *rest = text;
	pid_t pid = 0;
	int fd;

	if (url)
		url[0] = '\0';
	if (lock_path(h, role, file, NULL) != B3IQ_OK)
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0 && pread(fd, text, sizeof text - 1, 0) > 0)
		pid = (pid_t)strtol(text, &rest, 10);
	close(fd);
	rest[strcspn(rest, "\n")] = '\0';
	if (url && rest[0] == ' ' && strlen(rest + 1) < HOME_URL_SIZE)
		memcpy(url, rest + 1, strlen(rest + 1) + 1);
	return pid;
}
