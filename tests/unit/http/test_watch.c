#include "core/http/watch.c"
#include "unit.h"

#include <stdatomic.h>

static atomic_int left;

static void
gone(void *arg)
{
	(void)arg;
	left++;
}

static void
test_deadline(void **state)
{
	struct watch *w;
	struct watch_entry *late, *later;
	int a[2], b[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	assert_int_equal(watch_create(&w, NULL), B3IQ_OK);
	later = watch_add(w, b[0]);
	late = watch_add(w, a[0]);
	watch_deadline(w, later, 100000);
	watch_deadline(w, late, 30);
	assert_int_equal(recv(a[1], &byte, 1, 0), 0); /* blocks until it is shut down */
	assert_int_equal(recv(b[1], &byte, 1, MSG_DONTWAIT), -1);
	watch_deadline(w, later, 0);
	watch_remove(w, late);
	watch_remove(w, later);
	watch_remove(w, NULL);
	watch_destroy(w);
	for (int i = 0; i < 2; i++)
		close(a[i]), close(b[i]);
}

static void
test_peer(void **state)
{
	struct watch *w;
	struct watch_entry *e, *other;
	int a[2], b[2];

	(void)state;
	left = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	assert_int_equal(watch_create(&w, NULL), B3IQ_OK);
	e = watch_add(w, a[0]);
	other = watch_add(w, b[0]);
	assert_int_equal(watch_peer(w, e, gone, NULL), B3IQ_OK);
	assert_int_equal(watch_peer(w, other, gone, NULL), B3IQ_OK);
	assert_int_equal(watch_peer(w, other, NULL, NULL), B3IQ_OK);
	close(b[1]); /* nobody asks any more */
	assert_int_equal(send(a[1], "x", 1, 0), 1); /* bytes are no departure */
	close(a[1]);
	while (!left)
		usleep(1000);
	usleep(20000);
	assert_int_equal(left, 1);
	watch_remove(w, e);
	watch_remove(w, other);
	watch_destroy(w);
	close(a[0]), close(b[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
