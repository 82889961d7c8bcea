/* lend.h - memory as a plugin ought to see it: borrowed, exactly so long, exactly so big.
 *
 * Each loan has pages of its own.  It ends where an unreadable page begins, so one byte too far is
 * a crash here and not a secret of the host elsewhere; and when it is taken back its pages become
 * unreadable and are never used again, so a kept pointer is a crash as well.
 */
#ifndef CHECK_LEND_H
#define CHECK_LEND_H

#include <stddef.h>

struct lend {
	void  *at;  /* what the plugin gets                                       */
	void  *map; /* the pages                                                */
	size_t len, map_len;
};

/* len bytes, copied from `from` or zero where that is NULL. */
void *lend(struct lend *, const void *from, size_t len);
/* A string; NULL stays NULL. */
const char *lend_string(struct lend *, const char *);
void        lend_back(struct lend *); /* fine for a loan that never was           */

#endif
