#include "boxed.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/plugin/instance/instance.h"

#define START_MS 20000

struct boxed {
	struct hostapi_services services;
	struct instance        *instance;
};

/* ---- what the role supplies: the fake host's own functions ------------------ */

static int32_t
kv_get(void *ctx, const char *instance, const char *key, struct b3iq_writer *w)
{
	struct fakehost *h = ctx;

	(void)instance;
	return h->table->kv_get(h->table->ctx, key, w);
}

static int32_t
kv_put(void *ctx, const char *instance, const char *key, const void *data, size_t len)
{
	struct fakehost *h = ctx;

	(void)instance;
	return h->table->kv_put(h->table->ctx, key, data, len);
}

static int32_t
sign(void *ctx, const char *instance, const char *key, const char *alg, const void *message,
     size_t len, struct b3iq_writer *w)
{
	struct fakehost *h = ctx;

	(void)instance;
	return h->table->sign(h->table->ctx, key, alg, message, len, w);
}

static int32_t
public_key(void *ctx, const char *instance, const char *key, const char *alg, struct b3iq_writer *w)
{
	struct fakehost *h = ctx;

	(void)instance;
	return h->table->public_key(h->table->ctx, key, alg, w);
}

/* ---- starting ---------------------------------------------------------------- */

/* Secrets as the host keeps them: a file each. */
static int32_t
write_secrets(const struct fakehost *h, const char *dir, struct b3iq_error *err)
{
	char    file[PATH_SIZE];
	int32_t rc = path_make_dir(dir, 0700, err);

	if (!h->check->secrets)
		return rc;
	json_object_object_foreach(h->check->secrets, name, value)
	{
		if (rc == B3IQ_OK)
			rc = path_join(file, err, dir, name, NULL);
		if (rc == B3IQ_OK)
			rc = path_write(file, json_object_get_string(value),
			                (size_t)json_object_get_string_len(value), 0600, err);
	}
	return rc;
}

/* Ready, or why not: a plugin that is to be started again has failed here. */
static int32_t
await(struct instance *i, struct b3iq_error *err)
{
	struct instance_status st;
	int32_t                rc = B3IQ_E_TIMEOUT;

	for (unsigned ms = 0; ms < START_MS && rc == B3IQ_E_TIMEOUT; ms += 100) {
		rc = instance_wait(i, 100, err);
		instance_status(i, &st);
		if (rc != B3IQ_OK && st.state == INSTANCE_RESTARTING)
			return fail(err, st.code ? st.code : B3IQ_E_DIED, "%s", st.error);
	}
	return rc;
}

int32_t
boxed_open(struct boxed **out, struct fakehost *h, const char *config, struct backend *be,
           struct b3iq_error *err)
{
	static const char *const signers[] = { FAKEHOST_KEY, NULL };
	struct instance_options  o = { .name = "check", .path = h->check->plugin, .config = config,
		                       .state_dir = h->state_dir, .signers = signers };
	char                     secrets[PATH_SIZE];
	struct boxed            *box = calloc(1, sizeof *box);
	int32_t                  rc = B3IQ_E_NO_MEMORY;

	*out = NULL;
	if (!box)
		return fail_memory(err, "starting a sandbox");
	box->services = (struct hostapi_services){ h, kv_get, kv_put, sign, public_key };
	snprintf(secrets, sizeof secrets, "%s/secrets", h->check->scratch);
	o.services = &box->services;
	o.secrets_dir = secrets;
	rc = write_secrets(h, secrets, err);
	if (rc != B3IQ_OK)
		goto failed;
	rc = instance_create(&o, &box->instance, err);
	if (rc != B3IQ_OK)
		goto failed;
	instance_start(box->instance);
	rc = await(box->instance, err);
	if (rc != B3IQ_OK)
		goto failed;
	be->self = box->instance;
	be->kind = instance_kind(box->instance);
	be->threads = B3IQ_THREADS_PARALLEL; /* the host lets each call wait for its turn */
	if (be->kind == B3IQ_INFERENCE) {
		be->inference = *instance_inference(box->instance);
		be->replay = *instance_replay(box->instance);
	} else if (be->kind == B3IQ_LEDGER) {
		be->ledger = *instance_ledger(box->instance);
		be->ledger.ops = instance_ledger_ops(box->instance);
	} else if (be->kind == B3IQ_AUTH) {
		be->auth = *instance_auth(box->instance);
	}
	*out = box;
	return B3IQ_OK;
failed:
	boxed_close(box);
	return rc;
}

void
boxed_close(struct boxed *box)
{
	if (!box)
		return;
	instance_close(box->instance);
	free(box);
}
