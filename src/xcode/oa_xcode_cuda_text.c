
/*
 * libav* says why something failed to its log only, and returns little more
 * than that it did.  So what is usually wrong is looked for here.
 */


#include "xcode/oa_xcode_cuda.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>


/* Of the driver's API; int stands for its result. */
typedef int (*oa_xcode_cuda_init_pt)(unsigned flags);
typedef int (*oa_xcode_cuda_count_pt)(int *count);
typedef int (*oa_xcode_nvenc_version_pt)(uint32_t *version);

#define OA_XCODE_CUDA_NO_CARD  100       /* CUDA_ERROR_NO_DEVICE */


/* Of a library that may be none. */
static bool
oa_xcode_symbol(void *library, const char *name, void *function)
{
    void  *found;

    found = library != NULL ? dlsym(library, name) : NULL;
    memcpy(function, &found, sizeof(found));

    return found != NULL;
}


static void
oa_xcode_cuda_explain_card(void *driver, unsigned card, int error,
    char text[OA_XCODE_TEXT_BYTES])
{
    int                     rc, count;
    char                    why[AV_ERROR_MAX_STRING_SIZE];
    oa_xcode_cuda_init_pt   init;
    oa_xcode_cuda_count_pt  get_count;

    if (!oa_xcode_symbol(driver, "cuInit", &init)
        || !oa_xcode_symbol(driver, "cuDeviceGetCount", &get_count))
    {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "no driver: libcuda.so.1 cannot be loaded");
        return;
    }

    rc = init(0);

    if (rc != 0) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        rc == OA_XCODE_CUDA_NO_CARD
                        ? "no card: the driver finds none"
                        : "the driver cannot be used: error %d", rc);
        return;
    }

    count = 0;
    (void) get_count(&count);

    if (card >= (unsigned) count) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "no card %u: the driver finds %d", card, count);
        return;
    }

    (void) av_strerror(error, why, sizeof(why));
    (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                    "card %u cannot be used: %s", card, why);
}


void
oa_xcode_cuda_explain_device(unsigned card, int error,
    char text[OA_XCODE_TEXT_BYTES])
{
    void  *driver;

    driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);

    oa_xcode_cuda_explain_card(driver, card, error, text);

    if (driver != NULL) {
        (void) dlclose(driver);
    }
}


void
oa_xcode_cuda_explain_encoder(const char *name, const oa_xcode_rung_t *rung,
    int error, char text[OA_XCODE_TEXT_BYTES])
{
    char                        why[AV_ERROR_MAX_STRING_SIZE];
    void                       *driver;
    uint32_t                    version;
    oa_xcode_nvenc_version_pt   get_version;

    version = 0;
    driver = dlopen("libnvidia-encode.so.1", RTLD_LAZY | RTLD_LOCAL);

    if (!oa_xcode_symbol(driver, "NvEncodeAPIGetMaxSupportedVersion",
                         &get_version)
        || get_version(&version) != 0)
    {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "no driver: libnvidia-encode.so.1 cannot be loaded");

    } else if (error == AVERROR(ENOMEM)) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "%s: the card has no session left, or no memory",
                        name);

    } else if (error == AVERROR(ENOSYS)) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "%s: not by this card, or with a newer driver than "
                        "this one, of version %u.%u of the API", name,
                        (unsigned) (version >> 4), (unsigned) (version & 0xf));

    } else {
        (void) av_strerror(error, why, sizeof(why));
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "%s of %ux%u cannot be opened: %s", name,
                        (unsigned) rung->width, (unsigned) rung->height, why);
    }

    if (driver != NULL) {
        (void) dlclose(driver);
    }
}
