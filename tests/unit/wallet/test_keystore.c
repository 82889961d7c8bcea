/* keystore.c: what a wallet file keeps, and every way in which it may be wrong. */
#include "unit.h"

#include "wallet/keystore.c"

static struct home home;
static struct keystore ks;

static int
begin(void **state)
{
	(void)state;
	unit_home(&home);
	unit_keystore(&home, &ks);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	unit_home_end(&home);
	return 0;
}

static void
make(const char *name, struct keystore_entry *e)
{
	struct b3iq_error err = NO_ERR;

	assert_ok(keystore_create(&ks, name, PASSWORD, e, &err), err);
}

static void
refused(int32_t rc, int32_t want, const struct b3iq_error *err, const char *why)
{
	if (rc != want || !strstr(err->text, why))
		fail_msg("%d, \"%s\" instead of %d, \"%s\"", (int)rc, err->text, (int)want, why);
}

static void
test_life(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e, back;
	struct ed25519_key *key;
	char file[PATH_SIZE], text[ADDRESS_SIZE];
	struct address a;
	struct stat st;

	(void)state;
	make("alice", &e);
	assert_ok(keystore_read(&ks, "alice", &back, &err), err);
	assert_memory_equal(&e, &back, sizeof(e));
	assert_int_equal(address_of(e.pub, &a), B3IQ_OK);
	assert_true(address_equal(&a, &e.address));
	address_write(&a, text);
	assert_int_equal(strncmp(text, "ait1", 4), 0);
	assert_int_equal(file_of(&ks, "alice", file, &err), B3IQ_OK);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(ks.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	assert_ok(keystore_unlock(&back, PASSWORD, &key, &err), err);
	assert_memory_equal(ed25519_public(key), e.pub, 32);
	ed25519_free(key);
	refused(keystore_unlock(&back, PASSWORD "!", &key, &err), B3IQ_E_DENIED, &err,
	        "wrong password");
	assert_null(key);
	refused(keystore_create(&ks, "alice", PASSWORD, &back, &err), B3IQ_E_BUSY, &err, "already");
	assert_ok(keystore_read(&ks, "alice", &back, &err), err);
	assert_memory_equal(&e, &back, sizeof(e)); /* untouched */

	assert_ok(keystore_delete(&ks, "alice", &err), err);
	refused(keystore_read(&ks, "alice", &back, &err), B3IQ_E_NOT_FOUND, &err,
	        "no wallet alice");
	refused(keystore_delete(&ks, "alice", &err), B3IQ_E_NOT_FOUND, &err, "no wallet alice");
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "",      ".",   "..", ".hidden",  "a/b",
		                           "../up", "a b", "-x", "\xc3\xa4", "a\n" };
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e;
	char name[KEYSTORE_NAME + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(keystore_create(&ks, bad[i], PASSWORD, &e, &err), B3IQ_E_INVALID, &err,
		        "name");
	memset(name, 'a', sizeof(name));
	name[65] = '\0';
	assert_false(keystore_name_good(name));
	name[64] = '\0';
	assert_true(keystore_name_good(name));
	make(name, &e);
	make("A.b_c-9", &e);
}

static void
test_passwords(void **state)
{
	struct b3iq_error err = NO_ERR;
	char text[KEYSTORE_PASSWORD_MAX + 2];
	struct keystore_entry e;

	(void)state;
	refused(keystore_create(&ks, "p", "short", &e, &err), B3IQ_E_INVALID, &err, "8 to 1024");
	refused(keystore_create(&ks, "p", "with\tcontrol", &e, &err), B3IQ_E_INVALID, &err,
	        "control");
	refused(keystore_create(&ks, "p", "not utf8 \xff\xfe", &e, &err), B3IQ_E_INVALID, &err,
	        "UTF-8");
	memset(text, 'x', sizeof(text));
	text[KEYSTORE_PASSWORD_MAX + 1] = '\0';
	refused(keystore_create(&ks, "p", text, &e, &err), B3IQ_E_INVALID, &err, "8 to 1024");
	text[KEYSTORE_PASSWORD_MAX] = '\0';
	assert_ok(keystore_create(&ks, "p", text, &e, &err), err);
}

static void
test_change_password(void **state)
{
	struct keystore_entry e, fresh;
	struct b3iq_error err = NO_ERR;
	uint8_t seed[32], again[32];

	(void)state;
	make("bob", &e);
	assert_ok(keystore_reveal(&e, PASSWORD, seed, &err), err);
	refused(keystore_password(&ks, "bob", "wrong password", "another one", &err), B3IQ_E_DENIED,
	        &err, "wrong password");
	refused(keystore_password(&ks, "bob", PASSWORD, "short", &err), B3IQ_E_INVALID, &err,
	        "8 to 1024");
	assert_ok(keystore_password(&ks, "bob", PASSWORD, "another one", &err), err);
	assert_ok(keystore_read(&ks, "bob", &fresh, &err), err);
	assert_memory_not_equal(fresh.cost.salt, e.cost.salt, 32);
	assert_int_equal(fresh.created_ms, e.created_ms);
	refused(keystore_reveal(&fresh, PASSWORD, again, &err), B3IQ_E_DENIED, &err,
	        "wrong password");
	assert_ok(keystore_reveal(&fresh, "another one", again, &err), err);
	assert_memory_equal(seed, again, 32);
}

static void
overwrite(const char *name, const char *text, mode_t mode)
{
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	assert_ok(file_of(&ks, name, file, &err), err);
	assert_ok(path_write(file, text, strlen(text), mode, &err), err);
}

/* Each byte of the file changed: unreadable, or readable and not to be opened, or the same wallet. */
static void
test_changed_bytes(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e, bad;
	uint8_t seed[32];
	struct buf text;
	size_t i, opened = 0;

	(void)state;
	make("carol", &e);
	buf_init(&text, KEYSTORE_FILE_MAX);
	assert_ok(keystore_export(&ks, "carol", &text, &err), err);
	for (i = 0; i + 1 < text.len; i++) {
		text.data[i] ^= 1;
		if (keystore_parse(text.data, text.len, &bad, &err) == B3IQ_OK &&
		    bad.cost.n <= 64 && keystore_reveal(&bad, PASSWORD, seed, &err) == B3IQ_OK)
			opened++;
		text.data[i] ^= 1;
	}
	assert_int_equal(opened, 0);
	for (i = 0; i < text.len - 1; i++)
		assert_int_equal(keystore_parse(text.data, i, &bad, &err), B3IQ_E_INVALID);
	assert_ok(keystore_parse(text.data, text.len, &bad, &err), err);
	assert_ok(keystore_reveal(&bad, PASSWORD, seed, &err), err);
	buf_free(&text);
}

static void
test_files_that_are_refused(void **state)
{
	char file[PATH_SIZE], other[PATH_SIZE], large[KEYSTORE_FILE_MAX + 2];
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e;
	struct buf text;

	(void)state;
	make("dave", &e);
	assert_ok(file_of(&ks, "dave", file, &err), err);
	assert_int_equal(chmod(file, 0640), 0);
	refused(keystore_read(&ks, "dave", &e, &err), B3IQ_E_DENIED, &err, "chmod 600");
	assert_int_equal(chmod(file, 0600), 0);
	assert_ok(file_of(&ks, "link", other, &err), err);
	assert_int_equal(symlink(file, other), 0);
	refused(keystore_read(&ks, "link", &e, &err), B3IQ_E_DENIED, &err, "link");
	refused(keystore_create(&ks, "link", PASSWORD, &e, &err), B3IQ_E_BUSY, &err, "already");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(mkdir(other, 0700), 0);
	refused(keystore_read(&ks, "link", &e, &err), B3IQ_E_DENIED, &err, "regular");
	assert_int_equal(rmdir(other), 0);
	assert_int_equal(mkfifo(other, 0600), 0);
	refused(keystore_read(&ks, "link", &e, &err), B3IQ_E_DENIED, &err, "regular");
	assert_int_equal(unlink(other), 0);

	buf_init(&text, KEYSTORE_FILE_MAX);
	assert_ok(keystore_export(&ks, "dave", &text, &err), err);
	overwrite("copy", text.data, 0600);
	refused(keystore_read(&ks, "copy", &e, &err), B3IQ_E_INVALID, &err, "copy of wallet dave");
	buf_free(&text);
	overwrite("dave", "", 0600);
	refused(keystore_read(&ks, "dave", &e, &err), B3IQ_E_INVALID, &err, "damaged");
	overwrite("dave", "[1]", 0600);
	refused(keystore_read(&ks, "dave", &e, &err), B3IQ_E_INVALID, &err, "damaged");
	memset(large, ' ', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	overwrite("dave", large, 0600);
	refused(keystore_read(&ks, "dave", &e, &err), B3IQ_E_INVALID, &err, "too large");
}

/* Numbers in a file that would cost without end. */
static void
test_greedy_cost(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e;
	uint8_t seed[32];

	(void)state;
	make("erin", &e);
	e.cost.n = UINT64_C(1) << 39;
	refused(keystore_reveal(&e, PASSWORD, seed, &err), B3IQ_E_INVALID, &err, "bounds");
	e.cost.n = 32; /* another cost than it was sealed with */
	refused(keystore_reveal(&e, PASSWORD, seed, &err), B3IQ_E_DENIED, &err, "changed");
}

/* A file that somebody else sealed whole, with another public key than its seed has. */
static void
test_foreign_seed(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e, mine;
	uint8_t seed[32] = { 5 };

	(void)state;
	make("frank", &mine);
	e = mine;
	assert_ok(seal(&e, seed, "their password", 16, &err), err);
	refused(keystore_reveal(&e, "their password", seed, &err), B3IQ_E_DENIED, &err, "changed");
	assert_ok(write_file(&ks, &e, true, &err), err);
	refused(keystore_password(&ks, "frank", "their password", PASSWORD, &err), B3IQ_E_DENIED,
	        &err, "changed");
}

struct seen {
	unsigned good, bad;
	char     order[256];
};

static int32_t
see(void *arg, const char *name, const struct keystore_entry *e, const struct b3iq_error *why)
{
	struct seen *s = arg;

	assert_true((e != NULL) != (why != NULL));
	s->good += e != NULL;
	s->bad += e == NULL;
	snprintf(s->order + strlen(s->order), sizeof(s->order) - strlen(s->order), "%.3s ", name);
	return B3IQ_OK;
}

static void
test_list(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e;
	struct seen s = { 0 };
	char file[PATH_SIZE];

	(void)state;
	make("zoe", &e);
	make("ann", &e);
	overwrite("mid", "{}", 0600);
	assert_ok(path_join(file, &err, ks.dir, "notes.txt", NULL), err);
	assert_ok(path_write(file, "x", 1, 0600, &err), err);
	assert_ok(keystore_each(&ks, see, &s, &err), err);
	assert_int_equal(s.good, 2);
	assert_int_equal(s.bad, 1);
	assert_string_equal(s.order, "ann mid zoe ");
}

static void
test_folder(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore other;

	(void)state;
	assert_int_equal(chmod(ks.dir, 0755), 0);
	refused(keystore_open(&other, &home, &err), B3IQ_E_DENIED, &err, "chmod 700");
	assert_int_equal(rmdir(ks.dir), 0);
	assert_int_equal(symlink("/tmp", ks.dir), 0);
	refused(keystore_open(&other, &home, &err), B3IQ_E_DENIED, &err, "not a folder");
	assert_int_equal(unlink(ks.dir), 0);
	refused(keystore_each(&ks, see, NULL, &err), B3IQ_E_UNAVAILABLE, &err, "listed");
	refused(keystore_delete(&ks, "x", &err), B3IQ_E_UNAVAILABLE, &err, "locked");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_life),          TEST(test_names),
		TEST(test_passwords),     TEST(test_change_password),
		TEST(test_changed_bytes), TEST(test_files_that_are_refused),
		TEST(test_greedy_cost),   TEST(test_foreign_seed),
		TEST(test_list),          TEST(test_folder),
	};

	return cmocka_run_group_tests_name("wallet/keystore", tests, NULL, NULL);
}
