#include "engine/text/chat.h"

#include <stdlib.h>
#include <string.h>
#include "engine/fail.h"
#include "engine/text/unicode.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* How a format writes a turn: open, role, [close_role], gap, content, close, tail. */
struct style {
	const char *open;       /* control token; NULL: the role is one, "<|user|>" */
	const char *close_role; /* control token behind the role, or NULL           */
	const char *gap;
	const char *close;      /* control token                                    */
	const char *tail;
	const char *assistant;  /* the assistant's name                             */
	const char *system;     /* default system prompt, or NULL                   */
	bool        trim;
	bool        tool;       /* knows the role */
};

#define CHATML_STYLE(system) \
	{ "<|im_start|>", NULL, "\n", "<|im_end|>", "\n", "assistant", system, false, true }
#define LLAMA3_STYLE                                                                            \
	{ "<|start_header_id|>", "<|end_header_id|>", "\n\n", "<|eot_id|>", "", "assistant", NULL, \
	  true, true }
#define GEMMA_STYLE \
	{ "<start_of_turn>", NULL, "\n", "<end_of_turn>", "\n", "model", NULL, true, false }

static const struct style styles[CHAT_N_FORMATS] = {
	[CHAT_CHATML] = CHATML_STYLE(NULL),
	[CHAT_QWEN2] = CHATML_STYLE("You are a helpful assistant."),
	[CHAT_QWEN25] = CHATML_STYLE(
		"You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
	[CHAT_QWEN3] = CHATML_STYLE(NULL),
	[CHAT_SMOLLM2] = CHATML_STYLE(
		"You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
	[CHAT_LLAMA3] = LLAMA3_STYLE,
	[CHAT_LLAMA31] = LLAMA3_STYLE,
	[CHAT_GEMMA] = GEMMA_STYLE,
	[CHAT_GEMMA3] = GEMMA_STYLE,
	[CHAT_PHI3] = { NULL, NULL, "\n", "<|end|>", "\n", "assistant", NULL, false, false },
	[CHAT_ZEPHYR] = { NULL, NULL, "\n", "</s>", "\n", "assistant", NULL, false, false },
};

/* How the [INST] family writes them. */
struct inst_style {
	const char *bos;               /* before each user turn but the first */
	const char *before, *between;  /* around the user's text ...          */
	const char *lead, *trail;      /* ... and around the assistant's      */
	bool        trim;
};

static const struct inst_style inst_styles[CHAT_N_FORMATS] = {
	[CHAT_LLAMA2] = { "<s>", " ", " ", " ", " ", true },
	[CHAT_MISTRAL1] = { NULL, " ", " ", "", "", false },
	[CHAT_MISTRAL3] = { NULL, " ", " ", " ", "", false },
	[CHAT_NEMO] = { NULL, "", "", "", "", false },
};

static const char *const names[] = {
#define NAME(id, name, what) name,
	CHAT_FORMATS(NAME)
#undef NAME
};

static const char *const roles[] = { "system", "user", "assistant", "tool" };

const char *
chat_format_name(enum chat_format format)
{
	return (unsigned)format < COUNT(names) ? names[format] : "unknown";
}

bool
chat_role_parse(const char *name, size_t len, enum chat_role *role)
{
	struct gguf_str s = { name, len };

	for (size_t i = 0; i < COUNT(roles); i++) {
		if (gguf_str_equal(s, roles[i])) {
			*role = (enum chat_role)i;
			return true;
		}
	}
	*role = CHAT_SYSTEM;
	return gguf_str_equal(s, "developer");
}

/* ---- which template is it ----------------------------------------------- */

struct marks {
	enum chat_format format;
	const char      *has[4];     /* all of these ...  */
	const char      *has_not[4]; /* ... none of these */
};

/* The first that fits. */
static const struct marks marks[] = {
	{ CHAT_QWEN3, { "<|im_start|>", "enable_thinking", "last_query_index" }, { NULL } },
	{ CHAT_QWEN25,
	  { "<|im_start|>", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
	    "<tool_response>" },
	  { NULL } },
	{ CHAT_SMOLLM2, { "<|im_start|>", "named SmolLM, trained by Hugging Face<|im_end|>" },
	  { "Reasoning Mode", "tools" } },
	{ CHAT_QWEN2, { "<|im_start|>", "You are a helpful assistant.<|im_end|>" },
	  { "tool", "Qwen" } },
	{ CHAT_CHATML, { "<|im_start|>", "<|im_end|>" }, { "tool", "think", "raise_exception" } },
	{ CHAT_LLAMA31, { "<|start_header_id|>", "Cutting Knowledge Date", "26 Jul 2024" },
	  { NULL } },
	{ CHAT_LLAMA3, { "<|start_header_id|>", "<|eot_id|>", "trim" }, { "tool", "think" } },
	{ CHAT_GEMMA3, { "<start_of_turn>", "first_user_prefix" }, { "tool" } },
	{ CHAT_GEMMA, { "<start_of_turn>", "System role not supported" }, { "tool" } },
	{ CHAT_PHI3, { "<|user|>", "<|assistant|>", "<|end|>" }, { "tool", "think" } },
	{ CHAT_ZEPHYR, { "<|user|>", "<|assistant|>", "eos_token" }, { "tool", "think", "<|end" } },
	{ CHAT_LLAMA2, { "[INST]", "<<SYS>>", "bos_token + '[INST] '" }, { "tool" } },
	{ CHAT_NEMO, { "\"[INST]\" + system_message", "\"[INST]\" + message[\"content\"]" },
	  { "[SYSTEM_PROMPT]" } },
	{ CHAT_MISTRAL3,
	  { "' [INST] ' + system_message", "' [INST] ' + message['content'] + ' [/INST]'" },
	  { "tool" } },
	{ CHAT_MISTRAL1, { "'[INST] ' + message['content'] + ' [/INST]'" },
	  { "tool", "system", "eos_token + ' '" } },
};

static bool
contains(const char *text, size_t len, const char *part)
{
	return memmem(text, len, part, strlen(part)) != NULL;
}

static bool
fits(const struct marks *m, const char *jinja, size_t len)
{
	for (size_t i = 0; i < COUNT(m->has) && m->has[i]; i++)
		if (!contains(jinja, len, m->has[i]))
			return false;
	for (size_t i = 0; i < COUNT(m->has_not) && m->has_not[i]; i++)
		if (contains(jinja, len, m->has_not[i]))
			return false;
	return true;
}

/* ChatML with a system prompt of its own built in is some other format. */
static bool
has_built_in_system(const char *jinja, size_t len)
{
	static const char start[] = "<|im_start|>system";
	const char *end = jinja + len, *at = jinja;

	while ((at = memmem(at, (size_t)(end - at), start, sizeof(start) - 1)) != NULL) {
		at += sizeof(start) - 1;
		if (end - at > 1 && at[0] == '\\' && at[1] == 'n')
			at += 2;
		else if (end - at > 0 && *at == '\n')
			at++;
		if (at == end || (*at != '\'' && *at != '"'))
			return true;
	}
	return false;
}

int32_t
chat_detect(const char *jinja, size_t len, enum chat_format *format, struct b3iq_error *err)
{
	char known[160] = "";
	size_t n = 0;

	for (size_t i = 0; i < COUNT(marks); i++) {
		if (!fits(&marks[i], jinja, len))
			continue;
		if (marks[i].format == CHAT_CHATML && has_built_in_system(jinja, len))
			break;
		*format = marks[i].format;
		return B3IQ_OK;
	}
	for (size_t i = 0; i < COUNT(names) && n + strlen(names[i]) + 2 < sizeof(known); i++) {
		known[n++] = ' ';
		memcpy(known + n, names[i], strlen(names[i]) + 1);
		n += strlen(names[i]);
	}
	return fail_with(err, B3IQ_E_UNSUPPORTED,
			 "the model's chat template is not one of those known:%s; "
			 "use completions, or another model",
			 known);
}

static bool
closes_with_s(enum chat_format format)
{
	return inst_styles[format].before ||
	       (styles[format].close && !strcmp(styles[format].close, "</s>"));
}

int32_t
chat_detect_file(const struct gguf *g, enum chat_format *format, struct b3iq_error *err)
{
	struct gguf_str jinja, eos = { "", 0 };
	struct gguf_array tokens;
	uint32_t id = 2;
	size_t at = 0;
	int32_t rc = gguf_string(g, "tokenizer.chat_template", &jinja, NULL);

	if (rc)
		return fail_with(err, B3IQ_E_NOT_FOUND,
				 "%s: has no chat template, it is a base model; use "
				 "completions, or the model's chat variant",
				 gguf_path(g));
	rc = chat_detect(jinja.ptr, jinja.len, format, err);
	if (rc || !closes_with_s(*format))
		return rc;
	rc = gguf_u32(g, "tokenizer.ggml.eos_token_id", &id, err);
	if (rc && rc != B3IQ_E_NOT_FOUND)
		return rc;
	rc = gguf_array(g, "tokenizer.ggml.tokens", GGUF_KIND_STRING, &tokens, err);
	for (uint32_t i = 0; !rc && i <= id; i++)
		if (!gguf_array_next(&tokens, &at, &eos))
			break;
	if (!rc && !gguf_str_equal(eos, "</s>"))
		rc = fail_with(err, B3IQ_E_UNSUPPORTED,
			       "%s: a %s template, but turns end with \"%.*s\" "
			       "instead of </s>; use completions, or another model",
			       gguf_path(g), chat_format_name(*format),
			       (int)(eos.len > 40 ? 40 : eos.len), eos.ptr);
	return rc;
}

/* ---- writing parts ------------------------------------------------------ */

/* The first error sticks, so that a renderer reads like the template. */
struct writer {
	struct chat_prompt *prompt;
	int32_t             rc;
};

static void
begin_part(struct writer *w, bool control)
{
	struct chat_prompt *p = w->prompt;
	size_t cap = p->cap_parts ? p->cap_parts * 2 : 16;
	struct tokenizer_part *parts;

	if (p->n_parts && !control && !p->parts[p->n_parts - 1].control)
		return;
	if (p->n_parts == p->cap_parts) {
		parts = realloc(p->parts, cap * sizeof(*parts));
		if (!parts) {
			w->rc = B3IQ_E_NO_MEMORY;
			return;
		}
		p->parts = parts;
		p->cap_parts = cap;
	}
	p->parts[p->n_parts++] = (struct tokenizer_part){ NULL, 0, control };
}

static void
put(struct writer *w, const char *text, size_t len, bool control)
{
	if (w->rc || !len)
		return;
	begin_part(w, control);
	if (!w->rc)
		w->rc = bytes_add(&w->prompt->text, text, len);
	if (!w->rc)
		w->prompt->parts[w->prompt->n_parts - 1].len += len;
}

static void
text(struct writer *w, const char *s)
{
	put(w, s, strlen(s), false);
}

static void
control(struct writer *w, const char *s)
{
	put(w, s, strlen(s), true);
}

static void
content(struct writer *w, struct gguf_str s)
{
	put(w, s.ptr, s.len, false);
}

/* Text has stopped moving: points the parts into it. */
static void
place_parts(struct chat_prompt *p)
{
	size_t at = 0;

	for (size_t i = 0; i < p->n_parts; i++) {
		p->parts[i].text = p->text.data + at;
		at += p->parts[i].len;
	}
}

/* White space as Python's str.strip() sees it. */
static bool
is_strippable(uint32_t point)
{
	return unicode_is_space(point) || (point >= 0x1c && point <= 0x1f);
}

static struct gguf_str
trim_right(struct gguf_str s)
{
	size_t taken;

	while (s.len) {
		size_t last = s.len - 1;

		while (last && s.len - last < UNICODE_MAX_UTF8 &&
		       ((uint8_t)s.ptr[last] & 0xc0) == 0x80)
			last--;
		if (!is_strippable(unicode_decode(s.ptr + last, s.len - last, &taken)) ||
		    taken != s.len - last)
			break;
		s.len = last;
	}
	return s;
}

static struct gguf_str
trim(struct gguf_str s)
{
	size_t taken;

	while (s.len && is_strippable(unicode_decode(s.ptr, s.len, &taken))) {
		s.ptr += taken;
		s.len -= taken;
	}
	return trim_right(s);
}

static struct gguf_str
strip_newlines(struct gguf_str s, bool left, bool right)
{
	while (left && s.len && *s.ptr == '\n') {
		s.ptr++;
		s.len--;
	}
	while (right && s.len && s.ptr[s.len - 1] == '\n')
		s.len--;
	return s;
}

/* ---- the formats -------------------------------------------------------- */

/* What is being rendered. */
struct chat {
	enum chat_format           format;
	const struct chat_message *messages;
	size_t                     n;
	uint32_t                   flags;
	struct b3iq_error         *err;
};

static struct gguf_str
body(const struct chat *c, size_t i)
{
	struct gguf_str s = { c->messages[i].text, c->messages[i].len };

	return styles[c->format].trim ? trim(s) : s;
}

static void
open_turn(struct writer *w, const struct style *s, const char *role)
{
	if (s->open) {
		control(w, s->open);
		text(w, role);
	} else {
		control(w, !strcmp(role, "user")     ? "<|user|>"
			   : !strcmp(role, "system") ? "<|system|>"
						     : "<|assistant|>");
	}
	if (s->close_role)
		control(w, s->close_role);
	text(w, s->gap);
}

static void
close_turn(struct writer *w, const struct style *s)
{
	control(w, s->close);
	text(w, s->tail);
}

static void
turn(struct writer *w, const struct style *s, const char *role, struct gguf_str said)
{
	open_turn(w, s, role);
	content(w, said);
	close_turn(w, s);
}

/* Qwen: tool answers are user turns; those in a row share one. */
static void
qwen_tool(struct writer *w, const struct chat *c, size_t i)
{
	if (!i || c->messages[i - 1].role != CHAT_TOOL) {
		control(w, "<|im_start|>");
		text(w, "user");
	}
	text(w, "\n");
	control(w, "<tool_response>");
	text(w, "\n");
	content(w, body(c, i));
	text(w, "\n");
	control(w, "</tool_response>");
	if (i + 1 == c->n || c->messages[i + 1].role != CHAT_TOOL)
		close_turn(w, &styles[c->format]);
}

static bool
starts(struct gguf_str s, const char *text)
{
	return s.len >= strlen(text) && !memcmp(s.ptr, text, strlen(text));
}

static bool
ends(struct gguf_str s, const char *text)
{
	return s.len >= strlen(text) && !memcmp(s.ptr + s.len - strlen(text), text, strlen(text));
}

/* The last question: the last user message that is no wrapped tool answer. */
static size_t
last_question(const struct chat *c)
{
	for (size_t i = c->n; i-- > 0;) {
		const struct chat_message *m = &c->messages[i];
		struct gguf_str said = { m->text, m->len };
		bool wrapped = starts(said, "<tool_response>") && ends(said, "</tool_response>");

		if (m->role == CHAT_USER && !wrapped)
			return i;
	}
	return c->n - 1;
}

/* Cuts an answer into what was thought and what was said, as Qwen3's template does. */
static void
split_thought(struct gguf_str all, struct gguf_str *thought, struct gguf_str *said)
{
	static const char open[] = "<think>", close[] = "</think>";
	const char *end = all.ptr + all.len, *first = NULL, *at, *last = NULL;

	*thought = (struct gguf_str){ all.ptr, 0 };
	*said = all;
	at = all.ptr;
	while ((at = memmem(at, (size_t)(end - at), close, sizeof(close) - 1)) != NULL) {
		first = first ? first : at;
		at += sizeof(close) - 1;
		last = at;
	}
	if (!first)
		return;
	*said = strip_newlines((struct gguf_str){ last, (size_t)(end - last) }, true, false);
	*thought = (struct gguf_str){ all.ptr, (size_t)(first - all.ptr) };
	*thought = strip_newlines(*thought, false, true);
	end = thought->ptr + thought->len;
	while ((at = memmem(thought->ptr, thought->len, open, sizeof(open) - 1)) != NULL) {
		thought->ptr = at + sizeof(open) - 1;
		thought->len = (size_t)(end - thought->ptr);
	}
	*thought = strip_newlines(*thought, true, true);
}

/* Thoughts of earlier rounds are dropped; those since the last question stay. */
static void
qwen3_assistant(struct writer *w, const struct chat *c, size_t i, size_t question)
{
	const struct style *s = &styles[c->format];
	struct gguf_str thought, said;

	split_thought(body(c, i), &thought, &said);
	open_turn(w, s, s->assistant);
	if (i > question && (i + 1 == c->n || thought.len)) {
		control(w, "<think>");
		text(w, "\n");
		content(w, thought);
		text(w, "\n");
		control(w, "</think>");
		text(w, "\n\n");
		said = strip_newlines(said, true, false);
	}
	content(w, said);
	close_turn(w, s);
}

/* Llama 3.1 hands a tool's answer over as a JSON string. */
static void
json_string(struct writer *w, struct gguf_str s)
{
	static const char hex[] = "0123456789abcdef", plain[] = "\"\\\n\r\t\b\f",
			  coded[] = "\"\\nrtbf";

	text(w, "\"");
	for (size_t i = 0; i < s.len; i++) {
		const char *known = s.ptr[i] ? strchr(plain, s.ptr[i]) : NULL;
		uint8_t c = (uint8_t)s.ptr[i];
		char letter = known ? coded[known - plain] : 'u';
		char escape[6] = { '\\', letter, '0', '0', hex[c >> 4 & 15], hex[c & 15] };

		if (known || c < 0x20)
			put(w, escape, known ? 2 : 6, false);
		else
			put(w, s.ptr + i, 1, false);
	}
	text(w, "\"");
}

static void
llama31_head(struct writer *w, const struct chat *c)
{
	const struct style *s = &styles[CHAT_LLAMA31];

	open_turn(w, s, "system");
	text(w, "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n");
	if (c->messages[0].role == CHAT_SYSTEM)
		content(w, body(c, 0));
	close_turn(w, s);
}

static void
llama31_tool(struct writer *w, const struct chat *c, size_t i)
{
	open_turn(w, &styles[CHAT_LLAMA31], "ipython");
	json_string(w, (struct gguf_str){ c->messages[i].text, c->messages[i].len });
	close_turn(w, &styles[CHAT_LLAMA31]);
}

static void
tagged_turn(struct writer *w, const struct chat *c, size_t i, size_t question)
{
	const struct style *s = &styles[c->format];
	enum chat_role role = c->messages[i].role;
	bool qwen = c->format == CHAT_QWEN25 || c->format == CHAT_QWEN3;

	if (role == CHAT_TOOL && qwen)
		qwen_tool(w, c, i);
	else if (role == CHAT_TOOL && c->format == CHAT_LLAMA31)
		llama31_tool(w, c, i);
	else if (role == CHAT_ASSISTANT && c->format == CHAT_QWEN3)
		qwen3_assistant(w, c, i, question);
	else
		turn(w, s, role == CHAT_ASSISTANT ? s->assistant : roles[role], body(c, i));
}

/* Formats whose turns are tagged with their role. */
static void
render_tagged(struct writer *w, const struct chat *c)
{
	const struct style *s = &styles[c->format];
	bool system = c->messages[0].role == CHAT_SYSTEM;
	size_t i = 0, question = last_question(c);

	if (c->format == CHAT_LLAMA31) {
		llama31_head(w, c);
		i = system;
	} else if (c->format == CHAT_PHI3 && system && !c->messages[0].len) {
		i = 1;
	} else if (s->system && !system) {
		turn(w, s, "system", (struct gguf_str){ s->system, strlen(s->system) });
	}
	for (; i < c->n; i++)
		tagged_turn(w, c, i, question);
	if (c->flags & CHAT_GENERATE)
		open_turn(w, s, s->assistant);
	else if (c->format == CHAT_PHI3)
		control(w, "<|endoftext|>");
	if (c->flags & CHAT_GENERATE && c->flags & CHAT_NO_THINK && c->format == CHAT_QWEN3) {
		control(w, "<think>");
		text(w, "\n\n");
		control(w, "</think>");
		text(w, "\n\n");
	}
}

/* Gemma: a system prompt leads the first turn, untrimmed. */
static void
render_gemma(struct writer *w, const struct chat *c)
{
	const struct style *s = &styles[c->format];
	size_t first = c->messages[0].role == CHAT_SYSTEM;

	for (size_t i = first; i < c->n; i++) {
		open_turn(w, s, c->messages[i].role == CHAT_USER ? "user" : s->assistant);
		if (first && i == first) {
			put(w, c->messages[0].text, c->messages[0].len, false);
			text(w, "\n\n");
		}
		content(w, body(c, i));
		close_turn(w, s);
	}
	if (c->flags & CHAT_GENERATE)
		open_turn(w, s, s->assistant);
}

/* The user's text with the system prompt before it, in the turn where the format wants it.  Llama
 * 2's template strips both as one text: what leads the user's part stays. */
static void
inst_user(struct writer *w, const struct chat *c, size_t i, size_t first)
{
	const struct inst_style *s = &inst_styles[c->format];
	struct gguf_str said = { c->messages[i].text, c->messages[i].len };
	struct gguf_str system = { c->messages[0].text, c->messages[0].len };
	bool here = first && i == (c->format == CHAT_NEMO ? c->n - 1 : first);

	if (s->bos && i > first)
		control(w, s->bos);
	if (c->format == CHAT_MISTRAL3)
		text(w, " ");
	control(w, "[INST]");
	text(w, s->before);
	if (s->trim)
		said = here ? trim_right(said) : trim(said);
	if (here && c->format == CHAT_LLAMA2) {
		text(w, "<<SYS>>\n");
		content(w, system);
		text(w, "\n<</SYS>>");
		text(w, said.len ? "\n\n" : "");
	} else if (here) {
		content(w, system);
		text(w, "\n\n");
	}
	content(w, said);
	text(w, s->between);
	control(w, "[/INST]");
}

/* Llama 2 and Mistral: [INST] user [/INST] assistant </s>. */
static void
render_inst(struct writer *w, const struct chat *c)
{
	const struct inst_style *s = &inst_styles[c->format];
	size_t first = c->messages[0].role == CHAT_SYSTEM;

	for (size_t i = first; i < c->n; i++) {
		struct gguf_str said = { c->messages[i].text, c->messages[i].len };

		if (c->messages[i].role == CHAT_USER) {
			inst_user(w, c, i, first);
			continue;
		}
		text(w, s->lead);
		content(w, s->trim ? trim(said) : said);
		text(w, s->trail);
		control(w, "</s>");
	}
}

/* ---- rules -------------------------------------------------------------- */

static bool
alternates(enum chat_format format)
{
	return format == CHAT_GEMMA || format == CHAT_GEMMA3 || inst_styles[format].before;
}

static int32_t
refuse(const struct chat *c, const char *why)
{
	return fail_with(c->err, B3IQ_E_INVALID, "messages: %s (the model's chat format is %s)",
			 why, chat_format_name(c->format));
}

static int32_t
check(const struct chat *c)
{
	size_t first = c->n && c->messages[0].role == CHAT_SYSTEM;

	if (!c->n)
		return refuse(c, "there is none; send at least one");
	if (c->n > CHAT_MAX_MESSAGES)
		return refuse(c, "there are more than 4096; send fewer");
	if (first && (c->format == CHAT_GEMMA || c->format == CHAT_MISTRAL1))
		return refuse(c, "this model knows no system role; put it into a user message");
	for (size_t i = 0; i < c->n; i++) {
		enum chat_role role = c->messages[i].role;

		if (role == CHAT_TOOL && !styles[c->format].tool)
			return refuse(c, "this model knows no tool role");
		if (!alternates(c->format) || i < first)
			continue;
		if (role == CHAT_SYSTEM)
			return refuse(c, "the system message must be the first");
		if ((role == CHAT_USER) != ((i - first) % 2 == 0))
			return refuse(c, "user and assistant must alternate, user first");
	}
	if (alternates(c->format) && first == c->n)
		return refuse(c, "there is no user message behind the system message");
	return B3IQ_OK;
}

int32_t
chat_render(enum chat_format format, const struct chat_message *messages, size_t n, uint32_t flags,
	    struct chat_prompt *prompt, struct b3iq_error *err)
{
	struct chat c = { format, messages, n, flags, err };
	struct writer w = { prompt, B3IQ_OK };
	int32_t rc = check(&c);

	if (rc)
		return rc;
	prompt->text.max = CHAT_MAX_BYTES;
	prompt->text.len = 0;
	prompt->n_parts = 0;
	if (inst_styles[format].before)
		render_inst(&w, &c);
	else if (format == CHAT_GEMMA || format == CHAT_GEMMA3)
		render_gemma(&w, &c);
	else
		render_tagged(&w, &c);
	if (w.rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "the prompt");
	if (w.rc)
		return refuse(&c, "they are too long; shorten the conversation");
	place_parts(prompt);
	return B3IQ_OK;
}

void
chat_finish(struct chat_prompt *prompt)
{
	bytes_finish(&prompt->text);
	free(prompt->parts);
	*prompt = (struct chat_prompt){ .n_parts = 0 };
}

int32_t
chat_encode(const struct tokenizer *t, const struct chat_prompt *prompt, struct tokens *out,
	    struct b3iq_error *err)
{
	return tokenizer_encode_parts(t, prompt->parts, prompt->n_parts, TOKENIZER_ENDS, out, err);
}
