#include "core/http/sse.h"

#include <string.h>

int32_t
sse_event(struct buf *out, const char *name, const char *data, size_t len)
{
	if (name)
		buf_printf(out, "event: %s\n", name);
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		const size_t n = end ? (size_t)(end - data) : len;

		buf_puts(out, "data: ");
		buf_append(out, data, n);
		buf_puts(out, "\n");
		data += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
	return buf_puts(out, "\n");
}

int32_t
sse_comment(struct buf *out, const char *text)
{
	return buf_printf(out, ": %s\n\n", text);
}

void
sse_parser_init(struct sse_parser *p, size_t max_event)
{
	*p = (struct sse_parser){ 0 };
	buf_init(&p->line, max_event);
	buf_init(&p->data, max_event);
}

void
sse_parser_finish(struct sse_parser *p)
{
	buf_wipe(&p->line);
	buf_wipe(&p->data);
}

static int32_t
dispatch(struct sse_parser *p, int32_t (*each)(void *, const char *, const char *, size_t),
         void *ctx)
{
	int32_t rc = B3IQ_OK;

	if (p->data.len > 0) {
		const size_t n = p->data.len - 1; /* without the last line feed */

		p->data.data[n] = '\0';
		rc = each(ctx, p->event[0] ? p->event : "message", p->data.data, n);
	}
	buf_clear(&p->data);
	p->event[0] = '\0';
	return rc;
}

/* One line without its end: "field: value", "field:value", "field" or ": comment". */
static int32_t
take_line(struct sse_parser *p)
{
	const char *line = p->line.len ? p->line.data : "";
	const size_t field = strcspn(line, ":");
	const char *value = line + field;

	if (*value == ':')
		value++;
	if (*value == ' ')
		value++;
	if (field == 4 && memcmp(line, "data", 4) == 0) {
		buf_append(&p->data, value, p->line.len - (size_t)(value - line));
		return buf_puts(&p->data, "\n");
	}
	if (field == 5 && memcmp(line, "event", 5) == 0 && strlen(value) < sizeof p->event)
		memcpy(p->event, value, strlen(value) + 1);
	return B3IQ_OK;
}

int32_t
sse_parse(struct sse_parser *p, const char *bytes, size_t n,
          int32_t (*each)(void *, const char *, const char *, size_t), void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		const char c = bytes[i];
		int32_t rc;

		if (p->after_cr && c == '\n') {
			p->after_cr = 0;
			continue;
		}
		p->after_cr = c == '\r';
		if (c != '\n' && c != '\r') {
			rc = buf_append(&p->line, &c, 1);
		} else if (p->line.len == 0) {
			rc = dispatch(p, each, ctx);
		} else {
			rc = take_line(p);
			buf_clear(&p->line);
		}
		if (rc != B3IQ_OK)
			return rc;
	}
	return B3IQ_OK;
}
