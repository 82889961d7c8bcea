#include "coordinator/jobs/submission.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "coordinator/jobs/terms.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/receipt/params.h"

#define TEXT_MAX (64u << 20)

/* What the seed sends to its backend where the client says nothing. */
#define TEMPERATURE 0.7
#define MAX_TOKENS  500

static const char *const types[] = { "inference", "chat", "completion", "text-generation", NULL };

__attribute__((format(printf, 5, 6))) static int32_t
wrong(struct submission *s, const char *code, const char *field, struct b3iq_error *err,
      const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	s->code = code;
	snprintf(s->field, sizeof s->field, "%s", field);
	return fail(err, B3IQ_E_INVALID, "%s", text);
}

/* Something below said no: its sentence stands, the field is ours to name. */
static int32_t
named(struct submission *s, const char *field, int32_t rc)
{
	if (rc == B3IQ_E_INVALID && !s->field[0]) {
		s->code = "invalid_value";
		snprintf(s->field, sizeof s->field, "%s", field);
	}
	return rc;
}

static struct json_object *
member(struct json_object *of, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(of, key, &v);
	return v;
}

/* ---- type and model ----------------------------------------------------------- */

static int32_t
read_type(struct submission *s, struct json_object *payload, struct b3iq_error *err)
{
	const char *type;
	int32_t rc = json_get_string(payload, "type", "inference", &type, err);

	for (int i = 0; rc == B3IQ_OK && types[i]; i++)
		if (strcmp(type, types[i]) == 0) {
			snprintf(s->job.type, sizeof s->job.type, "%s", type);
			return B3IQ_OK;
		}
	return rc == B3IQ_OK ? wrong(s, "unknown_type", "type", err,
	                             "there is no job type \"%.32s\"; there are inference, chat, "
	                             "completion and text-generation",
	                             type)
	                     : named(s, "type", rc);
}

static int32_t
read_model(struct submission *s, struct json_object *payload, const struct submission_rules *rules,
           struct b3iq_error *err)
{
	const char *model;
	const int32_t rc = json_get_string(payload, "model", rules->model, &model, err);
	const size_t n = rc == B3IQ_OK ? strlen(model) : 0;

	if (rc != B3IQ_OK)
		return named(s, "model", rc);
	if (n < 1 || n >= sizeof s->job.model)
		return wrong(s, "invalid_value", "model", err,
		             "a model's name has 1 to %zu characters", sizeof s->job.model - 1);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)model[i]) && !strchr("._:/@+-", model[i]))
			return wrong(s, "invalid_value", "model", err,
			             "a model's name is made of letters, digits and ._:/@+-");
	memcpy(s->job.model, model, n + 1);
	return B3IQ_OK;
}

/* ---- the request -------------------------------------------------------------- */

static bool
is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			return false;
	return true;
}

/* A string of the prompt: there, not too long, without NUL. */
static int32_t
check_text(struct submission *s, struct json_object *v, const char *field, bool blank_is_fine,
           const struct submission_rules *rules, struct b3iq_error *err)
{
	const char *text;
	size_t len;

	if (!json_object_is_type(v, json_type_string))
		return wrong(s, "invalid_type", field, err, "%s must be a text", field);
	text = json_object_get_string(v);
	len = (size_t)json_object_get_string_len(v);
	if (!blank_is_fine && is_blank(text, len))
		return wrong(s, "invalid_prompt", field, err, "%s is empty", field);
	if (len > rules->prompt_bytes)
		return wrong(s, "invalid_prompt", field, err,
		             "%s has %zu bytes; at most %u are taken", field, len,
		             rules->prompt_bytes);
	if (memchr(text, 0, len))
		return wrong(s, "invalid_prompt", field, err, "%s has a NUL character", field);
	return B3IQ_OK;
}

static int32_t
add_message(struct json_object *list, const char *role, struct json_object *content)
{
	struct json_object *m = json_object_new_object();

	if (m && json_put_string(m, "role", role) == B3IQ_OK &&
	    json_put(m, "content", json_object_get(content)) == B3IQ_OK)
		return json_add(list, m);
	json_object_put(m);
	return B3IQ_E_NO_MEMORY;
}

/* A prompt is what a user says, as the seed's backend takes it; with "raw" it is continued as it is. */
static int32_t
from_prompt(struct submission *s, struct json_object *payload, struct json_object *request,
            const struct submission_rules *rules, struct b3iq_error *err)
{
	struct json_object *prompt = member(payload, "prompt"), *system = member(payload, "system");
	struct json_object *list;
	bool raw;
	int32_t rc = check_text(s, prompt, "prompt", false, rules, err);

	if (rc == B3IQ_OK)
		rc = named(s, "raw", json_get_bool(payload, "raw", false, &raw, err));
	if (rc == B3IQ_OK && system)
		rc = check_text(s, system, "system", true, rules, err);
	if (rc != B3IQ_OK)
		return rc;
	if (raw)
		return json_put(request, "prompt", json_object_get(prompt));
	list = json_object_new_array();
	if (system)
		rc = add_message(list, "system", system);
	if (rc == B3IQ_OK)
		rc = add_message(list, "user", prompt);
	if (rc == B3IQ_OK)
		return json_put(request, "messages", list);
	json_object_put(list);
	return rc;
}

static int32_t
check_messages(struct submission *s, struct json_object *list, const struct submission_rules *rules,
               struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;
	bool any = false;

	for (size_t i = 0; rc == B3IQ_OK && i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		struct json_object *content = member(m, "content");

		if (json_object_is_type(m, json_type_object) && content)
			rc = check_text(s, content, "messages", true, rules, err);
		any |= rc == B3IQ_OK && content &&
		       !is_blank(json_object_get_string(content),
		                 (size_t)json_object_get_string_len(content));
	}
	if (rc == B3IQ_OK && !any)
		rc = wrong(s, "invalid_prompt", "messages", err, "messages say nothing");
	return rc;
}

/* Everything else that chat-request.json knows, held against it. */
static int32_t
check_request(struct submission *s, struct json_object *request, struct b3iq_error *err)
{
	size_t len;
	const char *text = schema_text("chat-request.json", &len);
	struct json_object *schema = NULL;
	int32_t rc = text ? json_parse(text, len, "chat-request.json", &schema, err)
	                  : fail(err, B3IQ_E_INTERNAL, "chat-request.json is not in this program");

	if (rc == B3IQ_OK)
		rc = named(s, "messages", schema_check(schema, request, "the request", err));
	json_object_put(schema);
	return rc;
}

static int32_t
read_request(struct submission *s, struct json_object *payload, const struct submission_rules *rules,
             struct b3iq_error *err)
{
	static const char *const rest[] = { "stop", "tools", "tool_choice", "tool_name",
		                            "parallel_tool_calls", "response_format", NULL };
	struct json_object *request = json_object_new_object();
	struct json_object *messages = member(payload, "messages");
	bool plain = true;
	int32_t rc;

	if (messages && !json_object_is_type(messages, json_type_array))
		rc = wrong(s, "invalid_type", "messages", err, "messages must be a list");
	else if (messages && !member(payload, "prompt"))
		rc = check_messages(s, messages, rules, err);
	else
		rc = from_prompt(s, payload, request, rules, err);
	if (rc == B3IQ_OK && messages && !member(payload, "prompt")) {
		rc = json_put(request, "messages", json_object_get(messages));
		plain = false;
	}
	for (int i = 0; rc == B3IQ_OK && rest[i]; i++)
		if (member(payload, rest[i])) {
			rc = json_put(request, rest[i], json_object_get(member(payload, rest[i])));
			plain = false;
		}
	if (rc == B3IQ_OK && !plain)
		rc = check_request(s, request, err);
	if (rc == B3IQ_OK)
		rc = named(s, "payload", json_canonical(request, &s->request, err));
	json_object_put(request);
	return rc == B3IQ_E_NO_MEMORY ? fail_memory(err, "reading a job") : rc;
}

/* ---- parameters ----------------------------------------------------------------- */

/* Under its own name or Ollama's, beside the prompt or in "options" / "parameters". */
static struct json_object *
find(struct json_object *payload, const char *key, const char *other, struct json_object **in)
{
	struct json_object *const places[] = { payload, member(payload, "options"),
		                               member(payload, "parameters") };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!json_object_is_type(places[i], json_type_object))
			continue;
		*in = places[i];
		if (member(places[i], key))
			return member(places[i], key);
		if (other && member(places[i], other))
			return member(places[i], other);
	}
	return NULL;
}

static int32_t
number(struct submission *s, struct json_object *payload, const char *key, const char *other,
       double least, double most, double otherwise, float *out, struct b3iq_error *err)
{
	struct json_object *in, *v = find(payload, key, other, &in);
	double d = otherwise;

	if (v) {
		if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
			return wrong(s, "invalid_type", key, err, "%s must be a number", key);
		d = json_object_get_double(v);
		if (!(d >= least && d <= most))
			return wrong(s, "invalid_value", key, err, "%s must be from %g to %g", key,
			             least, most);
	}
	*out = (float)d;
	return B3IQ_OK;
}

static int32_t
whole(struct submission *s, struct json_object *payload, const char *key, const char *other,
      int64_t most, int64_t otherwise, uint32_t *out, struct b3iq_error *err)
{
	struct json_object *in, *v = find(payload, key, other, &in);
	int64_t n = otherwise;

	if (v) {
		if (!json_object_is_type(v, json_type_int))
			return wrong(s, "invalid_type", key, err, "%s must be a whole number", key);
		n = json_object_get_int64(v);
		if (n < 0 || n > most)
			return wrong(s, "invalid_value", key, err, "%s must be from 0 to %lld", key,
			             (long long)most);
	}
	*out = (uint32_t)n;
	return B3IQ_OK;
}

static int32_t
read_seed(struct submission *s, struct json_object *payload, struct b3iq_error *err)
{
	struct json_object *in, *v = find(payload, "seed", NULL, &in);

	if (!v)
		return B3IQ_OK;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return wrong(s, "invalid_value", "seed", err,
		             "seed must be a whole number, not negative");
	snprintf(s->seed, sizeof s->seed, "%lld", (long long)json_object_get_int64(v));
	return B3IQ_OK;
}

static int32_t
read_params(struct submission *s, struct json_object *payload, struct b3iq_error *err)
{
	struct b3iq_gen_request g = { .size = sizeof g };
	int32_t rc = number(s, payload, "temperature", NULL, 0, 2, TEMPERATURE, &g.temperature, err);

	if (rc == B3IQ_OK)
		rc = number(s, payload, "top_p", NULL, 0, 1, 1, &g.top_p, err);
	if (rc == B3IQ_OK)
		rc = number(s, payload, "min_p", NULL, 0, 1, 0, &g.min_p, err);
	if (rc == B3IQ_OK)
		rc = number(s, payload, "repetition_penalty", "repeat_penalty", 0.01, 10, 1,
		            &g.repetition_penalty, err);
	if (rc == B3IQ_OK)
		rc = number(s, payload, "presence_penalty", NULL, -2, 2, 0, &g.presence_penalty, err);
	if (rc == B3IQ_OK)
		rc = number(s, payload, "frequency_penalty", NULL, -2, 2, 0, &g.frequency_penalty,
		            err);
	if (rc == B3IQ_OK)
		rc = whole(s, payload, "top_k", NULL, 1000000, 0, &g.top_k, err);
	if (rc == B3IQ_OK)
		rc = whole(s, payload, "max_tokens", "num_predict", 1u << 20, MAX_TOKENS,
		           &g.max_tokens, err);
	if (rc == B3IQ_OK)
		rc = read_seed(s, payload, err);
	if (rc == B3IQ_OK)
		rc = params_write(&g, &s->params, err);
	s->job.max_tokens = g.max_tokens;
	return rc;
}

/* ---- terms ---------------------------------------------------------------------- */

static int32_t
read_mode(struct submission *s, struct json_object *body, const struct submission_rules *rules,
          struct b3iq_error *err)
{
	const char *mode;
	const int32_t rc = json_get_string(body, "payment_mode", "time", &mode, err);

	if (rc != B3IQ_OK)
		return named(s, "payment_mode", rc);
	if (strcmp(mode, "time") != 0 && strcmp(mode, "tokens") != 0)
		return wrong(s, "invalid_value", "payment_mode", err,
		             "payment_mode is \"time\" or \"tokens\"");
	s->job.mode = strcmp(mode, "time") == 0 ? JOB_MODE_TIME : JOB_MODE_TOKENS;
	s->job.rate = s->job.mode == JOB_MODE_TIME ? rules->rate_time : rules->rate_tokens;
	if (member(body, "payment_rate"))
		return named(s, "payment_rate", price_read(member(body, "payment_rate"),
		                                           "payment_rate", &s->job.rate, err));
	return B3IQ_OK;
}

/* The offer is the smaller of what the client pays and what its constraints say. */
static int32_t
read_payment(struct submission *s, struct json_object *body, const struct submission_rules *rules,
             uint64_t max_price, struct b3iq_error *err)
{
	struct json_object *amount = member(body, "payment_amount");
	const char *currency;
	int32_t rc = named(s, "payment_currency",
	                   json_get_string(body, "payment_currency", "AITBC", &currency, err));

	if (!amount)
		amount = member(body, "payment");
	if (rc == B3IQ_OK && strcmp(currency, "AITBC") != 0)
		rc = wrong(s, "invalid_value", "payment_currency", err,
		           "payment_currency can only be AITBC");
	if (rc == B3IQ_OK)
		rc = read_mode(s, body, rules, err);
	s->job.escrow = max_price && max_price < rules->escrow ? max_price : rules->escrow;
	if (rc == B3IQ_OK && amount) {
		rc = named(s, "payment_amount",
		           price_read(amount, "payment_amount", &s->job.escrow, err));
		if (max_price && max_price < s->job.escrow)
			s->job.escrow = max_price;
	}
	if (rc != B3IQ_OK)
		return rc;
	if (!rules->paid || !s->job.escrow || !s->job.rate) {
		s->job.mode = JOB_MODE_FREE;
		s->job.rate = s->job.escrow = 0;
	}
	s->job.pay = s->job.mode == JOB_MODE_FREE ? JOB_PAY_FREE : JOB_PAY_PENDING;
	return B3IQ_OK;
}

static int32_t
read_terms(struct submission *s, struct json_object *body, const struct submission_rules *rules,
           struct b3iq_error *err)
{
	struct json_object *ttl = member(body, "ttl_seconds");
	struct terms terms;
	int64_t seconds;
	int32_t rc;

	rc = named(s, "ttl_seconds",
	           json_get_int(body, ttl ? "ttl_seconds" : "ttl", 1, rules->ttl_most_s,
	                        rules->ttl_s, &seconds, err));
	if (rc == B3IQ_OK)
		rc = named(s, "stream", json_get_bool(body, "stream", false, &s->job.stream, err));
	if (rc == B3IQ_OK)
		rc = named(s, "constraints", terms_read(member(body, "constraints"), &terms, err));
	if (rc == B3IQ_OK)
		rc = read_payment(s, body, rules, terms.max_price, err);
	if (rc != B3IQ_OK)
		return rc;
	terms.max_price = 0; /* it is in the escrow: no line of its own */
	s->ttl_s = (uint32_t)seconds;
	return named(s, "constraints", terms_write(&terms, s->job.terms, err));
}

int32_t
submission_read(const char *body, size_t len, const struct submission_rules *rules,
                struct submission *s, struct b3iq_error *err)
{
	struct json_object *doc = NULL, *payload;
	int32_t rc;

	memset(s, 0, sizeof *s);
	s->code = "invalid_value";
	buf_init(&s->payload, TEXT_MAX);
	buf_init(&s->request, TEXT_MAX);
	buf_init(&s->params, 4096);
	rc = json_parse(body, len, "the job", &doc, err);
	if (rc != B3IQ_OK) {
		s->code = "invalid_json";
		return rc;
	}
	payload = member(doc, "payload");
	if (!json_object_is_type(doc, json_type_object))
		rc = wrong(s, "invalid_type", "", err, "a job is a JSON object");
	else if (payload && !json_object_is_type(payload, json_type_object))
		rc = wrong(s, "invalid_type", "payload", err, "payload must be an object");
	if (!payload)
		payload = doc;
	if (rc == B3IQ_OK)
		rc = read_type(s, payload, err);
	if (rc == B3IQ_OK)
		rc = read_model(s, payload, rules, err);
	if (rc == B3IQ_OK)
		rc = read_request(s, payload, rules, err);
	if (rc == B3IQ_OK)
		rc = read_params(s, payload, err);
	if (rc == B3IQ_OK)
		rc = read_terms(s, doc, rules, err);
	if (rc == B3IQ_OK) {
		json_object_object_del(payload, "client_key"); /* the seed's: a secret */
		rc = json_write(payload, &s->payload);
	}
	json_object_put(doc);
	return rc;
}

void
submission_free(struct submission *s)
{
	buf_wipe(&s->payload);
	buf_wipe(&s->request);
	buf_wipe(&s->params);
}
