
/* What must be there for the library to load, and is never to be called. */


#include "cuda.h"


#define CUDA_ABSENT(name)                                                     \
    CUDA_EXPORT CUresult                                                      \
    name(void)                                                                \
    {                                                                         \
        return CUDA_ERROR_NOT_SUPPORTED;                                      \
    }

CUDA_ABSENT(cuStreamAddCallback)
CUDA_ABSENT(cuEventCreate)
CUDA_ABSENT(cuEventDestroy_v2)
CUDA_ABSENT(cuEventSynchronize)
CUDA_ABSENT(cuEventQuery)
CUDA_ABSENT(cuEventRecord)
CUDA_ABSENT(cuLinkCreate)
CUDA_ABSENT(cuLinkAddData)
CUDA_ABSENT(cuLinkComplete)
CUDA_ABSENT(cuLinkDestroy)
CUDA_ABSENT(cuModuleGetGlobal)
CUDA_ABSENT(cuGLGetDevices_v2)
CUDA_ABSENT(cuGraphicsGLRegisterImage)
CUDA_ABSENT(cuGraphicsUnregisterResource)
CUDA_ABSENT(cuGraphicsMapResources)
CUDA_ABSENT(cuGraphicsUnmapResources)
CUDA_ABSENT(cuGraphicsSubResourceGetMappedArray)
CUDA_ABSENT(cuGraphicsResourceGetMappedPointer_v2)
CUDA_ABSENT(cuArray3DCreate_v2)
CUDA_ABSENT(cuArrayDestroy)
