/* plugin.h - the whole contract between the host and a plugin.
 *
 * One .so is one plugin of one kind: an inference backend, a ledger adapter or
 * an auth provider.  It exports one symbol, b3iq_plugin_entry(), imports none
 * of ours, and everything else goes through the tables below.  The same .so
 * therefore runs in the host, in the sandbox child that is the host's default,
 * in plugin-check and in a unit test.
 *
 *   Strings   UTF-8.  A (ptr,len) pair is not NUL-terminated, a char* is.
 *   Memory    What a call receives is borrowed until that call returns.  What
 *             has a variable length goes back through a b3iq_writer.  Nobody
 *             ever frees what the other side allocated.
 *   Growth    Fields are only appended, structs have no holes.  `size` says how
 *             much of a struct its sender knows; the receiver copies that much
 *             and zeroes the rest, so an absent function is NULL and an absent
 *             number is 0.  Results (b3iq_error, b3iq_usage, b3iq_tx,
 *             b3iq_principal) come in a zeroed slot of B3IQ_SLOT bytes with
 *             `size` set by the caller, so a newer plugin overruns nothing.
 *   Errors    A call returns B3IQ_OK or a code of the closed list; on failure
 *             it fills b3iq_error with a sentence for the operator.  An unknown
 *             negative code counts as B3IQ_E_INTERNAL.
 *   Threads   [serial]  never concurrent with any call into this instance
 *             [worker]  concurrent as far as b3iq_plugin.threads allows
 *             [call]    only from inside a call of the host, on any thread
 *             [any]     any thread, any time, must not block
 *             A plugin owns its threads and joins them in destroy().
 *   Manners   A plugin does not install signal handlers, change locale, umask,
 *             working directory or environment, write to descriptors 0-2
 *             except stderr, fork, or end the process.  Private content
 *             (prompts, outputs, credentials) goes to no log and no metric.
 *   JSON      Documents named here are specified in schemas/ under that name.
 *
 * Version rules: docs/abi-policy.md.  How to write one: docs/plugin-writing.md.
 */
#ifndef B3IQ_PLUGIN_H
#define B3IQ_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define B3IQ_ABI_MAJOR 1u /* equal on both sides, or no load               */
#define B3IQ_ABI_MINOR 0u /* counts additions; never a reason to refuse    */
#define B3IQ_ABI       ((B3IQ_ABI_MAJOR << 16) | B3IQ_ABI_MINOR)
#define B3IQ_SLOT      1024 /* no result struct ever exceeds it              */
#define B3IQ_SIGN_MAX  1048576 /* bytes of a message that sign() takes       */
#define B3IQ_EXPORT    __attribute__((visibility("default")))

/* Does the sender's struct reach field f, and is it set? */
#define B3IQ_HAS(p, f) \
	((p)->size >= offsetof(__typeof__(*(p)), f) + sizeof((p)->f) && (p)->f)

/* ---- results ------------------------------------------------------------ */

/* The closed list: X(name, code, what it means to the host).  */
#define B3IQ_RESULTS(X)                                                              \
	X(OK, 0, "done")                                                              \
	X(DECLINED, 1, "auth: not my kind of credential, ask the next provider")      \
	X(E_INVALID, -1, "the request is wrong; do not retry it")                     \
	X(E_DENIED, -2, "not allowed")                                                \
	X(E_NOT_FOUND, -3, "no such model, key or object")                            \
	X(E_UNSUPPORTED, -4, "cannot do this, determinism included; try another")     \
	X(E_BUSY, -5, "full; retry after error.retry_ms")                             \
	X(E_NO_MEMORY, -6, "host or device memory is short")                          \
	X(E_CANCELLED, -7, "the host asked to stop")                                  \
	X(E_TIMEOUT, -8, "the deadline passed")                                       \
	X(E_UNAVAILABLE, -9, "device, peer or chain is away")                         \
	X(E_UNKNOWN_OUTCOME, -10, "ledger: may have been broadcast; ask status()")    \
	X(E_INTERNAL, -11, "a defect of the plugin")                                  \
	X(E_DIED, -12, "set by the host only: the sandbox is gone")

enum {
#define B3IQ_RESULT_ENUM(name, code, text) B3IQ_##name = (code),
	B3IQ_RESULTS(B3IQ_RESULT_ENUM)
#undef B3IQ_RESULT_ENUM
};

struct b3iq_error {         /* caller's storage, filled on failure           */
	uint32_t size, retry_ms;
	char     text[248]; /* for the operator; NUL-terminated, never parsed */
};

/* Variable-length output: the host's object, valid during the call.  write()
 * appends at least one byte; a result other than B3IQ_OK means stop and return
 * it.  [call] */
struct b3iq_writer {
	int32_t (*write)(struct b3iq_writer *, const void *, size_t);
};

/* ---- what the host gives ------------------------------------------------ */

enum { B3IQ_LOG_DEBUG, B3IQ_LOG_INFO, B3IQ_LOG_WARN, B3IQ_LOG_ERROR };
enum { B3IQ_COUNTER, B3IQ_GAUGE };

struct b3iq_host { /* one per instance; valid from create() until destroy() returns */
	uint32_t    size, abi;
	void       *ctx;       /* pass back as the first argument               */
	const char *instance;  /* operator's name for it, e.g. "gpu0"           */
	const char *state_dir; /* absolute, private to the instance, writable   */
	/* [any] One line for the operator's log. */
	void (*log)(void *ctx, int32_t level, const char *text);
	/* [any] COUNTER adds, GAUGE sets; name is [a-z0-9_]+. */
	void (*metric)(void *ctx, int32_t type, const char *name, double value);
	/* [call] The value of a config field of format "secret". */
	int32_t (*secret)(void *ctx, const char *name, struct b3iq_writer *);
	/* [call] Signs a message with a key that stays in the host, whose signer sees
	 * the whole message and decides.  Allowed only while a submit() of this
	 * instance runs, with that op's signer, and only if the operator named the
	 * key for this instance.  alg and what is written:
	 *   "ed25519"              64 bytes: RFC 8032, pure, over the message
	 *   "secp256k1-keccak256"  65 bytes: r, s, v of ECDSA over the Keccak-256 of
	 *                          the message; s in the lower half, v 0 or 1 */
	int32_t (*sign)(void *ctx, const char *key, const char *alg, const void *message,
	                size_t len, struct b3iq_writer *sig);
	/* [call] The public half of a key that the operator named for this instance,
	 * in any call; alg as above: 32 bytes, or 65 uncompressed from 0x04 on. */
	int32_t (*public_key)(void *ctx, const char *key, const char *alg, struct b3iq_writer *);
	/* [call] The instance's durable key-value store: kv_put() has reached the
	 * disk when it returns; len 0 removes; B3IQ_E_NOT_FOUND when absent. */
	int32_t (*kv_get)(void *ctx, const char *key, struct b3iq_writer *);
	int32_t (*kv_put)(void *ctx, const char *key, const void *, size_t len);
	/* [any] A named addition of the host, or NULL. */
	const void *(*extension)(void *ctx, const char *id);
};

/* ---- inference backend -------------------------------------------------- */

#define B3IQ_GEN_DETERMINISTIC 0x1u /* honour seed to the bit, or B3IQ_E_UNSUPPORTED */
#define B3IQ_GEN_PROBES        0x2u /* fill chunk.probe: one id per chunk            */
#define B3IQ_GEN_LOGPROBS      0x4u /* report logprobs in chunk.delta                */

struct b3iq_gen_request {
	uint32_t    size, flags;
	const char *model;       /* id as listed by models()                     */
	const char *body;        /* chat-request.json: messages or prompt, stop,
	                          * logit_bias, tools, response_format           */
	size_t      body_len;
	uint64_t    seed;
	uint64_t    deadline_ms; /* CLOCK_MONOTONIC; 0: none                     */
	uint32_t    max_tokens;  /* 0: as many as the context holds              */
	uint32_t    top_k;       /* 0: off                                       */
	uint32_t    top_logprobs, reserved;
	float       temperature; /* 0: greedy                                    */
	float       top_p, min_p;                         /* 1 and 0: off        */
	float       repetition_penalty;                   /* 1: off; 0 counts as 1 */
	float       presence_penalty, frequency_penalty;  /* 0: off              */
};

struct b3iq_chunk { /* one step of the stream                            */
	uint32_t       size, n_ids;
	const char    *text;      /* may be empty: half a UTF-8 character         */
	size_t         text_len;
	const char    *delta;     /* chat-delta.json: tool calls, logprobs; or NULL */
	const int32_t *ids;       /* token ids, NULL if the engine hides them     */
	const void    *probe;     /* with B3IQ_GEN_PROBES: (position, id, probe)  */
	size_t         probe_len; /* is a commitment leaf of the receipt          */
};

struct b3iq_sink { /* the host's object, lives for one generate()       */
	uint32_t size;
	int32_t  cancel_fd; /* turns readable on cancel or deadline; -1: none       */
	/* [call] One thread at a time.  Blocks for back-pressure.  Other than
	 * B3IQ_OK: stop within 250 ms and return it. */
	int32_t (*emit)(struct b3iq_sink *, const struct b3iq_chunk *);
};

enum { B3IQ_STOP_END = 1, B3IQ_STOP_LENGTH, B3IQ_STOP_SEQUENCE, B3IQ_STOP_TOOL, B3IQ_STOP_CANCELLED };
enum { B3IQ_DET_NONE, B3IQ_DET_SAME_DEVICE, B3IQ_DET_SAME_FINGERPRINT };

struct b3iq_usage {
	uint32_t size, stop, determinism, reserved;
	uint64_t prompt_tokens, cached_tokens, output_tokens;
	uint64_t queue_us, prefill_us, decode_us;
	char     fingerprint[128]; /* numerics profile / engine build / device class */
};

struct b3iq_inference {
	uint32_t size, reserved;
	/* [worker] devices.json: what it could run on, and why not. */
	int32_t (*probe)(void *self, struct b3iq_writer *devices, struct b3iq_error *);
	/* [worker] models.json: id, context, quantisation, root, resident. */
	int32_t (*models)(void *self, struct b3iq_writer *models, struct b3iq_error *);
	/* [worker] optional.  Makes a model resident, or lets it go; opts is a JSON
	 * object or NULL. */
	int32_t (*load)(void *self, const char *model, const char *opts, struct b3iq_error *);
	int32_t (*unload)(void *self, const char *model, struct b3iq_error *);
	/* [worker] Runs to the end, emitting chunks; blocking. */
	int32_t (*generate)(void *self, const struct b3iq_gen_request *, struct b3iq_sink *,
	                    struct b3iq_usage *, struct b3iq_error *);
	/* [worker] optional.  body: {"input":[...]}; vectors: [[...],...]. */
	int32_t (*embed)(void *self, const char *model, const char *body, size_t len,
	                 struct b3iq_writer *vectors, struct b3iq_usage *, struct b3iq_error *);
};

/* Extension: teacher-forced replay, for those who check a receipt.  Runs the
 * request with the output given: chunk i carries the one id that the model
 * picks after prompt + ids[0..i), its probe, and the text that generate() lets
 * leave with ids[i].  It costs one prefill.  The stream has n_ids such chunks,
 * also beyond an end: the caller compares.  usage.stop is how that output ends;
 * B3IQ_STOP_CANCELLED: it would go on, and what text it still holds back comes
 * in one more chunk, without id; 0: it goes on beyond its end. */
#define B3IQ_EXT_REPLAY "b3iq.inference.replay/1"
struct b3iq_replay {
	uint32_t size, reserved;
	/* [worker] */
	int32_t (*replay)(void *self, const struct b3iq_gen_request *, const int32_t *ids,
	                  size_t n_ids, struct b3iq_sink *, struct b3iq_usage *,
	                  struct b3iq_error *);
};

/* ---- ledger ------------------------------------------------------------- */

enum { /* b3iq_ledger.ops is a mask of 1 << op */
	B3IQ_OP_COMMIT,
	B3IQ_OP_REGISTER,
	B3IQ_OP_STAKE,
	B3IQ_OP_UNSTAKE,
	B3IQ_OP_TRANSFER,
	B3IQ_OP_ESCROW_OPEN,
	B3IQ_OP_ESCROW_RELEASE,
	B3IQ_OP_ESCROW_REFUND,
	B3IQ_OP_DISPUTE
};
enum { B3IQ_TX_UNKNOWN, B3IQ_TX_PENDING, B3IQ_TX_INCLUDED, B3IQ_TX_FINAL, B3IQ_TX_FAILED };

struct b3iq_ledger_op {
	uint32_t    size, op;
	uint8_t     key[32];    /* idempotency: same key, same transaction          */
	uint8_t     digest[32]; /* batch root, or subject of the op                 */
	const char *signer;     /* host key name; never key material                */
	const char *to, *asset; /* the chain's own address and asset id             */
	const char *amount;     /* decimal, smallest unit: fits uint256             */
	const char *max_fee;    /* refuse above it                                  */
	const char *extra;      /* JSON, op-specific                                */
};

struct b3iq_tx {
	uint32_t size, state;
	uint64_t height, confirmations, time_ms;
	char     ref[128]; /* transaction id on that chain                     */
	char     fee[80];
};

struct b3iq_ledger {
	uint32_t size, reserved;
	uint64_t ops; /* what submit() can do                             */
	/* [worker] Fills fee, sends nothing. */
	int32_t (*quote)(void *self, const struct b3iq_ledger_op *, struct b3iq_tx *,
	                 struct b3iq_error *);
	/* [worker] Sends once per key.  If it cannot tell whether the transaction
	 * left: B3IQ_E_UNKNOWN_OUTCOME, never a code that invites a retry. */
	int32_t (*submit)(void *self, const struct b3iq_ledger_op *, struct b3iq_tx *,
	                  struct b3iq_error *);
	/* [worker] Works after a restart with only the kv store left.  FINAL never
	 * changes again; INCLUDED may fall back to PENDING. */
	int32_t (*status)(void *self, const uint8_t key[32], struct b3iq_tx *, struct b3iq_error *);
	/* [worker] ledger-query.json in, JSON out: balance, stake, registry ... */
	int32_t (*query)(void *self, const char *what, struct b3iq_writer *, struct b3iq_error *);
};

/* ---- authentication provider -------------------------------------------- */

struct b3iq_auth_request {
	uint32_t       size, reserved;
	const char    *scheme, *credential;  /* split Authorization header, or NULL      */
	const char    *method, *path, *peer;
	const uint8_t *client_cert;          /* DER, or NULL                             */
	size_t         client_cert_len;
	uint64_t       now_ms;               /* wall clock                               */
};

struct b3iq_principal {
	uint32_t size, cache_s; /* how long the host may reuse this answer          */
	uint64_t expires_ms;    /* wall clock; 0: never                             */
	char     subject[128], issuer[128], account[128];
	char     scopes[512];   /* space separated; the host decides what they permit */
};

enum { B3IQ_LOGIN_DONE, B3IQ_LOGIN_REDIRECT, B3IQ_LOGIN_FORM, B3IQ_LOGIN_POLL };

struct b3iq_auth {
	uint32_t size, reserved;
	/* [worker] B3IQ_OK: this is who it is.  B3IQ_DECLINED: not mine, ask the
	 * next.  B3IQ_E_DENIED: mine and wrong, ask nobody else. */
	int32_t (*authenticate)(void *self, const struct b3iq_auth_request *,
	                        struct b3iq_principal *, struct b3iq_error *);
	/* [worker] optional: interactive login, one step at a time.  `state` is the
	 * plugin's, kept sealed by the host between the steps; `in` and `out` are
	 * login-step.json documents; *next is a B3IQ_LOGIN_ value. */
	int32_t (*login)(void *self, const char *state, const char *in, uint32_t *next,
	                 struct b3iq_writer *state_out, struct b3iq_writer *out,
	                 struct b3iq_principal *, struct b3iq_error *);
};

/* ---- the plugin --------------------------------------------------------- */

enum { B3IQ_INFERENCE = 1, B3IQ_LEDGER, B3IQ_AUTH };
enum {
	B3IQ_THREADS_SERIAL,   /* one call at a time in the whole plugin           */
	B3IQ_THREADS_INSTANCE, /* one call at a time in an instance                */
	B3IQ_THREADS_PARALLEL  /* as many as the operator configures               */
};

struct b3iq_plugin {
	uint32_t    size, abi, kind, threads;
	const char *id, *version; /* "org.example.cuda", "1.4.2": as in the manifest  */
	/* [serial] config: JSON that satisfies the manifest's schema, defaults
	 * filled in, secrets replaced by {"secret":"name"}. */
	int32_t (*create)(const struct b3iq_host *, const char *config, void **self,
	                  struct b3iq_error *);
	/* [serial] NULL is fine; joins the plugin's threads. */
	void (*destroy)(void *self);
	const void *iface; /* b3iq_inference, b3iq_ledger or b3iq_auth         */
	/* [serial] optional: a named addition, valid until destroy(), or NULL. */
	const void *(*extension)(void *self, const char *id);
};

/* Pure: no threads, no I/O, no device; returns a static.  NULL: cannot serve
 * this host. */
B3IQ_EXPORT const struct b3iq_plugin *b3iq_plugin_entry(uint32_t host_abi);

/* The manifest (plugin.json) is an ELF note, so that host, wizard and checker
 * read it without running a line of the plugin's code.  plugin.cmake writes
 * this line from plugin.json. */
#define B3IQ_NOTE_SECTION ".note.b3iq.manifest"
#define B3IQ_NOTE_NAME    "B3"
#define B3IQ_NOTE_TYPE    1
#define B3IQ_MANIFEST(json)                                                        \
	__attribute__((used, section(B3IQ_NOTE_SECTION), aligned(4))) static const struct { \
		uint32_t namesz, descsz, type;                                      \
		char     name[4];                                                   \
		char     desc[sizeof(json)];                                        \
	} b3iq_manifest_note = { 3, sizeof(json), B3IQ_NOTE_TYPE, B3IQ_NOTE_NAME, json }

#ifdef __cplusplus
}
#endif
#endif
