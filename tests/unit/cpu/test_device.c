#include "cpu/device.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct page {
	struct b3iq_writer base;
	char               text[4096];
	size_t             len;
	int32_t            rc; /* what the host says to a write */
};

static int32_t
page_write(struct b3iq_writer *w, const void *data, size_t n)
{
	struct page *p = (struct page *)w;

	assert_true(p->len + n < sizeof p->text);
	memcpy(p->text + p->len, data, n);
	p->len += n;
	return p->rc;
}

static const char *
string(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

static int64_t
integer(struct json_object *o, const char *key)
{
	return json_object_get_int64(json_object_object_get(o, key));
}

static void
the_processor_is_described(void **state)
{
	const struct kernels k = { .name = "abacus" };
	struct page          p = { .base.write = page_write };
	struct json_object  *list, *cpu, *features;

	(void)state;
	assert_int_equal(device_write(&k, &p.base, NULL), B3IQ_OK);
	list = json_tokener_parse(p.text);
	assert_int_equal(json_object_array_length(list), 1);
	cpu = json_object_array_get_idx(list, 0);
	features = json_object_object_get(cpu, "features");
	assert_string_equal(string(cpu, "id"), "cpu");
	assert_string_equal(string(cpu, "kind"), "cpu");
	assert_true(strlen(string(cpu, "name")) > 0);
	assert_true(json_object_get_boolean(json_object_object_get(cpu, "usable")));
	assert_true(integer(cpu, "memory") > integer(cpu, "memory_free"));
	assert_true(integer(cpu, "memory_free") > 0);
	assert_int_equal(integer(cpu, "cores"), sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(strlen(string(cpu, "arch")) > 0);
	assert_int_equal(json_object_array_length(features), 1);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(features, 0)), "abacus");
	json_object_put(list);
}

static void
a_writers_no_is_passed_on(void **state)
{
	struct page p = { .base.write = page_write, .rc = B3IQ_E_NO_MEMORY };

	(void)state;
	assert_int_equal(device_write(&scalar_kernels, &p.base, NULL), B3IQ_E_NO_MEMORY);
}

/* The name in a made-up /proc/cpuinfo. */
static void
named(const char *cpuinfo, const char *expected)
{
	FILE *f = fmemopen((void *)(uintptr_t)cpuinfo, strlen(cpuinfo), "r");
	char  name[16];

	assert_non_null(f);
	processor_name(f, name, sizeof name);
	(void)fclose(f);
	assert_string_equal(name, expected);
}

static void
names_are_found_and_cut(void **state)
{
	char name[16];

	(void)state;
	named("processor\t: 0\nmodel name\t: Abacus 3\nflags\t: x\nmodel name\t: Other\n", "Abacus 3");
	named("model name\t: Abacus 3", "Abacus 3");
	named("model name\t:Abacus 3\n", "Abacus 3");
	named("model name\t: A name of more than fifteen letters\n", "A name of more ");
	named("model name\t:\n", "Processor");
	named("model name\t:", "Processor");
	named("model name\n", "Processor");
	named("CPU implementer\t: 0x41\n", "Processor");
	processor_name(NULL, name, sizeof name);
	assert_string_equal(name, "Processor");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_processor_is_described),
		cmocka_unit_test(a_writers_no_is_passed_on),
		cmocka_unit_test(names_are_found_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
