/* receipt_log.c: the chain of a node, together with the caller's own row. */
#include "../check.h"

#include <unistd.h>

#include "core/base/json.h"
#include "core/receipt/receipt_log.c"
#include "fixture.h"

static const char *const job_steps[] = { "CREATE TABLE job(id TEXT PRIMARY KEY, receipt TEXT NOT NULL "
	                                 "REFERENCES receipt(id)) STRICT", NULL };
static const struct store_module jobs = { "job", job_steps };

static char dir[64], file[96];
static struct store *s;
static struct fixture f;

static int
set_up(void **state)
{
	const struct store_module *const modules[] = { &receipt_log_module, &jobs, NULL };

	(void)state;
	fixture_make(&f);
	snprintf(dir, sizeof(dir), "/tmp/b3iq-log-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/state.db", dir);
	return store_open(file, modules, &s, NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(s);
	fixture_free(&f);
	unlink(file);
	return rmdir(dir);
}

struct step {
	struct receipt *r;
	struct buf      envelope;
	uint8_t         hash[32];
	const char     *job;
	bool            change_mind;
};

/* What a node does at the end of a request: receipt and job in one transaction. */
static int32_t
finish_job(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct step *step = arg;
	int32_t rc = receipt_log_append(tx, step->r, f.key, &step->envelope, step->hash, err);

	if (rc == B3IQ_OK)
		rc = store_run(tx, err, "INSERT INTO job(id, receipt) VALUES(?,?)", "ss", step->job,
		               step->r->id);
	return rc == B3IQ_OK && step->change_mind ? B3IQ_E_CANCELLED : rc;
}

static int32_t
append(const char *job, bool change_mind, struct step *out)
{
	struct step step = { .r = &f.r, .job = job, .change_mind = change_mind };
	struct b3iq_error err = NO_ERROR;
	int32_t rc;

	receipt_new_id(f.r.id);
	buf_init(&step.envelope, RECEIPT_MAX);
	rc = store_write(s, finish_job, &step, &err);
	if (out)
		*out = step;
	else
		buf_free(&step.envelope);
	return rc;
}

struct state {
	uint64_t count, seq;
	uint8_t  hash[32];
	struct b3iq_error err;
};

static int32_t
look(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct state *st = arg;
	int32_t rc = receipt_log_head(tx, &st->seq, st->hash, err);

	return rc == B3IQ_OK ? receipt_log_verify(tx, ed25519_public(f.key), &st->count, err) : rc;
}

static int32_t
change(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return store_run(tx, err, arg, "");
}

static void
test_chain(void **state)
{
	struct step a, b;
	struct state st = { .err = NO_ERROR };

	(void)state;
	assert_int_equal(store_read(s, look, &st, &st.err), B3IQ_OK);
	assert_true(st.seq == 0 && st.count == 0);
	assert_int_equal(append("job-1", false, &a), B3IQ_OK);
	assert_true(f.r.seq == 1);
	assert_int_equal(append("job-2", false, &b), B3IQ_OK);
	assert_true(f.r.seq == 2);
	assert_memory_equal(f.r.prev, a.hash, 32);
	assert_int_equal(store_read(s, look, &st, &st.err), B3IQ_OK);
	assert_true(st.seq == 2 && st.count == 2);
	assert_memory_equal(st.hash, b.hash, 32);
	buf_free(&a.envelope);
	buf_free(&b.envelope);
}

static void
test_an_undone_job_leaves_no_receipt(void **state)
{
	struct state st = { .err = NO_ERROR };

	(void)state;
	assert_int_equal(append("job-1", false, NULL), B3IQ_OK);
	assert_int_equal(append("job-2", true, NULL), B3IQ_E_CANCELLED);
	assert_int_equal(append("job-1", false, NULL), B3IQ_E_INVALID); /* the job's key is taken */
	assert_int_equal(append("job-3", false, NULL), B3IQ_OK);
	assert_true(f.r.seq == 2); /* numbers without a gap */
	assert_int_equal(store_read(s, look, &st, &st.err), B3IQ_OK);
	assert_true(st.count == 2);
}

static int32_t
get(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct step *step = arg;

	return receipt_log_get(tx, step->job, &step->envelope, err);
}

static void
test_get(void **state)
{
	struct step made, got = { .job = f.r.id };
	struct b3iq_error err = NO_ERROR;

	(void)state;
	assert_int_equal(append("job-1", false, &made), B3IQ_OK);
	buf_init(&got.envelope, RECEIPT_MAX);
	assert_int_equal(store_read(s, get, &got, &err), B3IQ_OK);
	assert_string_equal(got.envelope.data, made.envelope.data);
	got.job = "rcpt_nobody";
	assert_int_equal(store_read(s, get, &got, &err), B3IQ_E_NOT_FOUND);
	buf_free(&got.envelope);
	buf_free(&made.envelope);
}

static uint64_t listed[8];
static size_t n_listed;

static int32_t
note(void *arg, const struct receipt_entry *e)
{
	struct receipt r;

	assert_int_equal(receipt_read(e->body, e->body_len, &r, NULL), B3IQ_OK);
	assert_string_equal(r.id, e->id);
	listed[n_listed++] = e->seq;
	return arg && n_listed == 1 ? B3IQ_E_CANCELLED : B3IQ_OK;
}

static int32_t
list(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const uint64_t *page = arg;

	n_listed = 0;
	return receipt_log_list(tx, page[0], (uint32_t)page[1], note, page[2] ? arg : NULL, err);
}

static void
test_list(void **state)
{
	char job[16];
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(job, sizeof(job), "job-%d", i);
		assert_int_equal(append(job, false, NULL), B3IQ_OK);
	}
	assert_int_equal(store_read(s, list, (uint64_t[]){ 0, 3, 0 }, NULL), B3IQ_OK);
	assert_true(n_listed == 3 && listed[0] == 5 && listed[2] == 3);
	assert_int_equal(store_read(s, list, (uint64_t[]){ 3, 10, 0 }, NULL), B3IQ_OK);
	assert_true(n_listed == 2 && listed[0] == 2 && listed[1] == 1);
	assert_int_equal(store_read(s, list, (uint64_t[]){ 0, 3, 1 }, NULL), B3IQ_E_CANCELLED);
	assert_true(n_listed == 1);
}

/* Whoever changes the log is found, and where. */
static void
test_tampering(void **state)
{
	static char *const damage[][2] = {
		{ "DELETE FROM receipt WHERE seq = 2", "receipt 2 of the log is missing" },
		{ "UPDATE receipt SET seq = 9 WHERE seq = 3", "receipt 3 of the log is missing" },
		{ "UPDATE receipt SET hash = zeroblob(32) WHERE seq = 2", "another hash" },
		{ "UPDATE receipt SET signature = zeroblob(64) WHERE seq = 1", "wrong signature" },
		{ "UPDATE receipt SET id = 'rcpt_x' WHERE seq = 1", "wrong place" },
		{ "UPDATE receipt SET body = replace(CAST(body AS TEXT), '\"output\":7', "
		  "'\"output\":8') WHERE seq = 3", NULL },
		{ "UPDATE receipt SET body = CAST(replace(CAST(body AS TEXT), '\"output\":7', "
		  "'\"output\":8') AS BLOB) WHERE seq = 3", "another hash" },
		{ "UPDATE receipt SET body = (SELECT body FROM receipt WHERE seq = 1) WHERE seq = 2",
		  "wrong place" },
	};
	struct state st;
	struct b3iq_error err;
	char job[32];
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		err = NO_ERROR;
		assert_int_equal(store_write(s, change, "DELETE FROM job", &err), B3IQ_OK);
		assert_int_equal(store_write(s, change, "DELETE FROM receipt", &err), B3IQ_OK);
		for (k = 0; k < 3; k++) {
			snprintf(job, sizeof(job), "job-%zu-%d", i, k);
			f.r.seq = 0;
			assert_int_equal(append(job, false, NULL), B3IQ_OK);
		}
		assert_int_equal(store_write(s, change, "DELETE FROM job", &err), B3IQ_OK);
		assert_int_equal(store_read(s, look, &st, &err), B3IQ_OK);
		if (!damage[i][1]) { /* SQLite's own types refuse it */
			assert_int_equal(store_write(s, change, damage[i][0], &err),
					 B3IQ_E_INVALID);
			continue;
		}
		assert_int_equal(store_write(s, change, damage[i][0], &err), B3IQ_OK);
		assert_int_equal(store_read(s, look, &st, &err), B3IQ_E_INVALID);
		if (!strstr(err.text, damage[i][1]))
			fail_msg("%s: %s", damage[i][0], err.text);
	}
}

static void
test_another_key(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct ed25519_key *own = f.key;
	struct state st;

	(void)state;
	assert_int_equal(append("job-1", false, NULL), B3IQ_OK);
	assert_int_equal(ed25519_generate(&f.key, NULL), B3IQ_OK);
	assert_int_equal(store_read(s, look, &st, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "another node"));
	ed25519_free(f.key);
	f.key = own;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_chain),
		TEST(test_an_undone_job_leaves_no_receipt),
		TEST(test_get),
		TEST(test_list),
		TEST(test_tampering),
		TEST(test_another_key),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
