#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/plugin/file/catalog.h"

#define NAMES_MAX 4096

/* What the opened file says of itself. */
static int32_t
look_inside(struct catalog_item *item)
{
	char dir[PATH_SIZE];
	char *slash;

	item->rc = manifest_read(item->file.fd, item->file.path, &item->manifest, &item->err);
	if (item->rc != B3IQ_OK)
		return item->rc;
	memcpy(dir, item->file.path, sizeof dir);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	needs_check(&item->manifest, dir, &item->needs);
	return item->rc;
}

int32_t
catalog_open(const char *const *dirs, const char *name, struct catalog_item *item)
{
	*item = (struct catalog_item){ .err = NO_ERROR };
	strncpy(item->name, name, sizeof item->name - 1);
	item->rc = trust_open(dirs, name, &item->file, &item->err);
	return item->rc == B3IQ_OK ? look_inside(item) : item->rc;
}

int32_t
catalog_open_path(const char *path, struct catalog_item *item)
{
	const char *slash = strrchr(path, '/');
	size_t n;

	*item = (struct catalog_item){ .err = NO_ERROR };
	strncpy(item->name, slash != NULL ? slash + 1 : path, sizeof item->name - 1);
	n = strlen(item->name);
	if (n > 3 && strcmp(item->name + n - 3, ".so") == 0)
		item->name[n - 3] = '\0';
	item->rc = trust_open_anywhere(path, &item->file, &item->err);
	return item->rc == B3IQ_OK ? look_inside(item) : item->rc;
}

void
catalog_close(struct catalog_item *item)
{
	trust_close(&item->file);
	manifest_free(&item->manifest);
}

/* ---- names ------------------------------------------------------------------- */

static bool
has_name(struct json_object *list, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name) == 0)
			return true;
	return false;
}

static int32_t
add_name(struct json_object *list, const char *file)
{
	const size_t n = strlen(file);
	char name[MANIFEST_NAME + 1];
	struct json_object *text;

	if (n < 4 || n - 3 > MANIFEST_NAME || strcmp(file + n - 3, ".so") != 0)
		return B3IQ_OK;
	memcpy(name, file, n - 3);
	name[n - 3] = '\0';
	if (!manifest_name(name) || has_name(list, name) ||
	    json_object_array_length(list) >= NAMES_MAX)
		return B3IQ_OK;
	text = json_object_new_string(name);
	if (text == NULL || json_object_array_add(list, text) != 0) {
		json_object_put(text);
		return B3IQ_E_NO_MEMORY;
	}
	return B3IQ_OK;
}

static int32_t
add_dir(struct json_object *list, const char *path, struct b3iq_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int32_t rc = B3IQ_OK;

	if (dir == NULL && errno == ENOENT)
		return B3IQ_OK;
	if (dir == NULL)
		return fail(err, B3IQ_E_DENIED, "the plugin directory %s cannot be read: %s", path,
		            strerror(errno));
	while (rc == B3IQ_OK && (entry = readdir(dir)) != NULL)
		rc = add_name(list, entry->d_name);
	closedir(dir);
	return rc == B3IQ_OK ? rc : fail_memory(err, "listing plugins");
}

static int
by_name(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(json_object_get_string(*x), json_object_get_string(*y));
}

struct json_object *
catalog_names(const char *const *dirs, struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array();
	int32_t rc = list != NULL ? B3IQ_OK : fail_memory(err, "listing plugins");

	for (; rc == B3IQ_OK && *dirs != NULL; dirs++)
		rc = add_dir(list, *dirs, err);
	if (rc != B3IQ_OK) {
		json_object_put(list);
		return NULL;
	}
	json_object_array_sort(list, by_name);
	return list;
}

/* ---- JSON ----------------------------------------------------------------------- */

static int32_t
fill(struct json_object *doc, const struct catalog_item *item)
{
	int32_t rc = json_put_string(doc, "name", item->name);

	if (rc == B3IQ_OK && item->file.path[0] != '\0')
		rc = json_put_string(doc, "path", item->file.path);
	if (rc == B3IQ_OK && item->file.sha256[0] != '\0')
		rc = json_put_string(doc, "sha256", item->file.sha256);
	if (rc == B3IQ_OK && item->manifest.json != NULL)
		rc = json_put(doc, "manifest", json_object_get(item->manifest.json));
	if (rc == B3IQ_OK && item->manifest.json != NULL)
		rc = json_put(doc, "needs", needs_json(&item->needs));
	if (rc == B3IQ_OK && item->rc != B3IQ_OK)
		rc = json_put_string(doc, "error", item->err.text);
	return rc;
}

struct json_object *
catalog_json(const struct catalog_item *item)
{
	struct json_object *doc = json_object_new_object();

	if (doc != NULL && fill(doc, item) != B3IQ_OK) {
		json_object_put(doc);
		doc = NULL;
	}
	return doc;
}
