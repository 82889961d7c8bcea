/* torture.h - fails every allocation of a scenario in turn.
 *
 *   static int32_t
 *   scenario(void *arg)   sets up, works, tears down; returns its result code
 *
 *   torture("receipt", scenario, &arg, 0);
 *
 * The scenario runs without faults first (it must return B3IQ_OK), then once for each allocation n
 * that it makes, with the n-th failing, and once more with the n-th and all later ones failing.
 * Asserted each time: no crash, no leak, and B3IQ_OK (the fault was survived) or B3IQ_E_NO_MEMORY.
 * Allocations of every library and thread of the process count: malloc and its kin are replaced in
 * the test program, which SQLite, json-c and OpenSSL then use as well.
 *
 * TORTURE_AT=n in the environment runs fault n only, and shows where it strikes.  With sanitizers, which bring
 * their own malloc, the scenario runs once without faults.
 */
#ifndef TESTS_UNIT_TORTURE_H
#define TESTS_UNIT_TORTURE_H

#include <stdbool.h>
#include <stdint.h>

typedef int32_t torture_fn(void *arg);

/* `also` is one more result that may stand for a failed allocation, or 0. */
void torture(const char *name, torture_fn *, void *arg, int32_t also);
/* For a scenario that tries again by itself: memory is out, and will not come back in this run. */
bool torture_lasts(void);

#endif
