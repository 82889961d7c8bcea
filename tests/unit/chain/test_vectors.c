/* chain.json, which a second implementation made: its blocks are imported, and lead to its entries. */
#include "fixture.h"

#include "chain/ledger/replay.h"
#include "core/base/json.h"

static struct json_object *
read_json(const char *file)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *doc;
	struct buf text;

	buf_init(&text, 16u << 20);
	assert_ok(path_read(file, &text, &err), err);
	assert_ok(json_parse(text.data, text.len, file, &doc, &err), err);
	buf_free(&text);
	return doc;
}

static struct buf
text_of(struct json_object *o)
{
	struct buf out;

	buf_init(&out, BLOCK_TEXT);
	assert_int_equal(json_write(o, &out), B3IQ_OK);
	return out;
}

static void
compare(void *arg, const struct state *s, const struct ledger_head *head)
{
	struct json_object *entries = arg;
	struct trie_entry e;
	uint8_t path[32];

	(void)head;
	assert_int_equal(trie_count(state_trie(s), TRIE_COMMITTED), json_object_object_length(entries));
	json_object_object_foreach(entries, key, value)
	{
		assert_int_equal(trie_path(key, strlen(key), path), B3IQ_OK);
		if (!trie_get(state_trie(s), TRIE_COMMITTED, path, &e))
			fail_msg("%s is missing", key);
		assert_string_equal(e.value, json_object_get_string(value));
	}
}

static void
test_chain(void **state)
{
	struct json_object *doc = read_json(SOURCE_DIR "/tests/unit/chain/chain.json");
	struct json_object *blocks = json_object_object_get(doc, "blocks");
	struct buf genesis = text_of(json_object_object_get(doc, "genesis"));
	struct b3iq_error err = NO_ERROR;
	struct replay_report report;
	struct ledger *l;
	char dir[64], file[96];

	(void)state;
	folder_make(dir, file, "chain.db");
	assert_ok(ledger_open(&(struct ledger_options){ .file = file, .genesis = genesis.data,
	                                                .genesis_len = genesis.len },
	                      &l, &err),
	          err);
	for (size_t i = 0; i < json_object_array_length(blocks); i++) {
		struct buf block = text_of(json_object_array_get_idx(blocks, i));

		assert_ok(ledger_import(l, block.data, block.len, &err), err);
		buf_free(&block);
	}
	ledger_state(l, compare, json_object_object_get(doc, "entries"));
	ledger_close(l);
	assert_ok(replay_verify(file, &report, &err), err);
	assert_int_equal(report.height, json_object_array_length(blocks));
	folder_remove(dir);
	buf_free(&genesis);
	json_object_put(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_chain) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
