/* subject.h - the plugin under test: one instance of it, with a fake host around it.
 *
 * The tables are the plugin's own, or those of a sandbox child that has loaded it; a test cannot
 * tell.  Every call here lends its arguments (lend.h), gives results a slot of B3IQ_SLOT bytes, and
 * holds the answer to what plugin.h says of all calls: a code of the closed list, nothing written
 * beyond the known struct, terminated text.  What is broken ends the test.
 */
#ifndef CHECK_SUBJECT_H
#define CHECK_SUBJECT_H

#include "boxed.h"
#include "core/plugin/load/backend.h"
#include "fakehost.h"
#include "listener.h"

struct subject {
	const struct check *check;
	struct fakehost     host;
	struct backend      be;         /* its functions, cut to what ABI 1.0 knows        */
	struct b3iq_plugin  plugin;     /* inline: its table, cut likewise                 */
	struct boxed       *boxed;      /* NULL: inline                                    */
	char                model[257]; /* the one that tests ask for; "": it lists none   */
	uint32_t            context;    /* its tokens; 0: unknown                          */
};

struct reply { /* what every call comes back with                            */
	int32_t           rc;
	bool              absent; /* the plugin has no such function (rc: UNSUPPORTED)   */
	double            ms;
	struct b3iq_error err;
};

/* Loads the file and asks its entry point; fails the test if that is not to be had. */
const struct b3iq_plugin *subject_entry(const struct check *, uint32_t host_abi);
/* Cuts a sender's table down to `size` bytes, zero beyond what its own size reaches. */
void subject_table(void *to, size_t size, const void *from);

/* subject_open() is subject_prepare(), which makes the fake host, and subject_create(), which
 * fails the test if create() does not succeed.  Skips the test if there is no config. */
void         subject_open(struct subject *, const struct check *);
void         subject_prepare(struct subject *, const struct check *);
void         subject_create(struct subject *);
/* Says what create() said.  If that was no success, subject_close() is not needed.  config NULL:
 * the check's. */
struct reply subject_try(struct subject *, const char *config);
void         subject_close(struct subject *); /* destroy(), and the host's own verdict */

/* A request; zero members mean what they mean in b3iq_gen_request. */
struct ask {
	const char *model, *body; /* NULL: the subject's model; a small chat            */
	uint32_t    flags, max_tokens, top_logprobs;
	uint64_t    seed, deadline_ms;
	float       temperature;
};

struct reply subject_generate(struct subject *, const struct ask *, struct listener *,
                              struct b3iq_usage *);
struct reply subject_replay(struct subject *, const struct ask *, const int32_t *ids, size_t n,
                            struct listener *, struct b3iq_usage *);
struct reply subject_probe(struct subject *, struct buf *out);
struct reply subject_models(struct subject *, struct buf *out);
struct reply subject_load(struct subject *, const char *model);
struct reply subject_unload(struct subject *, const char *model);
struct reply subject_embed(struct subject *, const char *model, const char *body, struct buf *out,
                           struct b3iq_usage *);

struct reply subject_quote(struct subject *, const struct b3iq_ledger_op *, struct b3iq_tx *);
struct reply subject_submit(struct subject *, const struct b3iq_ledger_op *, struct b3iq_tx *);
struct reply subject_status(struct subject *, const uint8_t key[32], struct b3iq_tx *);
struct reply subject_query(struct subject *, const char *what, struct buf *out);

struct reply subject_authenticate(struct subject *, const struct b3iq_auth_request *,
                                  struct b3iq_principal *);
struct reply subject_login(struct subject *, const char *state, const char *in, uint32_t *next,
                           struct buf *state_out, struct buf *out, struct b3iq_principal *);

#endif
