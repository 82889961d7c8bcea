/* credential.h - API keys and tokens as a command line deals with them: made, shown once, listed,
 * revoked.
 *
 * A node, a coordinator and a wallet daemon each keep a key ring of their own (core/role/keyring.h); what
 * their commands say of its keys is said here.
 */
#ifndef CLI_CREDENTIAL_H
#define CLI_CREDENTIAL_H

#include "cli/cli.h"
#include "cli/term.h"
#include "core/role/keyring.h"

/* ---- create: the options that all have, and the secret ------------------- */

#define CREDENTIAL_DAYS                                                                        \
	{ .name = "days", .kind = CLI_INT, .value = "N",                                       \
	  .help = "valid for N days; default: for ever", .least = 1, .most = 36500 }
/* what: "key" or "token". */
#define CREDENTIAL_QUIET(what)                                                                 \
	{ .name = "quiet", .letter = 'q', .kind = CLI_FLAG,                                    \
	  .help = "print the " what " and nothing else" }

/* What the first word, --days, --rate and --burst say; what it may, the caller adds. */
struct key_spec credential_spec(const struct cli *);
/* Puts what is shown of a new one into the result: id, name, and what it may as the member `scopes`. */
void credential_put(struct cli *, const struct key *, const char *scopes);
/* The secret, alone on stdout; on stderr, unless --quiet, "KIND NAME (ID) ..." with what fmt says that it
 * may.  With --json nothing: then the secret is the member that the caller has put. */
__attribute__((format(printf, 5, 6))) void
credential_show(const struct cli *, const char *kind, const struct key *, const char *secret,
                const char *fmt, ...);

/* ---- list: a table for people, an array for programs --------------------- */

struct credential_list {
	struct json_object *rows;
	struct term_table   table;
	const char         *scopes, *models; /* what the members are called         */
	bool                all;             /* those revoked or expired, too       */
};

/* The option --all, and the end of the table. */
extern const struct cli_option credential_list_options[];

/* head: ID, NAME, STATE, the columns of the caller, models, scopes; up to NULL. */
void credential_list_init(struct credential_list *, const struct cli *, const char *const *head,
                          const char *scopes, const char *models);
/* Puts the result's member and prints the table.  After it the list is no more. */
void credential_list_finish(struct credential_list *, struct cli *, const char *member);
/* Whether this list shows the key. */
bool credential_listed(const struct credential_list *, const struct key *);
/* Begins its row: between the two the caller adds its cells, and members to what this returns. */
struct json_object *credential_row(struct credential_list *, const struct key *);
/* Ends it; takes the row over. */
int32_t credential_row_end(struct credential_list *, const struct key *, struct json_object *row);

/* ---- revoke -------------------------------------------------------------- */

/* Says that the credential of the first word is worthless now, or why not; returns the exit code. */
int credential_revoked(struct cli *, int32_t rc, const struct b3iq_error *err);

#endif
