#include "lend.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

void *
lend(struct lend *l, const void *from, size_t len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t body = (len + page - 1) / page * page;
	/* Structs here have sizes of a multiple of 8, so they stay aligned against the end. */
	char *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                 0);

	must(map != MAP_FAILED, "plugin-check: out of memory for a loan of %zu bytes", len);
	must(mprotect(map + body, page, PROT_NONE) == 0, "plugin-check: no guard page to be had");
	l->map = map;
	l->map_len = body + page;
	l->len = len;
	l->at = map + body - len;
	if (from)
		memcpy(l->at, from, len);
	return l->at;
}

const char *
lend_string(struct lend *l, const char *text)
{
	if (!text)
		return NULL;
	return lend(l, text, strlen(text) + 1);
}

void
lend_back(struct lend *l)
{
	if (!l->map)
		return;
	madvise(l->map, l->map_len, MADV_DONTNEED);
	mprotect(l->map, l->map_len, PROT_NONE);
	l->map = NULL;
	l->at = NULL;
}
