#include <string.h>

#include "core/plugin/sandbox/lines.h"

void
lines_init(struct lines *l)
{
	*l = (struct lines){ .len = 0 };
	pthread_mutex_init(&l->lock, NULL);
}

void
lines_finish(struct lines *l)
{
	pthread_mutex_destroy(&l->lock);
}

static void
add_byte(struct lines *l, char c)
{
	char *line = l->line[l->count % LINES_KEPT];

	if (c == '\n') {
		if (l->len == 0)
			return; /* empty lines tell nothing */
		l->count++;
		l->len = 0;
		l->line[l->count % LINES_KEPT][0] = '\0';
	} else if (l->len < LINES_SIZE - 1) {
		line[l->len++] = ((unsigned char)c < ' ' && c != '\t') || c == 0x7f ? '?' : c;
		line[l->len] = '\0';
	}
}

void
lines_add(struct lines *l, const char *data, size_t n)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < n; i++)
		add_byte(l, data[i]);
	pthread_mutex_unlock(&l->lock);
}

int32_t
lines_text(struct lines *l, struct buf *out)
{
	const uint64_t kept = LINES_KEPT;
	uint64_t at;

	pthread_mutex_lock(&l->lock);
	at = l->count >= kept ? l->count - kept + 1 : 0;
	/* While nothing of a new line is there, the oldest slot is the one before it. */
	for (; at <= l->count; at++) {
		const char *line = l->line[at % LINES_KEPT];

		if (line[0] != '\0')
			buf_printf(out, "%s\n", line);
	}
	pthread_mutex_unlock(&l->lock);
	return out->rc;
}
