#include "cli/local.h"

#include <string.h>

#include "core/base/json.h"

#define START_MS (120u * 1000)

int
local_open(struct cli *cli, struct local *l)
{
	struct b3iq_error err = NO_ERROR;
	int32_t           rc;

	memset(l, 0, sizeof *l);
	rc = home_open(&l->home, cli->home, &err);
	if (!rc)
		rc = config_make_default(&l->home, &err);
	if (!rc)
		rc = config_load(&l->home, &l->config, &err);
	if (!rc)
		rc = config_instances(l->config, &l->home, NULL, &l->wanted, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

void
local_close(struct local *l)
{
	instance_close(l->instance);
	config_instances_free(&l->wanted);
	config_free(l->config);
	home_close(&l->home);
	memset(l, 0, sizeof *l);
}

const struct config_plugin *
local_find(const struct local *l, const char *name, const char *plugin)
{
	for (size_t i = 0; i < l->config->n_plugins; i++) {
		const struct config_plugin *p = &l->config->plugins[i];

		if (name ? strcmp(p->name, name) == 0
		         : p->enabled && strcmp(p->plugin, plugin) == 0)
			return p;
	}
	return NULL;
}

static struct instance_options *
options_of(struct local *l, const char *name)
{
	for (size_t i = 0; i < l->wanted.n; i++)
		if (strcmp(l->wanted.options[i].name, name) == 0)
			return &l->wanted.options[i];
	return NULL;
}

int
local_start(struct cli *cli, struct local *l, const char *name, const char *plugin,
            const char *config)
{
	const struct config_plugin *p = local_find(l, name, plugin);
	struct instance_options    *options = p ? options_of(l, p->name) : NULL;
	struct b3iq_error           err = NO_ERROR;
	int32_t                     rc;

	if (!options)
		return cli_error(cli, CLI_NOT_FOUND,
		                 "the plugin %s is not enabled in this home: b3iq plugin enable %s",
		                 name ? name : plugin, name ? name : plugin);
	if (config)
		options->config = config;
	l->name = p->name;
	rc = instance_create(options, &l->instance, &err);
	if (rc)
		return cli_fail(cli, rc, &err);
	instance_start(l->instance);
	rc = instance_wait(l->instance, START_MS, &err);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

int
local_models(struct cli *cli, struct local *l, struct json_object **out)
{
	const struct b3iq_inference *backend = instance_inference(l->instance);
	struct b3iq_error            err = NO_ERROR;
	struct buf                   text;
	int32_t                      rc;

	*out = NULL;
	if (!backend)
		return cli_error(cli, CLI_FAILED, "%s is no inference plugin", l->name);
	buf_init(&text, 16u << 20);
	rc = backend->models(l->instance, &text.writer, &err);
	if (!rc)
		rc = json_parse(text.data ? text.data : "", text.len, "the plugin's list of models",
		                out, &err);
	buf_free(&text);
	return rc ? cli_fail(cli, rc, &err) : CLI_OK;
}

struct json_object *
local_model(struct json_object *models, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		struct json_object *m = json_object_array_get_idx(models, i);
		const char         *its = NULL;

		if (json_get_string(m, "id", NULL, &its, NULL) == B3IQ_OK && its &&
		    strcmp(its, id) == 0)
			return m;
	}
	return NULL;
}
