/* roots.h - model roots that were computed once, remembered by the identity of the file.
 *
 * The root of a model reads all of its weights; the answer is kept in `<state_dir>/roots`, one line
 * a file, and holds as long as path, size, modification time, inode and device are the same.
 */
#ifndef B3IQ_CPU_ROOTS_H
#define B3IQ_CPU_ROOTS_H

#include <stdbool.h>
#include "engine/file/root.h"

#define ROOTS_HEX (2 * ROOT_SIZE + 1)

/* What a file is recognised by. */
struct roots_stamp {
	uint64_t size, mtime_ns, inode, device;
};

/* Errors: B3IQ_E_NOT_FOUND. */
int32_t roots_stamp(const char *path, struct roots_stamp *, struct b3iq_error *);
bool roots_same(const struct roots_stamp *, const struct roots_stamp *);

/* Looks the root up; false: not known. */
bool roots_find(const char *state_dir, const char *path, const struct roots_stamp *,
                char hex[ROOTS_HEX]);
/* Computes and remembers it.  That it could not be remembered is no error. */
int32_t roots_compute(const char *state_dir, const char *path, const struct roots_stamp *,
                      unsigned threads, char hex[ROOTS_HEX], struct b3iq_error *);

#endif
