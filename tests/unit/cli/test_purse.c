/* purse.c: where passwords come from, and how the daemon of the home is found. */
#include "purse.h"

#include <pthread.h>
#include <termios.h>

#include "cli/option.h"
#include "cli/purse.c"

static const struct cli_option options[] = { PURSE_PASSWORD,
	                                     { .name = "new-password-file", .kind = CLI_PATH,
	                                       .value = "FILE", .help = "new" },
	                                     { .name = NULL } };
static const struct cli_command command = { .name = "test", .options = options };
static const struct cli_command root = { .name = "b3iq" };

static struct cli cli; /* of the test that runs */

static void
use(const struct session *s, char **argv, int argc)
{
	struct b3iq_error err = NO_ERROR;

	json_object_put(cli.result);
	cli = (struct cli){ .command = &command, .path = "b3iq test", .home = s->home };
	assert_int_equal(option_parse(&cli, argc, argv, &err), B3IQ_OK);
}

static void
finish(struct session *s)
{
	json_object_put(cli.result);
	cli.result = NULL;
	session_end(s);
}

static void
test_files_and_descriptors(void **state)
{
	char           file[PATH_SIZE], out[PURSE_PASSWORD_SIZE], number[16];
	char *by_file[] = { "--password-file", file }, *by_fd[] = { "--password-fd", number };
	struct session s;
	int            fds[2];

	(void)state;
	purse_begin(&s, &root);
	session_path(&s, "pass", file);
	use(&s, by_file, 2);
	assert_int_equal(purse_password(&cli, "", "password-file", true, out), CLI_OK);
	assert_string_equal(out, PASSWORD);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(purse_password(&cli, "", "password-file", false, out), CLI_DENIED);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "first\nsecond password\n", 22), 22);
	snprintf(number, sizeof number, "%d", fds[0]);
	use(&s, by_fd, 2);
	assert_int_equal(purse_password(&cli, "", "password-file", false, out), CLI_OK);
	assert_string_equal(out, "first"); /* a line each; rules are for new ones */
	assert_int_equal(purse_password(&cli, "", "password-file", true, out), CLI_OK);
	assert_string_equal(out, "second password");
	close(fds[1]);
	assert_int_equal(purse_password(&cli, "", "password-file", false, out), CLI_FAILED);
	close(fds[0]);
	assert_int_equal(purse_password(&cli, "", "password-file", false, out), CLI_FAILED);
	assert_int_equal(purse_password(&cli, "", "password-file", false, NULL), CLI_FAILED);
	finish(&s);
}

/* ---- on a terminal -------------------------------------------------------------------- */

struct typist {
	int         master, slave, prompts; /* prompts: what the program says, a pipe */
	const char *lines[2];
	char        seen[4096];
};

static bool
echoes(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0 && (t.c_lflag & ECHO);
}

/* Types each line when its prompt has come and the terminal shows nothing any more. */
static void *
type(void *arg)
{
	struct typist *t = arg;
	size_t         at = 0, n;
	ssize_t        got;
	char           c = 0;

	for (n = 0; n < 2 && t->lines[n]; n++) {
		while (c != ':' && (got = read(t->prompts, &c, 1)) == 1)
			if (at < sizeof t->seen - 1)
				t->seen[at++] = c;
		c = 0;
		while (echoes(t->slave))
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		if (write(t->master, t->lines[n], strlen(t->lines[n])) < 0)
			return NULL;
	}
	return arg;
}

static int
on_terminal(struct typist *t, char *out, char *shown, size_t size)
{
	int       said[2], saved_in = dup(STDIN_FILENO), saved_err = dup(STDERR_FILENO), exit;
	pthread_t thread;
	ssize_t   n;

	assert_int_equal(openpty(&t->master, &t->slave, NULL, NULL, NULL), 0);
	assert_int_equal(pipe(said), 0);
	t->prompts = said[0];
	dup2(t->slave, STDIN_FILENO);
	dup2(said[1], STDERR_FILENO);
	assert_int_equal(pthread_create(&thread, NULL, type, t), 0);
	exit = purse_password(&cli, "New password", "password-file", true, out);
	pthread_join(thread, NULL);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_in);
	close(saved_err);
	close(said[0]);
	close(said[1]);
	assert_true(echoes(t->slave)); /* as it was before */
	close(t->slave);
	n = read(t->master, shown, size - 1); /* what the terminal showed */
	shown[n > 0 ? n : 0] = '\0';
	close(t->master);
	return exit;
}

static void
test_prompt_without_echo(void **state)
{
	struct typist  same = { .lines = { "a long password\n", "a long password\n" } };
	struct typist  differs = { .lines = { "a long password\n", "another password\n" } };
	char           out[PURSE_PASSWORD_SIZE], shown[4096];
	struct session s;

	(void)state;
	purse_begin(&s, &root);
	use(&s, NULL, 0);
	assert_int_equal(on_terminal(&same, out, shown, sizeof shown), CLI_OK);
	assert_string_equal(out, "a long password");
	assert_says(same.seen, "New password");
	assert_silent_about(shown, "password");
	assert_int_equal(on_terminal(&differs, out, shown, sizeof shown), CLI_FAILED);
	assert_silent_about(shown, "password");
	finish(&s);
}

/* ---- wallets and the daemon ------------------------------------------------------------- */

static void
test_keys_and_lockout(void **state)
{
	char                  file[PATH_SIZE], wrong[PATH_SIZE];
	char *good[] = { "--password-file", file }, *bad[] = { "--password-file", wrong };
	struct keystore_entry e;
	struct ed25519_key   *key;
	struct session        s;
	struct purse          p;
	int                   i;

	(void)state;
	purse_begin(&s, &root);
	purse_wallet(&s, "alice", &e);
	session_path(&s, "pass", file);
	session_path(&s, "wrong", wrong);
	use(&s, good, 2);
	assert_int_equal(purse_open(&cli, &p), CLI_OK);
	assert_int_equal(purse_entry(&cli, &p, "nobody", &e), CLI_NOT_FOUND);
	assert_int_equal(purse_entry(&cli, &p, "alice", &e), CLI_OK);
	assert_int_equal(purse_key(&cli, &p, &e, &key), CLI_OK);
	assert_memory_equal(ed25519_public(key), e.pub, 32);
	ed25519_free(key);
	use(&s, bad, 2);
	for (i = 0; i < LOCKOUT_FREE; i++)
		assert_int_equal(purse_key(&cli, &p, &e, &key), CLI_DENIED);
	assert_null(key);
	purse_close(&p);
	finish(&s);
}

static void
test_daemon(void **state)
{
	struct json_object   *answer = NULL, *body = json_object_new_object();
	struct b3iq_error     err = NO_ERROR;
	struct wallet_options o = { .port = 0, .scrypt_n = 16, .quiet = true };
	struct keystore_entry e;
	struct wallet        *w;
	struct session        s;
	struct purse          p;
	int                   status;

	(void)state;
	purse_begin(&s, &root);
	purse_wallet(&s, "alice", &e);
	use(&s, NULL, 0);
	assert_int_equal(purse_open(&cli, &p), CLI_OK);
	assert_int_equal(purse_call(&p, "GET", "/v1/wallets", NULL, &status, &answer, &err),
	                 B3IQ_E_NOT_FOUND);
	assert_says(err.text, "b3iq wallet");
	o.home = s.home;
	assert_int_equal(wallet_start(&o, &w, &err), B3IQ_OK);
	assert_int_equal(purse_call(&p, "GET", "/v1/wallets", NULL, &status, &answer, &err),
	                 B3IQ_OK);
	assert_int_equal(status, 200);
	json_object_put(answer);
	json_object_object_add(body, "password", json_object_new_string("another password"));
	assert_int_equal(
		purse_call(&p, "POST", "/v1/wallets/alice/unlock", body, &status, &answer, &err),
		B3IQ_OK);
	assert_int_equal(status, 403);
	assert_int_equal(purse_refused(&cli, status, answer), CLI_DENIED);
	assert_int_equal(purse_refused(&cli, 404, NULL), CLI_NOT_FOUND);
	assert_int_equal(purse_refused(&cli, 500, NULL), CLI_FAILED);
	json_object_put(answer);
	json_object_put(body);
	assert_int_equal(wallet_stop(w, &err), B3IQ_OK);
	purse_close(&p);
	finish(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_and_descriptors),
		cmocka_unit_test(test_prompt_without_echo),
		cmocka_unit_test(test_keys_and_lockout),
		cmocka_unit_test(test_daemon),
	};

	return cmocka_run_group_tests_name("cli/purse", tests, NULL, NULL);
}
