/* proc.h - what this process holds, to see what a plugin leaves behind or changes. */
#ifndef CHECK_PROC_H
#define CHECK_PROC_H

#include <stdbool.h>
#include <stddef.h>

size_t proc_fds(void);
size_t proc_threads(void);
size_t proc_children(void);
/* Bytes that malloc has given out, and bytes that are resident.  Both 0 where they tell nothing:
 * a sanitizer keeps what was freed, and looks for leaks by itself. */
size_t proc_heap(void);
size_t proc_rss(void);
/* Waits up to a second for the number of threads to fall to n: one that was joined may still be
 * listed for a moment. */
bool proc_threads_fall_to(size_t n);

/* A digest of what belongs to the host alone: signal handlers, umask, working directory, locale,
 * environment. */
struct proc_state {
	unsigned long handlers, environment;
	unsigned      umask;
	char          cwd[512], locale[128];
};
void        proc_state(struct proc_state *);
const char *proc_changed(const struct proc_state *before, const struct proc_state *after);

#endif
