/* SPDX-License-Identifier: Apache-2.0 */
/* Passes what an import keeps on to the backend. */
#include "store/store_priv.h"

gw_code
gw_import_prepare(gw_store *store, gw_error *err)
{
    return store->ops->import->prepare(store, err);
}

gw_code
gw_import_state(gw_store *store, gw_arena *arena, gw_slice source,
                gw_slice *out, gw_error *err)
{
    return store->ops->import->state(store, arena, source, out, err);
}

gw_code
gw_import_put_state(gw_store *store, gw_slice source, gw_slice state,
                    gw_error *err)
{
    return store->ops->import->put_state(store, source, state, err);
}

gw_code
gw_import_find(gw_store *store, const gw_import_kind *kind,
               const gw_slice *keys, size_t n, gw_import_row *rows,
               gw_error *err)
{
    return store->ops->import->find(store, kind, keys, n, rows, err);
}

gw_code
gw_import_put(gw_store *store, const gw_import_kind *kind, gw_slice key,
              const gw_import_row *row, gw_error *err)
{
    return store->ops->import->put(store, kind, key, row, err);
}

gw_code
gw_import_keys(gw_store *store, const gw_import_kind *kind, gw_slice above,
               gw_slice below, int64_t limit, gw_import_visit visit, void *arg,
               gw_error *err)
{
    return store->ops->import->keys(store, kind, above, below, limit, visit,
                                    arg, err);
}

gw_code
gw_import_pending(gw_store *store, const gw_import_kind *kind, int64_t after,
                  int64_t seen, int64_t limit, gw_import_visit visit, void *arg,
                  gw_error *err)
{
    return store->ops->import->pending(store, kind, after, seen, limit, visit,
                                       arg, err);
}

gw_code
gw_import_sum(gw_store *store, const gw_import_kind *kind, int64_t seen,
              int64_t *rows, int64_t *items, int64_t *top, gw_error *err)
{
    return store->ops->import->sum(store, kind, seen, rows, items, top, err);
}

gw_code
gw_import_put_problem(gw_store *store, gw_slice source,
                      const gw_import_problem *problem, gw_error *err)
{
    return store->ops->import->put_problem(store, source, problem, err);
}

gw_code
gw_import_drop_problems(gw_store *store, gw_slice source,
                        const gw_import_problem *like, gw_error *err)
{
    return store->ops->import->drop_problems(store, source, like, err);
}

gw_code
gw_import_problems(gw_store *store, gw_slice source, gw_problem_visit visit,
                   void *arg, gw_error *err)
{
    return store->ops->import->problems(store, source, visit, arg, err);
}

gw_code
gw_import_reserve(gw_store *store, gw_slice collection, int64_t n,
                  int64_t *first, gw_error *err)
{
    const struct gw_import_ops *ops = store->ops->import;
    bool found = false;
    gw_code code = ops->take_ids(store, collection, n, first, &found, err);

    if (code != GW_OK || found)
        return code;
    code = ops->begin_ids(store, collection, err); /* the first of it */
    return code == GW_OK
               ? ops->take_ids(store, collection, n, first, &found, err)
               : code;
}
