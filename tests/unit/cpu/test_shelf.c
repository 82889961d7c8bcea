/* The shelf: which files are offered under which name, and who is in memory. */
#include "cpu/shelf.c"

#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "rig.h"

static char folder[64], warnings[4096];

static void
log_line(void *ctx, int32_t level, const char *text)
{
	(void)ctx;
	if (level == B3IQ_LOG_WARN)
		strncat(warnings, text, sizeof warnings - strlen(warnings) - 1);
}

static const struct b3iq_host host = { .size = sizeof host, .abi = B3IQ_ABI, .state_dir = folder,
	.log = log_line };

static struct config
config_of(const char *dir, const char *builtin)
{
	struct config c = { .scheduler = { .kernels = select_at(0), .threads = 1,
		.max_sequences = 2, .max_queue = 2, .chunk = 256 } };

	snprintf(c.models_dir, sizeof c.models_dir, "%s", dir);
	snprintf(c.builtin_model, sizeof c.builtin_model, "%s", builtin);
	return c;
}

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
make_model(const char *name, uint64_t seed)
{
	struct synth s = SYNTH_TINY;

	s.seed = seed;
	rig_save(&s, path_of(name));
}

/* Puts another model in the place of one, as an update does. */
static void
replace_model(const char *name, uint64_t seed)
{
	char next[256];

	make_model("next", seed);
	snprintf(next, sizeof next, "%s", path_of("next"));
	assert_int_equal(rename(next, path_of(name)), 0);
}

static void
make_text(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
	(void)fclose(f);
}

static int
make_folder(void **state)
{
	(void)state;
	warnings[0] = 0;
	snprintf(folder, sizeof folder, "/tmp/b3iq-shelf-XXXXXX");
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

static struct shelf *
open_shelf(const struct config *c)
{
	struct shelf *s = NULL;

	assert_int_equal(shelf_create(&s, &host, c, NULL), B3IQ_OK);
	return s;
}

struct page {
	struct b3iq_writer base;
	char               text[16384];
	size_t             len;
};

static int32_t
page_write(struct b3iq_writer *w, const void *data, size_t n)
{
	struct page *p = (struct page *)w;

	assert_true(p->len + n < sizeof p->text);
	memcpy(p->text + p->len, data, n);
	p->text[p->len += n] = 0;
	return B3IQ_OK;
}

/* The ids of the list, a space behind each, in the order of the list. */
static const char *
ids(struct shelf *s)
{
	static char text[1024];
	struct page p = { .base.write = page_write };
	struct json_object *list;

	assert_int_equal(shelf_write(s, &p.base, NULL), B3IQ_OK);
	list = json_tokener_parse(p.text);
	text[0] = 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);

		strncat(text, json_object_get_string(json_object_object_get(m, "id")),
		        sizeof text - strlen(text) - 2);
		strncat(text, " ", 2);
	}
	json_object_put(list);
	return text;
}

static void
only_models_are_offered(void **state)
{
	const struct config c = config_of(folder, path_of("absent.gguf"));
	struct shelf_item *item;
	struct shelf *s;

	(void)state;
	make_model("good.gguf", 1);
	make_model(".hidden.gguf", 1);
	make_model("good.gguf.part", 1);
	make_model(".gguf", 1);
	make_text("broken.gguf", "GGUF, says the name");
	make_text("empty.gguf", "");
	assert_int_equal(mkdir(path_of("folder.gguf"), 0700), 0);
	assert_int_equal(symlink("nowhere", path_of("dangling.gguf")), 0);
	s = open_shelf(&c);
	assert_string_equal(ids(s), "good ");
	assert_non_null(strstr(warnings, "broken is not offered"));
	assert_non_null(strstr(warnings, "empty is not offered"));
	warnings[0] = 0;
	assert_string_equal(ids(s), "good "); /* what did not change is not said again */
	assert_string_equal(warnings, "");
	assert_int_equal(shelf_hold(s, "broken", &item, NULL), B3IQ_E_NOT_FOUND);
	assert_int_equal(shelf_hold(s, "", &item, NULL), B3IQ_E_NOT_FOUND);
	assert_int_equal(shelf_hold(s, "../good", &item, NULL), B3IQ_E_NOT_FOUND);
	shelf_destroy(s);
	shelf_destroy(NULL);
}

static void
a_mended_file_is_offered_a_lost_one_not(void **state)
{
	const struct config c = config_of(folder, path_of("absent.gguf"));
	struct shelf *s;

	(void)state;
	make_text("m.gguf", "not yet");
	s = open_shelf(&c);
	assert_string_equal(ids(s), "");
	replace_model("m.gguf", 1);
	assert_string_equal(ids(s), "m ");
	assert_int_equal(unlink(path_of("m.gguf")), 0);
	assert_string_equal(ids(s), "");
	shelf_destroy(s);
}

static void
the_folder_comes_before_the_built_in(void **state)
{
	char inner[256];
	struct config c;
	struct shelf *s;

	(void)state;
	snprintf(inner, sizeof inner, "%s", path_of("in"));
	assert_int_equal(mkdir(inner, 0700), 0);
	make_model("in/mini.gguf", 1);
	make_model("mini.gguf", 2);
	c = config_of(inner, path_of("mini.gguf"));
	s = open_shelf(&c);
	assert_string_equal(ids(s), "mini ");
	assert_false(find(s, "mini")->builtin);
	assert_int_equal(unlink(path_of("in/mini.gguf")), 0);
	assert_string_equal(ids(s), "mini ");
	assert_true(find(s, "mini")->builtin);
	assert_string_equal(find(s, "mini")->path, path_of("mini.gguf"));
	shelf_destroy(s);
	c = config_of("/nowhere", path_of("mini.gguf"));
	s = open_shelf(&c);
	assert_string_equal(ids(s), "mini "); /* a folder that is not there hides nothing else */
	assert_non_null(strstr(warnings, "nowhere cannot be read"));
	shelf_destroy(s);
}

static void
what_is_held_stays(void **state)
{
	const struct config c = config_of(folder, path_of("absent.gguf"));
	struct b3iq_error err = { .size = sizeof err };
	struct shelf_item *a, *b;
	struct resident *first;
	char root[ROOTS_HEX];
	struct shelf *s;

	(void)state;
	make_model("m.gguf", 1);
	s = open_shelf(&c);
	assert_int_equal(shelf_unload(s, "m", &err), B3IQ_E_NOT_FOUND); /* nobody looked yet */
	assert_int_equal(shelf_hold(s, "m", &a, &err), B3IQ_OK);
	first = shelf_resident(a);
	memcpy(root, a->root, sizeof root);
	assert_int_equal(strlen(root), ROOTS_HEX - 1);
	assert_int_equal(shelf_unload(s, "m", &err), B3IQ_E_BUSY);
	assert_int_equal(err.retry_ms, 1000);
	replace_model("m.gguf", 2); /* under a request, which keeps its weights */
	assert_int_equal(shelf_hold(s, "m", &b, &err), B3IQ_OK);
	assert_ptr_equal(a, b);
	assert_ptr_equal(shelf_resident(b), first);
	shelf_release(s, a);
	shelf_release(s, b);
	assert_int_equal(shelf_hold(s, "m", &b, &err), B3IQ_OK); /* nobody uses the old one now */
	assert_true(roots_same(&b->loaded, &b->stamp));
	assert_int_equal(strlen(b->root), ROOTS_HEX - 1);
	assert_string_not_equal(b->root, root);
	shelf_release(s, b);
	assert_int_equal(shelf_unload(s, "m", &err), B3IQ_OK);
	assert_null(shelf_resident(b));
	assert_int_equal(shelf_unload(s, "m", &err), B3IQ_OK); /* once more changes nothing */
	shelf_destroy(s);
}

static void
the_context_is_bounded_by_the_config(void **state)
{
	struct config c = config_of(folder, path_of("absent.gguf"));
	struct shelf_item *item;
	struct shelf *s;

	(void)state;
	make_model("m.gguf", 1);
	c.scheduler.context = 300;
	s = open_shelf(&c);
	assert_int_equal(shelf_hold(s, "m", &item, NULL), B3IQ_OK);
	assert_int_equal(item->context, 300);
	assert_int_equal(resident_context(shelf_resident(item)), 300);
	shelf_release(s, item);
	shelf_destroy(s);
	c.scheduler.context = 5000; /* more than the model has */
	s = open_shelf(&c);
	assert_int_equal(shelf_hold(s, "m", &item, NULL), B3IQ_OK);
	assert_int_equal(resident_context(shelf_resident(item)), 1024);
	shelf_release(s, item);
	shelf_destroy(s);
}

/* Many ask at once for what is not in memory yet: it is loaded once, and all get the same. */
static void *
hold_it(void *arg)
{
	struct shelf_item *item;
	struct resident *got;

	assert_int_equal(shelf_hold(arg, "m", &item, NULL), B3IQ_OK);
	got = shelf_resident(item);
	shelf_release(arg, item);
	return got;
}

static void
it_is_loaded_once(void **state)
{
	const struct config c = config_of(folder, path_of("absent.gguf"));
	pthread_t threads[6];
	struct shelf *s;
	void *got[6];

	(void)state;
	make_model("m.gguf", 1);
	s = open_shelf(&c);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hold_it, s), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_join(threads[i], &got[i]), 0);
	for (size_t i = 0; i < 6; i++)
		assert_ptr_equal(got[i], find(s, "m")->resident);
	shelf_destroy(s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(only_models_are_offered),
		IN_FOLDER(a_mended_file_is_offered_a_lost_one_not),
		IN_FOLDER(the_folder_comes_before_the_built_in),
		IN_FOLDER(what_is_held_stays),
		IN_FOLDER(the_context_is_bounded_by_the_config),
		IN_FOLDER(it_is_loaded_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
