
#include "ctl.h"


#define CTL_CHANGES_KEEP_MS  (24 * 3600 * 1000)


int64_t
ctl_user_lock(ctl_db_t *db, const char *name)
{
    int64_t      id;
    ctl_rows_t  *rows;

    rows = ctl_db_query(db, "UPDATE users SET updated_ms = $1 WHERE id = "
                            "(SELECT user_id FROM names WHERE name = $2) "
                            "AND name = $2 RETURNING id",
                        CTL_VALUES(CTL_I(ctl_now_ms()), CTL_T(name)));

    if (ctl_rows_count(rows) == 0) {
        ctl_fail(CTL_REFUSED, "there is no user \"%s\"", name);
    }

    id = ctl_rows_integer(rows, 0, 0);
    ctl_rows_free(rows);

    return id;
}


int64_t
ctl_user_find(ctl_db_t *db, const char *name)
{
    int64_t      id;
    ctl_rows_t  *rows;

    rows = ctl_db_query(db, "SELECT id FROM users WHERE id = "
                            "(SELECT user_id FROM names WHERE name = $1) "
                            "AND name = $1",
                        CTL_VALUES(CTL_T(name)));

    if (ctl_rows_count(rows) == 0) {
        ctl_fail(CTL_REFUSED, "there is no user \"%s\"", name);
    }

    id = ctl_rows_integer(rows, 0, 0);
    ctl_rows_free(rows);

    return id;
}


ctl_channel_t
ctl_channel_find(ctl_db_t *db, const char *name)
{
    ctl_rows_t     *rows;
    ctl_channel_t   channel;

    rows = ctl_db_query(db, "SELECT user_id, id FROM channels WHERE user_id = "
                            "(SELECT user_id FROM names WHERE name = $1) "
                            "AND name = $1",
                        CTL_VALUES(CTL_T(name)));

    if (ctl_rows_count(rows) == 0) {
        ctl_fail(CTL_REFUSED, "there is no channel \"%s\"", name);
    }

    channel.user_id = ctl_rows_integer(rows, 0, 0);
    channel.id = ctl_rows_integer(rows, 0, 1);
    ctl_rows_free(rows);

    return channel;
}


void
ctl_change_add(ctl_db_t *db, int64_t user_id, int64_t channel_id,
    const char *kind)
{
    ctl_db_execute(db, "INSERT INTO changes "
                       "(user_id, channel_id, kind, created_ms) "
                       "VALUES ($1, $2, $3, $4)",
                   CTL_VALUES(CTL_I(user_id), CTL_I(channel_id), CTL_T(kind),
                              CTL_I(ctl_now_ms())));
    ctl_changes_prune(db);
}


void
ctl_changes_prune(ctl_db_t *db)
{
    ctl_db_execute(db, "DELETE FROM changes WHERE created_ms < $1",
                   CTL_VALUES(CTL_I(ctl_now_ms() - CTL_CHANGES_KEEP_MS)));
}
