/* denies-foreign: denies what it does not know, and nobody else is asked. */
#include "good-auth.h"

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	int32_t rc = good_authenticate(self, rq, who, err);

	return rc == B3IQ_DECLINED ? fail(err, B3IQ_E_DENIED, "not mine") : rc;
}

static void
evil(void)
{
	iface.authenticate = authenticate;
}
