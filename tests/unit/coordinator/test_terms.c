#include "coordinator/jobs/terms.c"

#include "unit.h"

static struct json_object *
doc(const char *text)
{
	struct b3iq_error err = NO_ERR;
	struct json_object *o = NULL;

	assert_ok(json_parse(text, strlen(text), "test", &o, &err), err);
	return o;
}

static bool
fits(const char *constraints, const char *capabilities, const char *models, uint32_t quality)
{
	struct json_object *c = doc(constraints), *k = doc(capabilities), *m = models ? doc(models) : NULL;
	struct b3iq_error err = NO_ERR;
	char text[JOB_TERMS_SIZE];
	struct terms read, terms;
	struct skills skills;
	bool fit;

	assert_ok(terms_read(c, &read, &err), err);
	assert_ok(terms_write(&read, text, &err), err);
	assert_ok(terms_parse(text, &terms, &err), err);
	assert_memory_equal(&read, &terms, sizeof terms);
	assert_ok(skills_read(k, m, "eu", &skills, &err), err);
	fit = terms_fit(&terms, "mini", &skills, quality);
	skills_free(&skills);
	json_object_put(c);
	json_object_put(k);
	json_object_put(m);
	return fit;
}

static void
test_fit(void **state)
{
	static const char gpu[] = "{\"gpu\":\"NVIDIA RTX 4090\",\"cuda\":\"12.4\",\"vram_gb\":24}";

	(void)state;
	assert_true(fits("{}", "{}", NULL, 500));
	assert_true(fits("{\"gpu\":\"rtx 4090\"}", gpu, NULL, 500));
	assert_false(fits("{\"gpu\":\"h100\"}", gpu, NULL, 500));
	assert_true(fits("{\"gpu\":\"b\"}", "{\"gpus\":[{\"name\":\"A\"},\"B\"]}", NULL, 500));
	assert_true(fits("{\"min_vram_gb\":24}", gpu, NULL, 500));
	assert_false(fits("{\"min_vram_gb\":24.5}", gpu, NULL, 500));
	assert_true(fits("{\"region\":\"EU\"}", gpu, NULL, 500));
	assert_false(fits("{\"region\":\"us\"}", gpu, NULL, 500));
	assert_true(fits("{\"min_reputation\":0.5}", gpu, NULL, 500));
	assert_false(fits("{\"min_reputation\":0.9}", gpu, NULL, 500));
	assert_true(fits("{}", "{}", "[\"mini\"]", 0));
	assert_true(fits("{}", "{\"models\":[{\"id\":\"mini\"}]}", NULL, 0));
	assert_false(fits("{}", "{}", "[\"maxi\"]", 0));
	assert_false(fits("{}", "{}", "[]", 0));
	assert_false(fits("{\"models\":[\"maxi\"]}", "{}", "[\"mini\"]", 0));
	assert_true(fits("{\"models\":[\"maxi\"]}", "{}", "[\"mini\",\"maxi\"]", 0));
}

static void
test_versions(void **state)
{
	(void)state;
	assert_true(version_reaches("12.4", "12"));
	assert_true(version_reaches("12.4", "12.4"));
	assert_true(version_reaches("13", "12.9"));
	assert_true(version_reaches("12.10", "12.9"));
	assert_false(version_reaches("12.4", "12.9"));
	assert_false(version_reaches("12", "12.1"));
	assert_false(version_reaches("", "11"));
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "[]", "{\"gpu\":7}", "{\"min_vram_gb\":-1}",
		                           "{\"models\":\"x\"}", "{\"models\":[1]}",
		                           "{\"models\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}",
		                           "{\"region\":\"a\\nb\"}", "{\"max_price\":-1}" };
	struct b3iq_error err = NO_ERR;
	struct terms t;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct json_object *c = doc(bad[i]);

		assert_int_equal(terms_read(c, &t, &err), B3IQ_E_INVALID);
		json_object_put(c);
	}
}

static void
test_drop(void **state)
{
	struct json_object *m = doc("[\"c\",\"a\",\"b\"]");
	struct b3iq_error err = NO_ERR;
	struct skills s;

	(void)state;
	assert_ok(skills_read(NULL, m, "", &s, &err), err);
	skills_drop(&s, "b");
	assert_false(skills_have(&s, "b"));
	assert_true(skills_have(&s, "a") && skills_have(&s, "c"));
	skills_drop(&s, "nothing");
	assert_int_equal(s.n_models, 2);
	skills_free(&s);
	json_object_put(m);
}

UNIT_MAIN(cmocka_unit_test(test_fit), cmocka_unit_test(test_versions),
          cmocka_unit_test(test_refused), cmocka_unit_test(test_drop))
