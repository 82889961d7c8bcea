/* form.h - a struct as a closed JSON object in canonical form (RFC 8785), told by one table.
 *
 * The table lists the fields in the order of their keys.  form_read() accepts exactly the bytes that
 * form_write() makes: no white space, no other order, no unknown or missing key, no other spelling
 * of a value.  Nothing is allocated while reading, and time is linear in the length.
 */
#ifndef CORE_TX_FORM_H
#define CORE_TX_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum form_type {
	FORM_WORD,      /* the constant `word`, nothing is stored                          */
	FORM_CHAIN,     /* chain id: [a-z0-9] and, not first, "-"; char[FORM_CHAIN_SIZE]   */
	FORM_ADDRESS,   /* struct address                                                  */
	FORM_AMOUNT,    /* decimal string, uint64_t, 0 to AMOUNT_MAX                       */
	FORM_POSITIVE,  /* the same, from 1                                                */
	FORM_COUNT,     /* integer, uint64_t, 0 to 2^53 - 1                                */
	FORM_HASH,      /* 64 hex digits, uint8_t[32]                                      */
	FORM_KEY,       /* "ed25519:" and 64 hex digits, uint8_t[32]                       */
	FORM_SIGNATURE, /* 128 hex digits, uint8_t[64]                                     */
	FORM_TEXT,      /* printable UTF-8 (no byte below 0x20, no 0x7f), 1 to size - 1 bytes */
	FORM_MAYBE_TEXT /* the same; the key is absent when the text is empty              */
};

#define FORM_CHAIN_SIZE 33
#define FORM_COUNT_MAX  UINT64_C(9007199254740991) /* 2^53 - 1: exact in every JSON reader */

struct form_field {
	const char    *key;
	enum form_type type;
	size_t         at, size; /* of the member in the struct */
	const char    *word;
};

struct form {
	const char              *what;   /* "the transaction", for errors */
	const struct form_field *fields;
	size_t                   n;
};

/* Appends the object; B3IQ_E_INVALID names a member that the table forbids. */
int32_t form_write(const struct form *, const void *object, struct buf *out,
                   struct b3iq_error *err);
/* Reads the object that text begins with; *used is its length.  Members that the table does not
 * name are left alone; an absent text becomes "". */
int32_t form_read(const struct form *, const char *text, size_t len, void *object, size_t *used,
                  struct b3iq_error *err);
/* Chain ids by themselves. */
bool    form_chain(const char *text, size_t len);

#endif
