
#include "ctl.h"

#include <stdlib.h>
#include <string.h>


#define CTL_TAGS        10
#define CTL_TAG_CHARS   32
#define CTL_LANGUAGE    35


char *
ctl_check_name(const char *what, const char *name)
{
    char    *lower, *p;
    size_t   size;

    size = strlen(name);

    if (size == 0 || size > CTL_NAME_BYTES) {
        ctl_fail(CTL_USAGE, "the name of a %s has 1 to %d characters", what,
                 CTL_NAME_BYTES);
    }

    lower = ctl_format("%s", name);

    for (p = lower; *p; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p += 'a' - 'A';
        }
    }

    if (strspn(lower, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != size
        || lower[0] == '.' || lower[0] == '-')
    {
        ctl_fail(CTL_USAGE, "the name of a %s has only letters, digits, \"_\", "
                 "\"-\" and \".\", and begins with none of the last two", what);
    }

    return lower;
}


/* Whether the bytes at p are a control character, of ASCII or of C1. */
static bool
ctl_is_control(const unsigned char *p)
{
    return p[0] < 0x20 || p[0] == 0x7f
           || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f);
}


const char *
ctl_check_text(const char *what, const char *text, size_t max_characters)
{
    size_t                characters;
    json_t               *valid;
    const unsigned char  *p;

    if (text == NULL) {
        return NULL;
    }

    valid = json_string(text);
    if (valid == NULL) {
        ctl_fail(CTL_USAGE, "the %s is not UTF-8", what);
    }

    json_decref(valid);
    characters = 0;

    for (p = (const unsigned char *) text; *p; p++) {
        characters += (*p & 0xc0) != 0x80;

        if (ctl_is_control(p)) {
            ctl_fail(CTL_USAGE, "the %s has a control character", what);
        }
    }

    if (characters > max_characters) {
        ctl_fail(CTL_USAGE, "the %s is longer than %zu characters", what,
                 max_characters);
    }

    return text;
}


/* The form of BCP 47: subtags of 1 to 8 letters and digits. */
const char *
ctl_check_language(const char *tag)
{
    size_t       size;
    const char  *p;

    static const char  letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    if (tag == NULL || *tag == '\0') {
        return tag;
    }

    for (p = tag; strlen(tag) <= CTL_LANGUAGE; p += size + 1) {
        size = strspn(p, letters);

        if (size < (p == tag ? 2 : 1) || size > 8) {
            break;
        }

        if (p[size] == '\0') {
            return tag;
        }

        if (p[size] != '-') {
            break;
        }
    }

    ctl_fail(CTL_USAGE, "a language is a tag like \"de\" or \"pt-BR\"");
}


const char *
ctl_check_tier(const char *tier)
{
    if (strcmp(tier, "viewer") != 0 && strcmp(tier, "affiliate") != 0
        && strcmp(tier, "partner") != 0)
    {
        ctl_fail(CTL_USAGE, "a tier is viewer, affiliate or partner");
    }

    return tier;
}


char *
ctl_check_tags(const char *list)
{
    char    *copy, *text, *tag, *rest;
    json_t  *tags;

    if (list == NULL) {
        return NULL;
    }

    tags = json_array();
    copy = ctl_format("%s", list);

    for (tag = strtok_r(copy, ",", &rest); tag;
         tag = strtok_r(NULL, ",", &rest))
    {
        json_array_append_new(
            tags, json_string(ctl_check_text("tag", tag, CTL_TAG_CHARS)));
    }

    if (json_array_size(tags) > CTL_TAGS) {
        ctl_fail(CTL_USAGE, "a channel has at most %d tags", CTL_TAGS);
    }

    text = json_dumps(tags, JSON_COMPACT);
    json_decref(tags);
    free(copy);

    return text;
}


static int64_t
ctl_duration_unit(const char *text)
{
    size_t  i;

    static const char *const  units[] = { "", "s", "m", "h", "d" };
    static const int64_t      seconds[] = { 1, 1, 60, 3600, 86400 };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i], text) == 0) {
            return seconds[i];
        }
    }

    return 0;
}


int64_t
ctl_check_duration(const char *what, const char *text, int64_t max_s)
{
    char       *end;
    int64_t     unit;
    long long   value;

    value = strtoll(text, &end, 10);

    unit = ctl_duration_unit(end);

    if (end == text || unit == 0 || value < 1 || value > max_s / unit) {
        ctl_fail(CTL_USAGE, "%s needs a time like 90s, 15m, 1h or 7d, at most "
                 "%lld days", what, (long long) (max_s / 86400));
    }

    return value * unit;
}
