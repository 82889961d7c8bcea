#include "wallet/unlocked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "wallet/keystore.h"

struct held {
	char                name[KEYSTORE_NAME];
	struct ed25519_key *key;
	uint64_t            end_ms; /* monotonic; 0: none */
};

struct unlocked {
	pthread_mutex_t lock;
	pthread_cond_t  changed;
	pthread_t       thread;
	bool            started, stopping;
	struct held     held[UNLOCKED_MAX];
	size_t          n;
};

/* ---- with the lock held ------------------------------------------------------------- */

static struct held *
find(struct unlocked *u, const char *wallet)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		if (strcmp(u->held[i].name, wallet) == 0)
			return &u->held[i];
	return NULL;
}

static void
drop(struct unlocked *u, struct held *h)
{
	ed25519_free(h->key); /* wipes */
	*h = u->held[--u->n];
	memset(&u->held[u->n], 0, sizeof(*h));
}

/* Whose time is over goes; the next end, or 0. */
static uint64_t
expire(struct unlocked *u)
{
	const uint64_t now = clock_mono_ms();
	uint64_t next = 0;
	size_t i = 0;

	while (i < u->n) {
		struct held *h = &u->held[i];

		if (h->end_ms && h->end_ms <= now) {
			log_event(B3IQ_LOG_INFO, "wallet.locked", "wallet=%s why=time", h->name);
			drop(u, h);
			continue;
		}
		if (h->end_ms && (!next || h->end_ms < next))
			next = h->end_ms;
		i++;
	}
	return next;
}

/* ---- the thread that wipes ------------------------------------------------------------ */

static void *
watch(void *arg)
{
	struct unlocked *u = arg;
	struct timespec at;
	uint64_t next;

	pthread_mutex_lock(&u->lock);
	while (!u->stopping) {
		next = expire(u);
		if (!next) {
			pthread_cond_wait(&u->changed, &u->lock);
			continue;
		}
		at.tv_sec = (time_t)(next / 1000);
		at.tv_nsec = (long)(next % 1000) * 1000000;
		pthread_cond_timedwait(&u->changed, &u->lock, &at);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

int32_t
unlocked_create(struct unlocked **out, struct b3iq_error *err)
{
	struct unlocked *u = calloc(1, sizeof(*u));
	pthread_condattr_t attr;

	*out = NULL;
	if (!u)
		return fail_memory(err, "starting the wallet");
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&u->changed, &attr);
	pthread_condattr_destroy(&attr);
	u->started = pthread_create(&u->thread, NULL, watch, u) == 0;
	if (!u->started) {
		unlocked_destroy(u);
		return fail(err, B3IQ_E_UNAVAILABLE, "no thread can be started for the wallet");
	}
	*out = u;
	return B3IQ_OK;
}

void
unlocked_destroy(struct unlocked *u)
{
	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->stopping = true;
	pthread_cond_signal(&u->changed);
	pthread_mutex_unlock(&u->lock);
	if (u->started)
		pthread_join(u->thread, NULL);
	while (u->n > 0)
		drop(u, &u->held[u->n - 1]);
	pthread_cond_destroy(&u->changed);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

/* ---- keys ------------------------------------------------------------------------------ */

int32_t
unlocked_put(struct unlocked *u, const char *wallet, struct ed25519_key *key, uint64_t seconds,
             struct b3iq_error *err)
{
	struct held *h;
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&u->lock);
	expire(u);
	h = find(u, wallet);
	if (h) {
		ed25519_free(h->key);
	} else if (u->n < UNLOCKED_MAX && strlen(wallet) < KEYSTORE_NAME) {
		h = &u->held[u->n++];
		memcpy(h->name, wallet, strlen(wallet) + 1);
	}
	if (h) {
		h->key = key;
		h->end_ms = seconds ? clock_mono_ms() + seconds * 1000 : 0;
		pthread_cond_signal(&u->changed);
	} else {
		ed25519_free(key);
		rc = fail(err, B3IQ_E_BUSY, "%d wallets are unlocked; lock one first",
		          UNLOCKED_MAX);
	}
	pthread_mutex_unlock(&u->lock);
	return rc;
}

bool
unlocked_lock(struct unlocked *u, const char *wallet)
{
	struct held *h;

	pthread_mutex_lock(&u->lock);
	h = find(u, wallet);
	if (h)
		drop(u, h);
	pthread_mutex_unlock(&u->lock);
	return h != NULL;
}

bool
unlocked_is(struct unlocked *u, const char *wallet, uint64_t *left_ms)
{
	struct held *h;
	uint64_t now;

	pthread_mutex_lock(&u->lock);
	expire(u);
	h = find(u, wallet);
	now = clock_mono_ms();
	if (left_ms)
		*left_ms = h && h->end_ms > now ? h->end_ms - now : 0;
	pthread_mutex_unlock(&u->lock);
	return h != NULL;
}

size_t
unlocked_count(struct unlocked *u)
{
	size_t n;

	pthread_mutex_lock(&u->lock);
	expire(u);
	n = u->n;
	pthread_mutex_unlock(&u->lock);
	return n;
}

int32_t
unlocked_sign(struct unlocked *u, const char *wallet, const void *msg, size_t len,
              uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *err)
{
	struct held *h;
	int32_t rc;

	pthread_mutex_lock(&u->lock);
	expire(u);
	h = find(u, wallet);
	rc = h ? ed25519_sign(h->key, msg, len, sig, err)
	       : fail(err, B3IQ_E_DENIED,
	              "wallet %s is locked; unlock it with `b3iq wallet unlock %s`", wallet,
	              wallet);
	pthread_mutex_unlock(&u->lock);
	return rc;
}
