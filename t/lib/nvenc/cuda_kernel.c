
/*
 * Modules, textures and kernels.  Of all kernels there are those of scale_cuda,
 * Subsample_<filter>_<from>_<to>[_uv], between the formats of which encoders
 * and decoders speak; what they compute is in scale.c.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda.h"
#include "scale.h"


struct CUmod_st {
    char  *text;                         /* the kernels' source */
};


typedef struct {
    const char  *name;
    bool         interleaved;            /* U and V, in one plane */
    bool         target;                 /* not only a source */
} kernel_format_t;


static const kernel_format_t  kernel_formats[] = {
    { "yuv420p", false, true },
    { "nv12", true, true },
    { "p010le", true, false },
    { NULL, false, false }
};


static const char *const  kernel_filters[] = {
    [SCALE_NEAREST] = "Nearest",
    [SCALE_BILINEAR] = "Bilinear",
    [SCALE_BICUBIC] = "Bicubic",
    NULL
};


#define KERNEL_FILTERS  3
#define KERNEL_FORMATS  3


typedef struct {
    scale_filter_t          filter;
    const kernel_format_t  *from;
    const kernel_format_t  *to;
    bool                    chroma;
} kernel_t;


/* A function is the number of a kernel, as the address of one of these. */
struct CUfunc_st {
    char  place;
};

static struct CUfunc_st
    kernel_functions[KERNEL_FILTERS * KERNEL_FORMATS * KERNEL_FORMATS * 2];


CUDA_EXPORT CUresult
cuModuleLoadData(CUmodule *module, const void *image)
{
    CUmodule  loaded;
    CUresult  rc;

    rc = cuda_ready();
    if (rc != CUDA_SUCCESS) {
        return rc;
    }

    if (strstr(image, ".entry") == NULL) {
        return CUDA_ERROR_INVALID_PTX;
    }

    loaded = malloc(sizeof(*loaded));
    if (loaded == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    loaded->text = strdup(image);
    if (loaded->text == NULL) {
        free(loaded);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    *module = loaded;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuModuleUnload(CUmodule module)
{
    free(module->text);
    free(module);

    return CUDA_SUCCESS;
}


static int
kernel_format(const char *name)
{
    int  i;

    for (i = 0; kernel_formats[i].name; i++) {
        if (strcmp(kernel_formats[i].name, name) == 0) {
            return i;
        }
    }

    return -1;
}


static int
kernel_filter(const char *name)
{
    int  i;

    for (i = 0; kernel_filters[i]; i++) {
        if (strcmp(kernel_filters[i], name) == 0) {
            return i;
        }
    }

    return -1;
}


CUDA_EXPORT CUresult
cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    int   filter, from, to, fields;
    char  words[4][16], entry[80];

    snprintf(entry, sizeof(entry), ".entry %s(", name);
    fields = sscanf(name, "Subsample_%15[^_]_%15[^_]_%15[^_]_%15s", words[0],
                    words[1], words[2], words[3]);

    if (fields < 3 || strstr(module->text, entry) == NULL) {
        return CUDA_ERROR_NOT_FOUND;
    }

    filter = kernel_filter(words[0]);
    from = kernel_format(words[1]);
    to = kernel_format(words[2]);

    if (filter == -1 || from == -1 || to == -1 || !kernel_formats[to].target) {
        return CUDA_ERROR_NOT_FOUND;
    }

    filter = (filter * KERNEL_FORMATS + from) * KERNEL_FORMATS + to;
    *function = &kernel_functions[filter * 2 + (fields == 4)];

    return CUDA_SUCCESS;
}


static kernel_t
kernel_of(CUfunction function)
{
    size_t  number;

    number = function - kernel_functions;

    return (kernel_t) {
        .filter = number / 2 / KERNEL_FORMATS / KERNEL_FORMATS,
        .from = &kernel_formats[number / 2 / KERNEL_FORMATS % KERNEL_FORMATS],
        .to = &kernel_formats[number / 2 % KERNEL_FORMATS],
        .chroma = number % 2
    };
}


CUDA_EXPORT CUresult
cuTexObjectCreate(CUtexObject *texture, const CUDA_RESOURCE_DESC *resource,
    const CUDA_TEXTURE_DESC *description, const CUDA_RESOURCE_VIEW_DESC *view)
{
    CUresult       rc;
    cuda_plane_t  *plane;

    (void) description;
    (void) view;

    rc = cuda_ready();
    if (rc != CUDA_SUCCESS) {
        return rc;
    }

    if (resource->resType != CU_RESOURCE_TYPE_PITCH2D) {
        return CUDA_ERROR_INVALID_VALUE;
    }

    plane = malloc(sizeof(*plane));
    if (plane == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    *plane = (cuda_plane_t) {
        .data = (const uint8_t *) resource->res.pitch2D.devPtr,
        .pitch = resource->res.pitch2D.pitchInBytes,
        .width = resource->res.pitch2D.width,
        .height = resource->res.pitch2D.height,
        .channels = resource->res.pitch2D.numChannels,
        .sample_bytes =
            resource->res.pitch2D.format == CU_AD_FORMAT_UNSIGNED_INT8 ? 1 : 2
    };
    *texture = (CUtexObject) plane;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuTexObjectDestroy(CUtexObject texture)
{
    free((void *) texture);

    return CUDA_SUCCESS;
}


/* The arguments of a kernel, as its source declares them. */
typedef struct {
    const cuda_plane_t  *from[4];
    uint8_t             *to[4];
    int                  width;
    int                  height;
    int                  pitch;
    float                parameter;
} kernel_call_t;


static void
kernel_arguments(kernel_call_t *call, void **arguments)
{
    int  i;

    for (i = 0; i < 4; i++) {
        call->from[i] = *(const cuda_plane_t **) arguments[i];
        call->to[i] = *(uint8_t **) arguments[4 + i];
    }

    call->width = *(int *) arguments[8];
    call->height = *(int *) arguments[9];
    call->pitch = *(int *) arguments[10];
    call->parameter = *(float *) arguments[13];
}


/* Channel 0 is Y; 1 and 2 are U and V. */
static int
kernel_channel(const kernel_t *kernel, const kernel_call_t *call, int channel)
{
    bool                 packed;
    scale_channel_t      from, to;
    const cuda_plane_t  *plane;

    packed = channel && kernel->from->interleaved;
    plane = call->from[packed ? 1 : channel];

    from = (scale_channel_t) {
        .data = (uint8_t *) plane->data
                + (packed ? (channel - 1) * plane->sample_bytes : 0),
        .pitch = plane->pitch,
        .step = plane->channels * plane->sample_bytes,
        .sample_bytes = plane->sample_bytes,
        .width = plane->width,
        .height = plane->height
    };

    packed = channel && kernel->to->interleaved;

    to = (scale_channel_t) {
        .data = packed ? call->to[1] + channel - 1 : call->to[channel],
        .pitch = call->pitch,
        .step = packed ? 2 : 1,
        .sample_bytes = 1,
        .width = call->width,
        .height = call->height
    };

    /* a bicubic kernel without a parameter is given one out of range */
    return scale_channel(&to, &from, kernel->filter,
                         call->parameter > 1 ? 0 : call->parameter);
}


CUDA_EXPORT CUresult
cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
    unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
    unsigned shared_bytes, CUstream stream, void **arguments, void **extra)
{
    int            channel, last;
    kernel_t       kernel;
    CUresult       rc;
    kernel_call_t  call;

    (void) shared_bytes;
    (void) stream;
    (void) extra;

    rc = cuda_ready();
    if (rc != CUDA_SUCCESS) {
        return rc;
    }

    kernel_arguments(&call, arguments);

    if (grid_z * block_z != 1 || grid_x * block_x < (unsigned) call.width
        || grid_y * block_y < (unsigned) call.height)
    {
        return CUDA_ERROR_INVALID_VALUE;
    }

    kernel = kernel_of(function);
    channel = kernel.chroma ? 1 : 0;
    last = kernel.chroma ? 2 : 0;

    for ( /* void */ ; channel <= last; channel++) {
        if (kernel_channel(&kernel, &call, channel) == -1) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
    }

    return CUDA_SUCCESS;
}
