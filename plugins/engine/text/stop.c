#include "engine/text/stop.h"

#include <string.h>
#include "engine/fail.h"
#include "engine/text/unicode.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* borders[i]: the longest proper prefix of s[0..i] that is also its suffix. */
static void
find_borders(const char *s, size_t len, uint16_t *borders)
{
	borders[0] = 0;
	for (size_t i = 1, k = 0; i < len; i++) {
		while (k && s[i] != s[k])
			k = borders[k - 1];
		k += s[i] == s[k];
		borders[i] = (uint16_t)k;
	}
}

int32_t
stop_init(struct stop *s, const struct stop_string *strings, size_t n, struct b3iq_error *err)
{
	*s = (struct stop){ .hit = -1 };
	if (n > STOP_MAX_STRINGS)
		return fail_with(err, B3IQ_E_INVALID,
				 "%zu stop strings where at most %u are allowed", n,
				 STOP_MAX_STRINGS);
	for (size_t i = 0; i < n; i++) {
		if (!strings[i].len || strings[i].len > STOP_MAX_LEN)
			return fail_with(err, B3IQ_E_INVALID,
					 "stop string %zu has %zu bytes where 1 to %u "
					 "are allowed",
					 i, strings[i].len, STOP_MAX_LEN);
		memcpy(s->strings[i], strings[i].text, strings[i].len);
		s->lens[i] = (uint16_t)strings[i].len;
		find_borders(strings[i].text, strings[i].len, s->fails[i]);
	}
	s->n_strings = (uint32_t)n;
	return B3IQ_OK;
}

void
stop_finish(struct stop *s)
{
	bytes_finish(&s->out);
}

/* Moves every string's match on by one byte.  The longest string that is complete wins: it began
 * first.  Returns how many bytes at the end may still be the start of one. */
static uint32_t
advance(struct stop *s, char c)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < s->n_strings; i++) {
		uint32_t k = s->matched[i];

		while (k && s->strings[i][k] != c)
			k = s->fails[i][k - 1];
		k += s->strings[i][k] == c;
		s->matched[i] = (uint16_t)k;
		if (k == s->lens[i] && (s->hit < 0 || k > s->lens[s->hit]))
			s->hit = (int32_t)i;
		if (k > longest)
			longest = k;
	}
	return longest;
}

/* Lets the first n held bytes go, as whole characters; `last`: nothing will follow them.  The bytes
 * behind n stay, but may show that a character is cut. */
static int32_t
release(struct stop *s, size_t n, bool last)
{
	size_t at = 0, end = last ? n : s->n_held;
	int32_t rc = B3IQ_OK;

	while (at < n && !rc) {
		int scan = unicode_scan(s->held + at, end - at);
		size_t len = scan > 0 ? (size_t)scan : scan < 0 ? (size_t)-scan : n - at;

		if (len > n - at || (!scan && !last))
			break;
		rc = scan > 0 ? bytes_add(&s->out, s->held + at, len)
			      : bytes_text(&s->out, REPLACEMENT);
		at += len;
	}
	memmove(s->held, s->held + at, s->n_held - at);
	s->n_held -= (uint32_t)at;
	return rc;
}

/* The stop string is at the end of what is held: what is before it leaves. */
static int32_t
end_at_hit(struct stop *s)
{
	int32_t rc;

	s->n_held -= s->lens[s->hit];
	rc = release(s, s->n_held, true);
	s->ended = true;
	return rc;
}

static void
start_output(struct stop *s, size_t n)
{
	s->out.len = 0;
	s->out.max = sizeof(REPLACEMENT) * (n + sizeof(s->held));
}

int32_t
stop_push(struct stop *s, const char *bytes, size_t n, const char **text, size_t *len,
	  bool *stopped)
{
	int32_t rc = B3IQ_OK;

	start_output(s, n);
	for (size_t i = 0; i < n && !s->ended && !rc; i++) {
		uint32_t candidate;

		s->held[s->n_held++] = bytes[i];
		s->hit = -1;
		candidate = advance(s, bytes[i]);
		rc = s->hit >= 0 ? end_at_hit(s) : release(s, s->n_held - candidate, false);
	}
	*text = s->out.len ? s->out.data : "";
	*len = s->out.len;
	*stopped = s->ended && s->hit >= 0;
	return rc;
}

int32_t
stop_flush(struct stop *s, const char **text, size_t *len)
{
	int32_t rc = B3IQ_OK;

	start_output(s, 0);
	if (!s->ended) {
		s->hit = -1;
		rc = release(s, s->n_held, true);
	}
	s->ended = true;
	*text = s->out.len ? s->out.data : "";
	*len = s->out.len;
	return rc;
}
