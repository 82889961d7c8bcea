/* local.h - a plugin of the home, started here for one task, in its sandbox, without the node.
 *
 * For what must not depend on a running node: audits, the self-test, looking at a model file. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "cli/cli.h"
#include "core/plugin/instance/instance.h"
#include "node/config.h"

struct local {
	struct home             home;
	struct config          *config;
	struct config_instances wanted;
	struct instance        *instance;
	const char             *name;      /* of the instance, in the config */
};

/* Reads the home's config (makes a home that is not there).  Returns an exit code, said. */
int  local_open(struct cli *, struct local *);
void local_close(struct local *);
/* Starts the instance of that name, or (NULL) the first of plugin `plugin`, and waits until it is
 * ready; `config` replaces its section (NULL: as configured). */
int  local_start(struct cli *, struct local *, const char *name, const char *plugin,
                 const char *config);
/* The instance's models() as an array. */
int  local_models(struct cli *, struct local *, struct json_object **out);
/* The model of that id in such an array, or NULL. */
struct json_object *local_model(struct json_object *models, const char *id);
/* The name and section of the first instance of a plugin, or NULL. */
const struct config_plugin *local_find(const struct local *, const char *name, const char *plugin);

#endif
