#include "coordinator/jobs/price.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/fail.h"
#include "core/tx/amount.h"

/* The one decimal with six places that this double is the nearest to. */
static int32_t
from_double(double d, const char *field, uint64_t *out, struct b3iq_error *err)
{
	char text[40];

	if (!(d >= 0) || d > (double)PRICE_MOST / AMOUNT_COIN)
		return fail(err, B3IQ_E_INVALID, "%s must be an amount from 0 to %llu AITBC", field,
		            (unsigned long long)(PRICE_MOST / AMOUNT_COIN));
	snprintf(text, sizeof text, "%.6f", d);
	if (strtod(text, NULL) < d || strtod(text, NULL) > d)
		return fail(err, B3IQ_E_INVALID, "%s has more than six decimals", field);
	return amount_parse(text, out, err);
}

int32_t
price_read(struct json_object *v, const char *field, uint64_t *out, struct b3iq_error *err)
{
	int32_t rc;

	switch (json_object_get_type(v)) {
	case json_type_int:
	case json_type_double:
		return from_double(json_object_get_double(v), field, out, err);
	case json_type_string:
		rc = amount_parse(json_object_get_string(v), out, err);
		if (rc == B3IQ_OK && *out > PRICE_MOST)
			rc = fail(err, B3IQ_E_INVALID, "%s is above %llu AITBC", field,
			          (unsigned long long)(PRICE_MOST / AMOUNT_COIN));
		return rc;
	default:
		return fail(err, B3IQ_E_INVALID,
		            "%s must be a number of AITBC or a text such as \"0.25 AITBC\"", field);
	}
}

uint64_t
price_of(const struct job *j, uint64_t units_ms, uint64_t units_tokens)
{
	uint64_t cost = 0;

	if (j->mode == JOB_MODE_FREE)
		return 0;
	if (!amount_mul_div(j->rate, j->mode == JOB_MODE_TIME ? units_ms : units_tokens,
	                    j->mode == JOB_MODE_TIME ? 1000 : 1, &cost))
		return j->escrow;
	return cost < j->escrow ? cost : j->escrow;
}

uint64_t
price_cut(uint64_t amount, uint32_t permille)
{
	uint64_t cut;

	return amount_mul_div(amount, permille, 1000, &cut) && cut <= amount ? cut : 0;
}

struct json_object *
price_number(uint64_t amount)
{
	char text[32];
	const int n = snprintf(text, sizeof text, "%llu.%06llu",
	                       (unsigned long long)(amount / AMOUNT_COIN),
	                       (unsigned long long)(amount % AMOUNT_COIN));
	int end = n;

	while (text[end - 1] == '0' && text[end - 2] != '.')
		end--;
	text[end] = '\0';
	return json_object_new_double_s((double)amount / AMOUNT_COIN, text);
}
