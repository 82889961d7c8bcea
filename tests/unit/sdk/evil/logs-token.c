/* logs-token: writes credentials to the log. */
#include "good-auth.h"

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	const struct good *g = self;

	if (rq->credential && !strchr(rq->credential, '\xff'))
		g->host->log(g->host->ctx, B3IQ_LOG_WARN, rq->credential);
	return good_authenticate(self, rq, who, err);
}

static void
evil(void)
{
	iface.authenticate = authenticate;
}
