#include "engine/numeric/real.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "engine/numeric/half.h"

float
real_exp(float x)
{
	float n, r, y = 0.0f;

	if (x < REAL_EXP_MIN)
		return 0.0f;
	if (x > REAL_EXP_MAX)
		x = REAL_EXP_MAX;
	if (x != x)
		return x;
	n = (x * REAL_LOG2E + REAL_ROUND) - REAL_ROUND;
	r = __builtin_fmaf(n, -REAL_LN2_HIGH, x);
	r = __builtin_fmaf(n, -REAL_LN2_LOW, r);
#define REAL_STEP(c) y = __builtin_fmaf(y, r, c);
	REAL_EXP_SERIES(REAL_STEP)
#undef REAL_STEP
	return y * half_float((uint32_t)((int32_t)n + 127) << 23);
}

float
real_silu(float x)
{
	return x / (1.0f + real_exp(-x));
}

/* 2^n for -1022 <= n <= 1023. */
static double
power_of_two(int64_t n)
{
	const uint64_t bits = (uint64_t)(n + 1023) << 52;
	double y;

	memcpy(&y, &bits, sizeof y);
	return y;
}

static double
nearest(double x)
{
	return (x + 0x1.8p+52) - 0x1.8p+52;
}

double
real_exp64(double x)
{
	const double n = nearest(x * 0x1.71547652b82fep+0);
	double r = __builtin_fma(n, -0x1.62e42fefa39efp-1, x), y = 0.0;

	r = __builtin_fma(n, -0x1.abc9e3b39803fp-56, r);
	for (int degree = 14; degree >= 0; degree--) {
		static const double inverse[15] = { /* 1/degree! */
			1.0, 1.0, 0x1p-1, 0x1.5555555555555p-3, 0x1.5555555555555p-5,
			0x1.1111111111111p-7, 0x1.6c16c16c16c17p-10, 0x1.a01a01a01a01ap-13,
			0x1.a01a01a01a01ap-16, 0x1.71de3a556c734p-19, 0x1.27e4fb7789f5cp-22,
			0x1.ae64567f544e4p-26, 0x1.1eed8eff8d898p-29, 0x1.6124613a86d09p-33,
			0x1.93974a8c07c9dp-37 };

		y = __builtin_fma(y, r, inverse[degree]);
	}
	return y * power_of_two((int64_t)n);
}

double
real_log64(double x)
{
	uint64_t bits;
	int64_t exponent;
	double m, s, z, y = 0.0;

	memcpy(&bits, &x, sizeof bits);
	exponent = (int64_t)(bits >> 52) - 1023;
	bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
	memcpy(&m, &bits, sizeof m);
	if (m > 0x1.6a09e667f3bcdp+0) { /* sqrt 2: keeps s within 0.1716 */
		m *= 0.5;
		exponent++;
	}
	/* log m = 2 artanh s, s = (m - 1) / (m + 1): s + s^3/3 + s^5/5 ... */
	s = (m - 1.0) / (m + 1.0);
	z = s * s;
	for (int odd = 23; odd >= 3; odd -= 2)
		y = __builtin_fma(y, z, 1.0 / (double)odd);
	y = __builtin_fma(y * z, s, s);
	y = __builtin_fma((double)exponent, 0x1.abc9e3b39803fp-56, y + y);
	return __builtin_fma((double)exponent, 0x1.62e42fefa39efp-1, y);
}

/* Taylor series of sine and cosine on |r| <= pi/4. */
static void
turn_small(double r, double *sine, double *cosine)
{
	static const double odd[9] = { /* 1/3!, 1/5! ... with their signs, highest first */
		-0x1.2f49b46814157p-57, 0x1.952c77030ad4ap-49, -0x1.ae7f3e733b81fp-41,
		0x1.6124613a86d09p-33, -0x1.ae64567f544e4p-26, 0x1.71de3a556c734p-19,
		-0x1.a01a01a01a01ap-13, 0x1.1111111111111p-7, -0x1.5555555555555p-3 };
	static const double even[9] = { /* 1/2!, 1/4! ... */
		-0x1.6827863b97d97p-53, 0x1.ae7f3e733b81fp-45, -0x1.93974a8c07c9dp-37,
		0x1.1eed8eff8d898p-29, -0x1.27e4fb7789f5cp-22, 0x1.a01a01a01a01ap-16,
		-0x1.6c16c16c16c17p-10, 0x1.5555555555555p-5, -0x1p-1 };
	const double z = r * r;
	double s = 0.0, c = 0.0;

	for (size_t i = 0; i < 9; i++) {
		s = __builtin_fma(s, z, odd[i]);
		c = __builtin_fma(c, z, even[i]);
	}
	*sine = __builtin_fma(s * z, r, r);
	*cosine = __builtin_fma(c, z, 1.0);
}

void
real_turn64(double x, double *sine, double *cosine)
{
	const double quarter = nearest(x * 0x1.45f306dc9c883p-1); /* of 2 pi, times 2/pi */
	double r, s, c;

	/* pi/2 in three parts; each fma rounds once. */
	r = __builtin_fma(quarter, -0x1.921fb54442d18p+0, x);
	r = __builtin_fma(quarter, -0x1.1a62633145c07p-54, r);
	r = __builtin_fma(quarter, 0x1.f1976b7ed8fbcp-110, r);
	turn_small(r, &s, &c);
	switch ((uint64_t)quarter & 3) {
	case 0:
		*sine = s, *cosine = c;
		break;
	case 1:
		*sine = c, *cosine = -s;
		break;
	case 2:
		*sine = -s, *cosine = -c;
		break;
	default:
		*sine = -c, *cosine = s;
	}
}
