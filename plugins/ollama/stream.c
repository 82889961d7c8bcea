#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "doc.h"
#include "engine/fail.h"
#include "upstream.h"

#define NAME_MAX_LEN 64 /* of a function, as chat-delta.json has it */

void
stream_init(struct stream *s)
{
	s->line = BYTES(STREAM_LINE_MAX);
}

void
stream_finish(struct stream *s)
{
	bytes_finish(&s->line);
}

/* ---- small helpers ------------------------------------------------------ */

static int32_t
malformed(struct b3iq_error *err, const char *what)
{
	return fail_with(
		err, B3IQ_E_UNAVAILABLE,
		"Ollama's stream is malformed: %s; is it Ollama that answers at config url?", what);
}

/* Has the name a tag?  A colon before the last slash is that of a port. */
static bool
tagged(const char *model)
{
	const char *slash = strrchr(model, '/');

	return strchr(slash ? slash : model, ':') != NULL;
}

bool
stream_same_model(const char *a, const char *b)
{
	const char  *shorter = strlen(a) < strlen(b) ? a : b, *longer = shorter == a ? b : a;
	const size_t n = strlen(shorter);

	if (strncmp(shorter, longer, n) != 0)
		return false;
	return !longer[n] || (strcmp(longer + n, ":latest") == 0 && !tagged(shorter));
}

/* ---- tool calls --------------------------------------------------------- */

/* Ollama's own ids repeat from answer to answer, or are missing. */
static bool
new_id(char out[32])
{
	unsigned char random[12];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	memcpy(out, "call_", 5);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(out + 5 + 2 * i, 3, "%02x", random[i]);
	return true;
}

/* Appends one call in the form of chat-delta.json. */
static bool
append_call(struct json_object *list, uint32_t index, const char *name,
            struct json_object *arguments)
{
	struct json_object *call, *function;
	char                id[32];

	return new_id(id) && doc_append(list, call = json_object_new_object()) &&
	       doc_add_int(call, "index", index) && doc_add_string(call, "id", id) &&
	       doc_add_string(call, "type", "function") &&
	       doc_add(call, "function", function = json_object_new_object()) &&
	       doc_add_string(function, "name", name) &&
	       doc_add_string(function, "arguments", doc_text(arguments, NULL));
}

static int32_t
add_calls(struct stream *s, struct json_object *calls, struct json_object *delta,
          struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array();

	if (!doc_add(delta, "tool_calls", list))
		return fail_memory(err, "a tool call of Ollama");
	for (size_t i = 0; i < doc_length(calls); i++) {
		struct json_object *function = doc_member(json_object_array_get_idx(calls, i),
		                                          "function", json_type_object);
		struct json_object *name = doc_member(function, "name", json_type_string);
		struct json_object *arguments = doc_member(function, "arguments", json_type_object);

		if (!name || !arguments || json_object_get_string_len(name) < 1 ||
		    json_object_get_string_len(name) > NAME_MAX_LEN)
			return malformed(err, "a tool call without name or arguments");
		if (s->n_calls == STREAM_CALLS_MAX)
			return malformed(err, "too many tool calls");
		if (!append_call(list, s->n_calls++, json_object_get_string(name), arguments))
			return fail_memory(err, "a tool call of Ollama");
	}
	return B3IQ_OK;
}

/* ---- log probabilities -------------------------------------------------- */

static struct json_object *
token_bytes(struct json_object *in, struct json_object *token)
{
	struct json_object  *given = doc_member(in, "bytes", json_type_array), *out;
	const unsigned char *text = (const unsigned char *)json_object_get_string(token);

	if (given)
		return json_object_get(given);
	out = json_object_new_array();
	for (int i = 0; i < json_object_get_string_len(token); i++)
		if (!doc_append(out, json_object_new_int(text[i]))) {
			json_object_put(out);
			return NULL;
		}
	return out;
}

/* {token, bytes, logprob} of Ollama in the form of chat-delta.json; NULL if it is none. */
static struct json_object *
delta_token(struct json_object *in)
{
	struct json_object *token = doc_member(in, "token", json_type_string), *value = NULL;
	struct json_object *out;
	double              logprob;

	json_object_object_get_ex(in, "logprob", &value);
	if (!token || !(json_object_is_type(value, json_type_double) ||
	                json_object_is_type(value, json_type_int)))
		return NULL;
	logprob = json_object_get_double(value);
	if (!isfinite(logprob)) /* json-c reads NaN */
		return NULL;
	out = json_object_new_object();
	if (doc_add(out, "token", json_object_get(token)) &&
	    doc_add(out, "bytes", token_bytes(in, token)) &&
	    doc_add(out, "logprob", json_object_new_double(logprob > 0 ? 0 : logprob)))
		return out;
	json_object_put(out);
	return NULL;
}

static struct json_object *
delta_top(struct json_object *in)
{
	struct json_object *given = doc_member(in, "top_logprobs", json_type_array);
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < doc_length(given); i++)
		if (!doc_append(out, delta_token(json_object_array_get_idx(given, i)))) {
			json_object_put(out);
			return NULL;
		}
	return out;
}

static int32_t
add_logprobs(struct json_object *given, struct json_object *delta, struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array();

	if (!doc_add(delta, "logprobs", list))
		return fail_memory(err, "log probabilities of Ollama");
	for (size_t i = 0; i < doc_length(given); i++) {
		struct json_object *in = json_object_array_get_idx(given, i);
		struct json_object *one = delta_token(in);

		if (!doc_append(list, one) || !doc_add(one, "top", delta_top(in)))
			return malformed(err, "a log probability without token or value");
	}
	return B3IQ_OK;
}

/* ---- one step ----------------------------------------------------------- */

struct step {
	struct json_object *text, *thinking, *calls, *logprobs; /* of the line; NULL: none */
};

static struct step
read_step(const struct stream *s, struct json_object *line)
{
	struct json_object *from = s->chat ? doc_member(line, "message", json_type_object) : line;
	struct step step = { doc_member(from, s->chat ? "content" : "response", json_type_string),
		             doc_member(from, "thinking", json_type_string),
		             doc_member(from, "tool_calls", json_type_array),
		             doc_member(line, "logprobs", json_type_array) };

	if (step.text && !json_object_get_string_len(step.text))
		step.text = NULL;
	if (step.thinking && !json_object_get_string_len(step.thinking))
		step.thinking = NULL;
	if (step.calls && !doc_length(step.calls))
		step.calls = NULL;
	return step;
}

static int32_t
make_delta(struct stream *s, const struct step *step, struct json_object *delta,
           struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	if (step->thinking && !doc_add(delta, "reasoning", json_object_get(step->thinking)))
		return fail_memory(err, "a step of Ollama");
	if (step->calls)
		rc = add_calls(s, step->calls, delta, err);
	if (rc || !s->logprobs)
		return rc;
	if (!step->logprobs)
		return fail_with(
			err, B3IQ_E_UNSUPPORTED,
			"this Ollama gives no log probabilities: upgrade it to 0.12.11 or newer, "
			"or ask without logprobs");
	return add_logprobs(step->logprobs, delta, err);
}

static size_t
length(struct json_object *text)
{
	return text ? (size_t)json_object_get_string_len(text) : 0;
}

static int32_t
emit(struct stream *s, const struct step *step, struct json_object *delta, struct b3iq_error *err)
{
	struct b3iq_chunk chunk = { .size = sizeof chunk, .text = "", .text_len = length(step->text) };
	int32_t           rc;

	if (step->text)
		chunk.text = json_object_get_string(step->text);
	if (json_object_object_length(delta)) {
		chunk.delta = doc_text(delta, NULL);
		if (!chunk.delta)
			return fail_memory(err, "a step of Ollama");
	}
	s->text_len += length(step->text) + length(step->thinking);
	if (s->text_len > STREAM_ANSWER_MAX)
		return malformed(err, "an answer without end");
	rc = s->sink->emit(s->sink, &chunk);
	if (rc) {
		s->usage->stop = B3IQ_STOP_CANCELLED;
		return fail_with(err, rc, "the host asked to stop");
	}
	s->usage->output_tokens = ++s->steps;
	return B3IQ_OK;
}

static int32_t
take_step(struct stream *s, struct json_object *line, struct b3iq_error *err)
{
	const struct step   step = read_step(s, line);
	struct json_object *delta;
	int32_t             rc;

	if (!step.text && !step.thinking && !step.calls)
		return B3IQ_OK;
	/* A line is at least one token: whoever sends more lines than tokens asked for is cut. */
	if (s->max_tokens && s->steps == s->max_tokens) {
		s->full = true;
		return B3IQ_OK;
	}
	delta = json_object_new_object();
	if (!delta)
		return fail_memory(err, "a step of Ollama");
	rc = make_delta(s, &step, delta, err);
	if (!rc)
		rc = emit(s, &step, delta, err);
	json_object_put(delta);
	return rc;
}

/* ---- the last line ------------------------------------------------------ */

static void
take_usage(struct stream *s, struct json_object *line)
{
	const char        *reason = doc_string(line, "done_reason");
	struct b3iq_usage *u = s->usage;
	const uint64_t     total = doc_count(line, "total_duration");
	const uint64_t     prefill = doc_count(line, "prompt_eval_duration");
	const uint64_t     decode = doc_count(line, "eval_duration");
	const uint64_t     output = doc_count(line, "eval_count");

	u->prompt_tokens = doc_count(line, "prompt_eval_count");
	u->output_tokens = output > s->steps ? output : s->steps;
	u->prefill_us = prefill / 1000;
	u->decode_us = decode / 1000;
	u->queue_us = total > prefill + decode ? (total - prefill - decode) / 1000 : 0;
	if (s->n_calls)
		u->stop = B3IQ_STOP_TOOL;
	else if (reason && strcmp(reason, "length") == 0)
		u->stop = B3IQ_STOP_LENGTH;
	else
		u->stop = B3IQ_STOP_END;
	s->done = true;
}

static int32_t
take_line(struct stream *s, const char *text, size_t len, struct b3iq_error *err)
{
	struct json_object *line;
	const char         *wrong, *model;
	int32_t             rc;

	if (len && text[len - 1] == '\r')
		len--;
	if (!len || s->done || s->full)
		return B3IQ_OK;
	line = doc_parse(text, len);
	wrong = doc_string(line, "error");
	model = doc_string(line, "model");
	if (!json_object_is_type(line, json_type_object))
		rc = malformed(err, "a line that is no JSON object");
	else if (wrong)
		rc = upstream_error(200, wrong, 0, err);
	else if (!model)
		rc = malformed(err, "a line that names no model");
	else if (!stream_same_model(model, s->model))
		rc = fail_with(err, B3IQ_E_NOT_FOUND,
		               "Ollama answered with another model than was asked for: refused");
	else
		rc = take_step(s, line, err);
	if (!rc && !s->full && doc_true(line, "done"))
		take_usage(s, line);
	json_object_put(line);
	return rc;
}

/* ---- the stream --------------------------------------------------------- */

int32_t
stream_feed(struct stream *s, const char *data, size_t len, struct b3iq_error *err)
{
	while (len) {
		const char  *end = memchr(data, '\n', len);
		const size_t n = end ? (size_t)(end - data) : len;
		int32_t      rc = bytes_add(&s->line, data, n);

		if (rc == B3IQ_E_INVALID)
			return malformed(err, "a line of more than 1 MiB");
		if (rc)
			return fail_memory(err, "a line of Ollama");
		if (end) {
			rc = take_line(s, s->line.data, s->line.len, err);
			s->line.len = 0;
			if (rc)
				return rc;
		}
		data += n + (end != NULL);
		len -= n + (end != NULL);
	}
	return B3IQ_OK;
}

int32_t
stream_end(struct stream *s, struct b3iq_error *err)
{
	int32_t rc = take_line(s, s->line.data, s->line.len, err); /* a last line without its end */

	s->line.len = 0;
	if (rc)
		return rc;
	if (s->full) {
		s->usage->stop = B3IQ_STOP_LENGTH;
		return B3IQ_OK;
	}
	if (!s->done)
		return fail_with(err, B3IQ_E_UNAVAILABLE,
		                 "Ollama's stream was cut before its end: its own log may say why");
	if (s->usage->prompt_tokens >= (uint64_t)s->context)
		return fail_with(
			err, B3IQ_E_INVALID,
			"context_length_exceeded: the prompt has %llu tokens or more, the context "
			"%lld; shorten it or raise config context",
			(unsigned long long)s->usage->prompt_tokens, (long long)s->context);
	/* With stop strings, nothing before the first of them is a proper answer. */
	if (!s->steps && !s->stops)
		return fail_with(
			err, B3IQ_E_UNAVAILABLE,
			"Ollama gave an empty answer: try again, or try the model with ollama run");
	return B3IQ_OK;
}
