
/*
 * tools/onairctl: the operator's command.
 *
 * Who does what:
 *
 *   main.c           the commands, their help, exit codes
 *   args.c           the command line
 *   db.c             the database, behind one interface
 *   db_sqlite.c      its two backends
 *   db_postgresql.c
 *   migrate.c        the schema and its version
 *   pepper.c         the secret that digests of keys are made with
 *   names.c          what is checked before it is stored
 *   accounts.c       users and channels found, changes told to servers
 *   user.c key.c channel.c token.c     the commands
 *   print.c          what they print, for people and for programs
 *
 * The program does one thing and ends: what fails says so in one line and exits
 * with ctl_fail(), which rolls back what is open.
 */


#ifndef CTL_H
#define CTL_H


#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/oa_key.h"


/* The exit codes, which "onairctl --help" documents. */
#define CTL_REFUSED      1                     /* not found, or not allowed */
#define CTL_USAGE        2
#define CTL_UNREACHABLE  3                     /* database or pepper */
#define CTL_SCHEMA       4                     /* of another version */

#define CTL_NAME_BYTES   64                    /* of users and channels */


/* Prints "onairctl: TEXT" on standard error and exits with code. */
void ctl_fail(int code, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* A word on standard error; nothing is wrong. */
void ctl_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* UTC, in milliseconds since 1970. */
int64_t ctl_now_ms(void);

void *ctl_alloc(size_t size);
char *ctl_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));


/* args.c */

#define CTL_MAX_OPTIONS  16

typedef struct {
    const char  *name;                         /* without the dashes */
    size_t       name_size;
    const char  *value;
} ctl_option_t;

typedef struct {
    const char    *words[4];                   /* what is no option */
    size_t         nwords;
    ctl_option_t   options[CTL_MAX_OPTIONS];
    size_t         noptions;
} ctl_args_t;

/*
 * Takes the command line apart.  flags and values: the options without and
 * with a value, each name between blanks: " json help ".  Exits on others.
 */
void ctl_args_parse(ctl_args_t *args, int argc, char **argv,
    const char *flags, const char *values);

bool ctl_option_is(const ctl_option_t *option, const char *name);

/* The last value of an option; "" for a flag; NULL: it was not given. */
const char *ctl_args_value(const ctl_args_t *args, const char *name);

/* Of numbers and of yes or no; the default where it was not given. */
int64_t ctl_args_integer(const ctl_args_t *args, const char *name,
    int64_t min, int64_t max, int64_t otherwise);
int ctl_args_bool(const ctl_args_t *args, const char *name, int otherwise);


/* db.c */

typedef struct ctl_db_s    ctl_db_t;
typedef struct ctl_rows_s  ctl_rows_t;

typedef enum { CTL_NULL = 0, CTL_INTEGER, CTL_TEXT, CTL_BYTES } ctl_type_t;

typedef struct {
    ctl_type_t   type;
    int64_t      integer;
    const void  *data;                         /* TEXT ends with a NUL */
    size_t       size;
} ctl_value_t;

#define CTL_I(v)     { CTL_INTEGER, (v), NULL, 0 }
#define CTL_T(s)     { (s) != NULL ? CTL_TEXT : CTL_NULL, 0, (s), 0 }
#define CTL_B(p, n)  { CTL_BYTES, 0, (p), (n) }

/*
 * sqlite:PATH, a URL of PostgreSQL, or a conninfo of libpq.  create: makes the
 * file of SQLite where there is none.  Exits with CTL_UNREACHABLE.
 */
ctl_db_t *ctl_db_open(const char *url, bool create);
void ctl_db_close(ctl_db_t *db);

/* "sqlite" or "postgresql"; the file of SQLite, NULL for PostgreSQL. */
const char *ctl_db_kind(const ctl_db_t *db);
const char *ctl_db_path(const ctl_db_t *db);

/* A transaction that may write.  What is not committed never was. */
void ctl_db_begin(ctl_db_t *db);
void ctl_db_commit(ctl_db_t *db);

/* Several statements without parameters, as in a file of sql/. */
void ctl_db_script(ctl_db_t *db, const char *text);

/*
 * One statement.  $1, $2 ... stand for the values, each used at least once.
 * Rows are to be freed.  NULL, of ctl_db_try() only: a constraint does
 * not allow it, and the transaction cannot go on.  Other errors exit.
 */
ctl_rows_t *ctl_db_try(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values);
ctl_rows_t *ctl_db_query(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values);

/* ctl_db_query() with values in place, without the rows. */
#define CTL_VALUES(...)                                                       \
    sizeof((ctl_value_t[]) { __VA_ARGS__ }) / sizeof(ctl_value_t),            \
    (ctl_value_t[]) { __VA_ARGS__ }

void ctl_db_execute(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values);

size_t ctl_rows_count(const ctl_rows_t *rows);
int64_t ctl_rows_integer(const ctl_rows_t *rows, size_t row, size_t column);
const char *ctl_rows_text(const ctl_rows_t *rows, size_t row, size_t column);
void ctl_rows_free(ctl_rows_t *rows);

/*
 * Drops the rows behind the first max > 0.  NULL: there were none; else the
 * first field of the last row that is left, from where the next page begins.
 */
const char *ctl_rows_cut(ctl_rows_t *rows, size_t max);


/* A backend: one connection.  Errors exit, but for a constraint. */
typedef struct {
    const char  *kind;
    void *(*open)(const char *where, bool create);
    void (*close)(void *connection);
    const char  *begin;                        /* a transaction */
    void (*script)(void *connection, const char *text);
    bool (*query)(void *connection, const char *sql, size_t nvalues,
        const ctl_value_t *values, ctl_rows_t *rows);
} ctl_backend_t;

extern const ctl_backend_t  ctl_sqlite;
extern const ctl_backend_t  ctl_postgresql;

/* How backends fill rows: text, NULL for NULL; copied.  Row by row. */
void ctl_rows_init(ctl_rows_t *rows, size_t ncolumns);
void ctl_rows_add(ctl_rows_t *rows, const char *field);


/* migrate.c */

/* Exits with CTL_SCHEMA unless the schema is the one this program knows. */
void ctl_schema_check(ctl_db_t *db);


/* pepper.c */

typedef struct {
    uint8_t  data[256];
    size_t   size;
} ctl_pepper_t;

/*
 * Makes the pepper where there is none and the database was not used with one
 * yet; true: it did.  Holds one that is there to what the database was used
 * with.  given: its path; NULL: beside an SQLite database, or in the directory
 * above; nothing is done for PostgreSQL.  Inside a transaction.
 */
bool ctl_pepper_prepare(ctl_db_t *db, const char *given);

/*
 * Reads it, and holds it to what the database was used with; the first use is
 * written down.  Exits when it cannot be used.  Inside a transaction.
 */
void ctl_pepper_read(ctl_db_t *db, const char *given, ctl_pepper_t *pepper);


/* names.c: each exits with CTL_USAGE and a reason. */

/* A name in lower case. */
char *ctl_check_name(const char *what, const char *name);

/* Text for people to see: UTF-8 of one line.  NULL stays NULL. */
const char *ctl_check_text(const char *what, const char *text,
    size_t max_characters);
const char *ctl_check_language(const char *tag);
const char *ctl_check_tier(const char *tier);

/* "a,b" as a JSON array.  NULL stays NULL. */
char *ctl_check_tags(const char *list);

/* "90", "15m", "1h", "7d" in seconds. */
int64_t ctl_check_duration(const char *what, const char *text, int64_t max_s);


/* accounts.c */

/* The id of a user; lock: inside a transaction.  Exits when there is none. */
int64_t ctl_user_find(ctl_db_t *db, const char *name);
int64_t ctl_user_lock(ctl_db_t *db, const char *name);

typedef struct {
    int64_t  user_id;
    int64_t  id;
} ctl_channel_t;

/* Exits when there is none. */
ctl_channel_t ctl_channel_find(ctl_db_t *db, const char *name);

/*
 * What running servers have to hear of; 0: all of the user's.  In the
 * transaction of the change itself.  Prunes what is older than a day.
 */
void ctl_change_add(ctl_db_t *db, int64_t user_id, int64_t channel_id,
    const char *kind);
void ctl_changes_prune(ctl_db_t *db);


/* print.c */

typedef enum {
    CTL_AS_TEXT = 0, CTL_AS_INTEGER, CTL_AS_BOOL, CTL_AS_TIME, CTL_AS_LIST
} ctl_form_t;

/* A column of a query: its name in JSON and for people; NULL: JSON only. */
typedef struct {
    const char  *name;
    const char  *title;
    ctl_form_t   form;
} ctl_field_t;

/* Row by row an object with the fields, NULL as null. */
json_t *ctl_rows_object(const ctl_rows_t *rows, size_t row,
    const ctl_field_t *fields, size_t nfields);
json_t *ctl_rows_array(const ctl_rows_t *rows, const ctl_field_t *fields,
    size_t nfields);

/* Prints and frees: one JSON value, or a table, or lines with titles. */
void ctl_print_json(json_t *value);
void ctl_print_table(json_t *array, const ctl_field_t *fields, size_t nfields);
void ctl_print_record(json_t *object, const ctl_field_t *fields,
    size_t nfields);

/* Ends the output; exits when it could not be written. */
void ctl_print_end(void);


/* The commands. */

typedef struct {
    const ctl_args_t  *args;
    const char        *name;                   /* the first word, or NULL */
    bool               json;
    const char        *database;
    const char        *pepper;                 /* as given, or NULL */
} ctl_run_t;

/* The database, its schema checked. */
ctl_db_t *ctl_run_open(const ctl_run_t *run);

/* One line for people, or the JSON; frees value. */
void ctl_run_say(const ctl_run_t *run, json_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The rows as a table of the first ntitles fields, or as an object with an
 * array and, where the list goes on behind last, "next".
 */
void ctl_run_list(const ctl_run_t *run, const ctl_rows_t *rows,
    const char *what, const ctl_field_t *fields, size_t nfields,
    size_t ntitles, const char *last);

/* As json_pack(); exits when it fails. */
json_t *ctl_json(const char *format, ...);

void ctl_migrate(const ctl_run_t *run);

void ctl_user_add(const ctl_run_t *run);
void ctl_user_ban(const ctl_run_t *run);
void ctl_user_unban(const ctl_run_t *run);
void ctl_user_allow(const ctl_run_t *run);
void ctl_user_disallow(const ctl_run_t *run);
void ctl_user_tier(const ctl_run_t *run);
void ctl_user_list(const ctl_run_t *run);
void ctl_user_show(const ctl_run_t *run);

void ctl_key_rotate(const ctl_run_t *run);
void ctl_key_revoke(const ctl_run_t *run);
void ctl_key_list(const ctl_run_t *run);

/* Makes a key and stores its digest; text is to be shown once. */
void ctl_key_make(ctl_db_t *db, const ctl_pepper_t *pepper, int64_t user_id,
    int64_t channel_id, char text[OA_KEY_TEXT_BYTES]);

void ctl_channel_set(const ctl_run_t *run);
void ctl_channel_show(const ctl_run_t *run);
void ctl_channel_list(const ctl_run_t *run);
void ctl_channel_stop(const ctl_run_t *run);
void ctl_streams(const ctl_run_t *run);

void ctl_token(const ctl_run_t *run);


#endif /* CTL_H */
