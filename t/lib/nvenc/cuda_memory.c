
/* Memory of the card, and copies from, to and within it. */


#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cuda.h"
#include "faults.h"


#define CUDA_PITCH  512


static atomic_size_t  cuda_used_bytes;


CUDA_EXPORT CUresult
cuMemAlloc_v2(CUdeviceptr *pointer, size_t size)
{
    void      *data;
    faults_t   faults;
    CUresult   rc;

    rc = cuda_ready();
    if (rc != CUDA_SUCCESS) {
        return rc;
    }

    faults_read(&faults);

    if (size == 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }

    if (faults.memory_bytes
        && atomic_load(&cuda_used_bytes) + size > faults.memory_bytes)
    {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    if (posix_memalign(&data, CUDA_PITCH, size) != 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }

    atomic_fetch_add(&cuda_used_bytes, malloc_usable_size(data));
    *pointer = (CUdeviceptr) data;

    return CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuMemAllocPitch_v2(CUdeviceptr *pointer, size_t *pitch, size_t width_bytes,
    size_t height, unsigned element_bytes)
{
    (void) element_bytes;

    *pitch = (width_bytes + CUDA_PITCH - 1) / CUDA_PITCH * CUDA_PITCH;

    return cuMemAlloc_v2(pointer, *pitch * height);
}


CUDA_EXPORT CUresult
cuMemAllocManaged(CUdeviceptr *pointer, size_t size, unsigned flags)
{
    (void) flags;

    return cuMemAlloc_v2(pointer, size);
}


CUDA_EXPORT CUresult
cuMemFree_v2(CUdeviceptr pointer)
{
    atomic_fetch_sub(&cuda_used_bytes, malloc_usable_size((void *) pointer));
    free((void *) pointer);

    return faults_dead() ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}


CUDA_EXPORT CUresult
cuMemsetD8Async(CUdeviceptr pointer, unsigned char byte, size_t size,
    CUstream stream)
{
    CUresult  rc;

    (void) stream;

    rc = cuda_ready();
    if (rc == CUDA_SUCCESS) {
        memset((void *) pointer, byte, size);
    }

    return rc;
}


static CUresult
cuda_copy(void *to, const void *from, size_t size)
{
    CUresult  rc;

    rc = cuda_ready();
    if (rc == CUDA_SUCCESS) {
        memcpy(to, from, size);
    }

    return rc;
}


/* The driver's many ways to say memcpy(). */

#define CUDA_COPY(name, to_type, from_type)                                   \
    CUDA_EXPORT CUresult                                                      \
    name(to_type to, from_type from, size_t size)                             \
    {                                                                         \
        return cuda_copy((void *) to, (const void *) from, size);             \
    }

#define CUDA_COPY_ASYNC(name, to_type, from_type)                             \
    CUDA_EXPORT CUresult                                                      \
    name(to_type to, from_type from, size_t size, CUstream stream)            \
    {                                                                         \
        (void) stream;                                                        \
                                                                              \
        return cuda_copy((void *) to, (const void *) from, size);             \
    }

CUDA_COPY(cuMemcpy, CUdeviceptr, CUdeviceptr)
CUDA_COPY(cuMemcpyHtoD_v2, CUdeviceptr, const void *)
CUDA_COPY(cuMemcpyDtoH_v2, void *, CUdeviceptr)
CUDA_COPY(cuMemcpyDtoD_v2, CUdeviceptr, CUdeviceptr)
CUDA_COPY_ASYNC(cuMemcpyAsync, CUdeviceptr, CUdeviceptr)
CUDA_COPY_ASYNC(cuMemcpyHtoDAsync_v2, CUdeviceptr, const void *)
CUDA_COPY_ASYNC(cuMemcpyDtoHAsync_v2, void *, CUdeviceptr)
CUDA_COPY_ASYNC(cuMemcpyDtoDAsync_v2, CUdeviceptr, CUdeviceptr)


CUDA_EXPORT CUresult
cuMemcpy2D_v2(const CUDA_MEMCPY2D *copy)
{
    char        *to;
    size_t       row;
    CUresult     rc;
    const char  *from;

    from = copy->srcMemoryType == CU_MEMORYTYPE_HOST
               ? copy->srcHost
               : (const char *) copy->srcDevice;
    to = copy->dstMemoryType == CU_MEMORYTYPE_HOST
             ? copy->dstHost
             : (char *) copy->dstDevice;

    from += copy->srcY * copy->srcPitch + copy->srcXInBytes;
    to += copy->dstY * copy->dstPitch + copy->dstXInBytes;

    rc = cuda_ready();

    for (row = 0; rc == CUDA_SUCCESS && row < copy->Height; row++) {
        memcpy(to + row * copy->dstPitch, from + row * copy->srcPitch,
               copy->WidthInBytes);
    }

    return rc;
}


CUDA_EXPORT CUresult
cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    (void) stream;

    return cuMemcpy2D_v2(copy);
}
