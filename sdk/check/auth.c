/* auth.c - whom an auth provider lets in, and whom it must not. */
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "subject.h"

#define NOW 1790000000000u /* a wall clock in 2026                                */

static struct b3iq_auth_request
request(const char *scheme, const char *credential)
{
	return (struct b3iq_auth_request){ .scheme = scheme, .credential = credential,
	                                   .method = "POST",
		                           .path = "/v1/chat/completions", .peer = "127.0.0.1",
		                           .now_ms = NOW };
}

/* What the plugin says to a credential; B3IQ_OK is for the good one only. */
static struct reply
ask(struct subject *s, const char *scheme, const char *credential, struct b3iq_principal *who)
{
	struct b3iq_auth_request rq = request(scheme, credential);

	return subject_authenticate(s, &rq, who);
}

static void
need_credential(const struct check *c)
{
	if (!c->credential)
		check_skip("give a good one with --credential SCHEME:VALUE");
}

static void
declines_foreign(const struct check *c)
{
	static const char *const foreign[][2] = {
		{ NULL, NULL }, { "X-B3IQ-Check", "abc" }, { "Negotiate", "oRQwEqADCgEAoQsG" },
		{ "", "" }, { "Bearer\nBasic", "a" },
	};
	struct subject        s;
	struct b3iq_principal who;

	subject_open(&s, c);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		struct reply r = ask(&s, foreign[i][0], foreign[i][1], &who);

		must(r.rc == B3IQ_DECLINED, "the scheme \"%s\" gives %s, not DECLINED",
		     foreign[i][0] ? foreign[i][0] : "(none)", result_name(r.rc));
	}
	subject_close(&s);
}

/* Credentials that nobody ever issued, under every scheme in use. */
static void
denies_bad(const struct check *c)
{
	static const char *const schemes[] = { "Bearer", "Basic", "Digest", "DPoP", "bearer",
	                                       "BEARER" };
	static const char *const values[] = { "", "nobody", "Og==", "null", "*", "' OR 1=1 --",
		                              "\xff\xfe", "{\"sub\":\"admin\"}",
		                              "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9." };
	struct subject        s;
	struct b3iq_principal who;
	char                 *longest = malloc(65537);

	must(longest, "plugin-check: out of memory");
	memset(longest, 'a', 65536);
	longest[65536] = 0;
	subject_open(&s, c);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		for (size_t j = 0; j < sizeof values / sizeof *values; j++)
			must(ask(&s, schemes[i], values[j], &who).rc != B3IQ_OK,
			     "it let in %s \"%s\" as %s", schemes[i], values[j], who.subject);
		must(ask(&s, schemes[i], longest, &who).rc != B3IQ_OK, "it let in 64 KiB of a");
		must(ask(&s, schemes[i], NULL, &who).rc != B3IQ_OK, "it let in a scheme alone");
	}
	free(longest);
	subject_close(&s);
}

static void
accepts_good(const struct check *c)
{
	struct subject        s;
	struct b3iq_principal who;
	struct reply          r;

	need_credential(c);
	subject_open(&s, c);
	r = ask(&s, c->scheme, c->credential, &who);
	must(r.rc == B3IQ_OK, "the good credential gives %s: %s", result_name(r.rc), r.err.text);
	must(who.expires_ms == 0 || who.expires_ms > NOW, "it is let in and has expired at once");
	subject_close(&s);
}

/* One change to a good credential, and it is nobody's. */
static void
denies_almost_good(const struct check *c)
{
	struct subject        s;
	struct b3iq_principal who;
	size_t                n;
	char                 *near;

	need_credential(c);
	n = strlen(c->credential);
	near = malloc(n + 2);
	must(near && n, "plugin-check: out of memory, or an empty --credential");
	subject_open(&s, c);
	for (size_t i = 0; i < n; i++) {
		memcpy(near, c->credential, n + 1);
		near[i] = near[i] == 'x' ? 'y' : 'x';
		must(ask(&s, c->scheme, near, &who).rc != B3IQ_OK,
		     "byte %zu of the credential is not looked at",
		     i);
	}
	memcpy(near, c->credential, n + 1);
	near[n - 1] = 0;
	must(ask(&s, c->scheme, near, &who).rc == B3IQ_E_DENIED ||
	             ask(&s, c->scheme, near, &who).rc == B3IQ_DECLINED,
	     "all but the last byte of the credential will do");
	memcpy(near, c->credential, n);
	memcpy(near + n, "x", 2);
	must(ask(&s, c->scheme, near, &who).rc != B3IQ_OK, "the credential may have a tail");
	free(near);
	subject_close(&s);
}

static void
expiry_honoured(const struct check *c)
{
	struct subject           s;
	struct b3iq_principal    who;
	struct b3iq_auth_request rq;

	need_credential(c);
	subject_open(&s, c);
	must(ask(&s, c->scheme, c->credential, &who).rc == B3IQ_OK,
	     "the good credential is refused");
	if (!who.expires_ms)
		check_skip("the good credential never expires");
	rq = request(c->scheme, c->credential);
	rq.now_ms = who.expires_ms + 1;
	must(subject_authenticate(&s, &rq, &who).rc != B3IQ_OK,
	     "it is let in after it has expired");
	subject_close(&s);
}

static void
not_logged(const struct check *c)
{
	static const char     canary[] = "b3iq-check-canary-5d1c";
	struct subject        s;
	struct b3iq_principal who;
	struct reply          r;

	subject_open(&s, c);
	r = ask(&s, "Bearer", canary, &who);
	must(!fakehost_said(&s.host, canary), "it writes a credential to the log");
	must(!strstr(r.err.text, canary), "it writes a credential into its error");
	if (c->credential) {
		r = ask(&s, c->scheme, c->credential, &who);
		must(!fakehost_said(&s.host, c->credential),
		     "it writes a good credential to the log");
		must(!strstr(r.err.text, c->credential) &&
		     strcmp(who.subject, c->credential) != 0 &&
		             strcmp(who.account, c->credential) != 0,
		     "it hands a good credential on, where it is stored");
	}
	subject_close(&s);
}

static void
login_stateless(const struct check *c)
{
	struct json_object   *schema = NULL, *doc = NULL;
	struct subject        one, two;
	struct b3iq_principal who;
	struct b3iq_error     err = NO_ERROR;
	struct buf            state, out;
	struct reply          r;
	uint32_t              next = 99;
	size_t                len = 0;
	const char           *text = schema_text("login-step.json", &len);

	subject_open(&one, c);
	must(text && json_parse(text, len, "login-step.json", &schema, NULL) == B3IQ_OK,
	     "plugin-check: schemas/login-step.json is not built in");
	buf_init(&state, 1u << 16);
	buf_init(&out, 1u << 16);
	r = subject_login(&one, NULL, "{\"return_url\":\"http://127.0.0.1:8008/login\"}", &next,
	                  &state, &out,
	                  &who);
	if (r.rc == B3IQ_E_UNSUPPORTED)
		check_skip("it has no interactive login");
	must(r.rc == B3IQ_OK, "the first step returned %s: %s", result_name(r.rc), r.err.text);
	must(next <= B3IQ_LOGIN_POLL && next != B3IQ_LOGIN_DONE, "the first step leads to %u",
	     next);
	must(json_parse(out.data, out.len, "out", &doc, &err) == B3IQ_OK &&
	             schema_check(schema, doc, "out", &err) == B3IQ_OK, "%s", err.text);
	subject_close(&one);
	subject_open(&two, c); /* the next step may meet another process */
	r = subject_login(&two, state.len ? state.data : "", "{\"values\":{}}", &next, &state, &out,
	                  &who);
	must(r.rc != B3IQ_E_INTERNAL, "the second step in another instance: %s", r.err.text);
	must(r.rc != B3IQ_OK || next != B3IQ_LOGIN_DONE, "an empty second step lets %s in",
	     who.subject);
	json_object_put(doc);
	json_object_put(schema);
	buf_free(&state);
	buf_free(&out);
	subject_close(&two);
}

#define A B3IQ_AUTH
const struct check_test auth_tests[] = {
	{ "declines-foreign-scheme", declines_foreign, A, 0, 0,
	  "what is not its kind is DECLINED, for the next provider" },
	{ "denies-bad", denies_bad, A, 0, 0,
	  "credentials that nobody issued let nobody in" },
	{ "accepts-good", accepts_good, A, 0, 0,
	  "the good credential is somebody" },
	{ "denies-almost-good", denies_almost_good, A, 0, 0,
	  "one byte changed, cut off or added, and it is nobody" },
	{ "expiry-honoured", expiry_honoured, A, 0, 0,
	  "after expires_ms it is nobody" },
	{ "credential-not-logged", not_logged, A, CHECK_INLINE, 0,
	  "no credential in logs, errors or names" },
	{ "login-stateless", login_stateless, A, 0, 0,
	  "a login goes on in another instance with the state alone" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
#undef A
