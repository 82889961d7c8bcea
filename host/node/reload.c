#include "node/reload.h"

#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "node/audit.h"

int32_t
reload_apply(struct node *node, const struct config *config, struct b3iq_error *err)
{
	struct config_instances wanted;
	int32_t rc = config_instances(config, &node->home, &node->services, &wanted, err);

	if (rc != B3IQ_OK)
		return rc;
	rc = plugins_reconcile(node->plugins, wanted.options, wanted.n, err);
	config_instances_free(&wanted);
	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&node->lock);
	snprintf(node->default_model, sizeof node->default_model, "%s", config->default_model);
	node->reloads++;
	pthread_mutex_unlock(&node->lock);
	auth_open_loopback(node->auth, config->open_loopback);
	auth_forget(node->auth);
	models_forget(node->models);
	return B3IQ_OK;
}

static struct json_object *
at(struct json_object *doc, const char *group, const char *key)
{
	struct json_object *found = NULL;

	if (json_object_object_get_ex(doc, group, &found) && key)
		json_object_object_get_ex(found, key, &found);
	return found;
}

/* What changed in the file and cannot change here. */
static struct json_object *
restart_needed(const struct node *node, const struct config *config)
{
	static const struct {
		const char *group, *key, *name;
	} fixed[] = {
		{ "node", "listen", "node.listen" },
		{ "node", "allow_remote", "node.allow_remote" },
		{ "node", "hosts", "node.hosts" },
		{ "node", "origins", "node.origins" },
		{ "node", "limits", "node.limits" },
		{ "node", "name", "node.name" },
		{ "worker", NULL, "worker" },
		{ "log", NULL, "log" },
	};
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < sizeof fixed / sizeof *fixed; i++) {
		if (json_object_equal(at(node->config->doc, fixed[i].group, fixed[i].key),
		                      at(config->doc, fixed[i].group, fixed[i].key)) ||
		    json_add(list, json_object_new_string(fixed[i].name)) == B3IQ_OK)
			continue;
		json_object_put(list);
		list = NULL;
	}
	return list;
}

/* Which instances are to run now, for the audit chain. */
static void
note(struct node *node, const struct config *config)
{
	struct buf names;

	buf_init(&names, 4096);
	for (size_t i = 0; i < config->n_plugins; i++)
		if (config->plugins[i].enabled)
			buf_printf(&names, "%s%s=%s", names.len ? " " : "", config->plugins[i].name,
			           config->plugins[i].plugin);
	audit_write(node->store, "config.reloaded", "", names.len ? names.data : "", NULL);
	log_event(B3IQ_LOG_INFO, "config.reloaded", "plugins=\"%s\"", names.len ? names.data : "");
	buf_free(&names);
}

int32_t
reload_config(struct node *node, struct json_object **report, struct b3iq_error *err)
{
	struct config *config;
	int32_t rc = config_load(&node->home, &config, err);

	if (rc == B3IQ_OK)
		rc = reload_apply(node, config, err);
	if (rc == B3IQ_OK)
		note(node, config);
	else
		log_event(B3IQ_LOG_ERROR, "config.refused", "reason=\"%s\"", err->text);
	if (rc == B3IQ_OK && report) {
		*report = json_object_new_object();
		if (!*report || json_put_bool(*report, "reloaded", true) != B3IQ_OK ||
		    json_put(*report, "restart_needed", restart_needed(node, config)) != B3IQ_OK)
			rc = fail_memory(err, "telling what changed");
	}
	config_free(config);
	return rc;
}
