#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/fail.h"
#include "core/plugin/load/load.h"

/* The size of ABI 1.0's b3iq_plugin: what every plugin of this major at least has. */
#define PLUGIN_1_0 (offsetof(struct b3iq_plugin, extension) + sizeof(void *))

/* A function that a table has to have. */
struct required {
	const char *name;
	size_t      at;
};

#define REQUIRED(type, field) { #field, offsetof(struct type, field) }

static const struct required plugin_required[] = {
	REQUIRED(b3iq_plugin, id),      REQUIRED(b3iq_plugin, version), REQUIRED(b3iq_plugin, create),
	REQUIRED(b3iq_plugin, destroy), REQUIRED(b3iq_plugin, iface),   { NULL, 0 },
};
static const struct required inference_required[] = {
	REQUIRED(b3iq_inference, probe), REQUIRED(b3iq_inference, models),
	REQUIRED(b3iq_inference, generate), { NULL, 0 },
};
static const struct required ledger_required[] = {
	REQUIRED(b3iq_ledger, quote), REQUIRED(b3iq_ledger, submit), REQUIRED(b3iq_ledger, status),
	REQUIRED(b3iq_ledger, query), { NULL, 0 },
};
static const struct required auth_required[] = {
	REQUIRED(b3iq_auth, authenticate), { NULL, 0 },
};

/* Copies a table of at most `n` bytes by its own size, and looks for what it must have. */
static int32_t
copy_table(const char *file, const char *table, const void *from, void *to, size_t n,
           const struct required *list, struct b3iq_error *err)
{
	uint32_t size;

	memcpy(&size, from, sizeof size);
	if (size < sizeof size)
		return fail(err, B3IQ_E_INVALID, "%s: %s.size is %u; set it to sizeof the struct", file,
		            table, size);
	memset(to, 0, n);
	memcpy(to, from, size < n ? size : n);
	for (; list->name != NULL; list++) {
		const void *member;

		memcpy(&member, (const char *)to + list->at, sizeof member);
		if (member == NULL)
			return fail(err, B3IQ_E_INVALID, "%s: %s.%s is missing, and every plugin of this kind "
			            "needs it", file, table, list->name);
	}
	return B3IQ_OK;
}

static int32_t
copy_iface(const char *file, struct load *out, struct b3iq_error *err)
{
	const void *from = out->plugin.iface;
	int32_t rc;

	if (out->plugin.kind == B3IQ_INFERENCE)
		rc = copy_table(file, "b3iq_inference", from, &out->iface.inference,
		                sizeof out->iface.inference, inference_required, err);
	else if (out->plugin.kind == B3IQ_LEDGER)
		rc = copy_table(file, "b3iq_ledger", from, &out->iface.ledger, sizeof out->iface.ledger,
		                ledger_required, err);
	else
		rc = copy_table(file, "b3iq_auth", from, &out->iface.auth, sizeof out->iface.auth,
		                auth_required, err);
	out->plugin.iface = &out->iface;
	return rc;
}

/* The code has to be what the manifest announced: what was shown is what runs. */
static int32_t
check_manifest(const char *file, const struct b3iq_plugin *p, const struct manifest *m,
               struct b3iq_error *err)
{
	static const char again[] = "rebuild it with b3iq_add_plugin()";

	if (p->kind != m->kind)
		return fail(err, B3IQ_E_INVALID, "%s: its manifest says %s, its code says %s; %s", file,
		            manifest_kind_name(m->kind), manifest_kind_name(p->kind), again);
	if (strcmp(p->id, m->id) != 0)
		return fail(err, B3IQ_E_INVALID, "%s: its manifest says %.64s, its code says %.64s; %s",
		            file, m->id, p->id, again);
	if (strcmp(p->version, m->version) != 0)
		return fail(err, B3IQ_E_INVALID, "%s: its manifest says version %.32s, its code says %.32s; "
		            "%s", file, m->version, p->version, again);
	if (p->threads > B3IQ_THREADS_PARALLEL)
		return fail(err, B3IQ_E_UNSUPPORTED, "%s: its thread model %u is unknown to this host: "
		            "install a newer host", file, p->threads);
	return B3IQ_OK;
}

int32_t
load_tables(const struct b3iq_plugin *p, const char *file, const struct manifest *m,
            struct load *out, struct b3iq_error *err)
{
	int32_t rc;

	*out = (struct load){ 0 };
	if (p->size < offsetof(struct b3iq_plugin, kind))
		return fail(err, B3IQ_E_INVALID, "%s: b3iq_plugin.size is %u; set it to sizeof the struct",
		            file, p->size);
	if (p->abi >> 16 != B3IQ_ABI_MAJOR)
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "%s: built for plugin ABI %u.%u, this host speaks %u.%u: %s", file, p->abi >> 16,
		            p->abi & 0xffff, B3IQ_ABI_MAJOR, B3IQ_ABI_MINOR,
		            p->abi >> 16 > B3IQ_ABI_MAJOR ? "install a newer host" : "get a newer plugin");
	if (p->size < PLUGIN_1_0)
		return fail(err, B3IQ_E_INVALID, "%s: b3iq_plugin has %u bytes, ABI 1.0 has %zu; set size "
		            "to sizeof the struct", file, p->size, PLUGIN_1_0);
	rc = copy_table(file, "b3iq_plugin", p, &out->plugin, sizeof out->plugin, plugin_required, err);
	if (rc == B3IQ_OK)
		rc = check_manifest(file, &out->plugin, m, err);
	if (rc == B3IQ_OK)
		rc = copy_iface(file, out, err);
	return rc;
}

/* Is the loaded object the file that was checked? */
static int32_t
check_same(void *handle, const char *path, dev_t dev, ino_t ino, struct b3iq_error *err)
{
	struct link_map *map = NULL;
	struct stat st;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || map == NULL || stat(map->l_name, &st) != 0 ||
	    st.st_dev != dev || st.st_ino != ino)
		return fail(err, B3IQ_E_DENIED, "%s was exchanged between check and load; start it again, "
		            "and find out who did that", path);
	return B3IQ_OK;
}

int32_t
load_open(const char *path, dev_t dev, ino_t ino, const struct manifest *m, struct load *out,
          struct b3iq_error *err)
{
	const struct b3iq_plugin *(*entry)(uint32_t);
	const struct b3iq_plugin *plugin;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	void *symbol;
	int32_t rc;

	*out = (struct load){ 0 };
	if (handle == NULL)
		return fail(err, B3IQ_E_UNAVAILABLE, "%s cannot be loaded: %.180s", path, dlerror());
	rc = check_same(handle, path, dev, ino, err);
	if (rc != B3IQ_OK)
		return rc;
	symbol = dlsym(handle, "b3iq_plugin_entry");
	if (symbol == NULL)
		return fail(err, B3IQ_E_INVALID, "%s exports no b3iq_plugin_entry: build it with "
		            "b3iq_add_plugin()", path);
	memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast between the two */
	plugin = entry(B3IQ_ABI);
	if (plugin == NULL)
		return fail(err, B3IQ_E_UNSUPPORTED, "%s does not serve this host (plugin ABI %u.%u): get "
		            "a build for it", path, B3IQ_ABI_MAJOR, B3IQ_ABI_MINOR);
	return load_tables(plugin, path, m, out, err);
}

/* The replay extension, copied by its size; all zero if there is none. */
static void
copy_replay(const struct load *l, void *self, struct b3iq_replay *out)
{
	const void *from;
	uint32_t size;

	if (l->plugin.extension == NULL)
		return;
	from = l->plugin.extension(self, B3IQ_EXT_REPLAY);
	if (from == NULL)
		return;
	memcpy(&size, from, sizeof size);
	memcpy(out, from, size < sizeof *out ? size : sizeof *out);
}

void
load_backend(const struct load *l, void *self, struct backend *out)
{
	*out = (struct backend){ .self = self, .kind = l->plugin.kind, .threads = l->plugin.threads };
	if (out->kind == B3IQ_INFERENCE) {
		out->inference = l->iface.inference;
		copy_replay(l, self, &out->replay);
	} else if (out->kind == B3IQ_LEDGER) {
		out->ledger = l->iface.ledger;
	} else {
		out->auth = l->iface.auth;
	}
}
