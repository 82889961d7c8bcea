/* run.h - runs the tests, each in a process of its own, and tells what became of them.
 *
 * The process is this program again (`--test NAME`), in its own process group, with a time limit
 * and an empty scratch folder.  What it prints is kept and shown only if it fails.
 */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include <regex.h>

#include "check.h"

struct run_options {
	const char *self;             /* this program's path                            */
	const char *plugin;           /* absolute path of the .so                       */
	char *const *pass;            /* the options that each test process gets too    */
	uint32_t    kind;             /* of the plugin; 0: unknown, run what fits all     */
	regex_t    *only, *except;    /* NULL: all, none                                 */
	unsigned    limit_s;          /* instead of the tests' own; 0: theirs             */
	bool        sandbox, json, valgrind;
};

/* Prints TAP (or JSON) to stdout.  Returns whether every test that MUST pass did. */
bool run_all(const struct run_options *);
void run_list(void);
/* The test of that name ("load/entry-twice"), or NULL. */
const struct check_test *run_find(const char *name);

#endif
