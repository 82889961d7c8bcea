/* devnet.h - a whole network in one process, on loopback: chain, wallet daemon, coordinator, node.
 *
 * The roles are the same as in processes of their own: they talk over HTTP and do not know that they
 * are together.  What a newcomer would do by hand is done between their starts: wallets and their
 * money, a token and API keys, the coordinator's ledger.  It all lies in the home, so that every other
 * command works on it; a second start finds it there.
 */
#ifndef CLI_DEVNET_DEVNET_H
#define CLI_DEVNET_DEVNET_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin.h"

struct devnet_options {
	const char *home;      /* NULL: $B3IQ_HOME or ~/.b3iq                            */
	bool        any_ports; /* any free ports, instead of 8006, 26657, 8015, 8000, 8008 */
	bool        json;      /* the ready line as JSON                                 */
	bool        quiet;     /* no ready line                                          */
};

/* Runs until it is told to stop. */
int32_t devnet_main(const struct devnet_options *, struct b3iq_error *err);

#endif
