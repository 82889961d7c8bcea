#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/plugin.h"
#include "cli/remote.h"
#include "cli/term.h"
#include "core/base/json.h"
#include "core/plugin/file/config.h"

struct change {
	struct cli          *cli;
	struct plugin_desk  *desk;
	struct catalog_item *item;
	const char          *instance;
	struct json_object  *section; /* as the operator wrote it; ours                */
	char                 secrets[PATH_SIZE];
	size_t               n_secrets;
};

static struct json_object *
field_of(const struct change *c, const char *key)
{
	struct json_object *fields = NULL, *field = NULL;

	json_get(c->item->manifest.config, "properties", json_type_object, &fields, NULL);
	if (fields)
		json_object_object_get_ex(fields, key, &field);
	return field;
}

static const char *
word_of(struct json_object *field, const char *key)
{
	const char *text = NULL;

	json_get_string(field, key, "", &text, NULL);
	return text ? text : "";
}

static bool
is_secret(struct json_object *field)
{
	return strcmp(word_of(field, "format"), "secret") == 0;
}

/* ---- one value ---------------------------------------------------------- */

/* "a,b" as ["a","b"]. */
static struct json_object *
split(const char *text)
{
	struct json_object *list = json_object_new_array();

	while (list && *text) {
		const size_t n = strcspn(text, ",");

		json_object_array_add(list, json_object_new_string_len(text, (int)n));
		text += n + (text[n] == ',');
	}
	return list;
}

/* The text of the command line as the type that the field has; NULL if it cannot be one. */
static struct json_object *
value_of(struct json_object *field, const char *text)
{
	const char         *type = word_of(field, "type");
	struct json_object *value = NULL;

	if (strcmp(type, "string") == 0)
		return json_object_new_string(text);
	if (strcmp(type, "array") == 0 && *text != '[')
		return split(text);
	if (json_parse(text, strlen(text), "value", &value, NULL) == B3IQ_OK)
		return value;
	return *type ? NULL : json_object_new_string(text); /* enum without type: a word */
}

/* Secrets go into files of their own, and come from the terminal or stdin. */
static int
set_secret(struct change *c, const char *key)
{
	struct b3iq_error err = NO_ERROR;
	char              file[PATH_SIZE];
	struct buf        value;
	int32_t           rc = path_make_dir(c->secrets, 0700, &err);

	buf_init(&value, CONFIG_SECRET_MAX);
	if (!rc)
		rc = path_join(file, &err, c->secrets, key, NULL);
	if (!rc)
		rc = term_secret(key, &value, &err);
	if (!rc)
		rc = path_write(file, value.data, value.len, 0600, &err);
	buf_wipe(&value);
	c->n_secrets++;
	return rc ? cli_fail(c->cli, rc, &err) : CLI_OK;
}

static int
set_value(struct change *c, const char *key, struct json_object *field, const char *text)
{
	struct json_object *value;

	if (!*text) { /* KEY= : the default again */
		json_object_object_del(c->section, key);
		return CLI_OK;
	}
	value = value_of(field, text);
	if (!value || json_put(c->section, key, value))
		return cli_error(c->cli, CLI_USAGE, "%s wants %s %s, not \"%.60s\"", key,
		                 strchr("aeiou", *word_of(field, "type")) ? "an" : "a",
		                 word_of(field, "type"), text);
	return CLI_OK;
}

/* KEY=VALUE, or KEY for a secret. */
static int
apply(struct change *c, const char *word)
{
	const char         *equals = strchr(word, '=');
	char                key[128];
	struct json_object *field;

	snprintf(key, sizeof key, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
	field = field_of(c, key);
	if (!field)
		return cli_error(c->cli, CLI_NOT_FOUND,
		                 "%s has no field \"%s\": b3iq plugin info %s lists them",
		                 c->item->name, key, c->item->name);
	if (is_secret(field) && equals)
		return cli_error(
			c->cli, CLI_USAGE,
			"a secret has no place on a command line: say only %s, and you are asked",
			key);
	if (is_secret(field))
		return set_secret(c, key);
	if (!equals)
		return cli_error(c->cli, CLI_USAGE, "say %s=VALUE", key);
	return set_value(c, key, field, equals + 1);
}

/* ---- showing ------------------------------------------------------------ */

/* One row, and its member of the result. */
static void
show_field(const struct change *c, const char *key, struct json_object *field,
           struct term_table *table, struct json_object *result)
{
	const bool          secret = is_secret(field);
	struct json_object *value = NULL;
	char                file[PATH_SIZE];
	const char         *text = "-";
	bool                set;

	if (secret)
		set = path_join(file, NULL, c->secrets, key, NULL) == B3IQ_OK && path_exists(file);
	else
		set = json_object_object_get_ex(c->section, key, &value);
	if (!secret && !set)
		json_object_object_get_ex(field, "default", &value);
	if (value)
		text = json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	else if (secret && set)
		text = "(secret)";
	term_cell(table, key);
	term_cell(table, text);
	term_cell(table, set ? "set" : "default");
	term_cell(table, word_of(field, "title"));
	if (value)
		json_put(result, key, json_object_get(value));
	else if (secret)
		json_put_bool(result, key, set);
}

static void
show(const struct change *c)
{
	static const char *const head[] = { "FIELD", "VALUE", "", "MEANING", NULL };
	struct json_object      *fields = NULL, *result = json_object_new_object();
	struct term_table        table;

	json_get(c->item->manifest.config, "properties", json_type_object, &fields, NULL);
	term_table_init(&table, head);
	if (fields) {
		json_object_object_foreach(fields, key, field)
			show_field(c, key, field, &table, result);
	}
	term_table_finish(&table, c->cli->json ? NULL : stdout);
	cli_put(c->cli, "config", result);
}

/* ---- changing ----------------------------------------------------------- */

static int32_t
write_section(struct json_object *doc, void *arg, struct b3iq_error *err)
{
	const struct change *c = arg;
	struct json_object  *section = config_plugin_section(doc, c->instance, true), *old;

	if (!section)
		return fail_memory(err, "writing config.json");
	if (!json_object_object_get_ex(section, "plugin", &old) &&
	    (json_put_string(section, "plugin", c->item->name) ||
	     json_put_bool(section, "enabled", false)))
		return fail_memory(err, "writing config.json");
	return json_put(section, "config", json_object_get(c->section))
	               ? fail_memory(err, "writing config.json")
	               : B3IQ_OK;
}

/* Checked by the plugin's own schema before anything is written. */
static int
save(struct change *c)
{
	struct b3iq_error err = NO_ERROR;
	struct buf        out;
	int32_t           rc;

	buf_init(&out, CONFIG_MAX);
	rc = config_check(&c->item->manifest, c->instance, json_object_to_json_string(c->section),
	                  path_exists(c->secrets) ? c->secrets : NULL, &out, &err);
	buf_wipe(&out);
	if (!rc)
		rc = config_edit(&c->desk->home, write_section, c, &err);
	return rc ? cli_fail(c->cli, rc, &err) : CLI_OK;
}

static int
change(struct change *c)
{
	const struct config_plugin *p = plugin_configured(c->desk, c->instance);
	struct b3iq_error           err = NO_ERROR;
	int32_t                     rc;
	int                         exit = CLI_OK;

	rc = home_path(&c->desk->home, c->secrets, &err, "secrets", c->instance, NULL);
	if (rc)
		return cli_fail(c->cli, rc, &err);
	if (!c->item->manifest.config)
		return cli_fail(c->cli, c->item->rc, &c->item->err);
	c->section = p ? json_tokener_parse(p->config) : json_object_new_object();
	if (c->cli->n_words == 1) {
		show(c);
		return CLI_OK;
	}
	for (size_t i = 1; !exit && i < c->cli->n_words; i++)
		exit = apply(c, c->cli->words[i]);
	if (!exit)
		exit = save(c);
	if (!exit) {
		show(c);
		exit = p && p->enabled ? plugin_tell_node(c->cli) : CLI_OK;
	}
	return exit;
}

static int
run(struct cli *cli)
{
	struct plugin_desk desk;
	struct change      c = { .cli = cli, .desk = &desk, .instance = cli_word(cli, 0) };
	int                exit = plugin_desk_open(cli, &desk);

	if (!exit && !manifest_name(c.instance))
		exit = cli_error(cli, CLI_USAGE, "\"%.40s\" is no name of an instance", c.instance);
	if (!exit)
		exit = plugin_find(cli, &desk, c.instance, &c.item);
	if (!exit)
		exit = change(&c);
	json_object_put(c.section);
	if (c.item)
		catalog_close(c.item);
	free(c.item);
	plugin_desk_close(&desk);
	return exit;
}

static const struct cli_option options[] = {
	{ .name = "plugin", .kind = CLI_TEXT, .value = "PLUGIN",
	  .help = "for a new instance: of this plugin; default: the plugin of that name" },
	REMOTE_OPTIONS,
	{ .name = NULL },
};

const struct cli_command plugin_config_command = {
	.name = "config",
	.summary = "show and change the settings of a plugin",
	.words = "NAME [KEY=VALUE...] [SECRET...]",
	.least = 1,
	.most = 64,
	.about = "Without KEY=VALUE it shows all fields. Values are checked by the plugin's own "
	         "schema before anything is written; KEY= goes back to the default. A secret is "
	         "named alone, asked for on the terminal or read from stdin, and kept in a file of "
	         "its own. A running node restarts the plugin with the new settings.",
	.options = options,
	.examples = { { "b3iq plugin config ollama", "all fields" },
	              { "b3iq plugin config ollama context=16384 allow=llama3,phi3",
	                "two settings" },
	              { "b3iq plugin config ollama token < token.txt", "a secret" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DENIED, 0 },
	.run = run,
};
