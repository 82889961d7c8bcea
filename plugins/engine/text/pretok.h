/* pretok.h - how BPE models cut a text into words before any merge.
 *
 * Each vocabulary was trained behind a list of regular expressions; its name stands in
 * tokenizer.ggml.pre.  Here each expression is a matcher written by hand over classed code points:
 * linear time, no regex library.  A list runs in order, each matcher within the words of the one
 * before.
 */
#ifndef B3IQ_ENGINE_PRETOK_H
#define B3IQ_ENGINE_PRETOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRETOK_SPACE 7u /* class of white space; all others as in unicode.h */
#define PRETOK_PASSES 7

struct pretok_text {
	const uint32_t *points;
	const uint8_t  *classes; /* enum unicode_class, or PRETOK_SPACE */
};

/* The end of the word that starts at `at` < end. */
struct pretok_pass {
	size_t (*word)(const struct pretok_text *, size_t at, size_t end);
};

struct pretok {
	const char        *names; /* separated by spaces */
	bool               whole_words; /* a word that is a token is not merged together */
	bool               add_bos;     /* unless the file says otherwise                */
	struct pretok_pass passes[PRETOK_PASSES]; /* up to a NULL */
};

/* NULL: unknown. */
const struct pretok *pretok_find(const char *name, size_t len);

/* All known names, for the error. */
const struct pretok *pretok_at(size_t index); /* NULL: past the last */

uint8_t pretok_class(uint32_t point);

/* Calls back for each word; a result other than 0 ends the walk and is returned. */
struct pretok_sink {
	int32_t (*word)(struct pretok_sink *, size_t at, size_t end);
};
int32_t pretok_split(const struct pretok *, const struct pretok_text *, size_t n,
		     struct pretok_sink *);

#endif
