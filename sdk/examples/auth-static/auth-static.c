/* auth-static: bearer tokens from a list that the operator keeps as a secret.
 *
 * The list never becomes part of the config: the host hands it out on request, here once.  What is
 * kept of a token is its SHA-256, and every comparison looks at all entries and all bytes, so its
 * time tells nothing about how near a guess was.  A line of the list that cannot be understood is
 * an error at the start: leaving somebody out in silence would be found out too late.
 */
#include "plugin.h"

#include <json-c/json.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX   65536
#define PEOPLE_MAX 1024
#define TOKEN_MIN  16

struct person {
	uint8_t  token[32]; /* SHA-256 */
	char     name[128], scopes[512];
	uint64_t expires_ms; /* 0: never */
};

struct list { /* the secret while it is read; the writer comes first            */
	struct b3iq_writer writer;
	size_t             len;
	char               text[LIST_MAX];
};

struct provider {
	uint32_t       cache_s;
	char           scopes[512]; /* of a line without any */
	size_t         n;
	struct person *people;
};

static int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	return code;
}

/* ---- the list ------------------------------------------------------------- */

static int32_t
append(struct b3iq_writer *w, const void *data, size_t len)
{
	struct list *l = (struct list *)w;

	if (len >= LIST_MAX - l->len)
		return B3IQ_E_NO_MEMORY;
	memcpy(l->text + l->len, data, len);
	l->len += len;
	return B3IQ_OK;
}

/* Copies a comma-separated word list as a space-separated one; false if it does not fit. */
static bool
take_scopes(char *out, size_t size, const char *words)
{
	size_t n = strlen(words);

	if (n >= size)
		return false;
	memcpy(out, words, n + 1);
	for (char *c = out; *c; c++)
		if (*c == ',')
			*c = ' ';
	return true;
}

static bool
digest_of(const char *token, uint8_t out[32])
{
	return EVP_Digest(token, strlen(token), out, NULL, EVP_sha256(), NULL) == 1;
}

/* "token [name [scopes [expires_ms]]]" */
static bool
take_line(struct provider *p, char *line, int number)
{
	struct person *who = &p->people[p->n];
	char          *save = NULL, *end = NULL;
	const char    *token = strtok_r(line, " \t\r", &save);
	const char    *name = token ? strtok_r(NULL, " \t\r", &save) : NULL;
	const char    *scopes = name ? strtok_r(NULL, " \t\r", &save) : NULL;
	const char    *expires = scopes ? strtok_r(NULL, " \t\r", &save) : NULL;

	if (!token)
		return true; /* an empty line */
	if (strlen(token) < TOKEN_MIN || (name && strlen(name) >= sizeof who->name) ||
	    !take_scopes(who->scopes, sizeof who->scopes, scopes ? scopes : p->scopes))
		return false;
	if (expires)
		who->expires_ms = strtoull(expires, &end, 10);
	if (expires && (*end || !who->expires_ms))
		return false;
	if (name)
		snprintf(who->name, sizeof who->name, "%s", name);
	else
		snprintf(who->name, sizeof who->name, "line-%d", number);
	p->n += digest_of(token, who->token);
	return true;
}

static int32_t
take_list(struct provider *p, struct list *l, struct b3iq_error *err)
{
	char *save = NULL;
	int   number = 0;

	l->text[l->len] = 0;
	for (char *line = strtok_r(l->text, "\n", &save); line; line = strtok_r(NULL, "\n",
	                                                                        &save)) {
		number++;
		if (p->n == PEOPLE_MAX)
			return fail(err, B3IQ_E_INVALID,
			            "the secret \"tokens\" has over 1024 lines");
		if (!take_line(p, line, number)) {
			snprintf(err->text, sizeof err->text,
			         "line %d of the secret \"tokens\" is not "
			         "`token [name [scopes [expires_ms]]]` "
			         "with a token of at least %d characters", number, TOKEN_MIN);
			return B3IQ_E_INVALID;
		}
	}
	return B3IQ_OK;
}

/* ---- the provider --------------------------------------------------------- */

static void
destroy(void *self)
{
	struct provider *p = self;

	if (!p)
		return;
	free(p->people);
	free(p);
}

static bool
take_config(struct provider *p, const char *text)
{
	struct json_object *config = json_tokener_parse(text), *list, *cache;
	size_t              at = 0;
	bool                fits = json_object_is_type(config, json_type_object);

	if (fits && json_object_object_get_ex(config, "cache_s", &cache))
		p->cache_s = (uint32_t)json_object_get_int(cache);
	if (fits && json_object_object_get_ex(config, "scopes", &list) &&
	    json_object_is_type(list, json_type_array))
		for (size_t i = 0; fits && i < json_object_array_length(list); i++) {
			int n = snprintf(p->scopes + at, sizeof p->scopes - at, "%s%s",
			                 at ? " " : "",
			                 json_object_get_string(json_object_array_get_idx(list,
			                                                                  i)));

			fits = n >= 0 && (size_t)n < sizeof p->scopes - at;
			at += (size_t)n;
		}
	json_object_put(config);
	return fits;
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct provider *p = calloc(1, sizeof *p);
	struct list     *l = calloc(1, sizeof *l);
	int32_t          rc = B3IQ_E_NO_MEMORY;

	if (p)
		p->people = calloc(PEOPLE_MAX, sizeof *p->people);
	if (!p || !l || !p->people) {
		fail(err, rc, "out of memory for the list of tokens");
		goto done;
	}
	if (!take_config(p, config)) {
		rc = fail(err, B3IQ_E_INVALID,
		          "the config is no object as in the manifest's schema");
		goto done;
	}
	l->writer.write = append;
	rc = host->secret(host->ctx, "tokens", &l->writer);
	if (rc != B3IQ_OK) {
		fail(err, rc, "the secret \"tokens\" is not to be had: set it for this instance");
		goto done;
	}
	rc = take_list(p, l, err);
	if (rc == B3IQ_OK)
		host->metric(host->ctx, B3IQ_GAUGE, "auth_static_people", (double)p->n);
done:
	if (l)
		explicit_bzero(l, sizeof *l);
	free(l);
	if (rc == B3IQ_OK)
		*self = p;
	else
		destroy(p);
	return rc;
}

/* Looks at every byte of every entry, whatever it finds. */
static const struct person *
find(const struct provider *p, const char *credential)
{
	const struct person *found = NULL;
	uint8_t              digest[32];

	if (!digest_of(credential, digest))
		return NULL;
	for (size_t i = 0; i < p->n; i++)
		if (CRYPTO_memcmp(digest, p->people[i].token, sizeof digest) == 0)
			found = &p->people[i];
	return found;
}

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	const struct provider *p = self;
	const struct person   *person;

	if (!rq->scheme || !rq->credential || strcasecmp(rq->scheme, "Bearer") != 0)
		return B3IQ_DECLINED;
	person = find(p, rq->credential);
	if (!person) /* somebody else's token, perhaps: the next provider may know it */
		return B3IQ_DECLINED;
	if (person->expires_ms && rq->now_ms >= person->expires_ms)
		return fail(err, B3IQ_E_DENIED, "this token has expired: ask for a new one");
	who->cache_s = p->cache_s;
	who->expires_ms = person->expires_ms;
	snprintf(who->subject, sizeof who->subject, "%s", person->name);
	snprintf(who->issuer, sizeof who->issuer, "auth-static");
	snprintf(who->account, sizeof who->account, "%s", person->name);
	snprintf(who->scopes, sizeof who->scopes, "%s", person->scopes);
	return B3IQ_OK;
}

static const struct b3iq_auth iface = {
	.size = sizeof iface,
	.authenticate = authenticate,
};

static const struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = B3IQ_AUTH,
	.threads = B3IQ_THREADS_PARALLEL,
	.id = B3IQ_PLUGIN_ID,
	.version = B3IQ_PLUGIN_VERSION,
	.create = create,
	.destroy = destroy,
	.iface = &iface,
};

const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}
