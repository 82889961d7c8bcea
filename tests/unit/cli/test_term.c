/* term.c: nothing that a stranger wrote can steer the terminal. */
#include "../check.h"

#include <fcntl.h>
#include <pty.h>

#include "cli/term.c"

static void
becomes(const char *text, const char *expected)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(term_escape(text, strlen(text), &out), B3IQ_OK);
	assert_string_equal(out.len ? out.data : "", expected);
	buf_free(&out);
}

static void
test_harmless_text_stays(void **state)
{
	(void)state;
	becomes("", "");
	becomes("a\nb\tc", "a\nb\tc");
	becomes("h\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\xa6\x99",
	        "h\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\xa6\x99");
	becomes("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
	        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"); /* letters, right to left */
}

static void
test_controls_become_visible(void **state)
{
	(void)state;
	becomes("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07");
	becomes("a\rb\x08\x7f", "a\\x0db\\x08\\x7f");
	becomes("\xc2\x9b" "31m", "\\u009b31m");                 /* CSI as one C1 character */
	becomes("\xe2\x80\xae" "abc\xe2\x81\xa6", "\\u202eabc\\u2066"); /* reordering          */
	becomes("\xef\xbb\xbf", "\\ufeff");
	becomes("\xf3\xa0\x81\x81", "\\udb40\\udc41");          /* an invisible tag character */
}

static void
test_what_is_no_utf8(void **state)
{
	struct buf out;

	(void)state;
	becomes("a\xff" "b", "a\\xffb");
	becomes("\xc3", "\\xc3");
	becomes("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
	becomes("\xc0\xaf", "\\xc0\\xaf");          /* overlong    */
	buf_init(&out, 64);
	assert_int_equal(term_escape("a\0b", 3, &out), B3IQ_OK);
	assert_string_equal(out.data, "a\\x00b");
	buf_free(&out);
}

/* Every byte pair: what comes out has no control but newline and tab, and is UTF-8. */
static void
test_every_pair_of_bytes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		const char text[2] = { (char)(i >> 8), (char)i };
		struct buf out;
		bool       bad;

		buf_init(&out, 64);
		assert_int_equal(term_escape(text, 2, &out), B3IQ_OK);
		assert_int_equal(utf8_whole(out.data, out.len, &bad), out.len);
		for (size_t k = 0; k < out.len; k++) {
			const unsigned char c = (unsigned char)out.data[k];

			assert_true((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
			if (c == 0xc2 && k + 1 < out.len) /* no C1 */
				assert_true((unsigned char)out.data[k + 1] >= 0xa0);
		}
		buf_free(&out);
	}
}

/* What fn writes to a pipe, or to a terminal. */
static void
written(bool to_terminal, void (*fn)(FILE *), char *out, size_t size)
{
	int     fds[2];
	FILE   *f;
	ssize_t n;

	if (to_terminal)
		assert_int_equal(openpty(&fds[0], &fds[1], NULL, NULL, NULL), 0);
	else
		assert_int_equal(pipe(fds), 0);
	f = fdopen(fds[1], "w");
	fn(f);
	fflush(f);
	n = read(fds[0], out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	fclose(f);
	close(fds[0]);
}

static void
write_text(FILE *f)
{
	term_text(f, "x\x1b[1m", 5);
}

static void
write_word(FILE *f)
{
	term_word(f, "a\nb\x1b");
}

static void
write_colour(FILE *f)
{
	fprintf(f, "%s!", term_colour(f, TERM_RED));
}

static void
test_terminal_or_not(void **state)
{
	char out[256];

	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	written(true, write_text, out, sizeof out);
	assert_string_equal(out, "x\\x1b[1m");
	written(false, write_text, out, sizeof out);
	assert_string_equal(out, "x\x1b[1m");
	written(false, write_word, out, sizeof out);
	assert_string_equal(out, "a b\\x1b");
	written(true, write_colour, out, sizeof out);
	assert_string_equal(out, "\x1b[31m!");
	written(false, write_colour, out, sizeof out);
	assert_string_equal(out, "!");
	setenv("NO_COLOR", "1", 1);
	written(true, write_colour, out, sizeof out);
	assert_string_equal(out, "!");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	written(true, write_colour, out, sizeof out);
	assert_string_equal(out, "!");
}

static void
write_table(FILE *f)
{
	static const char *const head[] = { "NAME", "N", "WHAT", NULL };
	struct term_table        t;

	term_table_init(&t, head);
	term_cell(&t, "h\xc3\xa9");
	term_cellf(&t, "%d", 12345);
	term_cell(&t, "evil\x1b[2J");
	term_table_finish(&t, f);
}

static void
test_table(void **state)
{
	char             out[512];
	struct term_table t;

	(void)state;
	written(false, write_table, out, sizeof out);
	assert_string_equal(out, "NAME  N      WHAT\nh\xc3\xa9    12345  evil\\x1b[2J\n");
	term_table_init(&t, (const char *const[]){ "A", NULL });
	term_table_finish(&t, NULL); /* only frees */
}

static void
test_questions_need_a_terminal(void **state)
{
	const int         saved = dup(STDIN_FILENO);
	struct b3iq_error err = NO_ERROR;
	int               fds[2];
	struct buf        secret;
	bool              yes = true;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(term_confirm("?", &yes, &err), B3IQ_E_UNAVAILABLE);
	assert_false(yes);
	assert_int_equal(write(fds[1], "s3cret\nrest", 11), 11);
	close(fds[1]);
	buf_init(&secret, 64);
	assert_int_equal(term_secret("token", &secret, &err), B3IQ_OK);
	assert_string_equal(secret.data, "s3cret");
	buf_wipe(&secret);
	assert_int_equal(term_secret("token", &secret, &err),
	                 B3IQ_OK); /* "rest", without its newline */
	buf_wipe(&secret);
	assert_int_equal(term_secret("token", &secret, &err), B3IQ_E_INVALID);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harmless_text_stays),
		cmocka_unit_test(test_controls_become_visible),
		cmocka_unit_test(test_what_is_no_utf8),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_terminal_or_not),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_questions_need_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
