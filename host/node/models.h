/* models.h - which models there are, and which plugin instance runs one.
 *
 * The list is what the ready inference instances say, asked again when it is older than
 * MODELS_FRESH_MS, when an instance started anew, or after models_forget().  A model is named by
 * its id; where two instances offer the same id, it has to be asked for as "instance/id", so that
 * nobody gets another backend than he meant.  "instance/id" always works.
 * [any thread; no lock is held while a plugin is asked]
 */
#ifndef NODE_MODELS_H
#define NODE_MODELS_H

#include "core/base/buf.h"
#include "core/plugin/instance/plugins.h"

#define MODELS_FRESH_MS 10000
#define MODELS_ID_SIZE  257
#define MODELS_MAX      4096

struct models;

struct model {
	char     id[MODELS_ID_SIZE];           /* as the instance knows it             */
	char     name[MODELS_ID_SIZE + 66];    /* as clients ask for it                */
	char     instance[65];
	char     engine[129], profile[65], architecture[65], quantisation[65];
	uint64_t context, size;
	bool     has_root, builtin, resident;
	uint8_t  root[32];
};

struct models *models_create(struct plugins *);
void           models_destroy(struct models *);
/* What was known is stale: an instance changed, or said that it has no such model. */
void           models_forget(struct models *);

/* Finds what `name` means ("default": default_model, else the built-in or the only model).  *out is
 * a copy and *instance a reference.  Waits a while for instances that are starting.
 * B3IQ_E_NOT_FOUND, with what to ask for instead; B3IQ_E_UNAVAILABLE: instances are still starting.
 */
int32_t models_find(struct models *, const char *name, const char *default_model, struct model *out,
                    struct instance **instance, struct b3iq_error *err);
/* A backend that computes exactly may know a model's root only once the model is loaded, and without
 * its root no receipt is exact: loads it then.  true: find it again, to know what there is now. */
bool    models_load_for_root(struct models *, const struct model *, struct instance *);
/* Calls each() for every model, by name.  While there is none at all, waits a while for instances that
 * are starting. */
int32_t models_list(struct models *, int32_t (*each)(void *arg, const struct model *), void *arg,
                    struct b3iq_error *err);
/* How many were known at the last look; asks nobody. */
size_t  models_known(struct models *);

#endif
