#include "coordinator/desk/assignment.h"

#include <stdio.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/tx/amount.h"

static const char *const modes[] = { "free", "time", "tokens" };

static struct json_object *
parsed(const struct buf *text)
{
	struct json_object *o = NULL;

	if (text->len)
		json_parse(text->data, text->len, "a job", &o, NULL);
	return o;
}

static struct json_object *
text_of(const struct buf *b)
{
	return json_object_new_string_len(b->len ? b->data : "", (int)b->len);
}

static struct json_object *
lease_of(const struct job *j)
{
	struct json_object *o = json_object_new_object();

	if (o && json_put_string(o, "id", j->lease) == B3IQ_OK &&
	    json_put_int(o, "attempt", j->attempt) == B3IQ_OK &&
	    json_put_int(o, "deadline_ms", (int64_t)j->lease_ms) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *
price_text(const struct job *j)
{
	struct json_object *o = json_object_new_object();
	char rate[AMOUNT_SIZE], most[AMOUNT_SIZE];

	amount_write(j->rate, rate);
	amount_write(j->escrow, most);
	if (o && json_put_string(o, "mode", modes[j->mode]) == B3IQ_OK &&
	    json_put_string(o, "rate_units", rate) == B3IQ_OK &&
	    json_put_string(o, "max_units", most) == B3IQ_OK)
		return o;
	json_object_put(o);
	return NULL;
}

static int32_t
put_terms(struct json_object *o, const struct job *j)
{
	struct json_object *terms = NULL;
	char reward[AMOUNT_SHOW];

	if (j->terms[0])
		json_parse(j->terms, strlen(j->terms), "terms", &terms, NULL);
	amount_show_short(j->escrow, reward);
	if (json_put(o, "constraints", terms ? terms : json_object_new_object()) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	return json_put_string(o, "reward", reward);
}

static int32_t
put_order(struct json_object *o, const struct desk_work *w)
{
	char hex[65];

	hex_encode(w->job.order, sizeof w->job.order, hex);
	if (json_put_string(o, "order", hex) != B3IQ_OK ||
	    json_put(o, "order_text", text_of(&w->secrets.order_text)) != B3IQ_OK ||
	    json_put(o, "request", text_of(&w->secrets.request)) != B3IQ_OK ||
	    json_put(o, "params", parsed(&w->secrets.params)) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	return w->secrets.seed.len ? json_put(o, "seed", text_of(&w->secrets.seed)) : B3IQ_OK;
}

int32_t
assignment_write(const struct desk_work *w, bool pushed, struct buf *out, struct b3iq_error *err)
{
	const struct job *j = &w->job;
	struct json_object *o = json_object_new_object();
	int32_t rc = B3IQ_E_NO_MEMORY;

	if (o && json_put_string(o, "job_id", j->id) == B3IQ_OK &&
	    json_put_int(o, "attempt", j->attempt) == B3IQ_OK &&
	    json_put(o, "lease", lease_of(j)) == B3IQ_OK &&
	    json_put(o, "payload", parsed(&w->secrets.payload)) == B3IQ_OK &&
	    put_terms(o, j) == B3IQ_OK && json_put_string(o, "model", j->model) == B3IQ_OK &&
	    put_order(o, w) == B3IQ_OK && json_put_bool(o, "stream", j->stream) == B3IQ_OK &&
	    json_put(o, "price", price_text(j)) == B3IQ_OK &&
	    (!pushed || json_put(o, "job_data", parsed(&w->secrets.payload)) == B3IQ_OK))
		rc = json_write(o, out);
	json_object_put(o);
	return rc == B3IQ_OK ? rc : fail(err, rc, "a job could not be written");
}
