/* trust.h - which file may be loaded: place, pin and signature.  docs/trust.md is the long form.
 *
 * Place: only NAME.so in a configured absolute directory, and every directory from / down and the
 * file itself belong to root or to the service's user, are writable by nobody else, and are no
 * symlinks.  Pin: the SHA-256 that the operator accepted.  Signature: NAME.so.sig, Ed25519 over
 * the 32 bytes of the SHA-256, by a key of the trust directory; it may stand in for the pin.
 */
#ifndef CORE_PLUGIN_FILE_TRUST_H
#define CORE_PLUGIN_FILE_TRUST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/path.h"

struct trust_file {           /* a file whose place was checked, held open            */
	int   fd;             /* O_RDONLY, close-on-exec; -1: none                    */
	dev_t dev;
	ino_t ino;
	char  path[PATH_SIZE];
	char  sha256[65];     /* lowercase hex of what the descriptor holds           */
	char  signer[65];     /* name of the key whose signature was accepted, or ""  */
};

/* Walks from / to dir/NAME.so for each of `dirs` (absolute, NULL-terminated) in order, and takes
 * the first that exists.  Refusals: B3IQ_E_DENIED, naming the part of the path and the remedy;
 * B3IQ_E_NOT_FOUND if no directory has it.  Free with trust_close(), also after an error. */
int32_t trust_open(const char *const *dirs, const char *name, struct trust_file *out,
                   struct b3iq_error *err);
/* The same of any path whose place is not checked: plugin-check, `b3iq plugin check`, tests. */
int32_t trust_open_anywhere(const char *path, struct trust_file *out, struct b3iq_error *err);
void    trust_close(struct trust_file *);

/* May NAME run?  Yes if `pin` is its SHA-256; or if a key in keys_dir (NULL: none) signed it for
 * this id.  No: B3IQ_E_DENIED, with both hashes and the command that accepts the file.
 * Key files: NAME.pub holds the key as "ed25519:<64 hex>", and optionally a second word, the prefix
 * of the plugin ids that it may sign ("org.example."); keys_dir and the files in it have to be as
 * closed to others as the plugin. */
int32_t trust_accept(struct trust_file *, const char *name, const char *id, const char *pin,
                     const char *keys_dir, struct b3iq_error *err);

#endif
