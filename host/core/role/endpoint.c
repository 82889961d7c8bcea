#include "core/role/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool
endpoint_is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void
endpoint_url(const char *address, uint16_t port, char *out, size_t size)
{
	const bool v6 = strchr(address, ':') != NULL;

	snprintf(out, size, "http://%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "", port);
}
