/* cli.c: from the command line to the exit code, with stdout and stderr as they must be. */
#include "../check.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/cli.c"
#include "sample.h"

struct outcome {
	int  exit;
	char out[8192], err[8192];
};

static int
failing(struct cli *cli)
{
	const struct b3iq_error err = { .size = sizeof err, .text = "the\x1b[2J thing is gone" };

	return cli_fail(cli, B3IQ_E_NOT_FOUND, &err);
}

static int
speaking(struct cli *cli)
{
	cli_say(cli, "spoken %d\n", 7);
	cli_put_text(cli, "said", "spoken");
	cli_put(cli, "words", json_object_new_int((int)cli->n_words));
	return CLI_OK;
}

static const struct cli_command fail_command = { .name = "fail",
	                                         .summary = "fails",
	                                         .run = failing };
static const struct cli_command say_command = {
	.name = "say", .summary = "says", .most = 2, .words = "[A] [B]", .run = speaking
};
static const struct cli_command tree = {
	.name = "b3iq",
	.summary = "tests",
	.about = "Tests.",
	.subs = (const struct cli_command *const[]){ &fail_command, &say_command, &sample_thing,
	                                             NULL },
};

/* Runs it in a child, with stdout and stderr in files. */
static struct outcome
try(char **argv)
{
	struct outcome o = { .exit = -1 };
	int            status, argc = 0;
	FILE          *f[2] = { tmpfile(), tmpfile() };
	pid_t          pid;

	while (argv[argc])
		argc++;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fileno(f[0]), STDOUT_FILENO);
		dup2(fileno(f[1]), STDERR_FILENO);
		status = cli_main(&tree, argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	o.exit = WEXITSTATUS(status);
	for (int i = 0; i < 2; i++) {
		rewind(f[i]);
		assert_true(fread(i ? o.err : o.out, 1, 8191, f[i]) < 8191);
		fclose(f[i]);
	}
	return o;
}

static void
test_text(void **state)
{
	const struct outcome o = try((char *[]){ "b3iq", "say", "a", NULL });

	(void)state;
	assert_int_equal(o.exit, CLI_OK);
	assert_string_equal(o.out, "spoken 7\n");
	assert_string_equal(o.err, "");
}

static void
test_json(void **state)
{
	const struct outcome o = try((char *[]){ "b3iq", "say", "--json", NULL });
	struct json_object  *doc = json_tokener_parse(o.out);

	(void)state;
	assert_int_equal(o.exit, CLI_OK);
	assert_string_equal(json_object_get_string(json_object_object_get(doc, "said")), "spoken");
	json_object_put(doc);
}

static void
test_errors_are_one_harmless_sentence(void **state)
{
	struct outcome      o = try((char *[]){ "b3iq", "fail", NULL });
	struct json_object *doc, *error;

	(void)state;
	assert_int_equal(o.exit, CLI_NOT_FOUND);
	assert_string_equal(o.out, "");
	assert_string_equal(o.err, "b3iq fail: the\\x1b[2J thing is gone\n");
	o = try((char *[]){ "b3iq", "fail", "--json", NULL });
	doc = json_tokener_parse(o.out);
	error = json_object_object_get(doc, "error");
	assert_int_equal(o.exit, CLI_NOT_FOUND);
	assert_string_equal(json_object_get_string(json_object_object_get(error, "code")),
	                    "not_found");
	json_object_put(doc);
}

static void
test_usage(void **state)
{
	(void)state;
	assert_int_equal(try((char *[]){ "b3iq", "nonsense", NULL }).exit, CLI_USAGE);
	assert_non_null(strstr(try((char *[]){ "b3iq", "sya", NULL }).err, "perhaps say"));
	assert_int_equal(try((char *[]){ "b3iq", "say", "a", "b", "c", NULL }).exit, CLI_USAGE);
	assert_int_equal(try((char *[]){ "b3iq", "say", "--nope", NULL }).exit, CLI_USAGE);
	assert_int_equal(try((char *[]){ "b3iq", "thing", "add", NULL }).exit, CLI_USAGE);
	assert_int_equal(try((char *[]){ "b3iq", "thing", NULL }).exit, CLI_USAGE);
	assert_int_equal(try((char *[]){ "b3iq", "../evil", NULL }).exit, CLI_USAGE);
	assert_int_equal(try((char *[]){ "b3iq", NULL }).exit, CLI_OK);
	assert_int_equal(try((char *[]){ "b3iq", "thing", "add", "--help", NULL }).exit, CLI_OK);
	/* A wrong command line with --json is an object too. */
	assert_non_null(strstr(try((char *[]){ "b3iq", "say", "--nope", "--json", NULL }).out,
	                       "\"usage\""));
}

static void
test_exit_codes_of_errors(void **state)
{
	static const struct {
		int32_t rc;
		int     exit;
	} map[] = { { B3IQ_E_NOT_FOUND, CLI_NOT_FOUND }, { B3IQ_E_DENIED, CLI_DENIED },
		    { B3IQ_E_CANCELLED, CLI_CANCELLED }, { B3IQ_E_INVALID, CLI_FAILED },
		    { B3IQ_E_TIMEOUT, CLI_FAILED },      { B3IQ_E_DIED, CLI_FAILED } };
	const struct b3iq_error empty = NO_ERROR;
	struct cli              cli = { .path = "test" };

	(void)state;
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		assert_int_equal(cli_fail(&cli, map[i].rc, &empty), map[i].exit);
	json_object_put(cli.result);
}

/* b3iq-NAME from PATH gets the words that follow. */
static void
test_extension(void **state)
{
	char  dir[] = "/tmp/b3iq-path-XXXXXX", file[64], path[4096];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/b3iq-hello", dir);
	f = fopen(file, "w");
	fputs("#!/bin/sh\necho \"hello $1 $2\"\nexit 42\n", f);
	fclose(f);
	chmod(file, 0755);
	snprintf(path, sizeof path, "%s:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	{
		const struct outcome o = try((char *[]){ "b3iq", "hello", "--big", "world", NULL });

		assert_int_equal(o.exit, 42);
		assert_string_equal(o.out, "hello --big world\n");
	}
	unlink(file);
	rmdir(dir);
}

static void
test_interrupt(void **state)
{
	const int fd = cli_interrupt_fd();
	uint64_t  n;

	(void)state;
	assert_true(fd >= 0);
	assert_true(read(fd, &n, sizeof n) < 0);
	raise(SIGINT);
	assert_int_equal(read(fd, &n, sizeof n), sizeof n);
	cli_interrupt_reset();
	raise(SIGINT); /* the first again */
	cli_interrupt_release();
	assert_true(read(fd, &n, sizeof n) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_errors_are_one_harmless_sentence),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_exit_codes_of_errors),
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_interrupt),
	};

	setenv("NO_COLOR", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
