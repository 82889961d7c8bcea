/* trie.h - all entries of the state, in the Merkle trie of core/tx/proof.h, in two versions.
 *
 * The committed version is what readers see.  trie_begin() opens the next one, which shares all nodes
 * that do not change; puts and removes copy the nodes on their way (once per version), so that
 * trie_abort() throws only those away, and trie_commit() only those that they replaced.  Hashes of
 * changed nodes are computed once per version, by trie_root().
 *
 * An entry costs about 300 bytes: the trie is in memory, the entries are in the archive as well.
 *
 * Threads: begin, put, remove, root, commit and abort by one writer.  Reads of the committed version
 * may run beside all of these except commit and destroy; who has the trie brings the lock for that.
 */
#ifndef CHAIN_TRIE_H
#define CHAIN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tx/proof.h"

struct trie;

enum trie_version { TRIE_COMMITTED, TRIE_NEXT };

/* Borrowed until the next put, remove, commit or abort. */
struct trie_entry {
	const char *key, *value; /* both end with NUL              */
	size_t      key_len, value_len;
	uint64_t    row;         /* the entry's own number, from 1 */
};

/* NULL: no memory. */
struct trie *trie_create(void);
void         trie_destroy(struct trie *);

/* SHA-256 of a key. */
int32_t trie_path(const char *key, size_t len, uint8_t out[SHA256_SIZE]);
bool    trie_get(const struct trie *, enum trie_version, const uint8_t path[SHA256_SIZE],
                 struct trie_entry *out);
uint64_t trie_count(const struct trie *, enum trie_version);
/* Visits the entries in the order of their paths; ends early with what is not B3IQ_OK. */
typedef int32_t trie_visit(void *arg, const struct trie_entry *);
int32_t trie_each(const struct trie *, enum trie_version, trie_visit *, void *arg);
/* B3IQ_OK whether the key is there (presence) or not (absence): *found tells. */
int32_t trie_prove(const struct trie *, enum trie_version, const uint8_t path[SHA256_SIZE],
                   struct proof_state *out, bool *found);

void    trie_begin(struct trie *);
/* row 0: keeps the row of an entry that is there, or takes the next free one.  After
 * B3IQ_E_NO_MEMORY the next version can only be aborted. */
int32_t trie_put(struct trie *, const uint8_t path[SHA256_SIZE], const char *key, size_t key_len,
                 const char *value, size_t value_len, uint64_t row);
/* Removes what is there. */
int32_t trie_remove(struct trie *, const uint8_t path[SHA256_SIZE]);
int32_t trie_root(struct trie *, uint8_t out[SHA256_SIZE]);
/* What the next version changed: entries put (with their new value), and those it removed. */
int32_t trie_changed(const struct trie *, trie_visit *put, trie_visit *removed, void *arg);
void    trie_commit(struct trie *);
void    trie_abort(struct trie *);

#endif
