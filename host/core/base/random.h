/* random.h - unpredictable bytes from the kernel. */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills n bytes; ends the process if the kernel cannot give them (it always can after boot). */
void random_bytes(void *out, size_t n);
/* prefix + 2*n lowercase hex digits of n (<= 32) random bytes + NUL; false if it does not fit. */
bool random_id(char *out, size_t out_size, const char *prefix, size_t n);

#endif
