
#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


static bool ctl_args_known(const char *names, const char *name, size_t size);
static void ctl_args_add(ctl_args_t *args, const char *name, size_t size,
    const char *value);


/* The rest of an option is its value: "--name value" or "--name=value". */
static size_t
ctl_args_option(ctl_args_t *args, char **argv, const char *flags,
    const char *values)
{
    size_t       size;
    const char  *name, *equals;

    name = argv[0] + 2;
    equals = strchr(name, '=');
    size = equals ? (size_t) (equals - name) : strlen(name);

    if (ctl_args_known(flags, name, size)) {
        if (equals) {
            ctl_fail(CTL_USAGE, "--%.*s takes no value", (int) size, name);
        }

        ctl_args_add(args, name, size, "");
        return 1;
    }

    if (!ctl_args_known(values, name, size)) {
        ctl_fail(CTL_USAGE, "unknown option --%.*s here (try --help)",
                 (int) size, name);
    }

    if (equals) {
        ctl_args_add(args, name, size, equals + 1);
        return 1;
    }

    if (argv[1] == NULL) {
        ctl_fail(CTL_USAGE, "--%s needs a value", name);
    }

    ctl_args_add(args, name, size, argv[1]);
    return 2;
}


void
ctl_args_parse(ctl_args_t *args, int argc, char **argv, const char *flags,
    const char *values)
{
    int   i;
    bool  options;

    memset(args, 0, sizeof(ctl_args_t));
    options = true;

    for (i = 1; i < argc;) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
            continue;
        }

        if (options && strncmp(argv[i], "--", 2) == 0) {
            i += (int) ctl_args_option(args, &argv[i], flags, values);
            continue;
        }

        if (options && strcmp(argv[i], "-h") == 0) {
            ctl_args_add(args, "help", 4, "");
            i++;
            continue;
        }

        if (args->nwords == sizeof(args->words) / sizeof(args->words[0])) {
            ctl_fail(CTL_USAGE, "too many arguments (try --help)");
        }

        args->words[args->nwords++] = argv[i++];
    }
}


static bool
ctl_args_known(const char *names, const char *name, size_t size)
{
    const char  *p;

    if (memchr(name, ' ', size)) {
        return false;
    }

    for (p = names; size > 0 && (p = strstr(p, " ")) != NULL; p++) {
        if (strncmp(p + 1, name, size) == 0 && p[1 + size] == ' ') {
            return true;
        }
    }

    return false;
}


static void
ctl_args_add(ctl_args_t *args, const char *name, size_t size,
    const char *value)
{
    ctl_option_t  *option;

    if (args->noptions == CTL_MAX_OPTIONS) {
        ctl_fail(CTL_USAGE, "too many options");
    }

    option = &args->options[args->noptions++];
    option->name = name;
    option->name_size = size;
    option->value = value;
}


bool
ctl_option_is(const ctl_option_t *option, const char *name)
{
    return strlen(name) == option->name_size
           && memcmp(option->name, name, option->name_size) == 0;
}


const char *
ctl_args_value(const ctl_args_t *args, const char *name)
{
    size_t  i;

    for (i = args->noptions; i > 0; i--) {
        if (ctl_option_is(&args->options[i - 1], name)) {
            return args->options[i - 1].value;
        }
    }

    return NULL;
}


int64_t
ctl_args_integer(const ctl_args_t *args, const char *name, int64_t min,
    int64_t max, int64_t otherwise)
{
    char        *end;
    long long    value;
    const char  *text;

    text = ctl_args_value(args, name);
    if (text == NULL) {
        return otherwise;
    }

    errno = 0;
    value = strtoll(text, &end, 10);

    if (errno || end == text || *end != '\0' || value < min || value > max) {
        ctl_fail(CTL_USAGE, "--%s needs a number from %lld to %lld", name,
                 (long long) min, (long long) max);
    }

    return value;
}


int
ctl_args_bool(const ctl_args_t *args, const char *name, int otherwise)
{
    const char  *text;

    text = ctl_args_value(args, name);

    if (text == NULL) {
        return otherwise;
    }

    if (strcmp(text, "yes") == 0) {
        return 1;
    }

    if (strcmp(text, "no") == 0) {
        return 0;
    }

    ctl_fail(CTL_USAGE, "--%s needs \"yes\" or \"no\"", name);
}
