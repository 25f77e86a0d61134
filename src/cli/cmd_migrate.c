/* SPDX-License-Identifier: Apache-2.0 */
/* migrate, finalize, reset, rollback, discard, clear-collectionfield-tables:
 * each is one call of the engine, and all report alike. */
#include "cli/session_priv.h"

static gw_code
run_engine(gw_session *session,
           gw_code (*command)(const gw_run *run, gw_error *err), gw_error *err)
{
    gw_code code = command(&session->run, err);

    if (session->output->is_json)
        gw_session_put_result(session, code, err);
    return code;
}

gw_code
gw_cmd_migrate(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_migrate, err);
}

gw_code
gw_cmd_finalize(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_finalize, err);
}

gw_code
gw_cmd_reset(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_reset, err);
}

gw_code
gw_cmd_rollback(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_rollback, err);
}

gw_code
gw_cmd_discard(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_discard, err);
}

gw_code
gw_cmd_clear(gw_session *session, gw_error *err)
{
    return run_engine(session, gw_clear_helpers, err);
}
