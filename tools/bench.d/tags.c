
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtmp.h"
#include "tags.h"


static uint32_t
get_u24(const uint8_t *p)
{
    return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}


uint32_t
tag_frame_offset(const tag_t *tag)
{
    if (tag->type == RTMP_VIDEO && tag->size > 5 && tag->body[1] == 1) {
        return 5;
    }

    return tag->type == RTMP_AUDIO && tag->size > 2 && tag->body[1] == 1 ? 2
                                                                         : 0;
}


static uint8_t *
read_file(const char *path, size_t *size)
{
    FILE     *f;
    long      n;
    uint8_t  *p;

    f = fopen(path, "rb");
    if (f == NULL) {
        die("%s: %s", path, strerror(errno));
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    p = allocate((size_t) n + 1);
    if (fread(p, 1, (size_t) n, f) != (size_t) n) {
        die("%s cannot be read", path);
    }

    fclose(f);
    *size = (size_t) n;

    return p;
}


void
tags_load(const char *path, tags_t *tags)
{
    tag_t    *tag;
    size_t    size, pos;
    uint8_t  *p;

    p = read_file(path, &size);
    if (size < 13 || memcmp(p, "FLV", 3) != 0) {
        die("%s is no FLV file", path);
    }

    for (pos = 13; pos + 11 <= size; pos += 11 + tag->size + 4) {
        if (tags->ntags == tags->capacity) {
            tags->capacity = 2 * tags->capacity + 1024;
            tags->tags = realloc(tags->tags, tags->capacity * sizeof(tag_t));
            if (tags->tags == NULL) {
                die("out of memory");
            }
        }

        tag = &tags->tags[tags->ntags];
        tag->type = p[pos] & 0x1f;
        tag->size = get_u24(p + pos + 1);
        tag->timestamp_ms = get_u24(p + pos + 4)
                            | (uint32_t) p[pos + 7] << 24;
        tag->body = p + pos + 11;

        if (pos + 11 + tag->size > size) {
            break;
        }

        tags->ntags++;
    }
}
