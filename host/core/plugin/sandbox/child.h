/* child.h - the sandbox side: this program, re-executed, with one plugin in it.
 *
 * main() hands over when argv[1] is PLUGIN_CHILD_FLAG, before it does anything else:
 *
 *   if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
 *           return plugin_child_main(argc, argv);
 */
#ifndef CORE_PLUGIN_SANDBOX_CHILD_H
#define CORE_PLUGIN_SANDBOX_CHILD_H

#define PLUGIN_CHILD_FLAG "--plugin-child"
#define PLUGIN_CHILD_FD    3 /* the socket                                      */
#define PLUGIN_CHILD_RINGS 4 /* the memory of the rings                          */

int plugin_child_main(int argc, char **argv);

#endif
