#include "node/auth.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"
#include "node/keys.h"

#define CACHE_SIZE      1024   /* answers of plugins                      */
#define CACHE_MAX_S     3600
#define BUCKETS         1024   /* keys whose rate is counted              */
#define CREDENTIAL_MAX  8192
#define UNIT            1000u  /* a token of a bucket, so that they refill smoothly */

struct answer {
	uint8_t          hash[SHA256_SIZE];
	uint64_t         until_ms;  /* monotonic; 0: empty */
	struct principal principal;
};

struct bucket {
	char     id[KEYS_ID_SIZE];
	uint64_t filled_ms, level;  /* level in 1/UNIT requests */
};

struct auth {
	pthread_mutex_t lock;       /* answers and buckets */
	struct store   *store;
	struct plugins *plugins;
	atomic_bool     open_loopback;
	struct answer  *answers;
	struct bucket  *buckets;
};

struct auth *
auth_create(struct store *store, struct plugins *plugins)
{
	struct auth *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->store = store;
	a->plugins = plugins;
	return a;
}

void
auth_destroy(struct auth *a)
{
	if (!a)
		return;
	free(a->answers);
	free(a->buckets);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void
auth_open_loopback(struct auth *a, bool open)
{
	atomic_store(&a->open_loopback, open);
}

void
auth_forget(struct auth *a)
{
	pthread_mutex_lock(&a->lock);
	free(a->answers);
	a->answers = NULL;
	pthread_mutex_unlock(&a->lock);
}

/* ---- rates --------------------------------------------------------------- */

/* Takes one request from the key's bucket; otherwise how long until there is one. Lock held. */
static uint64_t
take(struct bucket *b, const struct key *key, uint64_t now)
{
	const uint64_t full = (uint64_t)(key->burst ? key->burst : 1) * UNIT;
	const uint64_t more = (now - b->filled_ms) * key->rate_per_minute * UNIT / 60000;

	if (more > 0) {
		b->level = b->level + more < full ? b->level + more : full;
		b->filled_ms = now;
	}
	if (b->level < UNIT)
		return (UNIT - b->level) * 60000 / UNIT / key->rate_per_minute + 1;
	b->level -= UNIT;
	return 0;
}

/* The key's bucket, or the place of the one that was not used for the longest time. Lock held. */
static struct bucket *
find_bucket(struct auth *a, const struct key *key, uint64_t now)
{
	struct bucket *oldest = a->buckets;

	for (size_t i = 0; i < BUCKETS; i++) {
		if (strcmp(a->buckets[i].id, key->id) == 0)
			return &a->buckets[i];
		if (a->buckets[i].filled_ms < oldest->filled_ms)
			oldest = &a->buckets[i];
	}
	memcpy(oldest->id, key->id, sizeof oldest->id);
	oldest->filled_ms = now;
	oldest->level = (uint64_t)(key->burst ? key->burst : 1) * UNIT;
	return oldest;
}

/* Milliseconds to wait; 0: go ahead. */
static uint64_t
count_request(struct auth *a, const struct key *key)
{
	const uint64_t now = clock_mono_ms();
	uint64_t wait = 0;

	if (!key->rate_per_minute)
		return 0;
	pthread_mutex_lock(&a->lock);
	if (!a->buckets)
		a->buckets = calloc(BUCKETS, sizeof *a->buckets);
	if (a->buckets)
		wait = take(find_bucket(a, key, now), key, now);
	pthread_mutex_unlock(&a->lock);
	return wait;
}

/* ---- the answers of plugins ---------------------------------------------- */

static bool
remembered(struct auth *a, const uint8_t hash[SHA256_SIZE], struct principal *out)
{
	const struct answer *answer;
	bool found = false;

	pthread_mutex_lock(&a->lock);
	if (a->answers) {
		answer = &a->answers[(hash[0] | hash[1] << 8) % CACHE_SIZE];
		found = answer->until_ms > clock_mono_ms() &&
		        secret_equal(answer->hash, hash, SHA256_SIZE);
		if (found)
			*out = answer->principal;
	}
	pthread_mutex_unlock(&a->lock);
	return found;
}

static void
remember(struct auth *a, const uint8_t hash[SHA256_SIZE], const struct principal *p, uint32_t s)
{
	struct answer *answer;

	pthread_mutex_lock(&a->lock);
	if (!a->answers)
		a->answers = calloc(CACHE_SIZE, sizeof *a->answers);
	if (a->answers) {
		answer = &a->answers[(hash[0] | hash[1] << 8) % CACHE_SIZE];
		memcpy(answer->hash, hash, SHA256_SIZE);
		answer->principal = *p;
		answer->until_ms =
			clock_mono_ms() + (uint64_t)(s < CACHE_MAX_S ? s : CACHE_MAX_S) * 1000;
	}
	pthread_mutex_unlock(&a->lock);
}

/* How long the answer may be kept: not beyond its own end. */
static uint32_t
keep_for(const struct b3iq_principal *p, uint64_t now)
{
	if (!p->expires_ms)
		return p->cache_s;
	if (p->expires_ms <= now)
		return 0;
	return (p->expires_ms - now) / 1000 < p->cache_s ? (uint32_t)((p->expires_ms - now) / 1000)
	                                                : p->cache_s;
}

/* Fills out from what a plugin said; texts are cut where they lack their NUL. */
static void
take_over(const struct b3iq_principal *said, struct principal *out)
{
	memset(out, 0, sizeof *out);
	snprintf(out->subject, sizeof out->subject, "%.*s", (int)sizeof said->subject,
	         said->subject);
	snprintf(out->scopes, sizeof out->scopes, "%.*s", (int)sizeof said->scopes, said->scopes);
}

/* One plugin. [worker] */
static int32_t
ask_plugin(struct instance *i, const struct b3iq_auth_request *rq, struct b3iq_principal *said,
           struct b3iq_error *err)
{
	const struct b3iq_auth *provider = instance_auth(i);

	if (!provider)
		return B3IQ_DECLINED;
	*said = (struct b3iq_principal){ .size = sizeof *said };
	return provider->authenticate(i, rq, said, err);
}

/* A provider that does not work grants nothing, and what it might have said stays open: so the
 * chain ends there as unavailable unless a later one knows the credential. */
static int32_t
ask_plugins(struct auth *a, const struct b3iq_auth_request *rq, struct principal *out,
            uint32_t *keep_s, struct b3iq_error *err)
{
	int32_t rc = B3IQ_DECLINED, failed = B3IQ_DECLINED;
	struct b3iq_error reason = NO_ERROR;

	for (struct instance *i = NULL; (i = plugins_next(a->plugins, B3IQ_AUTH, i)) != NULL;) {
		struct b3iq_principal said;

		rc = ask_plugin(i, rq, &said, err);
		if (rc == B3IQ_OK && said.expires_ms && said.expires_ms <= rq->now_ms)
			rc = fail(err, B3IQ_E_DENIED, "this credential has expired");
		if (rc == B3IQ_OK) {
			take_over(&said, out);
			*keep_s = keep_for(&said, rq->now_ms);
		}
		if (rc == B3IQ_OK || rc == B3IQ_E_DENIED) {
			instance_release(i);
			return rc;
		}
		if (rc != B3IQ_DECLINED) {
			log_event(B3IQ_LOG_WARN, "auth.provider_failed", "instance=%s code=%s",
			          instance_name(i), result_name(rc));
			failed = rc;
			reason = *err;
		}
	}
	if (failed != B3IQ_DECLINED)
		*err = reason;
	return failed;
}

static int32_t
hash_credential(const char *scheme, const char *credential, uint8_t out[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_begin(&hash);
	sha256_add(&hash, scheme, strlen(scheme) + 1);
	sha256_add(&hash, credential, strlen(credential));
	return sha256_end(&hash, out);
}

static int32_t
plugin_principal(struct auth *a, const struct http_request *rq, const char *scheme,
                 const char *credential, struct principal *out, struct b3iq_error *err)
{
	const struct b3iq_auth_request question = {
		.size = sizeof question, .scheme = scheme, .credential = credential,
		.method = rq->method, .path = rq->path, .peer = rq->peer,
		.now_ms = clock_wall_ms(),
	};
	uint8_t hash[SHA256_SIZE];
	uint32_t keep_s = 0;
	int32_t rc = hash_credential(scheme, credential, hash);

	if (rc != B3IQ_OK)
		return fail_memory(err, "checking a credential");
	if (remembered(a, hash, out))
		return B3IQ_OK;
	rc = ask_plugins(a, &question, out, &keep_s, err);
	if (rc == B3IQ_OK && keep_s)
		remember(a, hash, out, keep_s);
	return rc;
}

/* ---- the chain ----------------------------------------------------------- */

static bool
from_this_machine(const struct http_request *rq)
{
	return strncmp(rq->peer, "127.", 4) == 0 || strcmp(rq->peer, "::1") == 0;
}

/* What this machine's own programs may always have, with any key or none. */
static bool
is_local(const struct http_request *rq, const char *scope)
{
	return strcmp(scope, AUTH_LOCAL) == 0 && from_this_machine(rq);
}

/* "Bearer abc" in two; false if it is not of that form. */
static bool
split(const char *header, char scheme[32], const char **credential)
{
	const size_t n = strcspn(header, " ");

	if (n == 0 || n >= 32 || header[n] != ' ')
		return false;
	memcpy(scheme, header, n);
	scheme[n] = '\0';
	*credential = header + n + strspn(header + n, " ");
	return **credential && strlen(*credential) <= CREDENTIAL_MAX;
}

static int32_t
local_principal(struct auth *a, const char *credential, struct key *key, struct principal *out,
                struct b3iq_error *err)
{
	const int32_t rc = keys_check(a->store, credential, clock_wall_ms(), key, err);

	if (rc != B3IQ_OK)
		return rc;
	memset(out, 0, sizeof *out);
	memcpy(out->subject, key->id, sizeof key->id);
	memcpy(out->scopes, key->scopes, sizeof out->scopes);
	memcpy(out->models, key->models, sizeof out->models);
	return rc;
}

static bool
refuse_unknown(struct http_response *rs, const char *why)
{
	response_error(rs, 401, "invalid_api_key", NULL, "%s", why);
	response_set(rs, "WWW-Authenticate", "Bearer realm=\"b3iq\"");
	return false;
}

/* Nobody vouches for the credential; whose fault it is decides the status. */
static bool
refuse(struct http_response *rs, int32_t rc, const struct b3iq_error *err)
{
	if (rc == B3IQ_DECLINED)
		return refuse_unknown(rs, "this credential is not known here; make an API key with "
		                          "`b3iq key create`");
	if (rc == B3IQ_E_DENIED)
		return refuse_unknown(rs,
		                      err->text[0] ? err->text : "this credential is not valid");
	response_error(rs, 503, "auth_unavailable", NULL,
	               "the credential cannot be checked now: an auth provider does not answer");
	response_set(rs, "Retry-After", "2");
	return false;
}

/* Without a credential: what this machine's own programs may. */
static bool
anonymous(struct auth *a, const struct http_request *rq, const char *scope, struct principal *out,
          struct http_response *rs)
{
	const bool open = is_local(rq, scope) ||
	                  (from_this_machine(rq) && atomic_load(&a->open_loopback) &&
	                   strcmp(scope, "admin") != 0);

	if (!open)
		return refuse_unknown(
			rs, "no API key was sent; make one with `b3iq key create` and send "
			    "it as Authorization: Bearer");
	memset(out, 0, sizeof *out);
	memcpy(out->subject, "loopback", sizeof "loopback");
	memcpy(out->scopes, KEYS_SCOPES " " AUTH_LOCAL, sizeof KEYS_SCOPES " " AUTH_LOCAL);
	return true;
}

static bool
within_rate(struct auth *a, const struct key *key, struct http_response *rs)
{
	const uint64_t wait = key->id[0] ? count_request(a, key) : 0;

	if (!wait)
		return true;
	response_error(rs, 429, "rate_limit_exceeded", NULL,
	               "this key may make %u requests a minute; try again in %llu s",
	               key->rate_per_minute, (unsigned long long)(wait + 999) / 1000);
	response_set(rs, "Retry-After", "%llu", (unsigned long long)(wait + 999) / 1000);
	return false;
}

bool
auth_check(struct auth *a, struct http_request *rq, const char *scope, struct principal *out,
           struct http_response *rs)
{
	const char *header = request_header(rq, "Authorization"), *credential;
	struct b3iq_error err = NO_ERROR;
	struct key key = { 0 };
	char scheme[32];
	int32_t rc = B3IQ_DECLINED;

	if (!header || is_local(rq, scope))
		return anonymous(a, rq, scope, out, rs);
	if (!split(header, scheme, &credential))
		return refuse_unknown(rs, "the Authorization header must be: Bearer KEY");
	if (strcasecmp(scheme, "Bearer") == 0)
		rc = local_principal(a, credential, &key, out, &err);
	if (rc == B3IQ_DECLINED)
		rc = plugin_principal(a, rq, scheme, credential, out, &err);
	if (rc != B3IQ_OK)
		return refuse(rs, rc, &err);
	if (!within_rate(a, &key, rs))
		return false;
	if (keyring_scope_allows(out->scopes, scope))
		return true;
	response_error(
		rs, 403, "insufficient_scope", NULL,
		"this key lacks the scope \"%s\"; `b3iq key create --scopes` makes one that has it",
		scope);
	return false;
}
