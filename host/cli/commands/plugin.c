#include "cli/commands/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/remote.h"
#include "cli/term.h"
#include "core/base/json.h"
#include "core/plugin/file/config.h"

/* ---- what the commands share -------------------------------------------- */

int
plugin_desk_open(struct cli *cli, struct plugin_desk *d)
{
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;

	memset(d, 0, sizeof *d);
	rc = home_open(&d->home, cli->home, &err);
	if (!rc)
		rc = config_make_default(&d->home, &err);
	if (!rc)
		rc = config_load(&d->home, &d->config, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

void
plugin_desk_close(struct plugin_desk *d)
{
	config_free(d->config);
	home_close(&d->home);
}

const struct config_plugin *
plugin_configured(const struct plugin_desk *d, const char *instance)
{
	for (size_t i = 0; i < d->config->n_plugins; i++)
		if (strcmp(d->config->plugins[i].name, instance) == 0)
			return &d->config->plugins[i];
	return NULL;
}

int
plugin_find(struct cli *cli, struct plugin_desk *d, const char *name, struct catalog_item **out)
{
	const struct config_plugin *p = plugin_configured(d, name);
	const char                 *plugin = cli_text(cli, "plugin", p ? p->plugin : name);
	struct catalog_item        *item = calloc(1, sizeof *item);

	*out = item;
	if (!item)
		return cli_error(cli, CLI_FAILED, "no memory to look at a plugin");
	catalog_open(d->config->plugin_dirs, plugin, item);
	if (item->rc == B3IQ_E_NOT_FOUND)
		return cli_error(
			cli, CLI_NOT_FOUND,
			"there is no %s.so in the plugin folders: b3iq plugin list names all",
			plugin);
	return CLI_OK;
}

static void
forget(struct catalog_item *item)
{
	if (item)
		catalog_close(item);
	free(item);
}

int
plugin_tell_node(struct cli *cli)
{
	bool      told;
	const int exit = remote_reload(cli, &told);

	if (!exit)
		cli_say(cli, told ? "the running node has taken it over\n"
		                  : "no node is running; the next one will have it so\n");
	cli_put(cli, "reloaded", json_object_new_boolean(told));
	return exit;
}

/* ---- list --------------------------------------------------------------- */

/* What the node says about an instance, or NULL. */
static struct json_object *
live(struct json_object *instances, const char *name)
{
	const char *its = NULL;

	for (size_t i = 0; instances && i < json_object_array_length(instances); i++) {
		struct json_object *one = json_object_array_get_idx(instances, i);

		if (json_get_string(one, "name", NULL, &its, NULL) == B3IQ_OK && its &&
		    strcmp(its, name) == 0)
			return one;
	}
	return NULL;
}

static struct json_object *
ask_node(struct cli *cli)
{
	struct json_object *answer = NULL, *list = NULL;
	struct remote       r;

	if (remote_open(cli, &r) == CLI_OK && remote_alive(&r) &&
	    remote_json(cli, &r, "GET", "/api/plugins", NULL, &answer) == CLI_OK &&
	    json_object_object_get_ex(answer, "plugins", &list) &&
	    json_object_is_type(list, json_type_array))
		json_object_get(list);
	else
		list = NULL;
	json_object_put(answer);
	remote_close(&r);
	return list;
}

/* One word for what holds of an instance, or of a plugin without one (p NULL). */
static const char *
state_of(const struct config_plugin *p, const struct catalog_item *item,
         struct json_object *running)
{
	const char *state = NULL;

	if (p && running && json_get_string(running, "state", NULL, &state, NULL) == B3IQ_OK &&
	    state)
		return state;
	if (!p)
		return item->rc == B3IQ_E_DENIED ? "not trusted"
		       : item->needs.missing     ? "needs something"
		                                 : "available";
	if (!p->enabled)
		return "disabled";
	if (item->rc == B3IQ_E_NOT_FOUND)
		return "missing";
	if (p->sha256 && item->file.sha256[0] && strcmp(p->sha256, item->file.sha256) != 0)
		return "file changed";
	return "enabled";
}

struct listing {
	struct cli         *cli;
	struct plugin_desk *desk;
	struct json_object *running, *rows;
	struct term_table   table;
};

static void
list_one(struct listing *l, const char *name, const struct config_plugin *p)
{
	struct catalog_item *item = calloc(1, sizeof *item);
	struct json_object  *row = json_object_new_object();
	const char          *state;

	if (!item || !row) {
		free(item);
		json_object_put(row);
		return;
	}
	catalog_open(l->desk->config->plugin_dirs, p ? p->plugin : name, item);
	state = state_of(p, item, live(l->running, name));
	term_cell(&l->table, name);
	term_cell(&l->table, p ? p->plugin : name);
	term_cell(&l->table, item->manifest.json ? manifest_kind_name(item->manifest.kind) : "");
	term_cell(&l->table, item->manifest.version ? item->manifest.version : "");
	term_cell(&l->table, state);
	term_cell(&l->table, item->manifest.summary ? item->manifest.summary : item->err.text);
	json_put_string(row, "name", name);
	json_put_string(row, "plugin", p ? p->plugin : name);
	json_put_string(row, "state", state);
	json_put_bool(row, "configured", p != NULL);
	json_put(row, "file", catalog_json(item));
	json_object_array_add(l->rows, row);
	forget(item);
}

/* Configured instances, then what lies there beside them. */
static void
list_all(struct listing *l, struct json_object *names)
{
	const struct config *c = l->desk->config;

	for (size_t i = 0; i < c->n_plugins; i++)
		list_one(l, c->plugins[i].name, &c->plugins[i]);
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		bool        known = false;

		for (size_t k = 0; k < c->n_plugins; k++)
			known = known || strcmp(c->plugins[k].plugin, name) == 0;
		if (!known)
			list_one(l, name, NULL);
	}
}

static int
list(struct cli *cli)
{
	static const char *const head[] = { "NAME",  "PLUGIN",  "KIND", "VERSION",
		                            "STATE", "SUMMARY", NULL };
	struct plugin_desk       desk;
	struct listing           l = { .cli = cli, .desk = &desk };
	struct b3iq_error        err = NO_ERROR;
	struct json_object      *names;
	int                      exit = plugin_desk_open(cli, &desk);

	if (exit) {
		plugin_desk_close(&desk);
		return exit;
	}
	names = catalog_names(desk.config->plugin_dirs, &err);
	if (!names) {
		plugin_desk_close(&desk);
		return cli_fail(cli, B3IQ_E_UNAVAILABLE, &err);
	}
	l.rows = json_object_new_array();
	l.running = ask_node(cli);
	term_table_init(&l.table, head);
	list_all(&l, names);
	term_table_finish(&l.table, cli->json ? NULL : stdout);
	cli_put(cli, "plugins", l.rows);
	json_object_put(names);
	json_object_put(l.running);
	plugin_desk_close(&desk);
	return CLI_OK;
}

/* ---- info --------------------------------------------------------------- */

static void
line(const char *label, const char *text)
{
	printf("%-10s", label);
	term_word(stdout, text);
	putchar('\n');
}

static void
show_needs(const struct needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct need *n = &needs->item[i];

		printf("  %s%s%s  ", term_colour(stdout, n->met ? TERM_GREEN : TERM_RED),
		       n->met ? "met    " : "MISSING", term_colour(stdout, TERM_PLAIN));
		term_word(stdout, n->need->library ? n->need->library : n->need->path);
		fputs(": ", stdout);
		term_word(stdout, n->met ? n->reason : n->need->why);
		putchar('\n');
	}
}

static void
show_fields(struct json_object *schema)
{
	struct json_object *fields = NULL, *fallback;

	json_get(schema, "properties", json_type_object, &fields, NULL);
	if (!fields)
		return;
	json_object_object_foreach(fields, name, field) {
		const char *title = NULL, *about = NULL;

		json_get_string(field, "title", "", &title, NULL);
		json_get_string(field, "description", "", &about, NULL);
		printf("  ");
		term_word(stdout, name);
		if (json_object_object_get_ex(field, "default", &fallback)) {
			fputs(" = ", stdout);
			term_word(stdout,
			          json_object_to_json_string_ext(
					  fallback,
					  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		}
		printf("  ");
		term_word(stdout, title ? title : "");
		if (about && *about) {
			fputs(". ", stdout);
			term_word(stdout, about);
		}
		putchar('\n');
	}
}

static void
show_info(const struct catalog_item *item, const struct config_plugin *p)
{
	const struct manifest *m = &item->manifest;

	if (m->json) {
		line("id", m->id);
		line("version", m->version);
		line("kind", manifest_kind_name(m->kind));
		line("summary", m->summary);
		line("license", m->license);
	}
	line("file", item->file.path);
	line("sha256", item->file.sha256);
	line("pin", p && p->sha256 ? p->sha256 : "none");
	if (item->file.signer[0])
		line("signer", item->file.signer);
	line("instance", !p           ? "none: b3iq plugin enable makes one"
	                 : p->enabled ? "enabled"
	                              : "disabled");
	if (item->needs.n) {
		puts("needs");
		show_needs(&item->needs);
	}
	if (m->config) {
		puts("config");
		show_fields(m->config);
	}
	if (item->rc) {
		fputs(term_colour(stdout, TERM_RED), stdout);
		line("problem", item->err.text);
		fputs(term_colour(stdout, TERM_PLAIN), stdout);
	}
}

static int
info(struct cli *cli)
{
	struct catalog_item *item = NULL;
	struct plugin_desk   desk;
	int                  exit = plugin_desk_open(cli, &desk);

	if (!exit)
		exit = plugin_find(cli, &desk, cli_word(cli, 0), &item);
	if (!exit) {
		if (!cli->json)
			show_info(item, plugin_configured(&desk, cli_word(cli, 0)));
		cli_put(cli, "plugin", catalog_json(item));
	}
	forget(item);
	plugin_desk_close(&desk);
	return exit;
}

/* ---- enable ------------------------------------------------------------- */

struct wish {
	const char *instance, *plugin, *sha256;
};

static int32_t
write_enabled(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	const struct wish  *w = arg;
	struct json_object *section = config_plugin_section(doc, w->instance, true);

	if (!section || json_put_string(section, "plugin", w->plugin) ||
	    json_put_string(section, "sha256", w->sha256) ||
	    json_put_bool(section, "enabled", true))
		return fail_memory(err, "writing config.json");
	return B3IQ_OK;
}

/* Would the config, as it stands, do?  Otherwise the node would refuse it later. */
static int32_t
check_config(struct plugin_desk *d, const struct catalog_item *item, const char *instance,
             struct b3iq_error *err)
{
	const struct config_plugin *p = plugin_configured(d, instance);
	char                        secrets[PATH_SIZE];
	struct buf                  out;
	int32_t rc = home_path(&d->home, secrets, err, "secrets", instance, NULL);

	if (rc)
		return rc;
	buf_init(&out, CONFIG_MAX);
	rc = config_check(&item->manifest, instance, p ? p->config : NULL,
	                  path_exists(secrets) ? secrets : NULL, &out, err);
	buf_wipe(&out);
	return rc;
}

static int
agree(struct cli *cli, const struct catalog_item *item, const struct config_plugin *p)
{
	struct b3iq_error err = NO_ERROR;
	bool              yes = cli_flag(cli, "yes");
	int32_t           rc;

	if (!cli->json) {
		line("id", item->manifest.id);
		line("version", item->manifest.version);
		line("file", item->file.path);
		line("sha256", item->file.sha256);
		if (p && p->sha256 && strcmp(p->sha256, item->file.sha256) != 0)
			line("before", p->sha256);
		show_needs(&item->needs);
		fflush(stdout);
	}
	rc = yes ? B3IQ_OK : term_confirm("Run exactly this file from now on?", &yes, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	return yes ? CLI_OK : cli_error(cli, CLI_CANCELLED, "nothing was changed");
}

static int
enable_item(struct cli *cli, struct plugin_desk *d, const struct catalog_item *item)
{
	const char       *instance = cli_word(cli, 0);
	struct wish       wish = { instance, item->name, item->file.sha256 };
	struct b3iq_error err = NO_ERROR;
	int32_t           rc = item->rc;
	int               exit;

	if (rc && rc != B3IQ_E_UNAVAILABLE) /* a need may be met later; anything else may not */
		return cli_fail(cli, rc, &item->err);
	if (!manifest_name(instance))
		return cli_error(cli, CLI_USAGE, "\"%.40s\" is no name for an instance", instance);
	exit = agree(cli, item, plugin_configured(d, instance));
	if (exit)
		return exit;
	rc = check_config(d, item, instance, &err);
	if (rc)
		return cli_error(cli, CLI_FAILED,
		                 "%s; set it first: b3iq plugin config %s --plugin %s KEY=VALUE",
		                 err.text, instance, item->name);
	rc = config_edit(&d->home, write_enabled, &wish, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	cli_say(cli, "enabled and pinned\n");
	cli_put_text(cli, "instance", instance);
	cli_put_text(cli, "sha256", item->file.sha256);
	return plugin_tell_node(cli);
}

static int
enable(struct cli *cli)
{
	struct catalog_item *item = NULL;
	struct plugin_desk   desk;
	int                  exit = plugin_desk_open(cli, &desk);

	if (!exit)
		exit = plugin_find(cli, &desk, cli_word(cli, 0), &item);
	if (!exit)
		exit = enable_item(cli, &desk, item);
	forget(item);
	plugin_desk_close(&desk);
	return exit;
}

/* ---- disable ------------------------------------------------------------ */

static int32_t
write_disabled(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	const struct wish  *w = arg;
	struct json_object *section = config_plugin_section(doc, w->instance, false);

	if (w->plugin) /* --forget */
		return config_plugin_remove(doc, w->instance)
		               ? B3IQ_OK
		               : fail(err, B3IQ_E_NOT_FOUND, "there is no plugin %s in config.json",
		                      w->instance);
	if (!section)
		return fail(err, B3IQ_E_NOT_FOUND, "there is no plugin %s in config.json",
		            w->instance);
	return json_put_bool(section, "enabled", false) ? fail_memory(err, "writing config.json")
	                                                : B3IQ_OK;
}

static int
disable(struct cli *cli)
{
	const char        *instance = cli_word(cli, 0);
	struct wish        wish = { instance, cli_flag(cli, "forget") ? "" : NULL, NULL };
	struct b3iq_error  err = NO_ERROR;
	struct plugin_desk desk;
	int32_t            rc;
	int                exit = plugin_desk_open(cli, &desk);

	rc = exit ? B3IQ_OK : config_edit(&desk.home, write_disabled, &wish, &err);
	plugin_desk_close(&desk);
	if (exit || rc)
		return exit ? exit : cli_fail(cli, rc, &err);
	cli_say(cli, wish.plugin ? "forgotten\n" : "disabled\n");
	cli_put_text(cli, "instance", instance);
	return plugin_tell_node(cli);
}

/* ---- check -------------------------------------------------------------- */

/* plugin-check beside this program, else in PATH. */
static void
run_checker(char **argv)
{
	char    own[PATH_SIZE];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - sizeof "plugin-check");
	char   *slash;

	if (n > 0) {
		own[n] = '\0';
		slash = strrchr(own, '/');
		memcpy(slash + 1, "plugin-check", sizeof "plugin-check");
		execv(own, argv);
	}
	execvp(argv[0], argv);
}

static int
check(struct cli *cli)
{
	const char          *name = cli_word(cli, 0);
	char                *argv[16] = { "plugin-check" };
	size_t               n = 1;
	struct catalog_item *item = NULL;
	struct plugin_desk   desk;
	int                  exit = CLI_OK;

	if (cli_flag(cli, "sandbox"))
		argv[n++] = "--sandbox";
	if (cli->json)
		argv[n++] = "--json";
	if (cli_flag(cli, "only")) {
		argv[n++] = "--only";
		argv[n++] = (char *)(uintptr_t)cli_text(cli, "only", NULL);
	}
	if (cli_flag(cli, "config")) {
		argv[n++] = "--config";
		argv[n++] = (char *)(uintptr_t)cli_text(cli, "config", NULL);
	}
	if (!strchr(name, '/')) { /* the name of a plugin, not a file */
		exit = plugin_desk_open(cli, &desk);
		if (!exit)
			exit = plugin_find(cli, &desk, name, &item);
		plugin_desk_close(&desk);
		name = item ? item->file.path : name;
	}
	if (exit) {
		forget(item);
		return exit;
	}
	argv[n] = (char *)(uintptr_t)name;
	run_checker(argv);
	forget(item);
	return cli_error(cli, CLI_NOT_FOUND,
	                 "plugin-check cannot be run (%s): install the b3iq SDK", strerror(errno));
}

/* ---- the tables --------------------------------------------------------- */

static const struct cli_option remote_options[] = { REMOTE_OPTIONS, { .name = NULL } };

static const struct cli_command plugin_list = {
	.name = "list",
	.summary = "the plugins of this home and those that could be enabled",
	.about = "An instance is a configured plugin under a name of its own. Its state is what a "
	         "running node says, or what the next one will make of it. No code of a plugin "
	         "runs for this list.",
	.options = remote_options,
	.examples = { { "b3iq plugin list", "one line each" },
	              { "b3iq plugin list --json", "with manifest and hash" } },
	.run = list,
};

static const struct cli_command plugin_info = {
	.name = "info",
	.summary = "one plugin: what it is, what it needs, how it is configured",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Reads the manifest in the file without running it: identity, hash, needs met and "
	         "missing with the remedy, and every field of its config.",
	.examples = { { "b3iq plugin info ollama", "before enabling it" },
	              { "b3iq plugin info cpu --json", "for a program" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = info,
};

static const struct cli_option enable_options[] = {
	{ .name = "plugin", .kind = CLI_TEXT, .value = "PLUGIN",
	  .help = "make NAME an instance of this plugin; default: the plugin of that name" },
	{ .name = "yes", .letter = 'y', .kind = CLI_FLAG, .help = "do not ask" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

static const struct cli_command plugin_enable = {
	.name = "enable",
	.summary = "accept a plugin's file and run it from now on",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Shows identity and SHA-256 and asks; then this file, and no other, is run under "
	         "that name. The same command accepts a file that has changed. A running node "
	         "takes it over at once.",
	.options = enable_options,
	.examples = { { "b3iq plugin enable ollama", "asks" },
	              { "b3iq plugin enable gpu-box --plugin ollama --yes",
	                "a second instance, unasked" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, CLI_CANCELLED, 0 },
	.run = enable,
};

static const struct cli_option disable_options[] = {
	{ .name = "forget",
	  .kind = CLI_FLAG,
	  .help = "remove it from config.json, with its settings" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

static const struct cli_command plugin_disable = {
	.name = "disable",
	.summary = "stop a plugin and keep it stopped",
	.words = "NAME",
	.least = 1,
	.most = 1,
	.about = "Settings, pin and secrets stay for the next enable, unless --forget.",
	.options = disable_options,
	.examples = { { "b3iq plugin disable ollama", "keeps its settings" },
		      { "b3iq plugin disable gpu-box --forget", "removes it" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = disable,
};

static const struct cli_option check_options[] = {
	{ .name = "sandbox", .kind = CLI_FLAG, .help = "in a sandbox child, as the node runs it" },
	{ .name = "only",
	  .kind = CLI_TEXT,
	  .value = "REGEX",
	  .help = "only tests whose name matches" },
	{ .name = "config",
	  .kind = CLI_PATH,
	  .value = "FILE",
	  .help = "the config to create it with" },
	{ .name = NULL },
};

static const struct cli_command plugin_check = {
	.name = "check",
	.summary = "hold a plugin to the contract of plugin.h",
	.words = "NAME|./FILE.so",
	.least = 1,
	.most = 1,
	.about = "Runs plugin-check of the SDK on the file: dozens of named tests, each in a "
	         "process of its own, printed as TAP. This runs the plugin's code.",
	.options = check_options,
	.examples = { { "b3iq plugin check ollama --sandbox", "one that is installed" },
	              { "b3iq plugin check ./build/my.so --only cancel", "one that you write" } },
	.exits = (const int[]){ CLI_NOT_FOUND, 0 },
	.run = check,
};

const struct cli_command command_plugin = {
	.name = "plugin",
	.summary = "plugins: list, info, enable, disable, config, check",
	.about = "Backends, ledgers and auth providers are .so files in the plugin folders. "
	         "Nothing of them runs before you enable them, and then only the file with the "
	         "hash that you accepted, in a sandbox.",
	.examples = { { "b3iq plugin list", "what there is" },
	              { "b3iq plugin enable ollama", "use what Ollama runs" } },
	.subs = (const struct cli_command *const[]){ &plugin_list, &plugin_info, &plugin_enable,
	                                             &plugin_disable, &plugin_config_command,
	                                             &plugin_check, NULL },
};
