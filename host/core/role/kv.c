#include "core/role/kv.h"

#include "core/base/fail.h"

static const char *const migrations[] = {
	"CREATE TABLE plugin_kv("
	" instance TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" value BLOB NOT NULL,"
	" PRIMARY KEY(instance, key)"
	") STRICT, WITHOUT ROWID",
	NULL,
};

const struct store_module kv_module = { "kv", migrations };

struct access {
	const char *instance, *key;
	struct b3iq_writer *out;
	const void *value;
	size_t len;
};

static int32_t
get(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct access *a = arg;
	struct store_rows *rows;
	const void *value;
	size_t len;
	bool row;
	int32_t rc;

	rc = store_query(tx, &rows, err,
	                 "SELECT value FROM plugin_kv WHERE instance = ? AND key = ?", "ss",
	                 a->instance, a->key);
	if (rc == B3IQ_OK)
		rc = store_next(rows, &row, err);
	if (rc != B3IQ_OK)
		return rc;
	if (!row)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "the instance has stored nothing under this key");
	value = store_blob(rows, 0, &len);
	return a->out->write(a->out, value, len);
}

static int32_t
put(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct access *a = arg;

	if (a->len == 0)
		return store_run(tx, err, "DELETE FROM plugin_kv WHERE instance = ? AND key = ?",
		                 "ss", a->instance, a->key);
	return store_run(tx, err,
	                 "INSERT INTO plugin_kv(instance, key, value) VALUES(?,?,?) "
	                 "ON CONFLICT DO UPDATE SET value = excluded.value",
	                 "ssb", a->instance, a->key, a->value, a->len);
}

int32_t
kv_get(struct store *store, const char *instance, const char *key, struct b3iq_writer *out)
{
	struct access a = { .instance = instance, .key = key, .out = out };

	return store_read(store, get, &a, NULL);
}

int32_t
kv_put(struct store *store, const char *instance, const char *key, const void *value, size_t len)
{
	struct access a = { .instance = instance, .key = key, .value = value, .len = len };

	return store_write(store, put, &a, NULL);
}
