#include <string.h>

#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/plugin/file/config.h"
#include "core/plugin/file/needs.h"
#include "core/plugin/instance/prepare.h"

static int32_t
check_needs(const struct instance_options *o, const struct prepare *p, struct b3iq_error *err)
{
	char dir[PATH_SIZE];
	struct needs needs;
	char *slash;

	memcpy(dir, p->file.path, sizeof dir);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	needs_check(&p->manifest, dir, &needs);
	return needs_result(&needs, o->name, err);
}

/* A pin by hash is what makes a plugin fit to run in this process. */
static int32_t
check_inline(const struct instance_options *o, const struct prepare *p, struct b3iq_error *err)
{
	if (!o->run_inline || o->path != NULL ||
	    (o->sha256 != NULL && strcmp(o->sha256, p->file.sha256) == 0))
		return B3IQ_OK;
	return fail(err, B3IQ_E_DENIED, "%s: inline is only for a plugin pinned by its SHA-256, a "
	            "signature is not enough; `b3iq plugin enable %s`, or leave it in its sandbox",
	            o->name, o->plugin);
}

int32_t
prepare_open(const struct instance_options *o, struct prepare *p, struct b3iq_error *err)
{
	int32_t rc;

	*p = (struct prepare){ .file = { .fd = -1 } };
	buf_init(&p->config, CONFIG_MAX);
	if (o->path != NULL)
		rc = trust_open_anywhere(o->path, &p->file, err);
	else
		rc = trust_open(o->dirs, o->plugin, &p->file, err);
	if (rc == B3IQ_OK)
		rc = manifest_read(p->file.fd, p->file.path, &p->manifest, err);
	if (rc == B3IQ_OK && o->path == NULL)
		rc = trust_accept(&p->file, o->plugin, p->manifest.id, o->sha256, o->keys_dir, err);
	if (rc == B3IQ_OK)
		rc = check_inline(o, p, err);
	if (rc == B3IQ_OK)
		rc = config_check(&p->manifest, o->name, o->config, o->secrets_dir, &p->config, err);
	if (rc == B3IQ_OK)
		rc = path_make_dir(o->state_dir, 0700, err);
	if (rc == B3IQ_OK)
		rc = check_needs(o, p, err);
	return rc;
}

void
prepare_close(struct prepare *p)
{
	trust_close(&p->file);
	manifest_free(&p->manifest);
	buf_free(&p->config);
}
