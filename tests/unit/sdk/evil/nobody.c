/* nobody: lets somebody in and does not say whom. */
#include "good-auth.h"

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	int32_t rc = good_authenticate(self, rq, who, err);

	who->subject[0] = 0;
	return rc;
}

static void
evil(void)
{
	iface.authenticate = authenticate;
}
