
/*
 * The directive transcode_rendition:  NAME key=value …  or "default".
 */


#include "ngx_rtmp_transcode.h"


#define NGX_RTMP_TRANSCODE_MIN_SIDE      16
#define NGX_RTMP_TRANSCODE_MAX_SIDE      8192
#define NGX_RTMP_TRANSCODE_MIN_BITRATE   8000
#define NGX_RTMP_TRANSCODE_MAX_BITRATE   200000000
#define NGX_RTMP_TRANSCODE_MAX_FPS       300
#define NGX_RTMP_TRANSCODE_MAX_THREADS   64


/* NULL, or what is wrong with the value. */
typedef const char *(*ngx_rtmp_transcode_key_pt)(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);


typedef struct {
    ngx_str_t                  name;
    ngx_rtmp_transcode_key_pt  set;
} ngx_rtmp_transcode_key_t;


static const char *ngx_rtmp_transcode_key_height(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_size(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_fps(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_bitrate(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_max_bitrate(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_buffer(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_codec(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_profile(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_preset(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_threads(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_audio(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);
static const char *ngx_rtmp_transcode_key_mode(
    ngx_rtmp_transcode_rendition_t *r, ngx_str_t *value);


static const ngx_rtmp_transcode_key_t  ngx_rtmp_transcode_keys[] = {
    { ngx_string("height"), ngx_rtmp_transcode_key_height },
    { ngx_string("size"), ngx_rtmp_transcode_key_size },
    { ngx_string("fps"), ngx_rtmp_transcode_key_fps },
    { ngx_string("bitrate"), ngx_rtmp_transcode_key_bitrate },
    { ngx_string("max_bitrate"), ngx_rtmp_transcode_key_max_bitrate },
    { ngx_string("buffer"), ngx_rtmp_transcode_key_buffer },
    { ngx_string("codec"), ngx_rtmp_transcode_key_codec },
    { ngx_string("profile"), ngx_rtmp_transcode_key_profile },
    { ngx_string("preset"), ngx_rtmp_transcode_key_preset },
    { ngx_string("threads"), ngx_rtmp_transcode_key_threads },
    { ngx_string("audio"), ngx_rtmp_transcode_key_audio },
    { ngx_string("mode"), ngx_rtmp_transcode_key_mode },
    { ngx_null_string, NULL }
};


static const oa_ladder_conf_t  ngx_rtmp_transcode_ladder_shipped[] = {
    { "1080p60", OA_LADDER_ONDEMAND, OA_CODEC_AVC, 0, 1080, 60000, 6000000 },
    { "720p60", OA_LADDER_ONDEMAND, OA_CODEC_AVC, 0, 720, 60000, 4500000 },
    { "720p", OA_LADDER_ALWAYS, OA_CODEC_AVC, 0, 720, 30000, 3000000 },
    { "480p", OA_LADDER_ONDEMAND, OA_CODEC_AVC, 0, 480, 30000, 1500000 },
    { "360p", OA_LADDER_ALWAYS, OA_CODEC_AVC, 0, 360, 30000, 800000 },
    { "160p", OA_LADDER_ONDEMAND, OA_CODEC_AVC, 0, 160, 30000, 300000 },
    { "audio_64k", OA_LADDER_ONDEMAND, OA_CODEC_AAC, 0, 0, 0, 64000 }
};


/* --- values ------------------------------------------------------------ */


static ngx_uint_t
ngx_rtmp_transcode_is(ngx_str_t *value, const char *word)
{
    return value->len == ngx_strlen(word)
           && ngx_memcmp(value->data, word, value->len) == 0;
}


static ngx_uint_t
ngx_rtmp_transcode_listed(const char *word, const char *const *list)
{
    for ( /* void */ ; *list; list++) {
        if (ngx_strcmp(word, *list) == 0) {
            return 1;
        }
    }

    return 0;
}


/* Bits a second, or bits: "800k" is 800 000, "4.5m" 4 500 000. */
static ngx_uint_t
ngx_rtmp_transcode_bits(ngx_str_t *value, uint32_t *bits)
{
    size_t     len;
    ngx_int_t  n, unit;

    len = value->len;
    unit = 1;

    switch (len ? value->data[len - 1] | 0x20 : 0) {

    case 'k':
        unit = 1000;
        len--;
        break;

    case 'm':
        unit = 1000000;
        len--;
        break;

    default:
        break;
    }

    n = unit == 1 ? ngx_atoi(value->data, len)
                  : ngx_atofp(value->data, len, 3);

    if (n == NGX_ERROR || n > NGX_RTMP_TRANSCODE_MAX_BITRATE) {
        return 0;
    }

    n = unit == 1 ? n : n * (unit / 1000);

    if (n < NGX_RTMP_TRANSCODE_MIN_BITRATE
        || n > NGX_RTMP_TRANSCODE_MAX_BITRATE)
    {
        return 0;
    }

    *bits = (uint32_t) n;

    return 1;
}


static ngx_uint_t
ngx_rtmp_transcode_side(u_char *data, size_t len, uint32_t *side)
{
    ngx_int_t  n;

    n = ngx_atoi(data, len);

    if (n == NGX_ERROR || n < NGX_RTMP_TRANSCODE_MIN_SIDE
        || n > NGX_RTMP_TRANSCODE_MAX_SIDE)
    {
        return 0;
    }

    *side = (uint32_t) n;

    return 1;
}


/* --- keys -------------------------------------------------------------- */


static const char *
ngx_rtmp_transcode_key_height(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    r->plan.width = 0;

    return ngx_rtmp_transcode_side(value->data, value->len, &r->plan.height)
           ? NULL : "is a number from 16 to 8192";
}


static const char *
ngx_rtmp_transcode_key_size(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *x;

    x = ngx_strlchr(value->data, value->data + value->len, 'x');

    if (x == NULL) {
        return "is WIDTHxHEIGHT, each from 16 to 8192";
    }

    len = x - value->data;

    return ngx_rtmp_transcode_side(value->data, len, &r->plan.width)
           && ngx_rtmp_transcode_side(x + 1, value->len - len - 1,
                                      &r->plan.height)
           ? NULL : "is WIDTHxHEIGHT, each from 16 to 8192";
}


static const char *
ngx_rtmp_transcode_key_fps(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atofp(value->data, value->len, 3);

    if (n == NGX_ERROR || n < 1000 || n > NGX_RTMP_TRANSCODE_MAX_FPS * 1000) {
        return "is a number from 1 to 300";
    }

    r->plan.max_rate_milli = (uint32_t) n;

    return NULL;
}


static const char *
ngx_rtmp_transcode_key_bitrate(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    return ngx_rtmp_transcode_bits(value, &r->plan.bitrate)
           ? NULL : "is from 8k to 200m";
}


static const char *
ngx_rtmp_transcode_key_max_bitrate(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    return ngx_rtmp_transcode_bits(value, &r->max_bitrate)
           ? NULL : "is from 8k to 200m";
}


static const char *
ngx_rtmp_transcode_key_buffer(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    return ngx_rtmp_transcode_bits(value, &r->buffer_bits)
           ? NULL : "is from 8k to 200m";
}


static const char *
ngx_rtmp_transcode_key_codec(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    if (ngx_rtmp_transcode_is(value, "h264")) {
        r->plan.codec = OA_CODEC_AVC;

    } else if (ngx_rtmp_transcode_is(value, "hevc")) {
        r->plan.codec = OA_CODEC_HEVC;

    } else {
        return "is \"h264\" or \"hevc\"";
    }

    return NULL;
}


static const char *
ngx_rtmp_transcode_key_profile(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    static const char *const  profiles[] = {
        "baseline", "main", "high", "main10", NULL
    };

    if (value->len >= sizeof(r->profile)) {
        return "is \"baseline\", \"main\", \"high\" or \"main10\"";
    }

    (void) ngx_cpystrn((u_char *) r->profile, value->data, value->len + 1);

    return ngx_rtmp_transcode_listed(r->profile, profiles)
           ? NULL : "is \"baseline\", \"main\", \"high\" or \"main10\"";
}


static const char *
ngx_rtmp_transcode_key_preset(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    static const char *const  presets[] = {
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium",
        "slow", "slower", "veryslow", "p1", "p2", "p3", "p4", "p5", "p6", "p7",
        NULL
    };

    if (value->len >= sizeof(r->preset)) {
        return "is one of x264's or p1 to p7";
    }

    (void) ngx_cpystrn((u_char *) r->preset, value->data, value->len + 1);

    return ngx_rtmp_transcode_listed(r->preset, presets)
           ? NULL : "is one of \"ultrafast\" to \"veryslow\", or of \"p1\" to "
                    "\"p7\" for CUDA";
}


static const char *
ngx_rtmp_transcode_key_threads(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < 1 || n > NGX_RTMP_TRANSCODE_MAX_THREADS) {
        return "is a number from 1 to 64";
    }

    r->threads = (ngx_uint_t) n;

    return NULL;
}


static const char *
ngx_rtmp_transcode_key_audio(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    r->plan.codec = OA_CODEC_AAC;

    return ngx_rtmp_transcode_bits(value, &r->plan.bitrate)
           && r->plan.bitrate <= 512000
           ? NULL : "is from 8k to 512k";
}


static const char *
ngx_rtmp_transcode_key_mode(ngx_rtmp_transcode_rendition_t *r,
    ngx_str_t *value)
{
    if (ngx_rtmp_transcode_is(value, "always")) {
        r->plan.mode = OA_LADDER_ALWAYS;

    } else if (ngx_rtmp_transcode_is(value, "ondemand")) {
        r->plan.mode = OA_LADDER_ONDEMAND;

    } else if (ngx_rtmp_transcode_is(value, "never")) {
        r->plan.mode = OA_LADDER_NEVER;

    } else {
        return "is \"always\", \"ondemand\" or \"never\"";
    }

    return NULL;
}


/* --- the directive ----------------------------------------------------- */


static ngx_int_t
ngx_rtmp_transcode_shipped_add(ngx_array_t *renditions)
{
    ngx_uint_t                       i, n;
    ngx_rtmp_transcode_rendition_t  *r;

    n = sizeof(ngx_rtmp_transcode_ladder_shipped) / sizeof(oa_ladder_conf_t);

    for (i = 0; i < n; i++) {
        r = ngx_array_push(renditions);
        if (r == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(r, sizeof(ngx_rtmp_transcode_rendition_t));
        r->plan = ngx_rtmp_transcode_ladder_shipped[i];
        r->shipped = 1;
    }

    return NGX_OK;
}


ngx_array_t *
ngx_rtmp_transcode_shipped(ngx_conf_t *cf)
{
    ngx_array_t  *renditions;

    renditions = ngx_array_create(cf->pool, OA_LADDER_RUNGS,
                                  sizeof(ngx_rtmp_transcode_rendition_t));

    return renditions && ngx_rtmp_transcode_shipped_add(renditions) == NGX_OK
           ? renditions : NULL;
}


/* It becomes a part of URLs, beside those of the source. */
static const char *
ngx_rtmp_transcode_check_name(ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    if (name->len == 0 || name->len >= OA_LIVE_NAME_BYTES) {
        return "has a name of 1 to 15 bytes";
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') {
            return "has a name of a to z, 0 to 9 and \"_\"";
        }
    }

    if (ngx_rtmp_transcode_is(name, "video")
        || ngx_rtmp_transcode_is(name, "audio"))
    {
        return "cannot be named as the source's are, \"video\" and \"audio\"";
    }

    return NULL;
}


static ngx_rtmp_transcode_rendition_t *
ngx_rtmp_transcode_find(ngx_array_t *renditions, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_rtmp_transcode_rendition_t  *r;

    r = renditions->elts;

    for (i = 0; i < renditions->nelts; i++) {
        if (ngx_rtmp_transcode_is(name, r[i].plan.name)) {
            return &r[i];
        }
    }

    return NULL;
}


static ngx_rtmp_transcode_rendition_t *
ngx_rtmp_transcode_make(ngx_array_t *renditions, ngx_str_t *name)
{
    ngx_rtmp_transcode_rendition_t  *r;

    r = ngx_array_push(renditions);
    if (r == NULL) {
        return NULL;
    }

    ngx_memzero(r, sizeof(ngx_rtmp_transcode_rendition_t));
    ngx_memcpy(r->plan.name, name->data, name->len);
    r->plan.codec = OA_CODEC_NONE;

    return r;
}


static ngx_int_t
ngx_rtmp_transcode_keys_set(ngx_conf_t *cf, ngx_rtmp_transcode_rendition_t *r)
{
    u_char                          *equals;
    ngx_str_t                       *arg, value;
    ngx_uint_t                       i;
    const char                      *wrong;
    const ngx_rtmp_transcode_key_t  *key;

    arg = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        equals = ngx_strlchr(arg[i].data, arg[i].data + arg[i].len, '=');
        key = ngx_rtmp_transcode_keys;

        while (equals && key->set
               && (key->name.len != (size_t) (equals - arg[i].data)
                   || ngx_memcmp(key->name.data, arg[i].data, key->name.len)
                      != 0))
        {
            key++;
        }

        if (equals == NULL || key->set == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"transcode_rendition %V\"", &arg[i], &arg[1]);
            return NGX_ERROR;
        }

        value.data = equals + 1;
        value.len = arg[i].data + arg[i].len - value.data;

        wrong = key->set(r, &value);
        if (wrong) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" of \"transcode_rendition %V\": "
                               "\"%V\" %s", &arg[i], &arg[1], &key->name,
                               wrong);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* What has to fit together; NULL: it does. */
static const char *
ngx_rtmp_transcode_check(ngx_rtmp_transcode_rendition_t *r)
{
    if (r->plan.mode == OA_LADDER_NEVER) {
        return NULL;
    }

    if (r->plan.codec == OA_CODEC_AAC) {
        return r->plan.height || r->max_bitrate || r->buffer_bits
               || r->profile[0] || r->preset[0] || r->threads
               || r->plan.max_rate_milli
               ? "is of audio, so it takes only \"audio\" and \"mode\"" : NULL;
    }

    if (r->plan.height == 0) {
        return "needs \"height\" or \"size\", or \"audio\"";
    }

    if (r->plan.bitrate == 0) {
        return "needs \"bitrate\"";
    }

    if (r->plan.codec == OA_CODEC_NONE) {
        r->plan.codec = OA_CODEC_AVC;
    }

    if (r->max_bitrate && r->max_bitrate < r->plan.bitrate) {
        return "has a \"max_bitrate\" below \"bitrate\"";
    }

    if (r->plan.codec == OA_CODEC_HEVC
        ? !ngx_strcmp(r->profile, "baseline") || !ngx_strcmp(r->profile, "high")
        : !ngx_strcmp(r->profile, "main10"))
    {
        return "has a \"profile\" of another \"codec\"";
    }

    return NULL;
}


static char *
ngx_rtmp_transcode_rendition_default(ngx_conf_t *cf, ngx_array_t *renditions)
{
    if (cf->args->nelts > 2 || renditions->nelts > 0) {
        return "\"default\" takes no parameters and stands first";
    }

    return ngx_rtmp_transcode_shipped_add(renditions) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_rtmp_transcode_rendition_add(ngx_conf_t *cf, ngx_array_t *renditions)
{
    ngx_str_t                       *arg;
    const char                      *wrong;
    ngx_rtmp_transcode_rendition_t  *r;

    arg = cf->args->elts;

    wrong = ngx_rtmp_transcode_check_name(&arg[1]);
    r = wrong ? NULL : ngx_rtmp_transcode_find(renditions, &arg[1]);

    if (r && !r->shipped) {
        wrong = "is duplicate";

    } else if (!r && !wrong && renditions->nelts == OA_LADDER_RUNGS) {
        wrong = "is one too many: 14 fit beside the source";
    }

    if (!wrong) {
        r = r ? r : ngx_rtmp_transcode_make(renditions, &arg[1]);

        if (r == NULL || ngx_rtmp_transcode_keys_set(cf, r) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        r->shipped = 0;
        wrong = ngx_rtmp_transcode_check(r);
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"transcode_rendition %V\" %s", &arg[1], wrong);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_rtmp_transcode_rendition(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *arg;
    ngx_rtmp_transcode_app_conf_t  *tacf = conf;

    (void) cmd;

    if (tacf->renditions == NULL) {
        tacf->renditions = ngx_array_create(cf->pool, OA_LADDER_RUNGS,
                               sizeof(ngx_rtmp_transcode_rendition_t));
        if (tacf->renditions == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    arg = cf->args->elts;

    return ngx_rtmp_transcode_is(&arg[1], "default")
           ? ngx_rtmp_transcode_rendition_default(cf, tacf->renditions)
           : ngx_rtmp_transcode_rendition_add(cf, tacf->renditions);
}
