/* Every allocation of the worker's quiet parts failed in turn: a lease read, a report kept and found. */
#include "../torture.h"

#include "core/crypto/seal.h"
#include "desk.h"
#include "node/identity.h"
#include "node/state.h"
#include "node/worker/spool.h"
#include "node/worker/uplink.h"

static struct home home;
static struct store *store;
static struct identity id;
static const char *job_text;

static int32_t
sealing(void *arg)
{
	static const uint8_t key[SEAL_KEY] = { 7 };
	struct buf sealed, plain;
	int32_t rc;

	(void)arg;
	buf_init(&sealed, 1000);
	buf_init(&plain, 1000);
	rc = seal_close(key, "here", "words", 5, &sealed);
	if (rc == B3IQ_OK)
		rc = seal_open(key, "here", sealed.data, sealed.len, &plain);
	if (rc == B3IQ_OK && (plain.len != 5 || memcmp(plain.data, "words", 5) != 0))
		rc = B3IQ_E_INTERNAL;
	buf_free(&sealed);
	buf_free(&plain);
	return rc;
}

static int32_t
reading(void *arg)
{
	struct json_object *doc = NULL;
	struct b3iq_error err = NO_ERR;
	struct lease l = { .doc = NULL };
	int32_t rc = json_parse(job_text, strlen(job_text), "a job", &doc, &err);

	(void)arg;
	if (rc == B3IQ_OK)
		rc = lease_read(doc, &l, &err);
	lease_free(&l);
	return rc;
}

/* Whatever fails, a lease that was dropped is gone and one that was not is still there. */
static int32_t
keeping(void *arg)
{
	struct b3iq_error err = NO_ERR;
	struct spool *s = NULL;
	struct spool_item item;
	bool fresh, found = false;
	int32_t rc = spool_create(store, id.key, "http://here.example", &s, &err);

	(void)arg;
	if (rc == B3IQ_OK)
		rc = spool_begin(s, "job", "lease", &fresh, &err);
	if (rc == B3IQ_OK)
		rc = spool_end(s, "lease", SPOOL_RESULT, "{}", 2, &err);
	if (rc == B3IQ_E_INTERNAL) /* ended by an earlier try, which failed later */
		rc = B3IQ_OK;
	if (rc == B3IQ_OK) {
		rc = spool_next(s, 0, &item, &found, &err);
		if (rc == B3IQ_OK && (!found || item.body.len != 2))
			rc = B3IQ_E_INTERNAL;
		buf_wipe(&item.body);
	}
	if (rc == B3IQ_OK)
		rc = spool_drop(s, "lease", &err);
	spool_destroy(s);
	return rc;
}

static void
test_all(void **state)
{
	struct json_object *job = desk_job(1, "m", true);
	struct b3iq_error err = NO_ERR;

	(void)state;
	job_text = json_object_to_json_string(job);
	unit_home(&home);
	assert_ok(identity_open(&id, &home, &err), err);
	assert_ok(state_open(&home, &store, &err), err);
	torture("seal", sealing, NULL, 0);
	torture("lease", reading, NULL, 0);
	torture("spool", keeping, NULL, B3IQ_E_UNAVAILABLE);
	store_close(store);
	identity_close(&id);
	unit_home_end(&home);
	json_object_put(job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
