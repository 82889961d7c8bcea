#include "cpu/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/fail.h"

#define MAX_LINES 4096

int32_t
roots_stamp(const char *path, struct roots_stamp *stamp, struct b3iq_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return fail_with(err, B3IQ_E_NOT_FOUND, "there is no model file %s", path);
	stamp->size = (uint64_t)st.st_size;
	stamp->mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	stamp->inode = (uint64_t)st.st_ino;
	stamp->device = (uint64_t)st.st_dev;
	return B3IQ_OK;
}

bool
roots_same(const struct roots_stamp *a, const struct roots_stamp *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->inode == b->inode &&
	       a->device == b->device;
}

static bool
is_root(const char *hex)
{
	return strlen(hex) == ROOTS_HEX - 1 && strspn(hex, "0123456789abcdef") == ROOTS_HEX - 1;
}

/* What stands before the path in a line, but for the root. */
static void
line_key(const struct roots_stamp *s, char *out, size_t size)
{
	snprintf(out, size, "%llu %llu %llu %llu", (unsigned long long)s->size,
	         (unsigned long long)s->mtime_ns, (unsigned long long)s->inode,
	         (unsigned long long)s->device);
}

/* Reads "root size mtime inode device path"; true when it is about this file. */
static bool
matches(char *line, const char *key, const char *path, char hex[ROOTS_HEX])
{
	const size_t key_len = strlen(key);

	line[strcspn(line, "\n")] = 0;
	if (strlen(line) < ROOTS_HEX + key_len + 1 || line[ROOTS_HEX - 1] != ' ')
		return false;
	line[ROOTS_HEX - 1] = 0;
	if (!is_root(line) || strncmp(line + ROOTS_HEX, key, key_len) != 0 ||
	    line[ROOTS_HEX + key_len] != ' ' ||
	    strcmp(line + ROOTS_HEX + key_len + 1, path) != 0)
		return false;
	memcpy(hex, line, ROOTS_HEX);
	return true;
}

bool
roots_find(const char *state_dir, const char *path, const struct roots_stamp *stamp,
           char hex[ROOTS_HEX])
{
	char name[4200], key[128], *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f;

	snprintf(name, sizeof name, "%s/roots", state_dir);
	f = fopen(name, "re");
	if (!f)
		return false;
	line_key(stamp, key, sizeof key);
	for (int i = 0; !found && i < MAX_LINES && getline(&line, &size, f) > 0; i++)
		found = matches(line, key, path, hex);
	free(line);
	(void)fclose(f);
	return found;
}

/* Writes the new line first, then the old ones about other files; the file is replaced whole. */
static void
remember(const char *state_dir, const char *path, const struct roots_stamp *stamp, const char *hex)
{
	char name[4200], next[4210], key[128], *line = NULL;
	size_t size = 0;
	FILE *old, *new;
	bool written;

	snprintf(name, sizeof name, "%s/roots", state_dir);
	snprintf(next, sizeof next, "%s.new", name);
	new = fopen(next, "we");
	if (!new || strchr(path, '\n')) {
		if (new)
			(void)fclose(new);
		return;
	}
	line_key(stamp, key, sizeof key);
	fprintf(new, "%s %s %s\n", hex, key, path);
	old = fopen(name, "re");
	for (int i = 1; old && i < MAX_LINES && getline(&line, &size, old) > 0; i++) {
		const char *last = strrchr(line, ' '), *about = strstr(line, path);

		if (last && !(about && strcspn(about, "\n") == strlen(path)))
			fputs(line, new);
	}
	if (old)
		(void)fclose(old);
	free(line);
	written = fflush(new) == 0 && fsync(fileno(new)) == 0;
	if (fclose(new) != 0 || !written || rename(next, name) != 0)
		(void)unlink(next);
}

int32_t
roots_compute(const char *state_dir, const char *path, const struct roots_stamp *stamp,
              unsigned threads, char hex[ROOTS_HEX], struct b3iq_error *err)
{
	struct gguf *file;
	struct root root;
	int32_t rc = gguf_open(&file, path, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = root_compute(&root, file, threads, NULL, err);
	gguf_close(file);
	if (rc != B3IQ_OK)
		return rc;
	for (size_t i = 0; i < ROOT_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", root.model[i]);
	remember(state_dir, path, stamp, hex);
	return B3IQ_OK;
}
