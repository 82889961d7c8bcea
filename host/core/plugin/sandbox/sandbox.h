/* sandbox.h - the process that a plugin runs in: this program again, with a socket, the memory of
 * its rings, and nothing else.
 *
 * posix_spawn() of /proc/self/exe, so that it works with any number of threads around, and with the
 * program file replaced.  The child dies with the *thread* that spawned it (PR_SET_PDEATHSIG is a
 * matter of threads): spawn it from one that lives as long.
 */
#ifndef CORE_PLUGIN_SANDBOX_SANDBOX_H
#define CORE_PLUGIN_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/plugin/file/manifest.h"

#define SANDBOX_REASON 96

struct sandbox {
	pid_t pid;
	int   pid_fd;   /* readable when it has ended                      */
	int   socket;   /* give it to remote_create(), which then owns it: -1 */
	int   rings;    /* memory for `width` rings, see ring.h            */
	int   err_fd;   /* what it writes to stderr; non-blocking          */
};

/* Environment: PATH, LANG, HOME = state_dir, and what the manifest lists from our own. */
int32_t sandbox_spawn(const char *instance, const struct manifest *, const char *state_dir,
                      uint32_t width, struct sandbox *out, struct b3iq_error *err);
/* Sends a signal to exactly this process; nothing if it has ended. */
void    sandbox_signal(const struct sandbox *, int signal);
/* Kills it if it still runs, waits for its end and frees everything.  `reason` says how it ended:
 * "killed by SIGSEGV", "ended with status 3". */
void    sandbox_finish(struct sandbox *, char reason[SANDBOX_REASON]);

#endif
