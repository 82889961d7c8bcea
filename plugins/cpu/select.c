#include "cpu/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <string.h>
#include "engine/fail.h"

static bool
runs_everywhere(void)
{
	return true;
}

#if defined(__x86_64__)
static bool
runs_avx2(void)
{
	unsigned a, b, c, d;

	/* Whether the system saves the registers is part of "avx2"; clang 14 has no word for F16C.
	 */
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	       __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}

/* AVX-512 with byte and word operations, shorter vectors and VNNI: that and the registers saved by
 * the system are what these names ask for. */
static bool
runs_avx512(void)
{
	return runs_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
#endif

static const struct {
	const struct kernels *kernels;
	bool (*runs)(void);
} sets[] = { /* fastest first */
#if defined(__x86_64__)
	{ &avx512_kernels, runs_avx512 },
	{ &avx2_kernels, runs_avx2 },
#endif
	{ &scalar_kernels, runs_everywhere },
};

#define N_SETS (sizeof sets / sizeof *sets)

const struct kernels *
select_at(size_t index)
{
	for (size_t i = 0; i < N_SETS; i++)
		if (sets[i].runs() && index-- == 0)
			return sets[i].kernels;
	return NULL;
}

int32_t
select_kernels(const char *name, const struct kernels **out, struct b3iq_error *err)
{
	if (strcmp(name, "auto") == 0) {
		*out = select_at(0);
		return B3IQ_OK;
	}
	for (size_t i = 0; i < N_SETS; i++) {
		if (strcmp(name, sets[i].kernels->name) != 0)
			continue;
		if (!sets[i].runs())
			return fail_with(err, B3IQ_E_UNSUPPORTED,
			                 "this processor cannot run the %s kernels: set "
			                 "\"kernels\" to \"auto\"",
			                 name);
		*out = sets[i].kernels;
		return B3IQ_OK;
	}
	return fail_with(err, B3IQ_E_INVALID,
	                 "there are no kernels named \"%.40s\": set \"kernels\" to \"auto\"", name);
}
