#include "coordinator/settle/receipts.c"

#include "core/crypto/sha256.h"
#include "unit.h"

struct put {
	struct job j;
	uint8_t    leaf[32];
	struct buf verdict;
};

static int32_t
put_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct put *p = arg;
	const struct receipts_new r = { .job = p->j.seq, .id = p->j.receipt, .leaf = p->leaf,
		                        .output = p->leaf, .verdict = &p->verdict, .now_ms = 100 };

	return receipts_add(tx, &r, err);
}

static struct job
put_one(uint8_t n, int32_t want)
{
	struct put p = { .j = unit_job("alice", "m"), .leaf = { n } };
	struct b3iq_error err = NO_ERR;

	unit_put(&p.j);
	snprintf(p.j.receipt, sizeof p.j.receipt, "receipt_%d_%lld", n, (long long)p.j.seq);
	buf_init(&p.verdict, 100);
	buf_puts(&p.verdict, "{\"body\":{}}");
	assert_int_equal(store_write(unit_store, put_row, &p, &err), want);
	buf_free(&p.verdict);
	return p.j;
}

struct batching {
	uint32_t least, count;
	uint64_t before;
	int64_t  batch;
	uint8_t  root[32];
};

static int32_t
batch_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct batching *b = arg;
	int32_t rc = receipts_batch(tx, b->least, b->before, 200, &b->batch, b->root, &b->count, err);

	return rc == B3IQ_OK && b->batch ? receipts_anchored(tx, b->batch, "0xabc", 12, err) : rc;
}

struct view {
	struct job          j;
	struct json_object *o;
};

static int32_t
view_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct view *v = arg;

	return receipts_view(tx, &v->j, &v->o, err);
}

static void
test_batch_and_proof(void **state)
{
	struct batching b = { .least = 10, .before = 50 };
	struct b3iq_error err = NO_ERR;
	struct merkle_proof proof = { .count = 3, .index = 1 };
	struct json_object *anchor, *path, *item;
	struct view v;

	(void)state;
	put_one(1, B3IQ_OK);
	v.j = put_one(2, B3IQ_OK);
	put_one(3, B3IQ_OK);
	put_one(2, B3IQ_E_INVALID); /* the same receipt for another job */
	assert_ok(store_write(unit_store, batch_row, &b, &err), err);
	assert_int_equal(b.batch, 0); /* few and young: they wait for others */
	b.before = 101;
	assert_ok(store_write(unit_store, batch_row, &b, &err), err);
	assert_int_equal(b.count, 3);
	assert_ok(store_read(unit_store, view_row, &v, &err), err);
	assert_true(json_object_object_get_ex(v.o, "anchor", &anchor));
	assert_true(json_object_object_get_ex(anchor, "path", &path));
	proof.depth = json_object_array_length(path);
	for (size_t i = 0; i < proof.depth; i++) {
		item = json_object_array_get_idx(path, i);
		assert_true(hex_decode(json_object_get_string(item), 64, proof.path[i], 32));
	}
	assert_int_equal(merkle_verify(&proof, (const uint8_t[32]){ 2 }, b.root), B3IQ_OK);
	json_object_put(v.o);
	b.batch = 0;
	assert_ok(store_write(unit_store, batch_row, &b, &err), err);
	assert_int_equal(b.batch, 0); /* nothing is left */
}

static void
test_none(void **state)
{
	struct view v = { .j = unit_job("alice", "m") };
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_int_equal(store_read(unit_store, view_row, &v, &err), B3IQ_E_NOT_FOUND);
}

UNIT_MAIN(UNIT_STORE(test_batch_and_proof), UNIT_STORE(test_none))
