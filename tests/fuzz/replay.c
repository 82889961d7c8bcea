/* replay.c - runs a fuzz target over a corpus, for builds without libFuzzer: every file named, and every
 * file of every directory named.  A crash or a sanitizer report is the failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
run_file(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size;
	int failed = 1;

	if (!f || fstat(fileno(f), &st))
		goto out;
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data || fread(data, 1, size, f) != size)
		goto out;
	LLVMFuzzerTestOneInput(data, size);
	failed = 0;
out:
	if (failed)
		perror(path);
	free(data);
	if (f)
		fclose(f);
	return failed;
}

static int
run_directory(const char *path, unsigned *n)
{
	struct dirent *entry;
	char name[4096];
	int failed = 0;
	DIR *dir = opendir(path);

	if (!dir) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failed |= run_file(name);
		++*n;
	}
	closedir(dir);
	return failed;
}

int
main(int argc, char **argv)
{
	struct stat st;
	unsigned n = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode)) {
			failed |= run_directory(argv[i], &n);
		} else {
			failed |= run_file(argv[i]);
			n++;
		}
	}
	printf("%u inputs\n", n);
	return failed || !n;
}
