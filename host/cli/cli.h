/* cli.h - what a command of `b3iq` is, and what it is given when it runs.
 *
 * A command is a table: its words, options, examples and exit codes are data, from which parsing,
 * help, the man page and shell completion all follow.  Nothing about a command is written twice.
 *
 *   Output    Text goes to stdout by cli_say(); with --json stdout is one JSON object instead,
 *             which the command fills in cli->result.  Errors are one sentence on stderr, with
 *             the remedy; with --json also {"error":{"code","message"}} on stdout.
 *   Strangers What a model, a server or a file says goes through term_text(), never straight to a
 *             terminal: control characters could move the cursor or do worse.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/fail.h"

/* Exit codes: X(name, code, meaning).  docs/cli.md, help and man page show this table. */
#define CLI_EXITS(X)                                                                         \
	X(OK, 0, "done")                                                                     \
	X(FAILED, 1, "it failed; the sentence on stderr says why and what mends it")         \
	X(USAGE, 2, "the command line is wrong")                                             \
	X(NOT_FOUND, 3, "no such model, key, plugin, receipt or file")                       \
	X(DENIED, 4,                                                                         \
	  "not allowed: a missing or wrong API key, or a file with the wrong owner or mode") \
	X(NO_NODE, 5, "nobody answers: no node, no coordinator")                             \
	X(UNVERIFIED, 6, "a receipt does not verify")                                        \
	X(DIFFERS, 7, "an audit found another output than the receipt claims")               \
	X(UNAUDITABLE, 8,                                                                    \
	  "a receipt cannot be audited: tier T0, missing openings, another profile")         \
	X(UNPAID, 9, "the funds do not suffice; nothing was submitted")                      \
	X(NOT_READY, 10, "the job has not ended yet")                                        \
	X(JOB_ENDED_BADLY, 11, "the job failed, expired or was cancelled; nothing was paid") \
	X(CANCELLED, 130, "stopped with Ctrl-C")

enum cli_exit {
#define CLI_EXIT_ENUM(name, code, text) CLI_##name = (code),
	CLI_EXITS(CLI_EXIT_ENUM)
#undef CLI_EXIT_ENUM
};

struct cli_exit_entry {
	int         code;
	const char *name, *text;
};
extern const struct cli_exit_entry cli_exits[]; /* ends with a NULL name */

/* ---- the tables --------------------------------------------------------- */

enum cli_kind {
	CLI_FLAG,   /* --name                                  */
	CLI_TEXT,   /* --name TEXT                             */
	CLI_PATH,   /* the same, completed as a file           */
	CLI_INT,    /* a whole number within least..most       */
	CLI_NUMBER  /* a number within least..most             */
};

struct cli_option {
	const char   *name;   /* without dashes; NULL ends the table        */
	char          letter; /* or 0                                       */
	enum cli_kind kind;
	const char   *value;  /* what help calls the value; NULL for a flag */
	const char   *help;
	double        least, most;
};

struct cli_example {
	const char *line, *what;
};

struct cli;

struct cli_command {
	const char *name, *summary;         /* summary: one line, no full stop        */
	const char *words;                  /* as help shows them: "NAME [FILE]"      */
	unsigned    least, most;            /* how many words; most 0: none           */
	const char *about;                  /* a paragraph that teaches               */
	const struct cli_option *options;   /* or NULL                                */
	struct cli_example examples[5];     /* two to four; ends with an empty one    */
	const int *exits;                   /* beyond 0, 1 and 2; ends with 0; or NULL */
	const struct cli_command *const *subs; /* NULL-terminated; then no run        */
	int (*run)(struct cli *);           /* returns an exit code                   */
};

/* Options that every command has. */
extern const struct cli_option cli_common[];

/* ---- one run ------------------------------------------------------------ */

#define CLI_GIVEN 64 /* options on one command line */

struct cli {
	const struct cli_command *root;    /* of the whole tree                       */
	const struct cli_command *command; /* what was asked for                      */
	char        path[96];              /* "b3iq model add"                        */
	char      **words;                 /* after the options                       */
	size_t      n_words;
	struct {
		const struct cli_option *option;
		const char              *value;
	} given[CLI_GIVEN];
	size_t      n_given;
	bool        json;
	const char *home;                  /* --home, or NULL                         */
	struct json_object *result;        /* with --json: what stdout gets           */
};

/* Parses, runs, prints the result: the whole program. */
int cli_main(const struct cli_command *root, int argc, char **argv);

/* What was given; a text that was given several times counts last.  `otherwise` if it was not. */
bool        cli_flag(const struct cli *, const char *name);
const char *cli_text(const struct cli *, const char *name, const char *otherwise);
int64_t     cli_int(const struct cli *, const char *name, int64_t otherwise);
double      cli_number(const struct cli *, const char *name, double otherwise);
/* The i-th word, or NULL. */
const char *cli_word(const struct cli *, size_t i);

/* ---- output ------------------------------------------------------------- */

/* Text on stdout; nothing with --json. */
__attribute__((format(printf, 2, 3))) void cli_say(const struct cli *, const char *fmt, ...);
/* Says what is wrong on stderr, and in the result; returns `exit`. */
__attribute__((format(printf, 3, 4))) int cli_error(struct cli *, int exit, const char *fmt, ...);
/* The same for an error of the house; the exit code follows from rc. */
int cli_fail(struct cli *, int32_t rc, const struct b3iq_error *err);
/* Puts a member into the result; takes value over. */
void cli_put(struct cli *, const char *key, struct json_object *value);
void cli_put_text(struct cli *, const char *key, const char *value);

/* ---- Ctrl-C ------------------------------------------------------------- */

/* From now on Ctrl-C makes this descriptor readable instead of ending the program; a second one
 * before cli_interrupt_reset() ends it with 130.  -1 if it cannot be had. */
int  cli_interrupt_fd(void);
void cli_interrupt_reset(void);
/* Ctrl-C ends the program again. */
void cli_interrupt_release(void);

#endif
