/* refusal.h - why a transaction is not taken: a closed list that clients may branch on.
 *
 * X(name, code on the wire, word, HTTP status)
 */
#ifndef CHAIN_REFUSAL_H
#define CHAIN_REFUSAL_H

#define REFUSALS(X)                                                                              \
	X(REFUSED_NOT, 0, "ok", 200)                                                             \
	X(REFUSED_FORM, 1, "malformed", 400)            /* not the one canonical text        */  \
	X(REFUSED_CHAIN, 2, "wrong_chain", 400)         /* made for another chain            */  \
	X(REFUSED_SIGNATURE, 3, "bad_signature", 403)                                            \
	X(REFUSED_FEE, 4, "fee_too_low", 400)                                                    \
	X(REFUSED_NONCE, 5, "nonce_used", 409)          /* used, taken, or too far ahead     */  \
	X(REFUSED_FUNDS, 6, "insufficient_funds", 402)  /* with what already waits counted   */  \
	X(REFUSED_DUPLICATE, 7, "duplicate", 409)       /* waits, or is in a block           */  \
	X(REFUSED_FULL, 8, "mempool_full", 503)         /* try again later                   */  \
	X(REFUSED_AUTHORITY, 9, "not_authorized", 403)  /* another account may do this       */  \
	X(REFUSED_RULE, 10, "refused", 409)             /* can never hold                    */  \
	X(REFUSED_YET, 11, "not_yet", 409)              /* does not hold as the state is now */  \
	X(REFUSED_UNKNOWN, 12, "timeout", 504)          /* no block within the time          */  \
	X(REFUSED_INTERNAL, 13, "internal", 500)

enum refusal {
#define REFUSAL_ENUM(name, code, word, status) name = (code),
	REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
};

const char *refusal_word(enum refusal);
int         refusal_status(enum refusal);

#endif
