/* good.h - what the good plugins of every kind share. */
#ifndef EVIL_GOOD_H
#define EVIL_GOOD_H

#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct good { /* an instance                                                    */
	const struct b3iq_host *host;
	char                    text[512]; /* the ledger's file, or the auth provider's token */
};

static inline int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	return code;
}

static inline void
good_destroy(void *self)
{
	free(self);
}

static inline void
sleep_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* A string field of the config; good enough for a config that plugin-check made. */
static inline void
good_field(const char *config, const char *key, char *out, size_t size)
{
	const char *at = strstr(config, key), *end;

	out[0] = 0;
	if (!at || !(at = strchr(at, ':')) || !(at = strchr(at, '"')) ||
	    !(end = strchr(at + 1, '"')))
		return;
	snprintf(out, size, "%.*s", (int)(end - at - 1), at + 1);
}

#endif
