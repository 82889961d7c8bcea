#include "rpc.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "value.h"

#define IDLE       16 /* connections kept for the next calls */
#define URL_SIZE   (CONFIG_URL_MAX + 512)
#define NONCE_USED 5  /* refusals of docs/chain.md that mean something here */
#define DUPLICATE  7
#define FULL       8

struct rpc {
	struct config   config;
	pthread_mutex_t lock; /* of the idle handles and of `checked` */
	CURL           *idle[IDLE];
	size_t          n_idle;
	bool            checked; /* it is the chain of the config */
	char            fee[80];
};

int32_t
rpc_create(const struct config *config, struct rpc **out, struct b3iq_error *err)
{
	struct rpc *r = calloc(1, sizeof *r);

	*out = r;
	if (!r)
		return fail_memory(err, "the chain's RPC");
	r->config = *config;
	pthread_mutex_init(&r->lock, NULL);
	return B3IQ_OK;
}

void
rpc_destroy(struct rpc *r)
{
	if (!r)
		return;
	while (r->n_idle > 0)
		curl_easy_cleanup(r->idle[--r->n_idle]);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- one HTTP call ------------------------------------------------------------------- */

static CURL *
borrow(struct rpc *r)
{
	CURL *handle = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->n_idle > 0)
		handle = r->idle[--r->n_idle];
	pthread_mutex_unlock(&r->lock);
	return handle ? handle : curl_easy_init();
}

static void
give_back(struct rpc *r, CURL *handle)
{
	curl_easy_reset(handle); /* keeps its connection */
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L); /* at its end too */
	pthread_mutex_lock(&r->lock);
	if (r->n_idle < IDLE) {
		r->idle[r->n_idle++] = handle;
		handle = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	curl_easy_cleanup(handle);
}

static size_t
on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct value *v = ctx;

	(void)one;
	return value_write(&v->writer, data, n) == B3IQ_OK ? n : CURL_WRITEFUNC_ERROR;
}

static int32_t
failed(CURLcode code, struct b3iq_error *err)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "the chain does not answer (%s): is b3iq chain running, and is "
		                 "config url right?", curl_easy_strerror(code));
	case CURLE_OUT_OF_MEMORY:
		return fail_memory(err, "a call to the chain");
	default:
		return fail_with(err, B3IQ_E_UNKNOWN_OUTCOME,
		                 "the chain was asked and its answer did not come whole (%s)",
		                 curl_easy_strerror(code));
	}
}

/* One exchange: `body` NULL is a GET. */
struct exchange {
	char         url[URL_SIZE];
	const char  *body;
	struct value reply;
	long         status;
};

static CURLcode
perform(CURL *h, const struct rpc *r, struct exchange *x, struct curl_slist *headers)
{
	const long ms = (long)r->config.timeout_ms;
	bool ok = !curl_easy_setopt(h, CURLOPT_URL, x->url) &&
	          !curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") &&
	          !curl_easy_setopt(h, CURLOPT_PROXY, "") &&
	          !curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) &&
	          !curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, ms) &&
	          !curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, ms) &&
	          !curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers) &&
	          !curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body) &&
	          !curl_easy_setopt(h, CURLOPT_WRITEDATA, &x->reply);
	CURLcode code;

	if (x->body)
		ok = ok && !curl_easy_setopt(h, CURLOPT_POSTFIELDS, x->body);
	code = ok ? curl_easy_perform(h) : CURLE_OUT_OF_MEMORY;
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &x->status);
	return code;
}

/* The answer as a JSON object, whatever its status. */
static int32_t
exchange(struct rpc *r, struct exchange *x, struct json_object **out, struct b3iq_error *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *handle = headers ? borrow(r) : NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	int32_t rc = B3IQ_OK;

	*out = NULL;
	x->reply = (struct value)VALUE(RPC_REPLY_MAX);
	if (handle) {
		code = perform(handle, r, x, headers);
		give_back(r, handle);
	}
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		rc = failed(code, err);
	else
		*out = value_json(&x->reply);
	value_finish(&x->reply);
	if (rc == B3IQ_OK && !json_object_is_type(*out, json_type_object)) {
		json_object_put(*out);
		*out = NULL;
		rc = fail_with(err, B3IQ_E_INVALID,
		               "what answers at config url is no chain (HTTP %ld)", x->status);
	}
	return rc;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(o, name, &value);
	return value;
}

const char *
rpc_text(struct json_object *o, const char *name)
{
	const char *text = json_object_get_string(member(o, name));

	return text ? text : "";
}

uint64_t
rpc_number(struct json_object *o, const char *name)
{
	return strtoull(rpc_text(o, name), NULL, 10);
}

/* ---- reads ------------------------------------------------------------------------------ */

/* A question that was not answered may be asked again: nothing has changed. */
static int32_t
ask(struct rpc *r, const char *path, struct json_object **out, struct b3iq_error *err)
{
	struct exchange x = { 0 };
	int32_t rc;

	snprintf(x.url, sizeof x.url, "%s/rpc%s", r->config.url, path);
	rc = exchange(r, &x, out, err);
	if (rc == B3IQ_E_UNKNOWN_OUTCOME)
		rc = B3IQ_E_UNAVAILABLE;
	if (rc != B3IQ_OK || x.status == 200)
		return rc;
	rc = fail_with(err, x.status == 404 ? B3IQ_E_NOT_FOUND : B3IQ_E_UNAVAILABLE,
	               "the chain says (HTTP %ld): %.180s", x.status, rpc_text(*out, "detail"));
	json_object_put(*out);
	*out = NULL;
	return rc;
}

/* Is it the chain that the operator meant?  Asked once; its least fee comes along. */
static int32_t
check_chain(struct rpc *r, struct b3iq_error *err)
{
	struct json_object *info;
	bool known, same;
	int32_t rc;

	pthread_mutex_lock(&r->lock);
	known = r->checked;
	pthread_mutex_unlock(&r->lock);
	if (known)
		return B3IQ_OK;
	rc = ask(r, "/info", &info, err);
	if (rc != B3IQ_OK)
		return rc;
	same = strcmp(rpc_text(info, "chain_id"), r->config.chain) == 0;
	if (!same)
		rc = fail_with(err, B3IQ_E_INVALID,
		               "config url leads to the chain \"%.32s\", config chain is \"%s\": "
		               "mend one of them", rpc_text(info, "chain_id"), r->config.chain);
	pthread_mutex_lock(&r->lock);
	r->checked = same;
	snprintf(r->fee, sizeof r->fee, "%.20s", rpc_text(info, "min_fee"));
	pthread_mutex_unlock(&r->lock);
	json_object_put(info);
	return rc;
}

int32_t
rpc_read(struct rpc *r, const char *path, struct json_object **out, struct b3iq_error *err)
{
	const int32_t rc = check_chain(r, err);

	*out = NULL;
	return rc == B3IQ_OK ? ask(r, path, out, err) : rc;
}

int32_t
rpc_fee(struct rpc *r, char out[80], struct b3iq_error *err)
{
	const int32_t rc = check_chain(r, err);

	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&r->lock);
	snprintf(out, 80, "%s", r->fee[0] ? r->fee : "0");
	pthread_mutex_unlock(&r->lock);
	return B3IQ_OK;
}

int32_t
rpc_nonce(struct rpc *r, const char *address, uint64_t *in_blocks, uint64_t *next,
          struct b3iq_error *err)
{
	struct json_object *account;
	char path[128];
	int32_t rc;

	snprintf(path, sizeof path, "/accounts/%.64s", address);
	rc = rpc_read(r, path, &account, err);
	if (rc != B3IQ_OK)
		return rc;
	*in_blocks = rpc_number(account, "nonce");
	*next = rpc_number(account, "pending_nonce");
	json_object_put(account);
	return B3IQ_OK;
}

int32_t
rpc_find(struct rpc *r, const char hash[RPC_HASH_SIZE], struct rpc_found *found,
         struct b3iq_error *err)
{
	struct json_object *tx;
	char path[128];
	int32_t rc;

	*found = (struct rpc_found){ 0 };
	snprintf(path, sizeof path, "/tx/%s", hash);
	rc = rpc_read(r, path, &tx, err);
	if (rc == B3IQ_E_NOT_FOUND)
		return B3IQ_OK;
	if (rc != B3IQ_OK)
		return rc;
	found->found = member(tx, "block_height") != NULL; /* null while it waits */
	found->height = rpc_number(tx, "block_height");
	found->time_ms = rpc_number(tx, "time_ms");
	json_object_put(tx);
	return B3IQ_OK;
}

/* ---- sending, by JSON-RPC 2.0 -------------------------------------------------------------- */

/* base64 of the wire as {"tx": ...}; the caller frees it. */
static char *
broadcast_text(const char *wire)
{
	static const char begin[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	                            "\"broadcast_tx_sync\",\"params\":{\"tx\":\"";
	const size_t n = strlen(wire), room = 4 * ((n + 2) / 3) + 1;
	char *text = malloc(sizeof begin + room + sizeof "\"}}");
	size_t at = sizeof begin - 1;

	if (!text)
		return NULL;
	memcpy(text, begin, at);
	at += (size_t)EVP_EncodeBlock((unsigned char *)text + at, (const unsigned char *)wire,
	                              (int)n);
	memcpy(text + at, "\"}}", 4);
	return text;
}

static enum rpc_verdict
verdict_of(struct json_object *result, struct b3iq_error *err)
{
	const uint64_t code = rpc_number(result, "code");

	if (code == 0 || code == DUPLICATE)
		return RPC_TAKEN;
	if (code == NONCE_USED)
		return RPC_NONCE_USED;
	fail_with(err, B3IQ_E_DENIED, "the chain refuses the transaction: %.180s",
	          rpc_text(result, "log"));
	if (code != FULL)
		return RPC_REFUSED;
	if (err)
		err->retry_ms = 1000;
	return RPC_LATER;
}

int32_t
rpc_send(struct rpc *r, const char *wire, enum rpc_verdict *verdict, struct b3iq_error *err)
{
	struct json_object *answer, *result;
	struct exchange x = { 0 };
	char *text;
	int32_t rc = check_chain(r, err);

	if (rc != B3IQ_OK)
		return rc;
	text = broadcast_text(wire);
	if (!text)
		return fail_memory(err, "a call to the chain");
	x.body = text;
	snprintf(x.url, sizeof x.url, "%s/", r->config.url);
	rc = exchange(r, &x, &answer, err);
	free(text);
	if (rc == B3IQ_E_INVALID) /* a gateway's error page: it may have passed all the same */
		rc = B3IQ_E_UNKNOWN_OUTCOME;
	if (rc != B3IQ_OK)
		return rc;
	result = member(answer, "result");
	if (result)
		*verdict = verdict_of(result, err);
	else /* the call failed, the transaction may have passed */
		rc = fail_with(err, B3IQ_E_UNKNOWN_OUTCOME, "the chain says: %.180s",
		               rpc_text(member(answer, "error"), "data"));
	json_object_put(answer);
	return rc;
}
