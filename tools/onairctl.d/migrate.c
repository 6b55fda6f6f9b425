
#include "ctl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


typedef struct {
    const char  *kind;                         /* of the database */
    int          version;                      /* 1, 2 ... of each kind */
    const char  *name;
    const char  *text;
} ctl_migration_t;


/* What is in sql/, written at build time. */
static const ctl_migration_t  ctl_migrations[] = {
#include "migrations.inc"
};

#define CTL_MIGRATIONS                                                        \
    (sizeof(ctl_migrations) / sizeof(ctl_migrations[0]))


static const ctl_field_t  ctl_migrate_fields[] = {
    { "version", "version", CTL_AS_INTEGER },
    { "name", "name", CTL_AS_TEXT },
    { "applied", "applied", CTL_AS_TIME },
};

static const char  ctl_migrate_table[] =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    "version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
    "applied_ms BIGINT NOT NULL)";


static const ctl_migration_t *
ctl_migration_find(ctl_db_t *db, int64_t version)
{
    size_t  i;

    for (i = 0; i < CTL_MIGRATIONS; i++) {
        if (strcmp(ctl_migrations[i].kind, ctl_db_kind(db)) == 0
            && ctl_migrations[i].version == version)
        {
            return &ctl_migrations[i];
        }
    }

    return NULL;
}


static int64_t
ctl_migration_newest(ctl_db_t *db)
{
    int64_t  version;

    for (version = 0; ctl_migration_find(db, version + 1); version++) {
        /* void */
    }

    return version;
}


static bool
ctl_schema_exists(ctl_db_t *db)
{
    bool         exists;
    ctl_rows_t  *rows;

    rows = ctl_db_query(db, ctl_db_path(db)
                                ? "SELECT 1 FROM sqlite_master "
                                  "WHERE name = 'schema_version'"
                                : "SELECT 1 WHERE "
                                  "to_regclass('schema_version') IS NOT NULL",
                        0, NULL);
    exists = ctl_rows_count(rows) > 0;
    ctl_rows_free(rows);

    return exists;
}


/* 0: there is none yet.  Exits when it is of a newer program. */
static int64_t
ctl_schema_version(ctl_db_t *db)
{
    int64_t      version, newest;
    ctl_rows_t  *rows;

    if (!ctl_schema_exists(db)) {
        return 0;
    }

    rows = ctl_db_query(db, "SELECT max(version) FROM schema_version", 0, NULL);
    version = ctl_rows_integer(rows, 0, 0);
    ctl_rows_free(rows);

    newest = ctl_migration_newest(db);

    if (version > newest) {
        ctl_fail(CTL_SCHEMA, "the database has schema %lld, this program "
                 "knows %lld: use a newer one", (long long) version,
                 (long long) newest);
    }

    return version;
}


void
ctl_schema_check(ctl_db_t *db)
{
    int64_t  version, newest;

    version = ctl_schema_version(db);
    newest = ctl_migration_newest(db);

    if (version < newest) {
        ctl_fail(CTL_SCHEMA, "the database has schema %lld, this program "
                 "needs %lld: run \"onairctl migrate\"", (long long) version,
                 (long long) newest);
    }
}


/*
 * The next migration with its row, in a transaction that nobody else is in.
 * False: there is none.
 */
static bool
ctl_migrate_step(ctl_db_t *db)
{
    int64_t                 version;
    const ctl_migration_t  *migration;

    ctl_db_begin(db);

    if (ctl_db_path(db) == NULL) {
        ctl_db_execute(db, "SELECT pg_advisory_xact_lock(1869504882, 1)", 0,
                       NULL);
    }

    ctl_db_script(db, ctl_migrate_table);

    version = ctl_schema_version(db) + 1;
    migration = ctl_migration_find(db, version);

    if (migration) {
        ctl_db_script(db, migration->text);
        ctl_db_execute(db, "INSERT INTO schema_version VALUES ($1, $2, $3)",
                       CTL_VALUES(CTL_I(version), CTL_T(migration->name),
                                  CTL_I(ctl_now_ms())));
    }

    ctl_db_commit(db);

    return migration != NULL;
}


/*
 * Not left to SQLite: the workers of a server that root starts run as another
 * user, whose directory the database lies in.
 */
static void
ctl_migrate_create(const char *path)
{
    int          fd;
    char        *directory, *slash;
    struct stat  st;

    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1) {
        return;
    }

    directory = ctl_format("%s", path);
    slash = strrchr(directory, '/');

    if (slash) {
        slash[slash == directory] = '\0';
    }

    if (geteuid() == 0 && stat(slash ? directory : ".", &st) == 0
        && fchown(fd, st.st_uid, st.st_gid) != 0)
    {
        ctl_note("%s stays root's: the server's workers cannot use it", path);
    }

    close(fd);
    free(directory);
}


static void
ctl_migrate_status(const ctl_run_t *run)
{
    json_t      *list;
    int64_t      version, newest;
    ctl_db_t    *db;
    ctl_rows_t  *rows;

    db = ctl_db_open(run->database, false);
    version = ctl_schema_version(db);
    newest = ctl_migration_newest(db);
    list = json_array();

    if (version > 0) {
        rows = ctl_db_query(db, "SELECT version, name, applied_ms "
                                "FROM schema_version ORDER BY version",
                            0, NULL);
        json_decref(list);
        list = ctl_rows_array(rows, ctl_migrate_fields, 3);
        ctl_rows_free(rows);
    }

    if (run->json) {
        ctl_print_json(ctl_json("{s:s, s:I, s:I, s:o}", "database",
                                ctl_db_kind(db), "version",
                                (json_int_t) version, "newest",
                                (json_int_t) newest, "migrations", list));
    } else {
        ctl_print_table(list, ctl_migrate_fields, 3);
    }

    ctl_print_end();
    ctl_schema_check(db);
    ctl_db_close(db);
}


void
ctl_migrate(const ctl_run_t *run)
{
    bool       created;
    int64_t    applied;
    ctl_db_t  *db;

    if (ctl_args_value(run->args, "status")) {
        ctl_migrate_status(run);
        return;
    }

    if (strncmp(run->database, "sqlite:", 7) == 0) {
        ctl_migrate_create(run->database + 7);
    }

    db = ctl_db_open(run->database, true);

    for (applied = 0; ctl_migrate_step(db); applied++) {
        /* void */
    }

    ctl_db_begin(db);
    created = ctl_pepper_prepare(db, run->pepper);
    ctl_db_commit(db);

    ctl_run_say(run, ctl_json("{s:s, s:I, s:I, s:b}", "database",
                              ctl_db_kind(db), "version",
                              (json_int_t) ctl_migration_newest(db), "applied",
                              (json_int_t) applied, "pepper_created", created),
                "schema %lld, %lld applied now",
                (long long) ctl_migration_newest(db), (long long) applied);

    ctl_db_close(db);
}
