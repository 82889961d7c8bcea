/* synth SHAPE FORMAT OUT.gguf: a random model file.  SHAPE: see below; FORMAT: a name of format.h, in
 * any case. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "synth.h"

#define CHATML                                                                                     \
	"{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"       \
	"{% endfor %}<|im_start|>assistant\n"

int
main(int argc, char **argv)
{
	static const struct {
		const char  *name;
		struct synth shape;
	} shapes[] = {
		{ "tiny", { .layers = 2, .width = 96, .ff = 160, .heads = 3, .kv_heads = 1,
		            .head_dim = 32, .vocab = 320, .context = 1024, .chat = CHATML } },
		{ "small", { .layers = 2, .width = 256, .ff = 512, .heads = 4, .kv_heads = 2,
		             .head_dim = 64, .vocab = 512, .context = 1024, .chat = CHATML } },
		{ "small-qwen2", { .layers = 2, .width = 256, .ff = 512, .heads = 4, .kv_heads = 2,
		                   .head_dim = 64, .vocab = 512, .context = 1024, .chat = CHATML,
		                   .architecture = "qwen2" } },
		{ "small-qwen3", { .layers = 2, .width = 256, .ff = 512, .heads = 4, .kv_heads = 2,
		                   .head_dim = 128, .vocab = 512, .context = 1024, .chat = CHATML,
		                   .architecture = "qwen3", .untied = true } },
		{ "135m", { .layers = 30, .width = 576, .ff = 1536, .heads = 9, .kv_heads = 3,
		            .head_dim = 64, .vocab = 49152, .context = 8192, .chat = CHATML } },
		{ "1b", { .layers = 16, .width = 2048, .ff = 8192, .heads = 32, .kv_heads = 8,
		          .head_dim = 64, .vocab = 128256, .context = 8192, .chat = CHATML } },
	};
	struct bytes out = BYTES((size_t)1 << 34);
	struct synth s = { 0 };
	int kind = FORMAT_N;
	FILE *f;
	bool ok;

	for (size_t i = 0; argc == 4 && i < sizeof shapes / sizeof *shapes; i++)
		if (strcmp(argv[1], shapes[i].name) == 0)
			s = shapes[i].shape;
	for (int i = 0; argc == 4 && i < FORMAT_N; i++)
		if (strcasecmp(argv[2], format_at((enum format_kind)i)->name) == 0)
			kind = i;
	if (s.layers == 0 || kind == FORMAT_N) {
		fprintf(stderr, "usage: synth tiny|small|small-qwen2|small-qwen3|135m|1b FORMAT "
		                "OUT.gguf, with FORMAT one of " FORMAT_NAMES "\n");
		return 2;
	}
	s.format = (enum format_kind)kind;
	s.seed = 1;
	if (!synth_write(&s, &out)) {
		fprintf(stderr, "synth: no memory\n");
		return 1;
	}
	f = fopen(argv[3], "wb");
	ok = f && fwrite(out.data, 1, out.len, f) == out.len;
	ok = f && fclose(f) == 0 && ok;
	bytes_finish(&out);
	return ok ? 0 : 1;
}
