/* Every allocation failed in turn where an answer is told: as a whole, and its pieces. */
#include "node/openai/answer.c"
#include "node/openai/chat.c"

#include "unit.h"
#include "../torture.h"

static const char delta_text[] =
	"{\"logprobs\":[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-1,\"top\":[{\"token\":\"b\","
	"\"bytes\":[98],\"logprob\":-2}]}],\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":"
	"{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}},{\"index\":0,\"function\":{\"arguments\":\"1}\"}}],"
	"\"reasoning\":\"hm\"}";

/* Two steps and the end, into the choices of a whole answer. */
static int32_t
tell(struct answer *a, struct run *run, struct json_object *delta)
{
	int32_t rc;

	choice_init(&a->choice, 0);
	rc = on_step(a, "hi", 2, delta);
	if (rc == B3IQ_OK)
		rc = on_step(a, "", 0, delta);
	if (rc == B3IQ_OK)
		rc = end_choice(a, run);
	choice_finish(&a->choice);
	return rc;
}

static int32_t
whole(void *arg)
{
	static const char envelope[] = "{\"receipt\":1}";
	struct answer a = { .dialect = &dialect, .id = "id", .n_runs = 2, .model.name = "m",
		.args = { .n = 1, .logprobs = true }, .choices = json_object_new_array() };
	struct run run = { .receipt_id = "rcpt_1", .usage.stop = B3IQ_STOP_TOOL };
	struct json_object *doc = NULL, *delta = NULL;
	struct buf text;
	int32_t rc;

	(void)arg;
	buf_init(&text, 10000);
	buf_init(&run.output, 100);
	buf_init(&run.envelope, 100);
	rc = a.choices ? buf_puts(&run.output, "hi") : B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_OK)
		rc = buf_puts(&run.envelope, envelope);
	if (rc == B3IQ_OK)
		rc = json_parse(delta_text, sizeof delta_text - 1, "delta", &delta, NULL);
	if (rc == B3IQ_OK)
		rc = tell(&a, &run, delta);
	if (rc == B3IQ_OK && !(doc = document(&a, "chat.completion")))
		rc = B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_OK)
		rc = json_put(doc, "choices", json_object_get(a.choices));
	if (rc == B3IQ_OK)
		rc = json_put(doc, "usage", usage(&a));
	if (rc == B3IQ_OK)
		rc = json_write(doc, &text);
	/* Two tokens with all that is known of them, one call per id, the receipt. */
	if (rc == B3IQ_OK &&
	    (!strstr(text.data, "\"bytes\":[97],\"top_logprobs\":[{\"token\":\"b\"") ||
	     !strstr(text.data, "\"arguments\":\"{\\\"x\\\":1}") ||
	     !strstr(text.data, "\"reasoning_content\":\"hmhm\"") ||
	     !strstr(text.data, "\"receipt\":{\"receipt\":1},\"secret\":\"0000") ||
	     !strstr(text.data, "\"finish_reason\":\"tool_calls\"")))
		rc = B3IQ_E_INTERNAL;
	json_object_put(doc);
	json_object_put(delta);
	json_object_put(a.choices);
	buf_free(&run.output);
	buf_free(&run.envelope);
	buf_free(&text);
	return rc;
}

static void
test_whole(void **state)
{
	(void)state;
	torture("whole answer", whole, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_whole) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
