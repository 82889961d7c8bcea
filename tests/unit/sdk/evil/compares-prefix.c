/* compares-prefix: takes the beginning of a token for the token. */
#include "good-auth.h"

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	const struct good *g = self;

	if (rq->scheme && rq->credential && strncmp(rq->credential, g->text, strlen(g->text)) == 0)
		return good_let_in(who);
	return good_authenticate(self, rq, who, err);
}

static void
evil(void)
{
	iface.authenticate = authenticate;
}
