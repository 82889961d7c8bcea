#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/utf8.h"

/* ---- text of strangers -------------------------------------------------- */

/* The code point of the valid UTF-8 character at s, and its length. */
static uint32_t
decode(const unsigned char *s, size_t *len)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t                   c;

	*len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	c = s[0] & mask[*len];
	for (size_t i = 1; i < *len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Does it steer the terminal, or reorder what is around it? */
static bool
steers(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x061c || c == 0xfeff ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

int32_t
term_escape(const char *text, size_t len, struct buf *out)
{
	while (len) {
		bool         bad;
		const size_t whole = utf8_whole(text, len, &bad);

		for (size_t i = 0, n; i < whole; i += n) {
			const uint32_t c = decode((const unsigned char *)text + i, &n);

			if (!steers(c))
				buf_append(out, text + i, n);
			else if (c < 0x80)
				buf_printf(out, "\\x%02x", (unsigned)c);
			else if (c < 0x10000)
				buf_printf(out, "\\u%04x", (unsigned)c);
			else /* as JSON has it, so that an object stays one */
				buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (unsigned)(c >> 10),
				           0xdc00 + (unsigned)(c & 0x3ff));
		}
		text += whole;
		len -= whole;
		if (len) {
			buf_printf(out, "\\x%02x", (unsigned char)*text);
			text++;
			len--;
		}
	}
	return out->rc;
}

void
term_text(FILE *out, const char *text, size_t len)
{
	struct buf safe;

	if (!isatty(fileno(out))) {
		fwrite(text, 1, len, out);
		return;
	}
	buf_init(&safe, len * 6 + 1);
	if (term_escape(text, len, &safe) == B3IQ_OK && safe.len)
		fwrite(safe.data, 1, safe.len, out);
	buf_free(&safe);
}

void
term_word(FILE *out, const char *text)
{
	struct buf safe;

	buf_init(&safe, strlen(text) * 6 + 1);
	if (term_escape(text, strlen(text), &safe) == B3IQ_OK && safe.len)
		for (size_t i = 0; i < safe.len; i++)
			fputc(safe.data[i] == '\n' || safe.data[i] == '\t' ? ' ' : safe.data[i],
			      out);
	buf_free(&safe);
}

/* ---- colours ------------------------------------------------------------ */

const char *
term_colour(FILE *out, enum term_colour colour)
{
	static const char *const codes[] = { "\x1b[0m",  "\x1b[1m",  "\x1b[2m",
		                             "\x1b[31m", "\x1b[32m", "\x1b[33m" };
	const char              *no = getenv("NO_COLOR"), *kind = getenv("TERM");

	if ((no && *no) || !isatty(fileno(out)) || !kind || strcmp(kind, "dumb") == 0)
		return "";
	return codes[colour];
}

/* ---- tables ------------------------------------------------------------- */

void
term_cell(struct term_table *t, const char *text)
{
	struct buf safe;

	if (t->n_cells == t->cap) {
		const size_t cap = t->cap ? t->cap * 2 : 64;
		char       **cells = reallocarray(t->cells, cap, sizeof *cells);

		if (!cells) {
			t->rc = B3IQ_E_NO_MEMORY;
			return;
		}
		t->cells = cells;
		t->cap = cap;
	}
	buf_init(&safe, strlen(text) * 6 + 1);
	term_escape(text, strlen(text), &safe);
	t->cells[t->n_cells] = buf_take(&safe);
	if (t->cells[t->n_cells])
		t->n_cells++;
	else
		t->rc = B3IQ_E_NO_MEMORY;
}

void
term_table_init(struct term_table *t, const char *const *head)
{
	*t = (struct term_table){ .n_columns = 0 };
	while (head[t->n_columns])
		term_cell(t, head[t->n_columns++]);
}

void
term_cellf(struct term_table *t, const char *fmt, ...)
{
	char    text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	term_cell(t, text);
}

/* Characters, not bytes. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t
column_width(const struct term_table *t, size_t column)
{
	size_t widest = 0;

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		widest = width(t->cells[i]) > widest ? width(t->cells[i]) : widest;
	return widest;
}

void
term_table_finish(struct term_table *t, FILE *out)
{
	for (size_t i = 0; out && i < t->n_cells; i++) {
		const size_t column = i % t->n_columns;
		const bool   last = column + 1 == t->n_columns, heading = i < t->n_columns;

		if (heading && !column)
			fputs(term_colour(out, TERM_DIM), out);
		fputs(t->cells[i], out);
		if (last && heading)
			fputs(term_colour(out, TERM_PLAIN), out);
		if (last)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int)(column_width(t, column) - width(t->cells[i]) + 2),
			        "");
	}
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct term_table){ 0 };
}

/* ---- questions ---------------------------------------------------------- */

int32_t
term_confirm(const char *question, bool *yes, struct b3iq_error *err)
{
	char answer[16];

	*yes = false;
	if (!isatty(STDIN_FILENO))
		return fail(err, B3IQ_E_UNAVAILABLE, "there is no terminal to ask on: say --yes");
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(answer, sizeof answer, stdin))
		return B3IQ_OK;
	answer[strcspn(answer, "\n")] = '\0';
	*yes = strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
	return B3IQ_OK;
}

static int32_t
read_line(struct buf *out, struct b3iq_error *err)
{
	char    c;
	ssize_t n;

	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (buf_append(out, &c, 1))
			return fail(err, B3IQ_E_INVALID, "the secret is longer than %zu bytes",
			            out->max);
	if (n < 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "stdin cannot be read");
	return out->len ? B3IQ_OK : fail(err, B3IQ_E_INVALID, "an empty secret is none");
}

int32_t
term_secret(const char *prompt, struct buf *out, struct b3iq_error *err)
{
	struct termios before, quiet;
	int32_t        rc;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before))
		return read_line(out, err);
	quiet = before;
	quiet.c_lflag &= (tcflag_t)~(unsigned)ECHO;
	fprintf(stderr, "%s: ", prompt);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	rc = read_line(out, err);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return rc;
}
