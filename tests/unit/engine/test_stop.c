/* Stop strings over token borders, and whole characters only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/text/stop.c"

struct stream {
	struct stop stop;
	char        out[4096];
	size_t      len;
	bool        stopped;
};

static void
start(struct stream *s, const char *a, const char *b)
{
	struct stop_string strings[2] = { { a, a ? strlen(a) : 0 }, { b, b ? strlen(b) : 0 } };

	memset(s, 0, sizeof(*s));
	assert_int_equal(stop_init(&s->stop, strings, (size_t)!!a + !!b, NULL), B3IQ_OK);
}

/* What leaves at this push. */
static const char *
push(struct stream *s, const char *bytes)
{
	static char now[1024];
	const char *text;
	size_t len;

	assert_int_equal(stop_push(&s->stop, bytes, strlen(bytes), &text, &len, &s->stopped), B3IQ_OK);
	assert_true(len < sizeof(now));
	memcpy(now, text, len);
	now[len] = 0;
	return now;
}

static const char *
flush(struct stream *s)
{
	static char now[1024];
	const char *text;
	size_t len;

	assert_int_equal(stop_flush(&s->stop, &text, &len), B3IQ_OK);
	memcpy(now, text, len);
	now[len] = 0;
	stop_finish(&s->stop);
	return now;
}

static void
without_strings_all_leaves_at_once(void **state)
{
	struct stream s;

	(void)state;
	start(&s, NULL, NULL);
	assert_string_equal(push(&s, "hello"), "hello");
	assert_string_equal(push(&s, " world"), " world");
	assert_string_equal(push(&s, ""), "");
	assert_string_equal(flush(&s), "");
	assert_false(s.stopped);
}

static void
holds_back_only_what_may_match(void **state)
{
	struct stream s;

	(void)state;
	start(&s, "STOP", NULL);
	assert_string_equal(push(&s, "a S"), "a ");
	assert_string_equal(push(&s, "T"), "");
	assert_string_equal(push(&s, "A"), "STA");
	assert_string_equal(push(&s, "SST"), "S");
	assert_string_equal(push(&s, "OP and more"), "");
	assert_true(s.stopped);
	assert_int_equal(s.stop.hit, 0);
	assert_string_equal(push(&s, "late"), "");
	assert_true(s.stopped);
	assert_string_equal(flush(&s), "");
}

static void
overlapping_candidates(void **state)
{
	struct stream s;

	(void)state;
	start(&s, "aab", NULL);
	assert_string_equal(push(&s, "aaa"), "a");
	assert_string_equal(push(&s, "a"), "a");
	assert_string_equal(push(&s, "b"), "");
	assert_true(s.stopped);
	flush(&s);
	start(&s, "abab!", "bac");
	assert_string_equal(push(&s, "abab"), "");
	assert_string_equal(push(&s, "ac"), "aba");
	assert_true(s.stopped);
	assert_int_equal(s.stop.hit, 1);
	flush(&s);
}

static void
the_longer_of_two_that_end_together_wins(void **state)
{
	struct stream s;

	(void)state;
	start(&s, "end", "the end");
	assert_string_equal(push(&s, "so the end"), "so ");
	assert_int_equal(s.stop.hit, 1);
	flush(&s);
}

static void
flush_gives_up_what_was_held(void **state)
{
	struct stream s;

	(void)state;
	start(&s, "</answer>", NULL);
	assert_string_equal(push(&s, "x</ans"), "x");
	assert_string_equal(flush(&s), "</ans");
	assert_false(s.stopped);
}

static void
characters_stay_whole(void **state)
{
	struct stream s;

	(void)state;
	start(&s, NULL, NULL);
	assert_string_equal(push(&s, "a\xf0\x9f"), "a");
	assert_string_equal(push(&s, "\xa6"), "");
	assert_string_equal(push(&s, "\x99z\xc3"), "\xf0\x9f\xa6\x99z");
	assert_string_equal(push(&s, "\xb6"), "\xc3\xb6");
	assert_string_equal(push(&s, "\xe2\x82"), "");
	assert_string_equal(flush(&s), "\xef\xbf\xbd");
}

static void
bad_bytes_become_replacements(void **state)
{
	struct stream s;

	(void)state;
	start(&s, NULL, NULL);
	assert_string_equal(push(&s, "\xff|\x80|"), "\xef\xbf\xbd|\xef\xbf\xbd|");
	assert_string_equal(push(&s, "\xe2\x82|"), "\xef\xbf\xbd|");     /* cut short          */
	assert_string_equal(push(&s, "\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(push(&s, "\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd"); /* overlong     */
	assert_string_equal(push(&s, "\xf4\x90\x80\x80"),
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(flush(&s), "");
}

static void
stop_string_of_many_byte_characters(void **state)
{
	struct stream s;

	(void)state;
	start(&s, "\xe3\x80\x82", NULL); /* the ideographic full stop */
	assert_string_equal(push(&s, "\xe4\xb8\xad\xe3\x80"), "\xe4\xb8\xad");
	assert_string_equal(push(&s, "\x81\xe3"), "\xe3\x80\x81");
	assert_string_equal(push(&s, "\x80\x82x"), "");
	assert_true(s.stopped);
	flush(&s);
}

static void
limits(void **state)
{
	struct stop_string many[STOP_MAX_STRINGS + 1];
	struct b3iq_error err = { .size = sizeof(err) };
	char longest[STOP_MAX_LEN + 1];
	struct stop stop;
	struct stream s;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < STOP_MAX_STRINGS + 1; i++)
		many[i] = (struct stop_string){ longest, STOP_MAX_LEN };
	assert_int_equal(stop_init(&stop, many, STOP_MAX_STRINGS + 1, &err), B3IQ_E_INVALID);
	assert_int_equal(stop_init(&stop, many, STOP_MAX_STRINGS, &err), B3IQ_OK);
	many[3].len = STOP_MAX_LEN + 1;
	assert_int_equal(stop_init(&stop, many, STOP_MAX_STRINGS, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "string 3"));
	many[3].len = 0;
	assert_int_equal(stop_init(&stop, many, STOP_MAX_STRINGS, &err), B3IQ_E_INVALID);
	/* The fullest hold: a cut character and a candidate that lacks one byte. */
	longest[STOP_MAX_LEN] = 0;
	start(&s, longest, NULL);
	assert_string_equal(push(&s, "\xf0\x9f\xa6"), "");
	longest[STOP_MAX_LEN - 1] = 0;
	assert_string_equal(push(&s, longest), "\xef\xbf\xbd");
	assert_string_equal(push(&s, "x"), "");
	assert_true(s.stopped);
	flush(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_strings_all_leaves_at_once),
		cmocka_unit_test(holds_back_only_what_may_match),
		cmocka_unit_test(overlapping_candidates),
		cmocka_unit_test(the_longer_of_two_that_end_together_wins),
		cmocka_unit_test(flush_gives_up_what_was_held),
		cmocka_unit_test(characters_stay_whole),
		cmocka_unit_test(bad_bytes_become_replacements),
		cmocka_unit_test(stop_string_of_many_byte_characters),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
