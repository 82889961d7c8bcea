/* Frames from a peer that may say anything: first byte chooses the way, the rest is the stream.
 *
 *   0  every frame is read by every decoder that could meet it
 *   1  over the socket to the host, through the receiving half of remote.c
 *   2  through the ring of a running generate(), whose id is 1
 */
#include <pthread.h>
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
#include "core/plugin/sandbox/ring.h"

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

struct host { /* the host's side of a sandbox of one call                            */
	struct hostapi *api;
	struct rings rings; /* the sandbox's view */
	struct remote *remote;
};

static bool
host_open(struct host *h, int fd)
{
	static const char *const signers[] = { "k", NULL };
	static const struct hostapi_services services = { .sign = sign, .public_key = public_key };
	const struct hostapi_options o = { .instance = "fuzz", .state_dir = "/", .signers = signers,
	                                   .services = &services };
	struct b3iq_error err = NO_ERROR;
	const int memory = rings_create(1);

	*h = (struct host){ .api = NULL };
	if (memory >= 0 && rings_map(&h->rings, memory, 1) &&
	    hostapi_create(&o, &h->api, &err) == B3IQ_OK) {
		hostapi_submit_enter(h->api, "k", NULL);
		h->remote = remote_create(fd, memory, 1, "fuzz", h->api, &err);
	}
	if (memory >= 0)
		close(memory);
	if (h->remote == NULL)
		close(fd);
	return h->remote != NULL;
}

static void
host_close(struct host *h)
{
	remote_destroy(h->remote);
	hostapi_destroy(h->api);
	rings_unmap(&h->rings);
}

static void
receive(int fd)
{
	struct host h;

	if (host_open(&h, fd))
		while (remote_receive(h.remote) > 0)
			;
	host_close(&h);
}

/* A sink that reads what it is given to the last byte, and may refuse it. */
static int32_t
take(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	size_t sum = c->delta != NULL ? strlen(c->delta) : 0;

	(void)sink;
	for (size_t i = 0; i < c->text_len; i++)
		sum += (unsigned char)c->text[i];
	for (size_t i = 0; i < c->probe_len; i++)
		sum += ((const unsigned char *)c->probe)[i];
	for (size_t i = 0; c->ids != NULL && i < c->n_ids; i++)
		sum += (size_t)c->ids[i];
	return sum % 7 == 2 ? B3IQ_E_CANCELLED : B3IQ_OK;
}

static void *
call(void *arg)
{
	const struct b3iq_gen_request q = { .size = sizeof q, .model = "m", .body = "{}",
	                                    .body_len = 2 };
	struct b3iq_sink sink = { .size = sizeof sink, .cancel_fd = -1, .emit = take };
	struct b3iq_usage use = { .size = sizeof use };
	struct b3iq_error err = NO_ERROR;
	struct host *h = arg;
	struct backend b;

	remote_backend(h->remote, B3IQ_INFERENCE, &b);
	b.inference.generate(b.self, &q, &sink, &use, &err);
	return NULL;
}

/* The process has written this and died. */
static void
through_ring(int fds[2], const uint8_t *data, size_t size)
{
	pthread_t thread;
	char frame[256];
	struct host h;

	if (host_open(&h, fds[0])) {
		ring_write(&h.rings.ring[0], data, size < RING_SIZE ? size : RING_SIZE, NULL);
		if (pthread_create(&thread, NULL, call, &h) == 0) {
			(void)!recv(fds[1], frame, sizeof frame, 0); /* it runs */
			remote_die(h.remote, "was killed by SIGFUZZ");
			pthread_join(thread, NULL);
		}
	}
	host_close(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[2];

	log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);
	if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return 0;
	if (data[0] % 3 == 2) {
		through_ring(fds, data + 1, size - 1);
		close(fds[1]);
		return 0;
	}
	/* What does not fit into the socket is lost: inputs are short. */
	(void)!send(fds[1], data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fds[1], SHUT_WR);
	if (data[0] % 3 == 1)
		receive(fds[0]);
	else
		decode(fds[0]);
	close(fds[1]);
	return 0;
}
