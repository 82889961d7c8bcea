/* load.c - from file to tables: dlopen, the entry point, hosts older and newer than the plugin. */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "proc.h"
#include "smoke.h"
#include "subject.h"

static void
loads_quickly(const struct check *c)
{
	uint64_t start = clock_mono_us(), took;

	must(subject_entry(c, B3IQ_ABI), "it cannot serve this host");
	took = clock_mono_us() - start;
	must(took < 1000000, "loading it takes %.0f ms", (double)took / 1000);
}

static void
entry_is_pure(const struct check *c)
{
	size_t            fds = proc_fds(), threads = proc_threads(), children = proc_children();
	struct proc_state before, after;
	const char       *changed;

	proc_state(&before);
	subject_entry(c, B3IQ_ABI);
	proc_state(&after);
	must(proc_fds() == fds, "it opens %zu descriptors when it is loaded", proc_fds() - fds);
	must(proc_threads() == threads, "it starts threads when it is loaded");
	must(proc_children() == children, "it starts processes when it is loaded");
	changed = proc_changed(&before, &after);
	must(!changed, "it changes %s when it is loaded", changed);
}

static void
entry_twice(const struct check *c)
{
	must(subject_entry(c, B3IQ_ABI) == subject_entry(c, B3IQ_ABI),
	     "b3iq_plugin_entry() returns another table each time");
}

static void
refuses_other_major(const struct check *c)
{
	must(!subject_entry(c, (B3IQ_ABI_MAJOR + 1) << 16), "it claims to serve a host of ABI %u.0",
	     B3IQ_ABI_MAJOR + 1);
	must(!subject_entry(c, (B3IQ_ABI_MAJOR - 1) << 16 | 7),
	     "it claims to serve a host of ABI %u.7",
	     B3IQ_ABI_MAJOR - 1);
}

static void
serves_other_minors(const struct check *c)
{
	must(subject_entry(c, B3IQ_ABI_MAJOR << 16), "it refuses a host of ABI %u.0",
	     B3IQ_ABI_MAJOR);
	must(subject_entry(c, B3IQ_ABI_MAJOR << 16 | 99),
	     "it refuses a host of ABI %u.99: a minor is no reason",
	     B3IQ_ABI_MAJOR);
}

static void
tables_complete(const struct check *c)
{
	const struct b3iq_plugin *p = subject_entry(c, B3IQ_ABI);
	const uint32_t           *iface;
	size_t                    least;

	must(p, "it cannot serve this host");
	iface = p->iface;
	must(p->size >= sizeof *p, "b3iq_plugin.size is %u, ABI 1.0 has %zu", p->size, sizeof *p);
	must(p->abi >> 16 == B3IQ_ABI_MAJOR, "it is built for ABI %u, this is %u", p->abi >> 16,
	     B3IQ_ABI_MAJOR);
	must(p->kind >= B3IQ_INFERENCE && p->kind <= B3IQ_AUTH, "kind %u is none", p->kind);
	must(p->threads <= B3IQ_THREADS_PARALLEL, "thread model %u is none", p->threads);
	must(p->id && p->version && p->create && p->destroy && iface,
	     "id, version, create, destroy and iface have to be there");
	least = p->kind == B3IQ_INFERENCE ? sizeof(struct b3iq_inference)
	        : p->kind == B3IQ_LEDGER  ? sizeof(struct b3iq_ledger)
	                                  : sizeof(struct b3iq_auth);
	must(*iface >= least, "the size of its interface is %u, ABI 1.0 has %zu", *iface, least);
	if (p->kind == B3IQ_INFERENCE) {
		const struct b3iq_inference *i = p->iface;

		must(i->probe && i->models && i->generate,
		     "probe(), models() and generate() have to be there");
	} else if (p->kind == B3IQ_LEDGER) {
		const struct b3iq_ledger *l = p->iface;

		must(l->quote && l->submit && l->status && l->query && l->ops,
		     "quote(), submit(), status(), query() and ops have to be there");
	} else {
		const struct b3iq_auth *a = p->iface;

		must(a->authenticate, "authenticate() has to be there");
	}
}

static const char *
said(const struct check *c, const char *key)
{
	struct json_object *value;

	must(c->manifest && json_object_object_get_ex(c->manifest, key, &value),
	     "the manifest has no %s", key);
	return json_object_get_string(value);
}

static void
id_matches_note(const struct check *c)
{
	const struct b3iq_plugin *p = subject_entry(c, B3IQ_ABI);
	char                      abi[32];

	must(p && p->id && p->version, "the table lacks id or version");
	must(strcmp(p->id, said(c, "id")) == 0, "the table says %s, the manifest %s", p->id,
	     said(c, "id"));
	must(strcmp(p->version, said(c, "version")) == 0,
	     "the table says version %s, the manifest %s",
	     p->version, said(c, "version"));
	must(p->kind == c->kind, "the table's kind is not the manifest's %s", said(c, "kind"));
	snprintf(abi, sizeof abi, "%u.%u", p->abi >> 16, p->abi & 0xffff);
	must(strcmp(abi, said(c, "abi")) == 0, "the table says ABI %s, the manifest %s", abi,
	     said(c, "abi"));
}

/* A host of exactly 1.0: the table ends at the unreadable page. */
static void
oldest_host(const struct check *c)
{
	struct subject s;
	struct lend    loan = { 0 };

	subject_prepare(&s, c);
	s.host.table->size = sizeof(struct b3iq_host);
	s.host.table->abi = B3IQ_ABI_MAJOR << 16;
	s.host.table = lend(&loan, s.host.table, sizeof(struct b3iq_host));
	subject_create(&s);
	smoke(&s);
	subject_close(&s);
	lend_back(&loan);
}

/* A host of a later minor: a longer table, and none of the extensions. */
static void
newest_host(const struct check *c)
{
	struct subject s;

	subject_prepare(&s, c);
	s.host.table->abi = B3IQ_ABI_MAJOR << 16 | 99;
	subject_create(&s);
	smoke(&s);
	subject_close(&s);
}

const struct check_test load_tests[] = {
	{ "quickly", loads_quickly, 0, CHECK_TIMED | CHECK_INLINE, 0,
	  "dlopen and entry take less than a second, device or no device" },
	{ "entry-is-pure", entry_is_pure, 0, CHECK_INLINE, 0,
	  "loading starts nothing, opens nothing, changes nothing" },
	{ "entry-twice-same-pointer", entry_twice, 0, CHECK_INLINE, 0,
	  "the entry point returns a static" },
	{ "refuses-other-major", refuses_other_major, 0, CHECK_INLINE, 0,
	  "NULL for a host of another major" },
	{ "serves-other-minors", serves_other_minors, 0, CHECK_INLINE, 0,
	  "a table for a host of any minor" },
	{ "tables-complete", tables_complete, 0, CHECK_INLINE, 0,
	  "sizes, kind, thread model and required functions" },
	{ "id-matches-note", id_matches_note, 0, CHECK_INLINE, 0,
	  "id, version, kind and ABI are those of the manifest" },
	{ "older-host", oldest_host, 0, CHECK_INLINE, 0,
	  "a host table of exactly ABI 1.0 is enough" },
	{ "newer-host", newest_host, 0, CHECK_INLINE, 0,
	  "a longer host table with unknown content is fine" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
