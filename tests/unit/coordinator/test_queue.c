#include "coordinator/queue/queue.c"

#include "core/base/json.h"
#include "unit.h"

static struct board board;
static struct queue queue;
static const struct skills any = { .any_model = true };

static int
setup(void **state)
{
	(void)state;
	memset(&queue, 0, sizeof queue);
	return board_init(&board, 10) ? 0 : 1;
}

static int
teardown(void **state)
{
	(void)state;
	queue_finish(&queue);
	board_finish(&board);
	return 0;
}

static struct live *
add(const char *client, const char *model, const char *terms, enum job_mode mode)
{
	struct b3iq_error err = NO_ERR;
	struct job j = unit_job(client, model);
	struct live *l;
	bool fresh;

	snprintf(j.terms, sizeof j.terms, "%s", terms);
	j.mode = mode;
	l = board_show(&board, &j, &fresh);
	assert_ok(queue_add(&queue, l, &err), err);
	return l;
}

/* One client with a thousand jobs and one with three: the three are served among the first. */
static void
test_fair(void **state)
{
	int of_b = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		add("a", "m", "", JOB_MODE_FREE);
	for (int i = 0; i < 10; i++)
		queue_take(&queue, &any, 500, true);
	for (int i = 0; i < 3; i++)
		add("b", "m", "", JOB_MODE_FREE);
	for (int i = 0; i < 8; i++)
		of_b += strcmp(queue_take(&queue, &any, 500, true)->job.client, "b") == 0;
	assert_int_equal(of_b, 3);
	assert_int_equal(queue.n, 1000 - 10 - 5);
	assert_int_equal(queue_waiting(&queue, "a"), 985);
	assert_int_equal(queue_waiting(&queue, "b"), 0);
}

static void
test_order_of_one_client(void **state)
{
	struct live *l[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		l[i] = add("a", i % 2 ? "x" : "y", "", JOB_MODE_FREE);
	for (int i = 0; i < 5; i++)
		assert_ptr_equal(queue_take(&queue, &any, 500, true), l[i]);
	assert_null(queue_take(&queue, &any, 500, true));
}

/* What comes back from a lost lease has its old place. */
static void
test_keeps_its_place(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct live *first = add("a", "m", "", JOB_MODE_FREE);

	(void)state;
	add("a", "m", "", JOB_MODE_FREE);
	assert_ptr_equal(queue_take(&queue, &any, 500, true), first);
	assert_ok(queue_add(&queue, first, &err), err);
	assert_ptr_equal(queue_take(&queue, &any, 500, true), first);
}

static void
test_fits(void **state)
{
	struct skills mini = { .n_models = 1 };
	struct live *paid, *other;

	(void)state;
	mini.models = calloc(1, sizeof *mini.models);
	snprintf(mini.models[0], JOB_MODEL_SIZE, "mini");
	paid = add("a", "mini", "", JOB_MODE_TIME);
	other = add("a", "maxi", "", JOB_MODE_FREE);
	assert_null(queue_take(&queue, &mini, 500, false)); /* paid: for the verified */
	assert_ptr_equal(queue_take(&queue, &mini, 500, true), paid);
	assert_null(queue_take(&queue, &mini, 500, true));
	assert_true(queue_fits(other, &any, 500, false));
	queue_remove(&queue, other);
	queue_remove(&queue, other);
	assert_int_equal(queue.n, 0);
	free(mini.models);
}

static void
test_lines_are_bounded(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct live *first = NULL;
	struct job j;
	bool fresh;
	char model[32];

	(void)state;
	for (int i = 0; i < QUEUE_LINES; i++) {
		struct live *l;

		snprintf(model, sizeof model, "m%d", i);
		l = add("a", model, "", JOB_MODE_FREE);
		first = first ? first : l;
	}
	j = unit_job("a", "one-more");
	assert_int_equal(queue_add(&queue, board_show(&board, &j, &fresh), &err), B3IQ_E_BUSY);
	queue_remove(&queue, first); /* an empty line makes room */
	assert_ok(queue_add(&queue, board_find(&board, j.id), &err), err);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
UNIT_MAIN(T(test_fair), T(test_order_of_one_client), T(test_keeps_its_place), T(test_fits),
          T(test_lines_are_bounded))
