/* chat.h - chat messages to a prompt, by the template that the model was trained with.
 *
 * The template of a GGUF (tokenizer.chat_template) is a Jinja program.  It is not run: it is
 * recognised by its marks as one of CHAT_FORMATS, and this code renders what that template would.
 * The result is a list of parts: what the template writes as control tokens is marked so, and all
 * else, above all what users wrote, is text in which no control token is ever recognised.
 *
 *   Roles     system (developer is the same), user, assistant; they alternate where the template
 *             demands it; tool where the template knows it.  A violation is B3IQ_E_INVALID with
 *             the sentence that a client may see.
 *   BOS       The first one is never part of the prompt: chat_encode() adds it where the model
 *             wants it.  (Llama 2 has one before each later turn.)
 *   Dates     Llama 3.1 writes the date that its template has built in, so that equal messages give
 *             equal prompts on any day.
 *   Threads   Pure functions on the caller's memory.
 */
#ifndef B3IQ_ENGINE_CHAT_H
#define B3IQ_ENGINE_CHAT_H

#include "engine/bytes.h"
#include "engine/text/tokenizer.h"

#define CHAT_MAX_MESSAGES 4096u
#define CHAT_MAX_BYTES    TOKENIZER_MAX_TEXT

/* X(id, name, what it is) */
#define CHAT_FORMATS(X)                                                                \
	X(CHATML, "chatml", "ChatML (<|im_start|>role)")                               \
	X(QWEN2, "qwen2", "Qwen2: ChatML with a default system prompt")                \
	X(QWEN25, "qwen2.5", "Qwen2.5: the same with another one, and tool answers")   \
	X(QWEN3, "qwen3", "Qwen3: ChatML with thinking and tool answers")              \
	X(SMOLLM2, "smollm2", "SmolLM2: ChatML with a default system prompt")          \
	X(LLAMA2, "llama-2", "Llama 2 ([INST] <<SYS>>)")                               \
	X(LLAMA3, "llama-3", "Llama 3 (<|start_header_id|>)")                          \
	X(LLAMA31, "llama-3.1", "Llama 3.1 to 3.3: with a date line")                  \
	X(GEMMA, "gemma", "Gemma 1 and 2 (<start_of_turn>), no system prompt")         \
	X(GEMMA3, "gemma-3", "Gemma 3: the system prompt leads the first user turn")   \
	X(PHI3, "phi-3", "Phi-3 (<|user|> ... <|end|>)")                               \
	X(ZEPHYR, "zephyr", "Zephyr, TinyLlama (<|user|> ... </s>)")                   \
	X(MISTRAL1, "mistral-v1", "Mistral 7B v0.1, v0.2 ([INST] text [/INST])")       \
	X(MISTRAL3, "mistral-v3", "Mistral with a system prompt in the first turn")    \
	X(NEMO, "mistral-nemo", "Mistral Nemo: [INST]text[/INST], system prompt in the last turn")

enum chat_format {
#define CHAT_FORMAT_ENUM(id, name, what) CHAT_##id,
	CHAT_FORMATS(CHAT_FORMAT_ENUM)
#undef CHAT_FORMAT_ENUM
	CHAT_N_FORMATS
};

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL };

struct chat_message {
	enum chat_role role;
	const char    *text; /* UTF-8 */
	size_t         len;
};

#define CHAT_GENERATE 0x1u /* end with the opening of an assistant turn                  */
#define CHAT_NO_THINK 0x2u /* where the format knows thinking: write the empty thought   */

/* A rendered prompt: parts point into text, which is the whole prompt as the template writes it.
 * Zero-initialise; chat_finish(). */
struct chat_prompt {
	struct bytes           text;
	struct tokenizer_part *parts;
	size_t                 n_parts, cap_parts;
};

/* Which format a template is.  B3IQ_E_UNSUPPORTED lists those that are recognised. */
int32_t chat_detect(const char *jinja, size_t len, enum chat_format *, struct b3iq_error *);
/* The same for a file (tokenizer.chat_template).  Checks too that the file's EOS is the one that
 * the format closes turns with.  B3IQ_E_NOT_FOUND: a base model, without a template. */
int32_t chat_detect_file(const struct gguf *, enum chat_format *, struct b3iq_error *);
const char *chat_format_name(enum chat_format);

/* "system", "developer", "user", "assistant", "tool"; false for any other. */
bool chat_role_parse(const char *name, size_t len, enum chat_role *);

int32_t chat_render(enum chat_format, const struct chat_message *, size_t n, uint32_t flags,
		    struct chat_prompt *, struct b3iq_error *);
void chat_finish(struct chat_prompt *);

/* Ids of a rendered prompt: tokenizer_encode_parts() with TOKENIZER_ENDS. */
int32_t chat_encode(const struct tokenizer *, const struct chat_prompt *, struct tokens *,
		    struct b3iq_error *);

#endif
