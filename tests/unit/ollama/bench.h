/* bench.h - what each test here stands on: a host, a sink and a writer that remember. */
#ifndef TEST_OLLAMA_BENCH_H
#define TEST_OLLAMA_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

struct heap_writer {
	struct b3iq_writer base;
	char               text[65536];
	size_t             len;
	int32_t            refuse; /* what write() returns; 0: takes it */
};

static inline int32_t
heap_write(struct b3iq_writer *base, const void *data, size_t len)
{
	struct heap_writer *w = (struct heap_writer *)base;

	if (w->refuse)
		return w->refuse;
	assert_true(len < sizeof w->text - w->len);
	memcpy(w->text + w->len, data, len);
	w->len += len;
	w->text[w->len] = '\0';
	return B3IQ_OK;
}

struct memory_sink {
	struct b3iq_sink base;
	char             text[65536], delta[65536]; /* all of them, deltas with ; between */
	size_t           len, n_chunks;
	size_t           refuse_at;                 /* chunk number that is refused; 0: none */
	void           (*on_chunk)(struct memory_sink *);
	void            *ctx;
};

static inline int32_t
memory_emit(struct b3iq_sink *base, const struct b3iq_chunk *c)
{
	struct memory_sink *s = (struct memory_sink *)base;
	const size_t        at = strlen(s->delta);

	assert_int_equal(c->size, sizeof *c);
	assert_null(c->ids);
	assert_null(c->probe);
	assert_true(c->text_len < sizeof s->text - s->len);
	if (++s->n_chunks == s->refuse_at)
		return B3IQ_E_CANCELLED;
	memcpy(s->text + s->len, c->text, c->text_len);
	s->len += c->text_len;
	s->text[s->len] = '\0';
	if (c->delta)
		snprintf(s->delta + at, sizeof s->delta - at, "%s;", c->delta);
	if (s->on_chunk)
		s->on_chunk(s);
	return B3IQ_OK;
}

#define MEMORY_SINK                                                                               \
	{                                                                                         \
		.base = {.size = sizeof(struct b3iq_sink), .cancel_fd = -1, .emit = memory_emit } \
	}

static inline void
quiet_log(void *ctx, int32_t level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

static inline void
quiet_metric(void *ctx, int32_t type, const char *name, double value)
{
	(void)ctx, (void)type, (void)name, (void)value;
}

/* ctx is the secret's value, or NULL: there is none. */
static inline int32_t
one_secret(void *ctx, const char *name, struct b3iq_writer *out)
{
	if (!ctx || strcmp(name, "token") != 0)
		return B3IQ_E_NOT_FOUND;
	return out->write(out, ctx, strlen(ctx));
}

static inline struct b3iq_host
bench_host(const char *secret)
{
	return (struct b3iq_host){ .size = sizeof(struct b3iq_host), .abi = B3IQ_ABI,
		                   .ctx = (void *)(uintptr_t)secret, .instance = "test",
		                   .log = quiet_log, .metric = quiet_metric, .secret = one_secret };
}

/* A config with short limits; `more` is "" or ",\"key\":value" and wins. */
static inline const char *
bench_config(int port, const char *more)
{
	static char          text[8192];
	struct json_object  *doc, *extra;

	snprintf(text, sizeof text,
	         "{\"url\":\"http://"
	         "127.0.0.1:%d\",\"allow\":[],\"context\":8192,\"keep_alive\":\"5m\","
	         "\"connect_timeout_ms\":2000,\"first_token_timeout_ms\":5000,"
	         "\"idle_timeout_ms\":5000}",
	         port);
	doc = json_tokener_parse(text);
	snprintf(text, sizeof text, "{\"x\":0%s}", more);
	extra = json_tokener_parse(text);
	assert_non_null(extra);
	json_object_object_del(extra, "x");
	json_object_object_foreach(extra, key, value)
		json_object_object_add(doc, key, json_object_get(value));
	snprintf(text, sizeof text, "%s", json_object_to_json_string(doc));
	json_object_put(extra);
	json_object_put(doc);
	return text;
}

#endif
