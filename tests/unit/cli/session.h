/* session.h - one command as it is typed, in a home of its own: what it says, and how it ends.
 *
 * stdout and stderr go to files while it runs, so nothing is asserted in between. */
#ifndef TEST_CLI_SESSION_H
#define TEST_CLI_SESSION_H

#include "../check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/base/path.h"

#define SESSION_WORDS 24

struct session {
	const struct cli_command *root;
	char                      home[64], in[96]; /* in: the file that stdin is */
	bool                      tty; /* stdout and stderr are terminals */
	char                      out[65536], err[8192];
};

static inline void
session_begin(struct session *s, const struct cli_command *root)
{
	memset(s, 0, sizeof *s);
	s->root = root;
	snprintf(s->home, sizeof s->home, "/tmp/b3iq-session-XXXXXX");
	assert_non_null(mkdtemp(s->home));
	snprintf(s->in, sizeof s->in, "%s.in", s->home);
	assert_int_equal(path_write(s->in, "", 0, 0600, NULL), B3IQ_OK);
	unsetenv("B3IQ_URL");
	unsetenv("B3IQ_API_KEY");
	unsetenv("B3IQ_HOME");
}

static inline int
session_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
session_end(struct session *s)
{
	assert_int_equal(unlink(s->in), 0);
	assert_int_equal(nftw(s->home, session_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of a file of the home. */
static inline const char *
session_path(const struct session *s, const char *name, char out[PATH_SIZE])
{
	assert_int_equal(path_join(out, NULL, s->home, name, NULL), B3IQ_OK);
	return out;
}

static inline void
session_put(const struct session *s, const char *name, const char *text)
{
	char file[PATH_SIZE];

	assert_int_equal(path_write(session_path(s, name, file), text, strlen(text), 0600, NULL),
	                 B3IQ_OK);
}

/* What stdin will be. */
static inline void
session_type(struct session *s, const char *text)
{
	assert_int_equal(path_write(s->in, text, strlen(text), 0600, NULL), B3IQ_OK);
}

/* Where it writes to: a file, or the terminal whose other end is *master. */
static inline FILE *
session_open(const struct session *s, int *master)
{
	int slave;

	*master = -1;
	if (!s->tty)
		return tmpfile();
	return openpty(master, &slave, NULL, NULL, NULL) ? NULL : fdopen(slave, "r+");
}

static inline int
session_divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	dup2(fileno(to), fileno(stream));
	return saved;
}

static inline void
session_restore(FILE *stream, int saved, FILE *from, int master, char *text, size_t size)
{
	size_t  len = 0;
	ssize_t n;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	if (master < 0)
		rewind(from);
	else
		fclose(from); /* the last of that end: the other reads what is left, then fails */
	while (len < size - 1 && (n = read(master < 0 ? fileno(from) : master, text + len,
	                                   size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (master < 0)
		fclose(from);
	else
		close(master);
}

/* b3iq WORDS --home HOME; returns its exit code. */
static inline int
session_words(struct session *s, const char *const *words)
{
	const char *argv[SESSION_WORDS + 4] = { "b3iq" };
	int         n = 1, exit, saved_out, saved_err, out_end, err_end;
	FILE       *out = session_open(s, &out_end), *err = session_open(s, &err_end);

	assert_true(out && err && freopen(s->in, "r", stdin));
	for (size_t i = 0; words[i]; i++) {
		assert_true(n < SESSION_WORDS);
		argv[n++] = words[i];
		if (i == 0) { /* behind the first name: what follows may end in -- */
			argv[n++] = "--home";
			argv[n++] = s->home;
		}
	}
	saved_out = session_divert(stdout, out);
	saved_err = session_divert(stderr, err);
	exit = cli_main(s->root, n, (char **)(uintptr_t)argv);
	session_restore(stderr, saved_err, err, err_end, s->err, sizeof s->err);
	session_restore(stdout, saved_out, out, out_end, s->out, sizeof s->out);
	return exit;
}
#define session_run(s, ...) session_words(s, (const char *const[]){ __VA_ARGS__, NULL })

/* What stdout says, as the JSON that it must be. */
static inline struct json_object *
session_json(const struct session *s)
{
	struct json_object *doc = json_tokener_parse(s->out);

	if (!doc)
		fail_msg("no JSON on stdout: %s", s->out);
	return doc;
}

/* The text at a member, or "". */
static inline const char *
session_text(struct json_object *doc, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(doc, key, &value) && value ? json_object_get_string(value)
	                                                            : "";
}

#define assert_says(text, part)                                            \
	do {                                                               \
		if (!strstr(text, part))                                   \
			fail_msg("\"%s\" is not in: %s", part, text);      \
	} while (0)
#define assert_silent_about(text, part)                                    \
	do {                                                               \
		if (strstr(text, part))                                    \
			fail_msg("\"%s\" is in: %s", part, text);          \
	} while (0)

#endif
