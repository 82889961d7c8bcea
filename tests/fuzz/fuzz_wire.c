/* Frames from a peer that may say anything: first byte chooses the side, the rest is the stream.
 *
 * Every frame is read by every decoder that could meet it; on the host's side it goes through the
 * whole receiving half of remote.c besides.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/plugin/sandbox/codec.h"
#include "core/plugin/sandbox/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode_requests(const struct wire_frame *f)
{
	struct wire_reader r;
	struct b3iq_gen_request gen;
	struct b3iq_ledger_op op;
	struct b3iq_auth_request auth;
	struct codec_hello hello;

	r = wire_read(f);
	codec_get_gen(&r, &gen);
	r = wire_read(f);
	codec_get_op(&r, &op);
	r = wire_read(f);
	codec_get_auth(&r, &auth);
	codec_get_hello(f, &hello);
}

static void
decode_answers(const struct wire_frame *f)
{
	struct b3iq_error err = NO_ERROR;
	struct codec_ready ready;
	struct codec_answer answer;
	struct b3iq_chunk chunk;
	uint8_t *aligned = malloc(f->len + 1); /* as remote.c keeps them */

	if (aligned != NULL && f->len > 0)
		memcpy(aligned, f->data, f->len);
	if (aligned != NULL)
		codec_get_chunk(aligned, f->len, &chunk);
	free(aligned);
	codec_get_ready(f, &ready, &err);
	for (int m = 1; m < CODEC_METHODS; m++)
		codec_get_answer(f, (enum codec_method)m, &answer);
}

static void
decode(int fd)
{
	struct wire_frame f;
	struct wire w;

	if (wire_init(&w, fd, NULL) != B3IQ_OK) {
		close(fd);
		return;
	}
	while (wire_receive(&w, false) > 0)
		while (wire_next(&w, &f) > 0) {
			decode_requests(&f);
			decode_answers(&f);
		}
	wire_finish(&w);
}

/* A signer that reads what it is given to the last byte. */
static int32_t
sign(void *ctx, const char *instance, const char *key, const char *alg, const void *message,
     size_t len, struct b3iq_writer *sig)
{
	(void)ctx, (void)instance, (void)key, (void)alg;
	return len > 0 ? sig->write(sig, message, len) : B3IQ_E_INVALID;
}

static int32_t
public_key(void *ctx, const char *instance, const char *key, const char *alg,
           struct b3iq_writer *out)
{
	(void)ctx, (void)instance, (void)alg;
	return out->write(out, key, strlen(key));
}

static void
receive(int fd)
{
	static const char *const signers[] = { "k", NULL };
	const struct hostapi_services services = { .sign = sign, .public_key = public_key };
	const struct hostapi_options o = { .instance = "fuzz", .state_dir = "/", .signers = signers,
	                                   .services = &services };
	struct b3iq_error err = NO_ERROR;
	struct hostapi *api;
	struct remote *r = hostapi_create(&o, &api, &err) == B3IQ_OK ?
	                           remote_create(fd, "fuzz", api, &err) : NULL;

	if (api != NULL)
		hostapi_submit_enter(api, "k", NULL);
	if (r == NULL)
		close(fd);
	else
		while (remote_receive(r) > 0)
			;
	remote_destroy(r);
	hostapi_destroy(api);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[2];

	log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);
	if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return 0;
	/* What does not fit into the socket is lost: inputs are short. */
	(void)!send(fds[1], data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fds[1], SHUT_WR);
	if ((data[0] & 1) != 0)
		receive(fds[0]);
	else
		decode(fds[0]);
	close(fds[1]);
	return 0;
}
