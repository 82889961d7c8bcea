/* plugin-check - holds a plugin to the contract of plugin.h.  See README.md. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/plugin/sandbox/child.h"
#include "core/plugin/file/note.h"
#include "defaults.h"
#include "run.h"

#define CONFIG_MAX (1u << 20)

static const char usage[] =
        "plugin-check [options] plugin.so\n"
        "Runs the conformance tests on a plugin, each in a process of its own, and prints TAP.\n"
        "\n"
        "  --inline            in the test's process (default; for gdb, valgrind, sanitizers)\n"
        "  --sandbox           in a child over the host's wire, as the host runs it\n"
        "  --config FILE|JSON  config members that go before those made up from the manifest's\n"
        "                      schema; secrets in clear\n"
        "  --model ID          model that inference tests ask for (default: the first listed)\n"
        "  --credential S:C    a good credential for auth tests, e.g. Bearer:abc\n"
        "  --only REGEX        only tests whose name matches\n"
        "  --except REGEX      no test whose name matches\n"
        "  --limit SECONDS     that a test may take (default: 20, some more)\n"
        "  --json              a JSON array instead of TAP\n"
        "  --valgrind          run each test under valgrind\n"
        "  --list              print the tests and what they ask\n"
        "  --info              print the manifest, running nothing\n"
        "\n"
        "Exit status: 0 all that must pass did; 1 not so; 2 wrong usage.\n";

struct arguments {
	const char *config, *model, *credential, *only, *except, *test, *scratch, *file;
	unsigned    limit_s;
	bool        sandbox, json, valgrind, list, info;
	char       *pass[16]; /* what a test process needs to know too            */
	size_t      n_pass;
};

enum { OPT_CONFIG = 256, OPT_MODEL, OPT_CREDENTIAL, OPT_ONLY, OPT_EXCEPT, OPT_LIMIT, OPT_TEST,
       OPT_SCRATCH, OPT_INLINE, OPT_SANDBOX, OPT_JSON, OPT_VALGRIND, OPT_LIST, OPT_INFO, OPT_HELP };

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "model", required_argument, NULL, OPT_MODEL },
	{ "credential", required_argument, NULL, OPT_CREDENTIAL },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "except", required_argument, NULL, OPT_EXCEPT },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "test", required_argument, NULL, OPT_TEST },
	{ "scratch", required_argument, NULL, OPT_SCRATCH },
	{ "inline", no_argument, NULL, OPT_INLINE },
	{ "sandbox", no_argument, NULL, OPT_SANDBOX },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "valgrind", no_argument, NULL, OPT_VALGRIND },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "info", no_argument, NULL, OPT_INFO },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static void
pass(struct arguments *a, const char *option, const char *value)
{
	a->pass[a->n_pass++] = (char *)(uintptr_t)option;
	if (value)
		a->pass[a->n_pass++] = (char *)(uintptr_t)value;
}

static bool
option(struct arguments *a, int which)
{
	switch (which) {
	case OPT_CONFIG:
		a->config = optarg;
		return true;
	case OPT_MODEL:
		a->model = optarg;
		return true;
	case OPT_CREDENTIAL:
		a->credential = optarg;
		return strchr(optarg, ':') != NULL;
	case OPT_ONLY:
		a->only = optarg;
		return true;
	case OPT_EXCEPT:
		a->except = optarg;
		return true;
	case OPT_LIMIT:
		a->limit_s = (unsigned)strtoul(optarg, NULL, 10);
		return a->limit_s > 0 && a->limit_s <= 86400;
	case OPT_TEST:
		a->test = optarg;
		return true;
	case OPT_SCRATCH:
		a->scratch = optarg;
		return true;
	case OPT_INLINE:
		a->sandbox = false;
		return true;
	case OPT_SANDBOX:
		a->sandbox = true;
		return true;
	case OPT_JSON:
		return a->json = true;
	case OPT_VALGRIND:
		return a->valgrind = true;
	case OPT_LIST:
		return a->list = true;
	case OPT_INFO:
		return a->info = true;
	default:
		return false;
	}
}

static bool
parse(struct arguments *a, int argc, char **argv)
{
	int which;

	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!option(a, which))
			return false;
	if (a->list)
		return true;
	if (optind + 1 != argc)
		return false;
	a->file = argv[optind];
	if (a->config)
		pass(a, "--config", a->config);
	if (a->model)
		pass(a, "--model", a->model);
	if (a->credential)
		pass(a, "--credential", a->credential);
	if (a->sandbox)
		pass(a, "--sandbox", NULL);
	if (a->valgrind)
		pass(a, "--valgrind", NULL);
	return true;
}

/* The manifest as the host would read it: from the note, without loading the file. */
static int32_t
manifest(const char *file, struct json_object **out, struct b3iq_error *err)
{
	struct buf text;
	int        fd = open(file, O_RDONLY | O_CLOEXEC);
	int32_t    rc;

	if (fd < 0)
		return fail(err, B3IQ_E_NOT_FOUND, "%s cannot be opened", file);
	buf_init(&text, NOTE_MAX);
	rc = note_read(fd, file, &text, err);
	if (rc == B3IQ_OK)
		rc = json_parse(text.data, text.len, file, out, err);
	buf_free(&text);
	close(fd);
	return rc;
}

static uint32_t
kind_of(struct json_object *m)
{
	static const char *const kinds[] = { "inference", "ledger", "auth" };
	struct json_object      *kind;

	if (m && json_object_object_get_ex(m, "kind", &kind) && kind)
		for (uint32_t i = 0; i < 3; i++)
			if (strcmp(json_object_get_string(kind), kinds[i]) == 0)
				return B3IQ_INFERENCE + i;
	return 0;
}

/* The process of one test. */
static int
test(const struct arguments *a, const char *plugin)
{
	const struct check_test *t = run_find(a->test);
	struct b3iq_error        err = NO_ERROR;
	struct buf               given;
	struct check             c = { .plugin = plugin, .scratch = a->scratch, .model = a->model,
		                       .sandbox = a->sandbox, .slow = a->valgrind };

	must(t, "there is no test %s", a->test);
	must(a->scratch, "--test needs --scratch");
	fcntl(CHECK_FD, F_SETFD, FD_CLOEXEC);
	buf_init(&given, CONFIG_MAX);
	if (a->credential) {
		char *colon = strchr(a->credential, ':');

		c.scheme = strndup(a->credential, (size_t)(colon - a->credential));
		c.credential = colon + 1;
	}
	manifest(plugin, &c.manifest, NULL);
	c.kind = kind_of(c.manifest);
	if (a->config && a->config[0] == '{')
		buf_puts(&given, a->config);
	else if (a->config)
		must(path_read(a->config, &given, &err) == B3IQ_OK, "%s", err.text);
	defaults_config(&c, a->config ? given.data : NULL, given.len);
	t->run(&c);
	must(write(CHECK_FD, CHECK_WORD, strlen(CHECK_WORD)) > 0,
	     "plugin-check: the runner has gone");
	buf_free(&given);
	json_object_put(c.manifest);
	json_object_put(c.config);
	json_object_put(c.secrets);
	free((char *)(uintptr_t)c.scheme);
	return CHECK_PASSED;
}

static int
info(const char *plugin)
{
	struct json_object *m = NULL;
	struct b3iq_error   err = NO_ERROR;

	if (manifest(plugin, &m, &err) != B3IQ_OK) {
		fprintf(stderr, "plugin-check: %s\n", err.text);
		return 1;
	}
	puts(json_object_to_json_string_ext(m, JSON_C_TO_STRING_PRETTY |
	                                               JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(m);
	return 0;
}

static int
all(const struct arguments *a, const char *plugin)
{
	struct json_object *m = NULL;
	struct b3iq_error   err = NO_ERROR;
	regex_t             only, except;
	char                self[PATH_MAX];
	ssize_t             n = readlink("/proc/self/exe", self, sizeof self - 1);
	bool                passed;
	struct run_options  o = { .self = self, .plugin = plugin, .pass = a->pass,
		                  .sandbox = a->sandbox, .json = a->json, .valgrind = a->valgrind,
		                  .limit_s = a->limit_s };

	if (n < 0 || (a->only && regcomp(&only, a->only, REG_EXTENDED | REG_NOSUB) != 0) ||
	    (a->except && regcomp(&except, a->except, REG_EXTENDED | REG_NOSUB) != 0)) {
		fputs(usage, stderr);
		return 2;
	}
	self[n] = 0;
	if (manifest(plugin, &m, &err) != B3IQ_OK)
		fprintf(stderr, "plugin-check: %s\n", err.text);
	o.kind = kind_of(m);
	o.only = a->only ? &only : NULL;
	o.except = a->except ? &except : NULL;
	passed = run_all(&o);
	json_object_put(m);
	if (a->only)
		regfree(&only);
	if (a->except)
		regfree(&except);
	return passed ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct arguments a = { 0 };
	char             plugin[PATH_MAX];

	if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
		return plugin_child_main(argc, argv);
	if (!parse(&a, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (a.list) {
		run_list();
		return 0;
	}
	if (!realpath(a.file, plugin)) {
		fprintf(stderr, "plugin-check: there is no file %s\n", a.file);
		return 2;
	}
	if (a.info)
		return info(plugin);
	return a.test ? test(&a, plugin) : all(&a, plugin);
}
