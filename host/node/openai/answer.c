#include "node/openai/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/receipt/bundle.h"
#include "core/receipt/params.h"
#include "node/keys.h"

#define ID_SIZE        64
#define REASONING_MAX  (4u << 20)
#define CALL_ID_SIZE   (5 + 24 + 1)

struct answer {
	const struct dialect   *dialect;
	struct node            *node;
	struct http_request    *rq;
	struct http_response   *rs;
	const struct principal *principal;
	struct arguments        args;
	struct wrong            wrong;
	struct json_object     *doc;       /* the request                              */
	struct model            model;
	struct instance        *instance;
	struct buf              bodies[ANSWER_PROMPTS_MAX];
	size_t                  n_bodies;
	struct run             *runs;
	size_t                  n_runs, at; /* at: the one that runs                    */
	struct choice           choice;
	struct json_object     *choices;   /* done ones, of a whole answer             */
	struct events           events;
	char                    id[ID_SIZE], fingerprint[128];
	uint64_t                created;
	uint64_t                prompt_tokens, cached_tokens, output_tokens;
	bool                    bundle, streaming;
};

/* ---- small JSON ---------------------------------------------------------- */

/* Adds a string, or null for NULL or "". */
static int32_t
put_text_or_null(struct json_object *to, const char *key, const char *value)
{
	if (value && *value)
		return json_put_string(to, key, value);
	return json_put_or_null(to, key, NULL);
}

/* What every document of this answer starts with. */
static struct json_object *
document(const struct answer *a, const char *object)
{
	struct json_object *doc = json_object_new_object();

	if (doc && json_put_string(doc, "id", a->id) == B3IQ_OK &&
	    json_put_string(doc, "object", object) == B3IQ_OK &&
	    json_put_int(doc, "created", (int64_t)a->created) == B3IQ_OK &&
	    json_put_string(doc, "model", a->model.name) == B3IQ_OK &&
	    put_text_or_null(doc, "system_fingerprint", a->fingerprint) == B3IQ_OK)
		return doc;
	json_object_put(doc);
	return NULL;
}

static struct json_object *
usage(const struct answer *a)
{
	struct json_object *use = json_object_new_object(), *details = json_object_new_object();

	if (use && json_put_int(use, "prompt_tokens", (int64_t)a->prompt_tokens) == B3IQ_OK &&
	    json_put_int(use, "completion_tokens", (int64_t)a->output_tokens) == B3IQ_OK &&
	    json_put_int(use, "total_tokens", (int64_t)(a->prompt_tokens + a->output_tokens)) ==
	            B3IQ_OK &&
	    details &&
	    json_put_int(details, "cached_tokens", (int64_t)a->cached_tokens) == B3IQ_OK &&
	    json_put(use, "prompt_tokens_details", json_object_get(details)) == B3IQ_OK) {
		json_object_put(details);
		return use;
	}
	json_object_put(details);
	json_object_put(use);
	return NULL;
}

/* ---- receipts for the client --------------------------------------------- */

static struct json_object *
bundle(const struct run *run)
{
	const struct bundle_opening opening = {
		.secret = run->secret,
		.prompt = run->request.body,
		.prompt_len = run->request.body_len,
		.params = run->params.data,
		.params_len = run->params.len,
		.output = run->output.data ? run->output.data : "",
		.output_len = run->output.len,
		.tokens = run->has_logits ? run->tokens : NULL,
		.n_tokens = run->has_logits ? run->n_tokens : 0,
		.logits = run->has_logits ? run->logits : NULL,
	};
	struct json_object *doc = NULL;
	struct buf text;

	buf_init(&text, BUNDLE_MAX);
	if (bundle_write(run->envelope.data, run->envelope.len, &opening, &text, NULL) == B3IQ_OK)
		json_parse(text.data, text.len, "bundle", &doc, NULL);
	buf_wipe(&text);
	return doc;
}

static struct json_object *
receipt(const struct run *run)
{
	struct json_object *own = json_object_new_object(), *envelope = NULL;
	char secret[2 * sizeof run->secret + 1];

	hex_encode(run->secret, sizeof run->secret, secret);
	json_parse(run->envelope.data, run->envelope.len, "receipt", &envelope, NULL);
	if (own && json_put_string(own, "receipt_id", run->receipt_id) == B3IQ_OK &&
	    json_put(own, "receipt", json_object_get(envelope)) == B3IQ_OK &&
	    json_put_string(own, "secret", secret) == B3IQ_OK) {
		json_object_put(envelope);
		return own;
	}
	json_object_put(envelope);
	json_object_put(own);
	return NULL;
}

/* {"receipt_id", "receipt", "secret"}, or with the header X-B3IQ-Bundle the whole bundle. */
static int32_t
put_b3iq(const struct answer *a, const struct run *run, struct json_object *to)
{
	if (!run->envelope.len)
		return B3IQ_OK; /* it did not reach a backend, or could not be stored */
	return json_put(to, "b3iq", a->bundle ? bundle(run) : receipt(run));
}

/* ---- one choice ---------------------------------------------------------- */

static void
choice_init(struct choice *c, size_t index)
{
	*c = (struct choice){ .index = index };
	buf_init(&c->reasoning, REASONING_MAX);
}

static void
choice_finish(struct choice *c)
{
	json_object_put(c->logprobs);
	json_object_put(c->tool_calls);
	buf_wipe(&c->reasoning);
	c->logprobs = c->tool_calls = NULL;
}

static const char *
finish_reason(uint32_t stop)
{
	switch (stop) {
	case B3IQ_STOP_LENGTH: return "length";
	case B3IQ_STOP_TOOL:   return "tool_calls";
	default:               return "stop";
	}
}

/* {"index", ..., "finish_reason"} as the start of a choice. */
static struct json_object *
choice_object(const struct choice *c)
{
	struct json_object *o = json_object_new_object();

	if (o && json_put_int(o, "index", (int64_t)c->index) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

/* Sends one chunk. piece NULL: the first one or (finish set) the last one of the choice. */
static int32_t
send_chunk(struct answer *a, const struct piece *piece, const struct run *ended)
{
	struct json_object *doc = document(a, a->dialect->chunk);
	struct json_object *list = json_object_new_array(), *o = choice_object(&a->choice);
	struct json_object *logprobs = NULL;
	int32_t rc = doc && list && o ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = a->dialect->chunk_part(o, piece, !a->choice.begun);
	if (rc == B3IQ_OK && piece && piece->logprobs) {
		logprobs = a->dialect->logprobs(piece->logprobs, a->choice.text_at);
		rc = logprobs ? B3IQ_OK : B3IQ_E_NO_MEMORY;
	}
	if (rc == B3IQ_OK)
		rc = json_put_or_null(o, "logprobs", logprobs);
	if (rc == B3IQ_OK)
		rc = put_text_or_null(o, "finish_reason", a->choice.finish);
	if (rc == B3IQ_OK)
		rc = json_add(list, json_object_get(o));
	if (rc == B3IQ_OK)
		rc = json_put(doc, "choices", json_object_get(list));
	if (rc == B3IQ_OK && a->args.include_usage)
		rc = json_put_or_null(doc, "usage", NULL);
	if (rc == B3IQ_OK && ended)
		rc = put_b3iq(a, ended, doc);
	json_object_put(o);
	json_object_put(list);
	if (rc != B3IQ_OK) {
		json_object_put(doc);
		return rc;
	}
	a->choice.begun = true;
	return events_send(&a->events, doc);
}

/* Tool calls get ids that are unique to this node; pieces of one call are joined. */
static int32_t
take_tool_calls(struct choice *c, struct json_object *calls)
{
	if (!c->tool_calls)
		c->tool_calls = json_object_new_array();
	if (!c->tool_calls)
		return B3IQ_E_NO_MEMORY;
	for (size_t i = 0; i < json_object_array_length(calls); i++) {
		struct json_object *call = json_object_array_get_idx(calls, i), *copy = NULL, *id;
		char fresh[CALL_ID_SIZE];

		if (json_object_object_get_ex(call, "id", &id)) {
			random_id(fresh, sizeof fresh, "call_", 12);
			if (json_put_string(call, "id", fresh) != B3IQ_OK)
				return B3IQ_E_NO_MEMORY;
		}
		if (json_object_deep_copy(call, &copy, NULL) != 0 ||
		    json_add(c->tool_calls, copy) != B3IQ_OK)
			return B3IQ_E_NO_MEMORY;
	}
	return B3IQ_OK;
}

static int32_t
take_logprobs(struct answer *a, struct json_object *tokens)
{
	struct choice *c = &a->choice;
	struct json_object *more = a->dialect->logprobs(tokens, c->text_at);
	int32_t rc = B3IQ_OK;

	if (!more)
		return B3IQ_E_NO_MEMORY;
	if (!c->logprobs) {
		c->logprobs = more;
		return B3IQ_OK;
	}
	rc = a->dialect->more_logprobs(c->logprobs, more);
	json_object_put(more);
	return rc;
}

/* Reads chat-delta.json, as far as we know it. */
static int32_t
read_delta(struct json_object *delta, struct piece *piece)
{
	int32_t rc = json_get(delta, "logprobs", json_type_array, &piece->logprobs, NULL);

	if (rc == B3IQ_OK)
		rc = json_get(delta, "tool_calls", json_type_array, &piece->tool_calls, NULL);
	if (rc == B3IQ_OK)
		rc = json_get_string(delta, "reasoning", NULL, &piece->reasoning, NULL);
	return rc == B3IQ_OK ? rc : B3IQ_E_INTERNAL;
}

static int32_t
on_step(void *ctx, const char *text, size_t len, struct json_object *delta)
{
	struct answer *a = ctx;
	struct piece piece = { .text = text, .len = len };
	int32_t rc = delta ? read_delta(delta, &piece) : B3IQ_OK;

	if (rc == B3IQ_OK && piece.tool_calls)
		rc = take_tool_calls(&a->choice, piece.tool_calls);
	if (rc == B3IQ_OK && !a->args.logprobs)
		piece.logprobs = NULL;
	if (rc == B3IQ_OK && a->streaming && !a->choice.begun && a->dialect->opens)
		rc = send_chunk(a, NULL, NULL);
	if (rc == B3IQ_OK && a->streaming)
		rc = send_chunk(a, &piece, NULL);
	if (rc == B3IQ_OK && !a->streaming && piece.logprobs)
		rc = take_logprobs(a, piece.logprobs);
	if (rc == B3IQ_OK && !a->streaming && piece.reasoning)
		rc = buf_puts(&a->choice.reasoning, piece.reasoning);
	a->choice.text_at += len;
	return rc;
}

/* The run ended well: its choice goes out, or to the others. */
static int32_t
end_choice(struct answer *a, struct run *run)
{
	struct choice *c = &a->choice;
	struct json_object *o;
	int32_t rc;

	if (c->index % (size_t)a->args.n == 0) { /* a prompt counts once, though answered n times */
		a->prompt_tokens += run->usage.prompt_tokens;
		a->cached_tokens += run->usage.cached_tokens;
	}
	a->output_tokens += run->usage.output_tokens;
	snprintf(a->fingerprint, sizeof a->fingerprint, "%s", run->usage.fingerprint);
	if (a->streaming && !c->begun && a->dialect->opens) {
		rc = send_chunk(a, NULL, NULL);
		if (rc != B3IQ_OK)
			return rc;
	}
	c->finish = finish_reason(run->usage.stop);
	if (a->streaming)
		return send_chunk(a, NULL, run);
	o = choice_object(c);
	rc = o ? a->dialect->whole_part(o, c, run->output.data ? run->output.data : "",
	                                run->output.len)
	       : B3IQ_E_NO_MEMORY;
	if (rc == B3IQ_OK)
		rc = json_put_or_null(o, "logprobs", json_object_get(c->logprobs));
	if (rc == B3IQ_OK)
		rc = put_text_or_null(o, "finish_reason", c->finish);
	if (rc == B3IQ_OK && a->n_runs > 1)
		rc = put_b3iq(a, run, o);
	if (rc == B3IQ_OK)
		return json_add(a->choices, o);
	json_object_put(o);
	return rc;
}

/* ---- the whole ----------------------------------------------------------- */

/* The error object, with the failure's receipt beside it. */
static struct json_object *
error_document(const struct answer *a)
{
	struct json_object *doc = errors_object(&a->wrong);

	if (doc && a->at < a->n_runs && put_b3iq(a, &a->runs[a->at], doc) != B3IQ_OK) {
		json_object_put(doc);
		return NULL;
	}
	return doc;
}

/* Tells the failure in a->wrong: as a response while nothing was sent, else as an event. */
static void
tell_failure(struct answer *a)
{
	if (a->wrong.retry_s)
		response_set(a->rs, "Retry-After", "%u", a->wrong.retry_s);
	response_json(a->rs, a->wrong.status, error_document(a));
}

static int32_t
fail_with(struct answer *a, int32_t rc, const struct b3iq_error *err)
{
	errors_from(&a->wrong, rc, err, a->dialect->prompt_param);
	return rc;
}

static int32_t
run_one(struct answer *a, size_t i)
{
	struct run *run = &a->runs[i];
	struct b3iq_error err = NO_ERROR;
	int32_t rc;

	a->at = i;
	choice_init(&a->choice, i);
	rc = pipeline_run(a->node->pipeline, run, &err);
	if (rc == B3IQ_E_NOT_FOUND)
		models_forget(a->node->models);
	if (rc != B3IQ_OK)
		fail_with(a, rc, &err);
	else
		rc = end_choice(a, run);
	if (rc != B3IQ_OK && !a->wrong.status)
		fail_with(a, rc, &(struct b3iq_error){ 0 });
	choice_finish(&a->choice);
	return rc;
}

static int32_t
run_all(struct answer *a)
{
	struct b3iq_error err = NO_ERROR;
	int32_t rc = pipeline_enter(a->node->pipeline, request_cancel_fd(a->rq), &err);

	if (rc != B3IQ_OK)
		return fail_with(a, rc, &err);
	for (size_t i = 0; rc == B3IQ_OK && i < a->n_runs; i++)
		rc = run_one(a, i);
	pipeline_leave(a->node->pipeline);
	return rc;
}

static void
answer_whole(struct answer *a)
{
	struct json_object *doc;
	int32_t rc;

	a->choices = json_object_new_array();
	rc = a->choices ? run_all(a) : fail_with(a, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 });
	if (rc != B3IQ_OK) {
		tell_failure(a);
		return;
	}
	doc = document(a, a->dialect->object);
	if (doc && json_put(doc, "choices", json_object_get(a->choices)) == B3IQ_OK &&
	    json_put(doc, "usage", usage(a)) == B3IQ_OK &&
	    (a->n_runs > 1 || put_b3iq(a, &a->runs[0], doc) == B3IQ_OK)) {
		response_json(a->rs, 200, doc);
		return;
	}
	json_object_put(doc);
	response_json(a->rs, 500, NULL);
}

/* After the choices: usage where it was asked for, and the end. */
static int32_t
send_end(struct answer *a)
{
	struct json_object *doc;
	int32_t rc = B3IQ_OK;

	if (a->args.include_usage) {
		doc = document(a, a->dialect->chunk);
		if (!doc || json_put(doc, "choices", json_object_new_array()) != B3IQ_OK ||
		    json_put(doc, "usage", usage(a)) != B3IQ_OK) {
			json_object_put(doc);
			return B3IQ_E_NO_MEMORY;
		}
		rc = events_send(&a->events, doc);
	}
	return rc == B3IQ_OK ? events_text(&a->events, "[DONE]") : rc;
}

static void
answer_stream(struct answer *a)
{
	int32_t rc;

	events_open(&a->events, a->node->pinger, a->rq, a->rs);
	rc = run_all(a);
	if (rc == B3IQ_OK)
		rc = send_end(a);
	else if (a->events.begun)
		events_send(&a->events, error_document(a));
	if (!events_close(&a->events, true))
		tell_failure(a); /* nothing was sent: a proper status is still possible */
}

/* ---- from the request to the runs ---------------------------------------- */

static int32_t
read_body(struct answer *a)
{
	struct b3iq_error err = NO_ERROR;

	if (json_parse(a->rq->body, a->rq->body_len, "the body", &a->doc, &err) != B3IQ_OK)
		return errors_wrong(&a->wrong, "invalid_json", NULL, "%s", err.text);
	return arguments_read(a->doc, a->dialect->which, &a->args, &a->wrong);
}

static int32_t
find_model(struct answer *a)
{
	char otherwise[MODELS_ID_SIZE];
	struct b3iq_error err = NO_ERROR;
	const char *name = a->args.model ? a->args.model : "default";
	int32_t rc;

	node_default_model(a->node, otherwise);
	if (!a->args.model && !*otherwise)
		return errors_wrong(
			&a->wrong, "missing_parameter", "model",
			"the parameter model is missing; GET /v1/models lists what there is");
	rc = models_find(a->node->models, name, otherwise, &a->model, &a->instance, &err);
	if (rc == B3IQ_OK && !keyring_model_allowed(a->principal->models, a->model.name)) {
		errors_wrong(&a->wrong, "model_not_allowed", "model",
		             "this key may not use the model %.200s", a->model.name);
		a->wrong.status = 403;
		return B3IQ_E_DENIED;
	}
	if (rc == B3IQ_OK && models_load_for_root(a->node->models, &a->model, a->instance)) {
		instance_release(a->instance);
		rc = models_find(a->node->models, name, otherwise, &a->model, &a->instance, &err);
	}
	return rc == B3IQ_OK ? rc : fail_with(a, rc, &err);
}

/* The prompts as the backend gets them. */
static int32_t
make_bodies(struct answer *a)
{
	struct json_object *bodies[ANSWER_PROMPTS_MAX] = { 0 };
	int32_t rc = a->dialect->bodies(&a->args, bodies, &a->n_bodies, &a->wrong);

	for (size_t i = 0; i < ANSWER_PROMPTS_MAX; i++) {
		buf_init(&a->bodies[i], 256u << 20);
		if (rc == B3IQ_OK && i < a->n_bodies)
			rc = arguments_body(&a->args, bodies[i], &a->wrong);
		if (rc == B3IQ_OK && i < a->n_bodies &&
		    json_write(bodies[i], &a->bodies[i]) != B3IQ_OK)
			rc = fail_with(a, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 });
		json_object_put(bodies[i]);
	}
	return rc;
}

/* Each run: a body, a seed of its own, exactly the parameters that its receipt will state. */
static int32_t
fill_run(struct answer *a, size_t i)
{
	struct run *run = &a->runs[i];
	struct b3iq_error err = NO_ERROR;
	const struct buf *body = &a->bodies[i / (size_t)a->args.n];
	const size_t nth = i % (size_t)a->args.n;
	int32_t rc;

	pipeline_prepare(run);
	run->origin = a->rq->id;
	run->cancel_fd = request_cancel_fd(a->rq);
	run->principal = a->principal->subject;
	run->model = &a->model;
	run->instance = a->instance;
	run->on_step = on_step;
	run->ctx = a;
	run->keep_tokens = a->bundle;
	run->seed_by_client = a->args.has_seed;
	arguments_fill(&a->args, &run->request);
	if (!a->args.max_tokens)
		run->request.max_tokens = (uint32_t)a->dialect->max_tokens;
	run->request.model = a->model.id;
	run->request.body = body->data;
	run->request.body_len = body->len;
	if (a->args.has_seed)
		run->request.seed = (uint64_t)a->args.seed + nth;
	else
		random_bytes(&run->request.seed, sizeof run->request.seed);
	if (strcmp(a->model.profile, "none") != 0)
		run->request.flags |= B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES;
	rc = params_settle(&run->request, &err);
	return rc == B3IQ_OK ? rc : fail_with(a, rc, &err);
}

static int32_t
make_runs(struct answer *a)
{
	char ids[ANSWER_RUNS_MAX * (RECEIPT_ID_SIZE + 1) + 1];
	int len = 0;
	const size_t n = a->n_bodies * (size_t)a->args.n;
	int32_t rc = B3IQ_OK;

	if (n > ANSWER_RUNS_MAX)
		return errors_wrong(&a->wrong, "invalid_value", "n",
		                    "prompts times n must be at most %d", ANSWER_RUNS_MAX);
	a->runs = calloc(n, sizeof *a->runs);
	if (!a->runs)
		return fail_with(a, B3IQ_E_NO_MEMORY, &(struct b3iq_error){ 0 });
	for (; rc == B3IQ_OK && a->n_runs < n; a->n_runs++) {
		rc = fill_run(a, a->n_runs);
		len += snprintf(ids + len, sizeof ids - (size_t)len, "%s%s", a->n_runs ? ", " : "",
		                a->runs[a->n_runs].receipt_id);
	}
	response_set(a->rs, "X-B3IQ-Receipt", "%s", ids);
	return rc;
}

static void
answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->n_runs; i++)
		pipeline_finish(&a->runs[i]);
	free(a->runs);
	for (size_t i = 0; i < ANSWER_PROMPTS_MAX; i++)
		buf_wipe(&a->bodies[i]);
	json_object_put(a->choices);
	json_object_put(a->doc);
	instance_release(a->instance);
	free(a);
}

void
answer_run(const struct dialect *dialect, struct http_request *rq, struct http_response *rs)
{
	struct answer *a = calloc(1, sizeof *a);
	const char *bundle = request_header(rq, "X-B3IQ-Bundle");
	int32_t rc;

	if (!a) {
		response_json(rs, 500, NULL);
		return;
	}
	a->dialect = dialect;
	a->node = rq->context;
	a->rq = rq;
	a->rs = rs;
	a->principal = rq->principal;
	a->bundle = bundle && strcmp(bundle, "1") == 0;
	a->created = clock_wall_ms() / 1000;
	random_id(a->id, sizeof a->id, dialect->prefix, 16);
	rc = read_body(a);
	if (rc == B3IQ_OK)
		rc = find_model(a);
	if (rc == B3IQ_OK)
		rc = make_bodies(a);
	if (rc == B3IQ_OK)
		rc = make_runs(a);
	a->streaming = a->args.stream;
	if (rc != B3IQ_OK)
		errors_answer(&a->wrong, rs);
	else if (a->streaming)
		answer_stream(a);
	else
		answer_whole(a);
	answer_free(a);
}
