/* auth.h - who asks: the node's own keys first, then the auth plugins in the order of their names.
 *
 *   B3IQ_DECLINED  not its kind of credential: the next one is asked
 *   B3IQ_E_DENIED  its kind, and wrong: nobody else is asked
 *
 * A plugin's answer is kept for as long as it allows, under the SHA-256 of the credential; the
 * node's own keys are looked up each time.  Rates are counted here.  [any thread]
 */
#ifndef NODE_AUTH_H
#define NODE_AUTH_H

#include <stdatomic.h>

#include "core/http/request.h"
#include "core/http/response.h"
#include "core/plugin/instance/plugins.h"
#include "core/store/store.h"

struct auth;

struct principal {
	char subject[128];      /* a key's id, or who a plugin says it is; "loopback" */
	char scopes[512];
	char models[1024];      /* globs; "": all                                     */
};

struct auth *auth_create(struct store *, struct plugins *);
void         auth_destroy(struct auth *);
/* May programs on this machine go without a key (except for admin)? */
void         auth_open_loopback(struct auth *, bool open);
/* Forgets what plugins said; after a reload. */
void         auth_forget(struct auth *);

/* Is the request allowed where `scope` is asked for?  If not, the response says why: 401, 403 or
 * 429. */
bool auth_check(struct auth *, struct http_request *, const char *scope, struct principal *,
                struct http_response *);

/* A scope that this machine's own programs have without a key: metrics. */
#define AUTH_LOCAL "metrics"

#endif
