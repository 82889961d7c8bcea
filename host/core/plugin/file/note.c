#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/plugin/file/note.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#error "name this machine's ELF number here"
#endif

#define SEGMENTS_MAX 256  /* real files have a dozen */
#define NOTES_MAX    1024 /* in the whole file       */

struct elf {
	int         fd;
	const char *file;
	uint64_t    size;
	struct b3iq_error *err;
	size_t      seen;          /* notes walked over so far           */
	uint64_t    at, len;       /* the manifest's text; len 0: none   */
};

static int32_t
read_at(const struct elf *e, uint64_t at, void *out, size_t n)
{
	if (at > e->size || n > e->size - at)
		return fail(e->err, B3IQ_E_INVALID,
		            "%s is cut off or damaged: it points past its own end; copy it again", e->file);
	while (n > 0) {
		const ssize_t got = pread(e->fd, out, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(e->err, B3IQ_E_INVALID, "%s cannot be read: %s", e->file,
			            got < 0 ? strerror(errno) : "it shrank meanwhile");
		out = (char *)out + got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return B3IQ_OK;
}

static int32_t
check_header(const struct elf *e, const Elf64_Ehdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return fail(e->err, B3IQ_E_INVALID, "%s is no ELF file, so it is no plugin", e->file);
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != MACHINE)
		return fail(e->err, B3IQ_E_UNSUPPORTED,
		            "%s is built for another machine (ELF machine %u, this is %u): get the build "
		            "for this one", e->file, (unsigned)h->e_machine, (unsigned)MACHINE);
	if (h->e_type != ET_DYN)
		return fail(e->err, B3IQ_E_INVALID, "%s is no shared object: build it with -shared",
		            e->file);
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 || h->e_phnum > SEGMENTS_MAX)
		return fail(e->err, B3IQ_E_INVALID, "%s has an unusual table of segments; it cannot be "
		            "read safely", e->file);
	return B3IQ_OK;
}

static uint64_t
aligned(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* One note at *at of a segment that ends at end; *at moves to the next. */
static int32_t
walk_note(struct elf *e, uint64_t *at, uint64_t end, uint64_t align)
{
	Elf64_Nhdr n;
	char name[sizeof B3IQ_NOTE_NAME];
	uint64_t desc;
	int32_t rc = read_at(e, *at, &n, sizeof n);

	if (rc != B3IQ_OK)
		return rc;
	if (++e->seen > NOTES_MAX)
		return fail(e->err, B3IQ_E_INVALID, "%s holds more than %d notes", e->file, NOTES_MAX);
	/* 32-bit sizes added to a 64-bit offset inside the file: no overflow.  The description is
	 * aligned as seen from the note's head, which with 8 is not the name rounded up. */
	desc = *at + aligned(sizeof n + (uint64_t)n.n_namesz, align);
	if (desc > end || n.n_descsz > end - desc)
		return fail(e->err, B3IQ_E_INVALID, "%s holds a note that is longer than its segment",
		            e->file);
	if (n.n_type == B3IQ_NOTE_TYPE && n.n_namesz == sizeof name) {
		rc = read_at(e, *at + sizeof n, name, sizeof name);
		if (rc != B3IQ_OK)
			return rc;
		if (memcmp(name, B3IQ_NOTE_NAME, sizeof name) == 0) {
			if (e->len != 0)
				return fail(e->err, B3IQ_E_INVALID, "%s holds two manifests; it has to be "
				            "built with one", e->file);
			if (n.n_descsz < 2 || n.n_descsz > NOTE_MAX)
				return fail(e->err, B3IQ_E_INVALID, "the manifest of %s has %u bytes; it may "
				            "have 2 to %u", e->file, (unsigned)n.n_descsz, NOTE_MAX);
			e->at = desc;
			e->len = n.n_descsz;
		}
	}
	*at = desc + aligned(n.n_descsz, align);
	return B3IQ_OK;
}

static int32_t
walk_segment(struct elf *e, const Elf64_Phdr *p)
{
	const uint64_t align = p->p_align == 8 ? 8 : 4;
	uint64_t at = p->p_offset;
	uint64_t end;

	if (at > e->size || p->p_filesz > e->size - at)
		return fail(e->err, B3IQ_E_INVALID,
		            "%s is cut off or damaged: a segment lies past its end; copy it again", e->file);
	end = at + p->p_filesz;
	while (at < end && end - at >= sizeof(Elf64_Nhdr)) {
		const int32_t rc = walk_note(e, &at, end, align);

		if (rc != B3IQ_OK)
			return rc;
	}
	return B3IQ_OK;
}

static int32_t
find_manifest(struct elf *e)
{
	Elf64_Ehdr h;
	int32_t rc = read_at(e, 0, &h, sizeof h);

	if (rc == B3IQ_OK)
		rc = check_header(e, &h);
	for (size_t i = 0; rc == B3IQ_OK && i < h.e_phnum; i++) {
		Elf64_Phdr p;

		if (h.e_phoff > e->size)
			return fail(e->err, B3IQ_E_INVALID, "%s is cut off or damaged: its table of "
			            "segments lies past its end", e->file);
		rc = read_at(e, h.e_phoff + i * sizeof p, &p, sizeof p);
		if (rc == B3IQ_OK && p.p_type == PT_NOTE)
			rc = walk_segment(e, &p);
	}
	if (rc == B3IQ_OK && e->len == 0)
		return fail(e->err, B3IQ_E_NOT_FOUND, "%s carries no plugin manifest: it is some other "
		            "library, or was built without b3iq_add_plugin()", e->file);
	return rc;
}

int32_t
note_read(int fd, const char *file, struct buf *json, struct b3iq_error *err)
{
	struct elf e = { .fd = fd, .file = file, .err = err };
	struct stat st;
	char *text;
	int32_t rc;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return fail(err, B3IQ_E_INVALID, "%s is no regular file", file);
	e.size = (uint64_t)st.st_size;
	rc = find_manifest(&e);
	if (rc != B3IQ_OK)
		return rc;
	text = buf_reserve(json, (size_t)e.len);
	if (text == NULL)
		return fail_memory(err, "reading a plugin's manifest");
	rc = read_at(&e, e.at, text, (size_t)e.len);
	if (rc != B3IQ_OK)
		return rc;
	if (memchr(text, '\0', (size_t)e.len) != text + e.len - 1)
		return fail(err, B3IQ_E_INVALID, "the manifest of %s does not end where it should", file);
	buf_grew(json, (size_t)e.len - 1);
	return B3IQ_OK;
}

bool
note_is_library(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct elf e = { .fd = fd, .file = path };
	struct stat st;
	Elf64_Ehdr h;
	bool yes = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		e.size = (uint64_t)st.st_size;
		yes = read_at(&e, 0, &h, sizeof h) == B3IQ_OK && check_header(&e, &h) == B3IQ_OK;
	}
	close(fd);
	return yes;
}
