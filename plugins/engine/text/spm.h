/* spm.h - SentencePiece-style encoding: characters join by score, the rest falls back to bytes.
 *
 * The order is llama.cpp's: the neighbours whose joined spelling has the highest score join first,
 * the leftmost of equals first.
 */
#ifndef B3IQ_ENGINE_SPM_H
#define B3IQ_ENGINE_SPM_H

#include "engine/text/vocab.h"

/* Appends the ids of text; with `prefix` a space is put before it.  Spaces become U+2581. */
int32_t spm_encode(const struct vocab *, const char *text, size_t len, bool prefix,
		   struct tokens *);

#endif
