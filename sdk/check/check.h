/* check.h - one conformance test at work.
 *
 * Every test is a process of its own, so it may end itself the moment it knows its verdict, at
 * whatever depth and on whatever thread, and nothing has to be cleaned up behind it.  The verdict
 * is the exit status; the reason goes to CHECK_FD, where the runner reads it.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

#define CHECK_FD     3    /* the runner's end of the verdict                    */
#define CHECK_PASSED 0    /* counts only if CHECK_WORD came too: a plugin may exit(0) */
#define CHECK_WORD   "passed"
#define CHECK_FAILED 1
#define CHECK_SKIPPED 77

enum {
	CHECK_SHOULD = 1, /* advice: a failure does not count                   */
	CHECK_INLINE = 2, /* says nothing through the sandbox                   */
	CHECK_TIMED = 4   /* measures time or memory: says nothing in valgrind  */
};

struct check { /* what a test gets to know                                */
	const char         *plugin;   /* absolute path of the .so             */
	const char         *scratch;  /* absolute; an empty folder of this test */
	struct json_object *manifest; /* NULL if the note is missing or unreadable */
	struct json_object *config;   /* for create(): secrets replaced         */
	struct json_object *secrets;  /* name -> value                          */
	char                unready[320]; /* why there is no config, or ""       */
	const char         *model;    /* --model, or NULL: the first of models() */
	const char         *scheme;   /* --credential, or NULL                  */
	const char         *credential;
	uint32_t            kind;     /* of the manifest; 0 without one          */
	bool                sandbox, slow; /* through the wire; under valgrind   */
};

struct check_test {
	const char *name;
	void (*run)(const struct check *);
	uint32_t    kind;    /* only for plugins of this kind; 0: for all             */
	uint32_t    flags;
	unsigned    limit_s; /* 0: 20 s                                               */
	const char *what;    /* one line for --list                                   */
};

struct check_group {
	const char              *name;
	const struct check_test *tests; /* up to one without a name                */
};

extern const struct check_group check_groups[]; /* up to one without a name   */
extern const struct check_test file_tests[], load_tests[], lifecycle_tests[], thread_tests[],
        inference_tests[], ledger_tests[], auth_tests[], error_tests[];

/* The verdict; ends the process.  A test that returns has passed. */
__attribute__((format(printf, 1, 2))) _Noreturn void check_fail(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) _Noreturn void check_skip(const char *fmt, ...);

#define must(condition, ...)                     \
	do {                                     \
		if (!(condition))                \
			check_fail(__VA_ARGS__); \
	} while (0)

#endif
