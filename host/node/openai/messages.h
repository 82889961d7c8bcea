/* messages.h - a conversation and its tools, from OpenAI's many forms to the one of
 * chat-request.json: text parts are joined, developer is system, tool_choice is a word and a name.
 */
#ifndef NODE_OPENAI_MESSAGES_H
#define NODE_OPENAI_MESSAGES_H

#include "node/openai/arguments.h"

/* Adds "messages" to the body. */
int32_t messages_add(const struct arguments *, struct json_object *body, struct wrong *);
/* Adds "tools", "tool_choice", "tool_name", "parallel_tool_calls" and "response_format". */
int32_t messages_add_tools(const struct arguments *, struct json_object *body, struct wrong *);

#endif
