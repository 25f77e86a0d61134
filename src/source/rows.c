/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in a temporary file. It has no name from the beginning, and is read
 * and written by this process alone: rows may hold secrets. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "source/rows_priv.h"

static gw_code
fail_file(gw_error *err)
{
    return gw_fail(err, GW_E_STORE,
                   "temporary file: %s; TMPDIR names another folder for it",
                   strerror(errno ? errno : EIO));
}

static gw_code
open_file(gw_rows *rows, gw_error *err)
{
    const char *folder = getenv("TMPDIR");
    gw_buf path = {0};

    gw_buf_text(&path, folder && *folder ? folder : "/tmp");
    gw_buf_text(&path, "/godwit-XXXXXX");
    (void)gw_buf_cstr(&path);
    int fd = mkstemp(path.at);
    if (fd >= 0) {
        (void)unlink(path.at);
        rows->file = fdopen(fd, "w+b");
    }
    gw_buf_clear(&path);
    return rows->file ? GW_OK : fail_file(err);
}

gw_code
gw_rows_add(gw_rows *rows, gw_slice text, gw_error *err)
{
    uint32_t len = (uint32_t)text.len;
    gw_code code = rows->file ? GW_OK : open_file(rows, err);

    if (code != GW_OK)
        return code;
    if (fwrite(&len, sizeof(len), 1, rows->file) != 1 ||
        (len > 0 && fwrite(text.at, len, 1, rows->file) != 1))
        return fail_file(err);
    rows->n++;
    return GW_OK;
}

gw_code
gw_rows_rewind(gw_rows *rows, gw_error *err)
{
    if (!rows->file)
        return GW_OK;
    if (fflush(rows->file) != 0 || fseek(rows->file, 0, SEEK_SET) != 0)
        return fail_file(err);
    return GW_OK;
}

gw_code
gw_rows_empty(gw_rows *rows, gw_error *err)
{
    gw_code code = gw_rows_rewind(rows, err);

    rows->n = 0;
    if (code == GW_OK && rows->file && ftruncate(fileno(rows->file), 0) != 0)
        code = fail_file(err);
    return code;
}

gw_code
gw_rows_next(gw_rows *rows, gw_slice *out, bool *has, gw_error *err)
{
    uint32_t len = 0;

    *has = false;
    if (!rows->file)
        return GW_OK;
    if (fread(&len, sizeof(len), 1, rows->file) != 1)
        return ferror(rows->file) ? fail_file(err) : GW_OK;
    rows->row.len = 0;
    (void)gw_buf_reserve(&rows->row, (size_t)len + 1);
    if (len > 0 && fread(rows->row.at, len, 1, rows->file) != 1)
        return fail_file(err);
    rows->row.len = len;
    *out = gw_buf_as_slice(&rows->row);
    *has = true;
    return GW_OK;
}

void
gw_rows_clear(gw_rows *rows)
{
    if (rows->file)
        fclose(rows->file);
    gw_buf_clear(&rows->row);
    *rows = (gw_rows){0};
}
