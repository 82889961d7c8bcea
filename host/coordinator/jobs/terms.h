/* terms.h - what a job asks of a worker, what a worker can do, and whether the two fit.
 *
 * Both are values read from JSON that strangers wrote; unknown members are ignored.  The text of a
 * struct terms is canonical, so that jobs that ask the same wait in the same line.
 */
#ifndef COORDINATOR_JOBS_TERMS_H
#define COORDINATOR_JOBS_TERMS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "coordinator/jobs/job.h"
#include "core/base/buf.h"

#define TERMS_WORD   65
#define TERMS_MODELS 4    /* that one job may ask for beside its own */
#define SKILLS_MODELS 256

struct terms {
	char     gpu[TERMS_WORD], cuda[17], region[33]; /* "": any                        */
	uint32_t min_vram_mb, min_quality;              /* quality in permille            */
	uint32_t n_models;
	char     models[TERMS_MODELS][JOB_MODEL_SIZE];
	uint64_t max_price;                             /* micro-AITBC, 0: none said      */
};

struct skills {
	char     gpu[256];                              /* names of all, lower case       */
	char     cuda[17], region[33];
	uint32_t vram_mb, n_models;
	bool     any_model;
	char   (*models)[JOB_MODEL_SIZE];               /* owned; sorted                  */
};

/* constraints may be NULL.  B3IQ_E_INVALID names the member. */
int32_t terms_read(struct json_object *constraints, struct terms *out, struct b3iq_error *err);
/* "" if nothing is asked; B3IQ_E_INVALID if longer than JOB_TERMS_SIZE. */
int32_t terms_write(const struct terms *, char out[JOB_TERMS_SIZE], struct b3iq_error *err);
/* The text of terms_write() again. */
int32_t terms_parse(const char *text, struct terms *out, struct b3iq_error *err);

/* capabilities and models may be NULL. */
int32_t skills_read(struct json_object *capabilities, struct json_object *models,
                    const char *region, struct skills *out, struct b3iq_error *err);
void    skills_free(struct skills *);
bool    skills_have(const struct skills *, const char *model);
/* Takes a model away, as a worker that said it does not have it. */
void    skills_drop(struct skills *, const char *model);

bool    terms_fit(const struct terms *, const char *model, const struct skills *,
                  uint32_t quality);

#endif
