/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are refused, one for each value of FAULT. Used by
 * native_test.c only. */
#include <godwit/migration.h>

#if FAULT != 1
static int
call_one(godwit_call *call)
{
    (void)call;
    return GODWIT_OK;
}

static const godwit_need twice[] = {
    {GODWIT_OLD, "user", NULL, 0},
    {GODWIT_OLD, "user", NULL, 0},
};

const godwit_migration godwit_migration_entry = {
    .abi = FAULT == 2 ? 999 : GODWIT_ABI,
    .size = FAULT == 3 ? 24 : sizeof(godwit_migration),
    .type = FAULT == 4   ? 9
            : FAULT == 5 ? GODWIT_MODEL_MIGRATION
                         : GODWIT_EVENT_MIGRATION,
    .position_init = FAULT == 6 ? NULL : call_one,
    .migrate_models = FAULT == 5 || FAULT == 7 ? call_one : NULL,
    .needs = twice,
    .n_needs = FAULT == 8 ? 2 : 0,
};
#endif
