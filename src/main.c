/* SPDX-License-Identifier: Apache-2.0 */
/* The program: hands the command line over, and nothing else. */
#include "cli/cli.h"

int
main(int argc, char **argv)
{
    return gw_cli_main(argc, argv);
}
