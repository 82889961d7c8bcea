#include "proc.h"

#include <dirent.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

extern char **environ;

static size_t
entries(const char *dir)
{
	DIR   *d = opendir(dir);
	size_t n = 0;

	must(d, "plugin-check: %s cannot be read", dir);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

size_t
proc_fds(void)
{
	return entries("/proc/self/fd");
}

size_t
proc_threads(void)
{
	return entries("/proc/self/task");
}

size_t
proc_children(void)
{
	char   file[64], line[4096];
	FILE  *f;
	size_t n = 0;

	snprintf(file, sizeof file, "/proc/self/task/%d/children", getpid());
	f = fopen(file, "r");
	if (!f)
		return 0; /* a kernel without CONFIG_PROC_CHILDREN */
	if (fgets(line, sizeof line, f))
		for (const char *p = line; *p; p++)
			n += *p == ' ';
	fclose(f);
	return n;
}

size_t
proc_heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return SANITIZED ? 0 : m.uordblks + m.hblkhd;
}

size_t
proc_rss(void)
{
	FILE  *f = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (!f || fscanf(f, "%*s %zu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return SANITIZED ? 0 : pages * (size_t)sysconf(_SC_PAGESIZE);
}

bool
proc_threads_fall_to(size_t n)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (int i = 0; i < 100; i++) {
		if (proc_threads() <= n)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

static unsigned long
mix(unsigned long h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ul; /* FNV-1a: good enough to see a change */
	return h;
}

void
proc_state(struct proc_state *s)
{
	struct sigaction sa;
	const char      *locale = setlocale(LC_ALL, NULL);

	memset(s, 0, sizeof *s);
	for (int sig = 1; sig < 65; sig++)
		if (sigaction(sig, NULL, &sa) == 0) {
			s->handlers = mix(s->handlers, &sa.sa_handler, sizeof sa.sa_handler);
			s->handlers = mix(s->handlers, &sa.sa_flags, sizeof sa.sa_flags);
		}
	for (char **e = environ; *e; e++)
		s->environment = mix(s->environment, *e, strlen(*e) + 1);
	s->umask = umask(0);
	umask((mode_t)s->umask);
	if (!getcwd(s->cwd, sizeof s->cwd))
		s->cwd[0] = 0;
	snprintf(s->locale, sizeof s->locale, "%s", locale ? locale : "");
}

const char *
proc_changed(const struct proc_state *a, const struct proc_state *b)
{
	if (a->handlers != b->handlers)
		return "a signal handler";
	if (a->environment != b->environment)
		return "the environment";
	if (a->umask != b->umask)
		return "the umask";
	if (strcmp(a->cwd, b->cwd) != 0)
		return "the working directory";
	if (strcmp(a->locale, b->locale) != 0)
		return "the locale";
	return NULL;
}
