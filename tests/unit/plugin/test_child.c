/* The sandbox against a host that breaks the rules: it ends, and says how. */
#include "live.h"

#include "core/plugin/sandbox/child.c"
#include "core/plugin/sandbox/sandbox.h"
#include "core/plugin/file/trust.h"

static const struct manifest manifest = { .id = "org.b3iq.example.echo", .version = "1.0.0",
                                          .kind = B3IQ_INFERENCE };

#define WIDTH 4

struct host {
	struct sandbox box;
	struct wire wire;
	struct rings rings;
};

static void
host_open(struct host *h)
{
	struct b3iq_error err = NO_ERROR;

	if (sandbox_spawn("test", &manifest, live_dir, WIDTH, &h->box, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	assert_int_equal(wire_init(&h->wire, h->box.socket, NULL), B3IQ_OK);
	h->box.socket = -1;
	assert_true(rings_map(&h->rings, h->box.rings, WIDTH));
}

static int
next(struct host *h, struct wire_frame *f)
{
	int got;

	while ((got = wire_next(&h->wire, f)) == 0)
		if (wire_receive(&h->wire, true) < 0)
			return -1;
	return got;
}

/* Waits for its end. */
static void
host_close(struct host *h, const char *reason)
{
	char how[SANDBOX_REASON];
	struct pollfd p = { .fd = h->box.pid_fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
	sandbox_finish(&h->box, how);
	assert_string_equal(how, reason);
	wire_finish(&h->wire);
	rings_unmap(&h->rings);
}

static void
hello(struct host *h, const char *path, uint32_t version, bool exchanged)
{
	struct codec_hello k = { .version = version, .kind = B3IQ_INFERENCE, .width = WIDTH, .path = path,
	                         .id = manifest.id, .plugin_version = manifest.version,
	                         .instance = "test", .state_dir = live_dir, .config = "{}" };
	struct trust_file f;
	struct buf b;

	assert_int_equal(trust_open_anywhere(path, &f, NULL), B3IQ_OK);
	k.dev = f.dev;
	k.ino = f.ino + exchanged;
	trust_close(&f);
	buf_init(&b, 65536);
	codec_put_hello(&b, &k);
	assert_int_equal(wire_send(&h->wire, CODEC_HELLO, 0, 0, &b), B3IQ_OK);
	buf_free(&b);
}

static int32_t
ready(struct host *h, struct b3iq_error *err)
{
	struct codec_ready r = { .rc = 1 };
	struct wire_frame f;

	while (next(h, &f) == 1 && f.type != CODEC_READY)
		; /* a line of log */
	assert_int_equal(f.type, CODEC_READY);
	assert_true(codec_get_ready(&f, &r, err));
	return r.rc;
}

/* The call's ring holds this answer. */
static void
answered(struct host *h, uint64_t call, enum codec_method method, int32_t rc)
{
	struct ring *ring = &h->rings.ring[call % WIDTH];
	struct wire_frame f = { .type = 0 };
	struct codec_answer a;
	size_t at = 0;
	struct buf in;

	buf_init(&in, 1 << 20);
	while (wire_parse(&in, &at, &f) == 0)
		if (ring_read(ring, &in) == 0)
			ring_wait(ring);
	assert_true(f.type == CODEC_ANSWER && f.call == call);
	assert_true(codec_get_answer(&f, method, &a));
	assert_int_equal(a.rc, rc);
	buf_free(&in);
}

static void
test_a_whole_life(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct wire_frame f;
	struct host h;
	struct buf b;

	(void)state;
	host_open(&h);
	assert_int_equal(wire_send(&h.wire, CODEC_PING, 0, 7, NULL), B3IQ_OK); /* before anything */
	assert_int_equal(next(&h, &f), 1);
	assert_true(f.type == CODEC_PONG && f.call == 7);
	hello(&h, ECHO, WIRE_VERSION, false);
	assert_int_equal(ready(&h, &err), B3IQ_OK);
	assert_int_equal(wire_send(&h.wire, CODEC_CALL, CODEC_MODELS, 1, NULL), B3IQ_OK);
	answered(&h, 1, CODEC_MODELS, B3IQ_OK);
	/* About a call that has ended: too late is no crime. */
	buf_init(&b, 8);
	wire_put_i32(&b, B3IQ_E_CANCELLED);
	assert_int_equal(wire_send(&h.wire, CODEC_CANCEL, 0, 1, &b), B3IQ_OK);
	buf_free(&b);
	assert_int_equal(wire_send(&h.wire, CODEC_STOP, 0, 0, NULL), B3IQ_OK);
	assert_int_equal(next(&h, &f), 1);
	assert_int_equal(f.type, CODEC_BYE);
	host_close(&h, "ended with status 0");
}

static void
test_refusals_at_the_start(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct host h;

	(void)state;
	host_open(&h);
	hello(&h, ECHO, WIRE_VERSION + 1, false);
	assert_int_equal(ready(&h, &err), B3IQ_E_UNSUPPORTED);
	host_close(&h, "ended with status 0");
	host_open(&h);
	hello(&h, ECHO, WIRE_VERSION, true);
	assert_int_equal(ready(&h, &err), B3IQ_E_DENIED);
	host_close(&h, "ended with status 0");
	host_open(&h);
	hello(&h, FLAKY, WIRE_VERSION, false); /* not what its "manifest" said */
	assert_int_equal(ready(&h, &err), B3IQ_E_INVALID);
	host_close(&h, "ended with status 0");
}

static void
test_broken_frames(void **state)
{
	static const struct {
		uint16_t type, flags;
		const char *payload;
		bool after_ready;
	} bad[] = {
		{ 0, 0, "", false }, { 999, 0, "", false }, { CODEC_HELLO, 0, "junk", false },
		{ CODEC_CALL, CODEC_MODELS, "", false }, { CODEC_CANCEL, 0, "1234", false },
		{ CODEC_RETURN, 0, "", false }, { CODEC_HELLO, 0, "", true }, { CODEC_CALL, 0, "", true },
		{ CODEC_CALL, CODEC_METHODS, "", true }, { CODEC_CALL, CODEC_SUBMIT, "", true },
		{ CODEC_CANCEL, 0, "1", true },
		{ CODEC_RETURN, 0, "12345678", true }, { CODEC_READY, 0, "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct b3iq_error err = NO_ERROR;
		struct host h;
		struct buf b;

		host_open(&h);
		if (bad[i].after_ready) {
			hello(&h, ECHO, WIRE_VERSION, false);
			assert_int_equal(ready(&h, &err), B3IQ_OK);
		}
		buf_init(&b, 64);
		buf_puts(&b, bad[i].payload);
		wire_send(&h.wire, bad[i].type, bad[i].flags, 1, &b);
		buf_free(&b);
		host_close(&h, "ended with status 3");
	}
}

static void
test_a_host_that_lets_go(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct host h;

	(void)state;
	host_open(&h);
	hello(&h, ECHO, WIRE_VERSION, false);
	assert_int_equal(ready(&h, &err), B3IQ_OK);
	wire_shutdown(&h.wire);
	host_close(&h, "ended with status 0");
}

static void
test_malformed_arguments_are_an_answer(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct host h;
	struct buf b;

	(void)state;
	host_open(&h);
	hello(&h, ECHO, WIRE_VERSION, false);
	assert_int_equal(ready(&h, &err), B3IQ_OK);
	buf_init(&b, 64);
	buf_puts(&b, "junk");
	for (uint16_t m = CODEC_PROBE; m <= CODEC_REPLAY; m++) {
		assert_int_equal(wire_send(&h.wire, CODEC_CALL, m, m, &b), B3IQ_OK);
		answered(&h, m, (enum codec_method)m, B3IQ_E_INTERNAL);
	}
	buf_free(&b);
	wire_shutdown(&h.wire);
	host_close(&h, "ended with status 0");
}

static void
test_only_a_host_starts_it(void **state)
{
	char program[] = "b3iq", flag[] = PLUGIN_CHILD_FLAG;
	char *few[] = { program, flag, NULL };

	(void)state;
	assert_int_equal(plugin_child_main(2, few), END_NO_START);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_life), cmocka_unit_test(test_refusals_at_the_start),
		cmocka_unit_test(test_broken_frames), cmocka_unit_test(test_a_host_that_lets_go),
		cmocka_unit_test(test_malformed_arguments_are_an_answer),
		cmocka_unit_test(test_only_a_host_starts_it),
	};

	LIVE_MAIN(argc, argv);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
