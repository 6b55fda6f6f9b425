
#include "codec/oa_mp3.h"


#define OA_MP3_HEADER    4           /* bytes */

/* ID and the bit before it, which MPEG 2.5 took from the syncword. */
#define OA_MP3_MPEG_2_5  0
#define OA_MP3_RESERVED  1
#define OA_MP3_MPEG_1    3

#define OA_MP3_LAYER_3   1
#define OA_MP3_MONO      3


/* kbit/s by bitrate_index; 0: free format, and not allowed. */
static const uint16_t  oa_mp3_bitrates[2][16] = {
    { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 },
    { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0 }
};


/* Of MPEG-1; MPEG-2 has half of it, MPEG 2.5 a quarter. */
static const uint16_t  oa_mp3_rates[3] = { 44100, 48000, 32000 };


/* The fields in front of the bitrate: whether it is Layer III at all. */
static oa_err_t
oa_mp3_check(uint32_t header)
{
    unsigned  version, layer, bitrate;

    version = header >> 19 & 3;
    layer = header >> 17 & 3;
    bitrate = header >> 12 & 15;

    if (header >> 21 != 0x7ff || version == OA_MP3_RESERVED || layer == 0
        || bitrate == 15 || (header >> 10 & 3) == 3)
    {
        return OA_EINVAL;
    }

    return layer == OA_MP3_LAYER_3 && bitrate != 0 ? OA_OK : OA_EUNSUPPORTED;
}


oa_err_t
oa_mp3_frame_parse(oa_slice_t data, oa_mp3_frame_t *frame)
{
    bool      mpeg_1;
    unsigned  version;
    uint32_t  header;
    oa_err_t  err;

    if (data.size < OA_MP3_HEADER) {
        return OA_EAGAIN;
    }

    header = oa_get_u32(data.data);

    err = oa_mp3_check(header);
    if (err != OA_OK) {
        return err;
    }

    version = header >> 19 & 3;
    mpeg_1 = version == OA_MP3_MPEG_1;

    frame->rate = oa_mp3_rates[header >> 10 & 3]
                  >> (mpeg_1 ? 0 : version == OA_MP3_MPEG_2_5 ? 2 : 1);
    frame->samples = mpeg_1 ? 1152 : 576;
    frame->channels = (header >> 6 & 3) == OA_MP3_MONO ? 1 : 2;

    /* slots of a byte, and one more now and then */
    frame->size = frame->samples / 8 * 1000
                  * oa_mp3_bitrates[mpeg_1][header >> 12 & 15] / frame->rate
                  + (header >> 9 & 1);

    return frame->size <= data.size ? OA_OK : OA_EAGAIN;
}
