#include "coordinator/settle/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/receipt/bundle.h"
#include "core/receipt/receipt_verify.h"

#define TEXT_MAX (64u << 20)

/* Which word a failed check of receipt_verify() gets, and the result code that goes with it. */
static const struct {
	const char *check, *code;
	int32_t     rc;
	bool        needed; /* not checked is not enough */
} findings[] = {
	{ "form", "receipt_malformed", B3IQ_E_INVALID, true },
	{ "hash", "receipt_malformed", B3IQ_E_INVALID, true },
	{ "signature", "receipt_signature", B3IQ_E_DENIED, true },
	{ "key", "receipt_signature", B3IQ_E_DENIED, true },
	{ "tier", "receipt_malformed", B3IQ_E_INVALID, true },
	{ "prompt", "receipt_prompt", B3IQ_E_INVALID, true },
	{ "output", "receipt_output", B3IQ_E_INVALID, true },
	{ "params", "receipt_params", B3IQ_E_INVALID, true },
	{ "tokens", "receipt_tokens", B3IQ_E_INVALID, false },
	{ "logits", "receipt_tokens", B3IQ_E_INVALID, false },
	{ "counts", "receipt_units", B3IQ_E_INVALID, false },
	{ "times", "receipt_units", B3IQ_E_INVALID, true },
};

void
judge_finding_init(struct judge_finding *f)
{
	memset(f, 0, sizeof *f);
	buf_init(&f->envelope, RECEIPT_MAX);
	buf_init(&f->openings, TEXT_MAX);
}

void
judge_finding_free(struct judge_finding *f)
{
	buf_free(&f->envelope);
	buf_wipe(&f->openings);
}

/* ---- the bundle that the worker's claim amounts to ------------------------------- */

static int32_t
copy_members(struct json_object *from, struct json_object *to)
{
	static const char *const keys[] = { "secret", "salts", "params", "tokens", "logits", NULL };
	struct json_object *v;

	for (int i = 0; keys[i]; i++)
		if (json_object_object_get_ex(from, keys[i], &v) && v &&
		    json_put(to, keys[i], json_object_get(v)) != B3IQ_OK)
			return B3IQ_E_NO_MEMORY;
	return B3IQ_OK;
}

static struct json_object *
make_bundle(const struct judge_case *c, struct json_object *openings)
{
	struct json_object *doc = json_object_new_object();

	if (doc &&
	    json_put(openings, "prompt",
	             json_object_new_string_len(c->request->data, (int)c->request->len)) ==
	            B3IQ_OK &&
	    json_put(openings, "output",
	             json_object_new_string_len(c->output, (int)c->output_len)) == B3IQ_OK &&
	    json_put(doc, "openings", json_object_get(openings)) == B3IQ_OK &&
	    json_put(doc, "receipt", json_object_get(c->receipt)) == B3IQ_OK &&
	    json_put_string(doc, "version", BUNDLE_VERSION) == B3IQ_OK)
		return doc;
	json_object_put(doc);
	return NULL;
}

static int32_t
write_bundle(const struct judge_case *c, struct judge_finding *f, struct buf *text, struct why *why)
{
	struct json_object *openings = json_object_new_object(), *doc = NULL;
	int32_t rc = openings ? copy_members(c->openings, openings) : B3IQ_E_NO_MEMORY;

	if (rc == B3IQ_OK)
		rc = json_write(openings, &f->openings);
	doc = rc == B3IQ_OK ? make_bundle(c, openings) : NULL;
	if (!doc)
		rc = fail_memory(&why->err, "checking a result");
	else if (json_canonical(c->receipt, &f->envelope, NULL) != B3IQ_OK ||
	         json_canonical(doc, text, NULL) != B3IQ_OK)
		rc = why_say(why, B3IQ_E_INVALID, "receipt_malformed",
		             "receipt and openings must be JSON without floats and nulls");
	json_object_put(openings);
	json_object_put(doc);
	return rc;
}

/* ---- the report --------------------------------------------------------------------- */

static int32_t
read_report(const struct receipt_report *r, struct why *why)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct receipt_check *k = &r->check[i];

		for (size_t n = 0; n < sizeof findings / sizeof *findings; n++) {
			if (strcmp(findings[n].check, k->name) != 0)
				continue;
			if (k->result == RECEIPT_FAIL ||
			    (k->result == RECEIPT_NOT_CHECKED && findings[n].needed))
				return why_say(why, findings[n].rc, findings[n].code,
				               "the receipt's %s does not hold: %.180s", k->name,
				               k->text);
		}
	}
	if (!r->valid || !r->readable)
		return why_say(why, B3IQ_E_DENIED, "receipt_signature",
		               "the receipt is not signed by the node that is registered");
	return B3IQ_OK;
}

/* The parameters are the ordered ones, but for what the backend needs in flags. */
static bool
same_params(const struct judge_case *c)
{
	struct json_object *ordered = NULL, *opened, *v;
	bool same = true;

	if (!json_object_object_get_ex(c->openings, "params", &opened) ||
	    json_parse(c->params->data, c->params->len, "params", &ordered, NULL) != B3IQ_OK)
		return false;
	json_object_object_foreach(ordered, key, want) {
		if (strcmp(key, "flags") != 0)
			same &= json_object_object_get_ex(opened, key, &v) &&
			        json_object_equal(v, want);
	}
	json_object_put(ordered);
	return same;
}

static int32_t
check_order(const struct judge_case *c, const struct receipt *r, struct why *why)
{
	if (r->kind != RECEIPT_FINAL)
		return why_say(why, B3IQ_E_INVALID, "receipt_malformed",
		               "a result needs a receipt of kind final");
	if (!r->has_order || memcmp(r->order, c->job->order, sizeof r->order) != 0)
		return why_say(why, B3IQ_E_INVALID, "receipt_order",
		               "the receipt is not for this order");
	if (strcmp(c->job->model, "default") != 0 && strcmp(r->model, c->job->model) != 0)
		return why_say(why, B3IQ_E_INVALID, "receipt_model",
		               "the receipt is for another model than was ordered");
	if (!same_params(c))
		return why_say(why, B3IQ_E_INVALID, "receipt_params",
		               "the receipt is for other parameters than were ordered");
	if (c->seed[0] && (!r->seed_by_client || r->seed != strtoull(c->seed, NULL, 10)))
		return why_say(why, B3IQ_E_INVALID, "receipt_params",
		               "the receipt is for another seed than was ordered");
	return B3IQ_OK;
}

static int32_t
check_units(const struct judge_case *c, const struct receipt *r, struct judge_finding *f,
            struct why *why)
{
	const struct job *j = c->job;
	const uint64_t held = c->now_ms > j->leased_ms ? c->now_ms - j->leased_ms : 0;
	const uint64_t claimed = r->end_ms - r->start_ms;

	if (j->max_tokens && r->output_tokens > j->max_tokens)
		return why_say(why, B3IQ_E_INVALID, "receipt_units",
		               "%llu output tokens were claimed; %u were ordered at most",
		               (unsigned long long)r->output_tokens, j->max_tokens);
	if (r->output_tokens > 4 * (uint64_t)c->output_len + 16)
		return why_say(why, B3IQ_E_INVALID, "receipt_units",
		               "%llu output tokens cannot be in %zu bytes",
		               (unsigned long long)r->output_tokens, c->output_len);
	if (r->prompt_tokens > (uint64_t)c->request->len + 1024)
		return why_say(why, B3IQ_E_INVALID, "receipt_units",
		               "%llu prompt tokens cannot be in %zu bytes",
		               (unsigned long long)r->prompt_tokens, c->request->len);
	if (claimed > held + JUDGE_SKEW_MS)
		return why_say(why, B3IQ_E_INVALID, "receipt_units",
		               "%llu ms of work were claimed; the lease is %llu ms old",
		               (unsigned long long)claimed, (unsigned long long)held);
	f->units_ms = claimed < held ? claimed : held;
	if (f->units_ms == 0) /* a millisecond that was begun counts: no work is for nothing */
		f->units_ms = 1;
	f->units_tokens = r->output_tokens < c->output_len ? r->output_tokens : c->output_len;
	return B3IQ_OK;
}

int32_t
judge(const struct judge_case *c, struct judge_finding *f, struct why *why)
{
	struct receipt_report *report = calloc(1, sizeof *report);
	struct buf bundle;
	int32_t rc;

	buf_init(&bundle, TEXT_MAX);
	if (!report)
		rc = fail_memory(&why->err, "checking a result");
	else if (!json_object_is_type(c->receipt, json_type_object) ||
	         !json_object_is_type(c->openings, json_type_object))
		rc = why_say(why, B3IQ_E_INVALID, "receipt_malformed",
		             "a result needs the objects receipt and openings");
	else
		rc = write_bundle(c, f, &bundle, why);
	if (rc == B3IQ_OK)
		rc = receipt_verify(bundle.data, bundle.len, c->pinned, 1, report, &why->err);
	if (rc == B3IQ_OK)
		rc = read_report(report, why);
	if (rc == B3IQ_OK)
		rc = check_order(c, &report->body, why);
	if (rc == B3IQ_OK)
		rc = check_units(c, &report->body, f, why);
	if (rc == B3IQ_OK) {
		memcpy(f->hash, report->hash, sizeof f->hash);
		memcpy(f->output, report->body.output, sizeof f->output);
	}
	buf_wipe(&bundle);
	free(report);
	return rc;
}
