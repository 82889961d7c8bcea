#include "coordinator/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/api/reply.h"
#include "coordinator/api/routes.h"
#include "coordinator/context.h"
#include "coordinator/settle/receipts.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/role/endpoint.h"
#include "core/role/kv.h"

#define WORKERS 1024 /* threads of handlers at most: long polls hold one each, up to 912 of them */
#define QUEUE   2048

static const struct store_module *const modules[] = {
	&keyring_module, &kv_module, &jobbook_module, &fleet_module,
	&steps_module, &receipts_module, NULL,
};

/* ---- what the server calls ------------------------------------------------------------ */

static bool
gate(struct http_request *rq, struct http_response *rs)
{
	struct coordinator *c = rq->context;
	struct b3iq_error err = NO_ERROR;
	struct principal *p;
	int32_t rc;

	if (!rq->route->scope)
		return true;
	rq->principal = p = calloc(1, sizeof *p);
	rc = p ? access_check(c->access, rq, p, &err) : fail_memory(&err, "checking a key");
	if (rc == B3IQ_E_DENIED)
		reply_error(rq, rs, 401, "invalid_api_key", NULL, err.text);
	else if (rc != B3IQ_OK)
		reply_error(rq, rs, 503, "unavailable", NULL, err.text);
	else if (!keyring_scope_allows(p->scopes, rq->route->scope)) {
		rc = B3IQ_E_DENIED;
		reply_error(rq, rs, 401, "insufficient_scope", NULL,
		            "this key is of another role than this path is for");
	}
	return rc == B3IQ_OK;
}

static void
leave(struct http_request *rq)
{
	free(rq->principal);
	rq->principal = NULL;
}

static void
count(const struct http_request *rq, int status, uint64_t bytes)
{
	const struct coordinator *c = rq->context;

	(void)bytes;
	traffic_count(c->traffic, rq, status);
}

/* ---- what the ledger plugin calls ----------------------------------------------------- */

static int32_t
plugin_get(void *ctx, const char *instance, const char *key, struct b3iq_writer *out)
{
	const struct coordinator *c = ctx;

	return kv_get(c->store, instance, key, out);
}

static int32_t
plugin_put(void *ctx, const char *instance, const char *key, const void *value, size_t len)
{
	const struct coordinator *c = ctx;

	return kv_put(c->store, instance, key, value, len);
}

static int32_t
plugin_sign(void *ctx, const char *instance, const char *key, const char *alg, const void *message,
            size_t len, struct b3iq_writer *sig)
{
	const struct coordinator *c = ctx;

	(void)instance;
	return walletd_sign(c->walletd, key, alg, message, len, sig);
}

static int32_t
plugin_public_key(void *ctx, const char *instance, const char *key, const char *alg,
                  struct b3iq_writer *out)
{
	const struct coordinator *c = ctx;

	(void)instance;
	return walletd_public_key(c->walletd, key, alg, out);
}

/* ---- start -------------------------------------------------------------------------------- */

static int32_t
open_store(const struct home *home, struct store **out, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = home_path(home, file, err, "coordinator.db", NULL);

	*out = NULL;
	return rc == B3IQ_OK ? store_open(file, modules, out, err) : rc;
}

/* For clients, who check its verdicts: `b3iq receipt verify JOB --coordinator coordinator.pub`. */
static int32_t
write_public(const struct coordinator *c, struct b3iq_error *err)
{
	char file[PATH_SIZE], name[ED25519_NAME_SIZE], line[ED25519_NAME_SIZE + 1];
	int32_t rc = home_path(&c->home, file, err, "keys", "coordinator.pub", NULL);
	int n;

	if (rc != B3IQ_OK || path_exists(file))
		return rc;
	ed25519_name(ed25519_public(c->key), name);
	n = snprintf(line, sizeof line, "%s\n", name);
	return path_write(file, line, (size_t)n, 0644, err);
}

static int32_t
open_key(struct coordinator *c, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc = home_path(&c->home, file, err, "keys", "coordinator.key", NULL);

	if (rc != B3IQ_OK)
		return rc;
	rc = ed25519_load(file, &c->key, err);
	if (rc == B3IQ_E_NOT_FOUND) {
		rc = ed25519_generate(&c->key, err);
		if (rc == B3IQ_OK)
			rc = ed25519_save(c->key, file, err);
	}
	return rc == B3IQ_OK ? write_public(c, err) : rc;
}

static int32_t
open_home(struct coordinator *c, const char *dir, struct b3iq_error *err)
{
	int32_t rc = home_open(&c->home, dir, err);

	if (rc == B3IQ_OK)
		rc = home_lock(&c->home, "coordinator", err);
	if (rc == B3IQ_OK)
		rc = settings_load(&c->home, &c->settings, err);
	if (rc == B3IQ_OK)
		log_setup(c->settings->log_level, c->settings->log_format);
	if (rc == B3IQ_OK)
		rc = open_key(c, err);
	return rc == B3IQ_OK ? open_store(&c->home, &c->store, err) : rc;
}

/* The wallet daemon's token: secrets/coordinator/wallet. */
static int32_t
open_walletd(struct coordinator *c, struct b3iq_error *err)
{
	const struct settings *s = c->settings;
	char file[PATH_SIZE];
	struct buf token;
	int32_t rc = home_path(&c->home, file, err, "secrets", "coordinator", "wallet", NULL);

	buf_init(&token, 512);
	if (rc == B3IQ_OK && path_exists(file))
		rc = path_read(file, &token, err);
	while (token.len && (token.data[token.len - 1] == '\n' || token.data[token.len - 1] == ' '))
		token.data[--token.len] = '\0';
	if (rc == B3IQ_OK)
		rc = walletd_create(s->wallet_url, token.len ? token.data : "", &c->walletd, err);
	buf_wipe(&token);
	if (rc != B3IQ_OK)
		return rc;
	snprintf(c->address, sizeof c->address, "%s", s->ledger_address);
	return c->address[0] ? B3IQ_OK : walletd_address(c->walletd, s->wallet, c->address, err);
}

static int32_t
start_ledger(struct coordinator *c, struct b3iq_error *err)
{
	const struct settings *s = c->settings;
	const char *signers[34] = { s->wallet, s->default_wallet[0] ? s->default_wallet : s->wallet };
	char state[PATH_SIZE], keys[PATH_SIZE], secrets[PATH_SIZE];
	size_t n = 2;
	int32_t rc = home_path(&c->home, state, err, "plugins", "ledger", NULL);

	if (rc == B3IQ_OK)
		rc = home_path(&c->home, keys, err, "keys", "trust", NULL);
	if (rc == B3IQ_OK)
		rc = home_path(&c->home, secrets, err, "secrets", "ledger", NULL);
	if (rc != B3IQ_OK)
		return rc;
	for (size_t i = 0; s->signers[i] && n < 32; i++)
		signers[n++] = s->signers[i];
	c->services = (struct hostapi_services){ .ctx = c, .kv_get = plugin_get,
		                                 .kv_put = plugin_put, .sign = plugin_sign,
		                                 .public_key = plugin_public_key };
	rc = instance_create(&(struct instance_options){
		.name = "ledger", .plugin = s->plugin, .dirs = s->plugin_dirs,
		.sha256 = s->sha256, .keys_dir = keys, .config = s->ledger_config,
		.state_dir = state, .secrets_dir = secrets, .signers = signers,
		.services = &c->services, .run_inline = s->run_inline }, &c->ledger, err);
	if (rc != B3IQ_OK)
		return rc;
	instance_start(c->ledger);
	return B3IQ_OK;
}

static int32_t
open_money(struct coordinator *c, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	if (c->settings->has_ledger)
		rc = open_walletd(c, err);
	if (rc == B3IQ_OK && c->settings->has_ledger)
		rc = start_ledger(c, err);
	c->payments = (struct payments){ .wallet = c->settings->has_ledger ? c->settings->wallet : "",
		                         .address = c->address,
		                         .cut = c->settings->cut_permille };
	return rc;
}

static int32_t
open_desk(struct coordinator *c, struct b3iq_error *err)
{
	const struct settings *s = c->settings;
	const struct desk_options o = {
		.store = c->store, .key = c->key, .payments = &c->payments, .ledger = c->ledger,
		.rules = { .prompt_bytes = s->prompt_bytes, .ttl_s = s->ttl_s,
		           .ttl_most_s = s->ttl_most_s, .paid = s->has_ledger,
		           .rate_time = s->rate_time, .rate_tokens = s->rate_tokens,
		           .escrow = s->escrow, .model = s->model },
		.queue_most = s->queue, .queue_most_each = s->queue_each,
		.no_worker_s = s->no_worker_s, .lease_s = s->lease_s, .run_s = s->run_s,
		.heartbeat_s = s->heartbeat_s, .attempts = s->attempts,
		.funding_s = s->funding_s, .keep_s = s->keep_s, .batch_ms = s->batch_ms,
		.ended_most = s->ended, .push_hosts = s->push_hosts,
	};

	c->traffic = traffic_create();
	c->access = access_create(c->store, s->rate_per_minute,
	                          s->has_ledger ? s->default_wallet : "", err);
	if (!c->traffic || !c->access)
		return fail_memory(err, "starting the coordinator");
	return desk_create(&o, &c->desk, err);
}

static int32_t
serve(struct coordinator *c, const struct coordinator_options *options, struct b3iq_error *err)
{
	const struct settings *s = c->settings;
	struct server_options o = {
		.address = options->address ? options->address : s->address,
		.port = options->port >= 0 ? (uint16_t)options->port : s->port,
		.guard = { s->hosts, s->n_hosts, s->origins, s->n_origins },
		.connections = s->connections, .workers = WORKERS, .queue = QUEUE, .context = c,
		.gate = gate, .leave = leave, .done = count,
	};
	int32_t rc;

	if (!settings_may_listen(s, o.address))
		return fail(err, B3IQ_E_INVALID,
		            "the address %s can be reached by other machines; set allow_remote to "
		            "true in coordinator.json if that is wanted",
		            o.address);
	o.routes = routes_table(s->body_bytes, &o.n_routes);
	rc = server_create(&c->server, &o, err);
	if (rc == B3IQ_OK)
		endpoint_url(o.address, server_port(c->server), c->url, sizeof c->url);
	return rc;
}

int32_t
coordinator_start(const struct coordinator_options *options, struct coordinator **out,
                  struct b3iq_error *err)
{
	struct coordinator *c = calloc(1, sizeof *c);
	int32_t rc;

	*out = NULL;
	if (!c)
		return fail_memory(err, "starting the coordinator");
	c->home.lock_fd = -1;
	c->start_ms = clock_wall_ms();
	rc = open_home(c, options->home, err);
	if (rc == B3IQ_OK)
		rc = open_money(c, err);
	if (rc == B3IQ_OK)
		rc = open_desk(c, err);
	if (rc == B3IQ_OK)
		rc = serve(c, options, err);
	if (rc != B3IQ_OK) {
		coordinator_stop(c, NULL);
		return rc;
	}
	atomic_store(&c->ready, true);
	home_announce(&c->home, c->url);
	*out = c;
	return B3IQ_OK;
}

const char *
coordinator_url(const struct coordinator *c)
{
	return c->url;
}

/* ---- stop ------------------------------------------------------------------------------------ */

int32_t
coordinator_stop(struct coordinator *c, struct b3iq_error *err)
{
	atomic_store(&c->ready, false);
	if (c->desk)
		desk_quit(c->desk);
	if (server_destroy(c->server, c->settings ? c->settings->drain_s * 1000 : 0) != B3IQ_OK)
		return fail(err, B3IQ_E_TIMEOUT,
		            "requests did not end in time; what was decided is on the disk");
	if (c->ledger)
		instance_stop(c->ledger);
	desk_destroy(c->desk);
	instance_close(c->ledger);
	access_destroy(c->access);
	traffic_destroy(c->traffic);
	walletd_destroy(c->walletd);
	store_close(c->store);
	ed25519_free(c->key);
	settings_free(c->settings);
	home_close(&c->home);
	free(c);
	return B3IQ_OK;
}

/* ---- run --------------------------------------------------------------------------------------- */

static int32_t
service_start(const void *options, void **role, struct b3iq_error *err)
{
	struct coordinator *c;
	const int32_t rc = coordinator_start(options, &c, err);

	*role = c;
	return rc;
}

static void
service_ready(void *role, const void *options)
{
	const struct coordinator *c = role;
	const struct coordinator_options *o = options;

	log_event(B3IQ_LOG_INFO, "coordinator.ready", "url=%s payment=%s version=%s", c->url,
	          c->ledger ? "escrow" : "free", B3IQ_VERSION);
	if (o->quiet)
		return;
	if (o->json)
		printf("{\"ready\":true,\"role\":\"coordinator\",\"url\":\"%s\",\"pid\":%d}\n", c->url,
		       (int)getpid());
	else
		printf("b3iq coordinator is ready at %s (pid %d, home %s, %s)\n", c->url,
		       (int)getpid(), c->home.dir, c->ledger ? "escrow" : "free mode");
	fflush(stdout);
}

static int32_t
service_stop(void *role, struct b3iq_error *err)
{
	return coordinator_stop(role, err);
}

struct service
coordinator_service(const struct coordinator_options *options)
{
	return (struct service){ .name = "coordinator", .options = options,
		                 .start = service_start, .ready = service_ready,
		                 .stop = service_stop };
}

int32_t
coordinator_main(const struct coordinator_options *options, struct b3iq_error *err)
{
	const struct service s = coordinator_service(options);

	return service_run(&s, 1, err);
}

int32_t
coordinator_keys(const char *home, struct store **out, struct b3iq_error *err)
{
	struct home h = { .lock_fd = -1 };
	int32_t rc = home_open(&h, home, err);

	*out = NULL;
	if (rc == B3IQ_OK)
		rc = open_store(&h, out, err);
	home_close(&h);
	return rc;
}

struct keyring
coordinator_ring(struct store *store)
{
	return access_ring(store);
}
