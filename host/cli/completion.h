/* completion.h - completion scripts for shells, from the command tables. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdio.h>

#include "cli/cli.h"

/* shell: "bash", "zsh" or "fish"; B3IQ_E_NOT_FOUND for another. */
int32_t completion_print(const struct cli_command *root, const char *shell, FILE *out,
                         struct b3iq_error *);

#endif
