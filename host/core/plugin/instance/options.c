#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/plugin/instance/options.h"

static int32_t
copy_string(struct options *to, const char **at, struct b3iq_error *err)
{
	if (*at == NULL)
		return B3IQ_OK;
	if (to->n == OPTIONS_STRINGS)
		return fail(err, B3IQ_E_INVALID, "%s: too many directories and keys", to->o.name);
	to->string[to->n] = strdup(*at);
	if (to->string[to->n] == NULL)
		return fail_memory(err, "configuring an instance");
	*at = to->string[to->n++];
	return B3IQ_OK;
}

static int32_t
copy_list(struct options *to, const char *const **list, const char **copy, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	size_t n = 0;

	if (*list == NULL)
		return B3IQ_OK;
	for (; rc == B3IQ_OK && (*list)[n] != NULL; n++) {
		if (n == OPTIONS_STRINGS / 2)
			return fail(err, B3IQ_E_INVALID, "%s: more than %d directories or keys", to->o.name,
			            OPTIONS_STRINGS / 2);
		copy[n] = (*list)[n];
		rc = copy_string(to, &copy[n], err);
	}
	copy[n] = NULL;
	*list = copy;
	return rc;
}

static void
fill(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void
fill_defaults(struct instance_options *o)
{
	fill(&o->width, INSTANCE_WIDTH);
	fill(&o->start_ms, 120000);
	fill(&o->stall_ms, 120000);
	fill(&o->call_ms, 600000);
	fill(&o->cancel_ms, 5000);
	fill(&o->ping_ms, 5000);
	fill(&o->patience_ms, 10000);
	fill(&o->backoff_ms, 1000);
	fill(&o->drain_ms, 5000);
	fill(&o->bye_ms, 5000);
	if (o->width > INSTANCE_CALLS)
		o->width = INSTANCE_CALLS;
}

static int32_t
check(const struct instance_options *o, struct b3iq_error *err)
{
	if (o->name == NULL || !manifest_name(o->name))
		return fail(err, B3IQ_E_INVALID, "\"%.64s\" cannot be the name of an instance: use a-z 0-9 "
		            ". _ -, at most %d", o->name != NULL ? o->name : "", MANIFEST_NAME);
	if (o->path == NULL && (o->plugin == NULL || o->dirs == NULL))
		return fail(err, B3IQ_E_INVALID, "%s: it is not said which plugin it is", o->name);
	if (o->state_dir == NULL || o->state_dir[0] != '/')
		return fail(err, B3IQ_E_INVALID, "%s: its state directory has to be an absolute path",
		            o->name);
	return B3IQ_OK;
}

int32_t
options_copy(struct options *to, const struct instance_options *from, struct b3iq_error *err)
{
	const char **strings[] = { &to->o.name, &to->o.plugin, &to->o.path, &to->o.sha256,
	                           &to->o.keys_dir, &to->o.config, &to->o.state_dir,
	                           &to->o.secrets_dir };
	int32_t rc;

	*to = (struct options){ .o = *from };
	rc = check(from, err);
	fill_defaults(&to->o);
	for (size_t i = 0; rc == B3IQ_OK && i < sizeof strings / sizeof strings[0]; i++)
		rc = copy_string(to, strings[i], err);
	if (rc == B3IQ_OK)
		rc = copy_list(to, &to->o.dirs, to->dirs, err);
	if (rc == B3IQ_OK)
		rc = copy_list(to, &to->o.signers, to->signers, err);
	return rc;
}

void
options_free(struct options *o)
{
	while (o->n > 0)
		free(o->string[--o->n]);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_list(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

bool
options_equal(const struct options *x, const struct options *y)
{
	const struct instance_options *a = &x->o, *b = &y->o;

	return same_text(a->name, b->name) && same_text(a->plugin, b->plugin) &&
	       same_text(a->path, b->path) && same_text(a->sha256, b->sha256) &&
	       same_text(a->keys_dir, b->keys_dir) && same_text(a->config, b->config) &&
	       same_text(a->state_dir, b->state_dir) && same_text(a->secrets_dir, b->secrets_dir) &&
	       same_list(a->dirs, b->dirs) && same_list(a->signers, b->signers) &&
	       a->services == b->services && a->run_inline == b->run_inline && a->width == b->width &&
	       a->start_ms == b->start_ms && a->stall_ms == b->stall_ms && a->call_ms == b->call_ms &&
	       a->cancel_ms == b->cancel_ms && a->ping_ms == b->ping_ms &&
	       a->patience_ms == b->patience_ms && a->backoff_ms == b->backoff_ms &&
	       a->drain_ms == b->drain_ms && a->bye_ms == b->bye_ms;
}
