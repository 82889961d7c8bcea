#include "core/http/guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

static const struct guard_verdict fine = { 0, NULL, NULL };

static struct guard_verdict
refuse(int status, const char *code, const char *text)
{
	return (struct guard_verdict){ status, code, text };
}

/* RFC 9110, 5.6.2: what a method or a header name is made of. */
static bool
is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

static bool
has_control(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

static size_t
count_header(const struct http_request *rq, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < rq->n_headers; i++)
		n += strcasecmp(rq->headers[i].name, name) == 0;
	return n;
}

int64_t
guard_body_length(const struct http_request *rq, bool *chunked)
{
	const char *text = request_header(rq, "Content-Length");
	int64_t n = 0;

	*chunked = request_header(rq, "Transfer-Encoding") != NULL;
	if (!text)
		return 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || n > (INT64_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n;
}

/* The name of "name:port", "[v6]:port" or "name" in lower case; false if it is neither. */
static bool
host_name(const char *host, char out[HOST_MAX + 1])
{
	const char *end, *port;
	size_t n;

	if (*host == '[') {
		end = strchr(++host, ']');
		if (!end)
			return false;
		port = end + 1;
	} else {
		end = port = host + strcspn(host, ":");
	}
	n = (size_t)(end - host);
	if (n == 0 || n > HOST_MAX || (*port && *port != ':'))
		return false;
	if (*port && (strspn(port + 1, "0123456789") != strlen(port + 1) || strlen(port + 1) > 5))
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)host[i]);
	out[n] = '\0';
	if (n > 1 && out[n - 1] == '.') /* the root's dot */
		out[n - 1] = '\0';
	return true;
}

static bool
is_address(const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

bool
guard_host_allowed(const struct guard_rules *rules, const char *host)
{
	char name[HOST_MAX + 1];

	if (!host_name(host, name))
		return false;
	if (strcmp(name, "localhost") == 0 || is_address(name))
		return true;
	for (size_t i = 0; i < rules->n_hosts; i++)
		if (strcmp(name, rules->hosts[i]) == 0)
			return true;
	return false;
}

bool
guard_origin_listed(const struct guard_rules *rules, const char *origin)
{
	for (size_t i = 0; i < rules->n_origins; i++)
		if (strcmp(origin, rules->origins[i]) == 0)
			return true;
	return false;
}

/* Our own pages: the origin is the very host that the request went to. */
static bool
same_origin(const char *origin, const char *host)
{
	const char *rest = strstr(origin, "://");

	return rest && (rest - origin == 4 || rest - origin == 5) &&
	       strncmp(origin, "http", 4) == 0 && strcasecmp(rest + 3, host) == 0;
}

static struct guard_verdict
check_framing(const struct http_request *rq)
{
	const char *te = request_header(rq, "Transfer-Encoding");
	bool chunked;

	if (count_header(rq, "Content-Length") > 1 || count_header(rq, "Transfer-Encoding") > 1)
		return refuse(400, "ambiguous_length", "the length of the body is given twice");
	if (te && count_header(rq, "Content-Length") > 0)
		return refuse(400, "ambiguous_length",
		              "Content-Length and Transfer-Encoding exclude each other");
	if (te && strcasecmp(te, "chunked") != 0)
		return refuse(501, "transfer_encoding",
		              "only the transfer encoding chunked is known");
	if (guard_body_length(rq, &chunked) < 0)
		return refuse(400, "bad_length", "Content-Length is not a number");
	return fine;
}

static struct guard_verdict
check_names(const struct guard_rules *rules, const struct http_request *rq, const char *version)
{
	const char *host = request_header(rq, "Host");
	const char *origin = request_header(rq, "Origin");

	if (count_header(rq, "Host") > 1)
		return refuse(400, "bad_host", "the Host header is there twice");
	if (!host && strcmp(version, "HTTP/1.0") != 0)
		return refuse(400, "bad_host", "HTTP/1.1 needs a Host header");
	if (host && !guard_host_allowed(rules, host))
		return refuse(403, "host_not_allowed",
		              "the node does not go by this host name; add it to node.hosts in "
		              "config.json if it should");
	if (count_header(rq, "Origin") > 1)
		return refuse(400, "bad_origin", "the Origin header is there twice");
	if (origin && !(host && same_origin(origin, host)) && !guard_origin_listed(rules, origin))
		return refuse(403, "origin_not_allowed",
		              "web pages of this origin may not call the node; add it to "
		              "node.origins in config.json if they should");
	return fine;
}

struct guard_verdict
guard_check(const struct guard_rules *rules, const struct http_request *rq, const char *version)
{
	struct guard_verdict verdict;

	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return refuse(505, "http_version", "only HTTP/1.1 and HTTP/1.0 are spoken here");
	if (!is_token(rq->method))
		return refuse(400, "bad_method", "the method is not a word");
	if (rq->path[0] != '/' && strcmp(rq->path, "*") != 0)
		return refuse(400, "bad_path", "the request target must be a path");
	for (size_t i = 0; i < rq->n_headers; i++)
		if (!is_token(rq->headers[i].name) || has_control(rq->headers[i].value))
			return refuse(400, "bad_header", "a header has a malformed name or value");
	verdict = check_framing(rq);
	if (verdict.status)
		return verdict;
	return check_names(rules, rq, version);
}
