/* config.h - config.json: what the operator wants, validated against schemas/config.json.
 *
 * Errors name the path of the value and the remedy.  Secrets have no place here: they lie in files
 * of their own under secrets/.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/plugin/instance/plugins.h"
#include "core/role/home.h"

#define CONFIG_FILE_MAX (4u << 20)

struct config_plugin {
	const char *name, *plugin, *sha256; /* sha256 NULL: not pinned        */
	bool        enabled, run_inline;
	uint32_t    width;                  /* 0: the plugin host's default   */
	char       *config;                 /* JSON text of its section       */
};

struct config_worker {
	const char  *coordinator;           /* URL; "": works for nobody      */
	const char  *name, *address, *region; /* "" if none                   */
	uint32_t     concurrency;
	const char **models;                /* globs, NULL-terminated         */
	bool         push;
	const char  *push_address;
	uint16_t     push_port;
};

/* Read once, then only read.  Strings are borrowed from doc. */
struct config {
	struct json_object *doc;            /* complete: defaults filled in   */
	const char  *name;                  /* for people; "" if none         */
	const char  *address;
	uint16_t     port;
	bool         allow_remote, open_loopback;
	const char **hosts, **origins, **plugin_dirs; /* NULL-terminated      */
	size_t       n_hosts, n_origins;
	uint32_t     body_bytes, streams, queue, connections, request_s, drain_s;
	const char  *default_model;         /* "" if none                     */
	int32_t      log_level;
	enum log_format log_format;
	bool         access_log, require_pin;
	struct config_worker worker;
	struct config_plugin *plugins;
	size_t       n_plugins;
};

/* Reads and validates.  B3IQ_E_NOT_FOUND when there is no file. Free with config_free(). */
int32_t config_load(const struct home *, struct config **out, struct b3iq_error *err);
void    config_free(struct config *);
/* The same from a document, which is taken over also on failure. */
int32_t config_from(struct json_object *doc, struct config **out, struct b3iq_error *err);

/* Only loopback, unless the operator said allow_remote, which demands keys; also for an address that
 * the command line names instead of the config's. */
int32_t config_may_listen(const struct config *, const char *address, struct b3iq_error *err);

/* A node's first config: the folder of this program's own plugins, and the cpu plugin of it,
 * pinned, if it is there.  Writes config.json only if there is none. */
int32_t config_make_default(const struct home *, struct b3iq_error *err);
/* The folder where this program's plugins lie (build tree or installation); false: none. */
bool    config_plugin_dir(char out[PATH_SIZE]);

/* Changes the file: `edit` gets the document as the operator wrote it (no defaults filled in); the
 * result is validated and replaces the file atomically.  Two edits at once wait for each other. */
int32_t config_edit(const struct home *, int32_t (*edit)(struct json_object *doc, void *arg,
                                                         struct b3iq_error *err),
                    void *arg, struct b3iq_error *err);
/* Two helpers for edits: the section plugins.NAME, made if absent (or NULL), and its removal. */
struct json_object *config_plugin_section(struct json_object *doc, const char *name, bool make);
bool    config_plugin_remove(struct json_object *doc, const char *name);

/* What the plugin host is to run: the enabled plugins.  The strings of `options` belong to the
 * config and to `paths`. */
struct config_instances {
	struct instance_options *options;
	size_t                   n;
	char                   (*paths)[PATH_SIZE]; /* state and secrets folders, keys folder */
};
int32_t config_instances(const struct config *, const struct home *,
                         const struct hostapi_services *, struct config_instances *,
                         struct b3iq_error *err);
void    config_instances_free(struct config_instances *);

#endif
