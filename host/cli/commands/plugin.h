/* plugin.h - what the plugin commands share: the home's config, and a plugin as it lies on disk. */
#ifndef CLI_COMMANDS_PLUGIN_H
#define CLI_COMMANDS_PLUGIN_H

#include "cli/cli.h"
#include "core/plugin/file/catalog.h"
#include "node/config.h"

struct plugin_desk {
	struct home    home;
	struct config *config;
};

/* Returns an exit code, said. */
int  plugin_desk_open(struct cli *, struct plugin_desk *);
void plugin_desk_close(struct plugin_desk *);
/* The instance of that name in the config, or NULL. */
const struct config_plugin *plugin_configured(const struct plugin_desk *, const char *instance);
/* Finds the plugin behind a name: that of the configured instance, else the plugin of the name
 * itself.  Even where it may not be used, what could be read of it is there: item->rc.  Free with
 * catalog_close() and free(). */
int  plugin_find(struct cli *, struct plugin_desk *, const char *name, struct catalog_item **);
/* Tells a running node; that there is none is fine. */
int  plugin_tell_node(struct cli *);

extern const struct cli_command plugin_config_command;

#endif
