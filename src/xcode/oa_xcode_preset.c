
/*
 * A ladder may say its presets for one device and run on the other.  On the
 * CPU a slow one of the card's stands for what a CPU can do meanwhile.
 */


#include "xcode/oa_xcode_impl.h"

#include <string.h>


typedef struct {
    const char  *word;
    const char  *cpu;
    const char  *nvenc;
} oa_xcode_preset_t;


static const oa_xcode_preset_t *
oa_xcode_preset(const char *word)
{
    const oa_xcode_preset_t  *preset;

    static const oa_xcode_preset_t  presets[] = {
        { "", "veryfast", "p4" },
        { "ultrafast", "ultrafast", "p1" },
        { "superfast", "superfast", "p2" },
        { "veryfast", "veryfast", "p4" },
        { "faster", "faster", "p4" },
        { "fast", "fast", "p5" },
        { "medium", "medium", "p5" },
        { "slow", "slow", "p6" },
        { "slower", "slower", "p6" },
        { "veryslow", "veryslow", "p7" },
        { "placebo", "placebo", "p7" },
        { "p1", "ultrafast", "p1" },
        { "p2", "superfast", "p2" },
        { "p3", "superfast", "p3" },
        { "p4", "veryfast", "p4" },
        { "p5", "faster", "p5" },
        { "p6", "fast", "p6" },
        { "p7", "medium", "p7" },
        { NULL, NULL, NULL }
    };

    for (preset = presets; preset->word != NULL; preset++) {
        if (strcmp(preset->word, word) == 0) {
            return preset;
        }
    }

    return NULL;
}


const char *
oa_xcode_preset_cpu(const char *word)
{
    const oa_xcode_preset_t  *preset = oa_xcode_preset(word);

    return preset != NULL ? preset->cpu : NULL;
}


const char *
oa_xcode_preset_nvenc(const char *word)
{
    const oa_xcode_preset_t  *preset = oa_xcode_preset(word);

    return preset != NULL ? preset->nvenc : NULL;
}
