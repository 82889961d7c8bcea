#include "core/http/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/fail.h"
#include "core/base/json.h"

#define ERROR_TEXT 512

void
response_init(struct http_response *rs)
{
	*rs = (struct http_response){ .status = 200, .type = "application/json" };
	buf_init(&rs->body, RESPONSE_BODY_MAX);
}

void
response_finish(struct http_response *rs)
{
	buf_wipe(&rs->body);
	for (size_t i = 0; i < rs->n_headers; i++) {
		free(rs->headers[i].name);
		free(rs->headers[i].value);
	}
	rs->n_headers = 0;
}

void
response_clear(struct http_response *rs)
{
	buf_clear(&rs->body);
	rs->status = 200;
	rs->type = "application/json";
}

int32_t
response_set(struct http_response *rs, const char *name, const char *fmt, ...)
{
	char *value = NULL;
	size_t i = 0;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&value, fmt, args);
	va_end(args);
	if (n < 0)
		return B3IQ_E_NO_MEMORY;
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			free(value);
			return B3IQ_E_INVALID;
		}
	}
	while (i < rs->n_headers && strcasecmp(rs->headers[i].name, name) != 0)
		i++;
	if (i == RESPONSE_HEADERS) {
		free(value);
		return B3IQ_E_NO_MEMORY;
	}
	if (i == rs->n_headers) {
		rs->headers[i].name = strdup(name);
		rs->headers[i].value = NULL;
		if (!rs->headers[i].name) {
			free(value);
			return B3IQ_E_NO_MEMORY;
		}
		rs->n_headers++;
	}
	free(rs->headers[i].value);
	rs->headers[i].value = value;
	return B3IQ_OK;
}

void
response_text(struct http_response *rs, int status, const char *type, const char *text)
{
	buf_clear(&rs->body);
	rs->status = status;
	rs->type = type;
	if (buf_puts(&rs->body, text) != B3IQ_OK)
		rs->status = 500;
}

void
response_json(struct http_response *rs, int status, struct json_object *doc)
{
	buf_clear(&rs->body);
	rs->status = status;
	rs->type = "application/json";
	if (!doc || json_write(doc, &rs->body) != B3IQ_OK) {
		buf_clear(&rs->body);
		response_text(rs, 500, "application/json",
		              "{\"error\":{\"message\":\"out of memory while writing the answer\","
		              "\"type\":\"server_error\",\"param\":null,\"code\":\"no_memory\"}}");
	}
	json_object_put(doc);
}

/* OpenAI's word for the family of an error. */
static const char *
error_type(int status)
{
	switch (status) {
	case 403: return "permission_error";
	case 429: return "rate_limit_error";
	case 503: return "service_unavailable_error";
	default:  return status >= 500 ? "server_error" : "invalid_request_error";
	}
}

static int32_t
put_or_null(struct json_object *o, const char *key, const char *text)
{
	if (text)
		return json_put_string(o, key, text);
	return json_object_object_add(o, key, NULL) == 0 ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

struct json_object *
response_error_object(int status, const char *code, const char *param, const char *message)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *error = json_object_new_object();
	int32_t rc;

	if (!doc || !error) {
		json_object_put(error);
		json_object_put(doc);
		return NULL;
	}
	rc = json_put_string(error, "message", message);
	if (rc == B3IQ_OK)
		rc = json_put_string(error, "type", error_type(status));
	if (rc == B3IQ_OK)
		rc = put_or_null(error, "param", param);
	if (rc == B3IQ_OK)
		rc = put_or_null(error, "code", code);
	if (rc != B3IQ_OK) {
		json_object_put(error);
		json_object_put(doc);
		return NULL;
	}
	if (json_put(doc, "error", error) != B3IQ_OK) {
		json_object_put(doc);
		return NULL;
	}
	return doc;
}

void
response_error(struct http_response *rs, int status, const char *code, const char *param,
               const char *fmt, ...)
{
	char text[ERROR_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	response_json(rs, status, response_error_object(status, code, param, text));
}
