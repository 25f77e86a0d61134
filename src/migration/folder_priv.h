/* SPDX-License-Identifier: Apache-2.0 */
/** Files and folders, as far as the migrations folder needs them. */
#ifndef GW_MIGRATION_FOLDER_PRIV_H
#define GW_MIGRATION_FOLDER_PRIV_H

#include "base/mem.h"
#include "base/sha256.h"

/** Names of a folder's entries, in byte order. */
typedef struct gw_names {
    char **at;
    size_t n, room;
} gw_names;

/**
 * Reads the names that `is_wanted` lets through.
 *
 * Errors: GW_E_FILE naming the folder: not there, no folder, no rights, more
 *         than `max` names.
 */
GW_MUST_CHECK gw_code gw_names_read(const char *folder,
                                    bool (*is_wanted)(const char *folder,
                                                      const char *name),
                                    size_t max, gw_names *out, gw_error *err);
void gw_names_clear(gw_names *names);

/** "FOLDER/NAME"; the caller's. */
char *gw_path_join(const char *folder, const char *name);

/** Appends a regular file of GW_LIMIT_MIGRATION_FILE bytes at most. Errors:
 *  GW_E_FILE with the reason only; the caller knows what to call the file. */
GW_MUST_CHECK gw_code gw_file_read(const char *path, gw_buf *out,
                                   gw_error *err);

/**
 * The checksum of all files below a folder and their paths in it.
 *
 * Shape:  hex is "" when there is no folder or no file in it. Dot-files and
 *         *.md do not count.
 * Errors: GW_E_FILE naming the file as "lib/…", after the folder's name.
 */
GW_MUST_CHECK gw_code gw_folder_checksum(const char *folder,
                                         char hex[GW_SHA256_HEX_SIZE],
                                         gw_error *err);

#endif
