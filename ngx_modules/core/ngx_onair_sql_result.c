
/* What a handler reads from a result. */


#include "core/ngx_onair_sql_impl.h"


ngx_uint_t
ngx_onair_sql_rows(const ngx_onair_sql_result_t *result)
{
    return result->rows;
}


ngx_uint_t
ngx_onair_sql_changed(const ngx_onair_sql_result_t *result)
{
    return result->changed;
}


static ngx_str_t
ngx_onair_sql_field(const ngx_onair_sql_result_t *result, ngx_uint_t row,
    ngx_uint_t column)
{
    ngx_str_t  none;

    if (row >= result->rows || column >= result->columns) {
        ngx_str_null(&none);
        return none;
    }

    return result->fields[row * result->columns + column];
}


ngx_uint_t
ngx_onair_sql_is_null(const ngx_onair_sql_result_t *result, ngx_uint_t row,
    ngx_uint_t column)
{
    return ngx_onair_sql_field(result, row, column).data == NULL;
}


int64_t
ngx_onair_sql_integer(const ngx_onair_sql_result_t *result, ngx_uint_t row,
    ngx_uint_t column)
{
    ngx_str_t  field;

    field = ngx_onair_sql_field(result, row, column);
    if (field.data == NULL) {
        return 0;
    }

    /* PostgreSQL's true */
    if (result->hex && field.len == 1 && field.data[0] == 't') {
        return 1;
    }

    return strtoll((char *) field.data, NULL, 10);
}


ngx_str_t
ngx_onair_sql_text(const ngx_onair_sql_result_t *result, ngx_uint_t row,
    ngx_uint_t column)
{
    ngx_str_t  field;

    field = ngx_onair_sql_field(result, row, column);

    if (field.data == NULL) {
        ngx_str_set(&field, "");
    }

    return field;
}


static ngx_int_t
ngx_onair_sql_unhex(const ngx_str_t *field, u_char *buf, size_t size,
    size_t *len)
{
    size_t     i, n;
    ngx_int_t  byte;

    n = (field->len - 2) / 2;
    if (n > size) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        byte = ngx_hextoi(field->data + 2 + 2 * i, 2);
        if (byte == NGX_ERROR) {
            return NGX_ERROR;
        }

        buf[i] = (u_char) byte;
    }

    *len = n;

    return NGX_OK;
}


ngx_int_t
ngx_onair_sql_bytes(const ngx_onair_sql_result_t *result, ngx_uint_t row,
    ngx_uint_t column, u_char *buf, size_t size, size_t *len)
{
    ngx_str_t  field;

    field = ngx_onair_sql_text(result, row, column);

    if (result->hex && field.len >= 2 && field.data[0] == '\\'
        && field.data[1] == 'x')
    {
        return ngx_onair_sql_unhex(&field, buf, size, len);
    }

    if (field.len > size) {
        return NGX_ERROR;
    }

    ngx_memcpy(buf, field.data, field.len);
    *len = field.len;

    return NGX_OK;
}
