/* fake_http.h - an upstream for tests: a small HTTP server on 127.0.0.1 that says what it is told to say,
 * in the pieces and with the faults that it is told, and remembers what it was asked. */
#ifndef TESTS_UNIT_FAKE_HTTP_H
#define TESTS_UNIT_FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct fake_answer {
	const char *path;     /* of the request; the first match answers          */
	const char *body;
	const char *status;   /* NULL: "200 OK"                                   */
	const char *headers;  /* NULL, or lines that end in \r\n                  */
	size_t      piece;    /* bytes a write; 0: all at once                    */
	size_t      claimed;  /* Content-Length; 0: none, the end is a close      */
	bool        hang;     /* after the body: silence until the client leaves  */
	bool        reset;    /* after the body: RST instead of FIN               */
	bool        mute;     /* no byte at all, not even a status                */
	const char *asked;    /* what else stands in the request; NULL: anything  */
};

struct fake;

/* Answers from a table of n; it and its texts live until fake_stop(). */
struct fake *fake_start(const struct fake_answer *, size_t n);
/* The same on a Unix socket. */
struct fake *fake_start_unix(const char *socket, const struct fake_answer *, size_t n);
void         fake_stop(struct fake *);
int          fake_port(const struct fake *);
/* The last request to that path, whole, and how many there were; valid until the next one. */
const char  *fake_asked(struct fake *, const char *path);
int          fake_count(struct fake *, const char *path);
/* A port of 127.0.0.1 where nobody listens. */
int          fake_closed_port(void);

#endif
