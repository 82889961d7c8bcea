#include "cpu/device.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "engine/fail.h"

/* The maker's name of the processor, from /proc/cpuinfo, which may be absent (NULL). */
static void
processor_name(FILE *cpuinfo, char *out, size_t size)
{
	char line[512];

	snprintf(out, size, "Processor");
	while (cpuinfo && fgets(line, sizeof line, cpuinfo)) {
		const char *name = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !name)
			continue;
		name += 1 + strspn(name + 1, " ");
		if (*name && *name != '\n')
			snprintf(out, size, "%.*s", (int)strcspn(name, "\n"), name);
		break;
	}
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
	FILE *cpuinfo = fopen("/proc/cpuinfo", "re");
	struct utsname system = { 0 };
	char name[256];
	const char *text;
	int32_t rc;

	(void)uname(&system);
	processor_name(cpuinfo, name, sizeof name);
	if (cpuinfo)
		(void)fclose(cpuinfo);
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
