/* receipt.c: which keys are believed, and which local model a receipt means. */
#include "../check.h"

#include <unistd.h>

#include "cli/option.h"
#include "cli/commands/receipt.c"

#define KEY "ed25519:fecfd8dd675d378b29b018904ec36981e19e2183dc42bf22dd65c2981a24b931"

static struct cli
cli_with(const struct cli_command *command, char **argv, int argc)
{
	struct cli        cli = { .command = command, .path = "test" };
	struct b3iq_error err = NO_ERROR;

	assert_int_equal(option_parse(&cli, argc, argv, &err), B3IQ_OK);
	return cli;
}

static void
test_pins(void **state)
{
	char        file[] = "/tmp/b3iq-pub-XXXXXX";
	const int   fd = mkstemp(file);
	struct cli  cli;
	struct pins p;

	(void)state;
	assert_int_equal(write(fd, KEY " node\n", sizeof KEY + 5), sizeof KEY + 5);
	close(fd);
	cli = cli_with(&receipt_verify_command, (char *[]){ "-k", KEY, "--key", file, "x" }, 5);
	assert_int_equal(pins(&cli, &p), CLI_OK);
	assert_int_equal(p.n, 2);
	assert_memory_equal(p.keys[0], p.keys[1], 32);
	cli = cli_with(&receipt_verify_command, (char *[]){ "-k", "ed25519:12", "x" }, 3);
	assert_int_equal(pins(&cli, &p), CLI_NOT_FOUND); /* neither a key nor a file */
	json_object_put(cli.result);
	assert_int_equal(path_write(file, "no key\n", 7, 0600, NULL), B3IQ_OK);
	cli = cli_with(&receipt_verify_command, (char *[]){ "-k", file, "x" }, 3);
	assert_int_equal(pins(&cli, &p), CLI_USAGE);
	json_object_put(cli.result);
	assert_int_equal(path_write(file, "", 0, 0600, NULL), B3IQ_OK);
	cli = cli_with(&receipt_verify_command, (char *[]){ "-k", file, "x" }, 3);
	assert_int_equal(pins(&cli, &p), CLI_USAGE);
	json_object_put(cli.result);
	unlink(file);
}

static void
means(char **argv, int argc, const char *receipt_model, const char *expected)
{
	struct json_object *models = json_tokener_parse(
		"[{\"id\":\"mini\",\"builtin\":true},{\"id\":\"big\"}]");
	struct cli     cli = cli_with(&receipt_audit_command, argc ? argv : NULL, argc);
	struct receipt r = { .seq = 1 };
	const char    *id;

	snprintf(r.model, sizeof r.model, "%s", receipt_model);
	id = local_id(&cli, models, &r);
	if (expected)
		assert_string_equal(id, expected);
	else
		assert_null(id);
	json_object_put(models);
}

static void
test_which_model(void **state)
{
	(void)state;
	means(NULL, 0, "big", "big");
	means(NULL, 0, "cpu/big", "big");
	means(NULL, 0, "default", "mini");
	means(NULL, 0, "unknown", NULL);
	means((char *[]){ "--model", "big" }, 2, "unknown", "big");
	means((char *[]){ "-m", "absent" }, 2, "default", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pins),
		                            cmocka_unit_test(test_which_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
