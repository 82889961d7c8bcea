/* endpoint.h - where a role listens: a numeric address and a port. */
#ifndef CORE_ROLE_ENDPOINT_H
#define CORE_ROLE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Can only this machine reach it?  127.0.0.0/8 and ::1; false for what is no numeric address. */
bool endpoint_is_loopback(const char *address);
/* "http://127.0.0.1:8080", "http://[::1]:8080"; cut at the size. */
void endpoint_url(const char *address, uint16_t port, char *out, size_t size);

#endif
