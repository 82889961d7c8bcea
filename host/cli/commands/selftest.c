#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/golden.h"
#include "cli/local.h"
#include "cli/term.h"
#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/crypto/sha256.h"

/* What is computed: prompts, each greedy and sampled.  The digest is
 *   SHA-256("b3iq.selftest/1\n" || for each token: i32le(id) || probe) */
#define TOKENS 48

#define ASK(text) "{\"messages\":[{\"content\":\"" text "\",\"role\":\"user\"}]}"

static const char *const prompts[] = {
	ASK("What is machine learning?"),
	ASK("What is a receipt, and who can check it?"),
	"{\"prompt\":\"The node\"}",
};

static const struct {
	const char *root, *digest;
} golden[] = {
#define GOLDEN_ENTRY(root, digest) { root, digest },
	GOLDEN_DIGESTS(GOLDEN_ENTRY)
#undef GOLDEN_ENTRY
	{ NULL, NULL },
};

struct collector {
	struct b3iq_sink sink;
	struct sha256    sum;
	uint64_t         tokens;
	bool             incomplete; /* a chunk without one id and its probe */
};

static int32_t
collect(struct b3iq_sink *sink, const struct b3iq_chunk *chunk)
{
	struct collector *c = (struct collector *)sink;
	uint8_t           id[4];

	if (!chunk->n_ids)
		return B3IQ_OK;
	if (chunk->n_ids != 1 || !chunk->probe) {
		c->incomplete = true;
		return B3IQ_OK;
	}
	for (int i = 0; i < 4; i++)
		id[i] = (uint8_t)((uint32_t)chunk->ids[0] >> (8 * i));
	sha256_add(&c->sum, id, sizeof id);
	sha256_add(&c->sum, chunk->probe, chunk->probe_len);
	c->tokens++;
	return B3IQ_OK;
}

static int32_t
compute(struct instance *instance, const char *model, struct collector *c, struct b3iq_error *err)
{
	int32_t rc = B3IQ_OK;

	for (size_t i = 0; !rc && i < 2 * sizeof prompts / sizeof *prompts; i++) {
		struct b3iq_usage             use = { .size = sizeof use };
		const struct b3iq_gen_request rq = {
			.size = sizeof rq,
			.flags = B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES,
			.model = model,
			.body = prompts[i / 2],
			.body_len = strlen(prompts[i / 2]),
			.seed = i,
			.max_tokens = TOKENS,
			.temperature = i % 2 ? 0.75f : 0.0f,
			.top_p = i % 2 ? 0.9375f : 1.0f,
			.top_k = i % 2 ? 40 : 0,
			.repetition_penalty = 1.0f,
		};

		rc = instance_inference(instance)->generate(instance, &rq, &c->sink, &use, err);
	}
	if (!rc && c->incomplete)
		rc = fail(err, B3IQ_E_UNSUPPORTED,
		          "the plugin gives no probes: it is too old for the self-test");
	return rc;
}

/* ---- one set of kernels ------------------------------------------------- */

struct outcome {
	char     model[257], root[65], digest[65], used[64]; /* used: kernels that ran */
	uint64_t tokens;
};

static struct json_object *
builtin(struct json_object *models)
{
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		bool is = false;

		json_get_bool(json_object_array_get_idx(models, i), "builtin", false, &is, NULL);
		if (is)
			return json_object_array_get_idx(models, i);
	}
	return NULL;
}

/* The id and, once loaded, the root of the built-in model. */
static int
identify(struct cli *cli, struct local *l, struct outcome *out)
{
	struct json_object *models = NULL;
	struct b3iq_error   err = NO_ERROR;
	const char         *text = NULL;
	int32_t             rc = B3IQ_OK;

	for (int pass = 0; pass < 2; pass++) {
		if (local_models(cli, l, &models))
			return CLI_FAILED;
		json_get_string(builtin(models), pass ? "root" : "id", "", &text, NULL);
		snprintf(pass ? out->root : out->model, pass ? sizeof out->root : sizeof out->model,
		         "%s", text ? text : "");
		json_object_put(models);
		if (!out->model[0])
			return cli_error(cli, CLI_NOT_FOUND,
			                 "the cpu plugin has no built-in model: b3iq-mini.gguf "
			                 "lies beside cpu.so");
		if (!pass)
			rc = instance_inference(l->instance)
			             ->load(l->instance, out->model, NULL, &err);
		if (rc)
			return cli_fail(cli, rc, &err);
	}
	return CLI_OK;
}

/* The first feature of the first device: the kernels. */
static void
kernels_in_use(struct local *l, char out[64])
{
	struct json_object *devices = NULL, *features = NULL;
	struct buf          text;

	buf_init(&text, 1u << 20);
	snprintf(out, 64, "?");
	if (instance_inference(l->instance)->probe(l->instance, &text.writer, NULL) == B3IQ_OK &&
	    json_parse(text.data, text.len, "devices", &devices, NULL) == B3IQ_OK &&
	    json_object_is_type(devices, json_type_array) && json_object_array_length(devices) &&
	    json_object_object_get_ex(json_object_array_get_idx(devices, 0), "features",
	                              &features) &&
	    json_object_is_type(features, json_type_array) && json_object_array_length(features))
		snprintf(out, 64, "%s",
		         json_object_get_string(json_object_array_get_idx(features, 0)));
	json_object_put(devices);
	buf_free(&text);
}

static int
digest(struct cli *cli, struct local *l, struct outcome *out)
{
	struct collector  c = { .sink = { sizeof c.sink, cli_interrupt_fd(), collect } };
	struct b3iq_error err = NO_ERROR;
	uint8_t           sum[SHA256_SIZE];
	int32_t           rc, hashed;
	int               exit = identify(cli, l, out);

	if (exit)
		return exit;
	kernels_in_use(l, out->used);
	sha256_begin(&c.sum);
	sha256_add(&c.sum, "b3iq.selftest/1\n", 16);
	rc = compute(l->instance, out->model, &c, &err);
	hashed = sha256_end(&c.sum, sum);
	if (rc || hashed)
		return cli_fail(cli, rc ? rc : hashed, &err);
	hex_encode(sum, sizeof sum, out->digest);
	out->tokens = c.tokens;
	return CLI_OK;
}

static int
run_kernels(struct cli *cli, const char *kernels, struct outcome *out)
{
	char         config[96];
	struct local l;
	int          exit = local_open(cli, &l);

	snprintf(config, sizeof config, "{\"kernels\":\"%s\"}", kernels);
	if (!exit)
		exit = local_start(cli, &l, NULL, "cpu", config);
	if (!exit)
		exit = digest(cli, &l, out);
	local_close(&l);
	return exit;
}

/* ---- the whole ---------------------------------------------------------- */

static const char *
golden_of(const char *root)
{
	for (size_t i = 0; golden[i].root; i++)
		if (strcmp(golden[i].root, root) == 0)
			return golden[i].digest;
	return NULL;
}

static int
judge(struct cli *cli, const struct outcome *fast, const struct outcome *plain)
{
	const char *expected = golden_of(fast->root);
	const bool  agree = strcmp(fast->digest, plain->digest) == 0;

	cli_put_text(cli, "model", fast->model);
	cli_put_text(cli, "root", fast->root);
	cli_put_text(cli, "digest", fast->digest);
	cli_put_text(cli, "kernels", fast->used);
	cli_put(cli, "kernels_agree", json_object_new_boolean(agree));
	cli_put(cli, "golden", expected ? json_object_new_string(expected) : NULL);
	cli_say(cli, "model    %s\nroot     %s\n%-8s %s\n%-8s %s\n", fast->model, fast->root,
	        fast->used, fast->digest, plain->used, plain->digest);
	if (!agree)
		return cli_error(cli, CLI_DIFFERS,
		                 "the kernels of this machine disagree: report this processor, and "
		                 "set kernels=scalar meanwhile (b3iq plugin config cpu)");
	if (!expected)
		return cli_error(cli, CLI_UNAUDITABLE,
		                 "no golden digest is known for this built-in model");
	if (strcmp(expected, fast->digest) != 0)
		return cli_error(
			cli, CLI_DIFFERS,
			"this machine computes other bits than it must (%s): report it, and "
			"do not sell its work as det-v1",
			expected);
	cli_say(cli, "as it must be: %llu tokens and their logits, to the bit\n",
	        (unsigned long long)fast->tokens);
	return CLI_OK;
}

static int
run(struct cli *cli)
{
	struct outcome fast = { .tokens = 0 }, plain = { .tokens = 0 };
	int            exit = run_kernels(cli, "auto", &fast);

	if (!exit)
		exit = run_kernels(cli, "scalar", &plain);
	return exit ? exit : judge(cli, &fast, &plain);
}

const struct cli_command command_selftest = {
	.name = "selftest",
	.summary = "does this machine compute det-v1 to the bit?",
	.about = "Runs the built-in model on fixed prompts, greedy and sampled, with the fastest "
	         "kernels of this processor and with the plain ones, and compares the digest over "
	         "all tokens and logits with the one that every machine must get. Needs no running "
	         "node.",
	.examples = { { "b3iq selftest", "a few seconds" },
	              { "b3iq selftest --json", "with the digests, for a bug report" } },
	.exits = (const int[]){ CLI_NOT_FOUND, CLI_DIFFERS, CLI_UNAUDITABLE, CLI_CANCELLED, 0 },
	.run = run,
};
