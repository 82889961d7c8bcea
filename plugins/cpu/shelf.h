/* shelf.h - the models of this plugin: those in the folder, the built-in one, and who is in memory.
 *
 * A model's id is the name of its file without ".gguf".  A model is loaded when it is first asked
 * for and stays until it is unloaded; a file that was replaced is loaded anew once nobody uses the
 * old one.
 *
 *   Threads   Any thread.  Loading one model does not hold up the others.
 */
#ifndef B3IQ_CPU_SHELF_H
#define B3IQ_CPU_SHELF_H

#include "cpu/config.h"
#include "engine/serve/resident.h"

struct shelf;
struct shelf_item;

int32_t shelf_create(struct shelf **, const struct b3iq_host *, const struct config *,
                     struct b3iq_error *);
void shelf_destroy(struct shelf *);

/* Looks at the folder and writes models.json.  Files that are no models are logged and left out. */
int32_t shelf_write(struct shelf *, struct b3iq_writer *, struct b3iq_error *);

/* A model in memory, for as long as the caller holds it.  Errors: B3IQ_E_NOT_FOUND, and those of
 * resident_open(). */
int32_t shelf_hold(struct shelf *, const char *id, struct shelf_item **, struct b3iq_error *);
struct resident *shelf_resident(struct shelf_item *);
void shelf_release(struct shelf *, struct shelf_item *);

/* B3IQ_E_BUSY: a request runs on it. */
int32_t shelf_unload(struct shelf *, const char *id, struct b3iq_error *);

#endif
