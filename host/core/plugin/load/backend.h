/* backend.h - a started plugin, wherever it runs: what load.c makes of a .so in this process and
 * remote.c of a sandbox.  Functions that the plugin left out are NULL.  Immutable once made.
 */
#ifndef CORE_PLUGIN_LOAD_BACKEND_H
#define CORE_PLUGIN_LOAD_BACKEND_H

#include "plugin.h"

struct backend {
	void    *self;    /* first argument of every function                    */
	uint32_t kind;    /* which of the tables below is filled                 */
	uint32_t threads; /* B3IQ_THREADS_                                       */
	struct b3iq_inference inference;
	struct b3iq_replay    replay;
	struct b3iq_ledger    ledger;
	struct b3iq_auth      auth;
};

#endif
