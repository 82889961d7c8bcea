#include "cpu/roots.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "rig.h"

static char folder[64];

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/b3iq-roots-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
drop_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void
make_model(const char *name, uint64_t seed, char path[128], struct roots_stamp *stamp)
{
	struct synth s = SYNTH_TINY;

	s.seed = seed;
	snprintf(path, 128, "%s/%s", folder, name);
	rig_save(&s, path);
	assert_int_equal(roots_stamp(path, stamp, NULL), B3IQ_OK);
}

static void
roots_are_remembered_by_file(void **state)
{
	char one[128], two[128], a[ROOTS_HEX], b[ROOTS_HEX], found[ROOTS_HEX];
	struct roots_stamp first, second, other;
	struct b3iq_error err = { .size = sizeof err };

	(void)state;
	make_model("model", 1, one, &first);
	make_model("model-two", 2, two, &second); /* the name begins alike */
	assert_false(roots_find(folder, one, &first, found));
	assert_int_equal(roots_compute(folder, one, &first, 1, a, &err), B3IQ_OK);
	assert_int_equal(roots_compute(folder, two, &second, 2, b, &err), B3IQ_OK);
	assert_string_not_equal(a, b);
	assert_true(roots_find(folder, one, &first, found));
	assert_string_equal(found, a);
	assert_true(roots_find(folder, two, &second, found));
	assert_string_equal(found, b);
	other = first;
	other.mtime_ns++;
	assert_false(roots_find(folder, one, &other, found));
	assert_false(roots_same(&first, &other));
	/* A new state of the file replaces the old line and leaves the others. */
	make_model("model", 3, one, &other);
	assert_int_equal(roots_compute(folder, one, &other, 1, found, &err), B3IQ_OK);
	assert_string_not_equal(found, a);
	assert_false(roots_find(folder, one, &first, found));
	assert_true(roots_find(folder, two, &second, found));
}

static void
rubbish_is_not_believed(void **state)
{
	static const char *const lines[] = { "", "\n", "zz\n", "%064d 1 2 3 4", " \n \n" };
	struct roots_stamp stamp = { 1, 2, 3, 4 };
	char name[128], hex[ROOTS_HEX];

	(void)state;
	snprintf(name, sizeof name, "%s/roots", folder);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		FILE *f = fopen(name, "w");

		assert_non_null(f);
		fputs(lines[i], f);
		(void)fclose(f);
		assert_false(roots_find(folder, "/m", &stamp, hex));
	}
	assert_int_equal(roots_stamp("/nosuch/file", &stamp, NULL), B3IQ_E_NOT_FOUND);
	assert_int_equal(roots_stamp(folder, &stamp, NULL), B3IQ_E_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(roots_are_remembered_by_file, make_folder, drop_folder),
	    cmocka_unit_test_setup_teardown(rubbish_is_not_believed, make_folder, drop_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
