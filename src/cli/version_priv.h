/* SPDX-License-Identifier: Apache-2.0 */
/** The version; the build may give another, GW_VERSION. */
#ifndef GW_CLI_VERSION_PRIV_H
#define GW_CLI_VERSION_PRIV_H

#ifndef GW_VERSION
#define GW_VERSION "0.1.0"
#endif

#endif
