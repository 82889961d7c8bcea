#include "engine/file/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/fail.h"
#include "engine/hash.h"

#define MAGIC         0x46554747u /* "GGUF" */
#define MAGIC_SWAPPED 0x47475546u
#define ALIGNMENT     32u
#define MAX_TENSOR_NAME 255u
#define NO_ENTRY      UINT32_MAX
/* What the smallest entry takes, so that a count can be held against the bytes that are left. */
#define MIN_VALUE_BYTES  (8u + 1u + 4u + 1u)
#define MIN_TENSOR_BYTES (8u + 1u + 4u + 8u + 4u + 8u)

/* Open addressing over an array of entries; slots hold indices. */
struct index {
	uint32_t *slots;
	uint64_t  seed;
	uint32_t  mask;
};

struct gguf {
	char               *path;
	const uint8_t      *base;
	size_t              size;
	bool                mapped;
	struct gguf_value  *values;
	size_t              n_values;
	struct gguf_tensor *tensors;
	size_t              n_tensors;
	struct index        keys, names;
};

/* Where the walk through the header stands.  what/index/name say it in errors. */
struct cursor {
	const struct gguf *g;
	size_t             at;
	const char        *what;
	uint64_t           index;
	struct gguf_str    name;
	struct b3iq_error *err;
};

struct type_info {
	const char *name;
	uint32_t    elements, bytes;
};

static const struct type_info types[] = {
#define TYPE_INFO(name, id, elements, bytes) [id] = { #name, elements, bytes },
	GGUF_TENSOR_TYPES(TYPE_INFO)
#undef TYPE_INFO
};

static const struct type_info kinds[] = {
#define KIND_INFO(name, id, bytes) [id] = { #name, 1, bytes },
	GGUF_KINDS(KIND_INFO)
#undef KIND_INFO
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct type_info *
type_info(uint32_t type)
{
	return type < COUNT(types) && types[type].name ? &types[type] : NULL;
}

const char *
gguf_type_name(uint32_t type)
{
	return type_info(type) ? types[type].name : NULL;
}

const char *
gguf_kind_name(uint32_t kind)
{
	return kind < COUNT(kinds) ? kinds[kind].name : NULL;
}

uint64_t
gguf_row_size(uint32_t type, uint64_t n)
{
	const struct type_info *info = type_info(type);
	uint64_t size;

	if (!info || n % info->elements ||
	    __builtin_mul_overflow(n / info->elements, (uint64_t)info->bytes, &size))
		return 0;
	return size;
}

bool
gguf_str_equal(struct gguf_str s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.ptr, text, s.len);
}

/* ---- hashed lookup ------------------------------------------------------ */

static int32_t
index_init(struct index *ix, size_t n)
{
	uint32_t slots = 16;

	while (slots < n * 2)
		slots *= 2;
	ix->slots = malloc(slots * sizeof(*ix->slots));
	if (!ix->slots)
		return B3IQ_E_NO_MEMORY;
	memset(ix->slots, 0xff, slots * sizeof(*ix->slots));
	ix->mask = slots - 1;
	ix->seed = hash_seed();
	return B3IQ_OK;
}

/* The slot where `name` is or would be.  Entries start with their name, `stride` bytes apart. */
static uint32_t *
index_slot(const struct index *ix, const void *entries, size_t stride, struct gguf_str name)
{
	uint32_t i = (uint32_t)hash_bytes(ix->seed, name.ptr, name.len);

	for (i &= ix->mask;; i = (i + 1) & ix->mask) {
		struct gguf_str have;

		if (ix->slots[i] == NO_ENTRY)
			return &ix->slots[i];
		memcpy(&have, (const char *)entries + ix->slots[i] * stride, sizeof(have));
		if (have.len == name.len && !memcmp(have.ptr, name.ptr, name.len))
			return &ix->slots[i];
	}
}

/* ---- reading the header ------------------------------------------------- */

static int32_t
broken(struct cursor *c, const char *field, const char *remedy)
{
	int len = (int)(c->name.len > 60 ? 60 : c->name.len);

	if (len)
		return fail_with(c->err, B3IQ_E_INVALID, "%s: %s \"%.*s\": %s, at byte %zu; %s",
				 c->g->path, c->what, len, c->name.ptr, field, c->at, remedy);
	return fail_with(c->err, B3IQ_E_INVALID, "%s: %s %" PRIu64 ": %s, at byte %zu; %s",
			 c->g->path, c->what, c->index, field, c->at, remedy);
}

static int32_t
truncated(struct cursor *c, const char *field)
{
	return broken(c, field, "the file is cut short: download or copy it again");
}

static int32_t
take(struct cursor *c, uint64_t n, const uint8_t **out, const char *field)
{
	if (n > c->g->size - c->at)
		return truncated(c, field);
	*out = c->g->base + c->at;
	c->at += (size_t)n;
	return B3IQ_OK;
}

static int32_t
take_u32(struct cursor *c, uint32_t *out, const char *field)
{
	const uint8_t *p = NULL;
	int32_t rc = take(c, sizeof(*out), &p, field);

	if (!rc)
		memcpy(out, p, sizeof(*out));
	return rc;
}

static int32_t
take_u64(struct cursor *c, uint64_t *out, const char *field)
{
	const uint8_t *p = NULL;
	int32_t rc = take(c, sizeof(*out), &p, field);

	if (!rc)
		memcpy(out, p, sizeof(*out));
	return rc;
}

static int32_t
take_string(struct cursor *c, struct gguf_str *out, const char *field)
{
	const uint8_t *p = NULL;
	uint64_t len;
	int32_t rc = take_u64(c, &len, field);

	if (!rc)
		rc = take(c, len, &p, field);
	if (rc)
		return rc;
	*out = (struct gguf_str){ (const char *)p, (size_t)len };
	return B3IQ_OK;
}

static int32_t skip_value(struct cursor *c, uint32_t kind, unsigned depth);

static int32_t
skip_array(struct cursor *c, unsigned depth)
{
	const uint8_t *p;
	uint32_t kind;
	uint64_t count;
	int32_t rc = take_u32(c, &kind, "element kind of the array");

	if (!rc)
		rc = take_u64(c, &count, "length of the array");
	if (rc)
		return rc;
	if (!gguf_kind_name(kind))
		return broken(c, "unknown element kind of the array",
			      "the file is damaged, or newer than this program");
	if (count > GGUF_MAX_ELEMENTS)
		return broken(c, "the array is longer than any vocabulary",
			      "the file is damaged or hostile: get it from its publisher");
	if (kinds[kind].bytes)
		return take(c, count * kinds[kind].bytes, &p, "array");
	if (depth == GGUF_MAX_NESTING)
		return broken(c, "arrays are nested too deep",
			      "the file is damaged or hostile: get it from its publisher");
	for (uint64_t i = 0; i < count && !rc; i++)
		rc = skip_value(c, kind, depth + 1);
	return rc;
}

static int32_t
skip_value(struct cursor *c, uint32_t kind, unsigned depth)
{
	const uint8_t *p = NULL;
	struct gguf_str s;
	int32_t rc;

	if (kind == GGUF_KIND_STRING)
		return take_string(c, &s, "string");
	if (kind == GGUF_KIND_ARRAY)
		return skip_array(c, depth);
	rc = take(c, kinds[kind].bytes, &p, "value");
	if (!rc && kind == GGUF_KIND_BOOL && *p > 1)
		return broken(c, "a bool that is neither 0 nor 1",
			      "the file is damaged: download or copy it again");
	return rc;
}

/* A name that is empty, too long or has a NUL could not be told apart in errors and C strings. */
static int32_t
check_name(struct cursor *c, size_t max)
{
	if (!c->name.len || c->name.len > max || memchr(c->name.ptr, 0, c->name.len))
		return broken(c, "a name that is empty, too long or has a NUL byte",
			      "the file is damaged: download or copy it again");
	return B3IQ_OK;
}

static int32_t
read_values(struct gguf *g, struct cursor *c)
{
	for (size_t i = 0; i < g->n_values; i++) {
		struct gguf_value *v = &g->values[i];
		uint32_t *slot, kind;
		int32_t rc;

		*c = (struct cursor){ g, c->at, "metadata key", i, { NULL, 0 }, c->err };
		rc = take_string(c, &v->key, "key");
		if (rc)
			return rc;
		c->name = v->key;
		rc = check_name(c, GGUF_MAX_NAME);
		if (!rc)
			rc = take_u32(c, &kind, "kind");
		if (rc)
			return rc;
		if (!gguf_kind_name(kind))
			return broken(c, "unknown kind of value",
				      "the file is damaged, or newer than this program");
		slot = index_slot(&g->keys, g->values, sizeof(*v), v->key);
		if (*slot != NO_ENTRY)
			return broken(c, "the key is there twice",
				      "each is named once: get the file from its publisher");
		*slot = (uint32_t)i;
		v->kind = (enum gguf_kind)kind;
		v->data = g->base + c->at;
		rc = skip_value(c, kind, 0);
		if (rc)
			return rc;
		v->size = (size_t)(g->base + c->at - v->data);
	}
	return B3IQ_OK;
}

static int32_t
unknown_type(struct cursor *c, uint32_t type)
{
	return fail_with(c->err, B3IQ_E_UNSUPPORTED,
			 "%s: tensor \"%.*s\" has type %" PRIu32
			 ", which this build does not know; "
			 "convert the model again, to Q8_0 for example",
			 c->g->path, (int)(c->name.len > 60 ? 60 : c->name.len), c->name.ptr, type);
}

/* Reads dimensions and type, and works out the size. */
static int32_t
read_shape(struct cursor *c, struct gguf_tensor *t)
{
	uint32_t type = 0;
	uint64_t rows = 1;
	int32_t rc = take_u32(c, &t->n_dims, "number of dimensions");

	if (rc)
		return rc;
	if (!t->n_dims || t->n_dims > GGUF_MAX_DIMS)
		return broken(c, "the number of dimensions is not 1 to 4",
			      "the file is damaged: download or copy it again");
	for (uint32_t d = 0; d < GGUF_MAX_DIMS; d++) {
		t->dims[d] = 1;
		if (d < t->n_dims && (rc = take_u64(c, &t->dims[d], "dimension")) != 0)
			return rc;
		if (!t->dims[d] || t->dims[d] > INT64_MAX ||
		    (d && __builtin_mul_overflow(rows, t->dims[d], &rows)))
			return broken(c, "a dimension that is zero or too large",
				      "the file is damaged: download or copy it again");
	}
	rc = take_u32(c, &type, "type");
	if (rc)
		return rc;
	if (!type_info(type))
		return unknown_type(c, type);
	t->type = (enum gguf_type)type;
	t->size = gguf_row_size(type, t->dims[0]);
	if (!t->size)
		return broken(c, "the row length is no multiple of the type's block, or too large",
			      "the file is damaged: download or copy it again");
	if (__builtin_mul_overflow(t->size, rows, &t->size) || t->size > c->g->size)
		return broken(c, "the tensor is larger than the file",
			      "the file is cut or lies: download or copy it again");
	return B3IQ_OK;
}

/* Reads tensor descriptions; place_tensors() turns the offsets into data. */
static int32_t
read_tensors(struct gguf *g, struct cursor *c, uint64_t *offsets)
{
	for (size_t i = 0; i < g->n_tensors; i++) {
		struct gguf_tensor *t = &g->tensors[i];
		uint32_t *slot;
		int32_t rc;

		*c = (struct cursor){ g, c->at, "tensor", i, { NULL, 0 }, c->err };
		rc = take_string(c, &t->name, "name");
		if (rc)
			return rc;
		c->name = t->name;
		rc = check_name(c, MAX_TENSOR_NAME);
		if (!rc)
			rc = read_shape(c, t);
		if (!rc)
			rc = take_u64(c, &offsets[i], "offset");
		if (rc)
			return rc;
		slot = index_slot(&g->names, g->tensors, sizeof(*t), t->name);
		if (*slot != NO_ENTRY)
			return broken(c, "the tensor is there twice",
				      "a sound file names each once: get it from its publisher");
		*slot = (uint32_t)i;
	}
	return B3IQ_OK;
}

static int32_t
place_tensors(struct gguf *g, struct cursor *c, const uint64_t *offsets)
{
	uint32_t alignment = ALIGNMENT;
	size_t start, room;
	int32_t rc = gguf_u32(g, "general.alignment", &alignment, c->err);

	if (rc && rc != B3IQ_E_NOT_FOUND)
		return rc;
	*c = (struct cursor){ g, c->at, "data section", 0, { NULL, 0 }, c->err };
	if (!alignment || alignment > GGUF_MAX_ALIGNMENT || (alignment & (alignment - 1)))
		return broken(c, "general.alignment is no power of two up to 2^20",
			      "the file is damaged: download or copy it again");
	start = (c->at + alignment - 1) / alignment * alignment;
	room = start < g->size ? g->size - start : 0;
	for (size_t i = 0; i < g->n_tensors; i++) {
		struct gguf_tensor *t = &g->tensors[i];

		*c = (struct cursor){ g, c->at, "tensor", i, t->name, c->err };
		if (offsets[i] % alignment)
			return broken(c, "the offset is not aligned as general.alignment says",
				      "the file is damaged: download or copy it again");
		if (offsets[i] > room || t->size > room - offsets[i])
			return broken(c, "the data reaches beyond the end of the file",
				      "the file is cut: download or copy it again");
		t->data = g->base + start + offsets[i];
	}
	return B3IQ_OK;
}

static int32_t
compare_extents(const struct gguf_tensor *a, const struct gguf_tensor *b)
{
	return a->data < b->data ? -1 : a->data > b->data;
}

static int
compare_pointers(const void *a, const void *b)
{
	return compare_extents(*(const struct gguf_tensor *const *)a,
			       *(const struct gguf_tensor *const *)b);
}

/* Two tensors over the same bytes are no model: such a file is made to be read differently by two
 * programs. */
static int32_t
check_overlap(struct gguf *g, struct cursor *c)
{
	const struct gguf_tensor **sorted;
	int32_t rc = B3IQ_OK;

	if (g->n_tensors < 2)
		return B3IQ_OK;
	sorted = malloc(g->n_tensors * sizeof(*sorted));
	if (!sorted)
		return fail_memory(c->err, "the tensor list");
	for (size_t i = 0; i < g->n_tensors; i++)
		sorted[i] = &g->tensors[i];
	qsort(sorted, g->n_tensors, sizeof(*sorted), compare_pointers);
	for (size_t i = 1; i < g->n_tensors && !rc; i++) {
		const struct gguf_tensor *t = sorted[i - 1];

		if ((const uint8_t *)t->data + t->size <= (const uint8_t *)sorted[i]->data)
			continue;
		*c = (struct cursor){ g, c->at, "tensor", (uint64_t)(sorted[i] - g->tensors),
				      sorted[i]->name, c->err };
		rc = broken(c, "the data lies over another tensor's",
			    "the file is damaged or hostile: get it from its publisher");
	}
	free(sorted);
	return rc;
}

static int32_t
read_header(struct gguf *g, struct cursor *c)
{
	uint32_t magic = 0, version = 0;
	uint64_t n_tensors = 0, n_values = 0;
	int32_t rc = take_u32(c, &magic, "magic");

	if (!rc && magic != MAGIC)
		return fail_with(c->err,
				 magic == MAGIC_SWAPPED ? B3IQ_E_UNSUPPORTED : B3IQ_E_INVALID,
				 magic == MAGIC_SWAPPED
				     ? "%s: a big-endian file; convert it to little-endian"
				     : "%s: not a GGUF file (no GGUF at its start); give a .gguf",
				 g->path);
	if (!rc)
		rc = take_u32(c, &version, "version");
	if (!rc && version != 2 && version != 3)
		return fail_with(c->err, B3IQ_E_UNSUPPORTED,
				 "%s: GGUF version %" PRIu32 " where 2 or 3 is read; convert the "
				 "model again with a current tool", g->path, version);
	if (!rc)
		rc = take_u64(c, &n_tensors, "number of tensors");
	if (!rc)
		rc = take_u64(c, &n_values, "number of metadata keys");
	if (rc)
		return rc;
	if (n_tensors > GGUF_MAX_TENSORS || n_values > GGUF_MAX_KEYS)
		return broken(c, "more than 65536 tensors or keys",
			      "the file is damaged or hostile: get it from its publisher");
	if (n_values * MIN_VALUE_BYTES + n_tensors * MIN_TENSOR_BYTES > g->size)
		return truncated(c, "more tensors and keys than the file has room for");
	g->n_tensors = (size_t)n_tensors;
	g->n_values = (size_t)n_values;
	return B3IQ_OK;
}

static int32_t
parse(struct gguf *g, struct b3iq_error *err)
{
	struct cursor c = { g, 0, "header", 0, { NULL, 0 }, err };
	uint64_t *offsets = NULL;
	int32_t rc = read_header(g, &c);

	if (rc)
		return rc;
	g->values = calloc(g->n_values + 1, sizeof(*g->values));
	g->tensors = calloc(g->n_tensors + 1, sizeof(*g->tensors));
	offsets = calloc(g->n_tensors + 1, sizeof(*offsets));
	if (!g->values || !g->tensors || !offsets || index_init(&g->keys, g->n_values) ||
	    index_init(&g->names, g->n_tensors)) {
		rc = fail_memory(err, "the index of the model file");
		goto out;
	}
	rc = read_values(g, &c);
	if (!rc)
		rc = read_tensors(g, &c, offsets);
	if (!rc)
		rc = place_tensors(g, &c, offsets);
	if (!rc)
		rc = check_overlap(g, &c);
out:
	free(offsets);
	return rc;
}

/* ---- open and close ----------------------------------------------------- */

static int32_t
new_gguf(struct gguf **out, const char *name, struct b3iq_error *err)
{
	struct gguf *g = calloc(1, sizeof(*g));

	*out = NULL;
	if (g)
		g->path = strdup(name);
	if (!g || !g->path) {
		free(g);
		return fail_memory(err, "a model file");
	}
	*out = g;
	return B3IQ_OK;
}

static int32_t
open_failed(const char *path, struct b3iq_error *err)
{
	int code = errno;

	return fail_with(err,
			 code == ENOENT || code == ENOTDIR ? B3IQ_E_NOT_FOUND
			 : code == EACCES || code == EPERM ? B3IQ_E_DENIED
			 : code == ENOMEM                  ? B3IQ_E_NO_MEMORY
							   : B3IQ_E_INVALID,
			 "%s: cannot be opened (%s); check the path and its permissions", path,
			 strerror(code));
}

static int32_t
map(struct gguf *g, struct b3iq_error *err)
{
	struct stat st;
	void *base = MAP_FAILED;
	int32_t rc = B3IQ_OK;
	int fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return open_failed(g->path, err);
	if (fstat(fd, &st))
		rc = open_failed(g->path, err);
	else if (!S_ISREG(st.st_mode))
		rc = fail_with(err, B3IQ_E_INVALID, "%s: not a regular file; give a .gguf file",
			       g->path);
	else if (st.st_size < 24)
		rc = fail_with(err, B3IQ_E_INVALID,
			       "%s: %lld bytes are no GGUF file; download or copy it again",
			       g->path, (long long)st.st_size);
	else
		base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!rc && base == MAP_FAILED)
		rc = open_failed(g->path, err);
	if (!rc) {
		g->base = base;
		g->size = (size_t)st.st_size;
		g->mapped = true;
	}
	close(fd);
	return rc;
}

int32_t
gguf_open(struct gguf **out, const char *path, struct b3iq_error *err)
{
	int32_t rc = new_gguf(out, path, err);

	if (!rc)
		rc = map(*out, err);
	if (!rc)
		rc = parse(*out, err);
	if (rc) {
		gguf_close(*out);
		*out = NULL;
	}
	return rc;
}

int32_t
gguf_open_memory(struct gguf **out, const void *data, size_t size, const char *name,
		 struct b3iq_error *err)
{
	int32_t rc = new_gguf(out, name, err);

	if (rc)
		return rc;
	(*out)->base = data;
	(*out)->size = size;
	rc = parse(*out, err);
	if (rc) {
		gguf_close(*out);
		*out = NULL;
	}
	return rc;
}

void
gguf_close(struct gguf *g)
{
	if (!g)
		return;
	if (g->mapped)
		munmap((void *)(uintptr_t)g->base, g->size);
	free(g->keys.slots);
	free(g->names.slots);
	free(g->values);
	free(g->tensors);
	free(g->path);
	free(g);
}

void
gguf_forget(const struct gguf *g, const void *data, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t first = ((uintptr_t)data + page - 1) / page * page;
	const uintptr_t last = ((uintptr_t)data + size) / page * page;

	/* Only of a mapping: elsewhere the bytes would be lost. */
	if (g->mapped && last > first)
		(void)madvise((void *)first, last - first, MADV_DONTNEED);
}

/* ---- what is in it ------------------------------------------------------ */

const char *
gguf_path(const struct gguf *g)
{
	return g->path;
}

uint64_t
gguf_size(const struct gguf *g)
{
	return g->size;
}

size_t
gguf_n_tensors(const struct gguf *g)
{
	return g->n_tensors;
}

size_t
gguf_n_values(const struct gguf *g)
{
	return g->n_values;
}

const struct gguf_tensor *
gguf_tensor_at(const struct gguf *g, size_t i)
{
	return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const struct gguf_value *
gguf_value_at(const struct gguf *g, size_t i)
{
	return i < g->n_values ? &g->values[i] : NULL;
}

const struct gguf_tensor *
gguf_tensor(const struct gguf *g, const char *name)
{
	struct gguf_str s = { name, strlen(name) };
	uint32_t i = *index_slot(&g->names, g->tensors, sizeof(*g->tensors), s);

	return i == NO_ENTRY ? NULL : &g->tensors[i];
}

const struct gguf_value *
gguf_value(const struct gguf *g, const char *key)
{
	struct gguf_str s = { key, strlen(key) };
	uint32_t i = *index_slot(&g->keys, g->values, sizeof(*g->values), s);

	return i == NO_ENTRY ? NULL : &g->values[i];
}

/* ---- getters ------------------------------------------------------------ */

static int32_t
find(const struct gguf *g, const char *key, const struct gguf_value **out, struct b3iq_error *err)
{
	*out = gguf_value(g, key);
	if (*out)
		return B3IQ_OK;
	return fail_with(err, B3IQ_E_NOT_FOUND, "%s: has no %s; convert the model again", g->path,
			 key);
}

static int32_t
wrong_kind(const struct gguf *g, const struct gguf_value *v, const char *want,
	   struct b3iq_error *err)
{
	return fail_with(err, B3IQ_E_INVALID,
			 "%s: %.*s is %s and does not serve as %s; convert the "
			 "model again",
			 g->path, (int)(v->key.len > 80 ? 80 : v->key.len), v->key.ptr,
			 gguf_kind_name(v->kind), want);
}

/* Any integer as sign and magnitude; false where the kind is none. */
static bool
read_integer(const uint8_t *data, enum gguf_kind kind, int64_t *value, bool *above)
{
	union {
		uint8_t u8; int8_t i8; uint16_t u16; int16_t i16; uint32_t u32; int32_t i32;
		uint64_t u64; int64_t i64;
	} n;

	*above = false;
	if (kind >= COUNT(kinds) || !kinds[kind].bytes)
		return false;
	memcpy(&n, data, kinds[kind].bytes);
	switch (kind) {
	case GGUF_KIND_U8: *value = n.u8; return true;
	case GGUF_KIND_I8: *value = n.i8; return true;
	case GGUF_KIND_U16: *value = n.u16; return true;
	case GGUF_KIND_I16: *value = n.i16; return true;
	case GGUF_KIND_U32: *value = n.u32; return true;
	case GGUF_KIND_I32: *value = n.i32; return true;
	case GGUF_KIND_I64: *value = n.i64; return true;
	case GGUF_KIND_U64:
		*above = n.u64 > INT64_MAX;
		*value = (int64_t)n.u64;
		return true;
	default: return false;
	}
}

int32_t
gguf_i64(const struct gguf *g, const char *key, int64_t *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	int64_t value;
	bool above;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (!read_integer(v->data, v->kind, &value, &above) || above)
		return wrong_kind(g, v, "a signed 64-bit integer", err);
	*out = value;
	return B3IQ_OK;
}

int32_t
gguf_u64(const struct gguf *g, const char *key, uint64_t *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	int64_t value;
	bool above;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (!read_integer(v->data, v->kind, &value, &above) || (value < 0 && !above))
		return wrong_kind(g, v, "an unsigned integer", err);
	*out = (uint64_t)value;
	return B3IQ_OK;
}

int32_t
gguf_u32(const struct gguf *g, const char *key, uint32_t *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	uint64_t value = 0;
	int32_t rc = gguf_u64(g, key, &value, err);

	if (rc)
		return rc;
	if (value > UINT32_MAX) {
		v = gguf_value(g, key);
		return wrong_kind(g, v, "an unsigned 32-bit integer (out of range)", err);
	}
	*out = (uint32_t)value;
	return B3IQ_OK;
}

int32_t
gguf_f32(const struct gguf *g, const char *key, float *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (v->kind != GGUF_KIND_F32)
		return wrong_kind(g, v, "a 32-bit float", err);
	memcpy(out, v->data, sizeof(*out));
	return B3IQ_OK;
}

int32_t
gguf_f64(const struct gguf *g, const char *key, double *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	float single;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (v->kind == GGUF_KIND_F64) {
		memcpy(out, v->data, sizeof(*out));
		return B3IQ_OK;
	}
	rc = gguf_f32(g, key, &single, err);
	if (!rc)
		*out = (double)single;
	return rc;
}

int32_t
gguf_bool(const struct gguf *g, const char *key, bool *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (v->kind != GGUF_KIND_BOOL)
		return wrong_kind(g, v, "a bool", err);
	*out = *v->data != 0;
	return B3IQ_OK;
}

int32_t
gguf_string(const struct gguf *g, const char *key, struct gguf_str *out, struct b3iq_error *err)
{
	const struct gguf_value *v;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (v->kind != GGUF_KIND_STRING)
		return wrong_kind(g, v, "a string", err);
	*out = (struct gguf_str){ (const char *)v->data + 8, v->size - 8 };
	return B3IQ_OK;
}

int32_t
gguf_array(const struct gguf *g, const char *key, enum gguf_kind kind, struct gguf_array *out,
	   struct b3iq_error *err)
{
	const struct gguf_value *v;
	uint64_t count;
	uint32_t have;
	int32_t rc = find(g, key, &v, err);

	if (rc)
		return rc;
	if (v->kind != GGUF_KIND_ARRAY)
		return wrong_kind(g, v, "an array", err);
	memcpy(&have, v->data, sizeof(have));
	memcpy(&count, v->data + 4, sizeof(count));
	if (have != (uint32_t)kind)
		return fail_with(err, B3IQ_E_INVALID,
				 "%s: %s has elements of kind %s instead of %s; "
				 "convert the model again",
				 g->path, key, gguf_kind_name(have), gguf_kind_name(kind));
	*out = (struct gguf_array){ kind, (size_t)count, v->data + 12, v->size - 12 };
	return B3IQ_OK;
}

float
gguf_array_f32(const struct gguf_array *a, size_t i)
{
	float value;

	memcpy(&value, a->data + i * sizeof(value), sizeof(value));
	return value;
}

int64_t
gguf_array_i64(const struct gguf_array *a, size_t i)
{
	int64_t value = 0;
	bool above;

	(void)read_integer(a->data + i * kinds[a->kind].bytes, a->kind, &value, &above);
	return value;
}

bool
gguf_array_next(const struct gguf_array *a, size_t *at, struct gguf_str *out)
{
	uint64_t len;

	if (*at >= a->size)
		return false;
	memcpy(&len, a->data + *at, sizeof(len));
	*out = (struct gguf_str){ (const char *)a->data + *at + 8, (size_t)len };
	*at += 8 + (size_t)len;
	return true;
}
