#include "node/openai/errors.h"

#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"

#define CONTEXT "context_length_exceeded"

static const struct {
	int32_t     rc;
	int         status;
	const char *code;
} table[] = {
	{ B3IQ_E_INVALID, 400, "invalid_value" },
	{ B3IQ_E_DENIED, 403, "denied" },
	{ B3IQ_E_NOT_FOUND, 404, "model_not_found" },
	{ B3IQ_E_UNSUPPORTED, 400, "unsupported" },
	{ B3IQ_E_BUSY, 429, "overloaded" },
	{ B3IQ_E_NO_MEMORY, 503, "out_of_memory" },
	{ B3IQ_E_CANCELLED, 499, "cancelled" },
	{ B3IQ_E_TIMEOUT, 504, "timeout" },
	{ B3IQ_E_UNAVAILABLE, 503, "unavailable" },
	{ B3IQ_E_DIED, 502, "backend_died" },
	{ B3IQ_E_INTERNAL, 500, "internal" },
};
#define N_TABLE (sizeof table / sizeof *table)

int32_t
errors_wrong(struct wrong *w, const char *code, const char *param, const char *fmt, ...)
{
	va_list args;

	w->status = 400;
	w->code = code;
	w->retry_s = 0;
	snprintf(w->param, sizeof w->param, "%s", param ? param : "");
	va_start(args, fmt);
	vsnprintf(w->message, sizeof w->message, fmt, args);
	va_end(args);
	return B3IQ_E_INVALID;
}

void
errors_from(struct wrong *w, int32_t rc, const struct b3iq_error *err, const char *param)
{
	size_t i = 0;

	while (i < N_TABLE - 1 && table[i].rc != rc)
		i++;
	errors_wrong(w, table[i].code, NULL, "%s", err->text[0] ? err->text : result_text(rc));
	w->status = table[i].status;
	if (rc == B3IQ_E_NOT_FOUND)
		snprintf(w->param, sizeof w->param, "model");
	if (rc == B3IQ_E_INVALID && param)
		snprintf(w->param, sizeof w->param, "%s", param);
	if (rc == B3IQ_E_INVALID && strncmp(err->text, CONTEXT, sizeof CONTEXT - 1) == 0)
		w->code = CONTEXT;
	if (w->status == 429 || w->status == 503)
		w->retry_s = err->retry_ms ? (err->retry_ms + 999) / 1000 : 1;
}

void
errors_answer(const struct wrong *w, struct http_response *rs)
{
	if (w->retry_s)
		response_set(rs, "Retry-After", "%u", w->retry_s);
	response_error(rs, w->status, w->code, w->param[0] ? w->param : NULL, "%s", w->message);
}

struct json_object *
errors_object(const struct wrong *w)
{
	return response_error_object(w->status, w->code, w->param[0] ? w->param : NULL, w->message);
}
