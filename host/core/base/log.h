/* log.h - the operator's log: one line an event, on stderr, as text or as JSON.
 *
 * A line is an event name and key=value pairs, never a free sentence with content in it: prompts,
 * outputs, keys and private URLs have no place to stand.  [any thread]
 *
 *   log_event(B3IQ_LOG_INFO, "plugin.started", "instance=%s pid=%d", name, pid);
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdint.h>

enum log_format { LOG_TEXT, LOG_JSON };

void log_setup(int32_t least, enum log_format); /* once, before threads start */
__attribute__((format(printf, 3, 4))) void log_event(int32_t level, const char *event,
                                                     const char *fields, ...);
/* A log level by its name ("debug", "info", "warn", "error"), or -1. */
int32_t log_level(const char *name);

#endif
