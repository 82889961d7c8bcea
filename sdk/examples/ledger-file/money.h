/* money.h - who has what, and what is held in escrow: read off the lines of the ledger, every time.
 *
 * An account has the name of its owner's key, or any other name that money was sent to.  With opening
 * balances nobody can spend what he has not; without them only the rules of escrows count.
 */
#ifndef LEDGER_FILE_MONEY_H
#define LEDGER_FILE_MONEY_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin.h"

/* NULL: this transaction may follow these lines.  Otherwise why not. */
const char *money_refuses(const char *lines, struct json_object *opening,
                          const struct b3iq_ledger_op *op);
/* The balance of an account after these lines; false: more than a number holds. */
bool        money_balance(const char *lines, struct json_object *opening, const char *account,
                          int64_t *out);
/* "open", "released", "refunded", or NULL: there is no such escrow. */
const char *money_escrow(const char *lines, const char *digest, int64_t *amount);
bool        money_is_escrow(uint32_t op);
const char *money_name(uint32_t op); /* of a line; NULL: not one of ours */

#endif
