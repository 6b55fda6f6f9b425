
/* The rows of an answer, as SQLite gives them; in a thread. */


#include "core/ngx_onair_sqlite.h"

#if (NGX_THREADS)


void
ngx_onair_sqlite_rows_clear(ngx_onair_sqlite_rows_t *rows)
{
    free(rows->result.fields);
    free(rows->bytes);
    ngx_memzero(rows, sizeof(ngx_onair_sqlite_rows_t));
}


static ngx_int_t
ngx_onair_sqlite_rows_grow(ngx_onair_sqlite_rows_t *rows, size_t len)
{
    size_t      size;
    u_char     *bytes;
    ngx_str_t  *fields;
    ngx_uint_t  n;

    n = (rows->result.rows + 1) * rows->result.columns;

    if (n > rows->nfields) {
        n = ngx_max(n, 2 * rows->nfields);
        fields = realloc(rows->result.fields, n * sizeof(ngx_str_t));
        if (fields == NULL) {
            return NGX_ERROR;
        }

        rows->result.fields = fields;
        rows->nfields = n;
    }

    if (rows->len + len > rows->size) {
        size = ngx_max(rows->len + len, 2 * rows->size);
        bytes = realloc(rows->bytes, size);
        if (bytes == NULL) {
            return NGX_ERROR;
        }

        rows->bytes = bytes;
        rows->size = size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_onair_sqlite_field(ngx_onair_sqlite_rows_t *rows, sqlite3_stmt *stmt,
    ngx_uint_t column)
{
    size_t       len;
    ngx_str_t   *field;
    const void  *data;

    data = NULL;

    switch (sqlite3_column_type(stmt, (int) column)) {
    case SQLITE_NULL:
        break;
    case SQLITE_BLOB:
        data = sqlite3_column_blob(stmt, (int) column);
        break;
    default:
        data = sqlite3_column_text(stmt, (int) column);
        if (data == NULL) {
            return NGX_ERROR;
        }
    }

    len = (size_t) sqlite3_column_bytes(stmt, (int) column);

    if (rows->len + len + 1 + (rows->nfields + 1) * sizeof(ngx_str_t)
            > NGX_ONAIR_SQL_RESULT_MAX
        || ngx_onair_sqlite_rows_grow(rows, len + 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    field = &rows->result.fields[rows->result.rows * rows->result.columns
                                 + column];
    field->len = len;
    field->data = NULL;

    if (sqlite3_column_type(stmt, (int) column) == SQLITE_NULL) {
        return NGX_OK;
    }

    field->data = (u_char *) (rows->len + 1);

    if (len) {
        ngx_memcpy(rows->bytes + rows->len, data, len);
    }

    rows->bytes[rows->len + len] = '\0';
    rows->len += len + 1;

    return NGX_OK;
}


ngx_int_t
ngx_onair_sqlite_row(ngx_onair_sqlite_rows_t *rows, sqlite3_stmt *stmt)
{
    ngx_uint_t  i;

    rows->result.columns = (ngx_uint_t) sqlite3_column_count(stmt);

    for (i = 0; i < rows->result.columns; i++) {
        if (ngx_onair_sqlite_field(rows, stmt, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rows->result.rows++;

    return NGX_OK;
}


void
ngx_onair_sqlite_rows_complete(ngx_onair_sqlite_rows_t *rows)
{
    ngx_str_t   *field;
    ngx_uint_t   i;

    for (i = 0; i < rows->result.rows * rows->result.columns; i++) {
        field = &rows->result.fields[i];

        if (field->data != NULL) {
            field->data = rows->bytes + ((uintptr_t) field->data - 1);
        }
    }
}


#endif
