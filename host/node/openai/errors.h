/* errors.h - refusals and failures in OpenAI's words: status, code, param, message. */
#ifndef NODE_OPENAI_ERRORS_H
#define NODE_OPENAI_ERRORS_H

#include "core/http/response.h"
#include "plugin.h"

/* What is wrong with a request, as its client is told. */
struct wrong {
	int         status;
	const char *code;
	char        param[160]; /* "messages[2].content[0].type"; "": none */
	char        message[400];
	uint32_t    retry_s;    /* 0: no Retry-After                       */
};

/* Fills a 400 and returns B3IQ_E_INVALID: `return errors_wrong(w, "code", "param", ...)`. */
__attribute__((format(printf, 4, 5))) int32_t errors_wrong(struct wrong *, const char *code,
                                                           const char *param, const char *fmt, ...);
/* The same for a result of the house's list, by one table.  param: what an E_INVALID is about. */
void errors_from(struct wrong *, int32_t rc, const struct b3iq_error *, const char *param);
/* As a response. */
void errors_answer(const struct wrong *, struct http_response *);
/* {"error":{...}}, or NULL without memory. */
struct json_object *errors_object(const struct wrong *);

#endif
