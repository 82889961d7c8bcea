#include "coordinator/settings.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/jobs/price.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/role/endpoint.h"
#include "core/role/section.h"

#define FILE_MAX 1048576
#define SCHEMA   "coordinator-config.json"

static void
read_limits(struct settings *s, struct json_object *limits)
{
	s->body_bytes = section_number(limits, "body_bytes");
	s->prompt_bytes = section_number(limits, "prompt_bytes");
	s->connections = section_number(limits, "connections");
	s->queue = section_number(limits, "queue");
	s->queue_each = section_number(limits, "queue_each");
	s->rate_per_minute = section_number(limits, "rate_per_minute");
	s->drain_s = section_number(limits, "drain_s");
	s->ended = section_number(limits, "ended");
	s->attempts = section_number(limits, "attempts");
}

static void
read_times(struct settings *s, struct json_object *times)
{
	s->ttl_s = section_number(times, "ttl_s");
	s->ttl_most_s = section_number(times, "ttl_most_s");
	s->no_worker_s = section_number(times, "no_worker_s");
	s->lease_s = section_number(times, "lease_s");
	s->run_s = section_number(times, "run_s");
	s->heartbeat_s = section_number(times, "heartbeat_s");
	s->funding_s = section_number(times, "funding_s");
	s->keep_s = section_number(times, "keep_s");
}

static int32_t
read_price(struct settings *s, struct json_object *price, struct b3iq_error *err)
{
	struct json_object *second = section_member(price, "second");
	struct json_object *token = section_member(price, "token");
	struct json_object *escrow = section_member(price, "escrow");
	int32_t rc = price_read(second, "price.second", &s->rate_time, err);

	if (rc == B3IQ_OK)
		rc = price_read(token, "price.token", &s->rate_tokens, err);
	if (rc == B3IQ_OK)
		rc = price_read(escrow, "price.escrow", &s->escrow, err);
	s->cut_permille = section_number(price, "cut_permille");
	return rc;
}

static int32_t
read_ledger(struct settings *s, struct json_object *ledger, struct b3iq_error *err)
{
	struct buf config;

	if (!ledger)
		return B3IQ_OK;
	s->has_ledger = true;
	s->plugin = section_text(ledger, "plugin");
	s->sha256 = section_text(ledger, "sha256");
	s->run_inline = strcmp(section_text(ledger, "isolation"), "inline") == 0;
	s->wallet = section_text(ledger, "wallet");
	s->wallet_url = section_text(ledger, "wallet_url");
	s->ledger_address = section_text(ledger, "address");
	s->default_wallet = section_text(ledger, "default_wallet");
	s->batch_ms = section_number(ledger, "batch_ms");
	s->plugin_dirs = section_texts(ledger, "plugin_dirs", NULL);
	s->signers = section_texts(ledger, "signers", NULL);
	buf_init(&config, FILE_MAX);
	if (json_write(section_member(ledger, "config"), &config) == B3IQ_OK)
		s->ledger_config = buf_take(&config);
	buf_free(&config);
	return s->plugin_dirs && s->signers && s->ledger_config
	               ? B3IQ_OK
	               : fail_memory(err, "reading coordinator.json");
}

static int32_t
read_all(struct settings *s, struct b3iq_error *err)
{
	struct json_object *listen = section_member(s->doc, "listen");
	struct json_object *log = section_member(s->doc, "log");
	int32_t rc;

	s->address = section_text(listen, "address");
	s->port = (uint16_t)section_number(listen, "port");
	s->allow_remote = section_truth(s->doc, "allow_remote");
	s->hosts = section_texts(s->doc, "hosts", &s->n_hosts);
	s->origins = section_texts(s->doc, "origins", &s->n_origins);
	s->push_hosts = section_texts(s->doc, "push_hosts", NULL);
	if (!s->hosts || !s->origins || !s->push_hosts)
		return fail_memory(err, "reading coordinator.json");
	read_limits(s, section_member(s->doc, "limits"));
	read_times(s, section_member(s->doc, "times"));
	s->model = section_text(s->doc, "default_model");
	s->log_level = log_level(section_text(log, "level"));
	s->log_format = strcmp(section_text(log, "format"), "json") == 0 ? LOG_JSON : LOG_TEXT;
	rc = read_price(s, section_member(s->doc, "price"), err);
	return rc == B3IQ_OK ? read_ledger(s, section_member(s->doc, "ledger"), err) : rc;
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
	rc = section_check(doc, SCHEMA, "coordinator.json", err);
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
	int32_t rc = home_path(home, file, err, "coordinator.json", NULL);

	*out = NULL;
	if (rc == B3IQ_OK && path_exists(file)) {
		rc = section_load(file, FILE_MAX, &doc, err);
	} else if (rc == B3IQ_OK) {
		doc = json_object_new_object();
		rc = doc ? B3IQ_OK : fail_memory(err, "reading coordinator.json");
	}
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
	return s->allow_remote || endpoint_is_loopback(address);
}
