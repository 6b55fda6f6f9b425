
#include "ctl.h"

#include <stdlib.h>


#define CTL_REASON_CHARS  500
#define CTL_USERS         100
#define CTL_USERS_MAX     10000


static const ctl_field_t  ctl_user_fields[] = {
    { "name", "name", CTL_AS_TEXT },
    { "user_id", "id", CTL_AS_INTEGER },
    { "tier", "tier", CTL_AS_TEXT },
    { "banned", "banned", CTL_AS_BOOL },
    { "can_stream", "may stream", CTL_AS_BOOL },
    { "created", "created", CTL_AS_TIME },
    { "ban_reason", "reason of the ban", CTL_AS_TEXT },
    { "updated", "updated", CTL_AS_TIME },
    { "channel", "channel", CTL_AS_TEXT },
    { "keys", "keys in force", CTL_AS_INTEGER },
    { "live", "live now", CTL_AS_INTEGER },
};

#define CTL_USER_LISTED  7
#define CTL_USER_SHOWN   11

#define CTL_USER_COLUMNS                                                      \
    "SELECT name, id, tier, banned, can_stream, created_ms, ban_reason"


static int64_t
ctl_user_insert(ctl_db_t *db, const char *name, const char *tier)
{
    int64_t      id, now_ms;
    ctl_rows_t  *rows;

    now_ms = ctl_now_ms();
    rows = ctl_db_try(db, "INSERT INTO users "
                          "(name, tier, created_ms, updated_ms) "
                          "VALUES ($1, $2, $3, $3) RETURNING id",
                      CTL_VALUES(CTL_T(name), CTL_T(tier), CTL_I(now_ms)));

    if (rows == NULL) {
        ctl_fail(CTL_REFUSED, "the name \"%s\" is taken", name);
    }

    id = ctl_rows_integer(rows, 0, 0);
    ctl_rows_free(rows);

    ctl_db_execute(db, "INSERT INTO channels "
                       "(user_id, id, name, created_ms, updated_ms) "
                       "VALUES ($1, 1, $2, $3, $3)",
                   CTL_VALUES(CTL_I(id), CTL_T(name), CTL_I(now_ms)));

    return id;
}


void
ctl_user_add(const ctl_run_t *run)
{
    char          *name, key[OA_KEY_TEXT_BYTES];
    int64_t        id;
    ctl_db_t      *db;
    const char    *tier;
    ctl_pepper_t   pepper;

    name = ctl_check_name("user", run->name);
    tier = ctl_args_value(run->args, "tier");
    tier = ctl_check_tier(tier ? tier : "viewer");

    db = ctl_run_open(run);
    ctl_db_begin(db);
    ctl_pepper_read(db, run->pepper, &pepper);

    id = ctl_user_insert(db, name, tier);
    ctl_key_make(db, &pepper, id, 1, key);
    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:I, s:s, s:s, s:s}", "name", name,
                              "user_id", (json_int_t) id, "channel", name,
                              "tier", tier, "key", key),
                "user        %s (%s, id %lld)\n"
                "channel     %s\n"
                "stream key  %s\n"
                "The key is shown this once; only a digest of it is stored.",
                name, tier, (long long) id, name, key);

    ctl_db_close(db);
    free(name);
}


/* What the commands that change one column of a user have in common. */
static void
ctl_user_change(const ctl_run_t *run, const char *sql, const char *text,
    const char *kind, const char *what)
{
    char      *name;
    int64_t    id;
    ctl_db_t  *db;

    name = ctl_check_name("user", run->name);
    db = ctl_run_open(run);

    ctl_db_begin(db);
    id = ctl_user_lock(db, name);
    ctl_db_execute(db, sql, text ? 2 : 1,
                   (ctl_value_t[]) { CTL_I(id), CTL_T(text) });
    ctl_change_add(db, id, 0, kind);
    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:I, s:s}", "name", name, "user_id",
                              (json_int_t) id, "done", what),
                "%s: %s", name, what);

    ctl_db_close(db);
    free(name);
}


void
ctl_user_ban(const ctl_run_t *run)
{
    const char  *reason;

    reason = ctl_check_text("reason", ctl_args_value(run->args, "reason"),
                            CTL_REASON_CHARS);

    ctl_user_change(run, "UPDATE users SET banned = 1, ban_reason = $2 "
                         "WHERE id = $1",
                    reason ? reason : "", "ban", "banned");
}


void
ctl_user_unban(const ctl_run_t *run)
{
    ctl_user_change(run, "UPDATE users SET banned = 0, ban_reason = NULL "
                         "WHERE id = $1",
                    NULL, "changed", "no longer banned");
}


void
ctl_user_allow(const ctl_run_t *run)
{
    ctl_user_change(run, "UPDATE users SET can_stream = 1 WHERE id = $1",
                    NULL, "changed", "may stream");
}


void
ctl_user_disallow(const ctl_run_t *run)
{
    ctl_user_change(run, "UPDATE users SET can_stream = 0 WHERE id = $1",
                    NULL, "not_allowed", "may not stream");
}


void
ctl_user_tier(const ctl_run_t *run)
{
    const char  *tier;

    tier = ctl_check_tier(run->args->words[3]);

    ctl_user_change(run, "UPDATE users SET tier = $2 WHERE id = $1", tier,
                    "changed", tier);
}


void
ctl_user_list(const ctl_run_t *run)
{
    int64_t      limit;
    ctl_db_t    *db;
    const char  *after, *last;
    ctl_rows_t  *rows;

    after = ctl_args_value(run->args, "after");
    limit = ctl_args_integer(run->args, "limit", 1, CTL_USERS_MAX, CTL_USERS);

    db = ctl_run_open(run);
    rows = ctl_db_query(
        db, CTL_USER_COLUMNS
        " FROM users WHERE name > $1 AND banned >= $2 ORDER BY name LIMIT $3",
        CTL_VALUES(CTL_T(after ? after : ""),
                   CTL_I(ctl_args_value(run->args, "banned") != NULL),
                   CTL_I(limit + 1)));

    last = ctl_rows_cut(rows, (size_t) limit);

    ctl_run_list(run, rows, "users", ctl_user_fields, CTL_USER_LISTED,
                 CTL_USER_LISTED, last);
    ctl_rows_free(rows);
    ctl_db_close(db);
}


void
ctl_user_show(const ctl_run_t *run)
{
    char        *name;
    json_t      *user;
    ctl_db_t    *db;
    ctl_rows_t  *rows;

    name = ctl_check_name("user", run->name);
    db = ctl_run_open(run);

    rows = ctl_db_query(
        db, CTL_USER_COLUMNS
        ", updated_ms, (SELECT c.name FROM channels c WHERE c.user_id = u.id "
        "ORDER BY c.id LIMIT 1), (SELECT count(*) FROM stream_keys k WHERE "
        "k.user_id = u.id AND k.revoked_ms IS NULL), (SELECT count(*) FROM "
        "streams s WHERE s.user_id = u.id AND s.ended_ms IS NULL) "
        "FROM users u WHERE id = (SELECT n.user_id FROM names n WHERE n.name "
        "= $1) AND name = $1",
        CTL_VALUES(CTL_T(name)));

    if (ctl_rows_count(rows) == 0) {
        ctl_fail(CTL_REFUSED, "there is no user \"%s\"", name);
    }

    user = ctl_rows_object(rows, 0, ctl_user_fields, CTL_USER_SHOWN);

    if (run->json) {
        ctl_print_json(user);
    } else {
        ctl_print_record(user, ctl_user_fields, CTL_USER_SHOWN);
    }

    ctl_print_end();
    ctl_rows_free(rows);
    ctl_db_close(db);
    free(name);
}
