#include "coordinator/settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"

#define FILE_MAX 1048576
#define SCHEMA   "coordinator-config.json"

/* A member that the schema's defaults guarantee. */
static struct json_object *
member(struct json_object *of, const char *key)
{
	struct json_object *found = NULL;

	json_object_object_get_ex(of, key, &found);
	return found;
}

static const char *
text(struct json_object *of, const char *key)
{
	return json_object_get_string(member(of, key));
}

static uint32_t
number(struct json_object *of, const char *key)
{
	return (uint32_t)json_object_get_int64(member(of, key));
}

static const char **
texts(struct json_object *array, size_t *count)
{
	const size_t n = array ? json_object_array_length(array) : 0;
	const char **list = calloc(n + 1, sizeof *list);

	for (size_t i = 0; list && i < n; i++)
		list[i] = json_object_get_string(json_object_array_get_idx(array, i));
	if (count)
		*count = n;
	return list;
}

static void
read_limits(struct settings *s, struct json_object *limits)
{
	s->body_bytes = number(limits, "body_bytes");
	s->prompt_bytes = number(limits, "prompt_bytes");
	s->connections = number(limits, "connections");
	s->queue = number(limits, "queue");
	s->queue_each = number(limits, "queue_each");
	s->rate_per_minute = number(limits, "rate_per_minute");
	s->drain_s = number(limits, "drain_s");
	s->ended = number(limits, "ended");
	s->attempts = number(limits, "attempts");
}

static void
read_times(struct settings *s, struct json_object *times)
{
	s->ttl_s = number(times, "ttl_s");
	s->ttl_most_s = number(times, "ttl_most_s");
	s->no_worker_s = number(times, "no_worker_s");
	s->lease_s = number(times, "lease_s");
	s->run_s = number(times, "run_s");
	s->heartbeat_s = number(times, "heartbeat_s");
	s->funding_s = number(times, "funding_s");
	s->keep_s = number(times, "keep_s");
}

static int32_t
read_price(struct settings *s, struct json_object *price, struct b3iq_error *err)
{
	int32_t rc = price_read(member(price, "second"), "price.second", &s->rate_time, err);

	if (rc == B3IQ_OK)
		rc = price_read(member(price, "token"), "price.token", &s->rate_tokens, err);
	if (rc == B3IQ_OK)
		rc = price_read(member(price, "escrow"), "price.escrow", &s->escrow, err);
	s->cut_permille = number(price, "cut_permille");
	return rc;
}

static int32_t
read_ledger(struct settings *s, struct json_object *ledger, struct b3iq_error *err)
{
	struct buf config;

	if (!ledger)
		return B3IQ_OK;
	s->has_ledger = true;
	s->plugin = text(ledger, "plugin");
	s->sha256 = member(ledger, "sha256") ? text(ledger, "sha256") : NULL;
	s->run_inline = strcmp(text(ledger, "isolation"), "inline") == 0;
	s->wallet = text(ledger, "wallet");
	s->wallet_url = text(ledger, "wallet_url");
	s->ledger_address = text(ledger, "address");
	s->default_wallet = text(ledger, "default_wallet");
	s->batch_ms = number(ledger, "batch_ms");
	s->plugin_dirs = texts(member(ledger, "plugin_dirs"), NULL);
	s->signers = texts(member(ledger, "signers"), NULL);
	buf_init(&config, FILE_MAX);
	if (json_write(member(ledger, "config"), &config) == B3IQ_OK)
		s->ledger_config = buf_take(&config);
	buf_free(&config);
	return s->plugin_dirs && s->signers && s->ledger_config
	               ? B3IQ_OK
	               : fail_memory(err, "reading coordinator.json");
}

static int32_t
read_all(struct settings *s, struct b3iq_error *err)
{
	struct json_object *listen = member(s->doc, "listen"), *log = member(s->doc, "log");
	int32_t rc;

	s->address = text(listen, "address");
	s->port = (uint16_t)number(listen, "port");
	s->allow_remote = json_object_get_boolean(member(s->doc, "allow_remote"));
	s->hosts = texts(member(s->doc, "hosts"), &s->n_hosts);
	s->origins = texts(member(s->doc, "origins"), &s->n_origins);
	s->push_hosts = texts(member(s->doc, "push_hosts"), NULL);
	if (!s->hosts || !s->origins || !s->push_hosts)
		return fail_memory(err, "reading coordinator.json");
	read_limits(s, member(s->doc, "limits"));
	read_times(s, member(s->doc, "times"));
	s->model = text(s->doc, "default_model");
	s->log_level = log_level(text(log, "level"));
	s->log_format = strcmp(text(log, "format"), "json") == 0 ? LOG_JSON : LOG_TEXT;
	rc = read_price(s, member(s->doc, "price"), err);
	return rc == B3IQ_OK ? read_ledger(s, member(s->doc, "ledger"), err) : rc;
}

static int32_t
check(struct json_object *doc, struct b3iq_error *err)
{
	struct json_object *schema = NULL;
	size_t len = 0;
	const char *schema_json = schema_text(SCHEMA, &len);
	int32_t rc = schema_json ? json_parse(schema_json, len, SCHEMA, &schema, err)
	                         : fail(err, B3IQ_E_INTERNAL, SCHEMA " is not in this program");

	if (rc == B3IQ_OK)
		rc = schema_check(schema, doc, "coordinator.json", err);
	json_object_put(schema);
	return rc;
}

int32_t
settings_from(struct json_object *doc, struct settings **out, struct b3iq_error *err)
{
	struct settings *s = calloc(1, sizeof *s);
	int32_t rc;

	*out = NULL;
	if (!s) {
		json_object_put(doc);
		return fail_memory(err, "reading coordinator.json");
	}
	s->doc = doc;
	rc = check(doc, err);
	if (rc == B3IQ_OK)
		rc = read_all(s, err);
	if (rc == B3IQ_OK)
		*out = s;
	else
		settings_free(s);
	return rc;
}

int32_t
settings_load(const struct home *home, struct settings **out, struct b3iq_error *err)
{
	struct json_object *doc = NULL;
	char file[PATH_SIZE];
	struct buf content;
	int32_t rc = home_path(home, file, err, "coordinator.json", NULL);

	*out = NULL;
	buf_init(&content, FILE_MAX);
	if (rc == B3IQ_OK && path_exists(file)) {
		rc = path_read(file, &content, err);
		if (rc == B3IQ_OK)
			rc = json_parse(content.len ? content.data : "", content.len, file, &doc,
			                err);
	} else if (rc == B3IQ_OK) {
		doc = json_object_new_object();
		rc = doc ? B3IQ_OK : fail_memory(err, "reading coordinator.json");
	}
	buf_free(&content);
	return rc == B3IQ_OK ? settings_from(doc, out, err) : rc;
}

void
settings_free(struct settings *s)
{
	if (!s)
		return;
	free(s->hosts);
	free(s->origins);
	free(s->push_hosts);
	free(s->plugin_dirs);
	free(s->signers);
	free(s->ledger_config);
	json_object_put(s->doc);
	free(s);
}

bool
settings_may_listen(const struct settings *s, const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (s->allow_remote)
		return true;
	if (inet_pton(AF_INET, address, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
