/* SPDX-License-Identifier: Apache-2.0 */
/* Reading folders and files with limits, and the checksum of lib/. */
#include "base/limits.h"
#include "migration/folder_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LIB_DEPTH = 8,
    LIB_FILES = 1000,
    READ_BYTES = 64 * GW_KIB,
};

char *
gw_path_join(const char *folder, const char *name)
{
    gw_buf path = {0};

    gw_buf_printf(&path, "%s/%s", folder, name);
    gw_buf_cstr(&path);
    return path.at;
}

/* ---- folders ---- */

static void
add_name(gw_names *names, const char *name)
{
    if (names->n == names->room) {
        names->room = names->room ? 2 * names->room : 16;
        names->at = gw_realloc(names->at, names->room * sizeof(char *));
    }
    names->at[names->n++] = gw_strdup(name);
}

void
gw_names_clear(gw_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->at[i]);
    free(names->at);
    *names = (gw_names){0};
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

gw_code
gw_names_read(const char *folder,
              bool (*is_wanted)(const char *folder, const char *name),
              size_t max, gw_names *out, gw_error *err)
{
    gw_names names = {0};
    gw_code code = GW_OK;
    DIR *dir = opendir(folder);

    if (!dir)
        return gw_fail(err, GW_E_FILE, "%s: cannot read this folder: %s",
                       folder, strerror(errno));

    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);

        if (!entry)
            break;
        if (!is_wanted(folder, entry->d_name))
            continue;
        if (names.n == max) {
            code =
                gw_fail(err, GW_E_FILE, "%s: more than %zu files", folder, max);
            goto done;
        }
        add_name(&names, entry->d_name);
    }
    if (errno != 0) {
        code = gw_fail(err, GW_E_FILE, "%s: cannot read this folder: %s",
                       folder, strerror(errno));
        goto done;
    }
    if (names.n > 0)
        qsort(names.at, names.n, sizeof(char *), compare_names);
    *out = names;
    names = (gw_names){0};
done:
    gw_names_clear(&names);
    closedir(dir);
    return code;
}

/* ---- files ---- */

static gw_code
read_all(int fd, gw_buf *out, gw_error *err)
{
    size_t read_bytes = 0;

    for (;;) {
        ssize_t n = read(fd, gw_buf_reserve(out, READ_BYTES), READ_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gw_fail(err, GW_E_FILE, "cannot be read: %s",
                           strerror(errno));
        if (n == 0)
            return GW_OK;
        out->len += (size_t)n;
        read_bytes += (size_t)n;
        if (read_bytes > GW_LIMIT_MIGRATION_FILE)
            return gw_fail(err, GW_E_FILE,
                           "is longer than the %d bytes that are allowed",
                           GW_LIMIT_MIGRATION_FILE);
    }
}

gw_code
gw_file_read(const char *path, gw_buf *out, gw_error *err)
{
    struct stat info;
    gw_code code;
    /* not to wait for a writer should it be a pipe */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return gw_fail(err, GW_E_FILE, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &info) != 0)
        code = gw_fail(err, GW_E_FILE, "cannot be read: %s", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        code = gw_fail(err, GW_E_FILE, "is no regular file");
    else
        code = read_all(fd, out, err);
    close(fd);
    return code;
}

/* ---- the checksum of a folder ---- */

typedef struct folder_sum {
    gw_sha256 *sum;
    size_t files;
} folder_sum;

static bool
counts_in_lib(const char *folder, const char *name)
{
    size_t len = strlen(name);

    (void)folder;
    return name[0] != '.' && !(len > 3 && strcmp(name + len - 3, ".md") == 0);
}

static gw_code
add_file(folder_sum *s, const char *path, const char *shown, gw_error *err)
{
    gw_buf text = {0};
    char length[32];
    gw_code code;

    if (++s->files > LIB_FILES)
        return gw_fail(err, GW_E_FILE, "%s: more than %d files", shown,
                       LIB_FILES);
    code = gw_file_read(path, &text, err);
    if (code == GW_OK) {
        /* length and path, so that no two folders give the same bytes */
        (void)snprintf(length, sizeof(length), "%zu", text.len);
        gw_sha256_add(s->sum, (gw_slice){shown, strlen(shown) + 1});
        gw_sha256_add(s->sum, (gw_slice){length, strlen(length) + 1});
        gw_sha256_add(s->sum, gw_buf_as_slice(&text));
    } else {
        gw_fail_prefix(err, "%s: ", shown);
    }
    gw_buf_clear(&text);
    return code;
}

static gw_code
add_folder(folder_sum *s, const char *folder, const char *shown, int depth,
           gw_error *err)
{
    gw_names names = {0};
    gw_code code = gw_names_read(folder, counts_in_lib, LIB_FILES, &names, err);

    if (code == GW_OK && depth > LIB_DEPTH)
        code = gw_fail(err, GW_E_FILE, "%s: more than %d folders deep", shown,
                       LIB_DEPTH);
    for (size_t i = 0; code == GW_OK && i < names.n; i++) {
        struct stat info;
        char *path = gw_path_join(folder, names.at[i]);
        char *below = gw_path_join(shown, names.at[i]);

        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            code = add_folder(s, path, below, depth + 1, err);
        else
            code = add_file(s, path, below, err);
        free(path);
        free(below);
    }
    gw_names_clear(&names);
    return code;
}

gw_code
gw_folder_checksum(const char *folder, char hex[GW_SHA256_HEX_SIZE],
                   gw_error *err)
{
    folder_sum s = {.sum = gw_sha256_new()};
    const char *base = strrchr(folder, '/');
    gw_code code = GW_OK;

    if (access(folder, F_OK) == 0)
        code = add_folder(&s, folder, base ? base + 1 : folder, 1, err);
    if (code == GW_OK && s.files > 0) {
        gw_sha256_finish(s.sum, hex);
        return GW_OK;
    }
    if (code == GW_OK)
        hex[0] = '\0';
    gw_sha256_free(s.sum);
    return code;
}
