/* help.h - what the tables say, in the three forms that people read: help, man page, Markdown. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* --help of one command; path is "b3iq model add". */
void help_print(const struct cli_command *, const char *path, FILE *out);
/* b3iq.1 for the whole tree. */
void help_man(const struct cli_command *root, const char *version, FILE *out);
/* docs/cli.md. */
void help_markdown(const struct cli_command *root, FILE *out);

#endif
