
/*
 * The card's decoder, which does not decode: each picture is grey, in a shade
 * that says its place in the order of presentation.  So pictures go the way of
 * those that a card decodes, and a test can tell them apart.
 */


#include <ffnvcodec/dynlink_cuda.h>
#include <ffnvcodec/dynlink_nvcuvid.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"


#define CUVID_EXPORT    __attribute__((visibility("default")))

#define CUVID_SURFACES  64
#define CUVID_SIDE      4096
#define CUVID_PITCH     512
#define CUVID_GREY      128

#define CUVID_ERROR_MEMORY       ((CUresult) 2)
#define CUVID_ERROR_VALUE        ((CUresult) 1)
#define CUVID_ERROR_LAUNCH       ((CUresult) 719)
#define CUVID_ERROR_UNSUPPORTED  ((CUresult) 801)


typedef struct {
    cudaVideoCodec   codec;
    size_t           pitch;
    size_t           height;
    unsigned         surfaces;
    unsigned         outputs;
    pthread_mutex_t  lock;
    unsigned         mapped;
    uint8_t          shades[CUVID_SURFACES];
} cuvid_decoder_t;


/* t/unit/xcode_nvdec.c knows it. */
static uint8_t
cuvid_shade(int place)
{
    return 40 + place * 4 % 160;
}


static bool
cuvid_has(cudaVideoCodec codec, cudaVideoChromaFormat chroma,
    unsigned depth_minus_8)
{
    faults_t  faults;

    faults_read(&faults);

    return faults.nvdec && depth_minus_8 == 0
           && chroma == cudaVideoChromaFormat_420
           && (codec == cudaVideoCodec_H264 || codec == cudaVideoCodec_HEVC);
}


CUVID_EXPORT CUresult
cuvidGetDecoderCaps(CUVIDDECODECAPS *caps)
{
    caps->bIsSupported = cuvid_has(caps->eCodecType, caps->eChromaFormat,
                                   caps->nBitDepthMinus8);
    caps->nOutputFormatMask = 1 << cudaVideoSurfaceFormat_NV12;
    caps->nMaxWidth = caps->nMaxHeight = CUVID_SIDE;
    caps->nMinWidth = caps->nMinHeight = 16;
    caps->nMaxMBCount = CUVID_SIDE / 16 * (CUVID_SIDE / 16);

    return CUDA_SUCCESS;
}


CUVID_EXPORT CUresult
cuvidCreateDecoder(CUvideodecoder *decoder, CUVIDDECODECREATEINFO *info)
{
    cuvid_decoder_t  *created;

    if (!cuvid_has(info->CodecType, info->ChromaFormat, info->bitDepthMinus8)
        || info->ulNumDecodeSurfaces > CUVID_SURFACES)
    {
        return CUVID_ERROR_UNSUPPORTED;
    }

    if (faults_dead()) {
        return CUVID_ERROR_LAUNCH;
    }

    created = calloc(1, sizeof(*created));
    if (created == NULL) {
        return CUVID_ERROR_MEMORY;
    }

    created->codec = info->CodecType;
    created->pitch = (info->ulTargetWidth + CUVID_PITCH - 1) / CUVID_PITCH
                     * CUVID_PITCH;
    created->height = info->ulTargetHeight;
    created->surfaces = info->ulNumDecodeSurfaces;
    created->outputs = info->ulNumOutputSurfaces;
    pthread_mutex_init(&created->lock, NULL);
    *decoder = created;

    return CUDA_SUCCESS;
}


CUVID_EXPORT CUresult
cuvidDestroyDecoder(CUvideodecoder decoder)
{
    cuvid_decoder_t  *d;

    d = decoder;
    pthread_mutex_destroy(&d->lock);
    free(d);

    return CUDA_SUCCESS;
}


CUVID_EXPORT CUresult
cuvidDecodePicture(CUvideodecoder decoder, CUVIDPICPARAMS *picture)
{
    int               place;
    cuvid_decoder_t  *d;

    d = decoder;

    if (faults_dead()) {
        return CUVID_ERROR_LAUNCH;
    }

    if (picture->CurrPicIdx < 0
        || (unsigned) picture->CurrPicIdx >= d->surfaces
        || picture->nBitstreamDataLen == 0)
    {
        return CUVID_ERROR_VALUE;
    }

    place = d->codec == cudaVideoCodec_H264
                ? picture->CodecSpecific.h264.CurrFieldOrderCnt[0] / 2
                : picture->CodecSpecific.hevc.CurrPicOrderCntVal;

    /* libavcodec counts that of H.264 from 65536 on */
    place &= 0x7fff;
    d->shades[picture->CurrPicIdx] = cuvid_shade(place);

    return CUDA_SUCCESS;
}


CUVID_EXPORT CUresult
cuvidMapVideoFrame64(CUvideodecoder decoder, int picture,
    unsigned long long *pointer, unsigned *pitch, CUVIDPROCPARAMS *parameters)
{
    void             *data;
    size_t            luma;
    bool              room;
    cuvid_decoder_t  *d;

    (void) parameters;

    d = decoder;

    if (faults_dead()) {
        return CUVID_ERROR_LAUNCH;
    }

    pthread_mutex_lock(&d->lock);
    room = d->mapped < d->outputs;
    d->mapped += room;
    pthread_mutex_unlock(&d->lock);

    luma = d->pitch * d->height;

    if (!room || posix_memalign(&data, CUVID_PITCH, luma + luma / 2) != 0) {
        return CUVID_ERROR_MEMORY;
    }

    memset(data, d->shades[picture], luma);
    memset((uint8_t *) data + luma, CUVID_GREY, luma / 2);

    *pointer = (unsigned long long) data;
    *pitch = d->pitch;

    return CUDA_SUCCESS;
}


CUVID_EXPORT CUresult
cuvidUnmapVideoFrame64(CUvideodecoder decoder, unsigned long long pointer)
{
    cuvid_decoder_t  *d;

    d = decoder;
    free((void *) pointer);

    pthread_mutex_lock(&d->lock);
    d->mapped--;
    pthread_mutex_unlock(&d->lock);

    return CUDA_SUCCESS;
}


/* What must be there for the library to load, and is never to be called. */

#define CUVID_ABSENT(name)                                                    \
    CUVID_EXPORT CUresult                                                     \
    name(void)                                                                \
    {                                                                         \
        return CUVID_ERROR_UNSUPPORTED;                                       \
    }

CUVID_ABSENT(cuvidGetDecodeStatus)
CUVID_ABSENT(cuvidReconfigureDecoder)
CUVID_ABSENT(cuvidCtxLockCreate)
CUVID_ABSENT(cuvidCtxLockDestroy)
CUVID_ABSENT(cuvidCtxLock)
CUVID_ABSENT(cuvidCtxUnlock)
CUVID_ABSENT(cuvidCreateVideoSource)
CUVID_ABSENT(cuvidCreateVideoSourceW)
CUVID_ABSENT(cuvidDestroyVideoSource)
CUVID_ABSENT(cuvidSetVideoSourceState)
CUVID_ABSENT(cuvidGetVideoSourceState)
CUVID_ABSENT(cuvidGetSourceVideoFormat)
CUVID_ABSENT(cuvidGetSourceAudioFormat)
CUVID_ABSENT(cuvidCreateVideoParser)
CUVID_ABSENT(cuvidParseVideoData)
CUVID_ABSENT(cuvidDestroyVideoParser)
