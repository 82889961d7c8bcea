/* value.h - takes what the host writes: a bounded piece of memory that is a b3iq_writer. */
#ifndef LOCALCHAIN_VALUE_H
#define LOCALCHAIN_VALUE_H

#include <json-c/json.h>
#include <stddef.h>

#include "plugin.h"

struct value {
	struct b3iq_writer writer; /* first: write() gets its address */
	char              *data;   /* NUL-terminated when not NULL    */
	size_t             len, max;
};

int32_t value_write(struct b3iq_writer *, const void *, size_t);
#define VALUE(most) { .writer = { value_write }, .max = (most) }

/* The content as JSON (the caller puts it), or NULL. */
struct json_object *value_json(const struct value *);
void                value_finish(struct value *);

#endif
