/* note.h - reads the manifest out of a shared object without running a line of it.
 *
 * The manifest is an ELF note (sdk/plugin.h, B3IQ_MANIFEST): owner "B3", type 1, in a PT_NOTE
 * segment.  The file is hostile until proven otherwise: every offset and size is checked against
 * the file's size before it is followed, and nothing is mapped.  ELF64, little-endian, ET_DYN, of
 * the machine that this program was built for.
 */
#ifndef CORE_PLUGIN_FILE_NOTE_H
#define CORE_PLUGIN_FILE_NOTE_H

#include <stdbool.h>

#include "core/base/buf.h"

#define NOTE_MAX (256u * 1024) /* no manifest is longer */

/* Appends the manifest's JSON text (without its NUL) to `json`.  fd is read with pread(), its
 * position does not move.  `file` names it in errors.  B3IQ_E_NOT_FOUND: a sound shared object that
 * carries no manifest; B3IQ_E_UNSUPPORTED: for another machine; B3IQ_E_INVALID: anything else. */
int32_t note_read(int fd, const char *file, struct buf *json, struct b3iq_error *err);

/* Is the file at this path a shared object of this machine?  It needs no manifest. */
bool    note_is_library(const char *path);

#endif
