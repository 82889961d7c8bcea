/* good-entry.h - the tables' end: an entry point that lets each file spoil them first. */
#ifndef EVIL_GOOD_ENTRY_H
#define EVIL_GOOD_ENTRY_H

static struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = GOOD_KIND,
	.threads = GOOD_THREADS,
	.id = B3IQ_PLUGIN_ID,
	.version = B3IQ_PLUGIN_VERSION,
	.create = good_create,
	.destroy = good_destroy,
	.iface = &iface,
};

static void evil(void); /* each file's own */

const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	static bool spoilt;

	if (!spoilt)
		evil();
	spoilt = true;
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}

#endif
