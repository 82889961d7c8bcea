/* manifest.h - what a plugin says about itself (schemas/plugin-manifest.json), parsed and checked.
 *
 * Everything is borrowed from `json`, which the manifest owns.  Immutable after manifest_parse(),
 * so any thread may read it.
 */
#ifndef CORE_PLUGIN_FILE_MANIFEST_H
#define CORE_PLUGIN_FILE_MANIFEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define MANIFEST_NAME     64 /* bytes of the name of a plugin, an instance or a secret */
#define MANIFEST_LIST_MAX 64 /* as in the schema: needs, env, egress; keys has fewer */

struct manifest_need {
	const char *library, *path; /* one of the two, the other NULL */
	const char *why;
};

struct manifest {
	struct json_object *json;   /* the whole document, defaults filled in         */
	struct json_object *config; /* schema of the config, within the subset        */
	const char *id, *name, *version, *summary, *license;
	uint32_t    kind;           /* B3IQ_INFERENCE, B3IQ_LEDGER or B3IQ_AUTH       */
	uint32_t    abi;            /* as B3IQ_ABI                                    */
	bool        may_inline;     /* isolation: "inline"                            */
	size_t      n_needs, n_env, n_keys, n_egress;
	struct manifest_need needs[MANIFEST_LIST_MAX];
	const char *env[MANIFEST_LIST_MAX], *keys[MANIFEST_LIST_MAX], *egress[MANIFEST_LIST_MAX];
};

/* `file` names the document in errors.  On failure *m is empty (manifest_free() is fine). */
int32_t manifest_parse(const char *text, size_t len, const char *file, struct manifest *m,
                       struct b3iq_error *err);
/* note_read() and manifest_parse() in one. */
int32_t manifest_read(int fd, const char *file, struct manifest *m, struct b3iq_error *err);
void    manifest_free(struct manifest *);

/* "inference", "ledger", "auth"; "unknown" otherwise.  And back: 0 if there is no such kind. */
const char *manifest_kind_name(uint32_t kind);
uint32_t    manifest_kind(const char *name);

/* May this be the name of a secret, a plugin, an instance?  [a-z0-9][a-z0-9._-]*, at most
 * MANIFEST_NAME bytes. */
bool manifest_name(const char *name);

#endif
