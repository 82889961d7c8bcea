#include "engine/file/root.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"

#define MAX_THREADS 64u
#define REPORT_CHUNKS 16u
#define ABSENT UINT32_MAX
#define KEY(name) "tokenizer.ggml." name

struct digest {
	uint8_t bytes[ROOT_SIZE];
};

/* ---- hashing ------------------------------------------------------------ */

/* A SHA-256 in progress; a failure of libcrypto sticks until hash_end(). */
struct hash {
	EVP_MD_CTX *ctx;
	bool        failed;
};

static void
hash_begin(struct hash *h)
{
	if (!h->ctx)
		h->ctx = EVP_MD_CTX_new();
	h->failed = !h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL);
}

static void
hash_add(struct hash *h, const void *data, size_t len)
{
	if (!h->failed && len && !EVP_DigestUpdate(h->ctx, data, len))
		h->failed = true;
}

static int32_t
hash_end(struct hash *h, uint8_t out[ROOT_SIZE])
{
	if (!h->failed && !EVP_DigestFinal_ex(h->ctx, out, NULL))
		h->failed = true;
	return h->failed ? B3IQ_E_INTERNAL : B3IQ_OK;
}

static void
hash_finish(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

/* Integers are little-endian, as in the file. */
static void
add_u32(struct hash *h, uint32_t value)
{
	uint8_t b[4];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(value >> 8 * i);
	hash_add(h, b, sizeof(b));
}

static void
add_u64(struct hash *h, uint64_t value)
{
	add_u32(h, (uint32_t)value);
	add_u32(h, (uint32_t)(value >> 32));
}

static void
add_str(struct hash *h, struct gguf_str s)
{
	add_u64(h, s.len);
	hash_add(h, s.ptr, s.len);
}

static void
add_text(struct hash *h, const char *text)
{
	add_str(h, (struct gguf_str){ text, strlen(text) });
}

/* RFC 9162 section 2.1.1 over leaf hashes. */
static int32_t
tree(struct hash *h, const struct digest *leaves, size_t n, uint8_t out[ROOT_SIZE])
{
	static const uint8_t node = 0x01;
	struct digest left, right;
	size_t split = 1;
	int32_t rc;

	if (!n) {
		hash_begin(h);
		return hash_end(h, out);
	}
	if (n == 1) {
		memcpy(out, leaves, ROOT_SIZE);
		return B3IQ_OK;
	}
	while (split * 2 < n)
		split *= 2;
	rc = tree(h, leaves, split, left.bytes);
	if (!rc)
		rc = tree(h, leaves + split, n - split, right.bytes);
	if (rc)
		return rc;
	hash_begin(h);
	hash_add(h, &node, 1);
	hash_add(h, &left, sizeof(left));
	hash_add(h, &right, sizeof(right));
	return hash_end(h, out);
}

/* ---- chunks of tensor data, on threads ---------------------------------- */

struct work {
	const struct gguf_tensor  **tensors; /* sorted by name                          */
	size_t                     *first;   /* n + 1: the first chunk of each tensor   */
	size_t                      n;
	struct digest              *chunks;  /* leaf hashes                             */
	const struct root_progress *progress;
	uint64_t                    total;   /* bytes */
	atomic_size_t               next;
	atomic_int                  rc;
};

static size_t
tensor_of(const struct work *w, size_t chunk)
{
	size_t low = 0, high = w->n;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (w->first[middle] <= chunk)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int32_t
hash_chunk(struct hash *h, struct work *w, size_t chunk)
{
	static const uint8_t leaf = 0x00;
	size_t t = tensor_of(w, chunk);
	uint64_t at = (uint64_t)(chunk - w->first[t]) * ROOT_CHUNK;
	uint64_t left = w->tensors[t]->size - at;

	hash_begin(h);
	hash_add(h, &leaf, 1);
	hash_add(h, (const uint8_t *)w->tensors[t]->data + at,
		 left < ROOT_CHUNK ? (size_t)left : ROOT_CHUNK);
	return hash_end(h, w->chunks[chunk].bytes);
}

static int32_t
report(const struct work *w, size_t chunk)
{
	uint64_t done = (uint64_t)chunk * ROOT_CHUNK;

	if (!w->progress || !w->progress->report)
		return B3IQ_OK;
	if (done > w->total)
		done = w->total;
	return w->progress->report(w->progress->ctx, done, w->total) ? B3IQ_E_CANCELLED : B3IQ_OK;
}

static void
run(struct work *w, bool caller)
{
	struct hash h = { .ctx = NULL };
	size_t chunk, reported = 0;
	int32_t rc = B3IQ_OK;

	while (!rc && !atomic_load(&w->rc) &&
	       (chunk = atomic_fetch_add(&w->next, 1)) < w->first[w->n]) {
		if (caller && chunk >= reported + REPORT_CHUNKS) {
			rc = report(w, chunk);
			reported = chunk;
		}
		if (!rc)
			rc = hash_chunk(&h, w, chunk);
	}
	if (rc)
		atomic_store(&w->rc, rc);
	hash_finish(&h);
}

static void *
worker(void *arg)
{
	run(arg, false);
	return NULL;
}

static int32_t
run_threads(struct work *w, unsigned threads)
{
	pthread_t ids[MAX_THREADS];
	unsigned started = 0;
	int32_t rc;

	/* A thread that does not start is work left to the others. */
	while (started + 1 < threads && started < MAX_THREADS &&
	       !pthread_create(&ids[started], NULL, worker, w))
		started++;
	run(w, true);
	for (unsigned i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	rc = atomic_load(&w->rc);
	return rc ? rc : report(w, w->first[w->n]);
}

/* ---- tensors ------------------------------------------------------------ */

static int
compare_str(struct gguf_str a, struct gguf_str b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_tensors(const void *a, const void *b)
{
	return compare_str((*(const struct gguf_tensor *const *)a)->name,
			   (*(const struct gguf_tensor *const *)b)->name);
}

static int32_t
hash_tensor(struct hash *h, const struct gguf_tensor *t, const uint8_t data[ROOT_SIZE],
	    struct digest *out)
{
	static const uint8_t leaf = 0x00;

	hash_begin(h);
	hash_add(h, &leaf, 1);
	add_text(h, "b3iq.tensor/1");
	add_str(h, t->name);
	add_text(h, gguf_type_name(t->type));
	add_u32(h, t->n_dims);
	for (uint32_t d = 0; d < t->n_dims; d++)
		add_u64(h, t->dims[d]);
	hash_add(h, data, ROOT_SIZE);
	return hash_end(h, out->bytes);
}

/* The tree over the tensors, once their chunks are hashed. */
static int32_t
join_tensors(struct work *w, uint8_t out[ROOT_SIZE])
{
	struct hash h = { .ctx = NULL };
	struct digest *leaves = malloc((w->n + 1) * sizeof(*leaves));
	struct digest data;
	int32_t rc = leaves ? B3IQ_OK : B3IQ_E_NO_MEMORY;

	for (size_t i = 0; i < w->n && !rc; i++) {
		rc = tree(&h, w->chunks + w->first[i], w->first[i + 1] - w->first[i], data.bytes);
		if (!rc)
			rc = hash_tensor(&h, w->tensors[i], data.bytes, &leaves[i]);
	}
	if (!rc)
		rc = tree(&h, leaves, w->n, out);
	hash_finish(&h);
	free(leaves);
	return rc;
}

static int32_t
plan(struct work *w, const struct gguf *g)
{
	w->n = gguf_n_tensors(g);
	w->tensors = malloc((w->n + 1) * sizeof(void *));
	w->first = calloc(w->n + 1, sizeof(*w->first));
	if (!w->tensors || !w->first)
		return B3IQ_E_NO_MEMORY;
	for (size_t i = 0; i < w->n; i++)
		w->tensors[i] = gguf_tensor_at(g, i);
	if (w->n)
		qsort(w->tensors, w->n, sizeof(*w->tensors), compare_tensors);
	for (size_t i = 0; i < w->n; i++) {
		uint64_t size = w->tensors[i]->size;

		w->first[i + 1] = w->first[i] + (size_t)((size + ROOT_CHUNK - 1) / ROOT_CHUNK);
		w->total += size;
	}
	w->chunks = malloc((w->first[w->n] + 1) * sizeof(*w->chunks));
	return w->chunks ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

static int32_t
hash_tensors(const struct gguf *g, unsigned threads, const struct root_progress *progress,
	     uint8_t out[ROOT_SIZE])
{
	struct work w = { .progress = progress };
	int32_t rc = plan(&w, g);

	if (!rc)
		rc = run_threads(&w, threads);
	if (!rc)
		rc = join_tensors(&w, out);
	free(w.tensors);
	free(w.first);
	free(w.chunks);
	return rc;
}

/* ---- tokenizer, template, hyper-parameters ------------------------------ */

static struct gguf_str
string_or_empty(const struct gguf *g, const char *key)
{
	struct gguf_str s = { "", 0 };

	(void)gguf_string(g, key, &s, NULL);
	return s;
}

/* Types and scores go in per token; a file without them has normal tokens and zero scores. */
static void
add_tokens(struct hash *h, const struct gguf *g)
{
	struct gguf_array tokens = { .count = 0 }, types = { .count = 0 }, scores = { .count = 0 };
	struct gguf_str s;
	size_t at = 0;
	uint32_t bits;

	(void)gguf_array(g, KEY("tokens"), GGUF_KIND_STRING, &tokens, NULL);
	(void)gguf_array(g, KEY("token_type"), GGUF_KIND_I32, &types, NULL);
	(void)gguf_array(g, KEY("scores"), GGUF_KIND_F32, &scores, NULL);
	add_u64(h, tokens.count);
	for (size_t i = 0; gguf_array_next(&tokens, &at, &s); i++) {
		float score = i < scores.count ? gguf_array_f32(&scores, i) : 0.0f;

		memcpy(&bits, &score, sizeof(bits));
		add_str(h, s);
		add_u32(h, i < types.count ? (uint32_t)gguf_array_i64(&types, i) : 1u);
		add_u32(h, bits);
	}
}

static void
add_merges(struct hash *h, const struct gguf *g)
{
	struct gguf_array merges = { .count = 0 };
	struct gguf_str s;
	size_t at = 0;

	(void)gguf_array(g, KEY("merges"), GGUF_KIND_STRING, &merges, NULL);
	add_u64(h, merges.count);
	while (gguf_array_next(&merges, &at, &s))
		add_str(h, s);
}

static int32_t
hash_tokenizer(struct hash *h, const struct gguf *g, uint8_t out[ROOT_SIZE])
{
	static const char *const ids[] = { KEY("bos_token_id"), KEY("eos_token_id"),
					   KEY("unknown_token_id"), KEY("eot_token_id"),
					   KEY("eom_token_id") };
	static const char *const flags[] = { KEY("add_bos_token"), KEY("add_eos_token"),
					     KEY("add_space_prefix") };

	hash_begin(h);
	add_text(h, "b3iq.tokenizer/1");
	add_str(h, string_or_empty(g, KEY("model")));
	add_str(h, string_or_empty(g, KEY("pre")));
	add_tokens(h, g);
	add_merges(h, g);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uint32_t id = ABSENT;

		(void)gguf_u32(g, ids[i], &id, NULL);
		add_u32(h, id);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool flag;

		add_u32(h, gguf_bool(g, flags[i], &flag, NULL) ? ABSENT : flag);
	}
	return hash_end(h, out);
}

static int32_t
hash_chat(struct hash *h, const struct gguf *g, uint8_t out[ROOT_SIZE])
{
	hash_begin(h);
	add_text(h, "b3iq.template/1");
	add_str(h, string_or_empty(g, "tokenizer.chat_template"));
	return hash_end(h, out);
}

static int
compare_values(const void *a, const void *b)
{
	return compare_str((*(const struct gguf_value *const *)a)->key,
			   (*(const struct gguf_value *const *)b)->key);
}

/* The values under "<architecture>.", by key. */
static int32_t
hash_hyper(struct hash *h, const struct gguf *g, uint8_t out[ROOT_SIZE])
{
	struct gguf_str arch = string_or_empty(g, "general.architecture");
	const struct gguf_value **values = malloc((gguf_n_values(g) + 1) * sizeof(void *));
	size_t n = 0;

	if (!values)
		return B3IQ_E_NO_MEMORY;
	for (size_t i = 0; i < gguf_n_values(g); i++) {
		const struct gguf_value *v = gguf_value_at(g, i);

		if (arch.len && v->key.len > arch.len && v->key.ptr[arch.len] == '.' &&
		    !memcmp(v->key.ptr, arch.ptr, arch.len))
			values[n++] = v;
	}
	if (n)
		qsort(values, n, sizeof(*values), compare_values);
	hash_begin(h);
	add_text(h, "b3iq.hyper/1");
	add_str(h, arch);
	add_u64(h, n);
	for (size_t i = 0; i < n; i++) {
		add_str(h, values[i]->key);
		add_u32(h, values[i]->kind);
		hash_add(h, values[i]->data, values[i]->size);
	}
	free(values);
	return hash_end(h, out);
}

/* ---- the root ----------------------------------------------------------- */

static int32_t
result(int32_t rc, const struct gguf *g, struct b3iq_error *err)
{
	switch (rc) {
	case B3IQ_OK:
		return rc;
	case B3IQ_E_NO_MEMORY:
		return fail_memory(err, "the model root");
	case B3IQ_E_CANCELLED:
		return fail_with(err, rc, "%s: hashing the model was cancelled", gguf_path(g));
	default:
		return fail_with(err, B3IQ_E_INTERNAL,
				 "%s: libcrypto refuses SHA-256; check the OpenSSL installation",
				 gguf_path(g));
	}
}

static int32_t
hash_texts(struct hash *h, struct root *root, const struct gguf *g)
{
	int32_t rc = hash_tokenizer(h, g, root->tokenizer);

	if (!rc)
		rc = hash_chat(h, g, root->chat);
	return rc ? rc : hash_hyper(h, g, root->hyper);
}

int32_t
root_text(struct root *root, const struct gguf *g, struct b3iq_error *err)
{
	struct hash h = { .ctx = NULL };
	int32_t rc = hash_texts(&h, root, g);

	hash_finish(&h);
	return result(rc, g, err);
}

int32_t
root_compute(struct root *root, const struct gguf *g, unsigned threads,
	     const struct root_progress *progress, struct b3iq_error *err)
{
	struct hash h = { .ctx = NULL };
	int32_t rc = hash_tensors(g, threads, progress, root->tensors);

	if (!rc)
		rc = hash_texts(&h, root, g);
	if (!rc) {
		hash_begin(&h);
		add_text(&h, "b3iq.model/1");
		hash_add(&h, root->tensors, ROOT_SIZE);
		hash_add(&h, root->tokenizer, ROOT_SIZE);
		hash_add(&h, root->chat, ROOT_SIZE);
		hash_add(&h, root->hyper, ROOT_SIZE);
		rc = hash_end(&h, root->model);
	}
	hash_finish(&h);
	return result(rc, g, err);
}
