/* Place, pin and signature, on real directories.  Needs a place that passes the walk itself. */
#include "live.h"

#include "core/plugin/file/trust.c"

#include <sys/resource.h>

static char place[PATH_MAX];    /* a private directory                       */
static char lib[PATH_MAX];      /* place/lib: the plugin directory           */
static char keys[PATH_MAX];     /* place/keys                                */
static const char *dirs[2] = { lib, NULL };

static void
put_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX * 2];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static int
setup(void **state)
{
	int at;

	if (live_setup(state) != 0 || realpath(live_dir, place) == NULL)
		return -1;
	/* /tmp is sticky and root's everywhere; where it is not, there is nothing to test in it. */
	if (walk(place, PLACE_FOLDER, &at, NULL) != B3IQ_OK) {
		print_message("%s does not pass the walk: skipped\n", place);
		exit(77);
	}
	close(at);
	snprintf(lib, sizeof lib, "%s/lib", live_dir);
	snprintf(keys, sizeof keys, "%s/keys", live_dir);
	mkdir(lib, 0755);
	mkdir(keys, 0755);
	return 0;
}

static int32_t
open_it(const char *name, const char *says)
{
	struct b3iq_error err = NO_ERROR;
	struct trust_file f;
	const int32_t rc = trust_open(dirs, name, &f, &err);

	if (rc == B3IQ_OK) {
		assert_true(f.fd >= 0);
		assert_int_equal(strlen(f.sha256), 64);
	}
	if (says != NULL && strstr(err.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	trust_close(&f);
	trust_close(&f);
	return rc;
}

static void
test_place(void **state)
{
	char from[PATH_MAX * 2];

	(void)state;
	put_file(lib, "good.so", "abc", 0755);
	assert_int_equal(open_it("good", NULL), B3IQ_OK);
	assert_int_equal(open_it("none", "plugin list"), B3IQ_E_NOT_FOUND);
	put_file(lib, "open.so", "abc", 0777);
	assert_int_equal(open_it("open", "chmod"), B3IQ_E_DENIED);
	put_file(lib, "group.so", "abc", 0664);
	assert_int_equal(open_it("group", "chmod"), B3IQ_E_DENIED);
	snprintf(from, sizeof from, "%s/link.so", lib);
	assert_int_equal(symlink("good.so", from), 0);
	assert_int_equal(open_it("link", "symlink"), B3IQ_E_DENIED);
	snprintf(from, sizeof from, "%s/dir.so", lib);
	mkdir(from, 0755);
	assert_int_equal(open_it("dir", "regular"), B3IQ_E_DENIED);
	snprintf(from, sizeof from, "%s/fifo.so", lib);
	assert_int_equal(mkfifo(from, 0600), 0);
	assert_int_equal(open_it("fifo", "regular"), B3IQ_E_DENIED); /* and does not hang */
}

static void
test_names(void **state)
{
	(void)state;
	put_file(lib, "good.so", "abc", 0755);
	assert_int_equal(open_it("../lib/good", "not the name"), B3IQ_E_INVALID);
	assert_int_equal(open_it("good.so", "not the name"), B3IQ_E_INVALID);
	assert_int_equal(open_it("/etc/passwd", "not the name"), B3IQ_E_INVALID);
	assert_int_equal(open_it("", "not the name"), B3IQ_E_INVALID);
	assert_int_equal(open_it(".good", "not the name"), B3IQ_E_INVALID);
}

static void
test_directories_on_the_way(void **state)
{
	char inner[PATH_MAX * 2], link[PATH_MAX * 2];
	const char *saved = dirs[0];

	(void)state;
	snprintf(inner, sizeof inner, "%s/mid", live_dir);
	mkdir(inner, 0755);
	snprintf(inner, sizeof inner, "%s/mid/lib", live_dir);
	mkdir(inner, 0755);
	put_file(inner, "good.so", "abc", 0755);
	dirs[0] = inner;
	assert_int_equal(open_it("good", NULL), B3IQ_OK);
	snprintf(link, sizeof link, "%s/mid", live_dir);
	chmod(link, 0775);
	assert_int_equal(open_it("good", "mid may be written"), B3IQ_E_DENIED);
	chmod(link, 01777); /* sticky: nobody else can replace what is ours in it */
	assert_int_equal(open_it("good", NULL), B3IQ_OK);
	chmod(link, 0755);
	chmod(inner, 01777); /* but where the plugin itself lies nobody else writes */
	assert_int_equal(open_it("good", "lib may be written"), B3IQ_E_DENIED);
	chmod(inner, 0755);
	snprintf(link, sizeof link, "%s/way", live_dir);
	assert_int_equal(symlink("mid", link), 0);
	snprintf(inner, sizeof inner, "%s/way/lib", live_dir);
	assert_int_equal(open_it("good", "symlink"), B3IQ_E_DENIED);
	snprintf(inner, sizeof inner, "%s/mid/../mid/lib", live_dir);
	assert_int_equal(open_it("good", "without"), B3IQ_E_INVALID);
	dirs[0] = "relative";
	assert_int_equal(open_it("good", "absolute"), B3IQ_E_INVALID);
	dirs[0] = saved;
}

static void
test_owner(void **state)
{
	char path[PATH_MAX * 2];

	(void)state;
	if (geteuid() != 0) {
		print_message("not root: cannot give a file away, skipped\n");
		return;
	}
	put_file(lib, "theirs.so", "abc", 0755);
	snprintf(path, sizeof path, "%s/theirs.so", lib);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(open_it("theirs", "12345"), B3IQ_E_DENIED);
}

static void
test_pin(void **state)
{
	/* SHA-256 of "abc", FIPS 180-2. */
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct b3iq_error err = NO_ERROR;
	struct trust_file f;
	char other[65];

	(void)state;
	put_file(lib, "pin.so", "abc", 0644);
	assert_int_equal(trust_open(dirs, "pin", &f, &err), B3IQ_OK);
	assert_string_equal(f.sha256, abc);
	assert_int_equal(trust_accept(&f, "pin", "org.x", abc, NULL, &err), B3IQ_OK);
	assert_int_equal(trust_accept(&f, "pin", "org.x", NULL, NULL, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, abc));
	assert_non_null(strstr(err.text, "b3iq plugin enable pin"));
	memset(other, '1', 64);
	other[64] = '\0';
	assert_int_equal(trust_accept(&f, "pin", "org.x", other, NULL, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, abc));
	assert_non_null(strstr(err.text, other));
	assert_non_null(strstr(err.text, "b3iq plugin enable pin"));
	trust_close(&f);
}

/* Signs sum (hex) with a fresh key; writes key and signature files. */
static void
sign_file(const char *sum, const char *prefix)
{
	uint8_t hash[32], sig[ED25519_SIGNATURE];
	char name[ED25519_NAME_SIZE], line[300], hex[2 * ED25519_SIGNATURE + 2];
	struct ed25519_key *key = NULL;

	assert_int_equal(ed25519_generate(&key, NULL), B3IQ_OK);
	assert_true(hex_decode(sum, 64, hash, sizeof hash));
	assert_int_equal(ed25519_sign(key, hash, sizeof hash, sig, NULL), B3IQ_OK);
	hex_encode(sig, sizeof sig, hex);
	put_file(lib, "signed.so.sig", hex, 0644);
	ed25519_name(ed25519_public(key), name);
	snprintf(line, sizeof line, "%s %s\n", name, prefix);
	put_file(keys, "vendor.pub", line, 0644);
	ed25519_free(key);
}

/* From now on only one more descriptor can be had; the limit that was. */
static struct rlimit
with_one_descriptor(void)
{
	struct rlimit before, now;
	const int lowest = dup(0);

	assert_true(lowest >= 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)lowest + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before;
}

static void
test_signature(void **state)
{
	struct b3iq_error err = NO_ERROR;
	char key[PATH_MAX * 2];
	struct trust_file f;
	struct rlimit few;

	(void)state;
	put_file(lib, "signed.so", "abc", 0644);
	put_file(keys, "junk.pub", "nonsense", 0644);
	assert_int_equal(trust_open(dirs, "signed", &f, &err), B3IQ_OK);
	assert_int_equal(trust_accept(&f, "signed", "org.x.y", NULL, keys, &err), B3IQ_E_DENIED);
	sign_file(f.sha256, "org.x.");
	assert_int_equal(trust_accept(&f, "signed", "org.x.y", NULL, keys, &err), B3IQ_OK);
	assert_string_equal(f.signer, "vendor");
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "org.z.y"));
	assert_string_equal(f.signer, "");
	sign_file(f.sha256, "");
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_OK);
	snprintf(key, sizeof key, "%s/vendor.pub", keys);
	chmod(key, 0666); /* anybody could have put his own into it */
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_E_DENIED);
	chmod(key, 0644);
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_OK);
	few = with_one_descriptor();
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err),
	                 B3IQ_E_UNAVAILABLE); /* which says nothing about the signature */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	chmod(keys, 0777); /* then anybody could add a key */
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_E_DENIED);
	chmod(keys, 0755);
	f.sha256[0] = f.sha256[0] == '0' ? '1' : '0'; /* another file */
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_E_DENIED);
	put_file(lib, "signed.so.sig", "zz", 0644);
	assert_int_equal(trust_accept(&f, "signed", "org.z.y", NULL, keys, &err), B3IQ_E_DENIED);
	trust_close(&f);
}

static void
test_anywhere(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct trust_file f;

	(void)state;
	assert_int_equal(trust_open_anywhere(ECHO, &f, &err), B3IQ_OK);
	assert_true(f.ino != 0 && f.path[0] == '/');
	trust_close(&f);
	assert_int_equal(trust_open_anywhere("/no/such", &f, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(trust_open_anywhere("/dev/null", &f, &err), B3IQ_E_DENIED);
	trust_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place), cmocka_unit_test(test_names),
		cmocka_unit_test(test_directories_on_the_way), cmocka_unit_test(test_owner),
		cmocka_unit_test(test_pin), cmocka_unit_test(test_signature),
		cmocka_unit_test(test_anywhere),
	};

	return cmocka_run_group_tests(tests, setup, live_teardown);
}
