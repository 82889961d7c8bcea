/* response.h - the answer of a handler: status, headers and a bounded body, or a stream.
 *
 * A response starts as 200 with an empty body.  All failures of the house have one body:
 *   {"error":{"message":..., "type":..., "param":...|null, "code":...}}
 * as OpenAI clients expect.  [the handler's thread]
 */
#ifndef CORE_HTTP_RESPONSE_H
#define CORE_HTTP_RESPONSE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

#define RESPONSE_HEADERS  16
#define RESPONSE_BODY_MAX (16u << 20)

struct http_response {
	int         status;
	const char *type;                     /* Content-Type; a static string      */
	struct buf  body;
	struct {
		char *name, *value;
	} headers[RESPONSE_HEADERS];
	size_t n_headers;
	bool   close;                         /* end the connection after this      */
	bool   streaming;                     /* stream_begin() has sent the head   */
};

void    response_init(struct http_response *);
void    response_finish(struct http_response *);
/* Back to an empty 200, for a handler that failed half way. Headers stay. */
void    response_clear(struct http_response *);
/* Adds or replaces a header. B3IQ_E_INVALID for control characters in the value. */
__attribute__((format(printf, 3, 4))) int32_t response_set(struct http_response *,
                                                           const char *name, const char *fmt, ...);
/* The body becomes this document; takes it over (json_object_put), NULL counts as no memory. */
void    response_json(struct http_response *, int status, struct json_object *);
void    response_text(struct http_response *, int status, const char *type, const char *text);
/* The error object. param and code may be NULL; type follows from the status. */
__attribute__((format(printf, 5, 6))) void response_error(struct http_response *, int status,
                                                          const char *code, const char *param,
                                                          const char *fmt, ...);
/* The error object alone (also for an error inside a stream); NULL: no memory. */
struct json_object *response_error_object(int status, const char *code, const char *param,
                                          const char *message);

#endif
