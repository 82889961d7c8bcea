/* kv.h - what plugin instances keep durably: host->kv_get() and kv_put(), in state.db. */
#ifndef CORE_ROLE_KV_H
#define CORE_ROLE_KV_H

#include "core/store/store.h"

extern const struct store_module kv_module; /* "kv" */

/* B3IQ_E_NOT_FOUND when absent. */
int32_t kv_get(struct store *, const char *instance, const char *key, struct b3iq_writer *out);
/* On the disk when it returns; len 0 removes. */
int32_t kv_put(struct store *, const char *instance, const char *key, const void *, size_t len);

#endif
