/* SPDX-License-Identifier: Apache-2.0 */
/* The client that waits: one transfer after the other. */
#include "net/net.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "net/net_priv.h"

struct gw_net {
    gw_net_place place;
    gw_transfer transfer;
};

gw_code
gw_net_open(const gw_net_options *options, gw_net **out, gw_error *err)
{
    gw_net_place place;

    /* counted by libcurl, so each client may call it */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return gw_fail(err, GW_E_LIMIT, "libcurl cannot be used");
    gw_code code = gw_net_place_init(&place, options, err);
    if (code) {
        curl_global_cleanup();
        return code;
    }
    gw_net *net = gw_calloc(1, sizeof(*net));
    net->place = place;
    code = gw_transfer_init(&net->transfer, &net->place, err);
    if (code)
        gw_net_close(net);
    else
        *out = net;
    return code;
}

void
gw_net_close(gw_net *net)
{
    if (!net)
        return;
    gw_transfer_clear(&net->transfer);
    gw_net_place_clear(&net->place);
    free(net);
    curl_global_cleanup();
}

const char *
gw_net_name(const gw_net *net)
{
    return net->place.name;
}

gw_code
gw_net_ask(gw_net *net, const gw_net_request *request, gw_net_answer *out,
           gw_error *err)
{
    gw_transfer_set(&net->transfer, request);
    CURLcode result = curl_easy_perform(net->transfer.easy);
    return gw_transfer_end(&net->transfer, (int)result, out, err);
}

void
gw_net_answer_clear(gw_net_answer *answer)
{
    gw_buf_clear(&answer->body);
    *answer = (gw_net_answer){0};
}
