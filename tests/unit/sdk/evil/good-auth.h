/* good-auth.h - a faultless little auth provider, for others to spoil: one token, a secret. */
#ifndef EVIL_GOOD_AUTH_H
#define EVIL_GOOD_AUTH_H

#include "good.h"

struct good_writer {
	struct b3iq_writer writer;
	char              *out;
	size_t             size, len;
};

static int32_t
good_write(struct b3iq_writer *w, const void *data, size_t len)
{
	struct good_writer *g = (struct good_writer *)w;

	if (len >= g->size - g->len)
		return B3IQ_E_NO_MEMORY;
	memcpy(g->out + g->len, data, len);
	g->len += len;
	g->out[g->len] = 0;
	return B3IQ_OK;
}

static int32_t
good_create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct good       *g = calloc(1, sizeof *g);
	struct good_writer w = { .writer = { good_write } };
	int32_t            rc;

	(void)config;
	if (!g)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	w.out = g->text;
	w.size = sizeof g->text;
	g->host = host;
	rc = host->secret(host->ctx, "token", &w.writer);
	if (rc == B3IQ_OK && !w.len)
		rc = B3IQ_E_INVALID;
	if (rc != B3IQ_OK) {
		free(g);
		return fail(err, rc, "there is no token");
	}
	*self = g;
	return B3IQ_OK;
}

static int32_t
good_let_in(struct b3iq_principal *who)
{
	snprintf(who->subject, sizeof who->subject, "good");
	snprintf(who->scopes, sizeof who->scopes, "chat");
	return B3IQ_OK;
}

static int32_t
good_authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
                  struct b3iq_error *err)
{
	const struct good *g = self;

	if (!rq->scheme || !rq->credential || strcmp(rq->scheme, "Bearer") != 0)
		return B3IQ_DECLINED;
	if (strcmp(rq->credential, g->text) != 0)
		return fail(err, B3IQ_E_DENIED, "that is not the token");
	return good_let_in(who);
}

static struct b3iq_auth iface = {
	.size = sizeof iface,
	.authenticate = good_authenticate,
};

#define GOOD_KIND    B3IQ_AUTH
#define GOOD_THREADS B3IQ_THREADS_PARALLEL
#include "good-entry.h"

#endif
