#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/base/utf8.h"
#include "core/plugin/file/config.h"
#include "core/plugin/load/hostapi.h"
#include "core/plugin/file/manifest.h"

#define NAME_SIZE     64   /* of a metric or a key, with its NUL              */
#define LINE_MAX_SIZE 1024 /* of a log line                                   */
#define SUBMITS       256  /* submit() calls at once                          */

struct metric {
	char    name[NAME_SIZE];
	int32_t type;
	double  value;
};

struct hostapi {
	struct b3iq_host table;
	struct hostapi_services services;
	char   instance[MANIFEST_NAME + 1];
	char   state_dir[PATH_SIZE], secrets_dir[PATH_SIZE]; /* secrets_dir "": none */
	size_t n_allowed;
	char   allowed[HOSTAPI_SIGNERS][NAME_SIZE]; /* keys that the operator named   */

	pthread_mutex_t lock;                       /* of all that follows            */
	size_t   n_active;
	char     active[SUBMITS][NAME_SIZE];        /* signers of the running submits */
	size_t   n_metrics;
	struct metric metrics[HOSTAPI_METRICS];
	double   log_tokens;
	uint64_t log_at_ms, log_dropped;
};

/* ---- log and metric ------------------------------------------------------- */

/* Token bucket.  *dropped: how many lines were lost since the last that passed. */
static bool
log_allowed(struct hostapi *h, uint64_t *dropped)
{
	const uint64_t now = clock_mono_ms();
	bool yes;

	pthread_mutex_lock(&h->lock);
	h->log_tokens += (double)(now - h->log_at_ms) * HOSTAPI_LOG_RATE / 1000;
	if (h->log_tokens > HOSTAPI_LOG_BURST)
		h->log_tokens = HOSTAPI_LOG_BURST;
	h->log_at_ms = now;
	yes = h->log_tokens >= 1;
	if (yes) {
		h->log_tokens -= 1;
		*dropped = h->log_dropped;
		h->log_dropped = 0;
	} else {
		h->log_dropped++;
	}
	pthread_mutex_unlock(&h->lock);
	return yes;
}

static void
host_log(void *ctx, int32_t level, const char *text)
{
	struct hostapi *h = ctx;
	char line[LINE_MAX_SIZE];
	uint64_t dropped = 0;
	size_t n;
	bool bad;

	if (text == NULL || !log_allowed(h, &dropped))
		return;
	n = strnlen(text, sizeof line - 1);
	n = utf8_whole(text, n, &bad);
	memcpy(line, text, n);
	line[n] = '\0';
	if (level < B3IQ_LOG_DEBUG || level > B3IQ_LOG_ERROR)
		level = B3IQ_LOG_INFO;
	if (dropped > 0)
		log_event(B3IQ_LOG_WARN, "plugin.log.dropped", "instance=%s lines=%llu", h->instance,
		          (unsigned long long)dropped);
	log_event(level, "plugin.log", "instance=%s text=%s", h->instance, line);
}

static bool
metric_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && n < NAME_SIZE && name[n] == '\0';
}

static void
host_metric(void *ctx, int32_t type, const char *name, double value)
{
	struct hostapi *h = ctx;
	size_t i = 0;

	if (name == NULL || !metric_name(name) || (type != B3IQ_COUNTER && type != B3IQ_GAUGE) ||
	    !(value - value == 0)) /* no NaN, no infinity */
		return;
	pthread_mutex_lock(&h->lock);
	while (i < h->n_metrics && strcmp(h->metrics[i].name, name) != 0)
		i++;
	if (i == h->n_metrics && i < HOSTAPI_METRICS) {
		memcpy(h->metrics[i].name, name, strlen(name) + 1);
		h->metrics[i].type = type;
		h->n_metrics++;
	}
	if (i < h->n_metrics && h->metrics[i].type == type) {
		if (type == B3IQ_GAUGE)
			h->metrics[i].value = value;
		else if (value > 0)
			h->metrics[i].value += value;
	}
	pthread_mutex_unlock(&h->lock);
}

void
hostapi_metrics(struct hostapi *h, hostapi_metric_fn *each, void *ctx)
{
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n_metrics; i++) {
		const struct metric m = h->metrics[i];

		each(ctx, h->instance, m.type, m.name, m.value);
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- secret, keys, kv ------------------------------------------------------ */

static int32_t
host_secret(void *ctx, const char *name, struct b3iq_writer *out)
{
	struct hostapi *h = ctx;

	return config_secret(h->secrets_dir[0] != '\0' ? h->secrets_dir : NULL, name, out, NULL);
}

static bool
listed(char (*list)[NAME_SIZE], size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], key) == 0)
			return true;
	return false;
}

static bool
known_alg(const char *alg)
{
	return strcmp(alg, "ed25519") == 0 || strcmp(alg, "secp256k1-keccak256") == 0;
}

static int32_t
deny_key(const struct hostapi *h, const char *reason)
{
	log_event(B3IQ_LOG_WARN, "plugin.key.denied", "instance=%s reason=%s", h->instance, reason);
	return B3IQ_E_DENIED;
}

static int32_t
host_sign(void *ctx, const char *key, const char *alg, const void *message, size_t len,
          struct b3iq_writer *sig)
{
	struct hostapi *h = ctx;
	bool now;

	if (key == NULL || alg == NULL || message == NULL || len > B3IQ_SIGN_MAX)
		return B3IQ_E_INVALID;
	pthread_mutex_lock(&h->lock);
	now = listed(h->active, h->n_active, key);
	pthread_mutex_unlock(&h->lock);
	if (!now)
		return deny_key(h, "no submit with this signer runs");
	if (!listed(h->allowed, h->n_allowed, key))
		return deny_key(h, "key not configured");
	if (!known_alg(alg))
		return B3IQ_E_UNSUPPORTED;
	if (h->services.sign == NULL)
		return B3IQ_E_UNAVAILABLE;
	return h->services.sign(h->services.ctx, h->instance, key, alg, message, len, sig);
}

static int32_t
host_public_key(void *ctx, const char *key, const char *alg, struct b3iq_writer *out)
{
	struct hostapi *h = ctx;

	if (key == NULL || alg == NULL)
		return B3IQ_E_INVALID;
	if (!listed(h->allowed, h->n_allowed, key))
		return deny_key(h, "key not configured");
	if (!known_alg(alg))
		return B3IQ_E_UNSUPPORTED;
	if (h->services.public_key == NULL)
		return B3IQ_E_UNAVAILABLE;
	return h->services.public_key(h->services.ctx, h->instance, key, alg, out);
}

static bool
kv_key(const char *key)
{
	const size_t n = key != NULL ? strnlen(key, HOSTAPI_KEY_MAX + 1) : 0;

	return n > 0 && n <= HOSTAPI_KEY_MAX && utf8_valid(key, n);
}

static int32_t
host_kv_get(void *ctx, const char *key, struct b3iq_writer *out)
{
	struct hostapi *h = ctx;

	if (!kv_key(key))
		return B3IQ_E_INVALID;
	if (h->services.kv_get == NULL)
		return B3IQ_E_UNAVAILABLE;
	return h->services.kv_get(h->services.ctx, h->instance, key, out);
}

static int32_t
host_kv_put(void *ctx, const char *key, const void *value, size_t len)
{
	struct hostapi *h = ctx;

	if (!kv_key(key) || len > HOSTAPI_VALUE_MAX)
		return B3IQ_E_INVALID;
	if (h->services.kv_put == NULL)
		return B3IQ_E_UNAVAILABLE;
	return h->services.kv_put(h->services.ctx, h->instance, key, value, len);
}

static const void *
host_extension(void *ctx, const char *id)
{
	(void)ctx, (void)id;
	return NULL; /* ABI 1.0 defines none */
}

/* ---- submit ----------------------------------------------------------------- */

int32_t
hostapi_submit_enter(struct hostapi *h, const char *signer, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	if (signer == NULL || signer[0] == '\0')
		return B3IQ_OK;
	if (strlen(signer) >= NAME_SIZE)
		return fail(err, B3IQ_E_INVALID, "the signer's name is longer than %d bytes", NAME_SIZE - 1);
	pthread_mutex_lock(&h->lock);
	if (h->n_active == SUBMITS)
		rc = fail(err, B3IQ_E_BUSY, "%s: %d submissions run already", h->instance, SUBMITS);
	else
		memcpy(h->active[h->n_active++], signer, strlen(signer) + 1);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

void
hostapi_submit_leave(struct hostapi *h, const char *signer)
{
	if (signer == NULL || signer[0] == '\0')
		return;
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n_active; i++) {
		if (strcmp(h->active[i], signer) != 0)
			continue;
		memmove(h->active[i], h->active[--h->n_active], NAME_SIZE);
		break;
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- life -------------------------------------------------------------------- */

static int32_t
copy_options(struct hostapi *h, const struct hostapi_options *o, struct b3iq_error *err)
{
	int32_t rc;

	if (o->instance == NULL || !manifest_name(o->instance))
		return fail(err, B3IQ_E_INVALID, "\"%.64s\" cannot be the name of an instance: use a-z 0-9 "
		            ". _ -", o->instance != NULL ? o->instance : "");
	memcpy(h->instance, o->instance, strlen(o->instance) + 1);
	if (o->services != NULL)
		h->services = *o->services;
	for (size_t i = 0; o->signers != NULL && o->signers[i] != NULL; i++) {
		if (i == HOSTAPI_SIGNERS || strlen(o->signers[i]) >= NAME_SIZE)
			return fail(err, B3IQ_E_INVALID, "%s: it may sign with at most %d keys of %d bytes",
			            h->instance, HOSTAPI_SIGNERS, NAME_SIZE - 1);
		memcpy(h->allowed[h->n_allowed++], o->signers[i], strlen(o->signers[i]) + 1);
	}
	rc = path_join(h->state_dir, err, o->state_dir != NULL ? o->state_dir : "", NULL);
	if (rc == B3IQ_OK && o->secrets_dir != NULL)
		rc = path_join(h->secrets_dir, err, o->secrets_dir, NULL);
	return rc;
}

int32_t
hostapi_create(const struct hostapi_options *o, struct hostapi **out, struct b3iq_error *err)
{
	struct hostapi *h = calloc(1, sizeof *h);
	int32_t rc;

	*out = NULL;
	rc = h != NULL ? copy_options(h, o, err) : fail_memory(err, "creating an instance");
	if (rc != B3IQ_OK) {
		free(h);
		return rc;
	}
	pthread_mutex_init(&h->lock, NULL);
	h->log_tokens = HOSTAPI_LOG_BURST;
	h->log_at_ms = clock_mono_ms();
	h->table = (struct b3iq_host){
		.size = sizeof h->table,
		.abi = B3IQ_ABI,
		.ctx = h,
		.instance = h->instance,
		.state_dir = h->state_dir,
		.log = host_log,
		.metric = host_metric,
		.secret = host_secret,
		.sign = host_sign,
		.public_key = host_public_key,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.extension = host_extension,
	};
	*out = h;
	return B3IQ_OK;
}

void
hostapi_destroy(struct hostapi *h)
{
	if (h == NULL)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

const struct b3iq_host *
hostapi_table(struct hostapi *h)
{
	return &h->table;
}
