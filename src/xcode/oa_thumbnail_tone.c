
/*
 * High dynamic range brought down to what a JPEG shows: the picture's diffuse
 * white, 203 cd/m2 by ITU-R BT.2408, becomes nearly white, and what is
 * brighter, up to 1000 cd/m2, shares the rest.
 */


#include "xcode/oa_thumbnail_impl.h"

#include <math.h>


#define OA_TONE_STEPS    OA_THUMBNAIL_TONE_STEPS
#define OA_TONE_PQ       16
#define OA_TONE_WHITE    203.0f
#define OA_TONE_PEAK     (1000.0f / OA_TONE_WHITE)
#define OA_TONE_KNEE     0.5f            /* linear below */


/* SMPTE ST 2084, in cd/m2. */
static float
oa_tone_pq(float code)
{
    float  p, light;

    p = powf(code, 1 / 78.84375f);
    light = fmaxf(p - 0.8359375f, 0) / (18.8515625f - 18.6875f * p);

    return 10000 * powf(light, 1 / 0.1593017578125f);
}


/* ITU-R BT.2100 HLG, light of the scene, 0 to 1. */
static float
oa_tone_hlg(float code)
{
    if (code <= 0.5f) {
        return code * code / 3;
    }

    return (expf((code - 0.55991073f) / 0.17883277f) + 0.28466892f) / 12;
}


static float
oa_tone_srgb(float light)
{
    return light <= 0.0031308f ? 12.92f * light
                               : 1.055f * powf(light, 1 / 2.4f) - 0.055f;
}


void
oa_thumbnail_tone_init(oa_thumbnail_tone_t *tone, unsigned transfer)
{
    float     code;
    unsigned  i;

    tone->hlg = transfer != OA_TONE_PQ;

    for (i = 0; i < OA_TONE_STEPS; i++) {
        code = (float) i / (OA_TONE_STEPS - 1);

        tone->linear[i] = tone->hlg ? oa_tone_hlg(code)
                                    : oa_tone_pq(code) / OA_TONE_WHITE;
        tone->coded[i] = (uint8_t) (255 * oa_tone_srgb(code) + 0.5f);
    }
}


/* Light below the knee stays; above it bends down to 1 at the peak. */
static float
oa_tone_bend(float light)
{
    float  u, a;

    if (light <= OA_TONE_KNEE) {
        return light;
    }

    u = fminf((light - OA_TONE_KNEE) / (OA_TONE_PEAK - OA_TONE_KNEE), 1);

    /* of slope 1 at the knee */
    a = 1 / ((OA_TONE_PEAK - OA_TONE_KNEE) / (1 - OA_TONE_KNEE) - 1);

    return OA_TONE_KNEE + (1 - OA_TONE_KNEE) * (1 + a) * u / (u + a);
}


static uint8_t
oa_tone_code(const oa_thumbnail_tone_t *tone, float light)
{
    light = fminf(fmaxf(light, 0), 1);

    return tone->coded[(unsigned) (light * (OA_TONE_STEPS - 1) + 0.5f)];
}


static void
oa_tone_pixel(const oa_thumbnail_tone_t *tone, const uint16_t *rgb,
    uint8_t *to)
{
    float  r, g, b, y, scale, max;

    r = tone->linear[rgb[0] >> 4];
    g = tone->linear[rgb[1] >> 4];
    b = tone->linear[rgb[2] >> 4];

    if (tone->hlg) {
        /* a display of 1000 cd/m2 has a system gamma of 1.2 */
        y = 0.2627f * r + 0.6780f * g + 0.0593f * b;
        scale = OA_TONE_PEAK * powf(y, 0.2f);
        r *= scale;
        g *= scale;
        b *= scale;
    }

    /* all by one factor, so that colours stay */
    max = fmaxf(fmaxf(r, g), b);
    scale = max > 0 ? oa_tone_bend(max) / max : 0;
    r *= scale;
    g *= scale;
    b *= scale;

    /* ITU-R BT.2087: from the primaries of BT.2020 to those of BT.709 */
    to[0] = oa_tone_code(tone, 1.6605f * r - 0.5876f * g - 0.0728f * b);
    to[1] = oa_tone_code(tone, -0.1246f * r + 1.1329f * g - 0.0083f * b);
    to[2] = oa_tone_code(tone, -0.0182f * r - 0.1006f * g + 1.1187f * b);
}


void
oa_thumbnail_tone(const oa_thumbnail_tone_t *tone, const uint16_t *rgb,
    size_t n, uint8_t *to)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        oa_tone_pixel(tone, rgb + 3 * i, to + 3 * i);
    }
}
