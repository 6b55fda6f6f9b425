
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* "DIRECTORY/pepper" of the database's directory or the one above. */
static char *
ctl_pepper_beside(const char *database, const char *above)
{
    int          size;
    const char  *slash;

    slash = strrchr(database, '/');
    size = slash ? (int) (slash - database) + 1 : 0;

    return ctl_format("%.*s%spepper", size, database, above);
}


/*
 * Where it is: given, or, for SQLite, beside the database, else in the
 * directory above.  NULL: it has to be given.
 */
static char *
ctl_pepper_path(ctl_db_t *db, const char *given)
{
    char  *beside, *above;

    if (given) {
        return ctl_format("%s", given);
    }

    if (ctl_db_path(db) == NULL) {
        return NULL;
    }

    beside = ctl_pepper_beside(ctl_db_path(db), "");
    if (access(beside, F_OK) == 0) {
        return beside;
    }

    above = ctl_pepper_beside(ctl_db_path(db), "../");
    if (access(above, F_OK) == 0) {
        free(beside);
        return above;
    }

    free(above);

    return beside;
}


static void
ctl_pepper_write(const char *path)
{
    int      fd;
    char     text[2 * OA_KEY_PEPPER_BYTES + 2];
    size_t   i;
    uint8_t  random[OA_KEY_PEPPER_BYTES];

    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1 || RAND_bytes(random, sizeof(random)) != 1) {
        ctl_fail(CTL_UNREACHABLE, "cannot make the pepper %s: %s", path,
                 strerror(errno));
    }

    for (i = 0; i < sizeof(random); i++) {
        snprintf(&text[2 * i], 3, "%02x", random[i]);
    }

    memcpy(&text[2 * sizeof(random)], "\n", 2);

    if (write(fd, text, strlen(text)) != (ssize_t) strlen(text)
        || fsync(fd) != 0 || close(fd) != 0)
    {
        unlink(path);
        ctl_fail(CTL_UNREACHABLE, "cannot write the pepper %s: %s", path,
                 strerror(errno));
    }
}


/*
 * One of 32 random bytes in hexadecimal, mode 0600, if none is there: whole or
 * not at all, and one only, whoever else makes one now.
 */
static bool
ctl_pepper_create(const char *path)
{
    char  *new;
    bool   created;

    if (access(path, F_OK) == 0) {
        return false;
    }

    new = ctl_format("%s.%d.new", path, (int) getpid());
    ctl_pepper_write(new);

    created = link(new, path) == 0;

    if (!created && errno != EEXIST) {
        unlink(new);
        ctl_fail(CTL_UNREACHABLE, "cannot make the pepper %s: %s", path,
                 strerror(errno));
    }

    unlink(new);
    free(new);

    return created;
}


static bool
ctl_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* The contents of the file without blanks around it, as the server reads it. */
static void
ctl_pepper_load(const char *path, ctl_pepper_t *pepper)
{
    FILE    *file;
    size_t   skip;

    file = fopen(path, "re");
    if (file == NULL) {
        ctl_fail(CTL_UNREACHABLE, "cannot read the pepper %s: %s", path,
                 strerror(errno));
    }

    pepper->size = fread(pepper->data, 1, sizeof(pepper->data), file);

    if (ferror(file) || fgetc(file) != EOF) {
        ctl_fail(CTL_UNREACHABLE, "the pepper %s is longer than %zu bytes",
                 path, sizeof(pepper->data));
    }

    fclose(file);

    while (pepper->size > 0 && ctl_is_blank(pepper->data[pepper->size - 1])) {
        pepper->size--;
    }

    for (skip = 0; skip < pepper->size && ctl_is_blank(pepper->data[skip]);) {
        skip++;
    }

    pepper->size -= skip;
    memmove(pepper->data, &pepper->data[skip], pepper->size);

    if (pepper->size < OA_KEY_PEPPER_BYTES) {
        ctl_fail(CTL_UNREACHABLE, "the pepper %s is shorter than %d bytes",
                 path, OA_KEY_PEPPER_BYTES);
    }
}


/* A new one would make every key that was given out worthless. */
bool
ctl_pepper_prepare(ctl_db_t *db, const char *given)
{
    char          *path;
    bool           created;
    ctl_rows_t    *rows;
    ctl_pepper_t   pepper;

    path = ctl_pepper_path(db, given);
    if (path == NULL) {
        return false;
    }

    rows = ctl_db_query(db, "SELECT 1 FROM settings WHERE name = 'pepper'", 0,
                        NULL);

    if (ctl_rows_count(rows) > 0 && access(path, F_OK) != 0) {
        ctl_fail(CTL_UNREACHABLE, "the pepper %s is missing, which the keys in "
                 "this database were made with: bring it back", path);
    }

    created = ctl_pepper_create(path);
    ctl_pepper_read(db, path, &pepper);

    if (created) {
        ctl_note("made %s: keep it, and keep it secret; without it no stream "
                 "key works", path);
    }

    ctl_rows_free(rows);
    free(path);

    return created;
}


void
ctl_pepper_read(ctl_db_t *db, const char *given, ctl_pepper_t *pepper)
{
    char        *path, buf[OA_KEY_MARK_BYTES];
    const char  *mark;
    ctl_rows_t  *rows;

    path = ctl_pepper_path(db, given);
    if (path == NULL) {
        ctl_fail(CTL_USAGE, "with PostgreSQL, --pepper FILE has to be given "
                 "(or ONAIR_PEPPER)");
    }

    ctl_pepper_load(path, pepper);

    if (oa_key_pepper_mark(oa_slice(pepper->data, pepper->size), buf)
        != OA_OK)
    {
        ctl_fail(CTL_UNREACHABLE, "the pepper cannot be used");
    }

    mark = buf;

    ctl_db_execute(db, "INSERT INTO settings (name, value) "
                       "VALUES ('pepper', $1) ON CONFLICT (name) DO NOTHING",
                   CTL_VALUES(CTL_T(mark)));

    rows = ctl_db_query(db, "SELECT value FROM settings "
                            "WHERE name = 'pepper'", 0, NULL);

    if (strcmp(ctl_rows_text(rows, 0, 0), mark) != 0) {
        ctl_fail(CTL_REFUSED, "%s is not the pepper that the keys in this "
                 "database were made with", path);
    }

    ctl_rows_free(rows);
    free(path);
}
