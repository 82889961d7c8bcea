/* tables.h - the tables that users of an instance call: each function waits for its turn, calls the
 * plugin of the moment, and holds both sides to the contract.  `self` is the instance.
 */
#ifndef CORE_PLUGIN_INSTANCE_TABLES_H
#define CORE_PLUGIN_INSTANCE_TABLES_H

#include "core/plugin/load/hostapi.h"
#include "plugin.h"

extern const struct b3iq_inference tables_inference;
extern const struct b3iq_replay    tables_replay;
extern const struct b3iq_ledger    tables_ledger;
extern const struct b3iq_auth      tables_auth;

/* What the tables need of an instance beyond instance.h. */
struct instance;
struct roster;
struct roster  *instance_roster(struct instance *);
struct hostapi *instance_api(struct instance *);

#endif
