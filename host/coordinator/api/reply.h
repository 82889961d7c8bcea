/* reply.h - answers in both of the shapes that clients read: AITBC's `detail` and the `error` object. */
#ifndef COORDINATOR_API_REPLY_H
#define COORDINATOR_API_REPLY_H

#include "coordinator/jobs/why.h"
#include "core/http/request.h"
#include "core/http/response.h"

/* {"detail","error":{"code","message","type","param","status"},"request_id","timestamp"} */
void reply_error(const struct http_request *, struct http_response *, int status, const char *code,
                 const char *field, const char *text);
/* The same for what a verb refused; the status follows from code or result. */
void reply_why(const struct http_request *, struct http_response *, int32_t rc, const struct why *);
int  reply_status(int32_t rc, const char *code);

/* The body as a JSON object (empty: {}); NULL: the answer is set. */
struct json_object *reply_body(const struct http_request *, struct http_response *);

/* "quoted" text, appended. */
void reply_text(struct buf *, const char *);

#endif
