#include <string.h>

#include "core/base/utf8.h"
#include "core/plugin/sandbox/codec.h"
#include "core/plugin/load/hostapi.h"
#include "core/plugin/sandbox/upcall.h"

#define LOG_MAX   1024 /* longer lines are cut here, the host would do it anyway */
#define FRAME_MAX (HOSTAPI_VALUE_MAX + 4096u)

_Static_assert(B3IQ_SIGN_MAX <= HOSTAPI_VALUE_MAX, "the largest message fits into a frame");

struct upcall_waiting {
	struct upcall_waiting *next;
	uint64_t id;
	bool     done;
	int32_t  rc;
	struct buf result;
};

static void
unlink_waiting(struct upcall *u, const struct upcall_waiting *w)
{
	struct upcall_waiting **at = &u->waiting;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

/* Asks and waits.  The connection cannot die under us: without it this process ends. */
static int32_t
ask(struct upcall *u, enum codec_service service, struct buf *arguments, struct b3iq_writer *out)
{
	struct upcall_waiting w = { .done = false };
	int32_t rc;

	buf_init(&w.result, WIRE_FRAME_MAX);
	pthread_mutex_lock(&u->lock);
	w.id = ++u->last_id;
	w.next = u->waiting;
	u->waiting = &w;
	pthread_mutex_unlock(&u->lock);
	rc = wire_send(u->wire, CODEC_UPCALL, (uint16_t)service, w.id, arguments);
	pthread_mutex_lock(&u->lock);
	while (rc == B3IQ_OK && !w.done)
		pthread_cond_wait(&u->answered, &u->lock);
	unlink_waiting(u, &w);
	pthread_mutex_unlock(&u->lock);
	if (rc == B3IQ_OK)
		rc = w.rc;
	if (rc == B3IQ_OK && out != NULL && w.result.len > 0) /* never (NULL, 0) to a memcpy() */
		rc = out->write(out, w.result.data, w.result.len);
	buf_wipe(&w.result); /* it may have been a secret */
	buf_wipe(arguments);
	return rc;
}

bool
upcall_return(struct upcall *u, const struct wire_frame *f)
{
	struct wire_reader r = wire_read(f);
	const int32_t rc = wire_i32(&r);
	size_t len;
	const void *data = wire_bytes(&r, &len);
	struct upcall_waiting *w;

	if (!wire_done(&r))
		return false;
	pthread_mutex_lock(&u->lock);
	for (w = u->waiting; w != NULL && (w->id != f->call || w->done); w = w->next)
		;
	if (w != NULL) {
		w->rc = rc;
		if (rc == B3IQ_OK && len > 0 && buf_append(&w->result, data, len) != B3IQ_OK)
			w->rc = B3IQ_E_NO_MEMORY;
		w->done = true;
		pthread_cond_broadcast(&u->answered);
	}
	pthread_mutex_unlock(&u->lock);
	return w != NULL;
}

static void
host_log(void *ctx, int32_t level, const char *text)
{
	struct upcall *u = ctx;
	char line[LOG_MAX];
	struct buf b;
	bool bad;
	size_t n;

	if (text == NULL)
		return;
	n = strnlen(text, sizeof line - 1);
	memcpy(line, text, n);
	line[utf8_whole(line, n, &bad)] = '\0';
	buf_init(&b, LOG_MAX + 64);
	wire_put_i32(&b, level);
	wire_put_text(&b, line);
	wire_post(u->wire, CODEC_LOG, 0, 0, &b); /* a line that does not fit is lost */
	buf_free(&b);
}

static void
host_metric(void *ctx, int32_t type, const char *name, double value)
{
	struct upcall *u = ctx;
	struct buf b;

	if (name == NULL)
		return;
	buf_init(&b, 256);
	wire_put_i32(&b, type);
	wire_put_text(&b, name);
	wire_put_f64(&b, value);
	wire_post(u->wire, CODEC_METRIC, 0, 0, &b);
	buf_free(&b);
}

static int32_t
host_secret(void *ctx, const char *name, struct b3iq_writer *out)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	wire_put_text(&b, name);
	return ask(ctx, CODEC_SECRET, &b, out);
}

static int32_t
host_sign(void *ctx, const char *key, const char *alg, const void *message, size_t len,
          struct b3iq_writer *sig)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	wire_put_text(&b, key);
	wire_put_text(&b, alg);
	wire_put_bytes(&b, message, len);
	return ask(ctx, CODEC_SIGN, &b, sig);
}

static int32_t
host_public_key(void *ctx, const char *key, const char *alg, struct b3iq_writer *out)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	wire_put_text(&b, key);
	wire_put_text(&b, alg);
	return ask(ctx, CODEC_PUBLIC_KEY, &b, out);
}

static int32_t
host_kv_get(void *ctx, const char *key, struct b3iq_writer *out)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	wire_put_text(&b, key);
	return ask(ctx, CODEC_KV_GET, &b, out);
}

static int32_t
host_kv_put(void *ctx, const char *key, const void *value, size_t len)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	wire_put_text(&b, key);
	wire_put_bytes(&b, value, len);
	return ask(ctx, CODEC_KV_PUT, &b, NULL);
}

static const void *
host_extension(void *ctx, const char *id)
{
	(void)ctx, (void)id;
	return NULL; /* ABI 1.0 defines none */
}

void
upcall_init(struct upcall *u, struct wire *wire, const char *instance, const char *state_dir)
{
	*u = (struct upcall){ .wire = wire };
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->answered, NULL);
	u->table = (struct b3iq_host){
		.size = sizeof u->table,
		.abi = B3IQ_ABI,
		.ctx = u,
		.instance = instance,
		.state_dir = state_dir,
		.log = host_log,
		.metric = host_metric,
		.secret = host_secret,
		.sign = host_sign,
		.public_key = host_public_key,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.extension = host_extension,
	};
}

void
upcall_finish(struct upcall *u)
{
	pthread_mutex_destroy(&u->lock);
	pthread_cond_destroy(&u->answered);
}
