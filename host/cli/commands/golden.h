/* golden.h - what b3iq selftest must compute: X(model root, digest), one line a built-in model.
 *
 * Made by `b3iq selftest --json` on two machines that agree; a line never changes, and a new
 * built-in model adds one. */
#ifndef CLI_COMMANDS_GOLDEN_H
#define CLI_COMMANDS_GOLDEN_H

#define GOLDEN_DIGESTS(X)                                                          \
	X("ee54a6e103841b7254fb885e8f4d366c6ab233dc156bfbfacfaf7f0a42ebaec0",      \
	  "6964088214069c92faaac73c94a20ec5578fae420d794589517f0c720bc3f848")

#endif
