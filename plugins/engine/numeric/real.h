/* real.h - the elementary functions of det-v1, from IEEE-754 operations alone.
 *
 * No libm: every function is a fixed order of add, mul, div and fma, so that its bits are the same
 * wherever IEEE-754 holds.  docs/det-v1.md section 3 is the specification.  Errors are measured in
 * tests/unit/engine/test_real.c: below 1.1 ulp for binary32 (silu:
 * 2.6), below 2 ulp for binary64.
 *
 *   Threads   Pure; the rounding mode of the thread is that of rounding.h.
 */
#ifndef B3IQ_ENGINE_REAL_H
#define B3IQ_ENGINE_REAL_H

/* X(a degree, the coefficient 1/degree!): the exponential series, highest degree first. */
#define REAL_EXP_SERIES(X)                                                   \
	X(0x1.a01a02p-13f) X(0x1.6c16c2p-10f) X(0x1.111112p-7f)              \
	X(0x1.555556p-5f) X(0x1.555556p-3f) X(0.5f) X(1.0f) X(1.0f)

#define REAL_LOG2E    0x1.715476p+0f
#define REAL_LN2_HIGH 0x1.62e430p-1f   /* nearest binary32 to ln 2 */
#define REAL_LN2_LOW  (-0x1.05c610p-29f) /* nearest to the rest      */
#define REAL_ROUND    0x1.8p+23f       /* x + this - this is x rounded to an integer */
#define REAL_EXP_MIN  (-87.0f)         /* below: +0                  */
#define REAL_EXP_MAX  88.0f            /* above: exp(88)             */

/* e^x in binary32.  Below REAL_EXP_MIN it is +0, above REAL_EXP_MAX it is exp(88); NaN gives NaN.
 */
float real_exp(float x);
/* x / (1 + e^-x), the activation of SwiGLU. */
float real_silu(float x);

/* binary64, for rotary tables and log probabilities.  real_log64: x positive and normal.
 * real_exp64: |x| <= 700.  real_turn64: sine and cosine of 0 <= x <= 2^30. */
double real_exp64(double x);
double real_log64(double x);
void real_turn64(double x, double *sine, double *cosine);

#endif
