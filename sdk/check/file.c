/* file.c - the file itself: nothing of it is run. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/plugin/file/note.h"
#include "elf.h"

static void
open_elf(struct elf *e, const struct check *c)
{
	const char *wrong = elf_open(e, c->plugin);

	must(!wrong, "%s", wrong);
}

static struct json_object *
house_schema(const char *name)
{
	struct json_object *schema = NULL;
	size_t              len = 0;
	const char         *text = schema_text(name, &len);

	must(text && json_parse(text, len, name, &schema, NULL) == B3IQ_OK,
	     "plugin-check: schemas/%s is not built in", name);
	return schema;
}

static void
read_note(const struct check *c, struct buf *text)
{
	struct b3iq_error err = NO_ERROR;
	int               fd = open(c->plugin, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, "%s cannot be opened", c->plugin);
	buf_init(text, NOTE_MAX);
	must(note_read(fd, c->plugin, text, &err) == B3IQ_OK, "%s", err.text);
	close(fd);
}

static void
note_present(const struct check *c)
{
	struct buf text;

	read_note(c, &text);
	buf_free(&text);
}

static void
manifest_valid(const struct check *c)
{
	struct json_object *schema = house_schema("plugin-manifest.json"), *m = NULL;
	struct b3iq_error   err = NO_ERROR;
	struct buf          text;

	read_note(c, &text);
	must(json_parse(text.data, text.len, "manifest", &m, &err) == B3IQ_OK, "%s", err.text);
	must(schema_check(schema, m, "manifest", &err) == B3IQ_OK, "%s", err.text);
	json_object_put(m);
	json_object_put(schema);
	buf_free(&text);
}

static void
schema_in_subset(const struct check *c)
{
	struct json_object *meta = house_schema("plugin-config-meta.json"), *config;
	struct b3iq_error   err = NO_ERROR;

	must(c->manifest && json_object_object_get_ex(c->manifest, "config", &config),
	     "the manifest has no config");
	must(schema_check(meta, config, "manifest.config", &err) == B3IQ_OK, "%s", err.text);
	must(schema_valid(config, "manifest.config", &err) == B3IQ_OK, "%s", err.text);
	json_object_put(meta);
}

static void
exports_only_entry(const struct check *c)
{
	struct elf e;
	bool       entry = false;

	open_elf(&e, c);
	for (size_t i = 0; i < e.n_sym; i++) {
		const Elf64_Sym *s = &e.sym[i];
		const char      *name = elf_string(&e, s->st_name);

		if (s->st_shndx == SHN_UNDEF || ELF64_ST_BIND(s->st_info) == STB_LOCAL)
			continue;
		if (strcmp(name, "b3iq_plugin_entry") == 0)
			entry = true;
		else
			check_fail("it exports %s as well: build with b3iq_add_plugin()", name);
	}
	must(entry, "it does not export b3iq_plugin_entry");
	elf_close(&e);
}

static void
no_host_symbols(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	for (size_t i = 0; i < e.n_sym; i++)
		must(e.sym[i].st_shndx != SHN_UNDEF ||
		             strncmp(elf_string(&e, e.sym[i].st_name), "b3iq_", 5) != 0,
		     "it imports %s, and a host exports nothing", elf_string(&e, e.sym[i].st_name));
	elf_close(&e);
}

static void
no_textrel(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	must(!elf_has(&e, DT_TEXTREL) && !(elf_dynamic(&e, DT_FLAGS) & DF_TEXTREL),
	     "its code is patched when it is loaded: compile with -fPIC");
	elf_close(&e);
}

static void
no_execstack(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	must(!elf_exec_stack(&e), "it makes the stack executable: link with -z noexecstack");
	elf_close(&e);
}

static void
nodelete(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	must(elf_dynamic(&e, DT_FLAGS_1) & DF_1_NODELETE, "link with -z nodelete");
	elf_close(&e);
}

static void
binds_now(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	must(elf_has(&e, DT_BIND_NOW) || elf_dynamic(&e, DT_FLAGS) & DF_BIND_NOW ||
	             elf_dynamic(&e, DT_FLAGS_1) & DF_1_NOW,
	     "link with -z now, so that a missing symbol shows when it is loaded");
	elf_close(&e);
}

/* Libraries of the system's C and C++ environment need no word of explanation. */
static bool
of_the_system(const char *lib)
{
	static const char *const known[] = { "libc.so.",      "libm.so.",    "libpthread.so.",
		                             "libdl.so.",     "librt.so.",   "ld-linux",
		                             "libgcc_s.so.",  "libstdc++.so.", "libgomp.so.",
		                             "libatomic.so.", "libasan.so.", "libubsan.so.",
		                             "libtsan.so." };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(lib, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static bool
listed(const struct check *c, const char *lib)
{
	struct json_object *needs, *name;

	if (!c->manifest || !json_object_object_get_ex(c->manifest, "needs", &needs))
		return false;
	for (size_t i = 0; i < json_object_array_length(needs); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(needs, i), "library",
		                              &name) &&
		    strcmp(json_object_get_string(name), lib) == 0)
			return true;
	return false;
}

static void
needed_libs_listed(const struct check *c)
{
	struct elf e;

	open_elf(&e, c);
	for (size_t i = 0; i < e.n_dyn; i++) {
		const char *lib = elf_string(&e, e.dyn[i].d_un.d_val);

		must(e.dyn[i].d_tag != DT_NEEDED || of_the_system(lib) || listed(c, lib),
		     "it links %s: list it in the manifest's needs, with the reason", lib);
	}
	elf_close(&e);
}

static void
scan_under_50ms(const struct check *c)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t start = clock_mono_us(), took;

		note_present(c);
		took = clock_mono_us() - start;
		best = took < best ? took : best;
	}
	must(best < 50000, "reading its manifest takes %.0f ms", (double)best / 1000);
}

const struct check_test file_tests[] = {
	{ "note-present", note_present, 0, 0, 0,
	  "the manifest lies in an ELF note of a PT_NOTE segment" },
	{ "manifest-valid", manifest_valid, 0, 0, 0,
	  "the manifest satisfies schemas/plugin-manifest.json" },
	{ "schema-in-subset", schema_in_subset, 0, 0, 0,
	  "the config's schema stays within schemas/plugin-config-meta.json" },
	{ "exports-only-entry", exports_only_entry, 0, 0, 0,
	  "b3iq_plugin_entry is the only symbol that it exports" },
	{ "no-host-symbols", no_host_symbols, 0, 0, 0,
	  "it imports no symbol of ours" },
	{ "no-textrel", no_textrel, 0, 0, 0,
	  "its code is position independent" },
	{ "no-execstack", no_execstack, 0, 0, 0,
	  "it does not ask for an executable stack" },
	{ "nodelete", nodelete, 0, 0, 0,
	  "it is marked to stay loaded" },
	{ "binds-now", binds_now, 0, CHECK_SHOULD, 0,
	  "its symbols are bound when it is loaded" },
	{ "needed-libs-listed", needed_libs_listed, 0, 0, 0,
	  "each library that it links is in the manifest's needs" },
	{ "scan-under-50ms", scan_under_50ms, 0, CHECK_TIMED, 0,
	  "its manifest is read in less than 50 ms" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
