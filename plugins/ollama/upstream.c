#include "upstream.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "doc.h"
#include "engine/bytes.h"
#include "engine/fail.h"

#define POLL_MS       1000        /* how long one wait lasts at most     */
#define ERROR_MAX     (64u << 10) /* bytes of an error answer            */
#define BUSY_RETRY_MS 1000

struct transfer {
	const struct config        *config;
	const struct upstream_call *call;
	struct b3iq_error          *err;
	CURL                       *easy;
	CURLM                      *multi;
	struct curl_slist          *headers;
	struct bytes                error_body;
	uint64_t                    heard_ms; /* last byte, or the end of handling it */
	long                        status;
	int32_t                     rc;       /* of on_data                           */
	bool                        answered; /* has a body byte come?                */
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- what Ollama says went wrong ---------------------------------------- */

static const struct {
	const char *says; /* part of Ollama's sentence */
	int32_t     code;
	const char *text;
} known[] = {
	{ "context length", B3IQ_E_INVALID,
	  "context_length_exceeded: the prompt is longer than the model's context; shorten it" },
	{ "context window", B3IQ_E_INVALID,
	  "context_length_exceeded: the prompt is longer than the model's context; shorten it" },
	{ "prompt too long", B3IQ_E_INVALID,
	  "context_length_exceeded: the prompt is longer than the model's context; shorten it" },
	{ "does not support tools", B3IQ_E_UNSUPPORTED,
	  "this model cannot call tools: choose one whose capabilities list tools" },
	{ "does not support", B3IQ_E_UNSUPPORTED,
	  "this model cannot do what was asked (ollama show lists its capabilities)" },
	{ "system memory", B3IQ_E_NO_MEMORY,
	  "the model needs more memory than the machine of Ollama has free: stop another one "
	  "there" },
	{ "out of memory", B3IQ_E_NO_MEMORY,
	  "the device of Ollama is out of memory: stop another model there or lower context" },
	{ "cudaMalloc", B3IQ_E_NO_MEMORY,
	  "the device of Ollama is out of memory: stop another model there or lower context" },
	{ "server busy", B3IQ_E_BUSY, "Ollama's queue is full: try again shortly" },
};

static int32_t
by_status(long status, struct b3iq_error *err)
{
	if (status == 401 || status == 403)
		return fail_with(err, B3IQ_E_DENIED,
		                 "Ollama's gateway refused us (HTTP %ld): set config token",
		                 status);
	if (status == 404)
		return fail_with(
			err, B3IQ_E_NOT_FOUND,
			"Ollama does not have this model (HTTP 404): run ollama pull for it, or "
			"mend the path in config url");
	if (status == 408 || status == 504)
		return fail_with(err, B3IQ_E_TIMEOUT, "Ollama's gateway gave up waiting (HTTP %ld)",
		                 status);
	if (status == 429 || status == 503)
		return fail_with(err, B3IQ_E_BUSY, "Ollama is busy (HTTP %ld): try again shortly",
		                 status);
	if (status >= 400 && status < 500)
		return fail_with(err, B3IQ_E_INVALID,
		                 "Ollama refused the request (HTTP %ld): its own log says why",
		                 status);
	if (status >= 300 && status < 400)
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "Ollama's address redirects (HTTP %ld), which is refused: put the "
		                 "final address in config url", status);
	if (status >= 200 && status < 300)
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "Ollama broke off with an error: its own log says why");
	return fail_with(err, B3IQ_E_UNAVAILABLE, "Ollama failed (HTTP %ld): its own log says why",
	                 status);
}

int32_t
upstream_error(long status, const char *text, uint32_t retry_ms, struct b3iq_error *err)
{
	int32_t code = 0;

	for (size_t i = 0; text && !code && i < sizeof known / sizeof *known; i++)
		if (strcasestr(text, known[i].says))
			code = fail_with(err, known[i].code, "%s", known[i].text);
	if (!code)
		code = by_status(status, err);
	if (code == B3IQ_E_BUSY && err)
		err->retry_ms = retry_ms ? retry_ms : BUSY_RETRY_MS;
	return code;
}

static int32_t
error_answer(struct transfer *t)
{
	struct json_object *doc = doc_parse(t->error_body.data, t->error_body.len);
	curl_off_t          after_s = 0;
	int32_t             rc;

	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after_s);
	if (after_s < 0 || after_s > 3600)
		after_s = 3600;
	rc = upstream_error(t->status, doc_string(doc, "error"), (uint32_t)after_s * 1000, t->err);
	json_object_put(doc);
	return rc;
}

/* ---- the transfer ------------------------------------------------------- */

static size_t
on_body(char *data, size_t one, size_t len, void *ctx)
{
	struct transfer *t = ctx;

	(void)one;
	if (!t->status)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	t->answered = true;
	if (t->status >= 200 && t->status < 300)
		t->rc = t->call->on_data(t->call->ctx, data, len, t->err);
	else if (len <= t->error_body.max - t->error_body.len)
		t->rc = bytes_add(&t->error_body, data,
		                  len); /* the rest of a longer one is not needed */
	t->heard_ms = now_ms();
	return t->rc ? CURL_WRITEFUNC_ERROR : len;
}

static bool
add_header(struct transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list)
		t->headers = list;
	return list != NULL;
}

static int32_t
set_request(struct transfer *t)
{
	const struct config *c = t->config;
	const char          *text;
	size_t               len;
	char                 line[CONFIG_TOKEN_MAX + 64];
	bool                 ok = true;

	snprintf(line, sizeof line, "%s%s", c->url, t->call->path);
	ok = curl_easy_setopt(t->easy, CURLOPT_URL, line) == CURLE_OK;
	if (c->socket[0])
		ok = ok && !curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	if (c->token[0]) {
		snprintf(line, sizeof line, "Authorization: Bearer %s", c->token);
		ok = ok && add_header(t, line);
	}
	explicit_bzero(line, sizeof line);
	if (t->call->body) {
		text = doc_text(t->call->body, &len);
		ok = ok && text && add_header(t, "Content-Type: application/json") &&
		     add_header(t, "Expect:") && /* a pause of a second with some servers */
		     !curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) &&
		     !curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, text);
	}
	ok = ok && (!t->headers || !curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers));
	return ok ? B3IQ_OK : fail_memory(t->err, "a request to Ollama");
}

static int32_t
set_limits(struct transfer *t)
{
	CURL      *e = t->easy;
	const bool ok =
		!curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") &&
		!curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) &&
		!curl_easy_setopt(e, CURLOPT_PROXY, "") &&
		!curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
		!curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)t->config->connect_ms) &&
		!curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) &&
		!curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) && /* no wait for a resolver */
		!curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L) &&
		!curl_easy_setopt(e, CURLOPT_USERAGENT, "b3iq-ollama/" B3IQ_PLUGIN_VERSION) &&
		!curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) &&
		!curl_easy_setopt(e, CURLOPT_WRITEDATA, t);

	return ok ? B3IQ_OK : fail_memory(t->err, "a request to Ollama");
}

/* Why the call must end now, or B3IQ_OK.  `poked`: cancel_fd is readable. */
static int32_t
must_stop(struct transfer *t, bool poked)
{
	const uint64_t now = now_ms();
	const uint32_t silence = t->answered ? t->config->idle_ms : t->call->first_ms;

	/* The host makes cancel_fd readable on the deadline too. */
	if (t->call->stop.deadline_ms && now >= t->call->stop.deadline_ms)
		return fail_with(t->err, B3IQ_E_TIMEOUT, "the deadline of the request passed");
	if (poked)
		return fail_with(t->err, B3IQ_E_CANCELLED, "the host asked to stop");
	if (now - t->heard_ms < silence)
		return B3IQ_OK;
	if (t->answered)
		return fail_with(
			t->err, B3IQ_E_TIMEOUT,
			"Ollama sent nothing for %u ms: raise config idle_timeout_ms, or look "
			"at its load",
			silence);
	return fail_with(
		t->err, B3IQ_E_TIMEOUT,
		"Ollama did not begin to answer within %u ms: raise the timeouts of the config, "
		"or look at its load",
		silence);
}

static int
wait_ms(const struct transfer *t)
{
	const uint64_t now = now_ms();
	uint64_t       until = t->heard_ms + (t->answered ? t->config->idle_ms : t->call->first_ms);

	if (t->call->stop.deadline_ms && t->call->stop.deadline_ms < until)
		until = t->call->stop.deadline_ms;
	if (until <= now)
		return 0;
	return until - now < POLL_MS ? (int)(until - now) : POLL_MS;
}

/* Moves bytes until libcurl has a result or must_stop() has. */
static int32_t
move(struct transfer *t, CURLcode *result)
{
	struct curl_waitfd wake = { .fd = t->call->stop.cancel_fd, .events = CURL_WAIT_POLLIN };
	const unsigned     n_wake = t->call->stop.cancel_fd >= 0;
	int                running, left;
	int32_t            rc;

	for (;;) {
		if (curl_multi_perform(t->multi, &running))
			return fail_with(t->err, B3IQ_E_INTERNAL,
			                 "libcurl cannot go on with a call");
		for (CURLMsg *m; (m = curl_multi_info_read(t->multi, &left)) != NULL;)
			if (m->msg == CURLMSG_DONE) {
				*result = m->data.result;
				return B3IQ_OK;
			}
		wake.revents = 0;
		if (curl_multi_poll(t->multi, &wake, n_wake, wait_ms(t), NULL))
			return fail_with(t->err, B3IQ_E_INTERNAL, "libcurl cannot wait for Ollama");
		rc = must_stop(t, n_wake && wake.revents);
		if (rc)
			return rc;
	}
}

static int32_t
transport_error(struct transfer *t, CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_CONNECT:
		return fail_with(
			t->err, B3IQ_E_UNAVAILABLE,
			"nobody answers at Ollama's address: start it (ollama serve) or mend "
			"config url");
	case CURLE_COULDNT_RESOLVE_HOST:
		return fail_with(
			t->err, B3IQ_E_UNAVAILABLE,
			"the host in config url cannot be found by name: mend it or the resolver");
	case CURLE_OPERATION_TIMEDOUT: /* only the connect limit is libcurl's */
		return fail_with(t->err, B3IQ_E_TIMEOUT,
		                 "no connection to Ollama within %u ms: mend config url or raise "
		                 "connect_timeout_ms", t->config->connect_ms);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
		return fail_with(
			t->err, B3IQ_E_UNAVAILABLE,
			"no trusted TLS connection to Ollama: install its certificate authority");
	case CURLE_OUT_OF_MEMORY:
		return fail_memory(t->err, "a request to Ollama");
	default:
		return fail_with(t->err, B3IQ_E_UNAVAILABLE,
		                 "the connection to Ollama broke (%s): its own log may say why",
		                 curl_easy_strerror(result));
	}
}

static int32_t
conduct(struct transfer *t)
{
	CURLcode result = CURLE_OK;
	int32_t  rc = set_limits(t);

	if (!rc)
		rc = set_request(t);
	if (!rc && curl_multi_add_handle(t->multi, t->easy))
		rc = fail_memory(t->err, "a request to Ollama");
	if (rc)
		return rc;
	t->heard_ms = now_ms();
	rc = move(t, &result);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	curl_multi_remove_handle(t->multi, t->easy);
	if (rc || t->rc)
		return rc ? rc : t->rc;
	if (t->status && (t->status < 200 || t->status >= 300))
		return error_answer(t);
	return result ? transport_error(t, result) : B3IQ_OK;
}

int32_t
upstream_stream(const struct config *config, const struct upstream_call *call,
                struct b3iq_error *err)
{
	struct transfer t = { .config = config,
		              .call = call,
		              .err = err,
		              .easy = curl_easy_init(),
		              .multi = curl_multi_init(),
		              .error_body = BYTES(ERROR_MAX) };
	int32_t         rc;

	if (t.easy && t.multi)
		rc = conduct(&t);
	else
		rc = fail_memory(err, "a request to Ollama");
	curl_easy_cleanup(t.easy);
	curl_multi_cleanup(t.multi);
	curl_slist_free_all(t.headers);
	bytes_finish(&t.error_body);
	return rc;
}

/* ---- calls whose answer is one document --------------------------------- */

static int32_t
collect(void *ctx, const char *data, size_t len, struct b3iq_error *err)
{
	const int32_t rc = bytes_add(ctx, data, len);

	if (rc == B3IQ_E_INVALID)
		return fail_with(err, B3IQ_E_UNAVAILABLE, "Ollama's answer is longer than %u MiB",
		                 UPSTREAM_REPLY_MAX >> 20);
	return rc ? fail_memory(err, "Ollama's answer") : B3IQ_OK;
}

int32_t
upstream_json(const struct config *config, struct upstream_call call, struct json_object **out,
              struct b3iq_error *err)
{
	struct bytes reply = BYTES(UPSTREAM_REPLY_MAX);
	int32_t      rc;

	call.on_data = collect;
	call.ctx = &reply;
	rc = upstream_stream(config, &call, err);
	*out = rc ? NULL : doc_parse(reply.data, reply.len);
	bytes_finish(&reply);
	if (rc || json_object_is_type(*out, json_type_object))
		return rc;
	json_object_put(*out);
	*out = NULL;
	return fail_with(err, B3IQ_E_UNAVAILABLE,
	                 "what answers at config url is not Ollama: no JSON object at %s",
	                 call.path);
}
