/* fakehost.h - the host that a plugin meets here: it keeps every promise of plugin.h, records each
 * call that the plugin makes, holds it to the rules, and breaks down on demand.
 *
 * The key-value store is a folder, one file a key, synced before kv_put() returns: it is what is
 * left after a test process has "lost power".  Upcalls may come from any thread.
 */
#ifndef CHECK_FAKEHOST_H
#define CHECK_FAKEHOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "core/base/buf.h"
#include "lend.h"

#define FAKEHOST_KEY "check" /* the key that the operator named for the instance */

enum fakehost_call { FAKE_SECRET, FAKE_SIGN, FAKE_PUBLIC_KEY, FAKE_KV_GET, FAKE_KV_PUT, FAKE_WRITE,
	             FAKE_LOG, FAKE_METRIC, FAKE_EXTENSION, FAKE_CALLS };

struct fakehost_fault {
	unsigned at;   /* breaks at the at-th call that can fail, from 1; 0: never   */
	int32_t  code; /* what that call returns ...                                 */
	bool     die;  /* ... or instead the process ends, after the call did its work */
};

struct fakehost {
	struct b3iq_host     *table; /* lent to the plugin                          */
	struct lend           loan, name_loan, dir_loan;
	const struct check   *check;
	char                  state_dir[512], kv_dir[512];
	struct fakehost_fault fault;
	atomic_uint           calls[FAKE_CALLS];
	atomic_uint           fallible; /* calls so far that a fault could hit          */
	atomic_int            inside;   /* calls of the host into this instance now       */
	atomic_int            submits;  /* of those, submit()                              */
	pthread_mutex_t       lock;     /* guards what follows                              */
	char                  signer[128];
	struct buf            said;     /* every word that would reach a log or metric         */
	char                  wrong[256]; /* the first rule that was broken                    */
};

/* Every host of one test has the same key-value store, and a state folder of its own. */
void fakehost_init(struct fakehost *, const struct check *, const char *instance);
/* Takes the table away; fails the test if a rule was broken. */
void fakehost_finish(struct fakehost *);
void fakehost_wrong(struct fakehost *, const char *rule);
/* Did the plugin say this anywhere that an operator's log would keep? */
bool fakehost_said(struct fakehost *, const char *what);

/* A writer that takes at most `max` bytes and can break as the host's other calls do. */
struct fakehost_writer {
	struct b3iq_writer writer; /* first                                       */
	struct fakehost   *host;
	struct buf         data;
	int32_t            refused; /* what the injected failure was, or 0          */
};
void fakehost_writer_init(struct fakehost_writer *, struct fakehost *, size_t max);

#endif
