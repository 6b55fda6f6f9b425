
/* onairctl: accounts, stream keys, channels and tokens, for an operator. */


#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    const char   *noun;
    const char   *verb;                        /* or NULL */
    const char   *operands;                    /* after the words */
    size_t        min;                         /* of them */
    size_t        max;
    const char   *flags;
    const char   *values;
    const char   *usage;                       /* the options */
    const char   *what;
    void        (*run)(const ctl_run_t *run);
} ctl_command_t;


static const ctl_command_t  ctl_commands[] = {
    { "migrate", NULL, "", 0, 0, " status ", " ", "[--status]",
      "Brings the database to the schema of this program, and makes what is\n"
      "missing: SQLite's file, and a pepper for a database that had none.\n"
      "--status only tells what there is.",
      ctl_migrate },
    { "user", "add", "NAME", 1, 1, " ", " tier ", "[--tier TIER]",
      "Makes a user, a channel of the same name and its stream key, which is\n"
      "printed this once.  TIER is viewer, affiliate or partner.",
      ctl_user_add },
    { "user", "ban", "NAME", 1, 1, " ", " reason ", "[--reason TEXT]",
      "Bans a user.  A stream that is live ends within a second.",
      ctl_user_ban },
    { "user", "unban", "NAME", 1, 1, " ", " ", "",
      "Takes a ban back.", ctl_user_unban },
    { "user", "allow", "NAME", 1, 1, " ", " ", "",
      "Lets a user stream.  New users may.", ctl_user_allow },
    { "user", "disallow", "NAME", 1, 1, " ", " ", "",
      "Lets a user no longer stream; one that is live ends.",
      ctl_user_disallow },
    { "user", "tier", "NAME TIER", 2, 2, " ", " ", "",
      "Makes a user a viewer, affiliate or partner.", ctl_user_tier },
    { "user", "list", "", 0, 0, " banned ", " limit after ",
      "[--banned] [--limit N] [--after NAME]",
      "Lists users by name, 100 unless told, those after NAME.",
      ctl_user_list },
    { "user", "show", "NAME", 1, 1, " ", " ", "", "Tells all of a user.",
      ctl_user_show },
    { "key", "rotate", "NAME", 1, 1, " ", " ", "",
      "Makes a new stream key for a user, printed this once, and revokes the\n"
      "old ones.  A stream that uses one of these ends.", ctl_key_rotate },
    { "key", "revoke", "NAME", 1, 1, " ", " key ", "[--key ID]",
      "Revokes the stream keys of a user, or one of them.", ctl_key_revoke },
    { "key", "list", "NAME", 1, 1, " ", " ", "",
      "Lists the stream keys of a user, not the keys themselves.",
      ctl_key_list },
    { "channel", "set", "NAME", 1, 1, " ",
      " title category tags language mature subscriber-only ",
      "[--title TEXT] [--category TEXT] [--tags A,B]\n"
      "    [--language TAG] [--mature yes|no] [--subscriber-only yes|no]",
      "Changes what is given, \"\" clears it, and tells the channel.",
      ctl_channel_set },
    { "channel", "show", "NAME", 1, 1, " ", " ", "", "Tells all of a channel.",
      ctl_channel_show },
    { "channel", "list", "", 0, 0, " ", " limit after ",
      "[--limit N] [--after NAME]",
      "Lists channels by name, 100 unless told, those after NAME.",
      ctl_channel_list },
    { "channel", "stop", "NAME", 1, 1, " ", " ", "",
      "Ends the live stream of a channel within a second.  Its key stays\n"
      "good.",
      ctl_channel_stop },
    { "streams", NULL, "NAME", 1, 1, " ", " limit ", "[--limit N]",
      "Lists the streams of a channel, the newest first.", ctl_streams },
    { "token", NULL, "NAME | --anonymous", 0, 1, " anonymous ",
      " channel role ttl audience secret ",
      "--secret FILE [--channel C]\n"
      "    [--role moderator|broadcaster|viewer]... [--ttl 1h]\n"
      "    [--audience chat|playback]",
      "Prints a JSON Web Token: signed with HS256 where FILE has a secret\n"
      "of 32 bytes or more, with RS256 or ES256 where it has a private\n"
      "key in PEM.  Without --channel it is good for every channel.",
      ctl_token },
};

#define CTL_COMMANDS  (sizeof(ctl_commands) / sizeof(ctl_commands[0]))

static const char  ctl_common_help[] =
    "\n"
    "Everywhere:\n"
    "  --database URL  sqlite:PATH, postgresql://... or a conninfo of libpq;\n"
    "                  default: $ONAIR_DATABASE, else that of tools/run\n"
    "  --dir DIR       what \"tools/run --dir DIR\" uses\n"
    "  --pepper FILE   default: $ONAIR_PEPPER, else \"pepper\" beside an\n"
    "                  SQLite database or in the directory above\n"
    "  --json          prints one JSON value\n"
    "  --help\n"
    "\n"
    "Exits with 0: done; 1: not found, or refused; 2: wrong usage; 3: the\n"
    "database or the pepper cannot be reached; 4: the database's schema is\n"
    "older or newer than this program.\n";


void
ctl_fail(int code, const char *format, ...)
{
    va_list  args;

    fputs("onairctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    /* nothing is left to be done, and nothing of it to be freed */
    _exit(code);
}


void
ctl_note(const char *format, ...)
{
    va_list  args;

    fputs("onairctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}


int64_t
ctl_now_ms(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


void *
ctl_alloc(size_t size)
{
    void  *p;

    p = calloc(1, size);
    if (p == NULL) {
        ctl_fail(CTL_UNREACHABLE, "out of memory");
    }

    return p;
}


char *
ctl_format(const char *format, ...)
{
    int      size;
    char    *text;
    va_list  args;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);

    if (size < 0) {
        ctl_fail(CTL_UNREACHABLE, "out of memory");
    }

    return text;
}


ctl_db_t *
ctl_run_open(const ctl_run_t *run)
{
    ctl_db_t  *db;

    db = ctl_db_open(run->database, false);
    ctl_schema_check(db);

    return db;
}


/* Whether the first words are those of a command, as far as there are any. */
static bool
ctl_command_matches(const ctl_command_t *command, const ctl_args_t *args)
{
    return (args->nwords < 1 || strcmp(command->noun, args->words[0]) == 0)
           && (args->nwords < 2 || command->verb == NULL
               || strcmp(command->verb, args->words[1]) == 0);
}


static void
ctl_help_line(const ctl_command_t *command)
{
    const char *const  parts[] = {
        command->noun, command->verb, command->operands, command->usage
    };
    size_t             i;

    printf("  onairctl");

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] && *parts[i]) {
            printf(" %s", parts[i]);
        }
    }

    putchar('\n');
}


static void
ctl_help(const ctl_args_t *args)
{
    size_t                i, matches;
    const ctl_command_t  *last;

    matches = 0;
    last = NULL;

    for (i = 0; i < CTL_COMMANDS; i++) {
        if (ctl_command_matches(&ctl_commands[i], args)) {
            last = &ctl_commands[i];
            ctl_help_line(last);
            matches++;
        }
    }

    if (matches == 0) {
        ctl_fail(CTL_USAGE, "unknown command (try --help)");
    }

    if (matches == 1) {
        printf("\n%s\n", last->what);
    }

    fputs(ctl_common_help, stdout);
    ctl_print_end();
}


static const ctl_command_t *
ctl_command_find(const ctl_args_t *args)
{
    size_t                i, words;
    const ctl_command_t  *command;

    for (i = 0; args->nwords > 0 && i < CTL_COMMANDS; i++) {
        command = &ctl_commands[i];
        words = command->verb ? 2 : 1;

        if (args->nwords < words || !ctl_command_matches(command, args)) {
            continue;
        }

        if (args->nwords < words + command->min
            || args->nwords > words + command->max)
        {
            ctl_fail(CTL_USAGE, "usage: onairctl %s%s%s %s", command->noun,
                     command->verb ? " " : "",
                     command->verb ? command->verb : "", command->operands);
        }

        return command;
    }

    ctl_fail(CTL_USAGE, "%s (try --help)",
             args->nwords ? "unknown command" : "a command is missing");
}


/* Options that only other commands know. */
static void
ctl_command_check(const ctl_command_t *command, const ctl_args_t *args)
{
    char                *name;
    size_t               i;
    const ctl_option_t  *option;

    for (i = 0; i < args->noptions; i++) {
        option = &args->options[i];
        name = ctl_format(" %.*s ", (int) option->name_size, option->name);

        if (!strstr(" json help database pepper dir ", name)
            && !strstr(command->flags, name) && !strstr(command->values, name))
        {
            ctl_fail(CTL_USAGE, "--%.*s does not belong to \"%s%s%s\"",
                     (int) option->name_size, option->name, command->noun,
                     command->verb ? " " : "",
                     command->verb ? command->verb : "");
        }

        free(name);
    }
}


/*
 * An option, else of tools/run's directory where --dir names one, else of the
 * environment, else of the usual directory.  To be freed.
 */
static char *
ctl_run_locate(const ctl_args_t *args, const char *option,
    const char *environment, const char *prefix, const char *file)
{
    const char  *dir, *value;

    value = ctl_args_value(args, option);
    dir = ctl_args_value(args, "dir");

    if (value == NULL && dir == NULL) {
        value = getenv(environment);
        dir = getenv("ONAIR_DIR");
    }

    if (value) {
        return ctl_format("%s", value);
    }

    return ctl_format("%s%s/%s", prefix, dir ? dir : "/var/lib/onair", file);
}


/* A pepper that nobody named is looked for beside the database. */
static bool
ctl_run_names_pepper(const ctl_args_t *args)
{
    return ctl_args_value(args, "pepper") || ctl_args_value(args, "dir")
           || getenv("ONAIR_PEPPER")
           || (ctl_args_value(args, "database") == NULL
               && getenv("ONAIR_DATABASE") == NULL);
}


int
main(int argc, char **argv)
{
    char                 *database, *pepper;
    ctl_run_t             run;
    ctl_args_t            args;
    const ctl_command_t  *command;

    umask(077);

    ctl_args_parse(&args, argc, argv,
                   " json help status banned anonymous ",
                   " database pepper dir tier reason limit after key title"
                   " category tags language mature subscriber-only channel"
                   " role ttl audience secret ");

    if (ctl_args_value(&args, "help")) {
        ctl_help(&args);
        return 0;
    }

    command = ctl_command_find(&args);
    ctl_command_check(command, &args);

    memset(&run, 0, sizeof(ctl_run_t));
    run.args = &args;
    run.name = command->verb ? args.words[2] : args.words[1];
    run.json = ctl_args_value(&args, "json") != NULL;

    database = ctl_run_locate(&args, "database", "ONAIR_DATABASE", "sqlite:",
                              "db/onair.db");
    pepper = ctl_run_locate(&args, "pepper", "ONAIR_PEPPER", "", "pepper");
    run.database = database;
    run.pepper = ctl_run_names_pepper(&args) ? pepper : NULL;

    command->run(&run);

    free(database);
    free(pepper);

    return 0;
}
