/* catalog.h - what Ollama has: models with their context and quantisation, and its version.
 *
 * /api/show is asked once for each version (digest) of a model.  These are simple questions: they
 * are answered within config connect_ms or not at all.  All functions on any thread.
 */
#ifndef OLLAMA_CATALOG_H
#define OLLAMA_CATALOG_H

#include <stdint.h>

#include "config.h"
#include "upstream.h"

#define CATALOG_MAX     512u /* models kept in mind; the oldest goes */
#define CATALOG_NAME    256u
#define CATALOG_VERSION 32u

struct catalog;

struct catalog_model {
	char    name[CATALOG_NAME + 1];
	char    digest[65];       /* "" : not known    */
	char    quantisation[33]; /* "" : not known    */
	int64_t context;          /* what is asked of Ollama: the model's, at most config context */
};

int32_t catalog_create(struct catalog **, const struct config *, struct b3iq_error *);
void    catalog_destroy(struct catalog *);

/* The version of Ollama, asked for now. */
int32_t catalog_version(struct catalog *, char out[CATALOG_VERSION], struct b3iq_error *);
/* Appends models.json. */
int32_t catalog_list(struct catalog *, struct b3iq_writer *, struct b3iq_error *);
/* One model, from memory or by /api/show.  B3IQ_E_NOT_FOUND: not there, or not offered. */
int32_t catalog_find(struct catalog *, const char *model, struct upstream_stop,
                     struct catalog_model *, struct b3iq_error *);
/* The model turned out to be gone. */
void    catalog_forget(struct catalog *, const char *model);

#endif
