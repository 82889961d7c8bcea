/* upstream.h - one HTTP call to Ollama, with every limit set and every failure typed.
 *
 * Each call has its own libcurl handles, so calls run on any number of threads.  A call ends within
 * 250 ms of cancel_fd turning readable.  Redirects are refused and proxies of the environment are
 * not used: what the operator named is what is spoken to.
 *
 *   Failure                            code
 *   nobody listens, broken transfer    B3IQ_E_UNAVAILABLE
 *   too slow, deadline passed          B3IQ_E_TIMEOUT
 *   cancelled by the host              B3IQ_E_CANCELLED
 *   an error answer of Ollama          as upstream_error() says
 *
 * The text of an error answer may quote the request, so it is matched against what Ollama is known
 * to say and never passed on; no error names the URL.
 */
#ifndef OLLAMA_UPSTREAM_H
#define OLLAMA_UPSTREAM_H

#include <json-c/json.h>
#include <stdint.h>

#include "config.h"

#define UPSTREAM_REPLY_MAX (16u << 20) /* bytes of a JSON answer that is read whole */

/* What ends a call from outside. */
struct upstream_stop {
	uint64_t deadline_ms; /* CLOCK_MONOTONIC; 0: none */
	int      cancel_fd;   /* -1: none                 */
};
#define UPSTREAM_NO_STOP ((struct upstream_stop){ .cancel_fd = -1 })

struct upstream_call {
	const char          *path;     /* "/api/tags"                                */
	struct json_object  *body;     /* POST of it; NULL: GET                      */
	uint32_t             first_ms; /* until the first byte; then config idle_ms  */
	struct upstream_stop stop;
	/* Body of a 2xx answer, piece by piece; other than B3IQ_OK stops the call and is returned.
	 * Time spent in it does not count as silence of Ollama. */
	int32_t (*on_data)(void *ctx, const char *data, size_t len, struct b3iq_error *);
	void     *ctx;
};

/* B3IQ_OK: a 2xx answer that arrived whole. */
int32_t upstream_stream(const struct config *, const struct upstream_call *, struct b3iq_error *);

/* A call whose answer is one JSON object; the caller puts *out.  on_data is not used. */
int32_t upstream_json(const struct config *, struct upstream_call, struct json_object **out,
                      struct b3iq_error *);

/* The code and sentence for what Ollama says went wrong: the HTTP status (200 inside a stream), its
 * {"error": text} (NULL: none), and how long it asks to wait. */
int32_t upstream_error(long status, const char *text, uint32_t retry_ms, struct b3iq_error *);

#endif
