/* ledger-file: a ledger that is a file, one transaction a line, and the money rules in the plain.
 *
 *   1. The transaction is made and signed once, and stored under its key in the host's key-value
 *      store (the intent) before anything is sent.
 *   2. Sending is: look whether the ledger has the key; if not, append the stored line.  It may be
 *      done any number of times, by anybody, after any crash.
 *   3. Whatever is in doubt is B3IQ_E_UNKNOWN_OUTCOME.  status() asks the ledger, not our memory.
 *
 * An adapter to a chain is the same with "append" spelled "broadcast the raw transaction", and
 * "look" spelled "ask for its receipt by hash".  The file is read as a whole for each question, up
 * to LEDGER_MAX: enough to learn from, not to live on.
 */
#include "money.h"
#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEDGER_MAX (64u << 20)
#define LINE_SIZE  65536
#define KEY_NAME   (sizeof "intent/" + 64)

enum fault { FAULT_NONE, FAULT_BEFORE, FAULT_TORN, FAULT_AFTER };

struct ledger {
	const struct b3iq_host *host;
	pthread_mutex_t         lock; /* one question or transaction at a time        */
	char                   *path, *fee;
	struct json_object     *accounts; /* opening balances, or NULL            */
	unsigned                final_after;
	enum fault              fault;
};

struct line { /* a transaction as it stands in the ledger, without its newline     */
	struct b3iq_writer writer; /* first: kv_get() writes into it                */
	size_t             len;
	char               text[LINE_SIZE];
};

static int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	return code;
}

static int32_t
append(struct b3iq_writer *w, const void *data, size_t len)
{
	struct line *l = (struct line *)w;

	if (len >= sizeof l->text - l->len)
		return B3IQ_E_NO_MEMORY;
	memcpy(l->text + l->len, data, len);
	l->len += len;
	l->text[l->len] = 0;
	return B3IQ_OK;
}

static void
hex(const uint8_t *in, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* ---- amounts: decimal, at most 2^256 - 1 ------------------------------------ */

static bool
decimal(const char *s)
{
	static const char most[] =
	        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
	const size_t n = s ? strlen(s) : 0;

	if (!n || s[strspn(s, "0123456789")] || (s[0] == '0' && n > 1))
		return false;
	return n < sizeof most - 1 || (n == sizeof most - 1 && strcmp(s, most) <= 0);
}

/* Of two such amounts: is a larger? */
static bool
larger(const char *a, const char *b)
{
	const size_t n = strlen(a), m = strlen(b);

	return n != m ? n > m : strcmp(a, b) > 0;
}

/* ---- the file ---------------------------------------------------------------- */

struct file { /* the ledger, locked against every other process while it is open   */
	int    fd;
	char  *text;
	size_t len; /* of whole lines: what follows the last newline was never written */
};

static void
file_close(struct file *f)
{
	free(f->text);
	if (f->fd >= 0)
		close(f->fd);
}

static int32_t
file_open(struct file *f, const char *path, struct b3iq_error *err)
{
	struct stat st;
	ssize_t     got;

	f->text = NULL;
	f->len = 0;
	f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (f->fd < 0 || flock(f->fd, LOCK_EX) < 0 || fstat(f->fd, &st) < 0)
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "the ledger file cannot be opened: see config path");
	if ((uint64_t)st.st_size > LEDGER_MAX)
		return fail(err, B3IQ_E_UNAVAILABLE,
		            "the ledger file is over 64 MiB: start another");
	f->text = malloc((size_t)st.st_size + 1);
	if (!f->text)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory for the ledger");
	while (f->len < (size_t)st.st_size) {
		got = pread(f->fd, f->text + f->len, (size_t)st.st_size - f->len, (off_t)f->len);
		if (got <= 0)
			return fail(err, B3IQ_E_UNAVAILABLE, "the ledger file cannot be read");
		f->len += (size_t)got;
	}
	while (f->len && f->text[f->len - 1] != '\n')
		f->len--;
	f->text[f->len] = 0;
	return B3IQ_OK;
}

/* The number of the first line with `what` in it, from 1, and of all lines; 0: none has. */
static uint64_t
file_find(const struct file *f, const char *what, uint64_t *lines)
{
	const char *hit = what ? strstr(f->text, what) : NULL;
	uint64_t    at = 0;

	*lines = 0;
	for (const char *c = f->text; (c = strchr(c, '\n')) != NULL; c++) {
		++*lines;
		if (hit && !at && c > hit)
			at = *lines;
	}
	return at;
}

/* Writes n bytes behind the last whole line, to the disk.  Anything but B3IQ_OK is in doubt. */
static int32_t
file_append(struct file *f, const char *text, size_t n)
{
	if (ftruncate(f->fd, (off_t)f->len) < 0)
		return B3IQ_E_UNKNOWN_OUTCOME;
	while (n) {
		ssize_t put = write(f->fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return B3IQ_E_UNKNOWN_OUTCOME;
		text += put;
		n -= (size_t)put;
	}
	return fsync(f->fd) == 0 ? B3IQ_OK : B3IQ_E_UNKNOWN_OUTCOME;
}

/* ---- the intent ---------------------------------------------------------------- */

static void
key_name(const uint8_t key[32], char out[KEY_NAME])
{
	memcpy(out, "intent/", 7);
	hex(key, 32, out + 7);
}

static int32_t
intent_load(struct ledger *l, const uint8_t key[32], struct line *line)
{
	char name[KEY_NAME];

	key_name(key, name);
	line->writer.write = append;
	line->len = 0;
	return l->host->kv_get(l->host->ctx, name, &line->writer);
}

static int32_t
refuse(const struct ledger *l, const struct b3iq_ledger_op *op, struct b3iq_error *err)
{
	if (!money_name(op->op))
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "this ledger knows commitments, transfers and escrows only");
	if (!decimal(op->amount ? op->amount : "0"))
		return fail(err, B3IQ_E_INVALID, "the amount is no decimal number up to 2^256 - 1");
	if (op->op != B3IQ_OP_COMMIT && op->op != B3IQ_OP_ESCROW_REFUND && (!op->to || !op->to[0]))
		return fail(err, B3IQ_E_INVALID, "a transfer or escrow needs a recipient");
	if (money_is_escrow(op->op) && (!op->signer || !op->signer[0]))
		return fail(err, B3IQ_E_INVALID, "an escrow needs a signer");
	if (op->max_fee && !decimal(op->max_fee))
		return fail(err, B3IQ_E_INVALID, "max_fee is no decimal number up to 2^256 - 1");
	if (op->max_fee && larger(l->fee, op->max_fee))
		return fail(err, B3IQ_E_DENIED, "the fee is above max_fee: allow more, or wait");
	return B3IQ_OK;
}

static void
put(struct json_object *o, const char *name, const char *value)
{
	if (value)
		json_object_object_add(o, name, json_object_new_string(value));
}

static void
put_hex(struct json_object *o, const char *name, const uint8_t *bytes, size_t n)
{
	char text[2 * 128 + 1];

	hex(bytes, n <= 128 ? n : 128, text);
	put(o, name, text);
}

/* Do the rules of money let it follow what is in the ledger?  Between this and the line another process
 * could write: a ledger of one process can live with that, a chain decides when it takes the line. */
static int32_t
refuse_money(struct ledger *l, const struct b3iq_ledger_op *op, struct b3iq_error *err)
{
	struct file f;
	const char *why;
	int32_t     rc = file_open(&f, l->path, err);

	why = rc == B3IQ_OK ? money_refuses(f.text, l->accounts, op) : NULL;
	file_close(&f);
	return why ? fail(err, B3IQ_E_DENIED, why) : rc;
}

/* The end of an escrow says whose money it was. */
static int32_t
put_escrow(struct ledger *l, const struct b3iq_ledger_op *op, struct json_object *tx,
           struct b3iq_error *err)
{
	char        digest[65], locked[32];
	const char *line, *buyer;
	struct json_object *opened = NULL, *v;
	struct file f;
	int64_t     amount;
	int32_t     rc;

	if (op->op != B3IQ_OP_ESCROW_RELEASE && op->op != B3IQ_OP_ESCROW_REFUND)
		return B3IQ_OK;
	rc = file_open(&f, l->path, err);
	hex(op->digest, 32, digest);
	for (line = f.text; rc == B3IQ_OK && line && (line = strstr(line, digest)) != NULL; line++) {
		const char *from = line;

		while (from > f.text && from[-1] != '\n')
			from--;
		opened = json_tokener_parse(from);
		if (json_object_object_get_ex(opened, "op", &v) &&
		    strcmp(json_object_get_string(v), "escrow_open") == 0)
			break;
		json_object_put(opened);
		opened = NULL;
	}
	if (opened && json_object_object_get_ex(opened, "signer", &v)) {
		buyer = json_object_get_string(v);
		put(tx, "buyer", buyer);
		money_escrow(f.text, digest, &amount);
		snprintf(locked, sizeof locked, "%lld", (long long)amount);
		put(tx, "locked", locked);
	}
	json_object_put(opened);
	file_close(&f);
	return rc;
}

/* Whoever reads the ledger can check the signature: it names the key that made it. */
static int32_t
put_public_key(struct ledger *l, struct json_object *tx, const char *signer)
{
	struct line key = { .writer = { append } };
	int32_t     rc;

	rc = l->host->public_key(l->host->ctx, signer, "ed25519", &key.writer);
	if (rc == B3IQ_OK)
		put_hex(tx, "public_key", (const uint8_t *)key.text, key.len);
	return rc;
}

/* Signs what the transaction says; its ref is the digest of that. */
static int32_t
seal(struct ledger *l, struct json_object *tx, const char *signer)
{
	const char *said = json_object_to_json_string_ext(tx, JSON_C_TO_STRING_PLAIN);
	struct line sig = { .writer = { append } };
	uint8_t     digest[32];
	int32_t     rc;

	if (EVP_Digest(said, strlen(said), digest, NULL, EVP_sha256(), NULL) != 1)
		return B3IQ_E_INTERNAL;
	if (signer) {
		rc = l->host->sign(l->host->ctx, signer, "ed25519", said, strlen(said),
		                   &sig.writer);
		if (rc != B3IQ_OK)
			return rc;
		put_hex(tx, "sig", (const uint8_t *)sig.text, sig.len);
	}
	put_hex(tx, "ref", digest, sizeof digest);
	return B3IQ_OK;
}

/* Makes the transaction and stores it, before anything is sent. */
static int32_t
intent_make(struct ledger *l, const struct b3iq_ledger_op *op, struct line *line,
            struct b3iq_error *err)
{
	struct json_object *tx = json_object_new_object();
	const char         *text;
	char                name[KEY_NAME];
	int32_t             rc;

	put_hex(tx, "key", op->key, sizeof op->key);
	put(tx, "op", money_name(op->op));
	put_hex(tx, "digest", op->digest, sizeof op->digest);
	put(tx, "signer", op->signer);
	put(tx, "to", op->to);
	put(tx, "asset", op->asset);
	put(tx, "amount", op->amount);
	put(tx, "fee", l->fee);
	put(tx, "extra", op->extra);
	rc = put_escrow(l, op, tx, err);
	if (rc == B3IQ_OK && op->signer)
		rc = put_public_key(l, tx, op->signer);
	if (rc == B3IQ_OK)
		rc = seal(l, tx, op->signer);
	text = json_object_to_json_string_ext(tx, JSON_C_TO_STRING_PLAIN);
	if (rc == B3IQ_OK && strlen(text) >= sizeof line->text - 1)
		rc = B3IQ_E_INVALID;
	if (rc == B3IQ_OK) {
		line->len = 0;
		append(&line->writer, text, strlen(text));
		key_name(op->key, name);
		rc = l->host->kv_put(l->host->ctx, name, line->text, line->len);
	}
	json_object_put(tx);
	return rc == B3IQ_OK ? rc : fail(err, rc,
	                                 "the transaction could not be made: nothing was sent");
}

/* ---- sending and asking --------------------------------------------------------- */

/* What the ledger knows of this line. */
static void
describe(const struct ledger *l, const struct file *f, const struct line *line, struct b3iq_tx *out)
{
	struct json_object *tx = json_tokener_parse(line->text), *value;
	uint64_t            lines;
	uint64_t            at = file_find(f, line->text, &lines);
	struct stat         st;

	if (json_object_object_get_ex(tx, "ref", &value))
		snprintf(out->ref, sizeof out->ref, "%s", json_object_get_string(value));
	if (json_object_object_get_ex(tx, "fee", &value))
		snprintf(out->fee, sizeof out->fee, "%s", json_object_get_string(value));
	json_object_put(tx);
	out->state = B3IQ_TX_UNKNOWN;
	if (!at)
		return;
	out->height = at;
	out->confirmations = lines - at;
	out->state = out->confirmations >= l->final_after ? B3IQ_TX_FINAL : B3IQ_TX_INCLUDED;
	if (fstat(f->fd, &st) == 0)
		out->time_ms = (uint64_t)st.st_mtim.tv_sec * 1000;
}

/* Appends the line unless it is there; `fresh` is its first time, when faults strike. */
static int32_t
send_line(struct ledger *l, struct line *line, bool fresh, struct b3iq_tx *out,
          struct b3iq_error *err)
{
	const enum fault fault = fresh ? l->fault : FAULT_NONE;
	struct file      f;
	uint64_t         lines;
	size_t           n = line->len + 1;
	int32_t          rc = file_open(&f, l->path, err);

	if (rc == B3IQ_OK && !file_find(&f, line->text, &lines) && fault != FAULT_BEFORE) {
		line->text[line->len] = '\n';
		rc = file_append(&f, line->text, fault == FAULT_TORN ? n / 2 : n);
		line->text[line->len] = 0;
	}
	file_close(&f);
	if (rc == B3IQ_OK && fault != FAULT_NONE)
		rc = B3IQ_E_UNKNOWN_OUTCOME;
	if (rc == B3IQ_E_UNKNOWN_OUTCOME)
		return fail(err, rc, "the line may or may not be in the ledger: ask status()");
	if (rc != B3IQ_OK)
		return rc;
	rc = file_open(&f, l->path, err);
	if (rc == B3IQ_OK)
		describe(l, &f, line, out);
	file_close(&f);
	return rc == B3IQ_OK ? rc : fail(err, B3IQ_E_UNKNOWN_OUTCOME,
	                                 "sent, and not seen: ask status()");
}

static int32_t
submit_locked(struct ledger *l, const struct b3iq_ledger_op *op, struct b3iq_tx *out,
              struct b3iq_error *err)
{
	struct line *line = calloc(1, sizeof *line);
	bool         fresh;
	int32_t      rc;

	if (!line)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory for a transaction");
	rc = intent_load(l, op->key, line);
	fresh = rc == B3IQ_E_NOT_FOUND;
	if (fresh) { /* only a new transaction can be refused: an old one may be on its way */
		rc = refuse(l, op, err);
		if (rc == B3IQ_OK)
			rc = refuse_money(l, op, err);
		if (rc == B3IQ_OK)
			rc = intent_make(l, op, line, err);
	} else if (rc != B3IQ_OK) {
		fail(err, rc, "the key-value store does not answer: nothing was sent");
	}
	if (rc == B3IQ_OK)
		rc = send_line(l, line, fresh, out, err);
	free(line);
	return rc;
}

/* ---- the interface ---------------------------------------------------------------- */

static int32_t
quote(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger        *l = self;
	struct b3iq_ledger_op any_fee = *op;
	int32_t               rc;

	any_fee.max_fee = NULL;
	rc = refuse(l, &any_fee, err);
	if (rc == B3IQ_OK)
		snprintf(out->fee, sizeof out->fee, "%s", l->fee);
	return rc;
}

static int32_t
submit(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger *l = self;
	int32_t        rc;

	pthread_mutex_lock(&l->lock);
	rc = submit_locked(l, op, out, err);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static int32_t
status(void *self, const uint8_t key[32], struct b3iq_tx *out, struct b3iq_error *err)
{
	struct ledger *l = self;
	struct line   *line = calloc(1, sizeof *line);
	struct file    f = { .fd = -1 };
	int32_t        rc;

	if (!line)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory for a transaction");
	pthread_mutex_lock(&l->lock);
	rc = intent_load(l, key, line);
	if (rc == B3IQ_E_NOT_FOUND)
		fail(err, rc, "no transaction was ever made for this key");
	else if (rc != B3IQ_OK)
		fail(err, rc, "the key-value store does not answer: ask again");
	else
		rc = file_open(&f, l->path, err);
	if (rc == B3IQ_OK)
		describe(l, &f, line, out);
	file_close(&f);
	pthread_mutex_unlock(&l->lock);
	free(line);
	return rc;
}

static int32_t
answer(struct ledger *l, const char *what, struct json_object *question, struct b3iq_writer *out,
       struct b3iq_error *err)
{
	struct json_object *digest;
	struct file         f;
	char                text[256], wanted[128] = "";
	uint64_t            lines, at;
	int32_t             rc;

	if (json_object_object_get_ex(question, "digest", &digest))
		snprintf(wanted, sizeof wanted, "\"digest\":\"%.64s\"",
		         json_object_get_string(digest));
	if (strcmp(what, "fees") == 0) {
		snprintf(text, sizeof text, "{\"unit\":\"%s\"}", l->fee);
		return out->write(out, text, strlen(text));
	}
	rc = file_open(&f, l->path, err);
	at = rc == B3IQ_OK ? file_find(&f, wanted[0] ? wanted : NULL, &lines) : 0;
	file_close(&f);
	if (rc != B3IQ_OK)
		return rc;
	if (strcmp(what, "height") == 0)
		snprintf(text, sizeof text, "{\"height\":%llu}", (unsigned long long)lines);
	else if (at)
		snprintf(text, sizeof text, "{%s,\"state\":\"included\",\"height\":%llu}", wanted,
		         (unsigned long long)at);
	else
		return fail(err, B3IQ_E_NOT_FOUND, "the ledger has no commitment to this digest");
	return out->write(out, text, strlen(text));
}

/* What an account has, or what became of an escrow. */
static int32_t
answer_money(struct ledger *l, const char *what, struct json_object *question,
             struct b3iq_writer *out, struct b3iq_error *err)
{
	const bool  balance = strcmp(what, "balance") == 0;
	struct json_object *name;
	const char *state = NULL;
	char        text[256];
	int64_t     amount = 0;
	struct file f;
	int32_t     rc;

	if (!json_object_object_get_ex(question, balance ? "account" : "id", &name))
		return fail(err, B3IQ_E_INVALID, balance ? "which account?" : "which escrow?");
	rc = file_open(&f, l->path, err);
	if (rc == B3IQ_OK && balance)
		money_balance(f.text, l->accounts, json_object_get_string(name), &amount);
	else if (rc == B3IQ_OK)
		state = money_escrow(f.text, json_object_get_string(name), &amount);
	file_close(&f);
	if (rc != B3IQ_OK)
		return rc;
	if (!balance && !state)
		return fail(err, B3IQ_E_NOT_FOUND, "the ledger has no such escrow");
	if (balance)
		snprintf(text, sizeof text, "{\"account\":\"%.128s\",\"amount\":\"%lld\"}",
		         json_object_get_string(name), (long long)amount);
	else
		snprintf(text, sizeof text,
		         "{\"id\":\"%.64s\",\"state\":\"%s\",\"amount\":\"%lld\"}",
		         json_object_get_string(name), state, (long long)amount);
	return out->write(out, text, strlen(text));
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct ledger      *l = self;
	struct json_object *question = json_tokener_parse(what), *name;
	const char         *word = "";
	int32_t             rc = B3IQ_E_UNSUPPORTED;

	if (json_object_is_type(question, json_type_object) &&
	    json_object_object_get_ex(question, "query", &name) &&
	    json_object_is_type(name, json_type_string))
		word = json_object_get_string(name);
	if (!word[0])
		rc = fail(err, B3IQ_E_INVALID, "a query is an object as in ledger-query.json");
	else if (strcmp(word, "height") && strcmp(word, "fees") && strcmp(word, "commitment") &&
	         strcmp(word, "balance") && strcmp(word, "escrow"))
		rc = fail(err, rc, "this ledger answers height, fees, commitment, balance, escrow");
	else {
		pthread_mutex_lock(&l->lock);
		rc = strcmp(word, "balance") && strcmp(word, "escrow")
		             ? answer(l, word, question, out, err)
		             : answer_money(l, word, question, out, err);
		pthread_mutex_unlock(&l->lock);
		if (rc != B3IQ_OK && !err->text[0])
			fail(err, rc, "the host did not take the answer");
	}
	json_object_put(question);
	return rc;
}

/* ---- create and destroy -------------------------------------------------------------- */

static void
destroy(void *self)
{
	struct ledger *l = self;

	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	json_object_put(l->accounts);
	free(l->path);
	free(l->fee);
	free(l);
}

/* ["alice=100", ...] as an object; NULL if there are none. */
static struct json_object *
opening(struct json_object *list)
{
	struct json_object *accounts = json_object_array_length(list) ? json_object_new_object()
	                                                              : NULL;

	for (size_t i = 0; accounts && i < json_object_array_length(list); i++) {
		char *name = strdup(json_object_get_string(json_object_array_get_idx(list, i)));
		char *amount = name ? strchr(name, '=') : NULL;

		if (amount) {
			*amount++ = 0;
			put(accounts, name, amount);
		}
		free(name);
	}
	return accounts;
}

static bool
configure(struct ledger *l, const char *config)
{
	static const char *const faults[] = { "none", "before-write", "torn-write", "after-write" };
	struct json_object      *c = json_tokener_parse(config), *value;

	if (json_object_is_type(c, json_type_object)) {
		if (json_object_object_get_ex(c, "path", &value))
			l->path = strdup(json_object_get_string(value));
		l->fee = strdup(json_object_object_get_ex(c, "fee", &value)
		                        ? json_object_get_string(value)
		                        : "1");
		if (json_object_object_get_ex(c, "accounts", &value))
			l->accounts = opening(value);
		if (json_object_object_get_ex(c, "final_after", &value))
			l->final_after = (unsigned)json_object_get_int(value);
		if (json_object_object_get_ex(c, "fault", &value))
			for (int i = 0; i < 4; i++)
				if (strcmp(faults[i], json_object_get_string(value)) == 0)
					l->fault = (enum fault)i;
	}
	json_object_put(c);
	return l->path && l->fee && decimal(l->fee);
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct ledger *l = calloc(1, sizeof *l);
	struct file    f;
	int32_t        rc;

	if (!l)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	l->host = host;
	pthread_mutex_init(&l->lock, NULL);
	if (!configure(l, config)) {
		destroy(l);
		return fail(err, B3IQ_E_INVALID,
		            "the config needs path, and fee as a decimal number");
	}
	rc = file_open(&f, l->path, err);
	file_close(&f);
	if (rc == B3IQ_OK)
		*self = l;
	else
		destroy(l);
	return rc;
}

static const struct b3iq_ledger iface = {
	.size = sizeof iface,
	.ops = 1u << B3IQ_OP_COMMIT | 1u << B3IQ_OP_TRANSFER | 1u << B3IQ_OP_ESCROW_OPEN |
	       1u << B3IQ_OP_ESCROW_RELEASE | 1u << B3IQ_OP_ESCROW_REFUND,
	.quote = quote,
	.submit = submit,
	.status = status,
	.query = query,
};

static const struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = B3IQ_LEDGER,
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
