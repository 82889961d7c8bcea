/* hostapi.h - what a plugin gets from the host: struct b3iq_host, and the rules behind it.
 *
 * One per instance.  Inline the plugin calls it directly; for a sandboxed plugin the host side of
 * the wire calls it, so that the rules are in one place and always on the host's side.
 *
 *   log     one line, control characters removed, prefixed with the instance, at most
 *           HOSTAPI_LOG_BURST at once and HOSTAPI_LOG_RATE a second after that; the rest is counted
 *   metric  at most HOSTAPI_METRICS names an instance; the values are kept here
 *   secret  a file of the instance's secrets directory
 *   sign    only while a submit() of this instance runs, only with that op's signer, and only if
 *           the operator named the key for this instance; the role's signer sees the message
 *   public_key  of any key that the operator named for this instance
 *   kv      through the role's store
 */
#ifndef CORE_PLUGIN_LOAD_HOSTAPI_H
#define CORE_PLUGIN_LOAD_HOSTAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin.h"

#define HOSTAPI_LOG_BURST 100
#define HOSTAPI_LOG_RATE  20
#define HOSTAPI_METRICS   64
#define HOSTAPI_SIGNERS   32               /* keys an instance may sign with          */
#define HOSTAPI_KEY_MAX   255              /* bytes of a kv key                       */
#define HOSTAPI_VALUE_MAX (1024u * 1024)   /* bytes of a kv value                     */

struct hostapi_services { /* supplied by the role, any may be NULL; called from any thread       */
	void *ctx;
	int32_t (*kv_get)(void *ctx, const char *instance, const char *key, struct b3iq_writer *);
	int32_t (*kv_put)(void *ctx, const char *instance, const char *key, const void *, size_t);
	/* As in plugin.h.  Key and time are allowed, alg is one of the two, len at most
	 * B3IQ_SIGN_MAX; what the message says is for the signer to judge. */
	int32_t (*sign)(void *ctx, const char *instance, const char *key, const char *alg,
	                const void *message, size_t len, struct b3iq_writer *sig);
	int32_t (*public_key)(void *ctx, const char *instance, const char *key, const char *alg,
	                      struct b3iq_writer *);
};

struct hostapi_options { /* copied                                                               */
	const char *instance;
	const char *state_dir;             /* absolute                                      */
	const char *secrets_dir;           /* absolute, or NULL: no secrets                 */
	const char *const *signers;        /* key names allowed to sign(), NULL-terminated; or NULL */
	const struct hostapi_services *services; /* or NULL: kv and keys are unavailable    */
};

struct hostapi;

int32_t hostapi_create(const struct hostapi_options *, struct hostapi **out,
                       struct b3iq_error *err);
void    hostapi_destroy(struct hostapi *);
/* The table that create() gets; valid as long as the hostapi. */
const struct b3iq_host *hostapi_table(struct hostapi *);

/* Around a submit(): its signer may be used meanwhile.  enter() copies the name; B3IQ_E_BUSY when
 * too many run at once.  NULL and "" are fine and allow nothing. [any thread] */
int32_t hostapi_submit_enter(struct hostapi *, const char *signer, struct b3iq_error *err);
void    hostapi_submit_leave(struct hostapi *, const char *signer);

/* Every metric so far, for /metrics.  [any thread] */
typedef void hostapi_metric_fn(void *ctx, const char *instance, int32_t type, const char *name,
                               double value);
void hostapi_metrics(struct hostapi *, hostapi_metric_fn *, void *ctx);

#endif
