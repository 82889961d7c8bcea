#include "engine/serve/logprobs.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "rig.h"

static struct rig_file   file;
static struct tokenizer *tokenizer;

static int
open_tokenizer(void **state)
{
	const struct synth s = SYNTH_TINY;

	(void)state;
	rig_open(&file, &s);
	return tokenizer_create(&tokenizer, file.gguf, NULL);
}

static int
close_tokenizer(void **state)
{
	(void)state;
	tokenizer_destroy(tokenizer);
	rig_close(&file);
	return 0;
}

/* Ids of the synthetic vocabulary: 2 is </s>, 3 + n the byte n, 259 the piece " a", 260 "a". */
static void
says(const struct sampler_logprob *entries, size_t n_top, const char *expected)
{
	struct bytes out = BYTES(4096);

	assert_int_equal(logprobs_json(tokenizer, entries, n_top, &out), B3IQ_OK);
	assert_string_equal(out.data, expected);
	assert_int_equal(out.len, strlen(expected) + 1);
	bytes_finish(&out);
}

static void
token_and_alternatives(void **state)
{
	static const struct sampler_logprob e[] = { { 260, -0.25f }, { 259, -0.125f },
		{ 2, -1e-7f }, { -1, 0.0f }, { 260, -104.5f } };

	(void)state;
	says(e, 0, "{\"logprobs\":[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-0.25,"
	           "\"top\":[]}]}");
	/* A control token has a name and no bytes; an id of -1 is no alternative. */
	says(e, 4, "{\"logprobs\":[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-0.25,\"top\":["
	           "{\"token\":\" a\",\"bytes\":[32,97],\"logprob\":-0.125},"
	           "{\"token\":\"<\\/s>\",\"bytes\":[],\"logprob\":-1e-07},"
	           "{\"token\":\"a\",\"bytes\":[97],\"logprob\":-104.5}]}]}");
}

/* The text is valid whatever the bytes are; the bytes tell them apart. */
static void
part_of_a_character(void **state)
{
	static const struct sampler_logprob lead = { 3 + 0xc3, -1.0f }, never = { 3 + 0xff, -2.0f },
		nul = { 3, -3.0f }, quote = { 3 + '"', 0.0f };

	(void)state;
	says(&lead, 0, "{\"logprobs\":[{\"token\":\"\xef\xbf\xbd\",\"bytes\":[195],\"logprob\":-1,"
	               "\"top\":[]}]}");
	says(&never, 0, "{\"logprobs\":[{\"token\":\"\xef\xbf\xbd\",\"bytes\":[255],\"logprob\":-2,"
	                "\"top\":[]}]}");
	says(&nul, 0, "{\"logprobs\":[{\"token\":\"\\u0000\",\"bytes\":[0],\"logprob\":-3,"
	              "\"top\":[]}]}");
	says(&quote, 0, "{\"logprobs\":[{\"token\":\"\\\"\",\"bytes\":[34],\"logprob\":0,"
	                "\"top\":[]}]}");
}

static void
room_is_kept_to(void **state)
{
	static const struct sampler_logprob e = { 260, -0.25f };
	const size_t needed = strlen("{\"logprobs\":[{\"token\":\"a\",\"bytes\":[97],"
	                             "\"logprob\":-0.25,\"top\":[]}]}") + 1;
	struct bytes out = BYTES(needed - 1);

	(void)state;
	assert_int_equal(logprobs_json(tokenizer, &e, 0, &out), B3IQ_E_INVALID);
	bytes_finish(&out);
	out = BYTES(needed);
	assert_int_equal(logprobs_json(tokenizer, &e, 0, &out), B3IQ_OK);
	bytes_finish(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_alternatives),
		cmocka_unit_test(part_of_a_character),
		cmocka_unit_test(room_is_kept_to),
	};

	return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
