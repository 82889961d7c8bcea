#include "core/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "plugin.h"

#define LINE_SIZE 2048
#define SPLIT     '\x1f' /* between fields while a line is being made */

static struct {
	int32_t         least;
	enum log_format format;
} logger = { B3IQ_LOG_INFO, LOG_TEXT };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

struct line {
	char   text[LINE_SIZE];
	size_t len;
};

void
log_setup(int32_t least, enum log_format format)
{
	logger.least = least;
	logger.format = format;
}

int32_t
log_level(const char *name)
{
	int32_t i;

	for (i = B3IQ_LOG_DEBUG; i <= B3IQ_LOG_ERROR; i++)
		if (strcmp(name, level_names[i]) == 0)
			return i;
	return -1;
}

/* Keeps room for what closes the line: quote, brace, newline. */
static void
put(struct line *l, const char *s, size_t n)
{
	size_t room = LINE_SIZE - 4 - l->len;

	if (n > room)
		n = room;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* A quoted string that is right in JSON and readable in text; no control byte survives. */
static void
put_quoted(struct line *l, const char *s, size_t n)
{
	char escaped[7];
	size_t i;

	put(l, "\"", 1);
	for (i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", s[i]);
		else if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)s[i]);
		else
			snprintf(escaped, sizeof(escaped), "%c", s[i]);
		if (l->len + strlen(escaped) > LINE_SIZE - 8)
			break; /* never half an escape */
		put(l, escaped, strlen(escaped));
	}
	put(l, "\"", 1);
}

static bool
plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == '"' || s[i] == '=' || s[i] == 0x7f)
			return false;
	return n > 0;
}

/* One "key=value" as the format wants it. */
static void
put_field(struct line *l, const char *field, size_t n)
{
	const char *is = memchr(field, '=', n);
	const char *value = is ? is + 1 : field + n;
	size_t key_len = is ? (size_t)(is - field) : n;
	size_t value_len = n - (size_t)(value - field);

	if (l->len + key_len + 16 > LINE_SIZE)
		return; /* the line is full: whole fields or none */
	if (logger.format == LOG_JSON) {
		put(l, ",", 1);
		put_quoted(l, field, key_len);
		put(l, ":", 1);
		put_quoted(l, value, value_len);
		return;
	}
	put(l, " ", 1);
	put(l, field, key_len);
	put(l, "=", 1);
	if (plain(value, value_len))
		put(l, value, value_len);
	else
		put_quoted(l, value, value_len);
}

/* The spaces of the format part the fields; spaces inside values do not. */
static void
split_format(const char *fmt, char out[512])
{
	size_t i;

	for (i = 0; fmt[i] && i < 511; i++)
		out[i] = fmt[i] == ' ' ? SPLIT : fmt[i];
	out[i] = '\0';
}

static void
begin(struct line *l, int32_t level, const char *event)
{
	char iso[25], head[256];
	int n;

	clock_iso(clock_wall_ms(), iso);
	n = snprintf(head, sizeof(head),
	             logger.format == LOG_JSON ?
	                     "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%.128s\"" :
	                     "%s %-5s %.128s",
	             iso, level_names[level], event);
	put(l, head, (size_t)n);
}

void
log_event(int32_t level, const char *event, const char *fields, ...)
{
	struct line l = { .len = 0 };
	char fmt[512], text[LINE_SIZE];
	const char *at, *end;
	va_list args;
	ssize_t written;
	size_t len;
	bool bad;
	int n;

	if (level < logger.least || level < B3IQ_LOG_DEBUG || level > B3IQ_LOG_ERROR)
		return;
	begin(&l, level, event);
	split_format(fields, fmt);
	va_start(args, fields);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	len = utf8_whole(text, len, &bad);
	for (at = text; at < text + len; at = end + 1) {
		end = memchr(at, SPLIT, (size_t)(text + len - at));
		if (!end)
			end = text + len;
		put_field(&l, at, (size_t)(end - at));
	}
	if (logger.format == LOG_JSON)
		l.text[l.len++] = '}';
	l.text[l.len++] = '\n';
	written = write(STDERR_FILENO, l.text, l.len); /* one call: lines never mix */
	(void)written;
}
