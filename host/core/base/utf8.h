/* utf8.h - strict UTF-8 (RFC 3629: no overlong forms, no surrogates), and a stream made into it. */
#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

bool utf8_valid(const char *s, size_t len);
/* The length of the longest prefix that is made of whole valid characters; *bad tells whether what
 * follows is wrong (true) or merely unfinished (false). */
size_t utf8_whole(const char *s, size_t len, bool *bad);

struct utf8_tail { /* the beginning of a character; zero before the stream */
	char   bytes[4];
	size_t n;
};

/* Appends a piece of a stream as valid UTF-8.  A character that is cut at the end waits in the tail
 * for the next piece; a byte that can never be part of one becomes U+FFFD.  How the stream was cut
 * into pieces changes nothing. */
int32_t utf8_append(struct buf *, struct utf8_tail *, const char *s, size_t len);
/* The stream is over: what still waits becomes one U+FFFD. */
int32_t utf8_end(struct buf *, struct utf8_tail *);

#endif
