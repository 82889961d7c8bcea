/* home.h - the B3IQ home: where the files of all roles lie, and who may use them now.
 *
 *   config.json        what the operator wants
 *   state.db           the node's: jobs, receipts, keys, audit
 *   keys/node.key      identity (0600)       keys/node.pub   the same for verifiers
 *   keys/cli.key       the local CLI's API key (0600)
 *   keys/trust/        public keys of plugin signers
 *   secrets/INSTANCE/  secrets of plugin instances (0600)
 *   plugins/INSTANCE/  their private state
 *   ROLE.lock          held by the running role ("node", "chain" ...); its pid and URL
 */
#ifndef CORE_ROLE_HOME_H
#define CORE_ROLE_HOME_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/path.h"

struct home {
	char dir[PATH_SIZE];
	int  lock_fd; /* -1: not locked */
};

/* dir NULL: path_home().  Creates home and its folders (0700) where absent; refuses a home that
 * others may write to. */
int32_t home_open(struct home *, const char *dir, struct b3iq_error *err);
void    home_close(struct home *); /* gives the lock back */
/* A file of the home: home_path(h, out, err, "keys", "node.key", NULL). */
int32_t home_path(const struct home *, char out[PATH_SIZE], struct b3iq_error *err, ...)
        __attribute__((sentinel));
/* One of each role a home: B3IQ_E_BUSY with the pid of the one that runs.  A struct home holds one
 * lock. */
int32_t home_lock(struct home *, const char *role, struct b3iq_error *err);
/* Tells the CLI of this home where the role listens; while the lock is held. */
#define HOME_URL_SIZE 256
void    home_announce(const struct home *, const char *url);
/* The pid of the process that holds the role's lock, or 0; and where it listens (url may be NULL),
 * "" while it does not yet. */
pid_t   home_locked_by(const struct home *, const char *role, char url[HOME_URL_SIZE]);

#endif
