#include "engine/text/pretok.h"

#include <string.h>
#include "engine/text/unicode.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

uint8_t
pretok_class(uint32_t point)
{
	return unicode_is_space(point) ? PRETOK_SPACE : (uint8_t)unicode_class(point);
}

static bool
is_newline(uint32_t point)
{
	return point == '\r' || point == '\n';
}

/* [^\s\p{L}\p{N}] */
static bool
is_other(uint8_t class)
{
	return class != PRETOK_SPACE && class != UNICODE_LETTER && class != UNICODE_NUMBER;
}

static size_t
run_of(const struct pretok_text *t, size_t at, size_t end, uint8_t class)
{
	while (at < end && t->classes[at] == class)
		at++;
	return at;
}

static size_t
run_of_other(const struct pretok_text *t, size_t at, size_t end)
{
	while (at < end && is_other(t->classes[at]))
		at++;
	return at;
}

/* 's 't 'm 'd 're 've 'll: their length, or 0.  fold: capitals too. */
static size_t
contraction(const struct pretok_text *t, size_t at, size_t end, bool fold)
{
	uint32_t next[2] = { 0, 0 };

	if (t->points[at] != '\'')
		return 0;
	for (size_t i = 0; i < 2 && at + 1 + i < end; i++) {
		next[i] = t->points[at + 1 + i];
		if (fold && next[i] >= 'A' && next[i] <= 'Z')
			next[i] += 'a' - 'A';
	}
	if (next[0] == 's' || next[0] == 't' || next[0] == 'm' || next[0] == 'd')
		return 2;
	if ((next[0] == 'r' && next[1] == 'e') || (next[0] == 'v' && next[1] == 'e') ||
	    (next[0] == 'l' && next[1] == 'l'))
		return 3;
	return 0;
}

/* \s+(?!\S)|\s+ : a run of white space leaves its last one to the word behind it. */
static size_t
spaces(const struct pretok_text *t, size_t at, size_t end)
{
	size_t stop = run_of(t, at, end, PRETOK_SPACE);

	return stop - at > 1 && stop < end ? stop - 1 : stop;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t
gpt2(const struct pretok_text *t, size_t at, size_t end)
{
	size_t n = contraction(t, at, end, false);
	size_t first = at + (t->points[at] == ' ' && at + 1 < end);

	if (n)
		return at + n;
	switch (t->classes[first]) {
	case PRETOK_SPACE:
		return spaces(t, at, end);
	case UNICODE_LETTER:
	case UNICODE_NUMBER:
		return run_of(t, first, end, t->classes[first]);
	default:
		return run_of_other(t, first, end);
	}
}

/*  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ ; slash: [\r\n/]* instead. */
static size_t
marks_or_spaces(const struct pretok_text *t, size_t at, size_t end, bool slash)
{
	size_t first = at + (t->points[at] == ' ' && at + 1 < end), stop, newline = 0;

	if (is_other(t->classes[first])) {
		stop = run_of_other(t, first, end);
		while (stop < end && (is_newline(t->points[stop]) || (slash && t->points[stop] == '/')))
			stop++;
		return stop;
	}
	for (stop = at; stop < end && t->classes[stop] == PRETOK_SPACE; stop++)
		if (is_newline(t->points[stop]))
			newline = stop + 1;
	return newline ? newline : spaces(t, at, end);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}
 * | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t
llama(const struct pretok_text *t, size_t at, size_t end, size_t digits)
{
	size_t n = contraction(t, at, end, true);
	uint8_t class = t->classes[at];

	if (n)
		return at + n;
	if (class == UNICODE_LETTER)
		return run_of(t, at, end, UNICODE_LETTER);
	if (class == UNICODE_NUMBER)
		return run_of(t, at, end - at > digits ? at + digits : end, UNICODE_NUMBER);
	if (!is_newline(t->points[at]) && at + 1 < end && t->classes[at + 1] == UNICODE_LETTER)
		return run_of(t, at + 1, end, UNICODE_LETTER);
	return marks_or_spaces(t, at, end, false);
}

static size_t
llama3(const struct pretok_text *t, size_t at, size_t end)
{
	return llama(t, at, end, 3);
}

static size_t
qwen2(const struct pretok_text *t, size_t at, size_t end)
{
	return llama(t, at, end, 1);
}

static bool
is_letter_but(const struct pretok_text *t, size_t at, char first)
{
	uint32_t from_first = t->points[at] - (uint8_t)first;

	return t->classes[at] == UNICODE_LETTER && from_first > 'z' - 'a';
}

/* U*L+|U+L* for letters, U all but a-z and L all but A-Z: the end, `at` where there is no letter. */
static size_t
capitalised(const struct pretok_text *t, size_t at, size_t end)
{
	size_t capitals = at, stop;

	while (capitals < end && is_letter_but(t, capitals, 'a'))
		capitals++;
	for (stop = capitals; stop < end && is_letter_but(t, stop, 'A');)
		stop++;
	if (stop > capitals)
		return stop;
	/* No small letter follows: the last letter without case may stand for it. */
	for (stop = capitals; stop > at; stop--)
		if (is_letter_but(t, stop - 1, 'A'))
			return stop;
	return capitals;
}

/* [^\r\n\p{L}\p{N}]?(U*L+|U+L*)contraction?|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|spaces */
static size_t
cased_llama(const struct pretok_text *t, size_t at, size_t end, size_t digits, bool contractions)
{
	size_t first = at, stop;

	if (t->classes[at] == UNICODE_NUMBER)
		return run_of(t, at, end - at > digits ? at + digits : end, UNICODE_NUMBER);
	if (t->classes[at] != UNICODE_LETTER && !is_newline(t->points[at]))
		first++;
	stop = first < end ? capitalised(t, first, end) : first;
	if (stop == first)
		return marks_or_spaces(t, at, end, true);
	return contractions && stop < end ? stop + contraction(t, stop, end, true) : stop;
}

static size_t
tekken(const struct pretok_text *t, size_t at, size_t end)
{
	return cased_llama(t, at, end, 1, false);
}

static size_t
gpt4o(const struct pretok_text *t, size_t at, size_t end)
{
	return cased_llama(t, at, end, 3, true);
}

/* Expressions that cut out their matches and leave the rest between them as words: where the match
 * at `at` ends, or `at` where there is none. */
struct matcher {
	size_t (*match)(const struct pretok_text *, size_t at, size_t end);
};

static size_t
isolate(const struct pretok_text *t, size_t at, size_t end, struct matcher m)
{
	size_t stop = m.match(t, at, end);

	if (stop > at)
		return stop;
	for (at++; at < end && m.match(t, at, end) == at;)
		at++;
	return at;
}

/* \p{N} */
static size_t
match_number(const struct pretok_text *t, size_t at, size_t end)
{
	(void)end;
	return at + (t->classes[at] == UNICODE_NUMBER);
}

/* [\r\n] */
static size_t
match_newline(const struct pretok_text *t, size_t at, size_t end)
{
	(void)end;
	return at + is_newline(t->points[at]);
}

/* [0-9][0-9][0-9] */
static size_t
match_digits(const struct pretok_text *t, size_t at, size_t end)
{
	if (end - at < 3)
		return at;
	for (size_t i = 0; i < 3; i++)
		if (t->points[at + i] < '0' || t->points[at + i] > '9')
			return at;
	return at + 3;
}

/* A set of code points as ranges. */
struct range {
	uint32_t first, last;
};

static bool
in_ranges(uint32_t point, const struct range *ranges, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges[middle].last < point)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && ranges[low].first <= point;
}

/* White space is never part of the sets below, even where a range runs over it. */
static bool
in_set(const struct pretok_text *t, size_t at, const struct range *ranges, size_t n)
{
	return (t->points[at] < 0x80 || t->classes[at] != PRETOK_SPACE) &&
	       in_ranges(t->points[at], ranges, n);
}

/* \s?[set]+ */
static size_t
match_set(const struct pretok_text *t, size_t at, size_t end, const struct range *ranges, size_t n)
{
	size_t first = at;

	if (t->classes[at] == PRETOK_SPACE && at + 1 < end)
		first++;
	if (!in_set(t, first, ranges, n))
		return at;
	while (first < end && in_set(t, first, ranges, n))
		first++;
	return first;
}

/* The cased letters that deepseek-llm names one by one. */
static const struct range cased[] = {
	{ 0x41, 0x5a }, { 0x61, 0x7a }, { 0xb5, 0xb5 }, { 0xc0, 0xd6 }, { 0xd8, 0xf6 },
	{ 0xf8, 0x1ba }, { 0x1bc, 0x1bf }, { 0x1c4, 0x293 }, { 0x295, 0x2af }, { 0x370, 0x373 },
	{ 0x376, 0x377 }, { 0x37b, 0x37d }, { 0x37f, 0x37f }, { 0x386, 0x386 }, { 0x388, 0x38a },
	{ 0x38c, 0x38c }, { 0x38e, 0x3a1 }, { 0x3a3, 0x3f5 }, { 0x3f7, 0x481 }, { 0x48a, 0x52f },
	{ 0x531, 0x556 }, { 0x10a0, 0x10c5 }, { 0x13a0, 0x13f5 }, { 0x13f8, 0x13fd },
	{ 0x1c90, 0x1cba }, { 0x1cbd, 0x1cbf }, { 0x1d00, 0x1d2b }, { 0x1d6b, 0x1d77 },
	{ 0x1d79, 0x1d9a }, { 0x1e00, 0x1f15 }, { 0x1f18, 0x1f1d }, { 0x1f20, 0x1f45 },
	{ 0x1f48, 0x1f4d }, { 0x1f50, 0x1f57 }, { 0x1f59, 0x1f59 }, { 0x1f5b, 0x1f5b },
	{ 0x1f5d, 0x1f5d }, { 0x1f5f, 0x1f7d }, { 0x1f80, 0x1fb4 }, { 0x1fb6, 0x1fbc },
	{ 0x1fbe, 0x1fbe }, { 0x1fc2, 0x1fc4 }, { 0x1fc6, 0x1fcc }, { 0x1fd0, 0x1fd3 },
	{ 0x1fd6, 0x1fdb }, { 0x1fe0, 0x1fec }, { 0x1ff2, 0x1ff4 }, { 0x1ff6, 0x1ffc },
	{ 0x2102, 0x2102 }, { 0x2107, 0x2107 }, { 0x210a, 0x2113 }, { 0x2115, 0x2115 },
	{ 0x2119, 0x211d }, { 0x2124, 0x2124 }, { 0x2126, 0x2126 }, { 0x2128, 0x2128 },
	{ 0x212a, 0x212d }, { 0x212f, 0x2134 }, { 0x2139, 0x2139 }, { 0x213c, 0x213f },
	{ 0x2145, 0x2149 }, { 0x214e, 0x214e }, { 0x2183, 0x2184 }, { 0x2c00, 0x2c7b },
	{ 0x2c7e, 0x2ce4 }, { 0x2ceb, 0x2cee }, { 0x2cf2, 0x2cf3 }, { 0xa640, 0xa66d },
	{ 0xa680, 0xa69b }, { 0xa722, 0xa76f }, { 0xa771, 0xa787 }, { 0xa78b, 0xa78e },
	{ 0xab70, 0xabbf }, { 0xfb00, 0xfb06 }, { 0xfb13, 0xfb17 }, { 0xff21, 0xff3a },
	{ 0xff41, 0xff5a }, { 0x10400, 0x1044f }, { 0x104b0, 0x104d3 }, { 0x104d8, 0x104fb },
	{ 0x10c80, 0x10cb2 }, { 0x10cc0, 0x10cf2 }, { 0x118a0, 0x118df }, { 0x1e900, 0x1e943 },
};

static const struct range marks[] = {
	{ 0x21, 0x2f }, { 0x3a, 0x7e }, { 0x2018, 0x201f }, { 0x3000, 0x3002 }, { 0xff01, 0xff0f },
	{ 0xff1a, 0xff5e },
};

static const struct range east_asian[] = { { 0x800, 0x9fa5 }, { 0xac00, 0xd7ff } };

static size_t
match_cased(const struct pretok_text *t, size_t at, size_t end)
{
	return match_set(t, at, end, cased, COUNT(cased));
}

static size_t
match_marks(const struct pretok_text *t, size_t at, size_t end)
{
	return match_set(t, at, end, marks, COUNT(marks));
}

static size_t
match_east_asian(const struct pretok_text *t, size_t at, size_t end)
{
	while (at < end && in_set(t, at, east_asian, COUNT(east_asian)))
		at++;
	return at;
}

/* [\p{P}$+<=>^~|]+ */
static size_t
match_punctuation(const struct pretok_text *t, size_t at, size_t end)
{
	while (at < end && (t->classes[at] == UNICODE_PUNCTUATION ||
			    (t->points[at] && t->points[at] < 0x80 &&
			     strchr("$+<=>^~|", (int)t->points[at]))))
		at++;
	return at;
}

static size_t
numbers(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_number });
}

static size_t
newlines(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_newline });
}

static size_t
digits_by_three(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_digits });
}

static size_t
cased_words(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_cased });
}

static size_t
mark_words(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_marks });
}

static size_t
east_asian_words(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_east_asian });
}

static size_t
punctuation(const struct pretok_text *t, size_t at, size_t end)
{
	return isolate(t, at, end, (struct matcher){ match_punctuation });
}

/* \p{N}+ */
static size_t
number_runs(const struct pretok_text *t, size_t at, size_t end)
{
	bool number = t->classes[at] == UNICODE_NUMBER;

	while (at < end && (t->classes[at] == UNICODE_NUMBER) == number)
		at++;
	return at;
}

/* \s+$ */
static size_t
trailing_spaces(const struct pretok_text *t, size_t at, size_t end)
{
	size_t tail = end;

	while (tail > at && t->classes[tail - 1] == PRETOK_SPACE)
		tail--;
	return tail > at ? tail : end;
}

static const struct pretok pretoks[] = {
	{ "gpt-2 gpt2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat mellum a.x-4.0",
	  false, false, { { gpt2 } } },
	{ "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", true, true,
	  { { llama3 } } },
	{ "smaug-bpe dbrx glm4 chatglm-bpe", false, false, { { llama3 } } },
	{ "qwen2 deepseek-r1-qwen stablelm2 hunyuan megrez solar-open grok-2 kormo f2llmv2", false,
	  false, { { qwen2 } } },
	{ "tekken", true, true, { { tekken } } },
	{ "gpt-4o llama4 kanana2", false, false, { { gpt4o } } },
	{ "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", false, false,
	  { { numbers }, { gpt2 } } },
	{ "deepseek-llm", false, false,
	  { { newlines }, { cased_words }, { mark_words }, { trailing_spaces },
	    { east_asian_words }, { number_runs } } },
	{ "default", false, false,
	  { { punctuation }, { gpt2 }, { number_runs }, { digits_by_three } } },
};

const struct pretok *
pretok_at(size_t i)
{
	return i < COUNT(pretoks) ? &pretoks[i] : NULL;
}

const struct pretok *
pretok_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(pretoks); i++) {
		const char *at = pretoks[i].names;

		while (*at) {
			size_t n = strcspn(at, " ");

			if (n == len && !memcmp(at, name, n))
				return &pretoks[i];
			at += n + (at[n] == ' ');
		}
	}
	return NULL;
}

static int32_t
split(const struct pretok_pass *pass, const struct pretok_text *t, size_t at, size_t end,
      struct pretok_sink *sink)
{
	int32_t rc = 0;

	if (!pass->word)
		return sink->word(sink, at, end);
	while (at < end && !rc) {
		size_t stop = pass->word(t, at, end);

		rc = split(pass + 1, t, at, stop, sink);
		at = stop;
	}
	return rc;
}

int32_t
pretok_split(const struct pretok *p, const struct pretok_text *t, size_t n,
	     struct pretok_sink *sink)
{
	return n ? split(p->passes, t, 0, n, sink) : 0;
}
