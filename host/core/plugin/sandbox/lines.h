/* lines.h - the last lines of a stream, for the operator.  [any thread] */
#ifndef CORE_PLUGIN_SANDBOX_LINES_H
#define CORE_PLUGIN_SANDBOX_LINES_H

#include <pthread.h>

#include "core/base/buf.h"

#define LINES_KEPT 40
#define LINES_SIZE 256 /* of one line, with its NUL; the rest of it is dropped */

struct lines {
	pthread_mutex_t lock;
	char     line[LINES_KEPT][LINES_SIZE];
	size_t   len;   /* of the line being received */
	uint64_t count; /* lines begun so far; line[count % LINES_KEPT] is the one */
};

void    lines_init(struct lines *);
void    lines_finish(struct lines *);
/* Bytes as they come.  Control characters become '?'. */
void    lines_add(struct lines *, const char *, size_t);
/* Oldest first, one a line; an unfinished last line counts. */
int32_t lines_text(struct lines *, struct buf *out);

#endif
