#include "torture.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"
#include "plugin.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

enum mode { OFF, ONCE, FROM_THEN_ON };

static atomic_int  fault_mode;
static atomic_long seen;   /* allocations since the fault was armed */
static atomic_long fault;  /* which of them fails, from 1           */
static atomic_long live;   /* blocks that are not freed yet         */
static atomic_long excused; /* blocks that a library is known to lose    */
static bool        show_where;

#ifndef SANITIZED

/* glibc's own, under the names that stay when malloc is replaced. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void  __libc_free(void *);

#define REPLACES __attribute__((visibility("default")))
#define CALLER   __builtin_return_address(0)

#define CANNOT_SURVIVE -1

/* What libraries below us get wrong when memory is out: blocks that they lose, or worse. */
static const struct {
	const char *function;
	int         loses;
} known[] = {
	{ "lh_table_resize", 1 },        /* json-c 0.16: the copied key of object_add     */
	{ "EVP_DigestSignInit", 2 },     /* OpenSSL 3.0: a reference to the provider's key */
	{ "EVP_DigestVerifyInit", 2 },   /* the same                                      */
	{ "regcomp", CANNOT_SURVIVE },   /* glibc 2.36: frees twice                       */
	{ "regexec", CANNOT_SURVIVE },   /* glibc 2.36: says "no match"                   */
};

/* Who is allocating?  Asked only when a fault is due: walking the stack is slow. */
static int
defect_on_stack(void)
{
	void *frames[40];
	int i, depth = backtrace(frames, 40);
	Dl_info in;
	size_t k;

	if (show_where)
		backtrace_symbols_fd(frames, depth, STDERR_FILENO);
	for (i = 0; i < depth; i++) {
		if (!dladdr(frames[i], &in) || !in.dli_sname)
			continue;
		for (k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(in.dli_sname, known[k].function) == 0)
				return known[k].loses;
	}
	return 0;
}

/* libmicrohttpd's network thread asks for the memory of a poll again and again, without a pause. */
static bool
must_have(const void *caller)
{
	Dl_info in;

	return dladdr(caller, &in) && in.dli_fname && strstr(in.dli_fname, "libmicrohttpd");
}

static bool
fails(const void *caller)
{
	int mode = atomic_load(&fault_mode);
	int loses;
	long n, at;

	if (mode == OFF)
		return false;
	n = atomic_fetch_add(&seen, 1) + 1;
	at = atomic_load(&fault);
	if (mode == ONCE ? n != at : n < at)
		return false;
	if (must_have(caller))
		return false;
	atomic_store(&fault_mode, OFF);
	loses = defect_on_stack();
	atomic_store(&fault_mode, mode);
	if (loses == CANNOT_SURVIVE)
		return false;
	if (loses > atomic_load(&excused))
		atomic_store(&excused, loses);
	errno = ENOMEM;
	return true;
}

static void *
counted(void *p)
{
	if (p)
		atomic_fetch_add(&live, 1);
	return p;
}

REPLACES void *
malloc(size_t n)
{
	return fails(CALLER) ? NULL : counted(__libc_malloc(n));
}

REPLACES void *
calloc(size_t n, size_t size)
{
	return fails(CALLER) ? NULL : counted(__libc_calloc(n, size));
}

REPLACES void *
realloc(void *p, size_t n)
{
	void *q;

	if (fails(CALLER))
		return NULL;
	if (!p)
		return counted(__libc_malloc(n));
	q = __libc_realloc(p, n);
	if (!q && n == 0)
		atomic_fetch_sub(&live, 1);
	return q;
}

REPLACES int
posix_memalign(void **out, size_t align, size_t n)
{
	void *p = fails(CALLER) ? NULL : counted(__libc_memalign(align, n));

	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

REPLACES void *
aligned_alloc(size_t align, size_t n)
{
	return fails(CALLER) ? NULL : counted(__libc_memalign(align, n));
}

REPLACES void
free(void *p)
{
	if (p)
		atomic_fetch_sub(&live, 1);
	__libc_free(p);
}

#endif

static int32_t
run(torture_fn *fn, void *arg, enum mode mode, long n, long *leaked, bool *hit)
{
	long before = atomic_load(&live);
	int32_t rc;

	atomic_store(&seen, 0);
	atomic_store(&excused, 0);
	atomic_store(&fault, n);
	atomic_store(&fault_mode, mode);
	rc = fn(arg);
	atomic_store(&fault_mode, OFF);
	*hit = mode != OFF && atomic_load(&seen) >= n;
	*leaked = atomic_load(&live) - before - atomic_load(&excused);
	return rc;
}

/* Libraries keep a little for themselves the first time (error queues, caches): a leak is what is
 * lost again each time. */
static long
leak_again(torture_fn *fn, void *arg, enum mode mode, long n)
{
	long leaked = 0, least = 0;
	bool hit;
	int i;

	for (i = 0; i < 4; i++) {
		run(fn, arg, mode, n, &leaked, &hit);
		least = i == 0 || leaked < least ? leaked : least;
	}
	return least;
}

/* One fault; returns false when the scenario makes fewer allocations than n. */
static bool
one(const char *name, torture_fn *fn, void *arg, int32_t also, enum mode mode, long n)
{
	const char *how = mode == ONCE ? "alone" : "and all later ones";
	long leaked;
	bool hit;
	int32_t rc;

	rc = run(fn, arg, mode, n, &leaked, &hit);
	if (leaked > 0)
		leaked = leak_again(fn, arg, mode, n);
	if (leaked > 0)
		fail_msg("%s: %ld blocks leak when allocation %ld %s fails", name, leaked, n, how);
	if (!hit && rc != B3IQ_OK)
		fail_msg("%s: result %d without any fault", name, rc);
	if (hit && rc != B3IQ_OK && rc != B3IQ_E_NO_MEMORY && (also == 0 || rc != also))
		fail_msg("%s: result %d when allocation %ld %s fails", name, rc, n, how);
	return hit;
}

bool
torture_lasts(void)
{
	return atomic_load(&fault_mode) == FROM_THEN_ON && atomic_load(&seen) >= atomic_load(&fault);
}

void
torture(const char *name, torture_fn *fn, void *arg, int32_t also)
{
	const char *only = getenv("TORTURE_AT");
	void *frames[2];
	long n, leaked;
	bool hit;
	int i;

	backtrace(frames, 2);
	for (i = 0; i < 3; i++) /* warm: what libraries set up once is not at stake */
		assert_int_equal(run(fn, arg, OFF, 0, &leaked, &hit), B3IQ_OK);
#ifdef SANITIZED
	print_message("%s: no faults are made under a sanitizer\n", name);
	return;
#endif
	if (only) {
		show_where = true;
		one(name, fn, arg, also, ONCE, strtol(only, NULL, 10));
		show_where = false;
		return;
	}
	for (n = 1; one(name, fn, arg, also, ONCE, n); n++)
		one(name, fn, arg, also, FROM_THEN_ON, n);
	print_message("%s: %ld allocations failed in turn\n", name, n - 1);
	assert_true(n > 1);
}
