/* The plugin's side of kv, sign and secret: a thread of ours plays the host. */
#include "../check.h"

#include "core/plugin/sandbox/upcall.c"

#include <pthread.h>
#include <sys/socket.h>

struct pair {
	struct wire in, out;
	struct upcall u;
	pthread_t receiver, host;
	int last_words; /* LOG and METRIC frames that the host saw */
};

/* The sandbox's receiving thread. */
static void *
receive_main(void *arg)
{
	struct pair *p = arg;
	struct wire_frame f;

	while (wire_receive(&p->in, true) > 0)
		while (wire_next(&p->in, &f) > 0)
			if (!upcall_return(&p->u, &f))
				return (void *)1;
	return NULL;
}

/* Answers each upcall with its first argument; "deny" is denied. */
static void *
host_main(void *arg)
{
	struct pair *p = arg;
	struct wire_frame f;
	struct buf b;

	buf_init(&b, 1 << 22);
	while (wire_receive(&p->out, true) > 0)
		while (wire_next(&p->out, &f) > 0) {
			struct wire_reader r = wire_read(&f);
			const char *name = wire_text(&r);

			if (f.type != CODEC_UPCALL) {
				p->last_words++;
				continue;
			}
			buf_clear(&b);
			wire_put_i32(&b, name == NULL ? B3IQ_E_INVALID :
			                 strcmp(name, "deny") == 0 ? B3IQ_E_DENIED : B3IQ_OK);
			wire_put_bytes(&b, name, name != NULL ? strlen(name) : 0);
			wire_send(&p->out, CODEC_RETURN, 0, f.call, &b);
		}
	buf_free(&b);
	return NULL;
}

static void
pair_open(struct pair *p)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	wire_init(&p->in, fds[0], NULL);
	wire_init(&p->out, fds[1], NULL);
	upcall_init(&p->u, &p->in, "test", "/state");
	p->last_words = 0;
	pthread_create(&p->receiver, NULL, receive_main, p);
	pthread_create(&p->host, NULL, host_main, p);
}

static void
pair_close(struct pair *p)
{
	void *bad;

	wire_shutdown(&p->in);
	wire_shutdown(&p->out);
	pthread_join(p->receiver, &bad);
	assert_null(bad);
	pthread_join(p->host, NULL);
	wire_finish(&p->in);
	wire_finish(&p->out);
	upcall_finish(&p->u);
}

static void
test_each_service(void **state)
{
	const struct b3iq_host *h;
	struct pair p;
	struct buf out;

	(void)state;
	pair_open(&p);
	h = &p.u.table;
	buf_init(&out, 100);
	assert_int_equal(h->secret(h->ctx, "name", &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "name");
	buf_clear(&out);
	assert_int_equal(h->kv_get(h->ctx, "key", &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "key");
	assert_int_equal(h->kv_get(h->ctx, "deny", &out.writer), B3IQ_E_DENIED);
	assert_int_equal(h->kv_get(h->ctx, NULL, &out.writer), B3IQ_E_INVALID);
	assert_int_equal(h->kv_put(h->ctx, "key", "value", 5), B3IQ_OK);
	assert_int_equal(h->kv_put(h->ctx, "key", out.data, HOSTAPI_VALUE_MAX + 8192), B3IQ_E_INVALID);
	buf_clear(&out);
	assert_int_equal(h->sign(h->ctx, "hot", "ed25519", "pay", 3, &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "hot");
	assert_int_equal(h->sign(h->ctx, "hot", "ed25519", NULL, 0, &out.writer), B3IQ_OK);
	assert_int_equal(h->sign(h->ctx, "deny", "ed25519", "pay", 3, &out.writer), B3IQ_E_DENIED);
	buf_clear(&out);
	assert_int_equal(h->public_key(h->ctx, "hot", "ed25519", &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "hot");
	assert_int_equal(h->public_key(h->ctx, NULL, NULL, &out.writer), B3IQ_E_INVALID);
	assert_int_equal(h->kv_get(h->ctx, "", &out.writer), B3IQ_OK); /* an empty value */
	out.max = 1;
	assert_int_equal(h->secret(h->ctx, "too long", &out.writer), B3IQ_E_INVALID);
	h->log(h->ctx, B3IQ_LOG_INFO, "a line");
	h->log(h->ctx, B3IQ_LOG_INFO, NULL);
	h->metric(h->ctx, B3IQ_COUNTER, "n", 1);
	h->metric(h->ctx, B3IQ_COUNTER, NULL, 1);
	assert_null(h->extension(h->ctx, "any"));
	buf_free(&out);
	assert_int_equal(h->secret(h->ctx, "deny", &out.writer), B3IQ_E_DENIED); /* after the log */
	assert_int_equal(p.last_words, 2);
	pair_close(&p);
}

struct asker {
	const struct b3iq_host *h;
	int number;
	pthread_t thread;
};

static void *
ask_many(void *arg)
{
	const struct asker *a = arg;
	char key[32];
	struct buf out;
	intptr_t wrong = 0;

	buf_init(&out, 100);
	for (int n = 0; n < 300; n++) {
		snprintf(key, sizeof key, "%d of %d", n, a->number);
		buf_clear(&out);
		wrong += a->h->kv_get(a->h->ctx, key, &out.writer) != B3IQ_OK || strcmp(out.data, key) != 0;
	}
	buf_free(&out);
	return (void *)wrong;
}

static void
test_many_threads(void **state)
{
	struct asker a[8];
	struct pair p;
	void *wrong;

	(void)state;
	pair_open(&p);
	for (int n = 0; n < 8; n++) {
		a[n] = (struct asker){ .h = &p.u.table, .number = n };
		pthread_create(&a[n].thread, NULL, ask_many, &a[n]);
	}
	for (int n = 0; n < 8; n++) {
		pthread_join(a[n].thread, &wrong);
		assert_null(wrong);
	}
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_service),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
