#include "core/http/request.h"

#include <string.h>
#include <strings.h>

#include "core/base/fail.h"
#include "core/base/utf8.h"
#include "core/http/exchange.h"

static const char *
find(const struct http_pair *pairs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

const char *
request_header(const struct http_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_headers; i++)
		if (strcasecmp(rq->headers[i].name, name) == 0)
			return rq->headers[i].value;
	return NULL;
}

/* A parameter's name points into the pattern: "id}" or "id...}". */
const char *
request_param(const struct http_request *rq, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < rq->n_params; i++)
		if (strncmp(rq->params[i].name, name, n) == 0 &&
		    strchr(".}", rq->params[i].name[n]))
			return rq->params[i].value;
	return NULL;
}

const char *
request_query(const struct http_request *rq, const char *name)
{
	return find(rq->query, rq->n_query, name);
}

int32_t
request_query_int(const struct http_request *rq, const char *name, int64_t least, int64_t most,
                  int64_t otherwise, int64_t *out, struct b3iq_error *err)
{
	const char *text = request_query(rq, name);
	const bool minus = text && *text == '-';
	int64_t n = 0;
	bool bad;

	*out = otherwise;
	if (!text)
		return B3IQ_OK;
	text += minus;
	bad = !*text;
	for (; *text >= '0' && *text <= '9' && n <= INT64_MAX / 100; text++)
		n = n * 10 + (*text - '0');
	n = minus ? -n : n;
	if (bad || *text || n < least || n > most)
		return fail(err, B3IQ_E_INVALID,
		            "the query field %s must be a number from %lld to %lld", name,
		            (long long)least, (long long)most);
	*out = n;
	return B3IQ_OK;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
request_decode(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int high, low;

		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		high = hex_digit(in[1]);
		low = high < 0 ? -1 : hex_digit(in[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high * 16 + low);
		in += 2;
	}
	*out = '\0';
	return utf8_valid(text, (size_t)(out - text));
}

int
request_cancel_fd(struct http_request *rq)
{
	return rq->exchange ? exchange_cancel_fd(rq->exchange) : -1;
}

bool
request_gone(const struct http_request *rq)
{
	return rq->exchange && exchange_is_gone(rq->exchange);
}
