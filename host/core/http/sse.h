/* sse.h - server-sent events: framing on the way out, parsing on the way in.
 * Source: WHATWG HTML, 9.2 "Server-sent events". */
#ifndef CORE_HTTP_SSE_H
#define CORE_HTTP_SSE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define SSE_TYPE "text/event-stream; charset=utf-8"

/* Appends one event: "event: name" if name, then a "data: " line for each line of data. */
int32_t sse_event(struct buf *, const char *name, const char *data, size_t len);
/* Appends a comment, which keeps the connection alive and is ignored by clients. */
int32_t sse_comment(struct buf *, const char *text);

/* An incremental parser; lines end in LF, CR or CRLF, wherever a piece is cut. */
struct sse_parser {
	struct buf line, data; /* bounded by sse_parser_init()                    */
	char       event[64];
	int        after_cr;
};
void    sse_parser_init(struct sse_parser *, size_t max_event);
void    sse_parser_finish(struct sse_parser *);
/* Calls each(ctx, event name ("message" by default), data) for every complete event; a result other
 * than B3IQ_OK ends the parse and is returned. */
int32_t sse_parse(struct sse_parser *, const char *bytes, size_t n,
                  int32_t (*each)(void *ctx, const char *event, const char *data, size_t len),
                  void *ctx);

#endif
