
/* Cards, contexts, streams. */


#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cuda.h"
#include "faults.h"


#define CUDA_CARDS      16
#define CUDA_CONTEXTS   64        /* on a thread's stack */
#define CUDA_ALIGNMENT  512


/* One that was used while the card was dead fails for ever. */
struct CUctx_st {
    CUdevice     device;
    atomic_bool  lost;
};


/* Shared by those in the process who ask for it; made anew for the next one. */
typedef struct {
    struct CUctx_st  context;
    atomic_int       users;
} cuda_primary_t;


static cuda_primary_t           cuda_primary[CUDA_CARDS];

static _Thread_local CUcontext  cuda_stack[CUDA_CONTEXTS];
static _Thread_local unsigned   cuda_depth;


CUresult
cuda_ready(void)
{
    CUcontext  context;

    if (cuda_depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }

    context = cuda_stack[cuda_depth - 1];

    if (faults_dead()) {
        atomic_store(&context->lost, true);
    }

    return atomic_load(&context->lost) ? CUDA_ERROR_LAUNCH_FAILED
                                       : CUDA_SUCCESS;
}


static int
cuda_devices(void)
{
    faults_t  faults;

    faults_read(&faults);

    return faults.dead ? 0
           : faults.devices < CUDA_CARDS ? faults.devices
                                         : CUDA_CARDS;
}


CUDA_EXPORT CUresult
cuInit(unsigned flags)
{
    (void) flags;

    return cuda_devices() > 0 ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}


CUDA_EXPORT CUresult
cuDeviceGetCount(int *count)
{
    *count = cuda_devices();

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDeviceGet(CUdevice *device, int ordinal)
{
    if (ordinal < 0 || ordinal >= cuda_devices()) {
        return CUDA_ERROR_INVALID_DEVICE;
    }

    *device = ordinal;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
    (void) device;

    *major = 7;
    *minor = 5;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDeviceGetAttribute(int *value, CUdevice_attribute attribute,
    CUdevice device)
{
    int  major, minor;

    (void) cuDeviceComputeCapability(&major, &minor, device);

    switch (attribute) {

    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
        *value = major;
        break;

    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
        *value = minor;
        break;

    case CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT:
    case CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT:
        *value = CUDA_ALIGNMENT;
        break;

    default:
        *value = 1;
    }

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDeviceGetName(char *name, int size, CUdevice device)
{
    snprintf(name, size, "stand-in %d", device);

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuCtxPushCurrent_v2(CUcontext context)
{
    if (context == NULL || cuda_depth == CUDA_CONTEXTS) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }

    cuda_stack[cuda_depth++] = context;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuCtxPopCurrent_v2(CUcontext *context)
{
    if (cuda_depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }

    cuda_depth--;

    if (context) {
        *context = cuda_stack[cuda_depth];
    }

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
    CUcontext  created;

    (void) flags;

    if (device < 0 || device >= cuda_devices()) {
        return CUDA_ERROR_INVALID_DEVICE;
    }

    created = calloc(1, sizeof(*created));
    if (created == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    created->device = device;
    *context = created;

    return cuCtxPushCurrent_v2(created);
}


CUDA_EXPORT CUresult
cuCtxDestroy_v2(CUcontext context)
{
    if (context == NULL) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }

    if (cuda_depth && cuda_stack[cuda_depth - 1] == context) {
        cuda_depth--;
    }

    free(context);

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuCtxSetLimit(CUlimit limit, size_t value)
{
    (void) limit;
    (void) value;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuCtxGetDevice(CUdevice *device)
{
    if (cuda_depth == 0) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }

    *device = cuda_stack[cuda_depth - 1]->device;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    if (device < 0 || device >= cuda_devices()) {
        return CUDA_ERROR_INVALID_DEVICE;
    }

    atomic_fetch_add(&cuda_primary[device].users, 1);
    *context = &cuda_primary[device].context;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDevicePrimaryCtxRelease(CUdevice device)
{
    if (atomic_fetch_sub(&cuda_primary[device].users, 1) == 1) {
        atomic_store(&cuda_primary[device].context.lost, false);
    }

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDevicePrimaryCtxReset(CUdevice device)
{
    (void) device;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned flags)
{
    (void) device;
    (void) flags;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
    *flags = 4;                          /* CU_CTX_SCHED_BLOCKING_SYNC */
    *active = atomic_load(&cuda_primary[device].users) > 0;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuStreamCreate(CUstream *stream, unsigned flags)
{
    (void) flags;

    *stream = NULL;

    return cuda_ready();
}


CUDA_EXPORT CUresult
cuStreamQuery(CUstream stream)
{
    (void) stream;

    return cuda_ready();
}


CUDA_EXPORT CUresult
cuStreamSynchronize(CUstream stream)
{
    (void) stream;

    return cuda_ready();
}


CUDA_EXPORT CUresult
cuStreamDestroy_v2(CUstream stream)
{
    (void) stream;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuGetErrorName(CUresult error, const char **name)
{
    switch ((int) error) {

    case (int) CUDA_ERROR_OUT_OF_MEMORY:
        *name = "CUDA_ERROR_OUT_OF_MEMORY";
        break;

    case (int) CUDA_ERROR_NO_DEVICE:
        *name = "CUDA_ERROR_NO_DEVICE";
        break;

    case (int) CUDA_ERROR_INVALID_DEVICE:
        *name = "CUDA_ERROR_INVALID_DEVICE";
        break;

    case (int) CUDA_ERROR_INVALID_CONTEXT:
        *name = "CUDA_ERROR_INVALID_CONTEXT";
        break;

    case (int) CUDA_ERROR_LAUNCH_FAILED:
        *name = "CUDA_ERROR_LAUNCH_FAILED";
        break;

    default:
        *name = "CUDA_ERROR_UNKNOWN";
    }

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuGetErrorString(CUresult error, const char **text)
{
    return cuGetErrorName(error, text);
}
