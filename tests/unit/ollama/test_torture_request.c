/* Every allocation that makes a request failed in turn. */
#include "request.c"

#include "../torture.h"
#include "bench.h"

static const char body[] =
	"{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
	"{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\","
	"\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{}\"}}]},"
	"{\"role\":\"tool\",\"content\":\"3\",\"tool_call_id\":\"c1\"}],\"stop\":[\"END\"],"
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\"}}],"
	"\"response_format\":{\"type\":\"json_object\"}}";

/* arg: the body, parsed before: json-c's parser itself does not survive a failed allocation, which
 * then costs the sandbox, and one request. */
static int32_t
request(void *arg)
{
	static const struct config    config = { .keep_alive = "5m" };
	const struct b3iq_gen_request rq = { .size = sizeof rq, .model = "m", .top_p = 1 };
	struct b3iq_error             err = { .size = sizeof err };
	struct request                r = { .body = json_object_new_object() };
	int32_t                       rc;

	rc = r.body ? fill(&r, &config, &rq, arg, 4096, &err) : B3IQ_E_NO_MEMORY;
	/* A fault must never pass as a request with a part missing. */
	if (!rc &&
	    (!doc_member(r.body, "tools", json_type_array) || !doc_string(r.body, "format") ||
	     json_object_object_length(doc_member(r.body, "options", json_type_object)) != 11))
		rc = B3IQ_E_INTERNAL;
	request_finish(&r);
	return rc;
}

static void
test_requests(void **state)
{
	struct json_object *in = doc_parse(body, sizeof body - 1);

	(void)state;
	assert_non_null(in);
	/* The arguments of a call are parsed on the way: json-c does not say why it gave up. */
	torture("request", request, in, B3IQ_E_INVALID);
	json_object_put(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
