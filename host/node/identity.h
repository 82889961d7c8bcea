/* identity.h - who this node is: an Ed25519 key made once, and the id that follows from it.
 *
 * The id is derived from the key, so a copied home is the same node and shows as such.  The private
 * key stays in this process; plugins ask for signatures.
 */
#ifndef NODE_IDENTITY_H
#define NODE_IDENTITY_H

#include "core/crypto/ed25519.h"
#include "core/role/home.h"

#define IDENTITY_ID_SIZE (5 + 32 + 1) /* "node_" and half of SHA-256(public key) */

struct identity {
	struct ed25519_key *key;
	char                id[IDENTITY_ID_SIZE];
	char                public_name[ED25519_NAME_SIZE]; /* "ed25519:..." */
	bool                fresh;                          /* made just now */
};

/* Loads keys/node.key, or makes it and keys/node.pub. */
int32_t identity_open(struct identity *, const struct home *, struct b3iq_error *err);
void    identity_close(struct identity *);

#endif
