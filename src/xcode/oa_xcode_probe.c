
#include "xcode/oa_xcode_impl.h"

#include <stdio.h>


/* Of the encoder that is opened; NVENC has a least size. */
#define OA_XCODE_PROBE_WIDTH      256
#define OA_XCODE_PROBE_HEIGHT     144
#define OA_XCODE_PROBE_BITRATE    100000
#define OA_XCODE_PROBE_TIMESCALE  90000


static void
oa_xcode_probe_rung(oa_xcode_t *xcode, oa_xcode_rung_state_t *rung)
{
    xcode->source.video_timescale = OA_XCODE_PROBE_TIMESCALE;

    rung->xcode = xcode;
    rung->format = xcode->functions->formats[0];
    rung->conf.codec = OA_CODEC_AVC;
    rung->conf.width = OA_XCODE_PROBE_WIDTH;
    rung->conf.height = OA_XCODE_PROBE_HEIGHT;
    rung->conf.bitrate = OA_XCODE_PROBE_BITRATE;
    rung->conf.rate.num = 30;
    rung->conf.rate.den = 1;
}


oa_err_t
oa_xcode_device_probe(oa_xcode_device_t device,
    char text[OA_XCODE_TEXT_BYTES])
{
    bool                    opened;
    oa_xcode_t              xcode = { 0 };
    AVCodecContext         *encoder;
    oa_xcode_rung_state_t   rung = { 0 };

    xcode.functions = oa_xcode_functions(device);

    if (xcode.functions->begin != NULL
        && !xcode.functions->begin(&xcode, device))
    {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "no memory");
        return OA_EUNSUPPORTED;
    }

    oa_xcode_probe_rung(&xcode, &rung);

    encoder = xcode.functions->encoder_open(&rung, text);
    opened = encoder != NULL;

    avcodec_free_context(&encoder);
    xcode.functions->scaler_close(&rung);

    if (xcode.functions->end != NULL) {
        xcode.functions->end(&xcode);
    }

    return opened ? OA_OK : OA_EUNSUPPORTED;
}
