/* why.h - why something was refused: the sentence, and the word that an answer's `error.code` gets.
 *
 * Codes are literals; api/reply.c knows the HTTP status of each.
 */
#ifndef COORDINATOR_JOBS_WHY_H
#define COORDINATOR_JOBS_WHY_H

#include "core/base/fail.h"

struct why {
	struct b3iq_error err;
	const char       *code;   /* NULL: by the result code alone       */
	char              field[64]; /* of a request's body, or ""           */
};

#define NO_WHY ((struct why){ .err = { .size = sizeof(struct b3iq_error) } })

/* fail() with a code; the sentence is a literal or made by the caller. */
#define why_say(why, rc, word, ...) ((why)->code = (word), fail(&(why)->err, (rc), __VA_ARGS__))

#endif
