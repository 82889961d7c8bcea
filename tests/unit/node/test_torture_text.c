/* Every allocation failed in turn where the log probabilities of a text completion are told. */
#include "node/openai/completions.c"

#include "unit.h"
#include "../torture.h"

static const char tokens[] =
	"[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-1,\"top\":[{\"token\":\"b\",\"bytes\":[98],"
	"\"logprob\":-2},{\"token\":\"c\",\"bytes\":[99],\"logprob\":-3}]},"
	"{\"token\":\"bc\",\"bytes\":[98,99],\"logprob\":-0,\"top\":[]}]";

static const char expected[] =
	"{\"tokens\":[\"a\",\"bc\",\"a\",\"bc\"],\"token_logprobs\":[-1,0,-1,0],\"top_logprobs\":["
	"{\"b\":-2,\"c\":-3},{},{\"b\":-2,\"c\":-3},{}],\"text_offset\":[7,8,10,11]}";

static int32_t
both(void *arg)
{
	struct json_object *doc = NULL, *first = NULL, *second = NULL;
	struct buf text;
	int32_t rc = json_parse(tokens, sizeof tokens - 1, "tokens", &doc, NULL);

	(void)arg;
	buf_init(&text, 1000);
	if (rc == B3IQ_OK) {
		first = logprobs(doc, 7);
		second = logprobs(doc, 10);
		rc = first && second ? more_logprobs(first, second) : B3IQ_E_NO_MEMORY;
	}
	if (rc == B3IQ_OK)
		rc = json_write(first, &text);
	if (rc == B3IQ_OK && strcmp(text.data, expected) != 0)
		rc = B3IQ_E_INTERNAL; /* each list has as many entries as there are tokens */
	json_object_put(doc);
	json_object_put(first);
	json_object_put(second);
	buf_free(&text);
	return rc;
}

static void
test_logprobs(void **state)
{
	(void)state;
	torture("logprobs", both, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_logprobs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
