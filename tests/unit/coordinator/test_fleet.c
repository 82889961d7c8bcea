#include "coordinator/workers/fleet.c"

#include "unit.h"

static struct worker *
worker(const char *id, const char *key)
{
	struct worker *w = calloc(1, sizeof *w);

	snprintf(w->id, sizeof w->id, "%s", id);
	snprintf(w->key, sizeof w->key, "%s", key);
	w->concurrency = 2;
	w->skills.any_model = true;
	return w;
}

static struct fleet fleet;

static int
setup(void **state)
{
	memset(&fleet, 0, sizeof fleet);
	return unit_open(state);
}

static int
teardown(void **state)
{
	fleet_finish(&fleet);
	return unit_close(state);
}

static void
test_quality(void **state)
{
	struct worker *w = fleet_put(&fleet, worker("a", "k"));

	(void)state;
	assert_int_equal(w->quality, 500);
	fleet_score(w, FLEET_COMPLETED, 10, 5);
	assert_int_equal(w->quality, 531);
	for (int i = 0; i < 1000; i++)
		fleet_score(w, FLEET_COMPLETED, 1, 0);
	assert_true(w->quality <= 1000 && w->quality > 980);
	fleet_score(w, FLEET_REFUSED, 0, 0);
	assert_true(w->quality < 760);
	for (int i = 0; i < 100; i++)
		fleet_score(w, FLEET_LOST, 0, 0);
	assert_true(w->quality < 4);
	assert_int_equal(w->earned, 5);
	assert_int_equal(w->lost, 100);
}

static void
test_leases(void **state)
{
	struct worker *w = fleet_put(&fleet, worker("a", "k"));
	struct live l[3];

	(void)state;
	memset(l, 0, sizeof l);
	assert_false(fleet_room(w)); /* not online */
	fleet_online(&fleet, w, true);
	fleet_online(&fleet, w, true);
	assert_int_equal(fleet.n_online, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(fleet_room(w));
		fleet_hold(w, &l[i]);
	}
	assert_false(fleet_room(w));
	fleet_put(&fleet, worker("a", "k")); /* registers again: its leases stay */
	assert_int_equal(w->held, 2);
	fleet_release(&l[0]);
	fleet_release(&l[0]);
	assert_int_equal(w->held, 1);
	assert_true(fleet_room(w));
	w->verified = true;
	assert_false(fleet_payable(w)); /* without an address its pay would stay locked */
	snprintf(w->address, sizeof w->address, "ait1x");
	assert_true(fleet_payable(w));
	w->verified = false;
	assert_false(fleet_payable(w));
	w->draining = true;
	assert_false(fleet_room(w));
	fleet_release(&l[1]);
}

static void
test_line(void **state)
{
	struct poller p[3];
	static const uint32_t quality[] = { 400, 900, 400 };

	(void)state;
	memset(p, 0, sizeof p);
	for (size_t i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof id, "w%zu", i);
		p[i].worker = fleet_put(&fleet, worker(id, "k"));
		p[i].worker->quality = quality[i];
		fleet_wait(&fleet, &p[i]);
	}
	assert_ptr_equal(fleet.pollers, &p[1]);
	assert_ptr_equal(fleet.pollers->next, &p[0]);
	fleet_leave(&fleet, &p[0]);
	fleet_leave(&fleet, &p[0]);
	p[0].worker->stake = UINT64_C(8000000); /* a little stake, a little earlier */
	fleet_wait(&fleet, &p[0]);
	assert_ptr_equal(fleet.pollers->next, &p[0]);
	assert_int_equal(fleet.n_pollers, 3);
	for (size_t i = 0; i < 3; i++)
		fleet_leave(&fleet, &p[i]);
}

static void
test_nonces(void **state)
{
	char nonce[FLEET_NONCE], other[FLEET_NONCE];

	(void)state;
	fleet_challenge(&fleet, "k", 1000, nonce);
	assert_false(fleet_answer(&fleet, "other", nonce, 1000));
	assert_true(fleet_answer(&fleet, "k", nonce, 1000));
	assert_false(fleet_answer(&fleet, "k", nonce, 1000)); /* once */
	fleet_challenge(&fleet, "k", 1000, nonce);
	assert_false(fleet_answer(&fleet, "k", nonce, 1001 + FLEET_NONCE_MS));
	fleet_challenge(&fleet, "k", 1000, nonce);
	for (int i = 0; i < 2 * FLEET_NONCES; i++) /* another miner's noise */
		fleet_challenge(&fleet, "noisy", 1001, other);
	assert_true(fleet_answer(&fleet, "noisy", other, 1001));
	assert_true(fleet_answer(&fleet, "k", nonce, 1001));
	fleet_challenge(&fleet, "k", 1000, nonce);
	for (int i = 0; i < FLEET_NONCES_EACH; i++)
		fleet_challenge(&fleet, "k", 1001, other);
	assert_false(fleet_answer(&fleet, "k", nonce, 1001)); /* pushed out by its own */
	assert_true(fleet_answer(&fleet, "k", other, 1001));
	assert_false(fleet_answer(&fleet, "k", "", 1000));
}

static int32_t
save_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	int32_t rc = fleet_save(tx, arg, err);

	if (rc == B3IQ_OK)
		rc = fleet_save_score(tx, "a", FLEET_COMPLETED, 7, 9, err);
	return rc == B3IQ_OK ? fleet_save_score(tx, "a", FLEET_LOST, 0, 0, err) : rc;
}

static int32_t
take(void *arg, struct worker *w)
{
	*(struct worker **)arg = w;
	return B3IQ_OK;
}

static int32_t
load_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return fleet_load(tx, take, arg, err);
}

static void
test_rows(void **state)
{
	struct worker *w = worker("a", "k"), *back = NULL;
	struct b3iq_error err = NO_ERR;

	(void)state;
	w->verified = true;
	w->node[0] = 7;
	w->models = strdup("[\"mini\"]");
	snprintf(w->address, sizeof w->address, "ait1x");
	assert_ok(store_write(unit_store, save_row, w, &err), err);
	assert_ok(store_read(unit_store, load_rows, &back, &err), err);
	w->quality = QUALITY_FIRST;
	fleet_score(w, FLEET_COMPLETED, 7, 9);
	fleet_score(w, FLEET_LOST, 0, 0);
	assert_int_equal(back->quality, w->quality); /* memory and rows count alike */
	assert_int_equal(back->earned, 9);
	assert_int_equal(back->lost, 1);
	assert_true(back->verified && back->node[0] == 7 && skills_have(&back->skills, "mini"));
	assert_false(skills_have(&back->skills, "maxi"));
	worker_free(back);
	w->verified = false; /* registering without proof does not unpin */
	assert_ok(store_write(unit_store, save_row, w, &err), err);
	assert_ok(store_read(unit_store, load_rows, &back, &err), err);
	assert_true(back->verified && back->node[0] == 7);
	worker_free(back);
	snprintf(w->key, sizeof w->key, "other"); /* lost the race for the id: where the money goes stays */
	snprintf(w->address, sizeof w->address, "ait1thief");
	assert_ok(store_write(unit_store, save_row, w, &err), err);
	assert_ok(store_read(unit_store, load_rows, &back, &err), err);
	assert_string_equal(back->address, "ait1x");
	worker_free(back);
	worker_free(w);
}

static void
test_of_key(void **state)
{
	struct worker *a = fleet_put(&fleet, worker("a", "k")), *b = fleet_put(&fleet, worker("b", "k"));

	(void)state;
	assert_null(fleet_of_key(&fleet, "other"));
	assert_ptr_equal(fleet_of_key(&fleet, "k"), b);
	fleet_put(&fleet, worker("a", "k"));
	assert_ptr_equal(fleet_of_key(&fleet, "k"), a);
	fleet_remove(&fleet, a);
	assert_ptr_equal(fleet_of_key(&fleet, "k"), b);
	fleet_put(&fleet, worker("a", "other"));
	assert_ptr_equal(fleet_of_key(&fleet, "other"), a);
	assert_ptr_equal(fleet_of_key(&fleet, "k"), b);
}

static void
test_gone(void **state)
{
	struct worker *w = fleet_put(&fleet, worker("a", "k"));

	(void)state;
	w->verified = true;
	w->completed = 3;
	fleet_remove(&fleet, w);
	assert_true(w->gone && !fleet_room(w));
	assert_ptr_equal(fleet_put(&fleet, worker("a", "other")), w);
	assert_string_equal(w->key, "other");
	assert_true(!w->gone && !w->verified && w->completed == 0 && w->quality == 500);
}

/* One key takes 64 places, and cannot fill the table with ids that it gives up. */
static void
test_places_of_a_key(void **state)
{
	struct worker *k = worker("one more", "k"), *other = worker("of another", "other");
	char id[32];

	(void)state;
	for (int i = 0; i < FLEET_MAX_EACH; i++) {
		assert_true(fleet_takes(&fleet, k));
		snprintf(id, sizeof id, "w%d", i);
		fleet_put(&fleet, worker(id, "k"));
	}
	assert_false(fleet_takes(&fleet, k));
	assert_true(fleet_takes(&fleet, other));
	snprintf(k->id, sizeof k->id, "w7"); /* registers again */
	assert_true(fleet_takes(&fleet, k));
	for (int i = 0; i < FLEET_GONE_EACH; i++) {
		snprintf(id, sizeof id, "w%d", i);
		fleet_remove(&fleet, fleet_put(&fleet, worker(id, "k")));
	}
	assert_true(fleet_takes(&fleet, k)); /* its place is there */
	snprintf(k->id, sizeof k->id, "one more");
	assert_false(fleet_takes(&fleet, k));
	worker_free(k);
	worker_free(other);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
UNIT_MAIN(T(test_quality), T(test_leases), T(test_line), T(test_nonces),
          T(test_rows), T(test_of_key), T(test_gone), T(test_places_of_a_key))
