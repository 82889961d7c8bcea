#include "node/state.h"

#include "core/receipt/receipt_log.h"
#include "node/audit.h"
#include "node/jobs.h"
#include "node/keys.h"
#include "core/role/kv.h"
#include "node/worker/spool.h"

static const struct store_module *const modules[] = {
	&audit_module, &keyring_module, &receipt_log_module, &jobs_module, &kv_module,
	&spool_module, NULL,
};

int32_t
state_open(const struct home *home, struct store **out, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = home_path(home, file, err, "state.db", NULL);

	*out = NULL;
	return rc == B3IQ_OK ? store_open(file, modules, out, err) : rc;
}
