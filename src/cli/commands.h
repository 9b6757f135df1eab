/* commands.h - the subcommands of the program tapegrad. */
#ifndef TAPEGRAD_CLI_COMMANDS_H
#define TAPEGRAD_CLI_COMMANDS_H

/* Exit statuses. */
enum { TG_CLI_SUCCESS = 0, TG_CLI_FAILURE = 1, TG_CLI_USAGE = 2 };

/* arguments[0] is the name of the subcommand, arguments[count] is NULL; each returns the exit status. */
int tg_cli_explain(int count, char **arguments);
int tg_cli_lesson(int count, char **arguments);
int tg_cli_opcheck(int count, char **arguments);

#endif
