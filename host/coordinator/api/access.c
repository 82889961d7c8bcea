#include "coordinator/api/access.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/crypto/sha256.h"

#define CACHE    1024   /* keys that are remembered for a second */
#define FRESH_MS 1000
#define SETS     512    /* rates of different keys: sets ...     */
#define WAYS     8      /* ... of buckets                        */
#define ENV_MAX  64     /* keys of the environment               */

struct entry {
	uint8_t          hash[SHA256_SIZE];
	struct principal who;
	uint64_t         until_ms; /* monotonic; 0: empty */
};

struct bucket {
	char     key[sizeof((struct principal *)0)->key];
	uint64_t at_us;
	double   tokens, most, rate; /* as of at_us; rate: a minute */
};

struct access {
	struct store   *store;
	uint32_t        rate;
	char            wallet[128];
	struct entry    env[ENV_MAX];
	size_t          n_env;
	pthread_mutex_t lock; /* guards what follows */
	struct entry    cache[CACHE];
	struct bucket   bucket[SETS][WAYS];
};

struct keyring
access_ring(struct store *store)
{
	return (struct keyring){ .store = store, .prefix = ACCESS_PREFIX, .scopes = "client",
	                         .all_scopes = ACCESS_ROLES };
}

/* ---- the environment ------------------------------------------------------------- */

static void
add_env(struct access *a, const char *role, const char *key, size_t len)
{
	struct entry *e = &a->env[a->n_env];
	char id[9];

	while (len && (*key == ' ' || *key == '\t')) {
		key++;
		len--;
	}
	while (len && (key[len - 1] == ' ' || key[len - 1] == '\t'))
		len--;
	if (!len || a->n_env == ENV_MAX || sha256(key, len, e->hash) != B3IQ_OK)
		return;
	hex_encode(e->hash, 4, id);
	snprintf(e->who.key, sizeof e->who.key, "%s_%s", role, id);
	snprintf(e->who.scopes, sizeof e->who.scopes, "%s", role);
	e->who.admin = strcmp(role, "admin") == 0;
	a->n_env++;
}

/* A JSON list, or names between commas. */
static void
read_env(struct access *a, const char *variable, const char *role)
{
	const char *text = getenv(variable);
	struct json_object *list = NULL;

	if (!text)
		return;
	if (json_parse(text, strlen(text), variable, &list, NULL) == B3IQ_OK &&
	    json_object_is_type(list, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *v = json_object_array_get_idx(list, i);

			if (json_object_is_type(v, json_type_string))
				add_env(a, role, json_object_get_string(v),
				        (size_t)json_object_get_string_len(v));
		}
	} else {
		for (const char *at = text; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
			add_env(a, role, at, strcspn(at, ","));
	}
	json_object_put(list);
}

struct access *
access_create(struct store *store, uint32_t rate, const char *wallet, struct b3iq_error *err)
{
	struct access *a = calloc(1, sizeof *a);

	if (!a) {
		fail_memory(err, "starting the coordinator");
		return NULL;
	}
	a->store = store;
	a->rate = rate;
	snprintf(a->wallet, sizeof a->wallet, "%s", wallet);
	pthread_mutex_init(&a->lock, NULL);
	read_env(a, "CLIENT_API_KEYS", "client");
	read_env(a, "MINER_API_KEYS", "miner");
	read_env(a, "ADMIN_API_KEYS", "admin");
	return a;
}

void
access_destroy(struct access *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- who ---------------------------------------------------------------------------- */

static const char *
credential(const struct http_request *rq)
{
	static const char *const names[] = { "X-Api-Key", "X-Client-Key", "X-Miner-Key",
		                             "X-Admin-Key", NULL };
	const char *value;

	for (int i = 0; names[i]; i++) {
		value = request_header(rq, names[i]);
		if (value)
			return value;
	}
	value = request_header(rq, "Authorization");
	return value && strncasecmp(value, "Bearer ", 7) == 0 ? value + 7 : NULL;
}

static void
fill(const struct access *a, const struct key *k, struct principal *out)
{
	memset(out, 0, sizeof *out);
	snprintf(out->key, sizeof out->key, "%s", k->id);
	snprintf(out->wallet, sizeof out->wallet, "%s", k->account[0] ? k->account : a->wallet);
	snprintf(out->scopes, sizeof out->scopes, "%.*s", (int)sizeof out->scopes - 1, k->scopes);
	out->admin = keyring_scope_allows(k->scopes, "admin");
	out->rate_per_minute = k->rate_per_minute;
	out->burst = k->burst;
}

static bool
from_env(const struct access *a, const uint8_t hash[SHA256_SIZE], struct principal *out)
{
	bool found = false;

	for (size_t i = 0; i < a->n_env; i++)
		if (secret_equal(a->env[i].hash, hash, SHA256_SIZE)) {
			*out = a->env[i].who;
			memcpy(out->wallet, a->wallet, sizeof out->wallet);
			found = true;
		}
	return found;
}

static struct entry *
cached(struct access *a, const uint8_t hash[SHA256_SIZE])
{
	size_t at;

	memcpy(&at, hash, sizeof at);
	return &a->cache[at % CACHE];
}

int32_t
access_check(struct access *a, const struct http_request *rq, struct principal *out,
             struct b3iq_error *err)
{
	const struct keyring ring = access_ring(a->store);
	const char *secret = credential(rq);
	const uint64_t now = clock_mono_ms();
	uint8_t hash[SHA256_SIZE];
	struct entry *e;
	struct key key;
	bool hit;
	int32_t rc;

	if (!secret)
		return fail(err, B3IQ_E_DENIED, "a key is needed: send it as X-Api-Key");
	if (sha256(secret, strlen(secret), hash) != B3IQ_OK)
		return fail_memory(err, "checking a key");
	if (from_env(a, hash, out))
		return B3IQ_OK;
	e = cached(a, hash);
	pthread_mutex_lock(&a->lock);
	hit = e->until_ms > now && secret_equal(e->hash, hash, sizeof hash);
	if (hit)
		*out = e->who;
	pthread_mutex_unlock(&a->lock);
	if (hit)
		return B3IQ_OK;
	rc = keyring_check(&ring, secret, clock_wall_ms(), &key, err);
	if (rc == B3IQ_DECLINED)
		return fail(err, B3IQ_E_DENIED, "this API key is not known here");
	if (rc != B3IQ_OK)
		return rc;
	fill(a, &key, out);
	pthread_mutex_lock(&a->lock);
	memcpy(e->hash, hash, sizeof hash);
	e->who = *out;
	e->until_ms = now + FRESH_MS;
	pthread_mutex_unlock(&a->lock);
	return B3IQ_OK;
}

/* ---- rates ----------------------------------------------------------------------------- */

static double
level(const struct bucket *b, uint64_t now_us)
{
	const double tokens = b->tokens + (double)(now_us - b->at_us) * b->rate / 60e6;

	return tokens < b->most ? tokens : b->most;
}

static struct bucket *
set_of(struct access *a, const char *key)
{
	size_t h = 5381;

	for (const char *c = key; *c; c++)
		h = h * 33 ^ (unsigned char)*c;
	return a->bucket[h % SETS];
}

/* The key's bucket.  In a set without room the newcomer takes the bucket that misses least, and takes
 * over what it misses: so keys that push each other out are never better off than with one of their own. */
static struct bucket *
bucket_of(struct access *a, const char *key, double most, uint64_t now_us)
{
	struct bucket *set = set_of(a, key), *fullest = &set[0];
	double missing;

	for (struct bucket *b = set; b < set + WAYS; b++) {
		if (strcmp(b->key, key) == 0)
			return b;
		if (b->most - level(b, now_us) < fullest->most - level(fullest, now_us))
			fullest = b;
	}
	missing = fullest->most - level(fullest, now_us);
	snprintf(fullest->key, sizeof fullest->key, "%s", key);
	fullest->at_us = now_us;
	fullest->tokens = most > missing ? most - missing : 0;
	return fullest;
}

uint32_t
access_rate(struct access *a, const struct principal *p)
{
	const uint32_t rate = p->rate_per_minute ? p->rate_per_minute : a->rate;
	const double most = p->burst ? p->burst : rate;
	const uint64_t now = clock_mono_us();
	struct bucket *b;
	double wait = 0;

	if (!rate)
		return 0;
	pthread_mutex_lock(&a->lock);
	b = bucket_of(a, p->key, most, now);
	b->most = most;
	b->rate = rate;
	b->tokens = level(b, now);
	b->at_us = now;
	if (b->tokens >= 1)
		b->tokens -= 1;
	else
		wait = (1 - b->tokens) * 60 / rate;
	pthread_mutex_unlock(&a->lock);
	return wait > 0 ? (uint32_t)wait + 1 : 0;
}
