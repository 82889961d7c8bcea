#include "core/http/client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"

#define CONNECT_MS 5000
#define POLL_MS    1000

struct client {
	CURL  *easy;
	CURLM *multi;
};

/* One call while it runs. */
struct call {
	const struct client_request *rq;
	struct client_reply         *reply;
	uint64_t                     heard_ms; /* when bytes last came */
	int32_t                      rc;       /* why we stopped it    */
	bool                         too_long;
	CURL                        *easy;
};

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	long status = 0;

	n *= size;
	call->heard_ms = clock_mono_ms();
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->rq->on_data && status >= 200 && status < 300) {
		call->rc = call->rq->on_data(call->rq->ctx, bytes, n);
	} else {
		call->rc = buf_append(&call->reply->body, bytes, n);
		call->too_long = call->rc == B3IQ_E_INVALID;
	}
	return call->rc == B3IQ_OK ? n : 0;
}

/* Copies the value of "Name: value\r\n" if this is that header. */
static bool
header_value(const char *line, size_t n, const char *name, char *out, size_t size)
{
	const size_t len = strlen(name);
	size_t end = n;

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return false;
	line += len + 1;
	end -= len + 1;
	while (end > 0 && (*line == ' ' || *line == '\t'))
		line++, end--;
	while (end > 0 && (line[end - 1] == '\r' || line[end - 1] == '\n' || line[end - 1] == ' '))
		end--;
	snprintf(out, size, "%.*s", (int)end, line);
	return true;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	struct client_reply *reply = call->reply;
	char number[16];

	n *= size;
	call->heard_ms = clock_mono_ms();
	if (header_value(line, n, "Content-Type", reply->type, sizeof reply->type) ||
	    header_value(line, n, "X-B3IQ-Receipt", reply->receipt, sizeof reply->receipt) ||
	    header_value(line, n, "X-Request-Id", reply->request_id, sizeof reply->request_id))
		return n;
	if (header_value(line, n, "Retry-After", number, sizeof number))
		reply->retry_after_s = (uint32_t)strtoul(number, NULL, 10);
	return n;
}

int32_t
client_create(struct client **out, struct b3iq_error *err)
{
	struct client *c = calloc(1, sizeof *c);

	*out = NULL;
	if (!c)
		return fail_memory(err, "making an HTTP client");
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (!c->easy || !c->multi) {
		client_destroy(c);
		return fail_memory(err, "making an HTTP client");
	}
	*out = c;
	return B3IQ_OK;
}

void
client_destroy(struct client *c)
{
	if (!c)
		return;
	curl_multi_cleanup(c->multi);
	curl_easy_cleanup(c->easy);
	free(c);
}

void
client_reply_init(struct client_reply *reply, size_t body_max)
{
	*reply = (struct client_reply){ 0 };
	buf_init(&reply->body, body_max);
}

void
client_reply_finish(struct client_reply *reply)
{
	buf_wipe(&reply->body);
}

/* An option that libcurl does not take must stop the call: without its method, or with a proxy from
 * the environment, it would be another one. */
static CURLcode
set_options(struct call *call, struct curl_slist *headers)
{
	const struct client_request *rq = call->rq;
	const bool head = rq->method && strcmp(rq->method, "HEAD") == 0;
	const long connect_ms = rq->connect_ms ? rq->connect_ms : CONNECT_MS;
	CURL *easy = call->easy;
	CURLcode rc;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)rq->total_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	if (rq->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, rq->body);
	}
	curl_easy_setopt(easy, CURLOPT_NOBODY, (long)head);
	/* These are copied, which may fail. */
	rc = curl_easy_setopt(easy, CURLOPT_URL, rq->url);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_USERAGENT, "b3iq");
	if (rc == CURLE_OK && rq->method && !head)
		rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
	return rc;
}

/* Lines as libcurl wants them; "Expect:" so that it never waits for 100 Continue. */
static struct curl_slist *
header_list(const char *const *lines)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (; list && lines && *lines; lines++) {
		struct curl_slist *longer = curl_slist_append(list, *lines);

		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

/* What cannot wait for the library: a cancel, or too long a silence. */
static int32_t
interrupted(const struct call *call, bool cancelled, struct b3iq_error *err)
{
	const uint32_t silence = call->rq->silence_ms;

	if (cancelled)
		return fail(err, B3IQ_E_CANCELLED, "the request was cancelled");
	if (silence && clock_mono_ms() - call->heard_ms > silence)
		return fail(err, B3IQ_E_TIMEOUT, "the server has sent nothing for %u ms", silence);
	return B3IQ_OK;
}

static int32_t
drive(struct client *c, struct call *call, CURLcode *result, struct b3iq_error *err)
{
	struct curl_waitfd cancel = { .fd = call->rq->cancel_fd, .events = CURL_WAIT_POLLIN };
	const unsigned n = call->rq->cancel_fd > 0 ? 1 : 0;
	int left = 1;
	int32_t rc = B3IQ_OK;
	CURLMsg *msg;

	while (rc == B3IQ_OK) {
		int wait = POLL_MS;

		if (curl_multi_perform(c->multi, &left) != CURLM_OK)
			return fail_memory(err, "asking the server");
		if (!left)
			break;
		if (call->rq->silence_ms && call->rq->silence_ms < POLL_MS)
			wait = (int)call->rq->silence_ms;
		cancel.revents = 0;
		if (curl_multi_poll(c->multi, &cancel, n, wait, NULL) != CURLM_OK)
			return fail_memory(err, "waiting for the server");
		rc = interrupted(call, n && cancel.revents, err);
	}
	if (rc != B3IQ_OK)
		return rc;
	*result = CURLE_FAILED_INIT;
	while ((msg = curl_multi_info_read(c->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			*result = msg->data.result;
	return B3IQ_OK;
}

/* The URL is not named: it may be private. */
static int32_t
explain(const struct call *call, CURLcode result, struct b3iq_error *err)
{
	switch (result) {
	case CURLE_OK:
		return B3IQ_OK;
	case CURLE_WRITE_ERROR:
		if (call->too_long)
			return fail(err, B3IQ_E_INVALID, "the answer is longer than %zu bytes",
			            call->reply->body.max);
		return fail(err, call->rc, "the answer was not taken to its end");
	case CURLE_OPERATION_TIMEDOUT:
		return fail(err, B3IQ_E_TIMEOUT, "the server did not answer in time");
	case CURLE_COULDNT_RESOLVE_HOST:
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "the server's name is not known; check the URL");
	case CURLE_COULDNT_CONNECT:
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "nobody answers at that address; is the server running?");
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return fail(err, B3IQ_E_INVALID,
		            "the URL is malformed; it must be http:// or https://");
	case CURLE_OUT_OF_MEMORY:
		return fail_memory(err, "asking the server");
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "the connection broke before the answer was whole");
	default:
		return fail(err, B3IQ_E_UNAVAILABLE, "%s", curl_easy_strerror(result));
	}
}

int32_t
client_call(struct client *c, const struct client_request *rq, struct client_reply *reply,
            struct b3iq_error *err)
{
	struct call call = {
		.rq = rq, .reply = reply, .heard_ms = clock_mono_ms(), .easy = c->easy
	};
	struct curl_slist *headers = header_list(rq->headers);
	CURLcode result = CURLE_OK;
	long status = 0;
	int32_t rc;

	buf_clear(&reply->body);
	reply->status = 0;
	reply->type[0] = reply->receipt[0] = reply->request_id[0] = '\0';
	reply->retry_after_s = 0;
	if (!headers)
		return fail_memory(err, "asking the server");
	result = set_options(&call, headers);
	if (result == CURLE_OK && curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		result = CURLE_OUT_OF_MEMORY;
	if (result != CURLE_OK) {
		curl_easy_reset(c->easy);
		curl_slist_free_all(headers);
		return explain(&call, result, err);
	}
	rc = drive(c, &call, &result, err);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(c->multi, c->easy);
	curl_easy_reset(c->easy);
	curl_slist_free_all(headers);
	reply->status = (int)status;
	return rc == B3IQ_OK ? explain(&call, result, err) : rc;
}

void
client_reply_message(const struct client_reply *reply, char *out, size_t size)
{
	struct json_object *doc = NULL, *error = NULL;
	const char *message = NULL;

	if (reply->body.len &&
	    json_parse(reply->body.data, reply->body.len, "the answer", &doc, NULL) == B3IQ_OK &&
	    json_object_is_type(doc, json_type_object) &&
	    json_get(doc, "error", json_type_object, &error, NULL) == B3IQ_OK && error)
		json_get_string(error, "message", NULL, &message, NULL);
	if (message)
		snprintf(out, size, "%s", message);
	else
		snprintf(out, size, "the server answered with status %d", reply->status);
	json_object_put(doc);
}
