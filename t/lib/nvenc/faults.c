
#include <ffnvcodec/nvEncodeAPI.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"


#define FAULTS_DRIVER  (NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION)


static void
faults_refuse(const char *line)
{
    fprintf(stderr, "ONAIR_NVENC_FAULTS: not understood: %s\n", line);
    abort();
}


static int
faults_driver(const char *line)
{
    int  major, minor;

    if (sscanf(line, "%*s %d.%d", &major, &minor) != 2) {
        faults_refuse(line);
    }

    return major << 4 | minor;
}


static void
faults_line(faults_t *faults, const char *line)
{
    char  name[32];
    long  value;

    if (sscanf(line, "%31s %ld", name, &value) != 2) {
        faults_refuse(line);
    }

    if (strcmp(name, "devices") == 0) {
        faults->devices = value;

    } else if (strcmp(name, "driver") == 0) {
        faults->driver = faults_driver(line);

    } else if (strcmp(name, "sessions") == 0) {
        faults->sessions = value;

    } else if (strcmp(name, "fail_after") == 0) {
        faults->fail_after = value;

    } else if (strcmp(name, "stall_ms") == 0) {
        faults->stall_ms = value;

    } else if (strcmp(name, "hang") == 0) {
        faults->hang = value;

    } else if (strcmp(name, "dead") == 0) {
        faults->dead = value;

    } else if (strcmp(name, "h264_only") == 0) {
        faults->h264_only = value;

    } else if (strcmp(name, "nvdec") == 0) {
        faults->nvdec = value;

    } else if (strcmp(name, "memory_bytes") == 0) {
        faults->memory_bytes = value;

    } else {
        faults_refuse(line);
    }
}


void
faults_read(faults_t *faults)
{
    FILE        *file;
    char         line[128];
    const char  *path;

    *faults = (faults_t) {
        .devices = 1, .driver = FAULTS_DRIVER, .sessions = -1, .fail_after = -1
    };

    path = getenv("ONAIR_NVENC_FAULTS");
    file = path ? fopen(path, "re") : NULL;

    if (file == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), file)) {
        faults_line(faults, line);
    }

    fclose(file);
}


bool
faults_dead(void)
{
    faults_t  faults;

    faults_read(&faults);

    return faults.dead;
}
