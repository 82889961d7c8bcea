/* Tables of every size and every lie; and the real examples through dlopen(). */
#include "live.h"

#include "core/plugin/load/load.c"
#include "core/plugin/file/trust.h"

static int32_t
create(const struct b3iq_host *h, const char *c, void **self, struct b3iq_error *err)
{
	(void)h, (void)c, (void)self, (void)err;
	return B3IQ_OK;
}

static void
destroy(void *self)
{
	(void)self;
}

static int32_t
document(void *self, struct b3iq_writer *w, struct b3iq_error *err)
{
	(void)self, (void)w, (void)err;
	return B3IQ_OK;
}

static int32_t
generate(void *self, const struct b3iq_gen_request *q, struct b3iq_sink *s, struct b3iq_usage *u,
         struct b3iq_error *err)
{
	(void)self, (void)q, (void)s, (void)u, (void)err;
	return B3IQ_OK;
}

static int32_t
embed(void *self, const char *model, const char *body, size_t len, struct b3iq_writer *w,
      struct b3iq_usage *u, struct b3iq_error *err)
{
	(void)self, (void)model, (void)body, (void)len, (void)w, (void)u, (void)err;
	return B3IQ_OK;
}

static int32_t
replay(void *self, const struct b3iq_gen_request *q, const int32_t *ids, size_t n,
       struct b3iq_sink *s, struct b3iq_usage *u, struct b3iq_error *err)
{
	(void)self, (void)q, (void)ids, (void)n, (void)s, (void)u, (void)err;
	return B3IQ_OK;
}

static struct b3iq_inference iface = {
	.size = sizeof iface, .probe = document, .models = document, .generate = generate,
};

static const struct b3iq_plugin good = {
	.size = sizeof good, .abi = B3IQ_ABI, .kind = B3IQ_INFERENCE,
	.threads = B3IQ_THREADS_PARALLEL, .id = "org.x", .version = "1.0.0", .create = create,
	.destroy = destroy, .iface = &iface,
};

static const struct manifest manifest = { .id = "org.x", .version = "1.0.0",
                                          .kind = B3IQ_INFERENCE };

static void
refused(const struct b3iq_plugin *p, int32_t rc, const char *says)
{
	struct b3iq_error err = NO_ERROR;
	struct load l;

	assert_int_equal(load_tables(p, "t.so", &manifest, &l, &err), rc);
	if (strstr(err.text, says) == NULL || strstr(err.text, "t.so") == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void
test_refusals(void **state)
{
	struct b3iq_plugin p;
	struct b3iq_inference t = iface;

	(void)state;
	p = good, p.size = 4;
	refused(&p, B3IQ_E_INVALID, "sizeof");
	p = good, p.size = 40;
	refused(&p, B3IQ_E_INVALID, "sizeof");
	p = good, p.abi = 2u << 16;
	refused(&p, B3IQ_E_UNSUPPORTED, "install a newer host");
	p = good, p.abi = 7;
	refused(&p, B3IQ_E_UNSUPPORTED, "get a newer plugin");
	p = good, p.kind = B3IQ_AUTH;
	refused(&p, B3IQ_E_INVALID, "auth");
	p = good, p.kind = 77;
	refused(&p, B3IQ_E_INVALID, "unknown");
	p = good, p.id = "org.y";
	refused(&p, B3IQ_E_INVALID, "org.y");
	p = good, p.version = "2.0.0";
	refused(&p, B3IQ_E_INVALID, "2.0.0");
	p = good, p.threads = 3;
	refused(&p, B3IQ_E_UNSUPPORTED, "thread model");
	p = good, p.create = NULL;
	refused(&p, B3IQ_E_INVALID, "create");
	p = good, p.destroy = NULL;
	refused(&p, B3IQ_E_INVALID, "destroy");
	p = good, p.iface = NULL;
	refused(&p, B3IQ_E_INVALID, "iface");
	p = good, p.id = NULL;
	refused(&p, B3IQ_E_INVALID, "id");
	p = good, p.iface = &t;
	t.generate = NULL;
	refused(&p, B3IQ_E_INVALID, "generate");
	t = iface, t.size = offsetof(struct b3iq_inference, generate);
	refused(&p, B3IQ_E_INVALID, "generate");
	t = iface, t.size = 0;
	refused(&p, B3IQ_E_INVALID, "size");
}

static void
test_older_and_newer_tables(void **state)
{
	struct {
		struct b3iq_inference known;
		void *future[4];
	} newer = { .known = iface, .future = { &newer, &newer, &newer, &newer } };
	struct b3iq_inference older = iface;
	struct b3iq_plugin p = good;
	struct b3iq_error err = NO_ERROR;
	struct load l;
	struct backend b;

	(void)state;
	newer.known.size = sizeof newer;
	p.iface = &newer;
	assert_int_equal(load_tables(&p, "t.so", &manifest, &l, &err), B3IQ_OK);
	older.embed = embed; /* beyond its size: must not be seen */
	older.size = offsetof(struct b3iq_inference, embed);
	p.iface = &older;
	assert_int_equal(load_tables(&p, "t.so", &manifest, &l, &err), B3IQ_OK);
	assert_null(l.iface.inference.embed);
	load_backend(&l, &l, &b);
	assert_ptr_equal(b.self, &l);
	assert_true(b.inference.generate == generate && b.replay.replay == NULL);
}

static const struct b3iq_replay replay_table = { .size = sizeof replay_table, .replay = replay };

static const void *
extension(void *self, const char *id)
{
	(void)self;
	return strcmp(id, B3IQ_EXT_REPLAY) == 0 ? &replay_table : NULL;
}

static void
test_replay(void **state)
{
	struct b3iq_plugin p = good;
	struct b3iq_error err = NO_ERROR;
	struct load l;
	struct backend b;

	(void)state;
	p.extension = extension;
	assert_int_equal(load_tables(&p, "t.so", &manifest, &l, &err), B3IQ_OK);
	load_backend(&l, NULL, &b);
	assert_non_null(b.replay.replay);
}

static int32_t
open_real(const char *path, bool exchanged, struct load *l, struct b3iq_error *err)
{
	struct trust_file f;
	struct manifest m;
	int32_t rc;

	assert_int_equal(trust_open_anywhere(path, &f, err), B3IQ_OK);
	assert_int_equal(manifest_read(f.fd, path, &m, err), B3IQ_OK);
	rc = load_open(f.path, f.dev, f.ino + exchanged, &m, l, err);
	manifest_free(&m);
	trust_close(&f);
	return rc;
}

static void
test_real_plugins(void **state)
{
	static const struct {
		const char *path;
		uint32_t kind;
	} real[] = { { ECHO, B3IQ_INFERENCE }, { FLAKY, B3IQ_INFERENCE }, { LEDGER, B3IQ_LEDGER },
		     { AUTH, B3IQ_AUTH } };
	struct b3iq_error err = NO_ERROR;
	struct manifest m = manifest;
	struct load l;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		if (open_real(real[i].path, false, &l, &err) != B3IQ_OK)
			fail_msg("%s", err.text);
		assert_int_equal(l.plugin.kind, real[i].kind);
		assert_ptr_equal(l.plugin.iface, &l.iface);
	}
	assert_int_equal(open_real(ECHO, true, &l, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "exchanged"));
	assert_int_equal(load_open("/no/such.so", 0, 0, &m, &l, &err), B3IQ_E_UNAVAILABLE);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(load_open("/etc/passwd", st.st_dev, st.st_ino, &m, &l, &err),
	                 B3IQ_E_UNAVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_older_and_newer_tables),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_real_plugins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
