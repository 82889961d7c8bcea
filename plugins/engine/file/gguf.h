/* gguf.h - a GGUF v2 or v3 model file, mapped and checked.
 *
 * gguf_open() maps the file read only and walks all of its metadata once.  Every count, length,
 * offset, alignment, product of dimensions and tensor extent is checked against the file size
 * before use, so that whatever gguf_open() accepted can be read without further checks.  A file
 * that is truncated, lies about its sizes or names a key or tensor twice is refused with a sentence
 * that says the file, the field and the remedy.
 *
 *   Views     Strings, arrays and tensor data point into the mapping: no copies; valid until
 *             gguf_close().  Nothing is NUL-terminated and nothing but tensor data is aligned:
 *             read array elements with the getters.
 *   Threads   An open file is immutable: any thread, any time.
 *   Limits    See GGUF_MAX_*.  Little-endian files only, as all that matter are.
 *   Scope     A file that another process truncates while it is mapped ends in SIGBUS: model files
 *             are replaced by rename, never rewritten in place.  The sandbox child contains it.
 *
 * Source of the format: the GGUF specification of the ggml project (docs/gguf.md).
 */
#ifndef B3IQ_ENGINE_GGUF_H
#define B3IQ_ENGINE_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "plugin.h"

#define GGUF_MAX_KEYS      65536u
#define GGUF_MAX_TENSORS   65536u
#define GGUF_MAX_DIMS      4u
#define GGUF_MAX_NAME      65535u   /* bytes of a key; tensor names have at most 255 */
#define GGUF_MAX_ELEMENTS  (1u << 26) /* elements of one metadata array */
#define GGUF_MAX_NESTING   4u       /* arrays in arrays */
#define GGUF_MAX_ALIGNMENT (1u << 20)

/* Tensor types: X(name, id in the file, elements of a block, bytes of a block). */
#define GGUF_TENSOR_TYPES(X)                                                               \
	X(F32, 0, 1, 4) X(F16, 1, 1, 2) X(Q4_0, 2, 32, 18) X(Q4_1, 3, 32, 20)              \
	X(Q5_0, 6, 32, 22) X(Q5_1, 7, 32, 24) X(Q8_0, 8, 32, 34) X(Q8_1, 9, 32, 36)        \
	X(Q2_K, 10, 256, 84) X(Q3_K, 11, 256, 110) X(Q4_K, 12, 256, 144)                   \
	X(Q5_K, 13, 256, 176) X(Q6_K, 14, 256, 210) X(Q8_K, 15, 256, 292)                  \
	X(IQ2_XXS, 16, 256, 66) X(IQ2_XS, 17, 256, 74) X(IQ3_XXS, 18, 256, 98)             \
	X(IQ1_S, 19, 256, 50) X(IQ4_NL, 20, 32, 18) X(IQ3_S, 21, 256, 110)                 \
	X(IQ2_S, 22, 256, 82) X(IQ4_XS, 23, 256, 136) X(I8, 24, 1, 1) X(I16, 25, 1, 2)     \
	X(I32, 26, 1, 4) X(I64, 27, 1, 8) X(F64, 28, 1, 8) X(IQ1_M, 29, 256, 56)           \
	X(BF16, 30, 1, 2) X(TQ1_0, 34, 256, 54) X(TQ2_0, 35, 256, 66) X(MXFP4, 39, 32, 17) \
	X(NVFP4, 40, 64, 36)

enum gguf_type {
#define GGUF_TYPE_ENUM(name, id, elements, bytes) GGUF_##name = (id),
	GGUF_TENSOR_TYPES(GGUF_TYPE_ENUM)
#undef GGUF_TYPE_ENUM
};

/* Metadata kinds: X(name, id in the file, bytes; 0 where the length varies). */
#define GGUF_KINDS(X)                                                                      \
	X(U8, 0, 1) X(I8, 1, 1) X(U16, 2, 2) X(I16, 3, 2) X(U32, 4, 4) X(I32, 5, 4)        \
	X(F32, 6, 4) X(BOOL, 7, 1) X(STRING, 8, 0) X(ARRAY, 9, 0) X(U64, 10, 8)            \
	X(I64, 11, 8) X(F64, 12, 8)

enum gguf_kind {
#define GGUF_KIND_ENUM(name, id, bytes) GGUF_KIND_##name = (id),
	GGUF_KINDS(GGUF_KIND_ENUM)
#undef GGUF_KIND_ENUM
};

struct gguf; /* an open file */

struct gguf_str {
	const char *ptr;
	size_t      len;
};

struct gguf_tensor {
	struct gguf_str name;
	enum gguf_type  type;
	uint32_t        n_dims;              /* 1..GGUF_MAX_DIMS                            */
	uint64_t        dims[GGUF_MAX_DIMS]; /* dims[0] is the contiguous one; unused are 1 */
	const void     *data;                /* aligned to general.alignment (32)           */
	uint64_t        size;                /* bytes of data                               */
};

struct gguf_array {
	enum gguf_kind kind; /* of the elements */
	size_t         count;
	const uint8_t *data; /* encoded elements; use the getters */
	size_t         size;
};

struct gguf_value {
	struct gguf_str key;
	enum gguf_kind  kind;
	const uint8_t  *data; /* encoded value, without its kind */
	size_t          size;
};

/* Opens a file.  The errors: B3IQ_E_NOT_FOUND (no such file), B3IQ_E_DENIED (not readable),
 * B3IQ_E_INVALID (not GGUF, or broken), B3IQ_E_UNSUPPORTED (version, byte order or a tensor type
 * that this build does not know), B3IQ_E_NO_MEMORY. */
int32_t gguf_open(struct gguf **, const char *path, struct b3iq_error *);

/* The same over bytes that the caller keeps until gguf_close(); `name` stands in errors.  Tensor
 * data is as aligned as `data` is. */
int32_t gguf_open_memory(struct gguf **, const void *data, size_t size, const char *name,
			 struct b3iq_error *);
void gguf_close(struct gguf *);

/* Lets the memory behind these bytes of a mapped file go; who reads them again reads the file.
 * Views stay good, and other threads may read them meanwhile. */
void gguf_forget(const struct gguf *, const void *data, size_t size);

const char *gguf_path(const struct gguf *); /* as given to gguf_open() */
uint64_t gguf_size(const struct gguf *);    /* bytes of the file       */

/* Names: "Q8_0"; "type 31" has no name and gives NULL. */
const char *gguf_type_name(uint32_t type);
const char *gguf_kind_name(uint32_t kind);
/* Bytes of a row of n elements, 0 when n is no multiple of the block or the type is unknown. */
uint64_t gguf_row_size(uint32_t type, uint64_t n);

/* Tensors, in the order of the file and of one array, or by name (hashed); NULL when absent. */
size_t gguf_n_tensors(const struct gguf *);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *, size_t index);
const struct gguf_tensor *gguf_tensor(const struct gguf *, const char *name);

/* Metadata, in the order of the file, or by key (hashed); NULL when absent. */
size_t gguf_n_values(const struct gguf *);
const struct gguf_value *gguf_value_at(const struct gguf *, size_t index);
const struct gguf_value *gguf_value(const struct gguf *, const char *key);

/* Typed getters.  Any integer kind is accepted where it fits without loss; F32 and F64 serve
 * gguf_f64, F32 alone gguf_f32.  On B3IQ_E_NOT_FOUND and B3IQ_E_INVALID (wrong kind, out of range)
 * *out keeps its value, so that a default can be set before the call and NOT_FOUND be ignored; err
 * may be NULL. */
int32_t gguf_u32(const struct gguf *, const char *key, uint32_t *out, struct b3iq_error *);
int32_t gguf_u64(const struct gguf *, const char *key, uint64_t *out, struct b3iq_error *);
int32_t gguf_i64(const struct gguf *, const char *key, int64_t *out, struct b3iq_error *);
int32_t gguf_f32(const struct gguf *, const char *key, float *out, struct b3iq_error *);
int32_t gguf_f64(const struct gguf *, const char *key, double *out, struct b3iq_error *);
int32_t gguf_bool(const struct gguf *, const char *key, bool *out, struct b3iq_error *);
int32_t gguf_string(const struct gguf *, const char *key, struct gguf_str *out,
		    struct b3iq_error *);
/* kind: what the elements must be. */
int32_t gguf_array(const struct gguf *, const char *key, enum gguf_kind kind,
		   struct gguf_array *out, struct b3iq_error *);

/* Elements of an array: index < count, and the array of that kind (integers: any integer kind). */
float gguf_array_f32(const struct gguf_array *, size_t index);
int64_t gguf_array_i64(const struct gguf_array *, size_t index);

/* Strings of an array, in order: start with *cursor = 0; false after the last. */
bool gguf_array_next(const struct gguf_array *, size_t *cursor, struct gguf_str *out);

bool gguf_str_equal(struct gguf_str, const char *text);

#endif
