/* unicode.h - as much of Unicode as tokenizers ask for: UTF-8, and what a character is.
 *
 * Classes are the major general categories of Unicode 15.0 (Debian's unicode-data, through
 * unicode_table.py); white space is the White_Space property.  Pure functions, any thread.
 */
#ifndef B3IQ_ENGINE_UNICODE_H
#define B3IQ_ENGINE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_REPLACEMENT 0xfffdu
#define UNICODE_MAX_UTF8    4u

enum unicode_class {
	UNICODE_OTHER, /* C*, Z*, unassigned */
	UNICODE_LETTER,
	UNICODE_NUMBER,
	UNICODE_PUNCTUATION,
	UNICODE_SYMBOL,
	UNICODE_MARK
};

enum unicode_class unicode_class(uint32_t point);
bool unicode_is_space(uint32_t point);

/* Decodes the character at text (len > 0) and says how many bytes it took.  What is not UTF-8 by
 * RFC 3629 (overlong, surrogate, above 10FFFF, cut) gives UNICODE_REPLACEMENT and takes 1 byte. */
uint32_t unicode_decode(const char *text, size_t len, size_t *taken);

/* Writes 1 to 4 bytes; returns how many. */
size_t unicode_encode(uint32_t point, char out[UNICODE_MAX_UTF8]);

/* How many bytes of text[0..len) are a whole character (> 0), the start of one that more bytes may
 * complete (0), or bytes to be replaced by one U+FFFD (< 0: minus their number; the maximal subpart
 * of Unicode 15 section 3.9). */
int unicode_scan(const char *text, size_t len);

/* The printable characters by which byte-level BPE vocabularies spell the 256 bytes. */
uint32_t unicode_from_byte(uint8_t byte);
int unicode_to_byte(uint32_t point); /* -1: spells no byte */

#endif
