#include "node/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/plugin/file/catalog.h"
#include "core/role/endpoint.h"
#include "core/role/section.h"

#define WHAT "config.json"

/* ---- reading a checked document ------------------------------------------ */

int32_t
config_may_listen(const struct config *c, const char *address, struct b3iq_error *err)
{
	if (endpoint_is_loopback(address) || c->allow_remote)
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID,
	            "the address %s can be reached by other machines; set node.allow_remote to true "
	            "in config.json if that is wanted",
	            address);
}

static int32_t
read_node(struct config *c, struct json_object *node, struct b3iq_error *err)
{
	struct json_object *listen = section_member(node, "listen");
	struct json_object *limits = section_member(node, "limits");

	c->name = section_text(node, "name");
	c->address = section_text(listen, "address");
	c->port = (uint16_t)section_number(listen, "port");
	c->allow_remote = section_truth(node, "allow_remote");
	c->open_loopback = section_truth(node, "open_loopback");
	c->default_model = section_text(node, "default_model");
	c->hosts = section_texts(node, "hosts", &c->n_hosts);
	c->origins = section_texts(node, "origins", &c->n_origins);
	c->body_bytes = section_number(limits, "body_bytes");
	c->streams = section_number(limits, "streams");
	c->queue = section_number(limits, "queue");
	c->connections = section_number(limits, "connections");
	c->request_s = section_number(limits, "request_s");
	c->drain_s = section_number(limits, "drain_s");
	if (!c->hosts || !c->origins)
		return fail_memory(err, "reading config.json");
	if (config_may_listen(c, c->address, err) != B3IQ_OK)
		return B3IQ_E_INVALID;
	if (c->allow_remote && c->open_loopback)
		return fail(err, B3IQ_E_INVALID,
		            WHAT
		            ": node.open_loopback must be false where node.allow_remote is true: "
		            "what other machines can reach demands keys");
	return B3IQ_OK;
}

static int32_t
read_worker(struct config *c, struct json_object *worker, struct b3iq_error *err)
{
	struct json_object *push = section_member(worker, "push");
	struct config_worker *w = &c->worker;

	w->coordinator = section_text(worker, "coordinator");
	w->name = section_text(worker, "name");
	w->address = section_text(worker, "address");
	w->region = section_text(worker, "region");
	w->concurrency = section_number(worker, "concurrency");
	w->models = section_texts(worker, "models", NULL);
	w->push = section_truth(push, "enabled");
	w->push_address = section_text(push, "address");
	w->push_port = (uint16_t)section_number(push, "port");
	if (!w->models)
		return fail_memory(err, "reading config.json");
	return w->push ? config_may_listen(c, w->push_address, err) : B3IQ_OK;
}

static int32_t
read_plugins(struct config *c, struct json_object *plugins, struct b3iq_error *err)
{
	const size_t n = (size_t)json_object_object_length(plugins);

	if (n > PLUGINS_MAX)
		return fail(err, B3IQ_E_INVALID, WHAT ": plugins has %zu instances; at most %d fit",
		            n, PLUGINS_MAX);
	c->plugins = calloc(n + 1, sizeof *c->plugins);
	if (!c->plugins)
		return fail_memory(err, "reading config.json");
	json_object_object_foreach(plugins, name, section) {
		struct config_plugin *p = &c->plugins[c->n_plugins++];
		struct buf config;

		p->name = name;
		p->plugin = section_text(section, "plugin");
		p->sha256 = section_text(section, "sha256");
		p->enabled = section_truth(section, "enabled");
		p->run_inline = strcmp(section_text(section, "isolation"), "inline") == 0;
		p->width = section_number(section, "width");
		buf_init(&config, CONFIG_FILE_MAX);
		if (json_write(section_member(section, "config"), &config) != B3IQ_OK) {
			buf_free(&config);
			return fail_memory(err, "reading config.json");
		}
		p->config = buf_take(&config);
	}
	return B3IQ_OK;
}

static int32_t
read_all(struct config *c, struct b3iq_error *err)
{
	struct json_object *log = section_member(c->doc, "log");
	int32_t rc;

	c->require_pin = section_truth(c->doc, "require_pin");
	c->log_level = log_level(section_text(log, "level"));
	c->log_format = strcmp(section_text(log, "format"), "json") == 0 ? LOG_JSON : LOG_TEXT;
	c->access_log = section_truth(log, "access");
	c->plugin_dirs = section_texts(c->doc, "plugin_dirs", NULL);
	if (!c->plugin_dirs)
		return fail_memory(err, "reading config.json");
	rc = read_node(c, section_member(c->doc, "node"), err);
	if (rc == B3IQ_OK)
		rc = read_worker(c, section_member(c->doc, "worker"), err);
	return rc == B3IQ_OK ? read_plugins(c, section_member(c->doc, "plugins"), err) : rc;
}

int32_t
config_from(struct json_object *doc, struct config **out, struct b3iq_error *err)
{
	struct config *c = calloc(1, sizeof *c);
	int32_t rc;

	*out = NULL;
	if (!c) {
		json_object_put(doc);
		return fail_memory(err, "reading config.json");
	}
	c->doc = doc;
	rc = section_check(doc, "config.json", WHAT, err);
	if (rc == B3IQ_OK)
		rc = read_all(c, err);
	if (rc != B3IQ_OK) {
		config_free(c);
		return rc;
	}
	*out = c;
	return B3IQ_OK;
}

void
config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_plugins; i++)
		free(c->plugins[i].config);
	free(c->plugins);
	free(c->hosts);
	free(c->origins);
	free(c->plugin_dirs);
	free(c->worker.models);
	json_object_put(c->doc);
	free(c);
}

/* ---- the file ------------------------------------------------------------ */

static int32_t
read_file(const struct home *home, struct json_object **doc, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = home_path(home, file, err, "config.json", NULL);

	*doc = NULL;
	return rc == B3IQ_OK ? section_load(file, CONFIG_FILE_MAX, doc, err) : rc;
}

int32_t
config_load(const struct home *home, struct config **out, struct b3iq_error *err)
{
	struct json_object *doc;
	int32_t rc = read_file(home, &doc, err);

	*out = NULL;
	return rc == B3IQ_OK ? config_from(doc, out, err) : rc;
}

/* Readable, as a person may edit it next. */
static int32_t
write_file(const struct home *home, struct json_object *doc, struct b3iq_error *err)
{
	const char *shown = json_object_to_json_string_ext(
	        doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
	                     JSON_C_TO_STRING_NOSLASHESCAPE);
	struct json_object *again = NULL;
	char file[PATH_SIZE];
	struct buf content;
	int32_t rc = home_path(home, file, err, "config.json", NULL);

	if (rc != B3IQ_OK)
		return rc;
	buf_init(&content, CONFIG_FILE_MAX);
	buf_puts(&content, shown ? shown : "");
	rc = buf_puts(&content, "\n");
	if (rc == B3IQ_E_INVALID)
		rc = fail(err, rc, "config.json would be longer than %u bytes", CONFIG_FILE_MAX);
	/* json-c does not say where it ran out of memory: half a document is no config. */
	if (rc == B3IQ_OK && (json_parse(content.data, content.len, WHAT, &again, NULL) != B3IQ_OK ||
	                      !json_object_equal(doc, again)))
		rc = B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_E_NO_MEMORY)
		rc = fail_memory(err, "writing config.json");
	if (rc == B3IQ_OK)
		rc = path_write(file, content.data, content.len, 0600, err);
	json_object_put(again);
	buf_free(&content);
	return rc;
}

/* Validates a copy, so that the document keeps only what its author wrote. */
static int32_t
check_copy(struct json_object *doc, struct b3iq_error *err)
{
	struct json_object *copy = NULL;
	struct config *c = NULL;
	int32_t rc;

	if (json_object_deep_copy(doc, &copy, NULL) != 0)
		return fail_memory(err, "checking config.json");
	rc = config_from(copy, &c, err);
	config_free(c);
	return rc;
}

static int
lock_file(const struct home *home, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int fd;

	if (home_path(home, file, err, "config.lock", NULL) != B3IQ_OK)
		return -1;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be locked: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int32_t
config_edit(const struct home *home,
            int32_t (*edit)(struct json_object *, void *, struct b3iq_error *), void *arg,
            struct b3iq_error *err)
{
	struct json_object *doc = NULL;
	const int lock = lock_file(home, err);
	int32_t rc;

	if (lock < 0)
		return B3IQ_E_UNAVAILABLE;
	rc = read_file(home, &doc, err);
	if (rc == B3IQ_OK && !json_object_is_type(doc, json_type_object))
		rc = fail(err, B3IQ_E_INVALID, WHAT ": the document must be an object");
	if (rc == B3IQ_OK)
		rc = edit(doc, arg, err);
	if (rc == B3IQ_OK)
		rc = check_copy(doc, err);
	if (rc == B3IQ_OK)
		rc = write_file(home, doc, err);
	json_object_put(doc);
	close(lock);
	return rc;
}

static struct json_object *
object_member(struct json_object *of, const char *key, bool make)
{
	struct json_object *found = section_member(of, key);

	if (json_object_is_type(found, json_type_object))
		return found;
	if (found || !make)
		return NULL; /* of another type: the check will say so */
	found = json_object_new_object();
	return json_put(of, key, found) == B3IQ_OK ? found : NULL;
}

struct json_object *
config_plugin_section(struct json_object *doc, const char *name, bool make)
{
	struct json_object *plugins = object_member(doc, "plugins", make);

	return plugins ? object_member(plugins, name, make) : NULL;
}

bool
config_plugin_remove(struct json_object *doc, const char *name)
{
	struct json_object *plugins = object_member(doc, "plugins", false);

	if (!plugins || !section_member(plugins, name))
		return false;
	json_object_object_del(plugins, name);
	return true;
}

/* ---- the first config ---------------------------------------------------- */

static bool
is_dir(const char *path)
{
	char dot[PATH_SIZE + 2];

	return snprintf(dot, sizeof dot, "%s/.", path) < (int)sizeof dot && path_exists(dot);
}

bool
config_plugin_dir(char out[PATH_SIZE])
{
	static const char *const places[] = { "plugins", B3IQ_LIBDIR "/b3iq/plugins" };
	char exe[PATH_SIZE];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n <= 0)
		return false;
	exe[n] = '\0';
	for (int up = 0; up < 2; up++) { /* bin/b3iq: two up is the prefix or the build tree */
		char *slash = strrchr(exe, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (path_join(out, NULL, exe, places[i], NULL) == B3IQ_OK && is_dir(out))
			return true;
	return false;
}

/* The cpu plugin as it lies there now, pinned; nothing if it is not there or not trusted. */
static int32_t
add_cpu(struct json_object *doc, const char *dir, struct b3iq_error *err)
{
	const char *const dirs[] = { dir, NULL };
	struct json_object *section;
	struct catalog_item *item = calloc(1, sizeof *item);
	int32_t rc = B3IQ_OK;

	if (!item)
		return fail_memory(err, "looking for plugins");
	if (catalog_open(dirs, "cpu", item) == B3IQ_OK) {
		section = config_plugin_section(doc, "cpu", true);
		if (!section || json_put_string(section, "plugin", "cpu") != B3IQ_OK ||
		    json_put_string(section, "sha256", item->file.sha256) != B3IQ_OK ||
		    json_put_bool(section, "enabled", true) != B3IQ_OK)
			rc = fail_memory(err, "writing config.json");
	} else if (item->rc != B3IQ_E_NOT_FOUND) {
		log_event(B3IQ_LOG_WARN, "config.no_cpu_plugin", "reason=\"%s\"", item->err.text);
	}
	catalog_close(item);
	free(item);
	return rc;
}

int32_t
config_make_default(const struct home *home, struct b3iq_error *err)
{
	char file[PATH_SIZE], dir[PATH_SIZE];
	struct json_object *doc, *dirs;
	int32_t rc = home_path(home, file, err, "config.json", NULL);

	if (rc != B3IQ_OK || path_exists(file))
		return rc;
	doc = json_object_new_object();
	dirs = json_object_new_array();
	if (!doc || json_put_int(doc, "version", 1) != B3IQ_OK) {
		json_object_put(doc);
		json_object_put(dirs);
		return fail_memory(err, "writing config.json");
	}
	if (json_put(doc, "plugin_dirs", dirs) != B3IQ_OK)
		rc = fail_memory(err, "writing config.json");
	if (rc == B3IQ_OK && config_plugin_dir(dir)) {
		rc = json_add(dirs, json_object_new_string(dir)) == B3IQ_OK
		             ? add_cpu(doc, dir, err)
		             : fail_memory(err, "writing config.json");
	}
	if (rc == B3IQ_OK)
		rc = check_copy(doc, err);
	if (rc == B3IQ_OK)
		rc = write_file(home, doc, err);
	json_object_put(doc);
	return rc;
}

/* ---- for the plugin host ------------------------------------------------- */

/* state, secrets, keys, and the hash of the file where no pin is wanted: four texts an instance. */
#define PATHS 4

static int32_t
fill_paths(const struct home *home, const char *name, char (*paths)[PATH_SIZE],
           struct b3iq_error *err)
{
	int32_t rc = home_path(home, paths[0], err, "plugins", name, NULL);

	if (rc == B3IQ_OK)
		rc = home_path(home, paths[1], err, "secrets", name, NULL);
	return rc == B3IQ_OK ? home_path(home, paths[2], err, "keys", "trust", NULL) : rc;
}

/* Without require_pin the file that lies there now is the accepted one. */
static const char *
pin_of(const struct config *c, const struct config_plugin *p, char out[PATH_SIZE])
{
	struct trust_file file;

	if (p->sha256 || c->require_pin)
		return p->sha256;
	if (trust_open(c->plugin_dirs, p->plugin, &file, NULL) != B3IQ_OK) {
		trust_close(&file);
		return NULL;
	}
	memcpy(out, file.sha256, sizeof file.sha256);
	trust_close(&file);
	return out;
}

int32_t
config_instances(const struct config *c, const struct home *home,
                 const struct hostapi_services *services, struct config_instances *out,
                 struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	out->n = 0;
	out->options = calloc(c->n_plugins + 1, sizeof *out->options);
	out->paths = calloc(PATHS * c->n_plugins + 1, sizeof *out->paths);
	if (!out->options || !out->paths) {
		config_instances_free(out);
		return fail_memory(err, "configuring plugins");
	}
	for (size_t i = 0; rc == B3IQ_OK && i < c->n_plugins; i++) {
		const struct config_plugin *p = &c->plugins[i];
		char(*paths)[PATH_SIZE] = out->paths + PATHS * i;

		if (!p->enabled)
			continue;
		rc = fill_paths(home, p->name, paths, err);
		out->options[out->n++] = (struct instance_options){
			.name = p->name, .plugin = p->plugin, .dirs = c->plugin_dirs,
			.sha256 = pin_of(c, p, paths[3]), .keys_dir = paths[2], .config = p->config,
			.state_dir = paths[0], .secrets_dir = paths[1], .services = services,
			.run_inline = p->run_inline, .width = p->width,
		};
	}
	if (rc != B3IQ_OK)
		config_instances_free(out);
	return rc;
}

void
config_instances_free(struct config_instances *i)
{
	free(i->options);
	free(i->paths);
	*i = (struct config_instances){ 0 };
}
