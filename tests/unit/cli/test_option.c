/* option.c: which command, which options, which words; and errors that name the remedy. */
#include "../check.h"

#include "cli/option.c"
#include "sample.h"

/* Parses "b3iq thing add" and these words. */
static int32_t
parse(struct cli *cli, struct b3iq_error *err, char **argv)
{
	int argc = 0;

	*cli = (struct cli){ .root = &sample, .command = &sample_add };
	*err = NO_ERROR;
	snprintf(cli->path, sizeof cli->path, "b3iq thing add");
	while (argv[argc])
		argc++;
	return option_parse(cli, argc, argv, err);
}
#define PARSE(cli, err, ...) parse(cli, err, (char *[]){ __VA_ARGS__, NULL })

static void
refused(char **argv, const char *says)
{
	struct b3iq_error err;
	struct cli        cli;

	assert_int_equal(parse(&cli, &err, argv), B3IQ_E_INVALID);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}
#define REFUSED(says, ...) refused((char *[]){ __VA_ARGS__, NULL }, says)

static void
test_finds_the_command(void **state)
{
	char      *words[] = { "thing", "add", "x", NULL };
	char     **argv = words;
	int        argc = 3;
	struct cli cli = { .root = &sample };

	(void)state;
	option_command(&cli, &argc, &argv);
	assert_ptr_equal(cli.command, &sample_add);
	assert_string_equal(cli.path, "b3iq thing add");
	assert_int_equal(argc, 1);
	assert_string_equal(argv[0], "x");
}

static void
test_common_options_may_come_first(void **state)
{
	char      *words[] = { "--json", "--home", "thing", "thing", "--home=y", "add", "x", NULL };
	char     **argv = words;
	int        argc = 7;
	struct cli cli = { .root = &sample };

	(void)state;
	option_command(&cli, &argc, &argv);
	assert_string_equal(cli.path, "b3iq thing add");
	assert_int_equal(argc, 5);
	assert_string_equal(argv[0], "--json");
	assert_string_equal(argv[2], "thing"); /* the value of --home */
	assert_string_equal(argv[3], "--home=y");
	assert_string_equal(argv[4], "x");
}

static void
test_all_spellings(void **state)
{
	struct b3iq_error err;
	struct cli        cli;

	(void)state;
	assert_int_equal(
		PARSE(&cli, &err, "--model", "a", "w1", "--count=3", "-aq", "-mb", "-n", "4", "w2"),
		0);
	assert_string_equal(cli_text(&cli, "model", ""), "b"); /* the last one counts */
	assert_int_equal(cli_int(&cli, "count", 0), 4);
	assert_true(cli_flag(&cli, "all"));
	assert_true(cli_flag(&cli, "quiet"));
	assert_int_equal(cli.n_words, 2);
	assert_string_equal(cli_word(&cli, 0), "w1");
	assert_string_equal(cli_word(&cli, 1), "w2");
	assert_null(cli_word(&cli, 2));
}

static void
test_words_that_look_like_options(void **state)
{
	struct b3iq_error err;
	struct cli        cli;

	(void)state;
	assert_int_equal(PARSE(&cli, &err, "-", "--", "--all", "-x"), 0);
	assert_int_equal(cli.n_words, 3);
	assert_string_equal(cli_word(&cli, 0), "-");
	assert_string_equal(cli_word(&cli, 2), "-x");
	assert_false(cli_flag(&cli, "all"));
	assert_int_equal(PARSE(&cli, &err, "--warmth", "-0.5", "--model="),
	                 0); /* a value may begin with - */
	assert_true(cli_number(&cli, "warmth", 0) == -0.5);
	assert_string_equal(cli_text(&cli, "model", "x"), "");
}

static void
test_defaults(void **state)
{
	struct b3iq_error err;
	struct cli        cli;

	(void)state;
	assert_int_equal(PARSE(&cli, &err, "w"), 0);
	assert_int_equal(cli_int(&cli, "count", 7), 7);
	assert_null(cli_text(&cli, "model", NULL));
	assert_true(cli_number(&cli, "warmth", 1.5) == 1.5);
	assert_int_equal(PARSE(&cli, &err, "--json", "-h"), 0);
	assert_true(cli_flag(&cli, "json"));
	assert_true(cli_flag(&cli, "help"));
}

static void
test_refusals_name_the_word(void **state)
{
	(void)state;
	REFUSED("perhaps --model", "--modle", "x");
	REFUSED("no option --completely-else", "--completely-else");
	REFUSED("no option -z", "-az");
	REFUSED("--all takes no value", "--all=1");
	REFUSED("--model NAME", "--model");
	REFUSED("-n N", "-n");
	REFUSED("between 1 and 9", "--count", "10");
	REFUSED("between 1 and 9", "-n0");
	REFUSED("no whole number", "--count", "3x");
	REFUSED("no whole number", "--count", "");
	REFUSED("no whole number", "--count", "99999999999999999999");
	REFUSED("no number", "--warmth", "nan");
	REFUSED("no number", "--warmth", "warm");
	REFUSED("between -1 and 2", "--warmth", "2.01");
}

static void
test_too_many_options(void **state)
{
	char             *argv[CLI_GIVEN + 2];
	struct b3iq_error err;
	struct cli        cli;

	(void)state;
	for (size_t i = 0; i <= CLI_GIVEN; i++)
		argv[i] = "--all";
	argv[CLI_GIVEN + 1] = NULL;
	assert_int_equal(parse(&cli, &err, argv), B3IQ_E_INVALID);
	argv[CLI_GIVEN] = NULL;
	assert_int_equal(parse(&cli, &err, argv), B3IQ_OK);
}

static void
test_distance(void **state)
{
	char lengthy[80];

	(void)state;
	assert_int_equal(option_distance("model", "model"), 0);
	assert_int_equal(option_distance("modle", "model"), 1);
	assert_int_equal(option_distance("mode", "model"), 1);
	assert_int_equal(option_distance("", "abc"), 3);
	assert_int_equal(option_distance("kitten", "sitting"), 3);
	assert_int_equal(option_distance("abcdefghij", "0123456789"), 9);
	memset(lengthy, 'x', sizeof lengthy - 1);
	lengthy[sizeof lengthy - 1] = '\0';
	assert_int_equal(option_distance(lengthy, "x"), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_command),
		cmocka_unit_test(test_common_options_may_come_first),
		cmocka_unit_test(test_all_spellings),
		cmocka_unit_test(test_words_that_look_like_options),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals_name_the_word),
		cmocka_unit_test(test_too_many_options),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
