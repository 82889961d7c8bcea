/* utf8.h - strict UTF-8 (RFC 3629: no overlong forms, no surrogates). */
#ifndef CORE_BASE_UTF8_H
#define CORE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *s, size_t len);
/* The length of the longest prefix that is made of whole valid characters; *bad tells whether what
 * follows is wrong (true) or merely unfinished (false). */
size_t utf8_whole(const char *s, size_t len, bool *bad);

#endif
