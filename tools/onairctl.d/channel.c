
#include "ctl.h"

#include <stdlib.h>
#include <string.h>


#define CTL_TITLE_CHARS     140
#define CTL_CATEGORY_CHARS  64
#define CTL_ROWS            100
#define CTL_ROWS_MAX        10000


static const ctl_field_t  ctl_channel_fields[] = {
    { "name", "name", CTL_AS_TEXT },
    { "user", "user", CTL_AS_TEXT },
    { "live", "live", CTL_AS_BOOL },
    { "title", "title", CTL_AS_TEXT },
    { "category", "category", CTL_AS_TEXT },
    { "tags", "tags", CTL_AS_LIST },
    { "language", "language", CTL_AS_TEXT },
    { "mature", "mature", CTL_AS_BOOL },
    { "subscriber_only", "subscribers only", CTL_AS_BOOL },
    { "created", "created", CTL_AS_TIME },
    { "updated", "updated", CTL_AS_TIME },
};

#define CTL_CHANNEL_FIELDS  11

#define CTL_CHANNEL_COLUMNS                                                   \
    "SELECT c.name, u.name, (SELECT count(*) FROM streams s WHERE "           \
    "s.user_id = c.user_id AND s.channel_id = c.id AND s.ended_ms IS NULL), " \
    "c.title, c.category, c.tags, c.language, c.mature, c.subscriber_only, "  \
    "c.created_ms, c.updated_ms "                                             \
    "FROM channels c JOIN users u ON u.id = c.user_id "

static const ctl_field_t  ctl_stream_fields[] = {
    { "session", "session", CTL_AS_TEXT },
    { "started", "started", CTL_AS_TIME },
    { "ended", "ended", CTL_AS_TIME },
    { "end_reason", "reason", CTL_AS_TEXT },
    { "node", "node", CTL_AS_TEXT },
    { "address", "address", CTL_AS_TEXT },
    { "peak_viewers", "peak viewers", CTL_AS_INTEGER },
    { "bytes", "bytes", CTL_AS_INTEGER },
    { "seen", NULL, CTL_AS_TIME },
};

#define CTL_STREAM_FIELDS  9


static void
ctl_channel_print(const ctl_run_t *run, ctl_db_t *db, ctl_channel_t channel)
{
    json_t      *object;
    ctl_rows_t  *rows;

    rows = ctl_db_query(db, CTL_CHANNEL_COLUMNS
                        "WHERE c.user_id = $1 AND c.id = $2",
                        CTL_VALUES(CTL_I(channel.user_id),
                                   CTL_I(channel.id)));
    object = ctl_rows_object(rows, 0, ctl_channel_fields, CTL_CHANNEL_FIELDS);
    ctl_rows_free(rows);

    if (run->json) {
        ctl_print_json(object);
    } else {
        ctl_print_record(object, ctl_channel_fields, CTL_CHANNEL_FIELDS);
    }

    ctl_print_end();
}


void
ctl_channel_show(const ctl_run_t *run)
{
    char      *name;
    ctl_db_t  *db;

    name = ctl_check_name("channel", run->name);
    db = ctl_run_open(run);
    ctl_channel_print(run, db, ctl_channel_find(db, name));
    ctl_db_close(db);
    free(name);
}


/* NULL leaves a column as it is. */
static ctl_value_t
ctl_channel_flag(const ctl_run_t *run, const char *option)
{
    int  flag;

    flag = ctl_args_bool(run->args, option, -1);

    return (ctl_value_t) { flag == -1 ? CTL_NULL : CTL_INTEGER, flag, NULL, 0 };
}


static void
ctl_channel_update(const ctl_run_t *run, ctl_db_t *db, ctl_channel_t channel,
    const char *tags)
{
    const ctl_args_t   *args = run->args;

    const ctl_value_t   values[] = {
        CTL_T(ctl_check_text("title", ctl_args_value(args, "title"),
                             CTL_TITLE_CHARS)),
        CTL_T(ctl_check_text("category", ctl_args_value(args, "category"),
                             CTL_CATEGORY_CHARS)),
        CTL_T(tags),
        CTL_T(ctl_check_language(ctl_args_value(args, "language"))),
        ctl_channel_flag(run, "mature"),
        ctl_channel_flag(run, "subscriber-only"),
        CTL_I(ctl_now_ms()),
        CTL_I(channel.user_id),
        CTL_I(channel.id),
    };

    ctl_db_execute(db, "UPDATE channels SET title = coalesce($1, title), "
                       "category = coalesce($2, category), "
                       "tags = coalesce($3, tags), "
                       "language = coalesce($4, language), "
                       "mature = coalesce($5, mature), "
                       "subscriber_only = coalesce($6, subscriber_only), "
                       "updated_ms = $7 WHERE user_id = $8 AND id = $9",
                   sizeof(values) / sizeof(values[0]), values);
}


void
ctl_channel_set(const ctl_run_t *run)
{
    char           *name, *tags;
    ctl_db_t       *db;
    ctl_channel_t   channel;

    name = ctl_check_name("channel", run->name);
    tags = ctl_check_tags(ctl_args_value(run->args, "tags"));
    db = ctl_run_open(run);

    ctl_db_begin(db);
    channel = ctl_channel_find(db, name);
    ctl_channel_update(run, db, channel, tags);
    ctl_change_add(db, channel.user_id, channel.id, "changed");
    ctl_db_commit(db);

    ctl_channel_print(run, db, channel);
    ctl_db_close(db);
    free(tags);
    free(name);
}


void
ctl_channel_list(const ctl_run_t *run)
{
    int64_t      limit;
    ctl_db_t    *db;
    const char  *after, *last;
    ctl_rows_t  *rows;

    after = ctl_args_value(run->args, "after");
    limit = ctl_args_integer(run->args, "limit", 1, CTL_ROWS_MAX, CTL_ROWS);

    db = ctl_run_open(run);
    rows = ctl_db_query(db, CTL_CHANNEL_COLUMNS
                        "WHERE c.name > $1 ORDER BY c.name LIMIT $2",
                        CTL_VALUES(CTL_T(after ? after : ""),
                                   CTL_I(limit + 1)));
    last = ctl_rows_cut(rows, (size_t) limit);

    ctl_run_list(run, rows, "channels", ctl_channel_fields, CTL_CHANNEL_FIELDS,
                 5, last);
    ctl_rows_free(rows);
    ctl_db_close(db);
}


void
ctl_channel_stop(const ctl_run_t *run)
{
    char           *name;
    bool            live;
    ctl_db_t       *db;
    ctl_rows_t     *rows;
    ctl_channel_t   channel;

    name = ctl_check_name("channel", run->name);
    db = ctl_run_open(run);

    ctl_db_begin(db);
    channel = ctl_channel_find(db, name);
    rows = ctl_db_query(db, "SELECT 1 FROM streams WHERE user_id = $1 AND "
                            "channel_id = $2 AND ended_ms IS NULL LIMIT 1",
                        CTL_VALUES(CTL_I(channel.user_id),
                                   CTL_I(channel.id)));
    live = ctl_rows_count(rows) > 0;
    ctl_rows_free(rows);
    ctl_change_add(db, channel.user_id, channel.id, "stop");
    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:b}", "name", name, "live", live),
                live ? "%s: the servers end its stream"
                     : "%s: the servers end its stream; the book has none "
                       "that is live",
                name);

    ctl_db_close(db);
    free(name);
}


void
ctl_streams(const ctl_run_t *run)
{
    char           *name;
    int64_t         limit;
    ctl_db_t       *db;
    ctl_rows_t     *rows;
    ctl_channel_t   channel;

    name = ctl_check_name("channel", run->args->words[1]);
    limit = ctl_args_integer(run->args, "limit", 1, CTL_ROWS_MAX, CTL_ROWS);

    db = ctl_run_open(run);
    channel = ctl_channel_find(db, name);
    rows = ctl_db_query(db, "SELECT id, started_ms, ended_ms, end_reason, "
                            "node, address, peak_viewers, bytes, seen_ms "
                            "FROM streams WHERE user_id = $1 AND channel_id "
                            "= $2 ORDER BY started_ms DESC, id LIMIT $3",
                        CTL_VALUES(CTL_I(channel.user_id), CTL_I(channel.id),
                                   CTL_I(limit)));

    ctl_run_list(run, rows, "streams", ctl_stream_fields, CTL_STREAM_FIELDS,
                 CTL_STREAM_FIELDS, NULL);
    ctl_rows_free(rows);
    ctl_db_close(db);
    free(name);
}
