#include "core/http/router.h"

#include <string.h>

/* Of the pattern's part at p: how long it is, and is it {name} or {name...}? */
struct part {
	const char *text;
	size_t      len;
	bool        param, rest;
};

static struct part
next_part(const char **p)
{
	struct part part = { .text = *p, .len = strcspn(*p, "/") };

	*p += part.len;
	if (**p == '/')
		(*p)++;
	if (part.len > 2 && part.text[0] == '{' && part.text[part.len - 1] == '}') {
		part.param = true;
		part.rest = part.len > 5 && memcmp(part.text + part.len - 4, "...", 3) == 0;
	}
	return part;
}

/* Copies n bytes into scratch as a parameter; false if it cannot be decoded. */
static bool
take_param(struct http_request *rq, const struct part *part, const char *text, size_t n,
           char **scratch)
{
	char *value = *scratch;

	if (rq->n_params == REQUEST_PARAMS || n == 0)
		return false;
	memcpy(value, text, n);
	value[n] = '\0';
	*scratch += n + 1;
	if (!request_decode(value))
		return false;
	rq->params[rq->n_params++] = (struct http_pair){ part->text + 1, value };
	return true;
}

/* How well a pattern fits: -1 not at all, else more for each literal part. */
static int
match(const char *pattern, struct http_request *rq, char *scratch)
{
	const char *have = rq->path + 1, *want = pattern + 1;
	int score = 0;

	rq->n_params = 0;
	while (*want) {
		const struct part part = next_part(&want);
		const size_t n = part.rest ? strlen(have) : strcspn(have, "/");

		if (part.param ? !take_param(rq, &part, have, n, &scratch)
		               : n != part.len || memcmp(have, part.text, n) != 0)
			return -1;
		score += part.param ? (part.rest ? 0 : 1) : 1000;
		have += n;
		if (*want) {
			if (*have != '/')
				return -1;
			have++;
		}
	}
	return *have ? -1 : score;
}

static void
add_method(char *allow, size_t size, const char *method)
{
	const size_t have = strlen(allow), n = strlen(method);

	if (strstr(allow, method) || have + n + 3 > size)
		return;
	memcpy(allow + have, have ? ", " : "", have ? 2 : 0);
	memcpy(allow + have + (have ? 2 : 0), method, n + 1);
}

static bool
method_fits(const char *wanted, const char *given)
{
	return strcmp(wanted, given) == 0 ||
	       (strcmp(given, "HEAD") == 0 && strcmp(wanted, "GET") == 0);
}

enum router_result
router_find(const struct http_route *table, size_t n_routes, struct http_request *rq,
            char *scratch, char *allow, size_t n)
{
	const struct http_route *best = NULL;
	int best_score = -1;
	bool known = false;

	allow[0] = '\0';
	if (rq->path[0] != '/')
		return ROUTER_BAD_PATH;
	for (size_t i = 0; i < n_routes; i++) {
		const int score = match(table[i].pattern, rq, scratch);

		if (score < 0)
			continue;
		known = true;
		add_method(allow, n, table[i].method);
		if (strcmp(table[i].method, "GET") == 0)
			add_method(allow, n, "HEAD");
		if (score > best_score && method_fits(table[i].method, rq->method)) {
			best = &table[i];
			best_score = score;
		}
	}
	rq->n_params = 0;
	if (!best)
		return known ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
	match(best->pattern, rq, scratch); /* its parameters, not the last one's */
	rq->route = best;
	return ROUTER_FOUND;
}
