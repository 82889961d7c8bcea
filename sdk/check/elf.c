#include "elf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const void *
span(const struct elf *e, Elf64_Off at, size_t count, size_t each)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each, &bytes) || at > e->size || bytes > e->size - at ||
	    at % 8)
		return NULL;
	return e->map + at;
}

/* The file offset of an address, with `left` bytes of its segment from there on. */
static bool
locate(const struct elf *e, Elf64_Addr addr, Elf64_Off *at, size_t *left)
{
	for (size_t i = 0; i < e->n_phdr; i++) {
		const Elf64_Phdr *p = &e->phdr[i];

		if (p->p_type != PT_LOAD || addr < p->p_vaddr || addr - p->p_vaddr >= p->p_filesz)
			continue;
		*at = p->p_offset + (addr - p->p_vaddr);
		*left = p->p_filesz - (addr - p->p_vaddr);
		return *at <= e->size && *left <= e->size - *at;
	}
	return false;
}

/* How many dynamic symbols there are is only said by the hash table, in one of two ways. */
static size_t
count_symbols(const struct elf *e)
{
	Elf64_Off   at;
	size_t      left, last = 0;
	const void *p;
	uint32_t    h[4], word;

	if (elf_has(e, DT_HASH) && locate(e, elf_dynamic(e, DT_HASH), &at, &left) && left >= 8) {
		memcpy(h, e->map + at, 8);
		return h[1];
	}
	if (!locate(e, elf_dynamic(e, DT_GNU_HASH), &at, &left) || left < 16)
		return 0;
	p = e->map + at;
	memcpy(h, p, 16); /* buckets, first symbol, words of the filter, shift           */
	if ((left - 16) / 8 < h[2] || (left - 16 - 8 * (size_t)h[2]) / 4 < h[0])
		return 0;
	at += 16 + 8 * (size_t)h[2];
	left -= 16 + 8 * (size_t)h[2];
	for (size_t i = 0; i < h[0]; i++) {
		memcpy(&word, e->map + at + 4 * i, 4);
		last = word > last ? word : last;
	}
	if (last < h[1])
		return h[1];
	at += 4 * (size_t)h[0];
	left -= 4 * (size_t)h[0];
	for (size_t i = last - h[1]; i < left / 4; i++) { /* the chain ends with an odd word */
		memcpy(&word, e->map + at + 4 * i, 4);
		if (word & 1)
			return h[1] + i + 1;
	}
	return 0;
}

static const char *
read_dynamic(struct elf *e)
{
	Elf64_Off at;
	size_t    left, n;

	for (size_t i = 0; i < e->n_phdr && !e->dyn; i++)
		if (e->phdr[i].p_type == PT_DYNAMIC) {
			n = e->phdr[i].p_filesz / sizeof *e->dyn;
			e->dyn = span(e, e->phdr[i].p_offset, n, sizeof *e->dyn);
			e->n_dyn = n;
		}
	if (!e->dyn)
		return "it has no dynamic section";
	for (size_t i = 0; i < e->n_dyn; i++)
		if (e->dyn[i].d_tag == DT_NULL)
			e->n_dyn = i;
	if (!locate(e, elf_dynamic(e, DT_STRTAB), &at, &left) || elf_dynamic(e, DT_STRSZ) > left)
		return "its string table lies outside of the file";
	e->str = (const char *)e->map + at;
	e->str_size = elf_dynamic(e, DT_STRSZ);
	n = count_symbols(e);
	if (!n || !locate(e, elf_dynamic(e, DT_SYMTAB), &at, &left) || left / sizeof *e->sym < n)
		return "its symbol table lies outside of the file";
	e->sym = (const Elf64_Sym *)(e->map + at) + 1;
	e->n_sym = n - 1;
	return NULL;
}

const char *
elf_open(struct elf *e, const char *file)
{
	const Elf64_Ehdr *h;
	struct stat       st;
	int               fd = open(file, O_RDONLY | O_CLOEXEC);

	memset(e, 0, sizeof *e);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return "it cannot be read as a file";
	}
	e->size = (size_t)st.st_size;
	e->map = e->size ? mmap(NULL, e->size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (e->map == MAP_FAILED) {
		e->map = NULL;
		return "it is empty or cannot be mapped";
	}
	h = span(e, 0, 1, sizeof *h);
	if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_type != ET_DYN || h->e_phentsize != sizeof *e->phdr)
		return "it is no 64-bit ELF shared object";
	e->phdr = span(e, h->e_phoff, h->e_phnum, sizeof *e->phdr);
	e->n_phdr = h->e_phnum;
	if (!e->phdr)
		return "its program headers lie outside of the file";
	return read_dynamic(e);
}

void
elf_close(struct elf *e)
{
	if (e->map)
		munmap((void *)(uintptr_t)e->map, e->size);
	memset(e, 0, sizeof *e);
}

const char *
elf_string(const struct elf *e, size_t offset)
{
	if (offset >= e->str_size || !memchr(e->str + offset, 0, e->str_size - offset))
		return "";
	return e->str + offset;
}

bool
elf_has(const struct elf *e, Elf64_Sxword tag)
{
	for (size_t i = 0; i < e->n_dyn; i++)
		if (e->dyn[i].d_tag == tag)
			return true;
	return false;
}

Elf64_Xword
elf_dynamic(const struct elf *e, Elf64_Sxword tag)
{
	for (size_t i = 0; i < e->n_dyn; i++)
		if (e->dyn[i].d_tag == tag)
			return e->dyn[i].d_un.d_val;
	return 0;
}

bool
elf_exec_stack(const struct elf *e)
{
	for (size_t i = 0; i < e->n_phdr; i++)
		if (e->phdr[i].p_type == PT_GNU_STACK)
			return e->phdr[i].p_flags & PF_X;
	return true; /* without the header the kernel gives an executable one */
}
