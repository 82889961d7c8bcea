/* config.h - an instance's section of config.json, made ready for create().
 *
 * A field of format "secret" is never a plain value: the operator's file either leaves it out, and
 * the value lies in the file of the same name in the instance's secrets directory, or says
 * {"secret":"name"}.  Everything else is validated against the plugin's own schema, with defaults
 * filled in.  What create() gets is therefore always complete and valid.
 */
#ifndef CORE_PLUGIN_FILE_CONFIG_H
#define CORE_PLUGIN_FILE_CONFIG_H

#include "core/base/buf.h"
#include "core/plugin/file/manifest.h"

#define CONFIG_MAX        (1024u * 1024)
#define CONFIG_SECRET_MAX (64u * 1024)

/* Appends the checked config as compact JSON.  `text` may be NULL or empty: {}.  `name` is the
 * instance, for errors; secrets_dir may be NULL: no secrets. */
int32_t config_check(const struct manifest *, const char *name, const char *text,
                     const char *secrets_dir, struct buf *out, struct b3iq_error *err);

/* Gives the value of a secret to a writer: the content of secrets_dir/name without one trailing
 * newline.  The file must be regular, not a symlink, ours or root's, and closed to group and
 * others; otherwise B3IQ_E_DENIED.  B3IQ_E_NOT_FOUND if there is none. */
int32_t config_secret(const char *secrets_dir, const char *name, struct b3iq_writer *,
                      struct b3iq_error *err);

#endif
