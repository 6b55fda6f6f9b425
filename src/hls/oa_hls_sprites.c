
#include "hls/oa_hls.h"


/* Two digits, more where it takes more. */
static void
oa_hls_vtt_pair(oa_writer_t *w, uint64_t value)
{
    if (value < 10) {
        oa_write_str(w, "0");
    }

    oa_write_dec(w, value);
}


/* WebVTT, 3.1: hh:mm:ss.ttt */
static void
oa_hls_vtt_time(oa_writer_t *w, int64_t ms)
{
    uint64_t  t;

    t = ms > 0 ? (uint64_t) ms : 0;

    oa_hls_vtt_pair(w, t / 3600000);
    oa_write_str(w, ":");
    oa_hls_vtt_pair(w, t / 60000 % 60);
    oa_write_str(w, ":");
    oa_hls_vtt_pair(w, t / 1000 % 60);
    oa_write_str(w, t % 1000 < 100 ? ".0" : ".");
    oa_hls_vtt_pair(w, t % 1000);
}


static void
oa_hls_sprite_cue(const oa_live_picture_t *sheet, uint32_t tile,
    int64_t end_ms, oa_writer_t *w)
{
    uint32_t  columns;

    columns = sheet->columns != 0 ? sheet->columns : 1;

    oa_write_str(w, "\n");
    oa_hls_vtt_time(w, sheet->times_ms[tile]);
    oa_write_str(w, " --> ");
    oa_hls_vtt_time(w, end_ms);
    oa_write_str(w, "\nsprite-");
    oa_write_dec(w, sheet->number);
    oa_write_str(w, ".jpg#xywh=");
    oa_write_dec(w, (uint64_t) (tile % columns) * sheet->tile_width);
    oa_write_str(w, ",");
    oa_write_dec(w, (uint64_t) (tile / columns) * sheet->tile_height);
    oa_write_str(w, ",");
    oa_write_dec(w, sheet->tile_width);
    oa_write_str(w, ",");
    oa_write_dec(w, sheet->tile_height);
    oa_write_str(w, "\n");
}


/* next: the sheet behind it, or NULL. */
static void
oa_hls_sprite_cues(const oa_live_picture_t *sheet,
    const oa_live_picture_t *next, oa_writer_t *w)
{
    int64_t   end_ms;
    uint32_t  i, n;

    n = sheet->ntiles < OA_LIVE_PICTURE_TILES ? sheet->ntiles
                                              : OA_LIVE_PICTURE_TILES;

    for (i = 0; i < n; i++) {
        end_ms = sheet->end_ms;

        if (i + 1 < n) {
            end_ms = sheet->times_ms[i + 1];

        } else if (next != NULL && next->ntiles > 0) {
            end_ms = next->times_ms[0];
        }

        if (sheet->times_ms[i] >= 0 && end_ms > sheet->times_ms[i]) {
            oa_hls_sprite_cue(sheet, i, end_ms, w);
        }
    }
}


/* The sheet with the lowest number above that of another one; NULL: none. */
static const oa_live_picture_t *
oa_hls_sprite_next(const oa_live_picture_t *sheets, unsigned nsheets,
    const oa_live_picture_t *before)
{
    unsigned                  i;
    const oa_live_picture_t  *next;

    next = NULL;

    for (i = 0; i < nsheets; i++) {
        if ((before == NULL || sheets[i].number > before->number)
            && (next == NULL || sheets[i].number < next->number))
        {
            next = &sheets[i];
        }
    }

    return next;
}


oa_err_t
oa_hls_sprites_render(const oa_live_session_info_t *session,
    const oa_live_picture_t *sheets, unsigned nsheets, oa_writer_t *w)
{
    const oa_live_picture_t  *sheet, *next;

    oa_write_str(w, "WEBVTT\n\nNOTE Media time 0 is ");
    oa_write_rfc3339(w, session->conf.epoch_unix_us);
    oa_write_str(w, "\n");

    for (sheet = oa_hls_sprite_next(sheets, nsheets, NULL);
         sheet != NULL;
         sheet = next)
    {
        next = oa_hls_sprite_next(sheets, nsheets, sheet);
        oa_hls_sprite_cues(sheet, next, w);
    }

    return w->error;
}
