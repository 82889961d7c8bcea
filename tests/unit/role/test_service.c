#include "core/role/service.c"
#include "../home.h"

#include <sys/wait.h>

/* What the roles did, a letter each, told to the test through a pipe. */
static int told[2];

static void
tell(char what, const void *options)
{
	const char line[2] = { what, *(const char *)options };

	assert_int_equal(write(told[1], line, 2), 2);
}

static int32_t
start(const void *options, void **role, struct b3iq_error *err)
{
	(void)err;
	if (*(const char *)options == 'x')
		return B3IQ_E_INVALID;
	tell('s', options);
	*role = (void *)(uintptr_t)options;
	return B3IQ_OK;
}

static void
ready(void *role, const void *options)
{
	assert_ptr_equal(role, options);
	tell('r', options);
}

static void
reload(void *role)
{
	tell('l', role);
}

static int32_t
stop(void *role, struct b3iq_error *err)
{
	(void)err;
	tell('e', role);
	return *(char *)role == 'z' ? B3IQ_E_TIMEOUT : B3IQ_OK;
}

#define ROLE(letter) { letter, letter, start, ready, reload, stop }

static void
expect(const char *text)
{
	char got[64] = "";

	for (size_t n = 0; n < strlen(text);) {
		const ssize_t more = read(told[0], got + n, strlen(text) - n);

		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_string_equal(got, text);
}

/* Runs the roles in a process of their own; its exit status is minus the result. */
static pid_t
run(const struct service *services, size_t n)
{
	struct b3iq_error err = NO_ERR;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0)
		_exit(-service_run(services, n, &err));
	return pid;
}

static void
assert_ends(pid_t pid, int32_t rc)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(-WEXITSTATUS(status), rc);
	close(told[0]);
	close(told[1]);
}

static void
test_life(void **state)
{
	static const struct service two[] = { ROLE("a"), ROLE("b") };
	const pid_t pid = run(two, 2);

	(void)state;
	expect("sasbrarb");
	kill(pid, SIGHUP);
	expect("lalb");
	kill(pid, SIGTERM);
	expect("ebea");
	assert_ends(pid, B3IQ_OK);
}

/* One that cannot start: those before it are stopped, nobody says ready. */
static void
test_cannot_start(void **state)
{
	static const struct service two[] = { ROLE("a"), ROLE("x"), ROLE("b") };
	const pid_t pid = run(two, 3);

	(void)state;
	expect("saea");
	assert_ends(pid, B3IQ_E_INVALID);
}

/* One that stops badly does not keep the others from stopping. */
static void
test_stops_badly(void **state)
{
	static const struct service two[] = { ROLE("a"), ROLE("z") };
	const pid_t pid = run(two, 2);

	(void)state;
	expect("saszrarz");
	kill(pid, SIGINT);
	expect("ezea");
	assert_ends(pid, B3IQ_E_TIMEOUT);
}

static void
test_too_many(void **state)
{
	static const struct service many[SERVICE_MAX + 1];
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_int_equal(service_run(many, SERVICE_MAX + 1, &err), B3IQ_E_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_stops_badly),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
