#include "core/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/random.h"

#define CHUNK 65536

static int32_t
fail_errno(struct b3iq_error *err, const char *doing, const char *path)
{
	int e = errno;
	int32_t code = e == ENOENT || e == ENOTDIR ? B3IQ_E_NOT_FOUND :
	               e == EACCES || e == EPERM   ? B3IQ_E_DENIED :
	               e == ENOMEM                 ? B3IQ_E_NO_MEMORY :
	                                             B3IQ_E_UNAVAILABLE;

	return fail(err, code, "cannot %s %s: %s", doing, path, strerror(e));
}

int32_t
path_home(char out[PATH_SIZE], struct b3iq_error *err)
{
	const char *set = getenv("B3IQ_HOME"), *home = getenv("HOME");
	const struct passwd *user;
	char cwd[PATH_SIZE];

	if (set && set[0] == '/')
		return path_join(out, err, set, NULL);
	if (set && set[0]) {
		if (!getcwd(cwd, sizeof(cwd)))
			return fail_errno(err, "find", "the working directory");
		return path_join(out, err, cwd, set, NULL);
	}
	if (!home || home[0] != '/') {
		user = getpwuid(getuid());
		home = user ? user->pw_dir : NULL;
	}
	if (!home || home[0] != '/')
		return fail(err, B3IQ_E_NOT_FOUND, "there is no home directory; set B3IQ_HOME");
	return path_join(out, err, home, ".b3iq", NULL);
}

int32_t
path_join(char out[PATH_SIZE], struct b3iq_error *err, const char *first, ...)
{
	const char *part;
	size_t len = 0, n;
	va_list parts;

	out[0] = '\0';
	va_start(parts, first);
	for (part = first; part; part = va_arg(parts, const char *)) {
		n = strlen(part);
		if (len > 0 && out[len - 1] != '/' && len < PATH_SIZE - 1)
			out[len++] = '/';
		if (n >= PATH_SIZE - len) {
			va_end(parts);
			out[0] = '\0';
			return fail(err, B3IQ_E_INVALID, "a path is longer than %d bytes: %.80s...",
			            PATH_SIZE - 1, first);
		}
		memcpy(out + len, part, n + 1);
		len += n;
	}
	va_end(parts);
	return B3IQ_OK;
}

static int32_t
make_one(const char *dir, mode_t mode, struct b3iq_error *err)
{
	struct stat st;

	if (mkdir(dir, mode) == 0)
		return B3IQ_OK;
	if (errno == EEXIST && stat(dir, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return B3IQ_OK;
		errno = ENOTDIR;
	}
	return fail_errno(err, "make the directory", dir);
}

int32_t
path_make_dir(const char *dir, mode_t mode, struct b3iq_error *err)
{
	char path[PATH_SIZE], *slash;
	int32_t rc = path_join(path, err, dir, NULL);

	if (rc != B3IQ_OK)
		return rc;
	for (slash = strchr(path + 1, '/'); path[0] && slash; slash = strchr(slash + 1, '/')) {
		if (slash[1] == '\0')
			break; /* the last part, written with a slash behind it */
		*slash = '\0';
		rc = make_one(path, 0755, err);
		if (rc != B3IQ_OK)
			return rc;
		*slash = '/';
	}
	return make_one(path, mode, err);
}

static int32_t
read_all(int fd, const char *file, struct buf *b, struct b3iq_error *err)
{
	size_t room;
	ssize_t got;
	char extra, *to;

	for (;;) {
		room = b->max - b->len < CHUNK ? b->max - b->len : CHUNK;
		to = room ? buf_reserve(b, room) : &extra;
		if (!to)
			return fail_memory(err, "reading a file");
		got = read(fd, to, room ? room : 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(err, "read", file);
		if (got == 0)
			return B3IQ_OK;
		if (!room)
			return fail(err, B3IQ_E_INVALID, "%s is larger than the %zu bytes allowed", file,
			            b->max);
		buf_grew(b, (size_t)got);
	}
}

int32_t
path_read(const char *file, struct buf *b, struct b3iq_error *err)
{
	struct stat st;
	int32_t rc;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
	if (fd < 0)
		return fail_errno(err, "open", file);
	if (fstat(fd, &st) != 0)
		rc = fail_errno(err, "look at", file);
	else if (!S_ISREG(st.st_mode))
		rc = fail(err, B3IQ_E_INVALID, "%s is not a regular file", file);
	else
		rc = read_all(fd, file, b, err);
	close(fd);
	return rc;
}

static int32_t
write_all(int fd, const char *file, const char *data, size_t n, struct b3iq_error *err)
{
	ssize_t put;

	while (n > 0) {
		put = write(fd, data, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail_errno(err, "write", file);
		data += put;
		n -= (size_t)put;
	}
	if (fsync(fd) != 0)
		return fail_errno(err, "write", file);
	return B3IQ_OK;
}

/* Makes the rename durable: without it a crash may bring the old name back. */
static int32_t
sync_dir_of(const char *file, struct b3iq_error *err)
{
	char dir[PATH_SIZE], *slash;
	int32_t rc = path_join(dir, err, file, NULL);
	int fd;

	if (rc != B3IQ_OK)
		return rc;
	slash = strrchr(dir, '/');
	if (!slash)
		dir[0] = '.', dir[1] = '\0';
	else
		slash[slash == dir ? 1 : 0] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open", dir);
	if (fsync(fd) != 0)
		rc = fail_errno(err, "write", dir);
	close(fd);
	return rc;
}

int32_t
path_write(const char *file, const void *data, size_t n, mode_t mode, struct b3iq_error *err)
{
	char temporary[PATH_SIZE + 24], suffix[24];
	int32_t rc;
	int fd;

	random_id(suffix, sizeof(suffix), ".new-", 8);
	if (strlen(file) + strlen(suffix) >= PATH_SIZE)
		return fail(err, B3IQ_E_INVALID, "a path is longer than %d bytes: %.80s...",
		            PATH_SIZE - 1, file);
	snprintf(temporary, sizeof(temporary), "%s%s", file, suffix);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail_errno(err, "create", temporary);
	if (fchmod(fd, mode) != 0)
		rc = fail_errno(err, "set the mode of", temporary);
	else
		rc = write_all(fd, file, data, n, err);
	if (close(fd) != 0 && rc == B3IQ_OK)
		rc = fail_errno(err, "write", file);
	if (rc == B3IQ_OK && rename(temporary, file) != 0)
		rc = fail_errno(err, "replace", file);
	if (rc != B3IQ_OK) {
		unlink(temporary);
		return rc;
	}
	return sync_dir_of(file, err);
}

bool
path_exists(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0;
}
