/* Every allocation of the room failed in turn. */
#include "../check.h"

#include "../torture.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"

/* Reads, validates, fills in defaults, changes and writes: what a configuration goes through. */
static int32_t
document(void *arg)
{
	static const char text[] = "{\"list\":[1,2.5,\"x\",null,{\"deep\":{\"er\":true}}],\"name\":\"n\","
	                           "\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,"
	                           "\"k8\":8,\"k9\":9,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13}";
	static const char schema[] = "{\"type\":\"object\",\"properties\":{\"name\":{\"pattern\":\"^n$\"},"
	                             "\"more\":{\"default\":{\"a\":[1,2]}}}}";
	struct json_object *doc = NULL, *rules = NULL;
	struct b3iq_error err = NO_ERROR;
	struct buf out;
	int32_t rc;

	(void)arg;
	buf_init(&out, 4096);
	rc = json_parse(text, sizeof(text) - 1, "doc", &doc, &err);
	if (rc == B3IQ_OK)
		rc = json_parse(schema, sizeof(schema) - 1, "schema", &rules, &err);
	if (rc == B3IQ_OK)
		rc = schema_check(rules, doc, "doc", &err);
	if (rc == B3IQ_OK)
		rc = json_put_string(doc, "added", "value");
	if (rc == B3IQ_OK)
		json_object_object_del(doc, "list");
	if (rc == B3IQ_OK)
		rc = json_canonical(doc, &out, &err);
	if (rc == B3IQ_OK && !strstr(out.data, "\"added\":\"value\""))
		rc = B3IQ_E_INTERNAL; /* a fault must never pass as a document with a part missing */
	if (rc == B3IQ_OK && !strstr(out.data, "\"more\":{\"a\":[1,2]}"))
		rc = B3IQ_E_INTERNAL;
	json_object_put(doc);
	json_object_put(rules);
	buf_free(&out);
	return rc;
}

static void
test_document(void **state)
{
	(void)state;
	torture("document", document, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
