/* special.h - finds the tokens that are spelled out in a text and stand for themselves.
 *
 * User-defined tokens always, control tokens where the caller allows.  Longer spellings go before
 * shorter ones anywhere in the text, then the leftmost; what is found is no text any more.
 */
#ifndef B3IQ_ENGINE_SPECIAL_H
#define B3IQ_ENGINE_SPECIAL_H

#include "engine/text/vocab.h"

/* A stretch of the text: id -1, or a token. */
struct special_piece {
	uint32_t at, len;
	int32_t  id;
};

struct special_pieces {
	struct special_piece *list;
	size_t                n, cap;
};

/* The spellings of one length. */
struct special_length {
	uint32_t len;
	bool     user;       /* there are user-defined tokens among them */
	uint8_t  firsts[32]; /* set of their first bytes                 */
};

struct special {
	struct special_length *lengths; /* descending */
	size_t                 n;
};

int32_t special_init(struct special *, const struct vocab *, struct b3iq_error *);
void special_finish(struct special *);

/* Cuts text into pieces; the caller frees with special_pieces_finish().  B3IQ_E_NO_MEMORY. */
int32_t special_split(const struct special *, const struct vocab *, const char *text, size_t len,
		      bool control, struct special_pieces *);
/* Where text goes on behind a special token: past white space that the token swallows. */
size_t special_strip(const struct vocab *, int32_t id, const char *text, size_t at, size_t end);
void special_pieces_finish(struct special_pieces *);

#endif
