
/* The card's encoder: sessions, their buffers, and one picture at a time. */


#include <ffnvcodec/nvEncodeAPI.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coder.h"
#include "faults.h"


#define SESSION_EXPORT   __attribute__((visibility("default")))

#define SESSION_CODECS   2
#define SESSION_SIDE     4096
#define SESSION_GOP      250
#define SESSION_BITRATE  2000000
#define SESSION_PITCH    512
#define SESSION_POLL_MS  5


typedef struct {
    const coder_codec_t  *codec;
    coder_t              *coder;
    uint32_t              width;
    uint32_t              height;
    bool                  headers;
    int                   pictures;
    const char           *error;
} session_t;


/* What a picture comes in: the session's, or registered memory of the card. */
typedef struct {
    uint8_t              *data;
    uint32_t              pitch;
    uint32_t              height;
    NV_ENC_BUFFER_FORMAT  format;
} session_input_t;


typedef struct {
    coder_output_t  picture;
    uint64_t        timestamp;
    uint32_t        number;
} session_output_t;


static const coder_codec_t *const  session_codecs[SESSION_CODECS] = {
    &coder_avc,
    &coder_hevc
};

static atomic_int  session_count;


static NVENCSTATUS
session_fail(session_t *session, NVENCSTATUS status, const char *text)
{
    session->error = text;

    return status;
}


/* NULL: not one of this card's. */
static const coder_codec_t *
session_codec(const GUID *guid)
{
    int       i;
    faults_t  faults;

    faults_read(&faults);

    for (i = 0; i < (faults.h264_only ? 1 : SESSION_CODECS); i++) {
        if (memcmp(guid, session_codecs[i]->guid, sizeof(*guid)) == 0) {
            return session_codecs[i];
        }
    }

    return NULL;
}


static NVENCSTATUS
session_open(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *parameters, void **encoder)
{
    faults_t    faults;
    session_t  *session;

    faults_read(&faults);

    if (parameters->apiVersion != NVENCAPI_VERSION) {
        return NV_ENC_ERR_INVALID_VERSION;
    }

    if (parameters->deviceType != NV_ENC_DEVICE_TYPE_CUDA
        || parameters->device == NULL)
    {
        return NV_ENC_ERR_INVALID_DEVICE;
    }

    if (faults.dead || faults.devices == 0) {
        return NV_ENC_ERR_NO_ENCODE_DEVICE;
    }

    /* this is how a consumer's card says that it has no more of them */
    if (faults.sessions != -1
        && atomic_load(&session_count) >= faults.sessions)
    {
        return NV_ENC_ERR_OUT_OF_MEMORY;
    }

    session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return NV_ENC_ERR_OUT_OF_MEMORY;
    }

    session->error = "";
    atomic_fetch_add(&session_count, 1);
    *encoder = session;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_close(void *encoder)
{
    session_t  *session;

    session = encoder;

    if (session->coder) {
        session->codec->close(session->coder);
    }

    free(session);
    atomic_fetch_sub(&session_count, 1);

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_codec_count(void *encoder, uint32_t *count)
{
    faults_t  faults;

    (void) encoder;

    faults_read(&faults);
    *count = faults.h264_only ? 1 : SESSION_CODECS;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_codec_list(void *encoder, GUID *guids, uint32_t size, uint32_t *count)
{
    uint32_t  i;

    (void) session_codec_count(encoder, count);

    if (*count > size) {
        *count = size;
    }

    for (i = 0; i < *count; i++) {
        guids[i] = *session_codecs[i]->guid;
    }

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_capability(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *parameters,
    int *value)
{
    (void) encoder;
    (void) codec;

    switch (parameters->capsToQuery) {

    case NV_ENC_CAPS_WIDTH_MAX:
    case NV_ENC_CAPS_HEIGHT_MAX:
        *value = SESSION_SIDE;
        break;

    case NV_ENC_CAPS_SUPPORT_CABAC:
    case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE:
    case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE:
    case NV_ENC_CAPS_SUPPORT_LOOKAHEAD:
        *value = 1;
        break;

    default:
        *value = 0;
    }

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_preset(void *encoder, GUID codec, GUID preset,
    NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG *answer)
{
    NV_ENC_CONFIG  *config;

    (void) encoder;
    (void) codec;
    (void) preset;

    config = &answer->presetCfg;
    *config = (NV_ENC_CONFIG) { .version = config->version };

    config->gopLength = tuning == NV_ENC_TUNING_INFO_HIGH_QUALITY
                            ? SESSION_GOP
                            : NVENC_INFINITE_GOPLENGTH;
    config->frameIntervalP = 1;
    config->rcParams.rateControlMode = NV_ENC_PARAMS_RC_VBR;
    config->rcParams.averageBitRate = SESSION_BITRATE;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_preset_plain(void *encoder, GUID codec, GUID preset,
    NV_ENC_PRESET_CONFIG *answer)
{
    return session_preset(encoder, codec, preset, NV_ENC_TUNING_INFO_UNDEFINED,
                          answer);
}


static NVENCSTATUS
session_begin(void *encoder, NV_ENC_INITIALIZE_PARAMS *parameters)
{
    session_t            *session;
    const NV_ENC_CONFIG  *config;

    session = encoder;
    config = parameters->encodeConfig;

    if (session->coder) {
        return session_fail(session, NV_ENC_ERR_INVALID_CALL, "begun before");
    }

    session->codec = session_codec(&parameters->encodeGUID);

    if (session->codec == NULL) {
        return session_fail(session, NV_ENC_ERR_UNSUPPORTED_PARAM,
                            "no such codec");
    }

    if (parameters->encodeWidth > SESSION_SIDE
        || parameters->encodeHeight > SESSION_SIDE
        || parameters->encodeWidth < session->codec->least_width
        || parameters->encodeHeight < session->codec->least_height)
    {
        return session_fail(session, NV_ENC_ERR_INVALID_PARAM,
                            "too many pixels, or too few");
    }

    session->coder = session->codec->open(parameters);

    if (session->coder == NULL) {
        return session_fail(session, NV_ENC_ERR_INVALID_PARAM,
                            "not possible for the encoder behind");
    }

    session->width = parameters->encodeWidth;
    session->height = parameters->encodeHeight;
    session->headers = session->codec == &coder_avc
                           ? config->encodeCodecConfig.h264Config.repeatSPSPPS
                           : config->encodeCodecConfig.hevcConfig.repeatSPSPPS;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_change(void *encoder, NV_ENC_RECONFIGURE_PARAMS *parameters)
{
    session_t            *session;
    const NV_ENC_CONFIG  *config;

    session = encoder;
    config = parameters->reInitEncodeParams.encodeConfig;

    if (session->coder == NULL) {
        return NV_ENC_ERR_ENCODER_NOT_INITIALIZED;
    }

    if (config && session->codec->change(session->coder, config) == -1) {
        return session_fail(session, NV_ENC_ERR_INVALID_PARAM,
                            "not possible while it runs");
    }

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_streams(void *encoder, NV_ENC_CUSTREAM_PTR in, NV_ENC_CUSTREAM_PTR out)
{
    (void) encoder;
    (void) in;
    (void) out;

    return NV_ENC_SUCCESS;
}


static bool
session_format(NV_ENC_BUFFER_FORMAT format)
{
    return format == NV_ENC_BUFFER_FORMAT_NV12
           || format == NV_ENC_BUFFER_FORMAT_YV12
           || format == NV_ENC_BUFFER_FORMAT_IYUV;
}


static NVENCSTATUS
session_input_create(void *encoder, NV_ENC_CREATE_INPUT_BUFFER *parameters)
{
    session_input_t  *input;

    if (!session_format(parameters->bufferFmt)) {
        return session_fail(encoder, NV_ENC_ERR_UNSUPPORTED_PARAM,
                            "no such format of pictures");
    }

    input = calloc(1, sizeof(*input));
    if (input == NULL) {
        return NV_ENC_ERR_OUT_OF_MEMORY;
    }

    input->pitch = (parameters->width + SESSION_PITCH - 1) / SESSION_PITCH
                   * SESSION_PITCH;
    input->height = parameters->height;
    input->format = parameters->bufferFmt;
    input->data = calloc(input->height + (input->height + 1) / 2,
                         input->pitch);

    if (input->data == NULL) {
        free(input);
        return NV_ENC_ERR_OUT_OF_MEMORY;
    }

    parameters->inputBuffer = input;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_input_destroy(void *encoder, NV_ENC_INPUT_PTR buffer)
{
    session_input_t  *input;

    (void) encoder;

    input = buffer;

    if (input) {
        free(input->data);
        free(input);
    }

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_input_lock(void *encoder, NV_ENC_LOCK_INPUT_BUFFER *parameters)
{
    session_input_t  *input;

    if (faults_dead()) {
        return session_fail(encoder, NV_ENC_ERR_DEVICE_NOT_EXIST, "it is gone");
    }

    input = parameters->inputBuffer;
    parameters->bufferDataPtr = input->data;
    parameters->pitch = input->pitch;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_input_unlock(void *encoder, NV_ENC_INPUT_PTR buffer)
{
    (void) encoder;
    (void) buffer;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_register(void *encoder, NV_ENC_REGISTER_RESOURCE *parameters)
{
    session_input_t  *input;

    if (faults_dead()) {
        return session_fail(encoder, NV_ENC_ERR_DEVICE_NOT_EXIST, "it is gone");
    }

    if (!session_format(parameters->bufferFormat)
        || parameters->resourceType
               != NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR)
    {
        return session_fail(encoder, NV_ENC_ERR_RESOURCE_REGISTER_FAILED,
                            "no such format of pictures");
    }

    input = calloc(1, sizeof(*input));
    if (input == NULL) {
        return NV_ENC_ERR_OUT_OF_MEMORY;
    }

    input->data = parameters->resourceToRegister;
    input->pitch = parameters->pitch;
    input->height = parameters->height;
    input->format = parameters->bufferFormat;
    parameters->registeredResource = input;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_unregister(void *encoder, NV_ENC_REGISTERED_PTR resource)
{
    (void) encoder;

    free(resource);

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_map(void *encoder, NV_ENC_MAP_INPUT_RESOURCE *parameters)
{
    session_input_t  *input;

    if (faults_dead()) {
        return session_fail(encoder, NV_ENC_ERR_DEVICE_NOT_EXIST, "it is gone");
    }

    input = parameters->registeredResource;
    parameters->mappedResource = input;
    parameters->mappedBufferFmt = input->format;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_unmap(void *encoder, NV_ENC_INPUT_PTR resource)
{
    (void) encoder;
    (void) resource;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_output_create(void *encoder,
    NV_ENC_CREATE_BITSTREAM_BUFFER *parameters)
{
    (void) encoder;

    parameters->bitstreamBuffer = calloc(1, sizeof(session_output_t));

    return parameters->bitstreamBuffer ? NV_ENC_SUCCESS
                                       : NV_ENC_ERR_OUT_OF_MEMORY;
}


static NVENCSTATUS
session_output_destroy(void *encoder, NV_ENC_OUTPUT_PTR buffer)
{
    session_output_t  *output;

    (void) encoder;

    output = buffer;

    if (output) {
        free(output->picture.data);
        free(output);
    }

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_output_lock(void *encoder, NV_ENC_LOCK_BITSTREAM *parameters)
{
    session_output_t  *output;

    if (faults_dead()) {
        return session_fail(encoder, NV_ENC_ERR_DEVICE_NOT_EXIST, "it is gone");
    }

    output = parameters->outputBitstream;
    parameters->bitstreamBufferPtr = output->picture.data;
    parameters->bitstreamSizeInBytes = output->picture.size;
    parameters->outputTimeStamp = output->timestamp;
    parameters->pictureType = output->picture.idr ? NV_ENC_PIC_TYPE_IDR
                                                  : NV_ENC_PIC_TYPE_P;
    parameters->frameAvgQP = output->picture.quantizer;
    parameters->frameIdx = output->number;
    parameters->numSlices = 1;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_output_unlock(void *encoder, NV_ENC_OUTPUT_PTR buffer)
{
    (void) encoder;
    (void) buffer;

    return NV_ENC_SUCCESS;
}


static void
session_sleep(int ms)
{
    struct timespec  time;

    time = (struct timespec) { ms / 1000, ms % 1000 * 1000000l };
    nanosleep(&time, NULL);
}


/* The faults of a picture, in their order. */
static NVENCSTATUS
session_faults(session_t *session)
{
    faults_t  faults;

    faults_read(&faults);

    while (faults.hang && !faults.dead) {
        session_sleep(SESSION_POLL_MS);
        faults_read(&faults);
    }

    if (faults.stall_ms) {
        session_sleep(faults.stall_ms);
    }

    if (faults.dead) {
        return session_fail(session, NV_ENC_ERR_DEVICE_NOT_EXIST, "it is gone");
    }

    if (faults.fail_after != -1 && session->pictures >= faults.fail_after) {
        return session_fail(session, NV_ENC_ERR_GENERIC, "as it was told to");
    }

    return NV_ENC_SUCCESS;
}


/* Chroma follows after as many rows as were registered. */
static void
session_picture(const session_t *session, const session_input_t *input,
    coder_picture_t *picture)
{
    const uint8_t  *first, *second;

    first = input->data + (size_t) input->pitch * input->height;
    second = first + (size_t) input->pitch / 2 * (input->height / 2);

    *picture = (coder_picture_t) {
        .planes = { input->data, first, second },
        .pitches = { input->pitch, input->pitch / 2, input->pitch / 2 },
        .interleaved = input->format == NV_ENC_BUFFER_FORMAT_NV12,
        .width = session->width,
        .height = session->height
    };

    if (picture->interleaved) {
        picture->pitches[1] = input->pitch;

    } else if (input->format == NV_ENC_BUFFER_FORMAT_YV12) {
        picture->planes[1] = second;
        picture->planes[2] = first;
    }
}


static NVENCSTATUS
session_encode(void *encoder, NV_ENC_PIC_PARAMS *parameters)
{
    bool               idr, headers;
    session_t         *session;
    NVENCSTATUS        status;
    coder_picture_t    picture;
    session_output_t  *output;

    session = encoder;
    output = parameters->outputBitstream;

    if (parameters->encodePicFlags & NV_ENC_PIC_FLAG_EOS) {
        return NV_ENC_SUCCESS;
    }

    if (session->coder == NULL) {
        return NV_ENC_ERR_ENCODER_NOT_INITIALIZED;
    }

    status = session_faults(session);
    if (status != NV_ENC_SUCCESS) {
        return status;
    }

    session_picture(session, parameters->inputBuffer, &picture);
    idr = parameters->encodePicFlags & NV_ENC_PIC_FLAG_FORCEIDR;
    headers = session->headers
              || parameters->encodePicFlags & NV_ENC_PIC_FLAG_OUTPUT_SPSPPS;

    if (session->codec->encode(session->coder, &picture, idr, headers,
                               &output->picture)
        == -1)
    {
        return session_fail(session, NV_ENC_ERR_GENERIC,
                            "the encoder behind failed");
    }

    output->timestamp = parameters->inputTimeStamp;
    output->number = session->pictures++;

    return NV_ENC_SUCCESS;
}


static NVENCSTATUS
session_headers(void *encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD *parameters)
{
    int         size;
    session_t  *session;

    session = encoder;

    if (session->coder == NULL) {
        return NV_ENC_ERR_ENCODER_NOT_INITIALIZED;
    }

    size = session->codec->headers(session->coder, parameters->spsppsBuffer,
                                   parameters->inBufferSize);
    if (size == -1) {
        return session_fail(session, NV_ENC_ERR_NOT_ENOUGH_BUFFER,
                            "no room for the parameter sets");
    }

    *parameters->outSPSPPSPayloadSize = size;

    return NV_ENC_SUCCESS;
}


static const char *
session_error(void *encoder)
{
    return ((session_t *) encoder)->error;
}


SESSION_EXPORT NVENCSTATUS
NvEncodeAPIGetMaxSupportedVersion(uint32_t *version)
{
    faults_t  faults;

    faults_read(&faults);
    *version = faults.driver;

    return NV_ENC_SUCCESS;
}


SESSION_EXPORT NVENCSTATUS
NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST *list)
{
    if (list->version != NV_ENCODE_API_FUNCTION_LIST_VER) {
        return NV_ENC_ERR_INVALID_VERSION;
    }

    list->nvEncOpenEncodeSessionEx = session_open;
    list->nvEncDestroyEncoder = session_close;
    list->nvEncGetEncodeGUIDCount = session_codec_count;
    list->nvEncGetEncodeGUIDs = session_codec_list;
    list->nvEncGetEncodeCaps = session_capability;
    list->nvEncGetEncodePresetConfig = session_preset_plain;
    list->nvEncGetEncodePresetConfigEx = session_preset;
    list->nvEncInitializeEncoder = session_begin;
    list->nvEncReconfigureEncoder = session_change;
    list->nvEncSetIOCudaStreams = session_streams;
    list->nvEncCreateInputBuffer = session_input_create;
    list->nvEncDestroyInputBuffer = session_input_destroy;
    list->nvEncLockInputBuffer = session_input_lock;
    list->nvEncUnlockInputBuffer = session_input_unlock;
    list->nvEncRegisterResource = session_register;
    list->nvEncUnregisterResource = session_unregister;
    list->nvEncMapInputResource = session_map;
    list->nvEncUnmapInputResource = session_unmap;
    list->nvEncCreateBitstreamBuffer = session_output_create;
    list->nvEncDestroyBitstreamBuffer = session_output_destroy;
    list->nvEncLockBitstream = session_output_lock;
    list->nvEncUnlockBitstream = session_output_unlock;
    list->nvEncEncodePicture = session_encode;
    list->nvEncGetSequenceParams = session_headers;
    list->nvEncGetLastErrorString = session_error;

    return NV_ENC_SUCCESS;
}
