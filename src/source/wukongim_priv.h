/* SPDX-License-Identifier: Apache-2.0 */
/** A WuKongIM v1 server as a source. Source: wukongim-v1.md */
#ifndef GW_SOURCE_WUKONGIM_PRIV_H
#define GW_SOURCE_WUKONGIM_PRIV_H

#include "source/ask.h"
#include "source/rows_priv.h"

enum {
    GW_WK_SLOTS = 256,
    GW_WK_PERSON = 1,  /* channel type */
    GW_WK_PAGE = 1000, /* messages asked for at a time */
};
#define GW_WK_MOST_SEQ ((int64_t)UINT32_MAX)

/* ---- names ---- */

uint32_t gw_wk_crc(gw_slice text);
/** Where a name is kept. */
static inline uint8_t
gw_wk_slot(gw_slice name)
{
    return (uint8_t)(gw_wk_crc(name) % GW_WK_SLOTS);
}
/** Appends the name of the channel of two persons, as the source makes it of
 *  a login and a peer. */
void gw_wk_put_fake(gw_buf *out, gw_slice login, gw_slice peer);
/** Finds a login and a peer whose channel is `id`; false for none. */
bool gw_wk_split(gw_slice id, gw_slice *login, gw_slice *peer);

/** A topic's name, taken apart: "2-g1". */
typedef struct gw_wk_topic {
    gw_slice name;
    int64_t type;
    gw_slice id;
} gw_wk_topic;

/** False when it is no topic's. */
bool gw_wk_topic_parse(gw_slice name, gw_wk_topic *out);
/** The device flag, or channel type, that the source reports for a key:
 *  what stands between the first dash and the second. */
int64_t gw_wk_reported_number(gw_slice id, int64_t number);
/** The number of the id __warmN whose topic is kept in a slot. */
int gw_wk_warm_number(unsigned slot);

/* ---- texts with a NUL ---- */

/* No store keeps a NUL. In texts of the source it becomes GW_LIST_NUL, so
 * that what holds one can be told, and what is beside it can be read. */

/** Replaces the NULs in JSON, in place; false when there are none. */
bool gw_wk_replace_nuls(gw_buf *json);
bool gw_wk_holds_nul(gw_slice text);

/* ---- the server ---- */

typedef struct gw_wk {
    gw_importing *im;
    gw_asker asker;
    gw_arena commas; /* of the uids with a comma */
    gw_texts comma_uids;
    gw_arena cuts;      /* of the topics of which only a part is known */
    gw_texts cut_names; /* "17/2-a" */
    bool is_complete;   /* this run does all steps after this one */
    /* of the messages (wukongim_reading.c) */
    size_t bytes_ahead; /* of pages that were read and wait to be written */
    size_t pages_asked; /* that have not come yet */
} gw_wk;

/** Sends {"channel_id","channel_type"} to /migrate/channel. */
void gw_wk_ask_lists(gw_wk *wk, gw_ask *ask, int64_t type, gw_slice id);
void gw_wk_ask_newest(gw_wk *wk, gw_ask *ask, int64_t type, gw_slice id);
/** Reads {"message_seq"}. A body that is none is asked for again: *is_there
 *  false. */
GW_MUST_CHECK gw_code gw_wk_read_newest(gw_wk *wk, gw_ask *ask, int64_t *out,
                                        bool *is_there, gw_error *err);
/** The answer as an object, in the arena of the question. Same shape. */
GW_MUST_CHECK gw_code gw_wk_read_object(gw_wk *wk, gw_ask *ask, gw_fields *out,
                                        bool *is_there, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_read_array(gw_wk *wk, gw_ask *ask, gw_values *out,
                                       bool *is_there, gw_error *err);

/* ---- members of objects ---- */

/** The raw member; at NULL when it is absent or null. */
gw_slice gw_wk_member(gw_fields fields, const char *name);
gw_slice gw_wk_field(gw_fields fields, gw_slice name); /* of a known length */
/** A text, decoded in the arena; at NULL for none or another kind. */
gw_slice gw_wk_text(gw_arena *arena, gw_fields fields, const char *name);
int64_t gw_wk_int(gw_fields fields, const char *name, int64_t otherwise);
/** Whether a value is a list of texts and nothing else. */
bool gw_wk_is_texts(gw_arena *arena, gw_slice raw);

/* ---- users and channels (wukongim_people.c, _found.c) ---- */

#define GW_WK_USER GW_LIT("user")
#define GW_WK_CHANNEL GW_LIT("channel")
#define GW_WK_MESSAGE GW_LIT("message")
#define GW_WK_DEVICE GW_LIT("device")
#define GW_WK_CONVERSATION GW_LIT("conversation")
#define GW_WK_TOPIC GW_LIT("topic")
#define GW_WK_COMMA GW_LIT("comma")
#define GW_WK_CUT GW_LIT("cut")
#define GW_WK_DIFFERENT GW_LIT("different")

/** Whether a text from the source can be a key here: not empty, not too
 *  long, without a NUL. */
bool gw_wk_is_key(gw_slice text);
/** Makes minimal models of users that are not known yet, in the position
 *  under construction; they are asked for later. Texts in the arena of the
 *  position. */
GW_MUST_CHECK gw_code gw_wk_find_users(gw_wk *wk, const gw_texts *uids,
                                       gw_error *err);
/** The same for one channel; *id is its model's. */
GW_MUST_CHECK gw_code gw_wk_find_channel(gw_wk *wk, const gw_wk_topic *topic,
                                         int64_t *id, gw_error *err);
/** Notes the two persons of a channel's name, if they are certain. */
void gw_wk_add_persons(gw_texts *uids, const gw_wk_topic *topic);

/** A user or channel on its way: what the lists say, and its row. */
typedef struct gw_wk_bring gw_wk_bring;
/** Asks for all users and channels that were found but never asked for,
 *  until nothing new appears. */
GW_MUST_CHECK gw_code gw_wk_bring_found(gw_wk *wk, gw_error *err);
/** Asks for those of one kind that this import has not asked for, and for
 *  what they lead to. */
GW_MUST_CHECK gw_code gw_wk_bring_rest(gw_wk *wk, bool are_users,
                                       gw_error *err);
/** Keeps in mind that a uid holds a comma: lists have it split. */
GW_MUST_CHECK gw_code gw_wk_note_comma(gw_wk *wk, gw_slice uid, gw_error *err);

/* ---- the steps ---- */

GW_MUST_CHECK gw_code gw_wk_step_user(gw_wk *wk, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_step_channel(gw_wk *wk, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_step_message(gw_wk *wk, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_step_conversation(gw_wk *wk, gw_error *err);
GW_MUST_CHECK gw_code gw_wk_step_cleanup(gw_wk *wk, gw_error *err);
/** Brings the devices of the list of users, once all uids are known. */
GW_MUST_CHECK gw_code gw_wk_bring_devices(gw_wk *wk, gw_error *err);
/** Reads the topics that channels with a slash must have. */
GW_MUST_CHECK gw_code gw_wk_bring_cut_topics(gw_wk *wk, gw_error *err);

GW_MUST_CHECK gw_code gw_wk_tally(void *self, gw_step step, gw_tally *out,
                                  gw_error *err);
GW_MUST_CHECK gw_code gw_wk_differing(void *self,
                                      gw_code (*visit)(void *arg,
                                                       const gw_differing *d,
                                                       gw_error *err),
                                      void *arg, gw_error *err);

/* ---- lists (wukongim_list.c) ---- */

/** A whole list of the source, in a file, and what its order says. */
typedef struct gw_wk_list {
    gw_rows rows;
    uint8_t *slots, *verdicts;
    size_t n, room, at; /* at: of the row read next */
    const char *id_member, *number_member;
} gw_wk_list;

GW_MUST_CHECK gw_code gw_wk_list_fetch(gw_wk *wk, const char *path,
                                       const char *id_member,
                                       const char *number_member,
                                       gw_wk_list *out, gw_error *err);
/** A row of it; it lives for the visit. */
typedef struct gw_wk_row {
    gw_arena *arena;
    gw_fields fields;
    gw_trust trust;
    size_t number; /* from 1 */
} gw_wk_row;

/** *go_on is true; a visit that wants no more rows clears it. */
typedef gw_code (*gw_wk_row_visit)(void *arg, const gw_wk_row *row, bool *go_on,
                                   gw_error *err);
/** Visits the rows from where the last walk stopped; *is_at_end: there are no
 *  more. NULL: all, and the next walk begins at the first again. */
GW_MUST_CHECK gw_code gw_wk_list_walk(gw_wk_list *list, gw_wk_row_visit visit,
                                      void *arg, bool *is_at_end,
                                      gw_error *err);
void gw_wk_list_clear(gw_wk_list *list);

#endif
