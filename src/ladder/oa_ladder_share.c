
#include "ladder/oa_ladder_share.h"


static void
oa_ladder_share_print_number(oa_writer_t *w, uint64_t number)
{
    oa_write_dec(w, number < OA_LADDER_SHARE_MAX ? number
                                                 : OA_LADDER_SHARE_MAX);
}


void
oa_ladder_share_print(oa_writer_t *w, const oa_ladder_share_t *share)
{
    oa_ladder_share_print_number(w, share->machines);
    oa_write_u8(w, ' ');
    oa_ladder_share_print_number(w, share->capacity);
    oa_write_u8(w, ' ');
    oa_ladder_share_print_number(w, share->partners);
    oa_write_u8(w, ' ');
    oa_ladder_share_print_number(w, share->affiliates);
}


/* What is left of text begins behind the number. */
static oa_err_t
oa_ladder_share_parse_number(oa_slice_t *text, uint64_t *number)
{
    size_t         n;
    uint64_t       value;
    const uint8_t  *p;

    p = text->data;
    value = 0;

    for (n = 0; n < text->size && p[n] >= '0' && p[n] <= '9'; n++) {
        if (n > 0 && p[0] == '0') {
            return OA_EINVAL;
        }

        value = value * 10 + (uint64_t) (p[n] - '0');

        if (value > OA_LADDER_SHARE_MAX) {
            return OA_EINVAL;
        }
    }

    if (n == 0) {
        return OA_EINVAL;
    }

    *text = oa_slice(p + n, text->size - n);
    *number = value;

    return OA_OK;
}


oa_err_t
oa_ladder_share_parse(oa_slice_t text, oa_ladder_share_t *share)
{
    unsigned  i;
    uint64_t  numbers[4];

    for (i = 0; i < 4; i++) {
        if (i > 0) {
            if (text.size == 0 || text.data[0] != ' ') {
                return OA_EINVAL;
            }

            text = oa_slice(text.data + 1, text.size - 1);
        }

        if (oa_ladder_share_parse_number(&text, &numbers[i]) != OA_OK) {
            return OA_EINVAL;
        }
    }

    if (text.size != 0) {
        return OA_EINVAL;
    }

    share->machines = numbers[0];
    share->capacity = numbers[1];
    share->partners = numbers[2];
    share->affiliates = numbers[3];

    return OA_OK;
}
