/* elf.h - what a shared object says about itself without being loaded: what it exports, imports,
 * needs, and which of the dangerous things it asks for.  The file is not trusted: every offset is
 * checked against its size.  ELF64 of this machine's byte order. */
#ifndef CHECK_ELF_H
#define CHECK_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

struct elf {
	const unsigned char *map;
	size_t               size;
	const Elf64_Phdr    *phdr; /* the program headers ...                          */
	size_t               n_phdr;
	const Elf64_Dyn     *dyn; /* ... the dynamic entries up to DT_NULL ...           */
	size_t               n_dyn;
	const Elf64_Sym     *sym; /* ... and the dynamic symbols, without the first       */
	size_t               n_sym;
	const char          *str;
	size_t               str_size;
};

/* NULL, or why the file is no sound shared object. */
const char *elf_open(struct elf *, const char *file);
void        elf_close(struct elf *);
/* A string of the dynamic string table; "" if it lies outside. */
const char *elf_string(const struct elf *, size_t offset);
/* The value of the first dynamic entry with this tag; 0 if there is none. */
Elf64_Xword elf_dynamic(const struct elf *, Elf64_Sxword tag);
bool        elf_has(const struct elf *, Elf64_Sxword tag);
bool        elf_exec_stack(const struct elf *);

#endif
