/* completion.c: the scripts, and that bash really completes by them. */
#include "../check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "cli/completion.c"
#include "sample.h"

static char *
script(const char *shell)
{
	char  *text = NULL;
	size_t n;
	FILE  *f = open_memstream(&text, &n);

	assert_int_equal(completion_print(&sample, shell, f, NULL), B3IQ_OK);
	fclose(f);
	return text;
}

/* What bash offers after these words; false: there is no bash. */
static bool
offers(const char *words, const char *expected)
{
	char    program[16384], out[512] = "", *text = script("bash");
	int     fds[2], status;
	ssize_t n;
	pid_t   pid;

	snprintf(program, sizeof program,
	         "%s\nCOMP_WORDS=(%s)\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_b3iq\necho "
	         "\"${COMPREPLY[*]}\"\n",
	         text, words);
	free(text);
	if (access("/bin/bash", X_OK))
		return false;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/bash", "bash", "-c", program, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], out, sizeof out - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(out, expected);
	return true;
}

static void
test_bash(void **state)
{
	(void)state;
	if (!offers("b3iq t", "thing"))
		skip();
	offers("b3iq thing ''", "add --json --home --help");
	offers("b3iq thing add --m", "--model");
	offers("b3iq thing --json add --c", "--count");
	offers("b3iq go --model", "");
}

static void
test_fish_and_zsh(void **state)
{
	char *text = script("fish");

	(void)state;
	assert_non_null(
		strstr(text, "complete -c b3iq -f -n __fish_use_subcommand -a thing -d 'things'"));
	assert_non_null(strstr(text, "-l model -s m -x -d 'a model'"));
	assert_non_null(strstr(text, "-l file -r -F -d 'it\\'s a file'"));
	free(text);
	text = script("zsh");
	assert_int_equal(strncmp(text, "#compdef b3iq\n", 14), 0);
	free(text);
}

static void
test_unknown_shell(void **state)
{
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(completion_print(&sample, "tcsh", stdout, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "bash, zsh and fish"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bash), cmocka_unit_test(test_fish_and_zsh),
		cmocka_unit_test(test_unknown_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
