/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output and standard error. Nothing else in the program writes
 * to them, but for the streams that a dump or an export is given. */
#include "cli/output_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define GW_RED "\033[1;31m"
#define GW_PLAIN "\033[0m"

/* A closed descriptor would go to the next file that is opened, a store
 * perhaps, and output into it. The wrong way round, so that using it is an
 * error as it should be. */
static void
reserve_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        int got = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
        if (got != fd)
            abort();
    }
}

void
gw_output_init(gw_output *output)
{
    reserve_descriptors();
    signal(SIGPIPE, SIG_IGN);
    *output = (gw_output){.out = stdout, .err = stderr};
    pthread_mutex_init(&output->lock, NULL);
}

void
gw_output_configure(gw_output *output, const char *color)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    output->can_redraw = isatty(fileno(output->err)) && term && term[0] &&
                         strcmp(term, "dumb") != 0;
    if (strcmp(color, "auto") == 0)
        output->has_color = output->can_redraw && !(no_color && no_color[0]);
    else
        output->has_color = strcmp(color, "always") == 0;
}

static void
write_out(gw_output *output, gw_slice bytes)
{
    if (output->write_errno || bytes.len == 0)
        return;
    output->has_begun = true;
    errno = 0;
    if (fwrite(bytes.at, 1, bytes.len, output->out) < bytes.len)
        output->write_errno = errno ? errno : EIO;
}

void
gw_output_write(gw_output *output, gw_slice bytes)
{
    pthread_mutex_lock(&output->lock);
    gw_output_wipe_bar(output);
    write_out(output, bytes);
    pthread_mutex_unlock(&output->lock);
}

void
gw_output_line(gw_output *output, gw_slice line)
{
    gw_buf clean = {0};

    gw_text_put_clean(&clean, line, true);
    gw_buf_byte(&clean, '\n');
    gw_output_write(output, gw_buf_as_slice(&clean));
    gw_buf_clear(&clean);
}

void
gw_output_log(gw_output *output, gw_slice bytes)
{
    pthread_mutex_lock(&output->lock);
    gw_output_wipe_bar(output);
    fwrite(bytes.at, 1, bytes.len, output->err);
    fflush(output->err);
    pthread_mutex_unlock(&output->lock);
}

static void
log_message(gw_output *output, const char *level, const char *code,
            gw_slice text)
{
    gw_buf line = {0};

    if (output->is_log_json) {
        gw_buf_text(&line, "{\"ts\":\"");
        gw_text_put_now(&line);
        gw_buf_printf(&line, "\",\"level\":\"%s\"", level);
        if (code)
            gw_buf_printf(&line, ",\"code\":\"%s\"", code);
        gw_buf_text(&line, ",\"msg\":");
        gw_text_put_json(&line, text);
        gw_buf_text(&line, "}\n");
    } else {
        bool is_red = code && output->has_color;
        gw_buf_printf(&line, "%sgodwit:%s ", is_red ? GW_RED : "",
                      is_red ? GW_PLAIN : "");
        gw_text_put_clean(&line, text, false);
        gw_buf_byte(&line, '\n');
    }
    gw_output_log(output, gw_buf_as_slice(&line));
    gw_buf_clear(&line);
}

static void
note(gw_output *output, const char *level, const char *fmt, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), fmt, args);
    log_message(output, level, NULL, gw_slice_of(text));
}

void
gw_output_note(gw_output *output, const char *fmt, ...)
{
    va_list args;

    if (output->is_quiet)
        return;
    va_start(args, fmt);
    note(output, "info", fmt, args);
    va_end(args);
}

void
gw_output_detail(gw_output *output, const char *fmt, ...)
{
    va_list args;

    if (!output->is_verbose)
        return;
    va_start(args, fmt);
    note(output, "debug", fmt, args);
    va_end(args);
}

void
gw_output_error(gw_output *output, const gw_error *error)
{
    log_message(output, "error", gw_code_name(error->code),
                gw_slice_of(error->text));
}

void
gw_output_draw_bar(gw_output *output, gw_slice bar)
{
    /* one write: nobody sees half a line */
    fprintf(output->err, "\r%.*s\033[K", GW_FMT(bar));
    fflush(output->err);
    output->has_bar = true;
}

void
gw_output_wipe_bar(gw_output *output)
{
    if (!output->has_bar)
        return;
    fputs("\r\033[K", output->err);
    fflush(output->err);
    output->has_bar = false;
}

void
gw_output_flush(gw_output *output)
{
    pthread_mutex_lock(&output->lock);
    errno = 0;
    if (fflush(output->out) != 0 && !output->write_errno)
        output->write_errno = errno ? errno : EIO;
    pthread_mutex_unlock(&output->lock);
}

gw_code
gw_output_finish(gw_output *output, gw_error *err)
{
    gw_output_flush(output);
    if (ferror(output->out) && !output->write_errno)
        output->write_errno = EIO;
    if (!output->write_errno)
        return GW_OK;
    return gw_fail(err, GW_E_STORE,
                   "cannot write to standard output: %s; what was printed "
                   "is not complete",
                   strerror(output->write_errno));
}
