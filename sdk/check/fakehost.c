#include "fakehost.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/path.h"
#include "core/base/utf8.h"

#define VALUE_MAX (1u << 20)

void
fakehost_wrong(struct fakehost *h, const char *rule)
{
	pthread_mutex_lock(&h->lock);
	if (!h->wrong[0])
		snprintf(h->wrong, sizeof h->wrong, "%s", rule);
	pthread_mutex_unlock(&h->lock);
}

/* Every upcall begins here.  Returns what the call is to return if it is to break, or 0. */
static int32_t
enter(struct fakehost *h, enum fakehost_call call)
{
	unsigned n;

	atomic_fetch_add(&h->calls[call], 1);
	if (call >= FAKE_LOG)
		return 0;
	if (atomic_load(&h->inside) == 0)
		fakehost_wrong(h, "a [call] function of the host was called outside of any call");
	n = atomic_fetch_add(&h->fallible, 1) + 1;
	return n == h->fault.at && !h->fault.die ? h->fault.code : 0;
}

/* Every upcall that can fail ends here: power is lost after the work and before the answer. */
static int32_t
leave(struct fakehost *h, int32_t rc)
{
	if (h->fault.die && atomic_load(&h->fallible) == h->fault.at)
		_exit(CHECK_PASSED);
	return rc;
}

static void
say(struct fakehost *h, const char *text)
{
	pthread_mutex_lock(&h->lock);
	buf_puts(&h->said, text);
	buf_puts(&h->said, "\n");
	pthread_mutex_unlock(&h->lock);
}

static void
host_log(void *ctx, int32_t level, const char *text)
{
	struct fakehost *h = ctx;

	enter(h, FAKE_LOG);
	if (level < B3IQ_LOG_DEBUG || level > B3IQ_LOG_ERROR)
		fakehost_wrong(h, "log() with a level that is none");
	if (!text || !utf8_valid(text, strlen(text)) || strchr(text, '\n'))
		fakehost_wrong(h, "log() takes one line of UTF-8");
	else
		say(h, text);
}

static void
host_metric(void *ctx, int32_t type, const char *name, double value)
{
	struct fakehost *h = ctx;

	enter(h, FAKE_METRIC);
	if (type != B3IQ_COUNTER && type != B3IQ_GAUGE)
		fakehost_wrong(h, "metric() with a type that is none");
	if (type == B3IQ_COUNTER && !(value >= 0))
		fakehost_wrong(h, "metric(): a counter only grows");
	if (!name || !name[0] || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		fakehost_wrong(h, "metric(): a name is [a-z0-9_]+");
	else
		say(h, name);
}

static int32_t
host_secret(void *ctx, const char *name, struct b3iq_writer *w)
{
	struct fakehost    *h = ctx;
	struct json_object *value;
	int32_t             rc = enter(h, FAKE_SECRET);

	if (rc)
		return rc;
	if (!name || !h->check->secrets ||
	    !json_object_object_get_ex(h->check->secrets, name, &value))
		return leave(h, B3IQ_E_NOT_FOUND);
	return leave(h, w->write(w, json_object_get_string(value),
	                         (size_t)json_object_get_string_len(value)));
}

static void
check_signer(struct fakehost *h, const char *key)
{
	bool same;

	pthread_mutex_lock(&h->lock);
	same = key && strcmp(key, h->signer) == 0;
	pthread_mutex_unlock(&h->lock);
	if (atomic_load(&h->submits) == 0)
		fakehost_wrong(h, "sign() was called outside of submit()");
	else if (!same)
		fakehost_wrong(h, "sign() was called with another key than the op's signer");
}

/* The fake host holds one Ed25519 key, made of zeros: enough to see that a signature is asked for
 * at the right time, in the right name. */
static EVP_PKEY *
zero_key(void)
{
	static const uint8_t seed[32];

	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
}

static int32_t
host_sign(void *ctx, const char *key, const char *alg, const void *message, size_t len,
          struct b3iq_writer *w)
{
	struct fakehost *h = ctx;
	uint8_t          sig[64];
	size_t           sig_len = sizeof sig;
	int32_t          rc = enter(h, FAKE_SIGN);
	EVP_MD_CTX      *md = EVP_MD_CTX_new();
	EVP_PKEY        *pkey = zero_key();

	check_signer(h, key);
	if (!rc && (!alg || !message || len > B3IQ_SIGN_MAX))
		rc = B3IQ_E_INVALID;
	if (!rc && strcmp(alg, "ed25519") != 0)
		rc = B3IQ_E_UNSUPPORTED;
	if (!rc && !(md && pkey && EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 &&
	             EVP_DigestSign(md, sig, &sig_len, message, len) == 1))
		rc = B3IQ_E_INTERNAL;
	EVP_PKEY_free(pkey);
	EVP_MD_CTX_free(md);
	return leave(h, rc ? rc : w->write(w, sig, sig_len));
}

static int32_t
host_public_key(void *ctx, const char *key, const char *alg, struct b3iq_writer *w)
{
	struct fakehost *h = ctx;
	uint8_t          raw[32];
	size_t           len = sizeof raw;
	int32_t          rc = enter(h, FAKE_PUBLIC_KEY);
	EVP_PKEY        *pkey = zero_key();

	if (!rc && (!key || !alg))
		rc = B3IQ_E_INVALID;
	if (!rc && strcmp(key, FAKEHOST_KEY) != 0)
		rc = B3IQ_E_DENIED;
	if (!rc && strcmp(alg, "ed25519") != 0)
		rc = B3IQ_E_UNSUPPORTED;
	if (!rc && !(pkey && EVP_PKEY_get_raw_public_key(pkey, raw, &len) == 1))
		rc = B3IQ_E_INTERNAL;
	EVP_PKEY_free(pkey);
	return leave(h, rc ? rc : w->write(w, raw, len));
}

/* The file of a key: named by its digest, so that any key will do. */
static bool
kv_file(struct fakehost *h, const char *key, char file[PATH_SIZE])
{
	size_t        n = key ? strlen(key) : 0;
	unsigned char digest[32];
	char          hex[sizeof digest * 2 + 1];

	if (n == 0 || n > 255) {
		fakehost_wrong(h, "a key of the key-value store has 1 to 255 bytes");
		return false;
	}
	if (EVP_Digest(key, n, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	hex_encode(digest, sizeof digest, hex);
	snprintf(file, PATH_SIZE, "%s/%s", h->kv_dir, hex);
	return true;
}

static int32_t
host_kv_get(void *ctx, const char *key, struct b3iq_writer *w)
{
	struct fakehost *h = ctx;
	char             file[PATH_SIZE];
	struct buf       value;
	int32_t          rc = enter(h, FAKE_KV_GET);

	if (rc)
		return rc;
	if (!kv_file(h, key, file))
		return B3IQ_E_INVALID;
	if (!path_exists(file))
		return leave(h, B3IQ_E_NOT_FOUND);
	buf_init(&value, VALUE_MAX);
	rc = path_read(file, &value, NULL);
	if (!rc)
		rc = w->write(w, value.data, value.len);
	buf_free(&value);
	return leave(h, rc);
}

static int32_t
host_kv_put(void *ctx, const char *key, const void *data, size_t len)
{
	struct fakehost *h = ctx;
	char             file[PATH_SIZE];
	int32_t          rc = enter(h, FAKE_KV_PUT);

	if (rc)
		return rc;
	if (!kv_file(h, key, file) || len > VALUE_MAX)
		return B3IQ_E_INVALID;
	if (len == 0)
		rc = unlink(file) == 0 || errno == ENOENT ? B3IQ_OK : B3IQ_E_INTERNAL;
	else
		rc = path_write(file, data, len, 0600, NULL);
	return leave(h, rc);
}

static const void *
host_extension(void *ctx, const char *id)
{
	(void)id;
	enter(ctx, FAKE_EXTENSION);
	return NULL;
}

static int32_t
writer_write(struct b3iq_writer *w, const void *data, size_t len)
{
	struct fakehost_writer *fw = (struct fakehost_writer *)w;
	int32_t                 rc = enter(fw->host, FAKE_WRITE);

	if (fw->refused)
		fakehost_wrong(fw->host, "write() was called again after it had failed");
	if (rc)
		return fw->refused = rc;
	return leave(fw->host, buf_append(&fw->data, data, len));
}

void
fakehost_writer_init(struct fakehost_writer *w, struct fakehost *h, size_t max)
{
	w->writer.write = writer_write;
	w->host = h;
	w->refused = 0;
	buf_init(&w->data, max);
}

void
fakehost_init(struct fakehost *h, const struct check *c, const char *instance)
{
	/* A host of the next minor: longer, with a tail that this plugin cannot know. */
	struct {
		struct b3iq_host known;
		uint64_t         tail[8];
	} table;

	memset(h, 0, sizeof *h);
	h->check = c;
	pthread_mutex_init(&h->lock, NULL);
	buf_init(&h->said, 16 * VALUE_MAX);
	snprintf(h->state_dir, sizeof h->state_dir, "%s/state-XXXXXX", c->scratch);
	snprintf(h->kv_dir, sizeof h->kv_dir, "%s/kv", c->scratch);
	must(mkdtemp(h->state_dir) && path_make_dir(h->kv_dir, 0700, NULL) == B3IQ_OK,
	     "plugin-check: cannot make folders in %s", c->scratch);
	memset(&table, 0xa5, sizeof table);
	table.known = (struct b3iq_host){
		.size = c->sandbox ? sizeof table.known : sizeof table,
		.abi = B3IQ_ABI,
		.ctx = h,
		.instance = lend_string(&h->name_loan, instance),
		.state_dir = lend_string(&h->dir_loan, h->state_dir),
		.log = host_log,
		.metric = host_metric,
		.secret = host_secret,
		.sign = host_sign,
		.public_key = host_public_key,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.extension = host_extension,
	};
	h->table = lend(&h->loan, &table, sizeof table);
}

void
fakehost_finish(struct fakehost *h)
{
	lend_back(&h->loan);
	lend_back(&h->name_loan);
	lend_back(&h->dir_loan);
	must(!h->wrong[0], "%s", h->wrong);
	buf_free(&h->said);
	pthread_mutex_destroy(&h->lock);
}

bool
fakehost_said(struct fakehost *h, const char *what)
{
	bool found;

	pthread_mutex_lock(&h->lock);
	found = h->said.len && memmem(h->said.data, h->said.len, what, strlen(what));
	pthread_mutex_unlock(&h->lock);
	return found;
}
