/* subject.c: a plugin is opened as a host would, and no answer against plugin.h gets through. */
#include "verdict.h"

#include "../../../sdk/check/subject.c"

static struct check the_check = { .scratch = verdict_dir, .kind = B3IQ_INFERENCE };

static void
test_opens(void **state)
{
	const struct ask hello = { .body = "h\xc3\xa9llo", .max_tokens = 3 };
	struct subject s;
	struct listener l;
	struct b3iq_usage use;
	struct reply r;

	(void)state;
	subject_open(&s, &the_check);
	assert_int_equal(s.be.kind, B3IQ_INFERENCE);
	assert_int_equal(s.be.threads, B3IQ_THREADS_PARALLEL);
	assert_string_equal(s.model, "echo");
	assert_int_equal(s.context, 4096);
	assert_true(fakehost_said(&s.host, "echo is ready"));
	listener_init(&l, &s.host);
	r = subject_generate(&s, &hello, &l, &use);
	assert_int_equal(r.rc, B3IQ_OK);
	assert_false(r.absent);
	assert_string_equal(l.text.data, "h\xc3\xa9");
	assert_int_equal(use.output_tokens, 3);
	assert_int_equal(use.prompt_tokens, 6);
	assert_int_equal(s.host.inside, 0);
	r = subject_generate(&s, &(struct ask){ .model = "other" }, &l, &use);
	assert_int_equal(r.rc, B3IQ_E_NOT_FOUND);
	assert_string_equal(r.err.text, "the only model here is \"echo\"");
	listener_finish(&l);
	subject_close(&s);
}

static void
test_absent(void **state)
{
	struct subject s;
	struct b3iq_usage use;
	struct listener l;
	struct buf out;
	struct reply r[4];

	(void)state;
	subject_open(&s, &the_check);
	buf_init(&out, 64);
	listener_init(&l, &s.host);
	r[0] = subject_load(&s, "echo");
	r[1] = subject_unload(&s, "echo");
	r[2] = subject_embed(&s, "echo", "{}", &out, &use);
	r[3] = subject_replay(&s, &(struct ask){ 0 }, NULL, 0, &l, &use);
	for (int i = 0; i < 4; i++) {
		assert_true(r[i].absent);
		assert_int_equal(r[i].rc, B3IQ_E_UNSUPPORTED);
	}
	listener_finish(&l);
	subject_close(&s);
}

static void
open_file(void *arg)
{
	struct check c = the_check;
	struct subject s;

	c.plugin = arg;
	subject_open(&s, &c);
}

static void
open_unready(void *arg)
{
	struct check c = the_check;
	struct subject s;

	(void)arg;
	snprintf(c.unready, sizeof c.unready, "give it a path");
	subject_open(&s, &c);
}

static void
open_old(void *arg)
{
	struct subject s;
	struct b3iq_error err = { .size = sizeof err };

	(void)arg;
	subject_prepare(&s, &the_check);
	s.host.table->abi = (B3IQ_ABI_MAJOR + 1) << 16;
	create_inline(&s, "{}", &err);
}

static void
test_wrong_files(void **state)
{
	char text[128];
	FILE *f;

	(void)state;
	snprintf(text, sizeof text, "%s/text.so", verdict_dir);
	f = fopen(text, "w");
	assert_non_null(f);
	fputs("no library", f);
	fclose(f);
	assert_refused(open_file, text, "text.so");
	assert_refused(open_file, (void *)(uintptr_t) "/none/such.so", "/none/such.so");
	assert_refused(open_file, (void *)(uintptr_t) "libm.so.6", "no b3iq_plugin_entry");
	assert_refused(open_old, NULL, "it cannot serve this host");
	assert_int_equal(verdict(open_unready, NULL), CHECK_SKIPPED);
	assert_string_equal(verdict_reason, "give it a path");
}

static void
test_tables_are_cut(void **state)
{
	const uint32_t sender[4] = { 12, 1, 2, 3 }; /* says that it has three words */
	uint32_t table[5] = { 9, 9, 9, 9, 9 };

	(void)state;
	subject_table(table, 16, sender);
	assert_memory_equal(table, ((uint32_t[]){ 12, 1, 2, 0, 9 }), sizeof table);
	subject_table(table, 8, sender);
	assert_memory_equal(table, ((uint32_t[]){ 12, 1, 2, 0, 9 }), sizeof table);
}

/* ---- answers ------------------------------------------------------------ */

enum answer {
	FINE,
	NO_CODE,
	DIED,
	DECLINED,
	ENDLESS,
	BEYOND_ERROR,
	FORGETS_WRITE,
	BEYOND_USAGE,
	TX_STATE,
	TX_ENDLESS,
	SIGNS_IN_QUOTE,
	WHO_NOBODY,
	WHO_SCOPES,
	WHO_ENDLESS,
	LOGIN_FORGETS_WRITE, /* of the state; and of the document: */
	LOGIN_FORGETS_DOCUMENT,
	LOGIN_NOBODY,
	LOGIN_EARLY_SCOPES,
	QUERY_FORGETS_WRITE
};

static int32_t
probe(void *self, struct b3iq_writer *w, struct b3iq_error *err)
{
	const int32_t rc = w->write(w, "[]", 2);

	switch (*(enum answer *)self) {
	case NO_CODE:
		return 4711;
	case DIED:
		return B3IQ_E_DIED;
	case DECLINED:
		return B3IQ_DECLINED;
	case ENDLESS:
		memset(err->text, 'x', sizeof err->text);
		return B3IQ_E_INTERNAL;
	case BEYOND_ERROR:
		((char *)err)[sizeof *err] = 1;
		return B3IQ_E_INTERNAL;
	case FORGETS_WRITE:
		return B3IQ_OK;
	default:
		return rc;
	}
}

static int32_t
embed(void *self, const char *model, const char *body, size_t len, struct b3iq_writer *w,
      struct b3iq_usage *use, struct b3iq_error *err)
{
	(void)model, (void)body, (void)err;
	use->prompt_tokens = len;
	((char *)use)[sizeof *use] = *(enum answer *)self == BEYOND_USAGE;
	return w->write(w, "[]", 2);
}

static const struct b3iq_host *the_host;

static int32_t
transact(void *self, const struct b3iq_ledger_op *op, struct b3iq_tx *tx, struct b3iq_error *err)
{
	struct fakehost_writer w;

	(void)err;
	if (*(enum answer *)self == TX_STATE)
		tx->state = B3IQ_TX_FAILED + 1;
	if (*(enum answer *)self == TX_ENDLESS)
		memset(tx->ref, 'x', sizeof tx->ref);
	fakehost_writer_init(&w, the_host->ctx, 64);
	the_host->sign(the_host->ctx, op->signer, "ed25519", "pay", 3, &w.writer);
	buf_free(&w.data);
	return B3IQ_OK;
}

static int32_t
authenticate(void *self, const struct b3iq_auth_request *rq, struct b3iq_principal *who,
             struct b3iq_error *err)
{
	(void)rq, (void)err;
	switch (*(enum answer *)self) {
	case WHO_NOBODY:
		return B3IQ_OK;
	case WHO_SCOPES:
		snprintf(who->scopes, sizeof who->scopes, "chat");
		return B3IQ_E_DENIED;
	case WHO_ENDLESS:
		memset(who->subject, 'x', sizeof who->subject);
		return B3IQ_OK;
	default:
		snprintf(who->subject, sizeof who->subject, "alice");
		return B3IQ_OK;
	}
}

static int32_t
query(void *self, const char *what, struct b3iq_writer *w, struct b3iq_error *err)
{
	const int32_t rc = w->write(w, what, strlen(what));

	(void)err;
	return *(enum answer *)self == QUERY_FORGETS_WRITE ? B3IQ_OK : rc;
}

static int32_t
login(void *self, const char *state, const char *in, uint32_t *next, struct b3iq_writer *state_out,
      struct b3iq_writer *out, struct b3iq_principal *who, struct b3iq_error *err)
{
	const enum answer answer = *(enum answer *)self;
	int32_t rc[2];

	(void)err;
	rc[0] = state_out->write(state_out, in, strlen(in));
	rc[1] = out->write(out, state, strlen(state));
	*next = answer == LOGIN_EARLY_SCOPES ? B3IQ_LOGIN_POLL : B3IQ_LOGIN_DONE;
	snprintf(who->scopes, sizeof who->scopes, "chat");
	if (answer != LOGIN_NOBODY)
		snprintf(who->subject, sizeof who->subject, "bob");
	if (answer == LOGIN_FORGETS_WRITE || answer == LOGIN_FORGETS_DOCUMENT)
		return B3IQ_OK;
	return rc[0] != B3IQ_OK ? rc[0] : rc[1];
}

/* A query's and a login step's words go in, and what is written comes back; whole, and whose it is. */
static void
ask_documents(void *arg)
{
	const enum answer answer = *(enum answer *)arg;
	const unsigned nth = answer == LOGIN_FORGETS_DOCUMENT ? 2 : 1;
	struct b3iq_principal who;
	uint32_t next = 99;
	struct subject s;
	struct buf state, out;
	struct reply r;

	subject_prepare(&s, &the_check);
	buf_init(&state, 64);
	buf_init(&out, 64);
	s.be.self = arg;
	must(subject_query(&s, "{}", &out).absent, "a query without a function");
	must(subject_login(&s, "", "", &next, &state, &out, &who).absent, "a login without");
	s.be.ledger.query = query;
	s.be.auth.login = login;
	if (answer == QUERY_FORGETS_WRITE)
		s.host.fault = (struct fakehost_fault){ .at = 1, .code = B3IQ_E_BUSY };
	r = subject_query(&s, "{\"query\":1}", &out);
	must(r.rc == B3IQ_OK && !r.absent, "query: %d", r.rc);
	must(out.len == 11 && memcmp(out.data, "{\"query\":1}", 11) == 0, "the answer is lost");
	buf_clear(&out);
	if (answer == LOGIN_FORGETS_WRITE || answer == LOGIN_FORGETS_DOCUMENT)
		s.host.fault = (struct fakehost_fault){ .at = s.host.fallible + nth,
		                                        .code = B3IQ_E_BUSY };
	r = subject_login(&s, "sealed", "typed", &next, &state, &out, &who);
	must(r.rc == B3IQ_OK && next == B3IQ_LOGIN_DONE, "login: %d", r.rc);
	must(state.len == 5 && memcmp(state.data, "typed", 5) == 0, "the state is lost");
	must(out.len == 6 && memcmp(out.data, "sealed", 6) == 0, "the step is lost");
	must(strcmp(who.subject, "bob") == 0 && strcmp(who.scopes, "chat") == 0, "bob is lost");
	must(s.host.inside == 0, "still inside");
	buf_free(&state);
	buf_free(&out);
	fakehost_finish(&s.host);
}

/* A subject whose functions are those above, asked everything. */
static void
ask_all(void *arg)
{
	const enum answer answer = *(enum answer *)arg;
	struct b3iq_ledger_op op = { .op = B3IQ_OP_COMMIT, .signer = "check" };
	struct b3iq_auth_request rq = { .scheme = "Bearer" };
	struct b3iq_usage use;
	struct b3iq_tx tx;
	struct b3iq_principal who;
	struct subject s;
	struct buf out;

	subject_prepare(&s, &the_check);
	buf_init(&out, 1024);
	the_host = s.host.table;
	s.be.self = arg;
	s.be.inference.probe = probe;
	s.be.inference.embed = embed;
	s.be.ledger.submit = s.be.ledger.quote = transact;
	s.be.auth.authenticate = authenticate;
	if (answer == FORGETS_WRITE)
		s.host.fault = (struct fakehost_fault){ .at = 1, .code = B3IQ_E_BUSY };
	subject_probe(&s, &out);
	subject_embed(&s, "any", "body", &out, &use);
	subject_submit(&s, &op, &tx);
	if (answer == SIGNS_IN_QUOTE)
		subject_quote(&s, &op, &tx);
	subject_authenticate(&s, &rq, &who);
	must(use.prompt_tokens == 4 && strcmp(who.subject, "alice") == 0 && out.len == 4,
	     "an answer was lost");
	fakehost_finish(&s.host);
}

static void
test_answers(void **state)
{
	static const char *const reasons[] = {
		[NO_CODE] = "4711 is no result of the closed list",
		[DIED] = "the plugin died",
		[DECLINED] = "an answer of auth providers only",
		[ENDLESS] = "b3iq_error.text is not terminated",
		[BEYOND_ERROR] = "b3iq_error: byte",
		[FORGETS_WRITE] = "write() failed with",
		[BEYOND_USAGE] = "the call: byte",
		[TX_STATE] = "b3iq_tx.state is 5",
		[TX_ENDLESS] = "b3iq_tx: ref and fee",
		[SIGNS_IN_QUOTE] = "outside of submit()",
		[WHO_NOBODY] = "without a subject",
		[WHO_SCOPES] = "scopes were given",
		[WHO_ENDLESS] = "b3iq_principal: its members",
	};
	enum answer answer = FINE;

	(void)state;
	if (verdict(ask_all, &answer) != VERDICT_RETURNED)
		fail_msg("a fine answer was refused: %s", verdict_reason);
	for (answer = NO_CODE; answer <= WHO_ENDLESS; answer++)
		assert_refused(ask_all, &answer, reasons[answer]);
}

static void
test_query_and_login(void **state)
{
	enum answer answer = FINE;

	(void)state;
	if (verdict(ask_documents, &answer) != VERDICT_RETURNED)
		fail_msg("a fine answer was refused: %s", verdict_reason);
	answer = QUERY_FORGETS_WRITE;
	assert_refused(ask_documents, &answer, "query() returned OK");
	answer = LOGIN_FORGETS_WRITE;
	assert_refused(ask_documents, &answer, "login() returned OK");
	answer = LOGIN_FORGETS_DOCUMENT;
	assert_refused(ask_documents, &answer, "login() returned OK");
	answer = LOGIN_NOBODY;
	assert_refused(ask_documents, &answer, "without a subject");
	answer = LOGIN_EARLY_SCOPES;
	assert_refused(ask_documents, &answer, "scopes were given");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens),       cmocka_unit_test(test_absent),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_tables_are_cut),
		cmocka_unit_test(test_answers),     cmocka_unit_test(test_query_and_login),
	};
	int rc;

	the_check.plugin = getenv("SUBJECT");
	if (!the_check.plugin) {
		fputs("SUBJECT names no plugin: run this by ctest\n", stderr);
		return 77;
	}
	the_check.config = json_object_new_object();
	rc = cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
	json_object_put(the_check.config);
	return rc;
}
