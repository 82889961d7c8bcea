#include "config.h"

#include <curl/curl.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

/* ---- the url ------------------------------------------------------------ */

/* Errors never quote the url: it may hold credentials. */
static int32_t
check_url(const char *url, struct b3iq_error *err)
{
	CURLU  *parts = curl_url();
	char   *scheme = NULL, *query = NULL, *fragment = NULL;
	int32_t rc = B3IQ_OK;

	if (!parts)
		return fail_memory(err, "the url of the config");
	if (curl_url_set(parts, CURLUPART_URL, url, 0) ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0))
		rc = fail_with(err, B3IQ_E_INVALID,
		               "config url is no URL: write it like http://127.0.0.1:11434");
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		rc = fail_with(err, B3IQ_E_INVALID,
		               "config url has the scheme %.32s: only http and https are spoken",
		               scheme);
	else if (!curl_url_get(parts, CURLUPART_QUERY, &query, 0) ||
	         !curl_url_get(parts, CURLUPART_FRAGMENT, &fragment, 0))
		rc = fail_with(err, B3IQ_E_INVALID,
		               "config url has a ? or # part: give only host, port and path");
	curl_free(scheme);
	curl_free(query);
	curl_free(fragment);
	curl_url_cleanup(parts);
	return rc;
}

/* ---- fields ------------------------------------------------------------- */

static int32_t
read_string(struct json_object *doc, const char *key, char *out, size_t size,
            struct b3iq_error *err)
{
	struct json_object *value;
	size_t              len;

	if (!json_object_object_get_ex(doc, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return fail_with(err, B3IQ_E_INVALID, "config lacks the string %s", key);
	len = (size_t)json_object_get_string_len(value);
	if (len >= size || strlen(json_object_get_string(value)) != len)
		return fail_with(err, B3IQ_E_INVALID,
		                 "config %s is longer than %zu bytes or holds a NUL", key,
		                 size - 1);
	memcpy(out, json_object_get_string(value), len + 1);
	return B3IQ_OK;
}

static int32_t
read_int(struct json_object *doc, const char *key, int64_t most, int64_t *out,
         struct b3iq_error *err)
{
	struct json_object *value;

	if (!json_object_object_get_ex(doc, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return fail_with(err, B3IQ_E_INVALID, "config lacks the integer %s", key);
	*out = json_object_get_int64(value);
	if (*out < 1 || *out > most)
		return fail_with(err, B3IQ_E_INVALID, "config %s must be between 1 and %lld", key,
		                 (long long)most);
	return B3IQ_OK;
}

static int32_t
read_limits(struct config *c, struct json_object *doc, struct b3iq_error *err)
{
	const struct {
		const char *key;
		uint32_t   *out;
	} limits[] = { { "connect_timeout_ms", &c->connect_ms },
		       { "first_token_timeout_ms", &c->first_ms },
		       { "idle_timeout_ms", &c->idle_ms } };
	int64_t value;
	int32_t rc;

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		rc = read_int(doc, limits[i].key, 3600000, &value, err);
		if (rc)
			return rc;
		*limits[i].out = (uint32_t)value;
	}
	return read_int(doc, "context", 1 << 24, &c->context, err);
}

static int32_t
read_allow(struct config *c, struct json_object *doc, struct b3iq_error *err)
{
	struct json_object *list;

	if (!json_object_object_get_ex(doc, "allow", &list) ||
	    !json_object_is_type(list, json_type_array))
		return fail_with(err, B3IQ_E_INVALID, "config lacks the array allow");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_string))
			return fail_with(err, B3IQ_E_INVALID, "config allow[%zu] is no string", i);
	c->allow = json_object_get(list);
	return B3IQ_OK;
}

/* ---- the token ---------------------------------------------------------- */

struct token_writer {
	struct b3iq_writer base;
	struct config     *config;
	size_t             len;
};

static int32_t
token_write(struct b3iq_writer *base, const void *data, size_t len)
{
	struct token_writer *w = (struct token_writer *)base;

	if (len > CONFIG_TOKEN_MAX - w->len)
		return B3IQ_E_INVALID;
	memcpy(w->config->token + w->len, data, len);
	w->len += len;
	w->config->token[w->len] = '\0';
	return B3IQ_OK;
}

static int32_t
read_token(struct config *c, const struct b3iq_host *host, struct json_object *doc,
           struct b3iq_error *err)
{
	struct token_writer w = { .base.write = token_write, .config = c };
	struct json_object *ref, *name;
	int32_t             rc;

	if (!json_object_object_get_ex(doc, "token", &ref))
		return B3IQ_OK;
	if (!json_object_object_get_ex(ref, "secret", &name) ||
	    !json_object_is_type(name, json_type_string))
		return fail_with(err, B3IQ_E_INVALID, "config token must be {\"secret\":\"name\"}");
	rc = host->secret(host->ctx, json_object_get_string(name), &w.base);
	if (rc)
		return fail_with(err, rc,
		                 "the host does not give the secret of config token: set it again");
	/* A line break would end the header that the token stands in. */
	for (size_t i = 0; i < w.len; i++)
		if ((unsigned char)c->token[i] < 0x21 || (unsigned char)c->token[i] > 0x7e)
			return fail_with(
				err, B3IQ_E_INVALID,
				"the token holds a space or control character: set it again");
	return B3IQ_OK;
}

/* ---- the whole ---------------------------------------------------------- */

static int32_t
read_fields(struct config *c, const struct b3iq_host *host, struct json_object *doc,
            struct b3iq_error *err)
{
	int32_t rc = read_string(doc, "url", c->url, sizeof c->url, err);

	if (!rc)
		rc = check_url(c->url, err);
	for (size_t n = strlen(c->url); !rc && n && c->url[n - 1] == '/'; n--)
		c->url[n - 1] = '\0';
	if (!rc && json_object_object_get_ex(doc, "socket", NULL))
		rc = read_string(doc, "socket", c->socket, sizeof c->socket, err);
	if (!rc)
		rc = read_string(doc, "keep_alive", c->keep_alive, sizeof c->keep_alive, err);
	if (!rc)
		rc = read_limits(c, doc, err);
	if (!rc)
		rc = read_allow(c, doc, err);
	return rc ? rc : read_token(c, host, doc, err);
}

int32_t
config_read(struct config *c, const struct b3iq_host *host, const char *text,
            struct b3iq_error *err)
{
	struct json_object *doc = json_tokener_parse(text);
	int32_t             rc;

	memset(c, 0, sizeof *c);
	if (!json_object_is_type(doc, json_type_object))
		rc = fail_with(err, B3IQ_E_INVALID, "the config is no JSON object");
	else
		rc = read_fields(c, host, doc, err);
	json_object_put(doc);
	return rc;
}

void
config_finish(struct config *c)
{
	json_object_put(c->allow);
	c->allow = NULL;
	explicit_bzero(c->token, sizeof c->token);
	explicit_bzero(c->url, sizeof c->url);
}

bool
config_allows(const struct config *c, const char *model)
{
	const size_t n = json_object_array_length(c->allow);
	const char  *tag = strrchr(model, ':');
	char         other[512];

	if (!n)
		return true;
	/* The same model by its other spelling. */
	if (tag && strcmp(tag, ":latest") == 0)
		snprintf(other, sizeof other, "%.*s", (int)(tag - model), model);
	else
		snprintf(other, sizeof other, "%s%s", model, tag ? "" : ":latest");
	for (size_t i = 0; i < n; i++) {
		const char *pattern =
			json_object_get_string(json_object_array_get_idx(c->allow, i));

		if (fnmatch(pattern, model, 0) == 0 || fnmatch(pattern, other, 0) == 0)
			return true;
	}
	return false;
}

struct json_object *
config_keep_alive(const struct config *c)
{
	char      *end;
	const long seconds = strtol(c->keep_alive, &end, 10);

	return *end ? json_object_new_string(c->keep_alive) : json_object_new_int64(seconds);
}
