
/*
 * The driver's API, as far as libav* uses it, on the host's own memory: a
 * "device pointer" is a pointer.  Everything is done before a call returns, so
 * streams have nothing to wait for.
 */


#ifndef NVENC_CUDA_H
#define NVENC_CUDA_H


#include <ffnvcodec/dynlink_cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


#define CUDA_EXPORT  __attribute__((visibility("default")))

/* Of the driver's results; the header knows but few. */
#define CUDA_ERROR_INVALID_VALUE    ((CUresult) 1)
#define CUDA_ERROR_OUT_OF_MEMORY    ((CUresult) 2)
#define CUDA_ERROR_NO_DEVICE        ((CUresult) 100)
#define CUDA_ERROR_INVALID_DEVICE   ((CUresult) 101)
#define CUDA_ERROR_INVALID_CONTEXT  ((CUresult) 201)
#define CUDA_ERROR_INVALID_PTX      ((CUresult) 218)
#define CUDA_ERROR_NOT_FOUND        ((CUresult) 500)
#define CUDA_ERROR_LAUNCH_FAILED    ((CUresult) 719)
#define CUDA_ERROR_NOT_SUPPORTED    ((CUresult) 801)


/* A plane of a picture; of 1 or 2 channels, of 8 or 16 bits. */
typedef struct {
    const uint8_t  *data;
    size_t          pitch;        /* bytes */
    int             width;        /* pixels */
    int             height;
    int             channels;
    int             sample_bytes;
} cuda_plane_t;


/*
 * CUDA_SUCCESS when this thread may use the card: it has a context and the
 * card is alive.
 */
CUresult cuda_ready(void);


#endif /* NVENC_CUDA_H */
