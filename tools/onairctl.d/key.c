
#include "ctl.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>


static const ctl_field_t  ctl_key_fields[] = {
    { "key_id", "id", CTL_AS_INTEGER },
    { "channel", "channel", CTL_AS_TEXT },
    { "created", "created", CTL_AS_TIME },
    { "revoked", "revoked", CTL_AS_TIME },
};


void
ctl_key_make(ctl_db_t *db, const ctl_pepper_t *pepper, int64_t user_id,
    int64_t channel_id, char text[OA_KEY_TEXT_BYTES])
{
    uint8_t  random[OA_KEY_SECRET_BYTES], digest[OA_KEY_DIGEST_BYTES];

    if (RAND_priv_bytes(random, sizeof(random)) != 1) {
        ctl_fail(CTL_UNREACHABLE, "there is no randomness");
    }

    oa_key_format(text, user_id, random);

    if (oa_key_digest(oa_slice(text, strlen(text)),
                      oa_slice(pepper->data, pepper->size), digest)
        != OA_OK)
    {
        ctl_fail(CTL_UNREACHABLE, "the pepper cannot be used");
    }

    ctl_db_execute(db, "INSERT INTO stream_keys "
                       "(user_id, id, channel_id, digest, created_ms) "
                       "SELECT $1, coalesce(max(id), 0) + 1, $2, $3, $4 "
                       "FROM stream_keys WHERE user_id = $1",
                   CTL_VALUES(CTL_I(user_id), CTL_I(channel_id),
                              CTL_B(digest, sizeof(digest)),
                              CTL_I(ctl_now_ms())));
}


/*
 * Those in force, or one of them.  Each is told by its id: a stream with a key
 * that is made in the same transaction has to go on.
 */
static int64_t
ctl_keys_revoke(ctl_db_t *db, int64_t user_id, int64_t key_id)
{
    int64_t      count, now_ms;
    ctl_rows_t  *rows;

    now_ms = ctl_now_ms();
    rows = ctl_db_query(
        db, "INSERT INTO changes (user_id, channel_id, key_id, kind, "
            "created_ms) SELECT user_id, channel_id, id, 'key_revoked', "
            "CAST($1 AS BIGINT) FROM stream_keys WHERE user_id = $2 AND "
            "revoked_ms IS NULL AND (id = $3 OR $3 = 0) RETURNING key_id",
        CTL_VALUES(CTL_I(now_ms), CTL_I(user_id), CTL_I(key_id)));

    count = (int64_t) ctl_rows_count(rows);
    ctl_rows_free(rows);

    ctl_db_execute(db, "UPDATE stream_keys SET revoked_ms = $1 WHERE user_id "
                       "= $2 AND revoked_ms IS NULL AND (id = $3 OR $3 = 0)",
                   CTL_VALUES(CTL_I(now_ms), CTL_I(user_id), CTL_I(key_id)));
    ctl_changes_prune(db);

    return count;
}


/* The user's first channel: a user has one, of the same name. */
static int64_t
ctl_key_channel(ctl_db_t *db, int64_t user_id)
{
    int64_t      id;
    ctl_rows_t  *rows;

    rows = ctl_db_query(db, "SELECT min(id) FROM channels WHERE user_id = $1",
                        CTL_VALUES(CTL_I(user_id)));
    id = ctl_rows_integer(rows, 0, 0);
    ctl_rows_free(rows);

    if (id == 0) {
        ctl_fail(CTL_REFUSED, "this user has no channel");
    }

    return id;
}


void
ctl_key_rotate(const ctl_run_t *run)
{
    char          *name, key[OA_KEY_TEXT_BYTES];
    int64_t        id, revoked;
    ctl_db_t      *db;
    ctl_pepper_t   pepper;

    name = ctl_check_name("user", run->name);
    db = ctl_run_open(run);

    ctl_db_begin(db);
    ctl_pepper_read(db, run->pepper, &pepper);
    id = ctl_user_lock(db, name);
    revoked = ctl_keys_revoke(db, id, 0);
    ctl_key_make(db, &pepper, id, ctl_key_channel(db, id), key);
    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:I, s:I, s:s}", "name", name, "user_id",
                              (json_int_t) id, "revoked",
                              (json_int_t) revoked, "key", key),
                "user        %s (id %lld), old keys revoked: %lld\n"
                "stream key  %s\n"
                "The key is shown this once; only a digest of it is stored.",
                name, (long long) id, (long long) revoked, key);

    ctl_db_close(db);
    free(name);
}


void
ctl_key_revoke(const ctl_run_t *run)
{
    char      *name;
    int64_t    id, key_id, revoked;
    ctl_db_t  *db;

    name = ctl_check_name("user", run->name);
    key_id = ctl_args_integer(run->args, "key", 1, INT64_MAX, 0);
    db = ctl_run_open(run);

    ctl_db_begin(db);
    id = ctl_user_lock(db, name);
    revoked = ctl_keys_revoke(db, id, key_id);

    if (revoked == 0) {
        ctl_fail(CTL_REFUSED, "no such key of \"%s\" is in force", name);
    }

    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:I, s:I}", "name", name, "user_id",
                              (json_int_t) id, "revoked",
                              (json_int_t) revoked),
                "%s: keys revoked: %lld", name, (long long) revoked);

    ctl_db_close(db);
    free(name);
}


void
ctl_key_list(const ctl_run_t *run)
{
    char        *name;
    int64_t      id;
    ctl_db_t    *db;
    ctl_rows_t  *rows;

    name = ctl_check_name("user", run->name);
    db = ctl_run_open(run);
    id = ctl_user_find(db, name);

    rows = ctl_db_query(db, "SELECT k.id, c.name, k.created_ms, k.revoked_ms "
                            "FROM stream_keys k JOIN channels c ON "
                            "c.user_id = k.user_id AND c.id = k.channel_id "
                            "WHERE k.user_id = $1 ORDER BY k.id",
                        CTL_VALUES(CTL_I(id)));

    ctl_run_list(run, rows, "keys", ctl_key_fields, 4, 4, NULL);
    ctl_rows_free(rows);
    ctl_db_close(db);
    free(name);
}
