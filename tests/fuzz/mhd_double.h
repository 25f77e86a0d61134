/* SPDX-License-Identifier: Apache-2.0 */
/** Stands in for libmicrohttpd: requests come from memory, answers go there.
 *  It calls the server's handlers as libmicrohttpd does. */
#ifndef GW_TESTS_FUZZ_MHD_DOUBLE_H
#define GW_TESTS_FUZZ_MHD_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>

enum { DOUBLE_PAIRS = 64 };

typedef struct double_pair {
    const char *name, *value; /* value NULL: an argument without one */
} double_pair;

/** One request; everything is borrowed. */
typedef struct double_request {
    const char *method, *url, *version;
    double_pair headers[DOUBLE_PAIRS], arguments[DOUBLE_PAIRS];
    size_t n_headers, n_arguments;
    const char *body;
    size_t body_len;
    size_t piece; /* bytes of the body at a time; 0: all */
    bool is_remote;
    int wait_ms; /* for a parked request; then the client hangs up */
} double_request;

typedef struct double_answer {
    int status; /* 0: none: hung up, or closed by the server */
    bool was_closed;
    double_pair headers[DOUBLE_PAIRS]; /* of the answer */
    size_t n_headers;
    char *body; /* to be freed; NULL for a stream */
    size_t body_len;
    size_t streamed; /* bytes that a stream gave */
} double_answer;

/** The server must have been opened. */
void double_ask(const double_request *request, double_answer *answer);
void double_answer_clear(double_answer *answer);

#endif
