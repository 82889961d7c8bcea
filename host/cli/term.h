/* term.h - the terminal: text of strangers made harmless, colours, columns, questions. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/buf.h"

/* Appends text so that a terminal only shows it: controls (C0 except newline and tab, DEL, C1),
 * marks that reorder text, and bytes that are no UTF-8 become visible: \x1b, \u202e. */
int32_t term_escape(const char *text, size_t len, struct buf *out);
/* Writes it to `out`: escaped if that is a terminal, as it is otherwise. */
void    term_text(FILE *out, const char *text, size_t len);
/* The same on one line and for any destination: for names in tables and errors. */
void    term_word(FILE *out, const char *text);

enum term_colour { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW };
/* The sequence, or "" where colours have no place: no terminal, NO_COLOR, TERM=dumb. */
const char *term_colour(FILE *out, enum term_colour);

/* A table: columns as wide as their widest cell, the last one as it is. */
struct term_table {
	size_t     n_columns, n_cells, cap;
	char     **cells;
	int32_t    rc;
};
/* head: the heading of each column, up to NULL. */
void term_table_init(struct term_table *, const char *const *head);
/* One cell, copied and made harmless; rows follow from the number of columns. */
void term_cell(struct term_table *, const char *text);
__attribute__((format(printf, 2, 3))) void term_cellf(struct term_table *, const char *fmt, ...);
/* Prints and frees; out NULL: only frees. */
void term_table_finish(struct term_table *, FILE *out);

/* Asks on the terminal; true for y or yes.  B3IQ_E_UNAVAILABLE: there is no terminal to ask on. */
int32_t term_confirm(const char *question, bool *yes, struct b3iq_error *err);
/* Reads a secret without echo, or a line of stdin if that is no terminal. */
int32_t term_secret(const char *prompt, struct buf *out, struct b3iq_error *err);

#endif
