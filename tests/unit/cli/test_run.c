/* run.c: where the prompt comes from, what is shown, and what a saved receipt must be. */
#include "session.h"

#include "canned.h"
#include "cli/commands/run.c"

static const struct cli_command root = {
	.name = "b3iq",
	.subs = (const struct cli_command *const[]){ &command_run, NULL },
};

#define ANSWERS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define FINE         CANNED_STREAM CANNED_DELTA("fi") CANNED_DELTA("ne") CANNED_DONE

/* b3iq run --url of that node WORDS. */
static int
ask_node(struct session *s, struct canned *c, const char *const *answers, const char *const *words)
{
	const char *all[SESSION_WORDS] = { "run", "--url", c->url };
	int         exit;

	for (size_t i = 0; words[i]; i++)
		all[3 + i] = words[i];
	canned_begin(c, answers);
	exit = session_words(s, all);
	canned_end(c);
	return exit;
}
#define ask_with(s, c, answers, ...) \
	ask_node(s, c, answers, (const char *const[]){ __VA_ARGS__, NULL })

static void
test_prompt(void **state)
{
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	session_type(&s, "from stdin\n");
	assert_int_equal(ask_with(&s, &c, ANSWERS(FINE), "what", "is  it", "-n", "7"), CLI_OK);
	assert_string_equal(s.out, "fine\n");
	assert_says(c.asked[0], "{\"role\":\"user\",\"content\":\"what is  it\"}");
	assert_says(c.asked[0], "\"max_completion_tokens\":7");
	assert_int_equal(ask_with(&s, &c, ANSWERS(FINE), "-"), CLI_OK);
	assert_says(c.asked[0], "\"content\":\"from stdin\\n\"");
	assert_int_equal(ask_with(&s, &c, ANSWERS(FINE), "--", "-t"), CLI_OK);
	assert_says(c.asked[0], "\"content\":\"-t\"");
	session_type(&s, "");
	assert_int_equal(ask_with(&s, &c, ANSWERS(FINE), "-"), CLI_USAGE);
	assert_says(s.err, "the prompt is empty");
	assert_int_equal(c.n, 0); /* nobody was asked */
	session_end(&s);
}

static void
test_what_is_shown(void **state)
{
	static const char evil[] = CANNED_STREAM CANNED_DELTA("a\\u001b[31mb\\u0007") CANNED_DONE;
	struct json_object *doc;
	struct session      s;
	struct canned       c;

	(void)state;
	session_begin(&s, &root);
	assert_int_equal(ask_with(&s, &c, ANSWERS(evil), "x"), CLI_OK);
	assert_string_equal(s.out, "a\x1b[31mb\x07\n"); /* a file gets what was written */
	s.tty = true;
	assert_int_equal(ask_with(&s, &c, ANSWERS(evil), "x"), CLI_OK);
	assert_string_equal(s.out, "a\\x1b[31mb\\x07\r\n");
	s.tty = false;
	assert_int_equal(ask_with(&s, &c, ANSWERS(evil), "x", "--json"), CLI_OK);
	assert_null(strpbrk(s.out, "\x1b\x07"));
	doc = session_json(&s);
	assert_string_equal(session_text(doc, "text"), "a\x1b[31mb\x07"); /* a program gets it all */
	assert_string_equal(session_text(doc, "model"), "m");
	json_object_put(doc);
	session_end(&s);
}

static void
test_failures(void **state)
{
	static const struct {
		const char *answer, *says;
		int         exit;
	} cases[] = {
		{ CANNED_ERROR("401", "bad key"), "API key", CLI_DENIED },
		{ CANNED_ERROR("404", "no model \\u001b[2Jx"), "no model", CLI_NOT_FOUND },
		{ CANNED_ERROR("503", "busy"), "busy (HTTP 503)", CLI_FAILED },
		{ CANNED_STREAM CANNED_DELTA("half"), "cut off", CLI_FAILED },
		{ CANNED_STREAM "data: {\"error\":{\"message\":\"it broke\"}}\n\n", "it broke",
		  CLI_FAILED },
		{ CANNED_STREAM "data: {\n\n", "event", CLI_FAILED },
	};
	struct session s;
	struct canned  c;

	(void)state;
	session_begin(&s, &root);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(ask_with(&s, &c, ANSWERS(cases[i].answer), "x"), cases[i].exit);
		assert_says(s.err, cases[i].says);
		assert_null(strchr(s.err, '\x1b'));
	}
	assert_int_equal(session_run(&s, "run", "--url", "http://127.0.0.1:1", "x"), CLI_NO_NODE);
	assert_int_equal(session_run(&s, "run", "x", "--seed", "-1"), CLI_USAGE);
	assert_int_equal(session_run(&s, "run", "x", "--top-p", "1.5"), CLI_USAGE);
	assert_int_equal(session_run(&s, "run", "x", "--modle", "y"), CLI_USAGE);
	assert_says(s.err, "model"); /* a name that is close */
	session_end(&s);
}

static void
test_receipt_that_is_none(void **state)
{
	static const char odd[] =
		CANNED_STREAM "data: {\"choices\":[],\"b3iq\":{\"version\":1}}\n\n" CANNED_DONE;
	struct session s;
	struct canned  c;
	struct stat    st;
	char           file[PATH_SIZE];

	(void)state;
	session_begin(&s, &root);
	session_path(&s, "a.json", file);
	assert_int_equal(ask_with(&s, &c, ANSWERS(FINE), "x", "--receipt", file), CLI_FAILED);
	assert_says(s.err, "no receipt");
	assert_false(path_exists(file));
	assert_int_equal(ask_with(&s, &c, ANSWERS(odd), "x", "--receipt", file), CLI_UNVERIFIED);
	assert_says(s.err, "a receipt that is none");
	assert_int_equal(stat(file, &st), 0); /* it is kept, for nobody else's eyes */
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ask_with(&s, &c, ANSWERS(odd), "x", "-r", "/nonexistent/a"),
	                 CLI_NOT_FOUND);
	assert_says(s.err, "/nonexistent");
	session_end(&s);
}

/* What the receipt is about, against what was asked and what came. */
static void
test_receipt_of_another(void **state)
{
	static const char   asked[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
	struct json_object *doc = json_tokener_parse(asked), *messages = NULL;
	struct bundle       b;
	struct answer       a;
	struct cli          cli = { .command = &command_run };
	char                prompt[sizeof asked], output[] = "yes";

	(void)state;
	memset(&b, 0, sizeof b);
	memcpy(prompt, asked, sizeof asked);
	assert_true(json_object_object_get_ex(doc, "messages", &messages));
	answer_init(&a);
	assert_int_equal(buf_puts(&a.text, "yes"), B3IQ_OK);
	assert_string_equal(other_than(&cli, &b, &a, messages), "request"); /* it opens none */
	b.prompt = (void *)prompt;
	b.prompt_len = sizeof asked - 1;
	assert_string_equal(other_than(&cli, &b, &a, messages), "answer");
	b.output = (void *)output;
	b.output_len = 3;
	assert_null(other_than(&cli, &b, &a, messages));
	b.output_len = 2;
	assert_string_equal(other_than(&cli, &b, &a, messages), "answer");
	b.output_len = 3;
	b.receipt.body.seed_by_client = true; /* nobody gave one */
	assert_string_equal(other_than(&cli, &b, &a, messages), "seed");
	cli.given[0].option = &options[3];
	cli.given[0].value = "7";
	cli.n_given = 1;
	b.receipt.body.seed = 8;
	assert_string_equal(other_than(&cli, &b, &a, messages), "seed");
	b.receipt.body.seed = 7;
	assert_null(other_than(&cli, &b, &a, messages));
	prompt[strlen(asked) - 5] = 'y';
	assert_string_equal(other_than(&cli, &b, &a, messages), "request");
	answer_finish(&a);
	json_object_put(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_prompt),
		                            cmocka_unit_test(test_what_is_shown),
		                            cmocka_unit_test(test_failures),
		                            cmocka_unit_test(test_receipt_that_is_none),
		                            cmocka_unit_test(test_receipt_of_another) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
