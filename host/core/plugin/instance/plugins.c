#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/plugin/instance/options.h"
#include "core/plugin/instance/plugins.h"

/* One lock a plugin file, for the calls of SERIAL plugins that run inline.  Kept until the end. */
struct serial {
	struct serial  *next;
	pthread_mutex_t lock;
	char            plugin[MANIFEST_NAME + 1];
};

struct plugins {
	pthread_mutex_t  change;              /* one reconcile at a time                  */
	pthread_mutex_t  lock;                /* of the set                               */
	struct instance *set[PLUGINS_MAX];    /* sorted by name; one reference each       */
	size_t           n;
	struct serial   *serials;             /* under `change`                           */
};

/* ---- the set ---------------------------------------------------------------- */

/* Where `name` is, or would be.  Lock held. */
static size_t
place(const struct plugins *p, const char *name, bool *there)
{
	size_t low = 0, high = p->n;

	*there = false;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(instance_name(p->set[middle]), name);

		if (order == 0)
			*there = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct instance *
plugins_find(struct plugins *p, const char *name)
{
	struct instance *found = NULL;
	bool there;
	size_t at;

	pthread_mutex_lock(&p->lock);
	at = place(p, name, &there);
	if (there)
		found = instance_ref(p->set[at]);
	pthread_mutex_unlock(&p->lock);
	return found;
}

struct instance *
plugins_next(struct plugins *p, uint32_t kind, struct instance *previous)
{
	struct instance *next = NULL;
	bool there = false;
	size_t at = 0;

	pthread_mutex_lock(&p->lock);
	if (previous != NULL)
		at = place(p, instance_name(previous), &there) + (there ? 1 : 0);
	for (; at < p->n && next == NULL; at++)
		if (kind == 0 || instance_kind(p->set[at]) == kind)
			next = instance_ref(p->set[at]);
	pthread_mutex_unlock(&p->lock);
	instance_release(previous);
	return next;
}

static void
insert(struct plugins *p, struct instance *i)
{
	bool there;
	size_t at;

	pthread_mutex_lock(&p->lock);
	at = place(p, instance_name(i), &there);
	memmove(&p->set[at + 1], &p->set[at], (p->n - at) * sizeof p->set[0]);
	p->set[at] = i;
	p->n++;
	pthread_mutex_unlock(&p->lock);
}

/* Out of the set, so that nobody finds it any more; then closed. */
static void
drop(struct plugins *p, const char *name)
{
	struct instance *out = NULL;
	bool there;
	size_t at;

	pthread_mutex_lock(&p->lock);
	at = place(p, name, &there);
	if (there) {
		out = p->set[at];
		p->n--;
		memmove(&p->set[at], &p->set[at + 1], (p->n - at) * sizeof p->set[0]);
	}
	pthread_mutex_unlock(&p->lock);
	instance_close(out);
}

/* ---- reconcile ------------------------------------------------------------------ */

static pthread_mutex_t *
serial_of(struct plugins *p, const char *plugin)
{
	struct serial *s;

	for (s = p->serials; s != NULL; s = s->next)
		if (strcmp(s->plugin, plugin) == 0)
			return &s->lock;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	strncpy(s->plugin, plugin, sizeof s->plugin - 1);
	pthread_mutex_init(&s->lock, NULL);
	s->next = p->serials;
	p->serials = s;
	return &s->lock;
}

static int32_t
create(struct plugins *p, const struct instance_options *o, struct instance **out,
       struct b3iq_error *err)
{
	struct instance_options with = *o;

	if (o->run_inline && o->plugin != NULL) {
		with.serial = serial_of(p, o->plugin);
		if (with.serial == NULL)
			return fail_memory(err, "configuring an instance");
	}
	return instance_create(&with, out, err);
}

static bool
listed(const struct instance_options *wanted, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(wanted[i].name, name) == 0)
			return true;
	return false;
}

/* Those that are not wanted any more. */
static void
drop_removed(struct plugins *p, const struct instance_options *wanted, size_t n)
{
	size_t at = 0;

	/* Only reconcile changes the set, and there is one at a time: reading needs no lock. */
	while (at < p->n) {
		if (listed(wanted, n, instance_name(p->set[at])))
			at++;
		else
			drop(p, instance_name(p->set[at]));
	}
}

static int32_t
check_names(const struct instance_options *wanted, size_t n, struct b3iq_error *err)
{
	if (n > PLUGINS_MAX)
		return fail(err, B3IQ_E_INVALID, "%zu plugin instances are configured, at most %d are "
		            "possible", n, PLUGINS_MAX);
	for (size_t i = 0; i < n; i++)
		if (wanted[i].name == NULL || listed(wanted, i, wanted[i].name))
			return fail(err, B3IQ_E_INVALID, "two plugin instances are called \"%.64s\"",
			            wanted[i].name != NULL ? wanted[i].name : "");
	return B3IQ_OK;
}

/* Makes what is new or changed; fresh[i] stays NULL for an instance that may go on. */
static int32_t
create_changed(struct plugins *p, const struct instance_options *wanted, size_t n,
               struct instance **fresh, struct b3iq_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct instance *now = NULL;
		int32_t rc = create(p, &wanted[i], &fresh[i], err);

		if (rc != B3IQ_OK)
			return rc;
		now = plugins_find(p, wanted[i].name);
		if (now != NULL && options_equal(instance_options(now), instance_options(fresh[i]))) {
			instance_close(fresh[i]);
			fresh[i] = NULL;
		}
		instance_release(now);
	}
	return B3IQ_OK;
}

int32_t
plugins_reconcile(struct plugins *p, const struct instance_options *wanted, size_t n,
                  struct b3iq_error *err)
{
	struct instance *fresh[PLUGINS_MAX] = { NULL };
	int32_t rc;

	pthread_mutex_lock(&p->change);
	rc = check_names(wanted, n, err);
	if (rc == B3IQ_OK)
		rc = create_changed(p, wanted, n, fresh, err);
	if (rc == B3IQ_OK)
		drop_removed(p, wanted, n);
	for (size_t i = 0; i < n && i < PLUGINS_MAX; i++) {
		if (rc != B3IQ_OK) {
			instance_close(fresh[i]);
		} else if (fresh[i] != NULL) {
			drop(p, wanted[i].name);
			insert(p, fresh[i]);
			instance_start(fresh[i]);
		}
	}
	pthread_mutex_unlock(&p->change);
	return rc;
}

/* ---- life ------------------------------------------------------------------------- */

struct plugins *
plugins_create(struct b3iq_error *err)
{
	struct plugins *p = calloc(1, sizeof *p);

	if (p == NULL) {
		fail_memory(err, "creating the set of plugins");
		return NULL;
	}
	pthread_mutex_init(&p->change, NULL);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void
plugins_destroy(struct plugins *p)
{
	if (p == NULL)
		return;
	plugins_reconcile(p, NULL, 0, NULL);
	while (p->serials != NULL) {
		struct serial *s = p->serials;

		p->serials = s->next;
		pthread_mutex_destroy(&s->lock);
		free(s);
	}
	pthread_mutex_destroy(&p->change);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
