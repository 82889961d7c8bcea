/* golden.h - what b3iq selftest must compute: X(model root, digest), one line a built-in model.
 *
 * Made by `b3iq selftest --json` on two machines that agree; a line never changes, and a new built-in
 * model adds one. */
#ifndef CLI_COMMANDS_GOLDEN_H
#define CLI_COMMANDS_GOLDEN_H

#define GOLDEN_DIGESTS(X)

#endif
