/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on models, as the OpenSlides datastore gives them to SQL:
 * `data->>field` (the value as text) for = != ~= %=, cast to numeric for
 * < > <= >=, three-valued logic, and IS NULL for a value of null.
 *
 * A comparison is yes, no or unknown; a model matches if the whole filter
 * is yes. NOT unknown is unknown, AND is no with one no, OR is yes with one
 * yes.
 *
 *  field of the model     | operator   | filter's value | result
 *  -----------------------+------------+----------------+---------------------
 *  missing                | = null     | null           | yes
 *  missing                | != null    | null           | no
 *  missing                | any other  | not null       | unknown, != too
 *  there                  | =, != null | null           | no, yes
 *  both numbers           | =, !=      | number         | by value, exactly
 *  both texts             | =, !=      | text           | by decoded text
 *  both lists or objects  | =, !=      | list, object   | as JSON
 *  list or object and not | =, !=      | anything else  | differ
 *  mixed other kinds      | =, !=      | any            | as text: "5" is 5,
 *                         |            |                | "true" is true
 *  both numbers, or texts | < > <= >=  | number, text   | by value, exactly
 *   that read as numbers  |            |                |
 *  both texts, not both   | < > <= >=  | text           | by bytes
 *   numbers               |            |                |
 *  any other pair         | < > <= >=  | number, text   | unknown
 *  text, number, bool     | ~=, %=     | the same three | as text, without
 *                         |            |                | regard to case
 *  list, object           | ~=, %=     | the same three | no
 *
 * Refused when read: null with another operator than = and !=, a value that
 * is no number or text with < > <= >=, a list or object with ~= and %=, and
 * empty lists of filters. */
#include "migration/decimal_priv.h"
#include "migration/like_priv.h"
#include "migration/migration.h"

/* ---- matching ---- */

typedef enum answer {
    NO,
    YES,
    UNKNOWN,
} answer;

static answer
answer_of(bool is_true)
{
    return is_true ? YES : NO;
}

static bool
is_container(gw_json_kind kind)
{
    return kind == GW_JSON_ARRAY || kind == GW_JSON_OBJECT;
}

/* A value as ->> gives it. */
static gw_slice
text_of(gw_arena *arena, gw_slice value)
{
    return gw_json_kind_of(value) == GW_JSON_STRING
               ? gw_json_string(arena, value)
               : value;
}

static bool
is_equal(gw_arena *arena, gw_slice a, gw_slice b)
{
    gw_json_kind kind_a = gw_json_kind_of(a), kind_b = gw_json_kind_of(b);

    if (kind_a == kind_b)
        return gw_json_equal(a, b);
    if (is_container(kind_a) || is_container(kind_b))
        return false;
    return gw_slice_equal(text_of(arena, a), text_of(arena, b));
}

/* Whether the two can be ordered, and how. */
static bool
compare(gw_arena *arena, gw_slice a, gw_slice b, int *out)
{
    gw_slice text_a = text_of(arena, a), text_b = text_of(arena, b);
    gw_decimal x, y;

    if (gw_decimal_read(text_a, &x) && gw_decimal_read(text_b, &y))
        *out = gw_decimal_compare(&x, &y);
    else if (gw_json_kind_of(a) == GW_JSON_STRING &&
             gw_json_kind_of(b) == GW_JSON_STRING)
        *out = gw_slice_compare(text_a, text_b);
    else
        return false;
    return true;
}

static answer
ordered(gw_arena *arena, const gw_filter *f, gw_slice value)
{
    int order;

    if (!compare(arena, value, f->value, &order))
        return UNKNOWN;
    switch (f->op) {
    case GW_FILTER_LT:
        return answer_of(order < 0);
    case GW_FILTER_GT:
        return answer_of(order > 0);
    case GW_FILTER_LE:
        return answer_of(order <= 0);
    default:
        return answer_of(order >= 0);
    }
}

static answer
compare_value(gw_arena *arena, const gw_filter *f, gw_slice value)
{
    bool is_null = gw_json_kind_of(f->value) == GW_JSON_NULL;

    if (is_null)
        return answer_of((value.at == NULL) == (f->op == GW_FILTER_EQ));
    if (!value.at)
        return UNKNOWN;
    switch (f->op) {
    case GW_FILTER_EQ:
        return answer_of(is_equal(arena, value, f->value));
    case GW_FILTER_NE:
        return answer_of(!is_equal(arena, value, f->value));
    case GW_FILTER_IEQ:
        return answer_of(!is_container(gw_json_kind_of(value)) &&
                         gw_text_equal_folded(text_of(arena, value),
                                              text_of(arena, f->value)));
    case GW_FILTER_LIKE:
        return answer_of(
            !is_container(gw_json_kind_of(value)) &&
            gw_text_like(text_of(arena, value), text_of(arena, f->value)));
    default:
        return ordered(arena, f, value);
    }
}

static answer evaluate(gw_arena *arena, const gw_filter *f, gw_fields model);

/* AND (decided by a no) and OR (decided by a yes). */
static answer
combine(gw_arena *arena, const gw_filter *f, gw_fields model, answer decides)
{
    answer result = decides == YES ? NO : YES;

    for (size_t i = 0; i < f->n_parts; i++) {
        answer part = evaluate(arena, &f->parts[i], model);

        if (part == decides)
            return decides;
        if (part == UNKNOWN)
            result = UNKNOWN;
    }
    return result;
}

static answer
evaluate(gw_arena *arena, const gw_filter *f, gw_fields model)
{
    answer part;
    gw_slice value = {0};
    ptrdiff_t at;

    switch (f->op) {
    case GW_FILTER_AND:
        return combine(arena, f, model, NO);
    case GW_FILTER_OR:
        return combine(arena, f, model, YES);
    case GW_FILTER_NOT:
        part = evaluate(arena, f->parts, model);
        return part == UNKNOWN ? UNKNOWN : answer_of(part == NO);
    default:
        at = gw_fields_find(model, f->field);
        if (at >= 0)
            value = model.at[at].value;
        return compare_value(arena, f, value);
    }
}

bool
gw_filter_matches(const gw_filter *filter, gw_fields model)
{
    gw_arena arena; /* for texts with escapes only; else nothing is taken */

    gw_arena_init(&arena);
    answer result = evaluate(&arena, filter, model);
    gw_arena_clear(&arena);
    return result == YES;
}

/* ---- reading ---- */

typedef struct operator_row {
    const char *name;
    gw_filter_op op;
} operator_row;

static const operator_row operators[] = {
    {"=", GW_FILTER_EQ},   {"!=", GW_FILTER_NE},   {"<", GW_FILTER_LT},
    {">", GW_FILTER_GT},   {"<=", GW_FILTER_LE},   {">=", GW_FILTER_GE},
    {"~=", GW_FILTER_IEQ}, {"%=", GW_FILTER_LIKE},
};

enum { N_OPERATORS = sizeof(operators) / sizeof(operators[0]) };

static int
quoted_len(gw_slice s)
{
    return (int)(s.len > 100 ? 100 : s.len);
}

static gw_code
read_field(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    if (gw_json_kind_of(json) == GW_JSON_STRING) {
        gw_slice name = gw_json_string(arena, json);
        if (gw_field_name_is_valid(name) ||
            gw_slice_equal(name, GW_LIT("meta_position")) ||
            gw_slice_equal(name, GW_LIT("meta_deleted"))) {
            f->field = name;
            return GW_OK;
        }
    }
    return gw_fail(err, GW_E_INPUT, "'field' must be a field's name, not %.*s",
                   quoted_len(json), json.at);
}

static gw_code
read_operator(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    gw_slice name = {0};

    if (gw_json_kind_of(json) == GW_JSON_STRING)
        name = gw_json_string(arena, json);
    for (size_t i = 0; i < N_OPERATORS; i++) {
        if (gw_slice_equal(name, gw_slice_of(operators[i].name))) {
            f->op = operators[i].op;
            return GW_OK;
        }
    }
    return gw_fail(err, GW_E_INPUT,
                   "'operator' must be one of = != < > <= >= ~= %%=, "
                   "not %.*s",
                   quoted_len(json), json.at);
}

static gw_code
read_value(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    (void)arena;
    (void)err;
    f->value = json;
    return GW_OK;
}

static gw_code
check_value(const gw_filter *f, gw_error *err)
{
    gw_json_kind kind = gw_json_kind_of(f->value);
    const char *wanted = NULL;

    if (f->op == GW_FILTER_EQ || f->op == GW_FILTER_NE)
        return GW_OK;
    if (f->op == GW_FILTER_IEQ || f->op == GW_FILTER_LIKE) {
        if (kind == GW_JSON_NULL || is_container(kind))
            wanted = "a text";
    } else if (kind != GW_JSON_NUMBER && kind != GW_JSON_STRING) {
        wanted = "a number or a text";
    }
    if (!wanted)
        return GW_OK;
    return gw_fail(err, GW_E_INPUT,
                   "'value' must be %s with '%s', not %.*s; only = and != "
                   "take every kind",
                   wanted, operators[f->op].name, quoted_len(f->value),
                   f->value.at);
}

static gw_code
read_parts(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    gw_values values;

    if (gw_json_kind_of(json) != GW_JSON_ARRAY)
        return gw_fail(err, GW_E_INPUT, "must be a list of filters");

    gw_code code = gw_json_array(arena, json, &values, err);
    if (code != GW_OK)
        return code;
    if (values.n == 0)
        return gw_fail(err, GW_E_INPUT, "must hold at least one filter");

    gw_filter *parts = GW_ARENA_NEW(arena, gw_filter, values.n);
    for (size_t i = 0; code == GW_OK && i < values.n; i++)
        code = gw_filter_parse(arena, values.at[i], &parts[i], err);
    f->parts = parts;
    f->n_parts = values.n;
    return code;
}

static gw_code
read_and(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    f->op = GW_FILTER_AND;
    return read_parts(arena, json, f, err);
}

static gw_code
read_or(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    f->op = GW_FILTER_OR;
    return read_parts(arena, json, f, err);
}

static gw_code
read_not(gw_arena *arena, gw_slice json, gw_filter *f, gw_error *err)
{
    gw_filter *part = GW_ARENA_NEW(arena, gw_filter, 1);

    f->op = GW_FILTER_NOT;
    f->parts = part;
    f->n_parts = 1;
    return gw_filter_parse(arena, json, part, err);
}

typedef struct filter_member {
    const char *name;
    unsigned bit;
    gw_code (*read)(gw_arena *arena, gw_slice json, gw_filter *f,
                    gw_error *err);
} filter_member;

static const filter_member members[] = {
    {"field", 1, read_field},   {"operator", 2, read_operator},
    {"value", 4, read_value},   {"and_filter", 8, read_and},
    {"or_filter", 16, read_or}, {"not_filter", 32, read_not},
};

enum {
    N_MEMBERS = sizeof(members) / sizeof(members[0]),
    COMPARISON = 1 | 2 | 4,
};

static const filter_member *
find_member(gw_slice name)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (gw_slice_equal(name, gw_slice_of(members[i].name)))
            return &members[i];
    return NULL;
}

static gw_code
check_shape(unsigned seen, gw_error *err)
{
    if (seen == COMPARISON || seen == 8 || seen == 16 || seen == 32)
        return GW_OK;
    return gw_fail(err, GW_E_INPUT,
                   "a filter has 'field', 'operator' and 'value', or one of "
                   "'and_filter', 'or_filter', 'not_filter'");
}

gw_code
gw_filter_parse(gw_arena *arena, gw_slice json, gw_filter *out, gw_error *err)
{
    gw_filter f = {0};
    gw_fields fields;
    unsigned seen = 0;
    gw_code code = gw_json_object(arena, json, &fields, err);

    for (size_t i = 0; code == GW_OK && i < fields.n; i++) {
        gw_slice name = fields.at[i].key;
        const filter_member *member = find_member(name);

        if (!member)
            return gw_fail(err, GW_E_INPUT, "unknown member '%.*s' in a filter",
                           quoted_len(name), name.at);
        seen |= member->bit;
        code = member->read(arena, fields.at[i].value, &f, err);
        if (code != GW_OK && member->bit > COMPARISON)
            gw_fail_prefix(err, "%s: ", member->name);
    }
    if (code == GW_OK)
        code = check_shape(seen, err);
    if (code == GW_OK && seen == COMPARISON)
        code = check_value(&f, err);
    if (code == GW_OK)
        *out = f;
    return code;
}
