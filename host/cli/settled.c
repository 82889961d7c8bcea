#include "cli/settled.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/merkle.h"
#include "core/receipt/bundle.h"

#define TEXT_MAX 65536

struct work {
	struct json_object    *receipt, *node, *verdict, *openings, *order; /* borrowed; or NULL */
	const char            *result, *job;
	size_t                 result_len;
	struct receipt_report *inner;
	struct settled_report *out;
	bool                   vouched; /* the verdict holds */
};

static struct json_object *
member(struct json_object *of, const char *key)
{
	struct json_object *found = NULL;

	if (json_object_is_type(of, json_type_object))
		json_object_object_get_ex(of, key, &found);
	return found;
}

static const char *
text_of(struct json_object *of, const char *key)
{
	struct json_object *found = member(of, key);

	return json_object_is_type(found, json_type_string) ? json_object_get_string(found) : NULL;
}

static bool
same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

__attribute__((format(printf, 4, 5))) static void
say(struct work *w, const char *name, enum receipt_result result, const char *fmt, ...)
{
	struct receipt_check *c = &w->out->check[w->out->n++];
	va_list               args;

	c->name = name;
	c->result = result;
	va_start(args, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, args);
	va_end(args);
}

bool
settled_is(struct json_object *doc)
{
	struct json_object *receipt = member(doc, "receipt");

	return member(receipt, "verdict") != NULL;
}

/* ---- the verdict --------------------------------------------------------- */

static bool
is_signed(const struct buf *message, const char *signature, const struct settled_pins *pins)
{
	uint8_t sig[ED25519_SIGNATURE];

	if (!signature || !hex_decode(signature, strlen(signature), sig, sizeof sig))
		return false;
	for (size_t i = 0; i < pins->n_coordinators; i++)
		if (ed25519_verify(pins->coordinators + i * ED25519_PUBLIC, message->data, message->len,
		                   sig) == B3IQ_OK)
			return true;
	return false;
}

/* A receipt without a node's is anchored by this hash. */
static bool
is_hash_of(const char *hash, const struct buf *message)
{
	uint8_t digest[32];
	char    hex[65];

	if (sha256(message->data, message->len, digest) != B3IQ_OK)
		return false;
	hex_encode(digest, sizeof digest, hex);
	return same(hash, hex);
}

/* What the verdict must say; the first that it does not, or NULL. */
static const char *
unlike(const struct work *w, struct json_object *body)
{
	const char *amount = text_of(w->receipt, "amount_units");

	if (!same(text_of(body, "version"), "b3iq.verdict/1"))
		return "it is of another version";
	if (!same(text_of(body, "job"), w->job))
		return "it is about another job";
	if (w->node && !same(text_of(body, "receipt"), text_of(w->node, "hash")))
		return "it is about another receipt";
	if (!w->node && member(body, "receipt"))
		return "the node's receipt that it is about is missing";
	if (w->node && !same(text_of(body, "order"), text_of(member(w->node, "receipt"), "order")))
		return "the node worked for another order";
	if (amount && !same(text_of(body, "amount"), amount))
		return "it states another amount";
	return NULL;
}

static int32_t
check_verdict(struct work *w, const struct settled_pins *pins)
{
	struct json_object *body = member(w->verdict, "body");
	struct buf          message;
	const char         *wrong;
	int32_t             rc;

	buf_init(&message, TEXT_MAX);
	buf_puts(&message, "b3iq.verdict/1\n");
	rc = body ? json_canonical(body, &message, NULL) : B3IQ_E_INVALID;
	if (rc == B3IQ_E_NO_MEMORY) {
		buf_free(&message);
		return rc;
	}
	wrong = rc ? "it has no canonical body" : unlike(w, body);
	if (!pins->n_coordinators)
		say(w, "verdict", RECEIPT_NOT_CHECKED, "no coordinator's key is pinned");
	else if (!rc && !is_signed(&message, text_of(w->verdict, "signature"), pins))
		say(w, "verdict", RECEIPT_FAIL, "it is not signed by a pinned coordinator");
	else if (wrong)
		say(w, "verdict", RECEIPT_FAIL, "%s", wrong);
	else if (!is_hash_of(text_of(w->verdict, "hash"), &message))
		say(w, "verdict", RECEIPT_FAIL, "its hash is not that of its body");
	else
		say(w, "verdict", RECEIPT_PASS, "signed by the coordinator, for %s micro-AITBC",
		    text_of(body, "amount") ? text_of(body, "amount") : "?");
	w->vouched = pins->n_coordinators &&
	             w->out->check[w->out->n - 1].result == RECEIPT_PASS;
	buf_free(&message);
	return B3IQ_OK;
}

/* ---- the node's receipt -------------------------------------------------- */

/* The bundle of it. */
static struct json_object *
bundle_of(const struct work *w)
{
	struct json_object *doc = json_object_new_object(), *openings = NULL;
	bool                ok = doc != NULL;

	if (w->openings)
		ok = ok && json_object_deep_copy(w->openings, &openings, NULL) == 0;
	else
		openings = json_object_new_object();
	ok = ok && openings && !json_put(doc, "openings", json_object_get(openings)) &&
	     !json_put_string(doc, "version", BUNDLE_VERSION) &&
	     !json_put(doc, "receipt", json_object_get(w->node));
	json_object_put(openings);
	if (ok)
		return doc;
	json_object_put(doc);
	return NULL;
}

static int32_t
check_receipt(struct work *w, const struct settled_pins *pins, struct b3iq_error *err)
{
	const char         *own = text_of(w->node, "node_key");
	struct json_object *bundle = bundle_of(w);
	uint8_t             vouched[ED25519_PUBLIC];
	const bool          known = w->vouched && own && ed25519_parse(own, vouched);
	struct buf          text;
	int32_t             rc;

	buf_init(&text, BUNDLE_MAX);
	rc = bundle ? json_canonical(bundle, &text, err) : fail_memory(err, "reading a receipt");
	if (rc == B3IQ_E_INVALID) { /* no canonical form: it cannot be a receipt */
		say(w, "form", RECEIPT_FAIL, "%s", err->text);
		rc = B3IQ_OK;
	} else if (!rc) {
		rc = receipt_verify(text.data, text.len, pins->n_nodes ? pins->nodes : vouched,
		                    pins->n_nodes ? pins->n_nodes : known, w->inner, err);
		for (size_t i = 0; !rc && i < w->inner->n; i++)
			w->out->check[w->out->n++] = w->inner->check[i];
	}
	buf_wipe(&text);
	json_object_put(bundle);
	return rc;
}

/* ---- order, question, answer, anchor ------------------------------------- */

/* The hash of an order's text, in hex. */
static int32_t
order_hash(const char *text, char hex[65])
{
	uint8_t       digest[32];
	struct sha256 s;
	int32_t       rc;

	sha256_begin(&s);
	sha256_add(&s, "b3iq.order/1\n", 13);
	sha256_add(&s, text, strlen(text));
	rc = sha256_end(&s, digest);
	hex_encode(digest, sizeof digest, hex);
	return rc;
}

/* Does the order's own commitment open to the request that the node's receipt opens? */
static bool
orders_this(const struct work *w, struct json_object *order)
{
	const char *secret_hex = text_of(w->order, "secret"), *named = text_of(order, "prompt");
	const char *request = text_of(w->openings, "prompt");
	uint8_t     secret[32], digest[COMMIT_SIZE];
	char        hex[65];

	if (!secret_hex || !request)
		return true; /* not opened: the node's own commitment is checked elsewhere */
	if (!named || !hex_decode(secret_hex, strlen(secret_hex), secret, sizeof secret) ||
	    commit_field(secret, COMMIT_PROMPT, request, strlen(request), digest) != B3IQ_OK)
		return false;
	hex_encode(digest, sizeof digest, hex);
	return strcmp(hex, named) == 0;
}

static int32_t
check_order(struct work *w)
{
	const char         *text = text_of(w->order, "text");
	const char         *hash = text_of(member(w->node, "receipt"), "order");
	struct json_object *order = NULL;
	char                hex[65];
	int32_t             rc;

	if (!text || !hash) {
		say(w, "order", RECEIPT_NOT_CHECKED, "the order is not opened");
		return B3IQ_OK;
	}
	rc = order_hash(text, hex);
	if (rc != B3IQ_OK)
		return rc;
	json_parse(text, strlen(text), "the order", &order, NULL);
	if (strcmp(hex, hash) != 0)
		say(w, "order", RECEIPT_FAIL, "its text is not that of the hash");
	else if (!same(text_of(order, "job"), w->job))
		say(w, "order", RECEIPT_FAIL, "it is about another job");
	else if (!orders_this(w, order))
		say(w, "order", RECEIPT_FAIL, "it orders another prompt than the node got");
	else
		say(w, "order", RECEIPT_PASS, "the receipt is for this job's order");
	json_object_put(order);
	return B3IQ_OK;
}

/* The request that the receipt opens: is its last message what was asked? */
static void
check_question(struct work *w, const char *prompt)
{
	const char         *opened = text_of(w->openings, "prompt");
	struct json_object *request = NULL, *messages, *last, *content;

	if (!prompt || !opened) {
		say(w, "question", RECEIPT_NOT_CHECKED, "%s",
		    prompt ? "the prompt is not opened" : "this home has not kept the question");
		return;
	}
	json_parse(opened, strlen(opened), "the request", &request, NULL);
	messages = member(request, "messages");
	last = json_object_is_type(messages, json_type_array) && json_object_array_length(messages)
	               ? json_object_array_get_idx(messages,
	                                           json_object_array_length(messages) - 1)
	               : NULL;
	content = messages ? member(last, "content") : member(request, "prompt");
	if (json_object_is_type(content, json_type_string) &&
	    strcmp(json_object_get_string(content), prompt) == 0)
		say(w, "question", RECEIPT_PASS, "the receipt is about what was asked here");
	else
		say(w, "question", RECEIPT_FAIL, "the receipt is about another question");
	json_object_put(request);
}

static void
check_answer(struct work *w)
{
	struct json_object *opened = member(w->openings, "output");

	if (!w->result || !opened)
		say(w, "answer", RECEIPT_NOT_CHECKED, "the output is not opened");
	else if (json_object_is_type(opened, json_type_string) &&
	         (size_t)json_object_get_string_len(opened) == w->result_len &&
	         memcmp(json_object_get_string(opened), w->result, w->result_len) == 0)
		say(w, "answer", RECEIPT_PASS, "the result is what the receipt opens");
	else
		say(w, "answer", RECEIPT_FAIL, "the result is not what the receipt opens");
}

static bool
read_proof(struct json_object *anchor, struct merkle_proof *p, uint8_t root[32])
{
	struct json_object *path = member(anchor, "path");
	const char         *hex = text_of(anchor, "root");
	int64_t             index = -1, count = -1;

	memset(p, 0, sizeof *p);
	if (!json_object_is_type(path, json_type_array) || !hex ||
	    !hex_decode(hex, strlen(hex), root, 32) ||
	    json_get_int(anchor, "index", 0, INT64_MAX, -1, &index, NULL) || index < 0 ||
	    json_get_int(anchor, "count", 1, INT64_MAX, -1, &count, NULL) || count < 1)
		return false;
	p->index = (uint64_t)index;
	p->count = (uint64_t)count;
	p->depth = json_object_array_length(path);
	for (size_t i = 0; i < p->depth && p->depth <= MERKLE_DEPTH; i++) {
		hex = json_object_get_string(json_object_array_get_idx(path, i));
		if (!hex || !hex_decode(hex, strlen(hex), p->path[i], 32))
			return false;
	}
	return p->depth <= MERKLE_DEPTH;
}

static void
check_anchor(struct work *w)
{
	struct json_object *anchor = member(w->receipt, "anchor");
	const char         *leaf_hex = text_of(w->node ? w->node : w->verdict, "hash");
	struct merkle_proof proof;
	uint8_t             root[32], leaf[32];

	if (!anchor) {
		say(w, "anchor", RECEIPT_NOT_CHECKED, "no ledger has it yet");
		return;
	}
	if (!leaf_hex || !hex_decode(leaf_hex, strlen(leaf_hex), leaf, sizeof leaf) ||
	    !read_proof(anchor, &proof, root) || merkle_verify(&proof, leaf, root) != B3IQ_OK)
		say(w, "anchor", RECEIPT_FAIL, "the path does not lead from the receipt to the root");
	else
		say(w, "anchor", RECEIPT_PASS, "under root %.16s... in transaction %.24s",
		    text_of(anchor, "root"), text_of(anchor, "ref") ? text_of(anchor, "ref") : "?");
}

/* ---- the whole ----------------------------------------------------------- */

static void
open_document(struct work *w, struct json_object *doc)
{
	struct json_object *result = member(doc, "result");

	w->receipt = member(doc, "receipt");
	w->node = member(w->receipt, "node_receipt");
	w->verdict = member(w->receipt, "verdict");
	w->openings = member(doc, "openings");
	w->order = member(doc, "order");
	w->job = text_of(w->receipt, "job_id");
	if (json_object_is_type(result, json_type_object))
		result = member(result, "output");
	if (json_object_is_type(result, json_type_string)) {
		w->result = json_object_get_string(result);
		w->result_len = (size_t)json_object_get_string_len(result);
	}
}

static void
judge(struct settled_report *r)
{
	bool verdict = false;

	r->valid = true;
	for (size_t i = 0; i < r->n; i++) {
		r->valid = r->valid && r->check[i].result != RECEIPT_FAIL;
		verdict = verdict || (strcmp(r->check[i].name, "verdict") == 0 &&
		                      r->check[i].result == RECEIPT_PASS);
	}
	r->valid = r->valid && verdict;
}

int32_t
settled_verify(struct json_object *doc, const char *prompt, const struct settled_pins *pins,
               struct settled_report *out, struct b3iq_error *err)
{
	struct work w = { .out = out, .inner = calloc(1, sizeof *w.inner) };
	int32_t     rc;

	memset(out, 0, sizeof *out);
	if (!w.inner)
		return fail_memory(err, "checking a receipt");
	open_document(&w, doc);
	rc = check_verdict(&w, pins);
	if (rc == B3IQ_OK && w.node)
		rc = check_receipt(&w, pins, err);
	else if (rc == B3IQ_OK)
		say(&w, "form", RECEIPT_NOT_CHECKED, "the worker was not verified: it signed nothing");
	if (rc == B3IQ_OK)
		rc = check_order(&w);
	if (rc == B3IQ_OK) {
		check_question(&w, prompt);
		check_answer(&w);
		check_anchor(&w);
		judge(out);
	}
	free(w.inner);
	return rc;
}
