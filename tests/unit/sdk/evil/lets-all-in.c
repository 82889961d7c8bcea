/* lets-all-in: lets in whoever says Bearer. */
#include "good-auth.h"

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	(void)self, (void)err;
	return rq->scheme && rq->credential ? good_let_in(who) : B3IQ_DECLINED;
}

static void
evil(void)
{
	iface.authenticate = authenticate;
}
