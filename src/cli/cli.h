/* SPDX-License-Identifier: Apache-2.0 */
/** The command line. Source: cli.md */
#ifndef GW_CLI_CLI_H
#define GW_CLI_CLI_H

/** Runs one command line and returns the exit status. */
int gw_cli_main(int argc, char **argv);

#endif
