/* amount.h - money: micro-AITBC in a u64 below 2^63, never a float.
 *
 *   canonical   "250000"        JSON of transactions and state: decimal, no sign, no leading zero
 *   for people  "0.25 AITBC"    at most six decimals; "0.25aitbc" and "0.25" are read as well
 *
 * Arithmetic that would leave the range says so instead of wrapping.  Any thread.
 */
#ifndef CORE_TX_AMOUNT_H
#define CORE_TX_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

#define AMOUNT_COIN UINT64_C(1000000)   /* 1 AITBC                     */
#define AMOUNT_MAX  (UINT64_MAX >> 1)   /* 2^63 - 1                    */
#define AMOUNT_SIZE 20                  /* 19 digits and NUL           */
#define AMOUNT_SHOW 28                  /* "9223372036854.775807 AITBC" */

/* The canonical form; false for anything else. */
bool   amount_read(const char *text, size_t len, uint64_t *out);
/* Writes digits and NUL, returns the number of digits. */
size_t amount_write(uint64_t, char out[AMOUNT_SIZE]);

/* What a person types: "0.25 AITBC", "0.25aitbc", "0.25", "3".  B3IQ_E_INVALID says why not. */
int32_t amount_parse(const char *text, uint64_t *out, struct b3iq_error *err);
/* "0.25 AITBC" */
void    amount_show(uint64_t, char out[AMOUNT_SHOW]);
/* "0.25aitbc", as the seed's receipts have it. */
void    amount_show_short(uint64_t, char out[AMOUNT_SHOW]);

/* False, and *out untouched, if the result is not in 0..AMOUNT_MAX (or c is 0). */
__attribute__((warn_unused_result)) bool amount_add(uint64_t a, uint64_t b, uint64_t *out);
__attribute__((warn_unused_result)) bool amount_sub(uint64_t a, uint64_t b, uint64_t *out);
/* a * b / c without overflow between, rounded down; or up, when a price must cover its cost. */
__attribute__((warn_unused_result)) bool amount_mul_div(uint64_t a, uint64_t b, uint64_t c,
                                                        uint64_t *out);
__attribute__((warn_unused_result)) bool amount_mul_div_up(uint64_t a, uint64_t b, uint64_t c,
                                                           uint64_t *out);

#endif
