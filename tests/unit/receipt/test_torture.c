/* Every allocation failed in turn while a receipt is made, read, verified and audited. */
#include "../check.h"
#include "../torture.h"

#include "core/receipt/receipt_verify.h"
#include "fixture.h"

static struct fixture f;
static struct buf good; /* a bundle, made without faults */

static int32_t
make(void *arg)
{
	struct bundle_opening open = fixture_opening(&f);
	struct buf out;
	int32_t rc;

	(void)arg;
	buf_init(&out, BUNDLE_MAX);
	rc = fixture_bundle(&f, &open, &out);
	if (rc == B3IQ_OK && (out.len != good.len || memcmp(out.data, good.data, out.len) != 0))
		rc = B3IQ_E_INTERNAL; /* never a receipt with a part missing */
	buf_free(&out);
	return rc;
}

static int32_t
verify(void *arg)
{
	struct receipt_report report;
	int32_t rc;
	size_t i;

	(void)arg;
	rc = receipt_verify(good.data, good.len, ed25519_public(f.key), 1, &report, NULL);
	for (i = 0; rc == B3IQ_OK && i < report.n; i++)
		/* OpenSSL's verify may call a lack of memory a wrong signature; nothing else may. */
		if (report.check[i].result == RECEIPT_FAIL)
			rc = strcmp(report.check[i].name, "signature") == 0 ? B3IQ_E_DENIED :
			                                                      B3IQ_E_INTERNAL;
	return rc;
}

static int32_t
audit(void *arg)
{
	struct receipt_auditor with = fixture_auditor(f.root);
	struct receipt_audit result;
	int32_t rc;

	(void)arg;
	rc = receipt_audit(good.data, good.len, &with, &result, NULL);
	if (rc == B3IQ_OK && result.verdict != RECEIPT_EQUAL)
		rc = B3IQ_E_INTERNAL; /* honest work must never be called different */
	return rc;
}

static void
test_make(void **state)
{
	(void)state;
	torture("make", make, NULL, 0);
}

static void
test_verify(void **state)
{
	(void)state;
	torture("verify", verify, NULL, B3IQ_E_DENIED);
}

static void
test_audit(void **state)
{
	(void)state;
	torture("audit", audit, NULL, 0);
}

static int
set_up(void **state)
{
	struct bundle_opening open;

	(void)state;
	fixture_make(&f);
	buf_init(&good, BUNDLE_MAX);
	open = fixture_opening(&f);
	return fixture_bundle(&f, &open, &good);
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&good);
	fixture_free(&f);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_audit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
