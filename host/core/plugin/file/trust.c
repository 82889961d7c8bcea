#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/crypto/ed25519.h"
#include "core/crypto/sha256.h"
#include "core/plugin/file/manifest.h"
#include "core/plugin/file/trust.h"

#define KEYS_MAX     256
#define KEY_FILE_MAX 512
#define SIG_FILE_MAX 256

/* ---- place ---------------------------------------------------------------- */

enum place { PLACE_ON_THE_WAY, PLACE_FOLDER, PLACE_FILE };

/* May what fd is (called `path`) be relied on?  On the way, a directory like /tmp is fine that
 * others may write to but is sticky: they cannot replace an entry of ours in it, and the entry is
 * checked. */
static int32_t
check_owner(int fd, const char *path, enum place place, struct b3iq_error *err)
{
	const bool dir = place != PLACE_FILE;
	mode_t others = S_IWGRP | S_IWOTH;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(err, fail_code(errno), "%s cannot be examined: %s", path, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return fail(err, B3IQ_E_DENIED, "%s is a symlink; configure the directory that it leads to",
		            path);
	if (dir ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return fail(err, B3IQ_E_DENIED, "%s is no %s", path, dir ? "directory" : "regular file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail(err, B3IQ_E_DENIED,
		            "%s belongs to user %u, who could replace the plugin: chown it to root", path,
		            (unsigned)st.st_uid);
	if (place == PLACE_ON_THE_WAY && (st.st_mode & S_ISVTX) != 0)
		others = 0;
	if ((st.st_mode & others) != 0)
		return fail(err, B3IQ_E_DENIED,
		            "%s may be written by others (mode %04o), who could replace the plugin: "
		            "chmod go-w, or keep the plugin elsewhere", path, (unsigned)st.st_mode & 07777);
	return B3IQ_OK;
}

/* Goes into `name` below *at, which is closed and replaced.  `path` tells people where we are. */
static int32_t
step(int *at, const char *name, const char *path, enum place place, struct b3iq_error *err)
{
	const int next = openat(*at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	const int reason = errno;

	close(*at);
	*at = next;
	if (next < 0)
		return fail(err, fail_code(reason), "%s: %s", path, strerror(reason));
	return check_owner(next, path, place, err);
}

/* Walks an absolute, plain path from / on.  *fd is an O_PATH descriptor of its end, or -1. */
static int32_t
walk(const char *path, enum place end, int *fd, struct b3iq_error *err)
{
	char so_far[PATH_SIZE] = "/";
	size_t at = 1;
	int32_t rc;

	*fd = -1;
	if (path[0] != '/' || strlen(path) >= sizeof so_far)
		return fail(err, B3IQ_E_INVALID, "\"%.200s\" is not an absolute path", path);
	*fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "/ cannot be opened: %s", strerror(errno));
	rc = check_owner(*fd, "/", PLACE_ON_THE_WAY, err);
	while (rc == B3IQ_OK) {
		char name[NAME_MAX + 1];
		size_t n;

		while (path[at] == '/')
			at++;
		n = strcspn(path + at, "/");
		if (n == 0)
			break;
		if (n > NAME_MAX || strncmp(path + at, "..", n) == 0)
			rc = fail(err, B3IQ_E_INVALID, "%s: write the path without \".\" and \"..\"", path);
		else {
			memcpy(name, path + at, n);
			name[n] = '\0';
			at += n;
			memcpy(so_far, path, at);
			so_far[at] = '\0';
			rc = step(fd, name, so_far, path[at + strspn(path + at, "/")] ? PLACE_ON_THE_WAY : end,
			          err);
		}
	}
	if (rc != B3IQ_OK && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

/* Opens for reading exactly what an O_PATH descriptor stands for. */
static int
reopen(int path_fd, int flags)
{
	char proc[64];

	snprintf(proc, sizeof proc, "/proc/self/fd/%d", path_fd);
	return open(proc, flags | O_RDONLY | O_CLOEXEC);
}

/* ---- content -------------------------------------------------------------- */

static int32_t
hash_file(struct trust_file *f, struct b3iq_error *err)
{
	static const size_t piece = 256 * 1024;
	uint8_t sum[SHA256_SIZE];
	struct sha256 h;
	uint8_t *block = malloc(piece);
	off_t at = 0;
	ssize_t got;
	int32_t rc;

	if (block == NULL)
		return fail_memory(err, "hashing a plugin");
	sha256_begin(&h);
	while ((got = pread(f->fd, block, piece, at)) > 0 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		sha256_add(&h, block, (size_t)got);
		at += got;
	}
	rc = sha256_end(&h, sum);
	free(block);
	if (got < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be read", f->path);
	if (rc != B3IQ_OK)
		return fail(err, rc, "%s cannot be hashed", f->path);
	hex_encode(sum, sizeof sum, f->sha256);
	return B3IQ_OK;
}

static int32_t
take(struct trust_file *f, struct b3iq_error *err)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(err, B3IQ_E_DENIED, "%s is no regular file", f->path);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return hash_file(f, err);
}

static int32_t
open_in(const char *dir, const char *name, struct trust_file *f, struct b3iq_error *err)
{
	char file[MANIFEST_NAME + 8];
	int at;
	int32_t rc;

	snprintf(file, sizeof file, "%s.so", name);
	rc = walk(dir, PLACE_FOLDER, &at, err);
	if (rc != B3IQ_OK)
		return rc;
	close(at);
	rc = path_join(f->path, err, dir, file, NULL);
	if (rc == B3IQ_OK)
		rc = walk(f->path, PLACE_FILE, &at, err);
	if (rc != B3IQ_OK)
		return rc;
	f->fd = reopen(at, 0);
	close(at);
	if (f->fd < 0)
		return fail(err, fail_code(errno), "%s cannot be read: %s", f->path, strerror(errno));
	return take(f, err);
}

int32_t
trust_open(const char *const *dirs, const char *name, struct trust_file *out,
           struct b3iq_error *err)
{
	size_t len = strlen(name);
	int32_t rc;

	*out = (struct trust_file){ .fd = -1 };
	if (!manifest_name(name) || (len > 3 && strcmp(name + len - 3, ".so") == 0))
		return fail(err, B3IQ_E_INVALID, "\"%.64s\" is not the name of a plugin: name NAME.so by "
		            "NAME, of the characters a-z 0-9 . _ -", name);
	for (; dirs != NULL && *dirs != NULL; dirs++) {
		rc = open_in(*dirs, name, out, err);
		if (rc != B3IQ_E_NOT_FOUND)
			return rc;
	}
	out->path[0] = '\0';
	return fail(err, B3IQ_E_NOT_FOUND, "no plugin directory has %s.so; `b3iq plugin list` shows "
	            "what there is", name);
}

int32_t
trust_open_anywhere(const char *path, struct trust_file *out, struct b3iq_error *err)
{
	char *full;
	int32_t rc;

	*out = (struct trust_file){ .fd = -1 };
	full = realpath(path, NULL);
	if (full == NULL)
		return fail(err, fail_code(errno), "%s: %s", path, strerror(errno));
	rc = path_join(out->path, err, full, NULL);
	free(full);
	if (rc != B3IQ_OK)
		return rc;
	out->fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (out->fd < 0)
		return fail(err, fail_code(errno), "%s cannot be read: %s", path, strerror(errno));
	return take(out, err);
}

void
trust_close(struct trust_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* ---- signature ------------------------------------------------------------ */

/* The whole small file at fd (closed here) as text without white space at its end; false if it is
 * too long or unreadable. */
static bool
read_small(int fd, char *out, size_t size)
{
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (len < size && ((got = read(fd, out + len, size - len)) > 0 || (got < 0 && errno == EINTR)))
		len += got > 0 ? (size_t)got : 0;
	close(fd);
	if (len == size)
		return false;
	while (len > 0 && strchr(" \t\r\n", out[len - 1]) != NULL)
		len--;
	out[len] = '\0';
	return memchr(out, '\0', len) == NULL;
}

/* "ed25519:<hex> [prefix]": B3IQ_OK if this key speaks for `id` and the 64 bytes are its signature. */
static int32_t
check_key(char *line, const char *id, const uint8_t hash[SHA256_SIZE],
           const uint8_t sig[ED25519_SIGNATURE])
{
	uint8_t pub[ED25519_PUBLIC];
	size_t n = strcspn(line, " \t");
	const char *prefix = line + n + strspn(line + n, " \t");

	line[n] = '\0';
	if (!ed25519_parse(line, pub) || strncmp(id, prefix, strlen(prefix)) != 0)
		return B3IQ_E_DENIED;
	return ed25519_verify(pub, hash, SHA256_SIZE, sig);
}

/* Goes through the .pub files of a directory; the name of the key that signed goes to f->signer. */
static int32_t
try_keys(struct trust_file *f, int dir_fd, const char *id, const uint8_t *sig)
{
	uint8_t hash[SHA256_SIZE];
	char line[KEY_FILE_MAX];
	struct dirent *entry;
	size_t seen = 0;
	DIR *dir = fdopendir(dir_fd);
	int32_t rc = dir != NULL ? B3IQ_E_DENIED : fail_code(errno);

	if (dir == NULL) {
		close(dir_fd);
		return rc;
	}
	hex_decode(f->sha256, 2 * sizeof hash, hash, sizeof hash);
	while (rc == B3IQ_E_DENIED && (entry = readdir(dir)) != NULL && seen++ < KEYS_MAX) {
		const size_t n = strlen(entry->d_name);
		int fd;

		if (n < 5 || n - 4 >= sizeof f->signer || strcmp(entry->d_name + n - 4, ".pub") != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || check_owner(fd, entry->d_name, PLACE_FILE, NULL) != B3IQ_OK) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		if (read_small(fd, line, sizeof line))
			rc = check_key(line, id, hash, sig);
		if (rc == B3IQ_OK) {
			memcpy(f->signer, entry->d_name, n - 4);
			f->signer[n - 4] = '\0';
		}
	}
	closedir(dir);
	return rc;
}

/* Is there NAME.so.sig, by a key of keys_dir that may sign for this id? */
static int32_t
check_signature(struct trust_file *f, const char *id, const char *keys_dir, struct b3iq_error *err)
{
	uint8_t sig[ED25519_SIGNATURE];
	char text[SIG_FILE_MAX], path[PATH_SIZE + 4];
	int at, dir;
	int32_t rc;

	snprintf(path, sizeof path, "%s.sig", f->path);
	if (!read_small(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), text, sizeof text))
		return fail(err, B3IQ_E_NOT_FOUND, "there is no readable %s", path);
	if (strlen(text) != 2 * sizeof sig || !hex_decode(text, 2 * sizeof sig, sig, sizeof sig))
		return fail(err, B3IQ_E_INVALID, "%s is not an Ed25519 signature in hex", path);
	rc = walk(keys_dir, PLACE_FOLDER, &at, err);
	if (rc != B3IQ_OK)
		return rc;
	dir = reopen(at, O_DIRECTORY);
	close(at);
	rc = dir < 0 ? fail_code(errno) : try_keys(f, dir, id, sig);
	if (rc == B3IQ_OK)
		return B3IQ_OK;
	if (rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "checking a plugin's signature");
	return fail(err, rc, "no key of %s that may sign %s has signed this file", keys_dir, id);
}

int32_t
trust_accept(struct trust_file *f, const char *name, const char *id, const char *pin,
             const char *keys_dir, struct b3iq_error *err)
{
	struct b3iq_error why = NO_ERROR;
	int32_t sig = B3IQ_E_NOT_FOUND;

	f->signer[0] = '\0';
	if (keys_dir != NULL)
		sig = check_signature(f, id, keys_dir, &why);
	if (sig == B3IQ_OK || (pin != NULL && strcmp(pin, f->sha256) == 0))
		return B3IQ_OK;
	if (sig == B3IQ_E_NO_MEMORY || sig == B3IQ_E_UNAVAILABLE)
		return fail(err, sig, "%s", why.text); /* it could not be checked now */
	if (sig != B3IQ_E_NOT_FOUND && pin == NULL)
		return fail(err, B3IQ_E_DENIED, "%s", why.text);
	if (pin == NULL || pin[0] == '\0')
		return fail(err, B3IQ_E_DENIED,
		            "%s was never accepted; `b3iq plugin enable %s` accepts it, or, where "
		            "a file configures it, \"sha256\": \"%s\"",
		            name, name, f->sha256);
	return fail(err, B3IQ_E_DENIED,
	            "%s changed: accepted %.64s, found %s; `b3iq plugin enable %s` accepts it", name, pin,
	            f->sha256, name);
}
