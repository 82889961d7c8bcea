#include "stream.c"

#include "bench.h"

struct run {
	struct stream      s;
	struct memory_sink sink;
	struct b3iq_usage  use;
	struct b3iq_error  err;
};

#define LINE(text)                                                                 \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"" text \
	"\"},\"done\":false}\n"
#define LAST(reason)                                                                          \
	"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"  \
	"\"done_reason\":\"" reason "\",\"total_duration\":10000000,\"load_duration\":1000,"      \
	"\"prompt_eval_count\":12,\"prompt_eval_duration\":2000000,\"eval_count\":5,"             \
	"\"eval_duration\":3000000}\n"

static struct run *
begin(void)
{
	static struct run r;

	r = (struct run){ .sink = MEMORY_SINK, .use.size = sizeof r.use, .err.size = sizeof r.err };
	r.s = (struct stream){ .model = "m", .sink = &r.sink.base, .usage = &r.use, .context = 100,
		               .chat = true };
	stream_init(&r.s);
	return &r;
}

/* Feeds the text in pieces of that size, and ends. */
static int32_t
play(struct run *r, const char *text, size_t piece)
{
	const size_t len = strlen(text);
	int32_t      rc = B3IQ_OK;

	for (size_t at = 0; !rc && at < len; at += piece)
		rc = stream_feed(&r->s, text + at, at + piece < len ? piece : len - at, &r->err);
	if (!rc)
		rc = stream_end(&r->s, &r->err);
	stream_finish(&r->s);
	return rc;
}

static void
fails(const char *text, int32_t code, const char *names)
{
	struct run *r = begin();

	assert_int_equal(play(r, text, strlen(text)), code);
	if (!strstr(r->err.text, names))
		fail_msg("\"%s\" does not say \"%s\"", r->err.text, names);
	r = begin();
	assert_int_equal(play(r, text, 1), code);
}

static void
any_pieces_make_the_same_answer(void **state)
{
	static const char text[] =
		LINE("He") "\r\n" LINE("ll\xc3\xb6 \xf0\x9f\xa6\x99") LINE("") LAST("stop");

	(void)state;
	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct run *r = begin();

		assert_int_equal(play(r, text, piece), B3IQ_OK);
		assert_string_equal(r->sink.text, "Hell\xc3\xb6 \xf0\x9f\xa6\x99");
		assert_int_equal(r->sink.n_chunks, 2);
		assert_int_equal(r->use.stop, B3IQ_STOP_END);
		assert_int_equal(r->use.prompt_tokens, 12);
		assert_int_equal(r->use.output_tokens, 5);
		assert_int_equal(r->use.prefill_us, 2000);
		assert_int_equal(r->use.decode_us, 3000);
		assert_int_equal(r->use.queue_us, 5000);
	}
}

static void
stop_reasons(void **state)
{
	struct run *r = begin();

	(void)state;
	assert_int_equal(play(r, LINE("x") LAST("length"), 999), B3IQ_OK);
	assert_int_equal(r->use.stop, B3IQ_STOP_LENGTH);
	r = begin();
	assert_int_equal(play(r, LINE("x") "{\"model\":\"m\",\"done\":true}", 999), B3IQ_OK);
	assert_int_equal(r->use.stop, B3IQ_STOP_END);
	assert_int_equal(r->use.output_tokens, 1);
}

static void
raw_answers(void **state)
{
	struct run *r = begin();

	(void)state;
	r->s.chat = false;
	assert_int_equal(play(r,
	                      "{\"model\":\"m\",\"response\":\"Once\",\"done\":false}\n"
	                      "{\"model\":\"m\",\"response\":\" upon\",\"done\":true}\n",
	                      999),
	                 B3IQ_OK);
	assert_string_equal(r->sink.text, "Once upon");
}

static void
thoughts_stand_apart(void **state)
{
	struct run *r = begin();

	(void)state;
	assert_int_equal(
		play(r,
	             "{\"model\":\"m\",\"message\":{\"content\":\"\",\"thinking\":\"hm/\"},"
	             "\"done\":false}\n" LINE("so") LAST("stop"),
	             999),
		B3IQ_OK);
	assert_string_equal(r->sink.text, "so");
	assert_string_equal(r->sink.delta, "{\"reasoning\":\"hm/\"};");
}

static void
tool_calls_get_ids_of_their_own(void **state)
{
	static const char call[] =
		"{\"model\":\"m\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"1\","
		"\"function\":{\"name\":\"add\",\"arguments\":{\"a\":1,\"b\":\"x/y\"}}}]},"
		"\"done\":false}\n";
	struct run         *r = begin();
	struct json_object *first, *second;
	char                text[4096];

	(void)state;
	snprintf(text, sizeof text, "%s%s%s", call, call, LAST("stop"));
	assert_int_equal(play(r, text, 3), B3IQ_OK);
	assert_int_equal(r->use.stop, B3IQ_STOP_TOOL);
	first = doc_parse(r->sink.delta, strcspn(r->sink.delta, ";"));
	assert_non_null(first);
	*strrchr(r->sink.delta, ';') = '\0';
	second = doc_parse(strchr(r->sink.delta, ';') + 1, strlen(strchr(r->sink.delta, ';') + 1));
	assert_non_null(second);
	for (int i = 0; i < 2; i++) {
		struct json_object *c = json_object_array_get_idx(
			doc_member(i ? second : first, "tool_calls", json_type_array), 0);
		struct json_object *f = doc_member(c, "function", json_type_object);

		assert_int_equal(json_object_get_int(doc_member(c, "index", json_type_int)), i);
		assert_int_equal(strlen(doc_string(c, "id")), 29);
		assert_string_equal(doc_string(c, "type"), "function");
		assert_string_equal(doc_string(f, "name"), "add");
		assert_string_equal(doc_string(f, "arguments"), "{\"a\":1,\"b\":\"x/y\"}");
	}
	assert_string_not_equal(
		strstr(r->sink.delta, "call_"),
		doc_string(json_object_array_get_idx(
				   doc_member(second, "tool_calls", json_type_array), 0),
	                   "id"));
	json_object_put(first);
	json_object_put(second);
}

static void
log_probabilities(void **state)
{
	static const char text[] =
		"{\"model\":\"m\",\"message\":{\"content\":\"\xc3\xa9\"},\"done\":false,"
		"\"logprobs\":[{\"token\":\"\xc3\xa9\",\"logprob\":-0.5,\"top_logprobs\":["
		"{\"token\":\"a\",\"logprob\":0.000001,\"bytes\":[97]}]}]}\n" LAST("stop");
	struct run       *r = begin();

	(void)state;
	r->s.logprobs = true;
	assert_int_equal(play(r, text, 999), B3IQ_OK);
	assert_string_equal(
		r->sink.delta,
		"{\"logprobs\":[{\"token\":\"\xc3\xa9\",\"bytes\":[195,169],\"logprob\":-0.5,"
		"\"top\":[{\"token\":\"a\",\"bytes\":[97],\"logprob\":0.0}]}]};");
	r = begin(); /* an old version does not know them */
	r->s.logprobs = true;
	assert_int_equal(play(r, LINE("x") LAST("stop"), 999), B3IQ_E_UNSUPPORTED);
	assert_int_equal(r->sink.n_chunks, 0);
	r = begin();
	r->s.logprobs = true;
	assert_int_equal(play(r,
	                      "{\"model\":\"m\",\"message\":{\"content\":\"x\"},\"logprobs\":[{}],"
	                      "\"done\":false}\n",
	                      999),
	                 B3IQ_E_UNAVAILABLE);
	r = begin();
	r->s.logprobs = true;
	assert_int_equal(play(r, "{\"model\":\"m\",\"message\":{\"content\":\"x\"},\"logprobs\":["
	                         "{\"token\":\"x\",\"logprob\":NaN}],\"done\":false}\n", 999),
	                 B3IQ_E_UNAVAILABLE);
}

static void
every_fault_has_its_code(void **state)
{
	(void)state;
	fails("not json\n", B3IQ_E_UNAVAILABLE, "malformed");
	fails("[]\n", B3IQ_E_UNAVAILABLE, "malformed");
	fails("{\"message\":{\"content\":\"x\"}}\n", B3IQ_E_UNAVAILABLE, "no model");
	fails(LINE("x"), B3IQ_E_UNAVAILABLE, "cut");
	fails("", B3IQ_E_UNAVAILABLE, "cut");
	fails(LINE("x") "{\"model\":\"m\",\"done\":tr", B3IQ_E_UNAVAILABLE, "malformed");
	fails(LINE("x") "{\"error\":\"an error was encountered while running the model: "
	                "secret\"}\n",
	      B3IQ_E_UNAVAILABLE, "broke off");
	fails(LINE("x") "{\"error\":\"the input length exceeds the context length\"}\n",
	      B3IQ_E_INVALID, "context_length_exceeded");
	fails("{\"error\":\"CUDA error: out of memory\"}\n", B3IQ_E_NO_MEMORY, "memory");
	fails("{\"model\":\"other\",\"message\":{\"content\":\"x\"},\"done\":false}\n",
	      B3IQ_E_NOT_FOUND, "another model");
	fails(LAST("stop"), B3IQ_E_UNAVAILABLE, "empty");
	fails("{\"model\":\"m\",\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}}\n",
	      B3IQ_E_UNAVAILABLE, "tool call");
	fails(LINE("x") "{\"model\":\"m\",\"done\":true,\"prompt_eval_count\":100}\n",
	      B3IQ_E_INVALID, "context_length_exceeded");
	fails(LINE("\xff"), B3IQ_E_UNAVAILABLE, "malformed");
}

static void
nothing_of_another_model_gets_out(void **state)
{
	struct run *r = begin();

	(void)state;
	assert_int_equal(play(r, "{\"model\":\"m2\",\"message\":{\"content\":\"x\"}}\n", 999),
	                 B3IQ_E_NOT_FOUND);
	assert_int_equal(r->sink.n_chunks, 0);
}

static void
an_empty_answer_is_right_before_a_stop_string(void **state)
{
	struct run *r = begin();

	(void)state;
	r->s.stops = true;
	assert_int_equal(play(r, LAST("stop"), 999), B3IQ_OK);
}

static void
lines_have_a_limit(void **state)
{
	struct run *r = begin();
	char       *big = malloc(STREAM_LINE_MAX + 2);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', STREAM_LINE_MAX + 1);
	assert_int_equal(stream_feed(&r->s, big, STREAM_LINE_MAX + 1, &r->err), B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(r->err.text, "1 MiB"));
	stream_finish(&r->s);
	free(big);
}

static void
more_than_was_asked_for_is_cut(void **state)
{
	struct run *r = begin();

	(void)state;
	r->s.max_tokens = 2;
	assert_int_equal(play(r, LINE("a") LINE("b") LINE("c") LINE("d"), 7), B3IQ_OK);
	assert_string_equal(r->sink.text, "ab");
	assert_int_equal(r->use.stop, B3IQ_STOP_LENGTH);
	assert_int_equal(r->use.output_tokens, 2);
}

static void
a_refusing_sink_ends_it(void **state)
{
	struct run *r = begin();

	(void)state;
	r->sink.refuse_at = 2;
	assert_int_equal(play(r, LINE("a") LINE("b") LINE("c"), 1), B3IQ_E_CANCELLED);
	assert_string_equal(r->sink.text, "a");
	assert_int_equal(r->sink.n_chunks, 2);
	assert_int_equal(r->use.stop, B3IQ_STOP_CANCELLED);
}

static void
names_of_one_model(void **state)
{
	(void)state;
	assert_true(stream_same_model("a", "a"));
	assert_true(stream_same_model("a", "a:latest"));
	assert_true(stream_same_model("a:latest", "a"));
	assert_true(stream_same_model("h:5000/a", "h:5000/a:latest"));
	assert_false(stream_same_model("a", "ab"));
	assert_false(stream_same_model("a:7b", "a"));
	assert_false(stream_same_model("a:7b", "a:7b:latest"));
	assert_false(stream_same_model("a", "A"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_pieces_make_the_same_answer),
		cmocka_unit_test(stop_reasons),
		cmocka_unit_test(raw_answers),
		cmocka_unit_test(thoughts_stand_apart),
		cmocka_unit_test(tool_calls_get_ids_of_their_own),
		cmocka_unit_test(log_probabilities),
		cmocka_unit_test(every_fault_has_its_code),
		cmocka_unit_test(nothing_of_another_model_gets_out),
		cmocka_unit_test(an_empty_answer_is_right_before_a_stop_string),
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(more_than_was_asked_for_is_cut),
		cmocka_unit_test(a_refusing_sink_ends_it),
		cmocka_unit_test(names_of_one_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
