#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/plugin/file/needs.h"
#include "core/plugin/file/note.h"

#define CACHE_FILE "/etc/ld.so.cache"
#define CACHE_MAX  (16u * 1024 * 1024)

/* The linker's cache as ldconfig of glibc >= 2.32 writes it: a header, the entries, the strings.
 * Offsets count from the start of the file. */
static const char cache_magic[20] = "glibc-ld.so.cache1.1";

struct cache_header {
	char     magic[20];
	uint32_t count, strings_len;
	uint8_t  flags, padding[3];
	uint32_t extensions, unused[3];
};

struct cache_entry {
	int32_t  flags;
	uint32_t soname, path, osversion;
	uint64_t hwcap;
};

/* The string at an offset, or NULL if it does not end inside the cache. */
static const char *
cache_string(const struct buf *cache, uint32_t at)
{
	if (at >= cache->len || memchr(cache->data + at, '\0', cache->len - at) == NULL)
		return NULL;
	return cache->data + at;
}

static bool
find_in_cache(const struct buf *cache, const char *library, char found[PATH_SIZE])
{
	struct cache_header h;
	struct cache_entry e;

	if (cache->len < sizeof h)
		return false;
	memcpy(&h, cache->data, sizeof h);
	if (memcmp(h.magic, cache_magic, sizeof h.magic) != 0 ||
	    h.count > (cache->len - sizeof h) / sizeof e)
		return false;
	for (size_t i = 0; i < h.count; i++) {
		const char *soname, *path;

		memcpy(&e, cache->data + sizeof h + i * sizeof e, sizeof e);
		soname = cache_string(cache, e.soname);
		path = cache_string(cache, e.path);
		if (soname == NULL || path == NULL || strcmp(soname, library) != 0)
			continue;
		if (note_is_library(path) && path_join(found, NULL, path, NULL) == B3IQ_OK)
			return true;
	}
	return false;
}

static bool
in_cache(const char *library, char found[PATH_SIZE])
{
	struct buf cache;
	bool yes;

	buf_init(&cache, CACHE_MAX);
	yes = path_read(CACHE_FILE, &cache, NULL) == B3IQ_OK && find_in_cache(&cache, library, found);
	buf_free(&cache);
	return yes;
}

static bool
in_dir(const char *dir, const char *library, char found[PATH_SIZE])
{
	return dir != NULL && dir[0] == '/' &&
	       path_join(found, NULL, dir, library, NULL) == B3IQ_OK && note_is_library(found);
}

/* The directories that the dynamic linker searches in this process. */
static bool
in_search_path(const char *library, char found[PATH_SIZE])
{
	void *self = dlopen(NULL, RTLD_LAZY | RTLD_LOCAL);
	Dl_serinfo size, *info = NULL;
	bool yes = false;

	if (self == NULL)
		return false;
	if (dlinfo(self, RTLD_DI_SERINFOSIZE, &size) == 0)
		info = malloc(size.dls_size);
	if (info != NULL) {
		info->dls_size = size.dls_size;
		info->dls_cnt = size.dls_cnt;
		if (dlinfo(self, RTLD_DI_SERINFO, info) == 0)
			for (unsigned i = 0; !yes && i < info->dls_cnt; i++)
				yes = in_dir(info->dls_serpath[i].dls_name, library, found);
		free(info);
	}
	dlclose(self);
	return yes;
}

static void
check_library(struct need *n, const char *plugin_dir)
{
	char found[PATH_SIZE];

	n->met = in_dir(plugin_dir, n->need->library, found) || in_cache(n->need->library, found) ||
	         in_search_path(n->need->library, found);
	if (n->met)
		snprintf(n->reason, sizeof n->reason, "found as %.140s", found);
	else
		snprintf(n->reason, sizeof n->reason, "the dynamic linker would not find it");
}

static void
check_path(struct need *n)
{
	n->met = faccessat(AT_FDCWD, n->need->path, R_OK, AT_EACCESS) == 0;
	if (n->met)
		snprintf(n->reason, sizeof n->reason, "readable");
	else
		snprintf(n->reason, sizeof n->reason, "%s",
		         errno == ENOENT ? "it does not exist" :
		         errno == EACCES ? "this user may not read it" : strerror(errno));
}

void
needs_check(const struct manifest *m, const char *plugin_dir, struct needs *out)
{
	*out = (struct needs){ .n = m->n_needs };
	for (size_t i = 0; i < m->n_needs; i++) {
		out->item[i].need = &m->needs[i];
		if (m->needs[i].library != NULL)
			check_library(&out->item[i], plugin_dir);
		else
			check_path(&out->item[i]);
		if (!out->item[i].met)
			out->missing++;
	}
}

int32_t
needs_result(const struct needs *needs, const char *plugin, struct b3iq_error *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct need *n = &needs->item[i];

		if (!n->met)
			return fail(err, B3IQ_E_UNAVAILABLE, "%s needs %.60s: %s (%.100s)", plugin,
			            n->need->library != NULL ? n->need->library : n->need->path, n->need->why,
			            n->reason);
	}
	return B3IQ_OK;
}

static int32_t
put_need(struct json_object *list, const struct need *n)
{
	struct json_object *item = json_object_new_object();
	const char *kind = n->need->library != NULL ? "library" : "path";
	const char *what = n->need->library != NULL ? n->need->library : n->need->path;

	if (item == NULL || json_object_array_add(list, item) != 0) {
		json_object_put(item);
		return B3IQ_E_NO_MEMORY;
	}
	if (json_put_string(item, kind, what) != B3IQ_OK ||
	    json_put_string(item, "why", n->need->why) != B3IQ_OK ||
	    json_put_bool(item, "met", n->met) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	return json_put_string(item, "reason", n->reason);
}

struct json_object *
needs_json(const struct needs *needs)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list != NULL && i < needs->n; i++) {
		if (put_need(list, &needs->item[i]) != B3IQ_OK) {
			json_object_put(list);
			list = NULL;
		}
	}
	return list;
}
