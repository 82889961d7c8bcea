#include "wallet/wallet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/crypto/secret.h"
#include "core/role/endpoint.h"
#include "wallet/api.h"
#include "wallet/context.h"
#include "wallet/lockout.h"
#include "wallet/outbox.h"
#include "wallet/spend.h"

#define WORKERS  32
#define DRAIN_MS 5000

/* ---- parts that the command line uses too ------------------------------------------- */

int32_t
wallet_store_open(const struct home *home, struct store **out, struct b3iq_error *err)
{
	static const struct store_module *const modules[] = {
		&keyring_module, &token_module,  &lockout_module,
		&spend_module,   &outbox_module, NULL,
	};
	char file[PATH_SIZE];
	const int32_t rc = home_path(home, file, err, "wallet.db", NULL);

	*out = NULL;
	return rc == B3IQ_OK ? store_open(file, modules, out, err) : rc;
}

int32_t
wallet_chain_url(const char *given, char *out, size_t size, struct b3iq_error *err)
{
	const char *url = given ? given : getenv("AITBC_BLOCKCHAIN_RPC_URL");
	size_t n;

	if (!url || !*url)
		url = WALLET_CHAIN;
	n = strlen(url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n >= size || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
		return fail(err, B3IQ_E_INVALID, "the chain's URL must be http:// or https://");
	memcpy(out, url, n);
	out[n] = '\0';
	return B3IQ_OK;
}

int32_t
wallet_password_file(const char *file, char *out, size_t size, struct b3iq_error *err)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fail(err, B3IQ_E_NOT_FOUND, "the password file %s cannot be opened: %s",
		            file, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077)) {
		close(fd);
		return fail(err, B3IQ_E_DENIED,
		            "the password file %s must be a regular file that only you may read: "
		            "chmod 600 it",
		            file);
	}
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0 || (size_t)n == size - 1) {
		secret_wipe(out, size);
		return fail(err, B3IQ_E_INVALID,
		            "the password file %s cannot be read or is too long", file);
	}
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return *out ? B3IQ_OK : fail(err, B3IQ_E_INVALID, "the password file %s is empty", file);
}

int32_t
wallet_open_key(struct wallet *w, const struct keystore_entry *e, const char *password,
                struct ed25519_key **out, struct b3iq_error *err)
{
	int32_t rc;

	pthread_mutex_lock(&w->opening);
	rc = lockout_unlock(w->store, e, password, out, err);
	if (rc == B3IQ_E_DENIED)
		atomic_fetch_add(&w->wrong_passwords, 1);
	pthread_mutex_unlock(&w->opening);
	return rc;
}

/* ---- start ----------------------------------------------------------------------------- */

/* Keys go to nobody but this machine's own programs. */
static int32_t
check_loopback(const char *address, struct b3iq_error *err)
{
	if (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0)
		return B3IQ_OK;
	return fail(err, B3IQ_E_INVALID, "the wallet listens on loopback only (127.0.0.1 or ::1)");
}

static int32_t
open_home(struct wallet *w, const struct wallet_options *o, struct b3iq_error *err)
{
	int32_t rc = home_open(&w->home, o->home, err);

	if (rc == B3IQ_OK)
		rc = home_lock(&w->home, "wallet", err);
	if (rc == B3IQ_OK)
		rc = keystore_open(&w->keystore, &w->home, err);
	if (rc == B3IQ_OK)
		rc = wallet_store_open(&w->home, &w->store, err);
	if (rc == B3IQ_OK)
		rc = spend_prune(w->store, clock_wall_ms(), err);
	if (rc == B3IQ_OK)
		rc = token_own_make(w->store, &w->home, err);
	w->keystore.n = o->scrypt_n;
	return rc;
}

static int32_t
unlock_one(struct wallet *w, const char *name, const char *password, struct b3iq_error *err)
{
	struct keystore_entry e;
	struct ed25519_key *key;
	int32_t rc = keystore_read(&w->keystore, name, &e, err);

	if (rc == B3IQ_OK)
		rc = wallet_open_key(w, &e, password, &key, err);
	return rc == B3IQ_OK ? unlocked_put(w->unlocked, name, key, 0, err) : rc;
}

static int32_t
unlock_all(struct wallet *w, const struct wallet_options *o, struct b3iq_error *err)
{
	char *password = secret_alloc(KEYSTORE_PASSWORD_MAX + 2), name[KEYSTORE_NAME];
	const char *at = o->unlock;
	int32_t rc;
	size_t n;

	if (!password)
		return fail_memory(err, "starting the wallet");
	rc = o->password_file
	             ? wallet_password_file(o->password_file, password, KEYSTORE_PASSWORD_MAX + 2,
	                                    err)
	             : fail(err, B3IQ_E_INVALID, "to unlock at the start needs a password file");
	while (rc == B3IQ_OK && *(at += strspn(at, " "))) {
		n = strcspn(at, " ");
		if (n >= sizeof(name)) {
			rc = fail(err, B3IQ_E_INVALID, "a wallet's name is too long");
			break;
		}
		memcpy(name, at, n);
		name[n] = '\0';
		at += n;
		rc = unlock_one(w, name, password, err);
	}
	secret_free(password, KEYSTORE_PASSWORD_MAX + 2);
	return rc;
}

static void
count(const struct http_request *rq, int status, uint64_t bytes)
{
	const struct wallet *w = rq->context;

	(void)bytes;
	traffic_count(w->traffic, rq, status);
}

static int32_t
serve(struct wallet *w, const struct wallet_options *o, struct b3iq_error *err)
{
	const char *address = o->address ? o->address : "127.0.0.1";
	struct server_options options = {
		.address = address, .port = o->port < 0 ? WALLET_PORT : (uint16_t)o->port,
		.workers = WORKERS, .context = w, .gate = api_wallet_gate,
		.leave = api_wallet_leave, .done = count,
	};
	int32_t rc = check_loopback(address, err);

	options.routes = api_wallet_routes(&options.n_routes);
	if (rc == B3IQ_OK)
		rc = server_create(&w->server, &options, err);
	if (rc != B3IQ_OK)
		return rc;
	endpoint_url(address, server_port(w->server), w->url, sizeof w->url);
	home_announce(&w->home, w->url);
	atomic_store(&w->ready, true);
	log_event(B3IQ_LOG_INFO, "wallet.ready", "url=%s unlocked=%zu", w->url,
	          unlocked_count(w->unlocked));
	return B3IQ_OK;
}

/* The server first, so that nobody signs with what goes next. */
static int32_t
stop(struct wallet *w, struct b3iq_error *err)
{
	atomic_store(&w->ready, false);
	if (server_destroy(w->server, DRAIN_MS) != B3IQ_OK)
		return fail(err, B3IQ_E_TIMEOUT, "requests to the wallet did not end in time");
	unlocked_destroy(w->unlocked);
	store_close(w->store);
	traffic_destroy(w->traffic);
	home_close(&w->home);
	pthread_mutex_destroy(&w->opening);
	pthread_mutex_destroy(&w->sending);
	free(w);
	return B3IQ_OK;
}

int32_t
wallet_start(const struct wallet_options *o, struct wallet **out, struct b3iq_error *err)
{
	struct wallet *w = calloc(1, sizeof(*w));
	struct b3iq_error none = NO_ERROR;
	int32_t rc;

	*out = NULL;
	if (!w)
		return fail_memory(err, "starting the wallet");
	w->home.lock_fd = -1;
	pthread_mutex_init(&w->opening, NULL);
	pthread_mutex_init(&w->sending, NULL);
	if (secret_heap() != B3IQ_OK)
		log_event(B3IQ_LOG_WARN, "wallet.memory", "locked=0 limit=RLIMIT_MEMLOCK");
	w->traffic = traffic_create();
	rc = w->traffic ? unlocked_create(&w->unlocked, err)
	                : fail_memory(err, "starting the wallet");
	if (rc == B3IQ_OK)
		rc = wallet_chain_url(o->chain_url, w->chain_url, sizeof(w->chain_url), err);
	if (rc == B3IQ_OK)
		rc = open_home(w, o, err);
	if (rc == B3IQ_OK && o->unlock)
		rc = unlock_all(w, o, err);
	if (rc == B3IQ_OK)
		rc = serve(w, o, err);
	if (rc != B3IQ_OK) {
		stop(w, &none);
		return rc;
	}
	*out = w;
	return B3IQ_OK;
}

const char *
wallet_url(const struct wallet *w)
{
	return w->url;
}

int32_t
wallet_stop(struct wallet *w, struct b3iq_error *err)
{
	return stop(w, err);
}

/* ---- as a service -------------------------------------------------------------------------- */

static int32_t
start_role(const void *options, void **role, struct b3iq_error *err)
{
	struct wallet *w;
	const int32_t rc = wallet_start(options, &w, err);

	*role = w;
	return rc;
}

static int32_t
stop_role(void *role, struct b3iq_error *err)
{
	return wallet_stop(role, err);
}

static void
say_ready(void *role, const void *options)
{
	const struct wallet_options *o = options;
	const struct wallet *w = role;

	if (o->quiet)
		return;
	if (o->json)
		printf("{\"ready\":true,\"role\":\"wallet\",\"url\":\"%s\",\"pid\":%d}\n", w->url,
		       (int)getpid());
	else
		printf("b3iq wallet is ready at %s (pid %d, home %s)\n", w->url, (int)getpid(),
		       w->home.dir);
	fflush(stdout);
}

struct service
wallet_service(const struct wallet_options *options)
{
	return (struct service){ .name = "wallet", .options = options, .start = start_role,
		                 .ready = say_ready, .stop = stop_role };
}

int32_t
wallet_main(const struct wallet_options *options, struct b3iq_error *err)
{
	const struct service service = wallet_service(options);

	return service_run(&service, 1, err);
}
