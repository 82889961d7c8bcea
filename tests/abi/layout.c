/* Prints the layout of every struct and the value of every constant of plugin.h, a line each.
 *
 * Structs have no holes, so the list proves itself complete: each field has to begin where the one
 * before it ended, and the last has to end with the struct.  Exit status 1 says which does not.
 */
#include <stdio.h>

#include "plugin.h"

struct field {
	const char *owner, *name;
	size_t      at, size, owner_size;
};

#define F(s, f) { #s, #f, offsetof(struct s, f), sizeof(((struct s *)0)->f), sizeof(struct s) }

static const struct field fields[] = {
	F(b3iq_error, size), F(b3iq_error, retry_ms), F(b3iq_error, text),

	F(b3iq_writer, write),

	F(b3iq_host, size), F(b3iq_host, abi), F(b3iq_host, ctx), F(b3iq_host, instance),
	F(b3iq_host, state_dir), F(b3iq_host, log), F(b3iq_host, metric), F(b3iq_host, secret),
	F(b3iq_host, sign), F(b3iq_host, public_key), F(b3iq_host, kv_get), F(b3iq_host, kv_put),
	F(b3iq_host, extension),

	F(b3iq_gen_request, size), F(b3iq_gen_request, flags), F(b3iq_gen_request, model),
	F(b3iq_gen_request, body), F(b3iq_gen_request, body_len), F(b3iq_gen_request, seed),
	F(b3iq_gen_request, deadline_ms), F(b3iq_gen_request, max_tokens), F(b3iq_gen_request, top_k),
	F(b3iq_gen_request, top_logprobs), F(b3iq_gen_request, reserved),
	F(b3iq_gen_request, temperature), F(b3iq_gen_request, top_p), F(b3iq_gen_request, min_p),
	F(b3iq_gen_request, repetition_penalty), F(b3iq_gen_request, presence_penalty),
	F(b3iq_gen_request, frequency_penalty),

	F(b3iq_chunk, size), F(b3iq_chunk, n_ids), F(b3iq_chunk, text), F(b3iq_chunk, text_len),
	F(b3iq_chunk, delta), F(b3iq_chunk, ids), F(b3iq_chunk, probe), F(b3iq_chunk, probe_len),

	F(b3iq_sink, size), F(b3iq_sink, cancel_fd), F(b3iq_sink, emit),

	F(b3iq_usage, size), F(b3iq_usage, stop), F(b3iq_usage, determinism), F(b3iq_usage, reserved),
	F(b3iq_usage, prompt_tokens), F(b3iq_usage, cached_tokens), F(b3iq_usage, output_tokens),
	F(b3iq_usage, queue_us), F(b3iq_usage, prefill_us), F(b3iq_usage, decode_us),
	F(b3iq_usage, fingerprint),

	F(b3iq_inference, size), F(b3iq_inference, reserved), F(b3iq_inference, probe),
	F(b3iq_inference, models), F(b3iq_inference, load), F(b3iq_inference, unload),
	F(b3iq_inference, generate), F(b3iq_inference, embed),

	F(b3iq_replay, size), F(b3iq_replay, reserved), F(b3iq_replay, replay),

	F(b3iq_ledger_op, size), F(b3iq_ledger_op, op), F(b3iq_ledger_op, key),
	F(b3iq_ledger_op, digest), F(b3iq_ledger_op, signer), F(b3iq_ledger_op, to),
	F(b3iq_ledger_op, asset), F(b3iq_ledger_op, amount), F(b3iq_ledger_op, max_fee),
	F(b3iq_ledger_op, extra),

	F(b3iq_tx, size), F(b3iq_tx, state), F(b3iq_tx, height), F(b3iq_tx, confirmations),
	F(b3iq_tx, time_ms), F(b3iq_tx, ref), F(b3iq_tx, fee),

	F(b3iq_ledger, size), F(b3iq_ledger, reserved), F(b3iq_ledger, ops), F(b3iq_ledger, quote),
	F(b3iq_ledger, submit), F(b3iq_ledger, status), F(b3iq_ledger, query),

	F(b3iq_auth_request, size), F(b3iq_auth_request, reserved), F(b3iq_auth_request, scheme),
	F(b3iq_auth_request, credential), F(b3iq_auth_request, method), F(b3iq_auth_request, path),
	F(b3iq_auth_request, peer), F(b3iq_auth_request, client_cert),
	F(b3iq_auth_request, client_cert_len), F(b3iq_auth_request, now_ms),

	F(b3iq_principal, size), F(b3iq_principal, cache_s), F(b3iq_principal, expires_ms),
	F(b3iq_principal, subject), F(b3iq_principal, issuer), F(b3iq_principal, account),
	F(b3iq_principal, scopes),

	F(b3iq_auth, size), F(b3iq_auth, reserved), F(b3iq_auth, authenticate), F(b3iq_auth, login),

	F(b3iq_plugin, size), F(b3iq_plugin, abi), F(b3iq_plugin, kind), F(b3iq_plugin, threads),
	F(b3iq_plugin, id), F(b3iq_plugin, version), F(b3iq_plugin, create), F(b3iq_plugin, destroy),
	F(b3iq_plugin, iface), F(b3iq_plugin, extension),
};

#define C(name) { #name, (long)(name) }

static const struct {
	const char *name;
	long        value;
} constants[] = {
#define RESULT(name, code, text) { "B3IQ_" #name, (code) },
	B3IQ_RESULTS(RESULT)
#undef RESULT
	C(B3IQ_ABI_MAJOR), C(B3IQ_SLOT), C(B3IQ_SIGN_MAX), C(B3IQ_NOTE_TYPE),
	C(B3IQ_LOG_DEBUG), C(B3IQ_LOG_INFO), C(B3IQ_LOG_WARN), C(B3IQ_LOG_ERROR),
	C(B3IQ_COUNTER), C(B3IQ_GAUGE),
	C(B3IQ_GEN_DETERMINISTIC), C(B3IQ_GEN_PROBES), C(B3IQ_GEN_LOGPROBS),
	C(B3IQ_STOP_END), C(B3IQ_STOP_LENGTH), C(B3IQ_STOP_SEQUENCE), C(B3IQ_STOP_TOOL),
	C(B3IQ_STOP_CANCELLED),
	C(B3IQ_DET_NONE), C(B3IQ_DET_SAME_DEVICE), C(B3IQ_DET_SAME_FINGERPRINT),
	C(B3IQ_OP_COMMIT), C(B3IQ_OP_REGISTER), C(B3IQ_OP_STAKE), C(B3IQ_OP_UNSTAKE),
	C(B3IQ_OP_TRANSFER), C(B3IQ_OP_ESCROW_OPEN), C(B3IQ_OP_ESCROW_RELEASE),
	C(B3IQ_OP_ESCROW_REFUND), C(B3IQ_OP_DISPUTE),
	C(B3IQ_TX_UNKNOWN), C(B3IQ_TX_PENDING), C(B3IQ_TX_INCLUDED), C(B3IQ_TX_FINAL),
	C(B3IQ_TX_FAILED),
	C(B3IQ_LOGIN_DONE), C(B3IQ_LOGIN_REDIRECT), C(B3IQ_LOGIN_FORM), C(B3IQ_LOGIN_POLL),
	C(B3IQ_INFERENCE), C(B3IQ_LEDGER), C(B3IQ_AUTH),
	C(B3IQ_THREADS_SERIAL), C(B3IQ_THREADS_INSTANCE), C(B3IQ_THREADS_PARALLEL),
};

int
main(void)
{
	const size_t n = sizeof fields / sizeof *fields;
	size_t       end = 0;
	int          bad = 0;

	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i], *next = &fields[i + 1];
		const int           last = i + 1 == n || next->owner_size != f->owner_size ||
		                 next->at == 0;

		if (f->at != end)
			bad = fprintf(stderr, "%s: before %s a field is not in layout.c\n", f->owner,
			              f->name);
		end = last ? 0 : f->at + f->size;
		if (last && f->at + f->size != f->owner_size)
			bad = fprintf(stderr, "%s: after %s a field is not in layout.c\n", f->owner,
			              f->name);
		printf("%s %s %zu %zu\n", f->owner, f->name, f->at, f->size);
	}
	for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
		printf("%s %ld\n", constants[i].name, constants[i].value);
	printf("symbol b3iq_plugin_entry\nnote %s %s\nreplay %s\n", B3IQ_NOTE_SECTION, B3IQ_NOTE_NAME,
	       B3IQ_EXT_REPLAY);
	return bad != 0;
}
