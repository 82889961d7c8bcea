/* chain-bench - committed signed transfers per second with durable commits, and what bounds it.
 *
 *   chain-bench [-n TRANSFERS] [-a ACCOUNTS] [-d FOLDER]
 *
 * Figures of one run on one machine.  Wall time and CPU time are both shown: on a busy machine only the
 * second compares.  The database lies in FOLDER (default: the current one), on its real disk.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chain/chain.h"
#include "chain/ledger/ledger.h"
#include "chain/rpc/wire.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/http/client.h"

#define THREADS 4    /* that hand in transactions          */
#define BATCH   100  /* calls in one HTTP request          */

struct wire {
	char  *text;
	size_t len;
};

struct bench {
	size_t              n, accounts;
	char                dir[PATH_SIZE], file[PATH_SIZE];
	struct ed25519_key **keys, *proposer;
	struct wire        *txs;
	struct buf          genesis;
	struct ledger      *ledger;
	const char         *url;
	atomic_size_t       next, refused;
	_Atomic uint64_t    latency_us, latency_max_us;
};

static void
must(int32_t rc, const struct b3iq_error *err, const char *what)
{
	if (rc == B3IQ_OK)
		return;
	fprintf(stderr, "chain-bench: %s: %s %s\n", what, result_name(rc), err->text);
	exit(1);
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- what is handed in ------------------------------------------------------ */

static void
make_keys(struct bench *b)
{
	struct b3iq_error err = NO_ERROR;
	char address[ADDRESS_SIZE], name[ED25519_NAME_SIZE];
	struct address a;

	b->keys = calloc(b->accounts, sizeof *b->keys);
	buf_init(&b->genesis, GENESIS_MAX);
	must(ed25519_generate(&b->proposer, &err), &err, "key");
	buf_puts(&b->genesis, "{\"accounts\":{");
	for (size_t i = 0; i < b->accounts; i++) {
		must(ed25519_generate(&b->keys[i], &err), &err, "key");
		address_of(ed25519_public(b->keys[i]), &a);
		address_write(&a, address);
		buf_printf(&b->genesis, "%s\"%s\":\"1000000000\"", i ? "," : "", address);
	}
	address_of(ed25519_public(b->proposer), &a);
	address_write(&a, address);
	ed25519_name(ed25519_public(b->proposer), name);
	must(buf_printf(&b->genesis,
	                "},\"chain\":\"bench\",\"min_fee\":\"1\",\"proposers\":[\"%s\"],"
	                "\"slasher\":\"%s\",\"time\":1,\"treasury\":\"%s\",\"unbonding_ms\":0}",
	                name, address, address),
	     &err, "genesis");
}

/* Each account pays the next one, over and over; round by round, so that nonces come in order. */
static void
sign_all(struct bench *b)
{
	struct b3iq_error err = NO_ERROR;

	b->txs = calloc(b->n, sizeof *b->txs);
	for (size_t i = 0; i < b->n; i++) {
		struct tx tx = { .chain = "bench", .nonce = i / b->accounts, .fee = 1,
			         .kind = TX_TRANSFER, .transfer = { .amount = 1 } };
		const size_t from = i % b->accounts;
		struct buf wire;

		buf_init(&wire, TX_MAX);
		address_of(ed25519_public(b->keys[from]), &tx.from);
		address_of(ed25519_public(b->keys[(from + 1) % b->accounts]), &tx.transfer.to);
		must(tx_sign(&tx, b->keys[from], &err), &err, "signing");
		must(tx_format(&tx, &wire, &err), &err, "signing");
		b->txs[i].len = wire.len;
		b->txs[i].text = buf_take(&wire);
	}
}

/* ---- parts ------------------------------------------------------------------- */

static void
row(const char *what, double value, const char *unit, const char *more)
{
	printf("  %-52s %12.1f %-8s %s\n", what, value, unit, more);
}

static void
bench_parts(struct bench *b)
{
	const size_t n = b->n < 5000 ? b->n : 5000;
	struct b3iq_error err = NO_ERROR;
	struct block_tx **parsed = calloc(n, sizeof *parsed);
	double at = cpu_seconds();

	for (size_t i = 0; i < n; i++)
		must(block_tx_read(b->txs[i].text, b->txs[i].len, &parsed[i], &err), &err, "parse");
	row("parse and hash one transfer", (cpu_seconds() - at) / (double)n * 1e6, "us CPU", "");
	at = cpu_seconds();
	for (size_t i = 0; i < n; i++)
		must(tx_check(&parsed[i]->tx, &err), &err, "signature");
	row("check its signature", (cpu_seconds() - at) / (double)n * 1e6, "us CPU",
	    "(in the workers, in parallel)");
	for (size_t i = 0; i < n; i++)
		free(parsed[i]);
	free(parsed);
}

static void
bench_disk(struct bench *b)
{
	char name[PATH_SIZE + 16], page[4096] = "x";
	uint64_t begin;
	int fd;

	snprintf(name, sizeof name, "%s/probe", b->dir);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	begin = clock_mono_us();
	for (int i = 0; i < 100; i++)
		if (pwrite(fd, page, sizeof page, i * 4096) != sizeof page || fdatasync(fd) != 0)
			break;
	row("one durable write of 4 KiB on this disk", (double)(clock_mono_us() - begin) / 100, "us",
	    "(mean of 100)");
	close(fd);
	unlink(name);
}

/* ---- the ledger alone ---------------------------------------------------------- */

static void
open_ledger(struct bench *b)
{
	struct ledger_options o = { .file = b->file, .genesis = b->genesis.data,
		                    .genesis_len = b->genesis.len, .proposer = b->proposer };
	struct b3iq_error err = NO_ERROR;

	must(ledger_open(&o, &b->ledger, &err), &err, "opening");
}

static void *
submit_some(void *arg)
{
	struct bench *b = arg;
	uint8_t hash[TX_HASH];
	size_t i;

	while ((i = atomic_fetch_add(&b->next, 1)) < b->n) {
		struct b3iq_error err = NO_ERROR;
		enum refusal why = REFUSED_FULL;

		while (why == REFUSED_FULL) {
			why = ledger_submit(b->ledger, b->txs[i].text, b->txs[i].len, hash, &err);
			if (why == REFUSED_FULL)
				usleep(1000);
		}
		if (why) {
			atomic_fetch_add(&b->refused, 1);
			fprintf(stderr, "chain-bench: refused: %s\n", err.text);
		}
	}
	return NULL;
}

static uint64_t
wait_for(struct bench *b, uint64_t transactions)
{
	struct ledger_head head;

	do {
		usleep(500);
		ledger_head(b->ledger, &head);
	} while (head.transactions + atomic_load(&b->refused) < transactions);
	return head.header.height;
}

static void
run_threads(struct bench *b, void *(*work)(void *), size_t n)
{
	pthread_t threads[128];

	atomic_store(&b->next, 0);
	for (size_t i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, work, b);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void
bench_ledger(struct bench *b)
{
	struct b3iq_error err = NO_ERROR;
	struct ledger_counts counts;
	double cpu = cpu_seconds(), wall;
	uint64_t begin, height;
	char more[128];

	open_ledger(b);
	must(ledger_start(b->ledger, &err), &err, "starting");
	begin = clock_mono_us();
	run_threads(b, submit_some, THREADS);
	height = wait_for(b, b->n);
	wall = (double)(clock_mono_us() - begin) / 1e6;
	cpu = cpu_seconds() - cpu;
	ledger_count(b->ledger, &counts);
	snprintf(more, sizeof more, "(%zu of %zu accounts, %llu blocks)", b->n, b->accounts,
	         (unsigned long long)height);
	row("committed transfers, 4 threads, no HTTP", (double)b->n / wall, "per s", more);
	row("  CPU of each, all of it", cpu / (double)b->n * 1e6, "us CPU", "");
	row("  of the one thread that makes blocks", (double)counts.build_us / (double)b->n, "us",
	    "(wall; bounds the rate when the workers do not)");
	row("    of that: written to SQLite and synced", (double)counts.write_us / (double)b->n, "us",
	    "");
	ledger_close(b->ledger);
	b->ledger = NULL;
}

/* ---- over HTTP ------------------------------------------------------------------ */

static void
post(struct client *client, const struct bench *b, const struct buf *body, struct client_reply *reply)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	const struct client_request rq = { .method = "POST", .url = b->url, .body = body->data,
		                           .body_len = body->len, .headers = headers,
		                           .cancel_fd = -1 };
	struct b3iq_error err = NO_ERROR;

	must(client_call(client, &rq, reply, &err), &err, "HTTP");
}

static void
put_call(struct buf *out, const char *method, const struct wire *tx, size_t id)
{
	char text[WIRE_SIZE(TX_MAX)];

	wire_encode(tx->text, tx->len, text);
	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"%s\",\"params\":{\"tx\":\"%s\"}}",
	           id, method, text);
}

/* A batch of broadcast_tx_sync at a time. */
static void *
post_batches(void *arg)
{
	struct bench *b = arg;
	struct b3iq_error err = NO_ERROR;
	struct client *client;
	struct client_reply reply;
	struct buf body;
	size_t i;

	must(client_create(&client, &err), &err, "client");
	buf_init(&body, 4u << 20);
	while ((i = atomic_fetch_add(&b->next, BATCH)) < b->n) {
		buf_clear(&body);
		buf_puts(&body, "[");
		for (size_t k = i; k < i + BATCH && k < b->n; k++) {
			buf_puts(&body, k > i ? "," : "");
			put_call(&body, "broadcast_tx_sync", &b->txs[k], k);
		}
		buf_puts(&body, "]");
		client_reply_init(&reply, 4u << 20);
		post(client, b, &body, &reply);
		client_reply_finish(&reply);
	}
	buf_free(&body);
	client_destroy(client);
	return NULL;
}

/* One broadcast_tx_commit at a time: each is answered when its block is durable. */
static void *
post_commits(void *arg)
{
	struct bench *b = arg;
	struct b3iq_error err = NO_ERROR;
	struct client *client;
	struct client_reply reply;
	struct buf body;
	size_t i;

	must(client_create(&client, &err), &err, "client");
	buf_init(&body, 16384);
	while ((i = atomic_fetch_add(&b->next, 1)) < b->n) {
		const uint64_t begin = clock_mono_us();
		uint64_t took, most;

		buf_clear(&body);
		put_call(&body, "broadcast_tx_commit", &b->txs[i], i);
		client_reply_init(&reply, 65536);
		post(client, b, &body, &reply);
		if (!strstr(reply.body.data, "\"tx_result\":{\"code\":0"))
			atomic_fetch_add(&b->refused, 1);
		client_reply_finish(&reply);
		took = clock_mono_us() - begin;
		atomic_fetch_add(&b->latency_us, took);
		most = atomic_load(&b->latency_max_us);
		while (took > most && !atomic_compare_exchange_weak(&b->latency_max_us, &most, took))
			;
	}
	buf_free(&body);
	client_destroy(client);
	return NULL;
}

/* A home with this genesis, served by this process too. */
static struct chain *
start_chain(struct bench *b, const char *name)
{
	char home[PATH_SIZE], key[PATH_SIZE], genesis[PATH_SIZE];
	struct b3iq_error err = NO_ERROR;
	struct chain_options o = { .home = home, .port = 0, .comet_port = -2, .genesis = genesis,
		                   .quiet = true };
	struct chain *chain;

	must(path_join(home, &err, b->dir, name, NULL), &err, "home");
	must(path_join(genesis, &err, b->dir, "genesis.json", NULL), &err, "home");
	must(path_join(key, &err, home, "keys", NULL), &err, "home");
	must(path_make_dir(key, 0700, &err), &err, "home");
	must(path_join(key, &err, home, "keys", "chain.key", NULL), &err, "home");
	must(ed25519_save(b->proposer, key, &err), &err, "key");
	must(path_write(genesis, b->genesis.data, b->genesis.len, 0600, &err), &err, "genesis");
	must(chain_start(&o, &chain, &err), &err, "chain");
	b->url = chain_url(chain);
	return chain;
}

static uint64_t
committed(struct bench *b)
{
	char url[512];
	const struct client_request rq = { .url = url, .cancel_fd = -1 };
	struct b3iq_error err = NO_ERROR;
	struct client_reply reply;
	struct client *client;
	const char *at;
	uint64_t n = 0;

	snprintf(url, sizeof url, "%s/rpc/info", b->url);
	must(client_create(&client, &err), &err, "client");
	client_reply_init(&reply, 65536);
	must(client_call(client, &rq, &reply, &err), &err, "HTTP");
	at = strstr(reply.body.data, "\"total_transactions\":");
	if (at)
		n = strtoull(at + strlen("\"total_transactions\":"), NULL, 10);
	client_reply_finish(&reply);
	client_destroy(client);
	return n;
}

static void
bench_http(struct bench *b)
{
	struct b3iq_error err = NO_ERROR;
	struct chain *chain = start_chain(b, "batches");
	double cpu = cpu_seconds(), wall;
	uint64_t begin = clock_mono_us();

	run_threads(b, post_batches, THREADS);
	while (committed(b) < b->n)
		usleep(2000);
	wall = (double)(clock_mono_us() - begin) / 1e6;
	row("committed transfers, JSON-RPC in batches of 100", (double)b->n / wall, "per s",
	    "(4 connections, clients in the same process)");
	row("  CPU of each, clients included", (cpu_seconds() - cpu) / (double)b->n * 1e6, "us CPU",
	    "");
	must(chain_stop(chain, &err), &err, "stopping");
}

static void
bench_commits(struct bench *b, size_t connections)
{
	const size_t all = b->n;
	struct b3iq_error err = NO_ERROR;
	char name[32], what[80], more[80];
	struct chain *chain;
	uint64_t begin;
	double wall;

	b->n = connections == 1 ? 300 : 6000;
	b->n = b->n < all ? b->n : all;
	snprintf(name, sizeof name, "commits-%zu", connections);
	chain = start_chain(b, name);
	atomic_store(&b->latency_us, 0);
	atomic_store(&b->latency_max_us, 0);
	begin = clock_mono_us();
	run_threads(b, post_commits, connections);
	wall = (double)(clock_mono_us() - begin) / 1e6;
	snprintf(what, sizeof what, "broadcast_tx_commit, %zu connection%s", connections,
	         connections == 1 ? "" : "s");
	snprintf(more, sizeof more, "(mean %.2f ms, longest %.1f ms, each durable)",
	         (double)atomic_load(&b->latency_us) / (double)b->n / 1e3,
	         (double)atomic_load(&b->latency_max_us) / 1e3);
	row(what, (double)b->n / wall, "per s", more);
	must(chain_stop(chain, &err), &err, "stopping");
	b->n = all;
}

/* ---- main -------------------------------------------------------------------------- */

static void
remove_all(const struct bench *b)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", b->dir, (char *)NULL);
		_exit(127);
	}
}

static void
options(struct bench *b, int argc, char **argv)
{
	const char *folder = ".";
	int c;

	while ((c = getopt(argc, argv, "n:a:d:")) != -1) {
		if (c == 'n')
			b->n = strtoul(optarg, NULL, 10);
		else if (c == 'a')
			b->accounts = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			folder = optarg;
		else
			exit(2);
	}
	if (b->n < 1 || b->accounts < 1)
		exit(2);
	snprintf(b->dir, sizeof b->dir, "%.4000s/chain-bench-XXXXXX", folder);
	if (!mkdtemp(b->dir)) {
		perror("chain-bench");
		exit(1);
	}
	snprintf(b->file, sizeof b->file, "%.4060s/chain.db", b->dir);
}

int
main(int argc, char **argv)
{
	static struct bench b = { .n = 40000, .accounts = 1000 };

	log_setup(B3IQ_LOG_ERROR, LOG_TEXT);
	options(&b, argc, argv);
	make_keys(&b);
	sign_all(&b);
	printf("%-54s\n", "chain");
	bench_parts(&b);
	bench_disk(&b);
	bench_ledger(&b);
	bench_http(&b);
	bench_commits(&b, 1);
	bench_commits(&b, 64);
	if (atomic_load(&b.refused))
		printf("  %zu were refused\n", atomic_load(&b.refused));
	remove_all(&b);
	return atomic_load(&b.refused) ? 1 : 0;
}
