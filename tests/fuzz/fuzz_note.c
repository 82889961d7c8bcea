/* A shared object that was never built by a linker: its note, and the manifest in it. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/fail.h"
#include "core/plugin/file/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("fuzz.so", MFD_CLOEXEC);
	struct b3iq_error err = NO_ERROR;
	struct manifest m;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size)
		manifest_read(fd, "fuzz.so", &m, &err);
	manifest_free(&m);
	close(fd);
	return 0;
}
