
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define CTL_COLUMNS_MAX  16


/* UTC in RFC 3339. */
static json_t *
ctl_print_time(int64_t ms)
{
    char       text[40];
    size_t     size;
    time_t     seconds;
    struct tm  tm;

    seconds = (time_t) (ms / 1000);

    if (gmtime_r(&seconds, &tm) == NULL) {
        return json_null();
    }

    size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(&text[size], sizeof(text) - size, ".%03dZ", (int) (ms % 1000));

    return json_string(text);
}


static json_t *
ctl_print_field(const ctl_rows_t *rows, size_t row, size_t column,
    ctl_form_t form)
{
    json_t      *value;
    const char  *text;

    text = ctl_rows_text(rows, row, column);
    if (text == NULL) {
        return json_null();
    }

    switch (form) {

    case CTL_AS_INTEGER:
        return json_integer(ctl_rows_integer(rows, row, column));

    case CTL_AS_BOOL:
        return json_boolean(ctl_rows_integer(rows, row, column) != 0);

    case CTL_AS_TIME:
        return ctl_print_time(ctl_rows_integer(rows, row, column));

    case CTL_AS_LIST:
        value = json_loads(text, 0, NULL);
        return value ? value : json_array();

    default:
        value = json_string(text);
        return value ? value : json_string("?");
    }
}


json_t *
ctl_rows_object(const ctl_rows_t *rows, size_t row, const ctl_field_t *fields,
    size_t nfields)
{
    size_t   i;
    json_t  *object;

    object = json_object();

    for (i = 0; i < nfields; i++) {
        json_object_set_new(object, fields[i].name,
                            ctl_print_field(rows, row, i, fields[i].form));
    }

    return object;
}


json_t *
ctl_rows_array(const ctl_rows_t *rows, const ctl_field_t *fields,
    size_t nfields)
{
    size_t   i;
    json_t  *array;

    array = json_array();

    for (i = 0; i < ctl_rows_count(rows); i++) {
        json_array_append_new(array,
                              ctl_rows_object(rows, i, fields, nfields));
    }

    return array;
}


void
ctl_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(value);
}


/* A field for people; to be freed. */
static char *
ctl_print_cell(const json_t *value, ctl_form_t form)
{
    char    *text, *longer;
    size_t   i;

    if (json_is_integer(value)) {
        return ctl_format("%lld", (long long) json_integer_value(value));
    }

    if (json_is_boolean(value)) {
        return ctl_format("%s", json_is_true(value) ? "yes" : "no");
    }

    if (json_is_string(value) && form == CTL_AS_TIME) {
        text = ctl_format("%.19s", json_string_value(value));
        text[10] = ' ';
        return text;
    }

    if (json_is_string(value)) {
        return ctl_format("%s", json_string_value(value));
    }

    text = ctl_format("%s", "");

    for (i = 0; i < json_array_size(value); i++) {
        longer = ctl_format("%s%s%s", text, i ? ", " : "",
                            json_string_value(json_array_get(value, i)));
        free(text);
        text = longer;
    }

    return text;
}


/* Columns on a terminal: characters of UTF-8, which is near enough. */
static int
ctl_print_width(const char *text)
{
    int  width;

    for (width = 0; *text; text++) {
        width += (*text & 0xc0) != 0x80;
    }

    return width;
}


static void
ctl_print_padded(const char *text, int width, bool last)
{
    if (last) {
        printf("%s\n", text);
        return;
    }

    printf("%s%*s  ", text, width - ctl_print_width(text), "");
}


static void
ctl_print_widths(const json_t *array, const ctl_field_t *fields,
    size_t nfields, int *widths)
{
    int      width;
    char    *text;
    size_t   i, j;
    json_t  *object;

    for (j = 0; j < nfields; j++) {
        widths[j] = fields[j].title ? ctl_print_width(fields[j].title) : 0;

        for (i = 0; i < json_array_size(array); i++) {
            object = json_array_get(array, i);
            text = ctl_print_cell(json_object_get(object, fields[j].name),
                                  fields[j].form);
            width = ctl_print_width(text);
            widths[j] = width > widths[j] ? width : widths[j];
            free(text);
        }
    }
}


void
ctl_print_table(json_t *array, const ctl_field_t *fields, size_t nfields)
{
    int      widths[CTL_COLUMNS_MAX];
    char    *text;
    size_t   i, j;
    json_t  *object;

    while (nfields > 0 && fields[nfields - 1].title == NULL) {
        nfields--;
    }

    ctl_print_widths(array, fields, nfields, widths);

    for (j = 0; j < nfields; j++) {
        ctl_print_padded(fields[j].title, widths[j], j == nfields - 1);
    }

    for (i = 0; i < json_array_size(array); i++) {
        object = json_array_get(array, i);

        for (j = 0; j < nfields; j++) {
            text = ctl_print_cell(json_object_get(object, fields[j].name),
                                  fields[j].form);
            ctl_print_padded(text, widths[j], j == nfields - 1);
            free(text);
        }
    }

    json_decref(array);
}


void
ctl_print_record(json_t *object, const ctl_field_t *fields, size_t nfields)
{
    int      width;
    char    *text;
    size_t   i;

    width = 0;

    for (i = 0; i < nfields; i++) {
        if (fields[i].title && ctl_print_width(fields[i].title) > width) {
            width = ctl_print_width(fields[i].title);
        }
    }

    for (i = 0; i < nfields; i++) {
        if (fields[i].title == NULL) {
            continue;
        }

        text = ctl_print_cell(json_object_get(object, fields[i].name),
                              fields[i].form);
        ctl_print_padded(fields[i].title, width, false);
        printf("%s\n", text);
        free(text);
    }

    json_decref(object);
}


void
ctl_print_end(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_fail(CTL_REFUSED, "it is done, but the output is lost: %s",
                 strerror(errno));
    }
}


void
ctl_run_list(const ctl_run_t *run, const ctl_rows_t *rows, const char *what,
    const ctl_field_t *fields, size_t nfields, size_t ntitles,
    const char *last)
{
    json_t  *array;

    array = ctl_rows_array(rows, fields, nfields);

    if (!run->json) {
        ctl_print_table(array, fields, ntitles);

    } else if (last) {
        ctl_print_json(ctl_json("{s:o, s:s}", what, array, "next", last));

    } else {
        ctl_print_json(ctl_json("{s:o}", what, array));
    }

    ctl_print_end();

    if (last && !run->json) {
        ctl_note("there are more: --after %s", last);
    }
}


void
ctl_run_say(const ctl_run_t *run, json_t *value, const char *format, ...)
{
    va_list  args;

    if (run->json) {
        ctl_print_json(value);

    } else {
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
        json_decref(value);
    }

    ctl_print_end();
}


json_t *
ctl_json(const char *format, ...)
{
    va_list       args;
    json_t       *value;
    json_error_t  error;

    va_start(args, format);
    value = json_vpack_ex(&error, 0, format, args);
    va_end(args);

    if (value == NULL) {
        ctl_fail(CTL_REFUSED, "cannot make JSON: %s", error.text);
    }

    return value;
}
