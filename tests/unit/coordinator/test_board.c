#include "coordinator/queue/board.c"

#include "unit.h"

static void
test_revisions(void **state)
{
	struct job j = unit_job("alice", "m");
	struct board b;
	struct live *l;
	bool fresh;

	(void)state;
	assert_true(board_init(&b, 10));
	l = board_show(&b, &j, &fresh);
	assert_true(l && fresh && board_find(&b, j.id) == l);
	j.rev = 3;
	j.phase = JOB_COMPLETED;
	assert_ptr_equal(board_show(&b, &j, &fresh), l);
	assert_true(fresh && l->job.phase == JOB_COMPLETED);
	j.rev = 2; /* what was decided before arrives late */
	j.phase = JOB_LEASED;
	board_show(&b, &j, &fresh);
	assert_true(!fresh && l->job.phase == JOB_COMPLETED);
	assert_null(board_find(&b, "job_none"));
	board_finish(&b);
}

static void
test_oldest_fall_off(void **state)
{
	struct job j[3000];
	struct board b;
	bool fresh;

	(void)state;
	assert_true(board_init(&b, 2));
	for (size_t i = 0; i < 3000; i++) {
		j[i] = unit_job("alice", "m");
		assert_non_null(board_show(&b, &j[i], &fresh));
	}
	for (size_t i = 0; i < 3000; i++)
		assert_non_null(board_find(&b, j[i].id));
	for (size_t i = 0; i < 3000; i++)
		board_retire(&b, board_find(&b, j[i].id));
	assert_int_equal(b.n, 2);
	assert_null(board_find(&b, j[0].id));
	assert_non_null(board_find(&b, j[2999].id));
	board_finish(&b);
}

static void
test_said(void **state)
{
	struct job j = unit_job("alice", "m");
	char *much = calloc(1, BOARD_SAID_MAX);
	struct board b;
	struct live *l;
	bool fresh;

	(void)state;
	assert_true(board_init(&b, 2));
	l = board_show(&b, &j, &fresh);
	assert_true(board_say(&b, l, "ab", 2) && board_say(&b, l, "", 0) && board_say(&b, l, "c", 1));
	assert_int_equal(l->deltas, 3);
	assert_memory_equal(l->said.data, "abc", 3);
	assert_true(board_say(&b, l, much, BOARD_SAID_MAX)); /* counted, not kept */
	assert_true(l->cut && l->said.len == 3 && l->deltas == 4);
	assert_true(board_say(&b, l, "d", 1)); /* nor what follows: there would be a gap */
	assert_true(l->said.len == 3 && l->deltas == 5);
	free(much);
	board_finish(&b);
}

/* All streams together have a limit; what ends, goes or begins anew makes room. */
static void
test_said_of_all(void **state)
{
	enum { N = 8, PIECE = 1000 };
	char piece[PIECE];
	struct live *l[N];
	struct board b;
	size_t kept = 0;
	bool fresh;

	(void)state;
	memset(piece, 'x', sizeof piece);
	assert_true(board_init(&b, N));
	assert_int_equal(b.said_max, BOARD_SAID_ALL);
	b.said_max = 4 * PIECE;
	for (size_t i = 0; i < N; i++) {
		struct job j = unit_job("alice", "m");

		l[i] = board_show(&b, &j, &fresh);
		assert_true(board_say(&b, l[i], piece, sizeof piece));
		kept += l[i]->said.len;
		assert_int_equal(l[i]->cut, l[i]->said.len == 0);
	}
	assert_in_range(kept, PIECE, 4 * PIECE);
	assert_true(l[N - 1]->cut);
	board_hush(&b, l[N - 1]);
	board_retire(&b, l[0]);
	assert_true(board_say(&b, l[N - 1], piece, sizeof piece)); /* there is room again */
	assert_int_equal(l[N - 1]->said.len, PIECE);
	for (size_t i = 0; i < N; i++)
		board_drop(&b, l[i]);
	assert_int_equal(b.said, 0);
	board_finish(&b);
}

UNIT_MAIN(cmocka_unit_test(test_revisions), cmocka_unit_test(test_oldest_fall_off),
          cmocka_unit_test(test_said), cmocka_unit_test(test_said_of_all))
