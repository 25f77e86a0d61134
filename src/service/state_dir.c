/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: one server's own, and the files of output in it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/service_priv.h"

enum { NAME_SIZE = 48 };

static gw_code
take_lock(int dir, const char *path, int *out, gw_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file =
        openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file < 0)
        return gw_fail(err, GW_E_USAGE, "the state folder %s: %s", path,
                       strerror(errno));
    if (fcntl(file, F_OFD_SETLK, &whole) == 0) {
        *out = file;
        return GW_OK;
    }
    close(file);
    return gw_fail(err, GW_E_LOCKED,
                   "another server uses the state folder %s; stop it, or "
                   "give another --state-dir",
                   path);
}

/* Makes the folders above too. */
static gw_code
make_folders(const char *path, gw_error *err)
{
    char *copy = gw_strdup(path);
    gw_code code = GW_OK;

    for (char *at = copy + 1; !code && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            code = gw_fail(err, GW_E_USAGE, "the folder %s: %s", copy,
                           strerror(errno));
        *at = '/';
    }
    if (!code && mkdir(copy, 0700) != 0 && errno != EEXIST)
        code = gw_fail(err, GW_E_USAGE, "the state folder %s: %s", copy,
                       strerror(errno));
    free(copy);
    return code;
}

gw_code
gw_state_dir_open(const char *path, int *dir, int *lock_file, gw_error *err)
{
    gw_code code = make_folders(path, err);
    if (code)
        return code;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return gw_fail(err, GW_E_USAGE, "the state folder %s: %s", path,
                       strerror(errno));
    code = take_lock(fd, path, lock_file, err);
    if (code)
        close(fd);
    else
        *dir = fd;
    return code;
}

static void
output_name(int64_t run, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "output-%" PRId64 ".log", run);
}

int
gw_state_output_open(int dir, int64_t run, bool write)
{
    char name[NAME_SIZE];
    int flags = write ? O_WRONLY | O_CREAT | O_TRUNC | O_APPEND : O_RDONLY;

    output_name(run, name);
    return openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void
gw_state_output_remove(int dir, int64_t run)
{
    char name[NAME_SIZE];

    output_name(run, name);
    (void)unlinkat(dir, name, 0);
}
