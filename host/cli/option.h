/* option.h - a command line against the tables: which command, which options, which words.
 *
 * GNU habits: --name value, --name=value, -x value, -xvalue, flags joined as -ab; options and words
 * in any order; everything after -- is a word; a single - is a word.
 */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include "cli/cli.h"

/* Follows the names of commands at the front of argv (after argv[0]); common options may stand
 * before them.  Fills command and path and moves *argc and *argv behind the names. */
void option_command(struct cli *, int *argc, char ***argv);
/* Reads the rest for cli->command; words point into argv, which is reordered.  B3IQ_E_INVALID names
 * the word that is wrong, and a name that is close to it. */
int32_t option_parse(struct cli *, int argc, char **argv, struct b3iq_error *);
/* The option of that name of a command or of all commands, or NULL. */
const struct cli_option *option_find(const struct cli_command *, const char *name, size_t len);
/* How many letters must change to make b of a; at most 9. */
unsigned option_distance(const char *a, const char *b);

#endif
