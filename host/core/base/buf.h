/* buf.h - a growable byte buffer that is created with its maximum.
 *
 * The first failure (memory, maximum) sticks: later appends do nothing and return it too, so a
 * sequence of appends is checked once, at the end.  A buffer with len > 0 is always followed by a
 * NUL that does not count.  One thread at a time.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

struct buf {
	struct b3iq_writer writer; /* first: the buffer as a plugin's writer      */
	char   *data;
	size_t  len, cap, max;
	int32_t rc;                /* B3IQ_OK, or what the first failure was       */
};

void    buf_init(struct buf *, size_t max);
void    buf_free(struct buf *);  /* then empty and usable again with the same max */
void    buf_wipe(struct buf *);  /* as buf_free(), after overwriting the content  */
void    buf_clear(struct buf *); /* len = 0 and rc = B3IQ_OK, memory kept         */
int32_t buf_append(struct buf *, const void *, size_t);
int32_t buf_puts(struct buf *, const char *);
__attribute__((format(printf, 2, 3))) int32_t buf_printf(struct buf *, const char *fmt, ...);
/* Makes room for n more bytes and returns where they go, or NULL; then buf_grew(). */
char   *buf_reserve(struct buf *, size_t n);
void    buf_grew(struct buf *, size_t n);
void    buf_consume(struct buf *, size_t n); /* drops n bytes at the front         */
char   *buf_take(struct buf *);              /* the malloc()ed string; buf is empty */

#endif
