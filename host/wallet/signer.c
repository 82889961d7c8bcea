#include "wallet/signer.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "wallet/spend.h"

static const char *const documents[] = { "b3iq.order/1\n", "b3iq.verdict/1\n" };

static bool
begins(const void *message, size_t len, const char *domain)
{
	const size_t n = strlen(domain);

	return len >= n && memcmp(message, domain, n) == 0;
}

static int32_t
check_tx(const struct keystore_entry *e, const void *message, size_t len, struct tx *tx,
         struct b3iq_error *err)
{
	const int32_t rc = tx_parse_message(message, len, tx, err);

	if (rc == B3IQ_OK && !address_equal(&tx->from, &e->address))
		return fail(err, B3IQ_E_DENIED,
		            "the transaction is from another account than wallet %s", e->name);
	return rc;
}

/* One canonical object and nothing else: no second text has the same meaning. */
static int32_t
check_document(const char *text, size_t len, struct b3iq_error *err)
{
	struct json_object *doc = NULL;
	struct buf again;
	int32_t rc = json_parse(text, len, "the document to sign", &doc, err);

	buf_init(&again, SIGNER_MESSAGE_MAX);
	if (rc == B3IQ_OK)
		rc = json_canonical(doc, &again, err);
	if (rc == B3IQ_OK && (!json_object_is_type(doc, json_type_object) || again.len != len ||
	                      memcmp(again.data, text, len) != 0))
		rc = fail(err, B3IQ_E_INVALID,
		          "the document to sign is not a canonical JSON object");
	buf_free(&again);
	json_object_put(doc);
	return rc;
}

int32_t
signer_check(const struct keystore_entry *e, const void *message, size_t len, bool *is_tx,
             struct tx *tx, struct b3iq_error *err)
{
	size_t i, n;

	*is_tx = begins(message, len, TX_DOMAIN);
	if (len > SIGNER_MESSAGE_MAX)
		return fail(err, B3IQ_E_INVALID, "a message to sign has at most %d bytes",
		            SIGNER_MESSAGE_MAX);
	if (*is_tx)
		return check_tx(e, message, len, tx, err);
	for (i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		if (begins(message, len, documents[i])) {
			n = strlen(documents[i]);
			return check_document((const char *)message + n, len - n, err);
		}
	return fail(err, B3IQ_E_INVALID,
	            "only messages that begin with b3iq.tx/1, b3iq.order/1 or b3iq.verdict/1 are "
	            "signed");
}

/* On the disk before the signature exists. */
static int32_t
charge(struct wallet *w, const struct token *token, const struct keystore_entry *e,
       const struct tx *tx, struct b3iq_error *err)
{
	char text[TX_HASH_TEXT];
	uint8_t hash[TX_HASH];
	int32_t rc = tx_hash(tx, hash, err);

	if (rc == B3IQ_OK)
		rc = spend_count(w->store, token, e->name, tx, clock_wall_ms(), err);
	if (rc != B3IQ_OK)
		return rc;
	tx_hash_write(hash, text);
	log_event(B3IQ_LOG_INFO, "wallet.tx", "wallet=%s token=%s kind=%s hash=%s", e->name,
	          token->key.id, tx_kind_name(tx->kind), text);
	return B3IQ_OK;
}

int32_t
signer_sign(struct wallet *w, const struct token *token, const struct keystore_entry *e,
            const void *message, size_t len, uint8_t sig[ED25519_SIGNATURE],
            struct b3iq_error *err)
{
	bool is_tx = false;
	struct tx tx;
	int32_t rc = signer_check(e, message, len, &is_tx, &tx, err);

	if (rc == B3IQ_OK &&
	    !unlocked_is(w->unlocked, e->name, NULL)) /* before anything is counted */
		rc = fail(err, B3IQ_E_DENIED,
		          "wallet %s is locked; unlock it with `b3iq wallet unlock %s`", e->name,
		          e->name);
	if (rc == B3IQ_OK && is_tx)
		rc = charge(w, token, e, &tx, err);
	if (rc == B3IQ_OK)
		rc = unlocked_sign(w->unlocked, e->name, message, len, sig, err);
	atomic_fetch_add(rc == B3IQ_OK ? &w->signatures : &w->refusals, 1);
	return rc;
}
