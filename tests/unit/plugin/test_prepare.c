/* Each thing that a start can be refused for, in its order. */
#include "live.h"

#include "core/plugin/instance/prepare.c"

static int32_t
prepare(const struct instance_options *o, const char *says)
{
	struct b3iq_error err = NO_ERROR;
	struct prepare p;
	const int32_t rc = prepare_open(o, &p, &err);

	if (says != NULL && strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	if (rc == B3IQ_OK)
		assert_true(p.file.fd >= 0 && p.manifest.json != NULL && p.config.len >= 2);
	prepare_close(&p);
	return rc;
}

static void
test_a_file_anywhere(void **state)
{
	struct instance_options o = live_options(ECHO, NULL, false);
	char state_dir[PATH_MAX + 16];
	struct stat st;

	(void)state;
	snprintf(state_dir, sizeof state_dir, "%s/deep/state", live_dir);
	o.state_dir = state_dir;
	assert_int_equal(prepare(&o, NULL), B3IQ_OK);
	assert_int_equal(stat(state_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	o.run_inline = true; /* needs no pin where trust is not asked for */
	assert_int_equal(prepare(&o, NULL), B3IQ_OK);
	o.config = "{\"unknown\":1}";
	assert_int_equal(prepare(&o, "unknown"), B3IQ_E_INVALID);
	o.path = "/etc/passwd";
	assert_int_equal(prepare(&o, "no ELF"), B3IQ_E_INVALID);
	o.path = "/no/such";
	assert_int_equal(prepare(&o, NULL), B3IQ_E_NOT_FOUND);
	o.path = ECHO;
	o.config = NULL;
	o.state_dir = "/proc/cannot/be/made";
	assert_int_not_equal(prepare(&o, NULL), B3IQ_OK);
}

static void
test_with_trust(void **state)
{
	char dir[PATH_MAX], file[PATH_MAX + 16], pin[65];
	const char *const dirs[] = { dir, NULL };
	struct instance_options o = live_options(NULL, NULL, false);
	struct trust_file f;
	FILE *in = fopen(ECHO, "rb"), *out;
	char block[4096];
	size_t n;

	(void)state;
	snprintf(dir, sizeof dir, "%s/lib", live_dir);
	mkdir(dir, 0755);
	snprintf(file, sizeof file, "%s/echo.so", dir);
	out = fopen(file, "wb");
	while ((n = fread(block, 1, sizeof block, in)) > 0)
		fwrite(block, 1, n, out);
	fclose(in);
	fclose(out);
	chmod(file, 0755);
	assert_int_equal(trust_open_anywhere(file, &f, NULL), B3IQ_OK);
	memcpy(pin, f.sha256, sizeof pin);
	trust_close(&f);
	o.plugin = "echo";
	o.dirs = dirs;
	assert_int_equal(prepare(&o, "b3iq plugin enable echo"), B3IQ_E_DENIED);
	o.sha256 = pin;
	assert_int_equal(prepare(&o, NULL), B3IQ_OK);
	o.run_inline = true;
	assert_int_equal(prepare(&o, NULL), B3IQ_OK);
	out = fopen(file, "ab"); /* an upgrade, or an attack */
	fputc('x', out);
	fclose(out);
	assert_int_equal(prepare(&o, pin), B3IQ_E_DENIED);
	o.plugin = "none";
	assert_int_equal(prepare(&o, NULL), B3IQ_E_NOT_FOUND);
}

static void
test_inline_needs_a_pin(void **state)
{
	struct instance_options o = live_options(NULL, NULL, true);
	struct prepare p = { .file = { .fd = -1, .sha256 = "ab", .signer = "vendor" } };
	struct b3iq_error err = NO_ERROR;

	(void)state;
	o.plugin = "echo";
	assert_int_equal(check_inline(&o, &p, &err), B3IQ_E_DENIED); /* signed, not pinned */
	o.sha256 = "ab";
	assert_int_equal(check_inline(&o, &p, &err), B3IQ_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_anywhere), cmocka_unit_test(test_with_trust),
		cmocka_unit_test(test_inline_needs_a_pin),
	};

	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
