#include "node/identity.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/crypto/sha256.h"

static int32_t
name_it(struct identity *id, struct b3iq_error *err)
{
	const uint8_t *pub = ed25519_public(id->key);
	uint8_t digest[SHA256_SIZE];

	if (sha256(pub, ED25519_PUBLIC, digest) != B3IQ_OK)
		return fail_memory(err, "naming the node");
	memcpy(id->id, "node_", 5);
	hex_encode(digest, 16, id->id + 5);
	ed25519_name(pub, id->public_name);
	return B3IQ_OK;
}

static int32_t
make(struct identity *id, const char *file, struct b3iq_error *err)
{
	int32_t rc = ed25519_generate(&id->key, err);

	if (rc == B3IQ_OK)
		rc = ed25519_save(id->key, file, err);
	id->fresh = rc == B3IQ_OK;
	return rc;
}

/* For those who check receipts: `b3iq receipt verify --key keys/node.pub`. */
static int32_t
write_public(const struct identity *id, const struct home *home, struct b3iq_error *err)
{
	char file[PATH_SIZE], text[ED25519_NAME_SIZE + 1];
	const size_t n = strlen(id->public_name);
	int32_t rc = home_path(home, file, err, "keys", "node.pub", NULL);

	if (rc != B3IQ_OK || path_exists(file))
		return rc;
	memcpy(text, id->public_name, n);
	text[n] = '\n';
	return path_write(file, text, n + 1, 0644, err);
}

int32_t
identity_open(struct identity *id, const struct home *home, struct b3iq_error *err)
{
	char file[PATH_SIZE];
	int32_t rc;

	*id = (struct identity){ 0 };
	rc = home_path(home, file, err, "keys", "node.key", NULL);
	if (rc == B3IQ_OK)
		rc = path_exists(file) ? ed25519_load(file, &id->key, err) : make(id, file, err);
	if (rc == B3IQ_OK)
		rc = name_it(id, err);
	if (rc == B3IQ_OK)
		rc = write_public(id, home, err);
	if (rc != B3IQ_OK)
		identity_close(id);
	return rc;
}

void
identity_close(struct identity *id)
{
	ed25519_free(id->key);
	id->key = NULL;
}
