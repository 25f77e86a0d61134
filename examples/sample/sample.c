/* SPDX-License-Identifier: Apache-2.0 */
/** godwit-sample: the history of a chat and meetings application as NDJSON.
 *
 *  Writes positions as `godwit load` reads them: meetings, users, groups,
 *  topics, messages, polls and their options, with events of all six types.
 *  The same options give the same bytes, and --skip continues a history
 *  where an earlier call ended. It keeps just as much of the application's
 *  state as makes every event valid; it knows nothing of Godwit. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MEMBERS_MAX = 24, /* of a group */
    VOTES_MAX = 40,   /* on a poll */
    OPTIONS = 3,      /* of a poll */
    RECENT = 4000,    /* most of the talk is about the latest messages */
};

struct options {
    int64_t positions, events, skip, models, fields, seed;
    double rate; /* positions a second; 0: no pause */
    bool bench;
};

struct group {
    int64_t meeting;
    int64_t members[MEMBERS_MAX]; /* a ring: who came first leaves first */
    uint64_t joined;
};

struct topic {
    int64_t group, n_messages;
};

struct message {
    int64_t topic;
    bool deleted;
};

struct user {
    bool has_nick, deleted;
};

struct poll {
    int64_t topic, votes;
    bool closed;
};

/* A growing array; ids count from 1, so at[id - 1]. */
#define TABLE(type)                                                            \
    struct {                                                                   \
        type *at;                                                              \
        int64_t n, room;                                                       \
    }

struct sample {
    struct options opt;
    uint64_t random;
    int64_t position, events; /* the current one; written before it */
    int64_t left;             /* events that the position may still hold */
    bool quiet, first;
    int64_t meetings;
    TABLE(struct user) users;
    TABLE(struct group) groups;
    TABLE(struct topic) topics;
    TABLE(struct message) messages;
    TABLE(struct poll) polls;
};

#define NEW_ROW(table)                                                         \
    (grow((void **)&(table).at, &(table).n, &(table).room,                     \
          sizeof *(table).at),                                                 \
     &(table).at[(table).n - 1])

static void
grow(void **at, int64_t *n, int64_t *room, size_t size_bytes)
{
    if (*n == *room) {
        *room = *room ? *room * 2 : 64;
        *at = realloc(*at, (size_t)*room * size_bytes);
        if (!*at) {
            perror("godwit-sample");
            exit(1);
        }
    }
    memset((char *)*at + (size_t)*n * size_bytes, 0, size_bytes);
    ++*n;
}

/* splitmix64 */
static uint64_t
next_random(struct sample *s)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 0 … n-1 */
static int64_t
below(struct sample *s, int64_t n)
{
    return (int64_t)(next_random(s) % (uint64_t)n);
}

static bool
chance(struct sample *s, int64_t percent)
{
    return below(s, 100) < percent;
}

/* An id 1 … n, nine times in ten one of the latest `recent`. */
static int64_t
pick(struct sample *s, int64_t n, int64_t recent)
{
    if (n > recent && chance(s, 90))
        return n - below(s, recent);
    return 1 + below(s, n);
}

static __attribute__((format(printf, 2, 3))) void
put(const struct sample *s, const char *fmt, ...)
{
    va_list args;

    if (s->quiet)
        return;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

/* Opens an event up to its data. */
static void
begin(struct sample *s, const char *collection, int64_t id, const char *type)
{
    put(s, "%s{\"fqid\":\"%s/%" PRId64 "\",\"type\":\"%s\",\"data\":",
        s->first ? "" : ",", collection, id, type);
    s->first = false;
    s->left--;
    s->events++;
}

/* Parts of JSON strings as an application sends them: raw UTF-8, escapes. */
// clang-format off
static const char *const words[] = {
    "the",      "meeting",   "starts", "at",      "nine",    "please",
    "bring",    "your",      "notes",  "we",      "agreed",  "on",
    "a",        "budget",    "for",    "spring",  "Grüße",   "from",
    "Z\\u00fcrich", "naïve", "idea",   "\\\"yes\\\"", "line\\nbreak", "ok",
    "👍",       "proposal",  "vote",   "minutes", "agenda",  "room",
    "tomorrow", "deadline",  "moved",  "thanks",  "really?", "see",
    "attached", "file",      "draft",  "3.14",    "100\\/0", "日本",
};
// clang-format on

static void
put_text(struct sample *s, int64_t n_words)
{
    put(s, "\"");
    for (int64_t i = 0; i < n_words; i++) {
        int64_t w = below(s, (int64_t)(sizeof words / sizeof *words));
        put(s, "%s%s", i ? " " : "", words[w]);
    }
    put(s, "\"");
}

/* Seconds since 1970 of the current position, and a little. */
static int64_t
now(const struct sample *s)
{
    return 1714550400 + s->position * 7 + s->left;
}

static int64_t
topic_meeting(const struct sample *s, int64_t topic)
{
    return s->groups.at[s->topics.at[topic - 1].group - 1].meeting;
}

/* ---- What people do: each writes at most s->left events. ---- */

static void
new_meeting(struct sample *s)
{
    int64_t id = ++s->meetings;

    begin(s, "meeting", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"name\":\"Meeting %" PRId64 "\"", id, id);
    put(s, ",\"start_time\":%" PRId64 ",\"location\":", now(s));
    put_text(s, 4);
    put(s,
        ",\"quorum\":0.50,\"settings\":{\"language\":\"%s\","
        "\"features\":[]}}}",
        chance(s, 50) ? "de_DE" : "en_US");
}

static void
new_user(struct sample *s)
{
    static const char *const first[] = {"Ada",    "Grace",   "Alan",   "Zoë",
                                        "Edsger", "Barbara", "Niklaus"};
    static const char *const lang[] = {"en_US", "de_DE", "fr_FR", "it_IT"};
    struct user *user = NEW_ROW(s->users);
    int64_t id = s->users.n;

    user->has_nick = chance(s, 30);
    begin(s, "user", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"name\":\"%s %" PRId64 "\"", id,
        first[below(s, 7)], id);
    put(s, ",\"email\":\"user%" PRId64 "@example.org\"", id);
    put(s, ",\"lang\":\"%s\"", lang[below(s, 4)]);
    if (user->has_nick)
        put(s, ",\"nick\":\"n%" PRId64 "\"", below(s, 100000));
    /* ids of devices are beyond 2^53 */
    put(s, ",\"device_id\":%" PRId64,
        INT64_C(9007199254740993) + below(s, INT64_C(1) << 61));
    put(s, ",\"group_ids\":[],\"created\":%" PRId64 ",\"about\":", now(s));
    put_text(s, 8);
    put(s, "}}");
}

static void
new_group(struct sample *s)
{
    struct group *group = NEW_ROW(s->groups);
    int64_t id = s->groups.n;

    group->meeting = 1 + below(s, s->meetings);
    begin(s, "group", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"meeting_id\":%" PRId64, id, group->meeting);
    put(s, ",\"name\":\"Group %" PRId64 "\"", id);
    put(s, ",\"permissions\":[\"topic.can_see\",\"message.can_write\","
           "\"legacy.can_all\"]");
    put(s, ",\"user_ids\":[],\"topic_ids\":[],\"description\":");
    put_text(s, 12);
    put(s, "}}");
}

static void
new_topic(struct sample *s)
{
    struct topic *topic = NEW_ROW(s->topics);
    int64_t id = s->topics.n;

    topic->group = 1 + below(s, s->groups.n);
    begin(s, "topic", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"meeting_id\":%" PRId64, id,
        topic_meeting(s, id));
    put(s, ",\"group_id\":%" PRId64 ",\"title\":", topic->group);
    put_text(s, 5);
    put(s, ",\"text\":");
    put_text(s, 14);
    put(s, ",\"tags\":[],\"created\":%" PRId64 "}}", now(s));
    if (s->left == 0)
        return;
    begin(s, "group", topic->group, "listfields");
    put(s, "{\"add\":{\"topic_ids\":[%" PRId64 "]},\"remove\":{}}}", id);
}

static void
post_message(struct sample *s)
{
    struct message *message = NEW_ROW(s->messages);
    int64_t id = s->messages.n;
    struct topic *topic;

    message->topic = pick(s, s->topics.n, 200);
    topic = &s->topics.at[message->topic - 1];
    topic->n_messages++;
    begin(s, "message", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"meeting_id\":%" PRId64, id,
        topic_meeting(s, message->topic));
    put(s, ",\"topic_id\":%" PRId64 ",\"sender_id\":%" PRId64, message->topic,
        1 + below(s, s->users.n));
    put(s, ",\"client_no\":%" PRId64,
        INT64_C(9007199254740993) + below(s, INT64_C(1) << 61));
    put(s, ",\"content\":");
    put_text(s, 8 + below(s, 32));
    put(s, ",\"created\":%" PRId64 "}}", now(s));
    if (s->left == 0 || chance(s, 40))
        return;
    begin(s, "topic", message->topic, "update");
    put(s, "{\"last_message_id\":%" PRId64 ",\"message_count\":%" PRId64, id,
        topic->n_messages);
    put(s, ",\"last_activity\":%" PRId64 ",\"summary\":", now(s));
    put_text(s, 12 + below(s, 20));
    put(s, "}}");
}

/* A message that is not deleted, or 0. */
static int64_t
some_message(struct sample *s)
{
    int64_t id = pick(s, s->messages.n, RECENT);
    return s->messages.at[id - 1].deleted ? 0 : id;
}

static void
edit_message(struct sample *s)
{
    int64_t id = some_message(s);

    if (!id)
        return;
    begin(s, "message", id, "update");
    put(s, "{\"content\":");
    put_text(s, 12 + below(s, 32));
    put(s, ",\"edited\":%" PRId64 "}}", now(s));
}

static void
react(struct sample *s)
{
    int64_t id = some_message(s), user = 1 + below(s, s->users.n);
    const char *field = chance(s, 70) ? "like_user_ids" : "seen_user_ids";

    if (!id)
        return;
    begin(s, "message", id, "listfields");
    if (chance(s, 85))
        put(s, "{\"add\":{\"%s\":[%" PRId64 "]},\"remove\":{}}}", field, user);
    else
        put(s, "{\"add\":{},\"remove\":{\"%s\":[%" PRId64 "]}}}", field, user);
}

static void
delete_or_restore_message(struct sample *s)
{
    int64_t id = pick(s, s->messages.n, RECENT);
    struct message *message = &s->messages.at[id - 1];

    begin(s, "message", id, message->deleted ? "restore" : "delete");
    put(s, "null}");
    message->deleted = !message->deleted;
}

static void
read_topic(struct sample *s)
{
    int64_t id = 1 + below(s, s->users.n);

    if (s->users.at[id - 1].deleted)
        return;
    begin(s, "user", id, "update");
    put(s, "{\"last_topic_id\":%" PRId64 ",\"last_seen\":%" PRId64,
        pick(s, s->topics.n, 200), now(s));
    put(s, ",\"unread\":%" PRId64 ",\"status_text\":", below(s, 500));
    put_text(s, 6 + below(s, 10));
    put(s,
        ",\"client\":{\"name\":\"web\",\"version\":\"4.2.%" PRId64
        "\",\"zoom\":1.10}}}",
        below(s, 30));
}

static void
change_profile(struct sample *s)
{
    int64_t id = 1 + below(s, s->users.n);
    struct user *user = &s->users.at[id - 1];

    if (user->deleted)
        return;
    if (user->has_nick) {
        begin(s, "user", id, "deletefields");
        put(s, "[\"nick\"]}");
    } else {
        begin(s, "user", id, "update");
        put(s, "{\"nick\":\"n%" PRId64 "\",\"about\":", below(s, 100000));
        put_text(s, 20);
        put(s, "}}");
    }
    user->has_nick = !user->has_nick;
}

static void
delete_or_restore_user(struct sample *s)
{
    int64_t id = 1 + below(s, s->users.n);
    struct user *user = &s->users.at[id - 1];

    begin(s, "user", id, user->deleted ? "restore" : "delete");
    put(s, "null}");
    user->deleted = !user->deleted;
}

static void
join_group(struct sample *s)
{
    int64_t id = 1 + below(s, s->groups.n), user = 1 + below(s, s->users.n);
    struct group *group = &s->groups.at[id - 1];
    int64_t *seat = &group->members[group->joined++ % MEMBERS_MAX];

    begin(s, "group", id, "listfields");
    put(s, "{\"add\":{\"user_ids\":[%" PRId64 "]},\"remove\":{", user);
    if (*seat)
        put(s, "\"user_ids\":[%" PRId64 "]", *seat);
    put(s, "}}}");
    *seat = user;
    if (s->left == 0 || s->users.at[user - 1].deleted)
        return;
    begin(s, "user", user, "listfields");
    put(s, "{\"add\":{\"group_ids\":[%" PRId64 "]},\"remove\":{}}}", id);
}

static void
new_poll(struct sample *s)
{
    int64_t topic = pick(s, s->topics.n, 200), id;

    if (s->left < 1 + OPTIONS)
        return;
    NEW_ROW(s->polls)->topic = topic;
    id = s->polls.n;
    begin(s, "poll", id, "create");
    put(s, "{\"id\":%" PRId64 ",\"meeting_id\":%" PRId64, id,
        topic_meeting(s, topic));
    put(s, ",\"topic_id\":%" PRId64 ",\"state\":\"started\"", topic);
    put(s, ",\"min_share\":0.10,\"entitled_group_ids\":[],\"title\":");
    put_text(s, 10);
    put(s, "}}");
    for (int64_t i = 0; i < OPTIONS; i++) {
        int64_t option = (id - 1) * OPTIONS + i + 1;
        begin(s, "option", option, "create");
        put(s, "{\"id\":%" PRId64 ",\"poll_id\":%" PRId64, option, id);
        put(s, ",\"weight\":%" PRId64 ",\"text\":", i + 1);
        put_text(s, 6);
        put(s, ",\"user_ids\":[]}}");
    }
}

static void
vote(struct sample *s)
{
    int64_t id, option;
    struct poll *poll;

    if (s->polls.n == 0)
        return;
    id = pick(s, s->polls.n, 50);
    poll = &s->polls.at[id - 1];
    if (poll->closed)
        return;
    poll->votes++;
    poll->closed = poll->votes == VOTES_MAX;
    if (poll->closed) {
        begin(s, "poll", id, "update");
        put(s,
            "{\"state\":\"finished\",\"votes_cast\":%" PRId64
            ",\"closed\":%" PRId64 ",\"turnout\":%" PRId64 ".%" PRId64 "0}}",
            poll->votes, now(s), below(s, 100), below(s, 10));
        return;
    }
    option = (id - 1) * OPTIONS + 1 + below(s, OPTIONS);
    begin(s, "option", option, "listfields");
    put(s, "{\"add\":{\"user_ids\":[%" PRId64 "]},\"remove\":{}}}",
        1 + below(s, s->users.n));
}

/* What happens how often, in parts of a thousand. */
static const struct action {
    int64_t share;
    void (*run)(struct sample *s);
} actions[] = {
    {430, post_message},
    {160, edit_message},
    {90, react},
    {130, read_topic},
    {30, change_profile},
    {30, join_group},
    {30, new_topic},
    {25, new_user},
    {4, new_group},
    {1, new_meeting},
    {12, new_poll},
    {36, vote},
    {20, delete_or_restore_message},
    {2, delete_or_restore_user},
};

/* What must be there before anything else can happen. */
static bool
make_first(struct sample *s)
{
    if (s->meetings == 0)
        new_meeting(s);
    else if (s->users.n == 0)
        new_user(s);
    else if (s->groups.n == 0)
        new_group(s);
    else if (s->topics.n == 0)
        new_topic(s);
    else if (s->messages.n == 0)
        post_message(s);
    else
        return false;
    return true;
}

static void
chat_events(struct sample *s)
{
    while (s->left > 0) {
        int64_t roll, i;
        if (make_first(s))
            continue;
        roll = below(s, 1000);
        for (i = 0; roll >= actions[i].share; i++)
            roll -= actions[i].share;
        actions[i].run(s);
    }
}

/* ---- --bench: creates and updates of one collection, all of a size. ---- */

enum { BENCH_SET = 4 };

/* `body` and four of the other fields, 40 bytes each. */
static void
put_bench_fields(struct sample *s)
{
    int64_t fields = s->opt.fields, at = below(s, fields);

    put(s, "\"body\":\"%016" PRIx64 "%016" PRIx64 "\"", next_random(s),
        next_random(s));
    for (int64_t i = 0; i < BENCH_SET; i++) {
        put(s, ",\"field_%02" PRId64 "\":\"%016" PRIx64 "%08" PRIx64 "\"", at,
            next_random(s), next_random(s) >> 32);
        /* never once round: no field twice */
        at = (at + 1 + below(s, (fields - 1) / (BENCH_SET - 1))) % fields;
    }
}

static void
bench_events(struct sample *s)
{
    const struct options *opt = &s->opt;

    while (s->left > 0) {
        /* creates are spread evenly over the history */
        bool create = s->events * opt->models / opt->events >= s->messages.n;
        int64_t id;
        if (create) {
            (void)NEW_ROW(s->messages);
            id = s->messages.n;
            begin(s, "message", id, "create");
            put(s, "{\"id\":%" PRId64 ",", id);
        } else {
            id = 1 + below(s, s->messages.n);
            begin(s, "message", id, "update");
            put(s, "{");
        }
        put_bench_fields(s);
        put(s, "}}");
    }
}

/* ---- Positions ---- */

/* The number of events up to and including a position: even over ten
 * positions, uneven among them. */
static int64_t
events_until(const struct sample *s, int64_t position)
{
    int64_t even = position * s->opt.events / s->opt.positions;
    int64_t uneven = (position * 7 + s->opt.seed) % 5 - 2;
    return position % 10 == 0 || s->opt.bench ? even : even + uneven;
}

static void
put_position(struct sample *s)
{
    time_t seconds = (time_t)(1714550400 + s->position * 7);
    struct tm tm;
    char text[32];

    s->left = events_until(s, s->position) - s->events;
    if (s->left < 1)
        s->left = 1;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
    put(s, "{\"timestamp\":\"%s\",\"user_id\":%" PRId64, text,
        s->users.n ? 1 + below(s, s->users.n) : 0);
    if (s->position % 16 == 0)
        put(s, ",\"information\":{\"client\":\"app\",\"version\":\"4.2\"}");
    put(s, ",\"events\":[");
    s->first = true;
    if (s->opt.bench)
        bench_events(s);
    else
        chat_events(s);
    put(s, "]}\n");
}

/* Waits for the time at which the nth position is due. */
static void
wait_for(const struct timespec *start, double rate, int64_t n)
{
    double at = (double)n / rate;
    struct timespec until = *start;

    until.tv_sec += (time_t)at;
    until.tv_nsec += (long)((at - (double)(time_t)at) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    fflush(stdout);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
           EINTR)
        ;
}

static bool
run(struct sample *s)
{
    struct timespec start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (s->position = 1; s->position <= s->opt.positions; s->position++) {
        s->quiet = s->position <= s->opt.skip;
        put_position(s);
        if (!s->quiet && s->opt.rate > 0)
            wait_for(&start, s->opt.rate, s->position - s->opt.skip);
        if (ferror(stdout))
            return false;
    }
    return fflush(stdout) == 0;
}

/* ---- The command line ---- */

static const char usage[] =
    "godwit-sample [OPTION…]: writes a chat application's history as NDJSON\n"
    "  --positions N   up to this position (1000)\n"
    "  --events N      events up to there (5 a position)\n"
    "  --skip P        leave out the first P positions\n"
    "  --rate R        R positions a second (as fast as possible)\n"
    "  --seed S        another history (1)\n"
    "  --bench         creates and updates of one size instead\n"
    "  --models N      with --bench: models created (a quarter of events)\n"
    "  --fields N      with --bench: different fields of a model (32)\n"
    "Continue a history with the same --seed and the same ratio of events\n"
    "to positions: --positions 1000, then --positions 1100 --skip 1000.\n";

static bool
read_number(const char *text, int64_t least, int64_t *out)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < least || value > 1000000000)
        return false;
    *out = value;
    return true;
}

static bool
read_options(char **args, struct options *opt)
{
    struct {
        const char *name;
        int64_t least, *at;
    } numbers[] = {
        {"--positions", 1, &opt->positions}, {"--events", 1, &opt->events},
        {"--skip", 0, &opt->skip},           {"--seed", 0, &opt->seed},
        {"--models", 1, &opt->models},       {"--fields", 4, &opt->fields},
    };
    size_t n = sizeof numbers / sizeof *numbers, i;

    for (; *args; args++) {
        if (strcmp(*args, "--bench") == 0) {
            opt->bench = true;
            continue;
        }
        if (!args[1])
            return false;
        for (i = 0; i < n && strcmp(*args, numbers[i].name) != 0; i++)
            ;
        if (i < n && !read_number(args[1], numbers[i].least, numbers[i].at))
            return false;
        if (i == n && strcmp(*args, "--rate") != 0)
            return false;
        if (i == n)
            opt->rate = strtod(args[1], NULL);
        args++;
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct sample s = {.opt = {.positions = 1000, .fields = 32, .seed = 1}};
    static char buffer[1 << 16];
    bool ok;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_options(argv + 1, &s.opt)) {
        fputs(usage, stderr);
        return 2;
    }
    if (s.opt.events == 0)
        s.opt.events = s.opt.positions * 5;
    if (s.opt.models == 0)
        s.opt.models = s.opt.events / 4 + 1;
    s.random = (uint64_t)s.opt.seed;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    ok = run(&s);
    if (!ok)
        perror("godwit-sample");
    free(s.users.at);
    free(s.groups.at);
    free(s.topics.at);
    free(s.messages.at);
    free(s.polls.at);
    return ok ? 0 : 1;
}
