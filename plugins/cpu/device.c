#include "cpu/device.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "engine/fail.h"

/* The maker's name of the processor, from the system. */
static void
processor_name(char *out, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512];

	snprintf(out, size, "Processor");
	while (f && fgets(line, sizeof line, f)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
		break;
	}
	if (f)
		(void)fclose(f);
}

static int64_t
memory(int which)
{
	const long pages = sysconf(which), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
}

int32_t
device_write(const struct kernels *kernels, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct json_object *list = json_object_new_array(), *cpu = json_object_new_object();
	struct json_object *features = json_object_new_array();
	struct utsname system = { 0 };
	char name[256];
	const char *text;
	int32_t rc;

	(void)uname(&system);
	processor_name(name, sizeof name);
	json_object_object_add(cpu, "id", json_object_new_string("cpu"));
	json_object_object_add(cpu, "name", json_object_new_string(name));
	json_object_object_add(cpu, "kind", json_object_new_string("cpu"));
	json_object_object_add(cpu, "usable", json_object_new_boolean(true));
	json_object_object_add(cpu, "memory", json_object_new_int64(memory(_SC_PHYS_PAGES)));
	json_object_object_add(cpu, "memory_free", json_object_new_int64(memory(_SC_AVPHYS_PAGES)));
	json_object_object_add(cpu, "cores", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_object_add(cpu, "arch", json_object_new_string(system.machine));
	json_object_array_add(features, json_object_new_string(kernels->name));
	json_object_object_add(cpu, "features", features);
	json_object_array_add(list, cpu);
	text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN);
	rc = text ? out->write(out, text, strlen(text)) : fail_memory(err, "the device list");
	json_object_put(list);
	return rc;
}
