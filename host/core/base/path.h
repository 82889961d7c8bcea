/* path.h - files of the B3IQ home: found, read within a limit, replaced atomically. */
#ifndef CORE_BASE_PATH_H
#define CORE_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"

#define PATH_SIZE 4096

/* $B3IQ_HOME, or ~/.b3iq; made absolute.  Neither exists nor is created here. */
int32_t path_home(char out[PATH_SIZE], struct b3iq_error *err);
/* "a/b/c" from parts up to NULL; B3IQ_E_INVALID if longer than PATH_SIZE. */
int32_t path_join(char out[PATH_SIZE], struct b3iq_error *err, const char *first, ...)
        __attribute__((sentinel));
/* Creates the directory and its parents, the last with `mode`; fine if it exists. */
int32_t path_make_dir(const char *dir, mode_t mode, struct b3iq_error *err);
/* The whole file into buf (whose maximum is the limit). */
int32_t path_read(const char *file, struct buf *, struct b3iq_error *err);
/* Replaces the file by rename after fsync of file and directory: after a crash there is the old
 * or the new content, never a part. */
int32_t path_write(const char *file, const void *, size_t, mode_t mode, struct b3iq_error *err);
bool    path_exists(const char *file);

#endif
