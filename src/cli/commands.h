/* commands.h - the subcommands of the program tapegrad. */
#ifndef TAPEGRAD_CLI_COMMANDS_H
#define TAPEGRAD_CLI_COMMANDS_H

/* Exit statuses. */
enum { TG_CLI_SUCCESS = 0, TG_CLI_FAILURE = 1, TG_CLI_USAGE = 2 };

int tg_cli_opcheck(int count, char **arguments);

#endif
