/* codec.h - the vocabulary of the sandbox: its frames, and the contract's structs as fields.
 *
 * Both sides use the same functions, put on one and get on the other, so that a field cannot be
 * forgotten on one side only.  What get returns is borrowed from the frame.
 */
#ifndef CORE_PLUGIN_SANDBOX_CODEC_H
#define CORE_PLUGIN_SANDBOX_CODEC_H

#include "core/base/buf.h"
#include "core/plugin/sandbox/wire.h"

enum codec_frame { /*                      payload                                              */
	/* to the sandbox */
	CODEC_HELLO = 1,   /* struct codec_hello                                        */
	CODEC_CALL,        /* flags: enum codec_method; its arguments                   */
	CODEC_CANCEL,      /* i32 result that emit() shall return                       */
	CODEC_PING,        /* call: any number                                          */
	CODEC_RETURN,      /* call: of the upcall; i32 result, bytes                    */
	CODEC_STOP,        /* destroy, answer BYE, end                                  */
	/* from the sandbox */
	CODEC_READY = 64,  /* struct codec_ready: how create() ended                    */
	CODEC_PONG,        /* call: as in the PING                                      */
	CODEC_UPCALL,      /* flags: enum codec_service; call: of the sandbox's choosing */
	CODEC_LOG,         /* i32 level, text                                           */
	CODEC_METRIC,      /* i32 type, text name, f64 value                            */
	CODEC_BYE,         /* destroy() has returned                                    */
	/* from the sandbox, through the call's ring */
	CODEC_EMIT = 96,   /* call; a chunk                                             */
	CODEC_ANSWER       /* call; i32 result, error, then the results of the method   */
};

enum codec_method { /*                     arguments                  results after the error   */
	CODEC_PROBE = 1,   /*                                         doc               */
	CODEC_MODELS,      /*                                         doc               */
	CODEC_LOAD,        /* text model, text opts                                     */
	CODEC_UNLOAD,      /* text model                                                */
	CODEC_GENERATE,    /* gen_request                             usage             */
	CODEC_EMBED,       /* text model, bytes body                  doc, usage        */
	CODEC_REPLAY,      /* bytes ids, gen_request                  usage             */
	CODEC_QUOTE,       /* ledger_op                               tx                */
	CODEC_SUBMIT,      /* ledger_op                               tx                */
	CODEC_STATUS,      /* bytes key                               tx                */
	CODEC_QUERY,       /* text what                               doc               */
	CODEC_AUTHENTICATE, /* auth_request                           principal         */
	CODEC_LOGIN,       /* text state, text in             doc, doc, u32 next, principal */
	CODEC_METHODS
};

enum codec_service { /*                    arguments                  result                    */
	CODEC_SECRET = 1,  /* text name                               the value         */
	CODEC_SIGN,        /* text key, text alg, bytes message       the signature     */
	CODEC_PUBLIC_KEY,  /* text key, text alg                      the public key    */
	CODEC_KV_GET,      /* text key                                the value         */
	CODEC_KV_PUT,      /* text key, bytes value                                     */
	CODEC_SERVICES
};

/* Optional functions that a plugin has. */
enum { CODEC_HAS_LOAD = 1, CODEC_HAS_UNLOAD = 2, CODEC_HAS_EMBED = 4, CODEC_HAS_LOGIN = 8,
       CODEC_HAS_REPLAY = 16 };

struct codec_hello {
	uint32_t version, kind, width;
	uint64_t dev, ino;
	const char *path, *id, *plugin_version; /* the file, and what its manifest says */
	const char *instance, *state_dir, *config;
};

struct codec_ready {
	int32_t  rc;
	uint32_t threads, has;
	uint64_t ops;
};

/* The results of any method; a method fills what is its own. */
struct codec_answer {
	int32_t  rc;
	uint32_t next;
	const void *doc, *doc2;
	size_t doc_len, doc2_len;
	union {
		struct b3iq_usage     usage;
		struct b3iq_tx        tx;
		struct b3iq_principal principal;
		char slot[B3IQ_SLOT];
	} u;
	union {
		struct b3iq_error error;
		char slot[B3IQ_SLOT];
	} e;
};

void codec_put_hello(struct buf *, const struct codec_hello *);
bool codec_get_hello(const struct wire_frame *, struct codec_hello *);
void codec_put_ready(struct buf *, const struct codec_ready *, const struct b3iq_error *);
bool codec_get_ready(const struct wire_frame *, struct codec_ready *, struct b3iq_error *);
void codec_put_answer(struct buf *, enum codec_method, const struct codec_answer *);
bool codec_get_answer(const struct wire_frame *, enum codec_method, struct codec_answer *);

void codec_put_gen(struct buf *, const struct b3iq_gen_request *);
void codec_get_gen(struct wire_reader *, struct b3iq_gen_request *);
void codec_put_op(struct buf *, const struct b3iq_ledger_op *);
void codec_get_op(struct wire_reader *, struct b3iq_ledger_op *);
void codec_put_auth(struct buf *, const struct b3iq_auth_request *);
void codec_get_auth(struct wire_reader *, struct b3iq_auth_request *);
/* Is there something behind every length? */
bool codec_chunk_sound(const struct b3iq_chunk *);
/* The ids stand first, so that they are aligned where the payload is; zeroes behind it make its
 * length a multiple of CODEC_ALIGN, so that the next one is aligned as well. */
#define CODEC_ALIGN 8
void codec_put_chunk(struct buf *, const struct b3iq_chunk *);
bool codec_get_chunk(const uint8_t *payload, size_t len, struct b3iq_chunk *);

#endif
