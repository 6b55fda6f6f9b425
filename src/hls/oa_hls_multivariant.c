
#include "hls/oa_hls.h"

#include <string.h>


#define OA_HLS_AUDIO_GROUP  "audio"

/* The rendition that goes with every picture. */
#define OA_HLS_AUDIO_NAME   "audio"


typedef struct {
    uint64_t   peak;                     /* bits a second */
    uint64_t   average;
} oa_hls_rate_t;


/* The renditions that can be named already, split by their kind. */
typedef struct {
    const oa_hls_rendition_t  *video[OA_LIVE_SESSION_RENDITIONS];
    const oa_hls_rendition_t  *audio[OA_LIVE_SESSION_RENDITIONS];
    const oa_hls_rendition_t  *group;        /* one of audio; NULL: none */
    unsigned                   nvideo;
    unsigned                   naudio;
    uint64_t                   session_id;
} oa_hls_listed_t;


/* What such a rendition commonly takes, until it has been measured. */
static uint64_t
oa_hls_rate_guess(const oa_hls_rendition_t *rendition)
{
    uint64_t                 rate;
    const oa_live_format_t  *f;

    f = &rendition->format;

    if (rendition->conf.kind == OA_LIVE_AUDIO) {
        return 64000 * (uint64_t) (f->channels > 0 ? f->channels : 2);
    }

    /* a tenth of a bit a pixel */
    rate = (uint64_t) f->width * f->height / 10;
    rate *= f->frame_rate_den > 0 && f->frame_rate_num >= f->frame_rate_den
            ? f->frame_rate_num / f->frame_rate_den : 30;

    return rate > 0 ? rate : 2000000;
}


static oa_hls_rate_t
oa_hls_rate(const oa_hls_rendition_t *rendition)
{
    oa_hls_rate_t  rate;

    rate.peak = rendition->stats.bandwidth_bps;

    if (rate.peak == 0) {
        rate.peak = rendition->stats.current_bps;
    }

    if (rate.peak == 0 && rendition->format.promised_bps == 0) {
        rate.peak = oa_hls_rate_guess(rendition);
    }

    if (rate.peak < rendition->format.promised_bps) {
        rate.peak = rendition->format.promised_bps;
    }

    rate.average = rendition->stats.average_bps;

    if (rate.average == 0 || rate.average > rate.peak) {
        rate.average = rate.peak;
    }

    return rate;
}


/* Keeps the heaviest first; equals stay in their order. */
static void
oa_hls_insert(const oa_hls_rendition_t **list, unsigned *n,
    const oa_hls_rendition_t *rendition)
{
    unsigned  i;

    for (i = *n; i > 0; i--) {
        if (oa_hls_rate(list[i - 1]).peak >= oa_hls_rate(rendition).peak) {
            break;
        }

        list[i] = list[i - 1];
    }

    list[i] = rendition;
    (*n)++;
}


static void
oa_hls_list(const oa_hls_multivariant_t *m, oa_hls_listed_t *l)
{
    unsigned                   i;
    const oa_hls_rendition_t  *r;

    memset(l, 0, sizeof(*l));
    l->session_id = m->session_id;

    for (i = 0; i < m->nrenditions && i < OA_LIVE_SESSION_RENDITIONS; i++) {
        r = &m->renditions[i];

        if (r->format.codecs[0] == '\0' || r->presence == OA_LIVE_WITHDRAWN) {
            continue;
        }

        if (r->conf.kind == OA_LIVE_VIDEO) {
            oa_hls_insert(l->video, &l->nvideo, r);
            continue;
        }

        l->audio[l->naudio++] = r;

        if (strcmp(r->conf.name, OA_HLS_AUDIO_NAME) == 0) {
            l->group = r;
        }
    }

    if (l->nvideo == 0) {
        l->group = NULL;
    }
}


static void
oa_hls_write_uri(oa_writer_t *w, const oa_hls_listed_t *l,
    const oa_hls_rendition_t *r)
{
    char  session[OA_HLS_SESSION_ID_BYTES + 1];

    oa_hls_session_id_format(l->session_id, session);

    oa_write_str(w, session);
    oa_write_str(w, "/");
    oa_write_str(w, r->conf.name);
    oa_write_str(w, "/index.m3u8");
}


static void
oa_hls_write_audio(oa_writer_t *w, const oa_hls_listed_t *l)
{
    const oa_hls_rendition_t  *r;

    r = l->group;

    oa_write_str(w, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"" OA_HLS_AUDIO_GROUP
                    "\",NAME=\"");
    oa_write_str(w, r->conf.name);
    oa_write_str(w, "\",DEFAULT=YES,AUTOSELECT=YES");

    if (r->format.channels > 0) {
        oa_write_str(w, ",CHANNELS=\"");
        oa_write_dec(w, r->format.channels);
        oa_write_str(w, "\"");
    }

    oa_write_str(w, ",URI=\"");
    oa_hls_write_uri(w, l, r);
    oa_write_str(w, "\"\n");
}


/* 6.2.4: every format of every rendition that may play with the variant. */
static void
oa_hls_write_codecs(oa_writer_t *w, const oa_hls_listed_t *l,
    const oa_hls_rendition_t *r)
{
    oa_write_str(w, ",CODECS=\"");
    oa_write_str(w, r->format.codecs);

    if (r->conf.kind == OA_LIVE_VIDEO && l->group != NULL) {
        oa_write_str(w, ",");
        oa_write_str(w, l->group->format.codecs);
    }

    oa_write_str(w, "\"");
}


static void
oa_hls_write_picture(oa_writer_t *w, const oa_live_format_t *f)
{
    if (f->width > 0 && f->height > 0) {
        oa_write_str(w, ",RESOLUTION=");
        oa_write_dec(w, f->width);
        oa_write_str(w, "x");
        oa_write_dec(w, f->height);
    }

    if (f->frame_rate_num > 0 && f->frame_rate_den > 0) {
        oa_write_str(w, ",FRAME-RATE=");
        oa_write_seconds(w, f->frame_rate_num, f->frame_rate_den, 3);
    }

    /* rfc8216bis, 4.4.6.2: without it, SDR */
    if (f->range != OA_LIVE_SDR) {
        oa_write_str(w, f->range == OA_LIVE_PQ ? ",VIDEO-RANGE=PQ"
                                               : ",VIDEO-RANGE=HLG");
    }
}


static void
oa_hls_write_variant(oa_writer_t *w, const oa_hls_listed_t *l,
    const oa_hls_rendition_t *r)
{
    oa_hls_rate_t  rate, audio;

    rate = oa_hls_rate(r);

    if (r->conf.kind == OA_LIVE_VIDEO && l->group != NULL) {
        audio = oa_hls_rate(l->group);
        rate.peak += audio.peak;
        rate.average += audio.average;
    }

    oa_write_str(w, "#EXT-X-STREAM-INF:BANDWIDTH=");
    oa_write_dec(w, rate.peak);
    oa_write_str(w, ",AVERAGE-BANDWIDTH=");
    oa_write_dec(w, rate.average);
    oa_hls_write_codecs(w, l, r);

    if (r->conf.kind == OA_LIVE_VIDEO) {
        oa_hls_write_picture(w, &r->format);

        if (l->group != NULL) {
            oa_write_str(w, ",AUDIO=\"" OA_HLS_AUDIO_GROUP "\"");
        }
    }

    oa_write_str(w, "\n");
    oa_hls_write_uri(w, l, r);
    oa_write_str(w, "\n");
}


oa_err_t
oa_hls_multivariant_render(const oa_hls_multivariant_t *multivariant,
    oa_writer_t *w)
{
    unsigned         i;
    oa_hls_listed_t  l;

    oa_hls_list(multivariant, &l);

    if (l.nvideo + l.naudio == 0) {
        return OA_EAGAIN;
    }

    oa_write_str(w, "#EXTM3U\n");

    if (l.group != NULL) {
        oa_hls_write_audio(w, &l);
    }

    for (i = 0; i < l.nvideo; i++) {
        oa_hls_write_variant(w, &l, l.video[i]);
    }

    for (i = 0; i < l.naudio; i++) {
        if (l.audio[i] != l.group) {
            oa_hls_write_variant(w, &l, l.audio[i]);
        }
    }

    return w->error;
}
