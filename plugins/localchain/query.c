#include "query.h"

#include <stdio.h>
#include <string.h>
#include "address.h"
#include "engine/fail.h"

/* The answer in the making: members of what the chain said, under the names of ledger-query.json. */
struct answer {
	struct json_object *question, *said, *doc;
};

static void
put_text(struct answer *a, const char *name, const char *text)
{
	json_object_object_add(a->doc, name, json_object_new_string(text));
}

static void
put_number(struct answer *a, const char *name, const char *from)
{
	json_object_object_add(a->doc, name,
	                       json_object_new_int64((int64_t)rpc_number(a->said, from)));
}

static void
balance(struct answer *a)
{
	put_text(a, "account", rpc_text(a->said, "address"));
	put_text(a, "asset", "AITBC");
	put_text(a, "amount", rpc_text(a->said, "available"));
}

static void
stake(struct answer *a)
{
	put_text(a, "account", rpc_text(a->said, "address"));
	put_text(a, "amount", rpc_text(a->said, "stake"));
}

static void
height(struct answer *a)
{
	put_number(a, "height", "height");
	put_number(a, "time_ms", "time_ms");
}

static void
fees(struct answer *a)
{
	put_text(a, "asset", "AITBC");
	put_text(a, "unit", rpc_text(a->said, "min_fee"));
}

static void
escrow(struct answer *a)
{
	put_text(a, "id", rpc_text(a->question, "id"));
	put_text(a, "state", rpc_text(a->said, "state"));
	put_text(a, "amount", rpc_text(a->said, "amount"));
}

static void
commitment(struct answer *a)
{
	put_text(a, "digest", rpc_text(a->question, "digest"));
	put_text(a, "state", "included");
	put_number(a, "height", "block_height");
}

/* Each question: the path of the chain, what of the question ends it, and how it is told. */
static const struct kind {
	const char *query, *path, *by;
	void      (*tell)(struct answer *);
} kinds[] = {
	{ "balance", "/accounts/", "account", balance },
	{ "stake", "/accounts/", "account", stake },
	{ "height", "/info", NULL, height },
	{ "fees", "/info", NULL, fees },
	{ "escrow", "/escrow/", "id", escrow },
	{ "commitment", "/receipts/", "digest", commitment },
};

static const struct kind *
find(struct json_object *question, struct b3iq_error *err)
{
	const char *name = rpc_text(question, "query");

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].query, name) == 0)
			return &kinds[i];
	fail_with(err, B3IQ_E_UNSUPPORTED,
	          "this ledger answers balance, stake, height, fees, escrow and commitment");
	return NULL;
}

static int32_t
path_of(const struct kind *kind, struct json_object *question, char *out, size_t size,
        struct b3iq_error *err)
{
	const char *by = kind->by ? rpc_text(question, kind->by) : "";

	if (kind->by && (!*by || strlen(by) > 128 ||
	                 strspn(by, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
	                         strlen(by)))
		return fail_with(err, B3IQ_E_INVALID, "the query \"%s\" needs \"%s\"", kind->query,
		                 kind->by);
	if (kind->by && strcmp(kind->by, "account") == 0 && !address_valid(by))
		return fail_with(err, B3IQ_E_INVALID,
		                 "the account is no address of the chain: its checksum is wrong");
	snprintf(out, size, "%s%s", kind->path, by);
	return B3IQ_OK;
}

static int32_t
tell(const struct kind *kind, struct answer *a, struct b3iq_writer *out, struct b3iq_error *err)
{
	const char *text;
	int32_t rc;

	a->doc = json_object_new_object();
	if (!a->doc)
		return fail_memory(err, "an answer");
	kind->tell(a);
	text = json_object_to_json_string_ext(a->doc, JSON_C_TO_STRING_PLAIN);
	rc = text ? out->write(out, text, strlen(text)) : B3IQ_E_NO_MEMORY;
	json_object_put(a->doc);
	return rc == B3IQ_OK ? rc : fail_with(err, rc, "the host did not take the answer");
}

int32_t
query_answer(struct rpc *rpc, const char *what, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct answer a = { .question = json_tokener_parse(what) };
	const struct kind *kind;
	char path[256];
	int32_t rc;

	if (!json_object_is_type(a.question, json_type_object)) {
		json_object_put(a.question);
		return fail_with(err, B3IQ_E_INVALID, "a query is an object as in ledger-query.json");
	}
	kind = find(a.question, err);
	rc = kind ? path_of(kind, a.question, path, sizeof path, err) : B3IQ_E_UNSUPPORTED;
	if (rc == B3IQ_OK)
		rc = rpc_read(rpc, path, &a.said, err);
	if (rc == B3IQ_OK)
		rc = tell(kind, &a, out, err);
	json_object_put(a.said);
	json_object_put(a.question);
	return rc;
}
