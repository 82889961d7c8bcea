/* golden.h - what b3iq selftest must compute: X(model root, digest), one line a built-in model.
 *
 * Made by `b3iq selftest --json` on two machines that agree; a line never changes, and a new
 * built-in model adds one. */
#ifndef CLI_COMMANDS_GOLDEN_H
#define CLI_COMMANDS_GOLDEN_H

#define GOLDEN_DIGESTS(X)                                                          \
	X("2a1bf9f8f992ddca62167ec4386348ef142e92252587b3bd652a44108fe50d16",      \
	  "016c49377a20ea2de86386965c77d90e9a8dabf99d8bfe1aa11bc99f9025d9de")

#endif
