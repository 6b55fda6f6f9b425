
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http.h"
#include "rendition.h"


#define PLAYLIST_BYTES   (1 << 18)
#define MATCH_REACH      2000        /* frames back from the newest */
#define MAX_SAMPLES      1024


typedef struct {
    rendition_t  *rend;
    view_t       *view;
    uint32_t      msn;
    uint32_t      index;             /* of the next part in segment msn */
    uint32_t      last_msn;          /* position of the last part */
    uint32_t      last_index;
    bool          has_parts;
} parse_t;


void
path_resolve(char *dst, const char *base, const char *uri, size_t size)
{
    int          n, length;
    const char  *slash;

    slash = strrchr(base, '/');
    n = slash == NULL ? 0 : (int) (slash + 1 - base);
    length = (int) strcspn(uri, "\"\r\n");

    if (uri[0] == '/') {
        n = 0;
    }

    if ((size_t) (n + length) >= size) {
        die("a URI is too long: %.*s", length, uri);
    }

    snprintf(dst, size, "%.*s%.*s", n, base, length, uri);
}


void
rendition_init(rendition_t *rend, int kind, const char *path,
    const options_t *o, frame_log_t *log)
{
    rend->kind = kind;
    rend->skip = o->skip;
    rend->gzip = o->gzip;
    rend->log = log;
    rend->max_parts = 4096
                      + (uint32_t) ((o->seconds * 4 + 120) * 1000 / 50);
    rend->parts = allocate(rend->max_parts * sizeof(part_t));
    snprintf(rend->path, sizeof(rend->path), "%s", path);
    rend->request_size = http_request(rend->request, sizeof(rend->request),
                                      rend->path, rend->gzip);
}


/* An attribute's value within one line; NULL when it is absent. */
static const char *
attribute(const char *line, const char *name)
{
    const char  *p, *end;

    end = line + strcspn(line, "\n");
    p = strstr(line, name);

    return p != NULL && p < end ? p + strlen(name) : NULL;
}


static uint32_t
part_number(parse_t *parse)
{
    uint32_t      i;
    part_t       *part;
    rendition_t  *rend;

    rend = parse->rend;

    for (i = rend->nparts; i > 0; i--) {
        part = &rend->parts[i - 1];

        if (part->msn < parse->msn
            || (part->msn == parse->msn && part->index < parse->index))
        {
            break;
        }

        if (part->msn == parse->msn && part->index == parse->index) {
            return i - 1;
        }
    }

    if (i != rend->nparts) {
        die("a playlist lists a part that an earlier one did not");
    }

    if (rend->nparts == rend->max_parts) {
        die("too many parts");
    }

    part = &rend->parts[rend->nparts];
    part->msn = parse->msn;
    part->index = parse->index;

    return rend->nparts++;
}


static void
parse_part(parse_t *parse, const char *line)
{
    part_t       *part;
    uint32_t      number;
    const char   *uri, *duration;

    uri = attribute(line, "URI=\"");
    duration = attribute(line, "DURATION=");
    if (uri == NULL || duration == NULL) {
        die("a part without URI or DURATION");
    }

    number = part_number(parse);
    part = &parse->rend->parts[number];

    if (part->request_size == 0) {
        path_resolve(part->path, parse->rend->path, uri, PATH_BYTES);
        part->duration_s = atof(duration);
        part->request_size = http_request(part->request, REQUEST_BYTES,
                                          part->path, parse->rend->gzip);
    }

    if (!parse->has_parts) {
        parse->view->first = number;
    }

    parse->has_parts = true;
    parse->view->end = number + 1;
    parse->last_msn = parse->msn;
    parse->last_index = parse->index;
    parse->index++;
}


static void
parse_hint(parse_t *parse, const char *line)
{
    char         path[PATH_BYTES];
    const char  *uri;

    uri = attribute(line, "URI=\"");

    if (uri != NULL && attribute(line, "TYPE=PART") != NULL) {
        path_resolve(path, parse->rend->path, uri, sizeof(path));
        parse->view->hint_size = http_request(parse->view->hint,
                                              REQUEST_BYTES, path,
                                              parse->rend->gzip);
    }
}


static void
parse_line(parse_t *parse, const char *line)
{
    const char   *value;
    rendition_t  *rend;

    rend = parse->rend;

    if (strncmp(line, "#EXT-X-PART:", 12) == 0) {
        parse_part(parse, line);

    } else if (strncmp(line, "#EXTINF:", 8) == 0) {
        parse->msn++;
        parse->index = 0;

    } else if (strncmp(line, "#EXT-X-MEDIA-SEQUENCE:", 22) == 0) {
        parse->msn = (uint32_t) strtoul(line + 22, NULL, 10);

    } else if (strncmp(line, "#EXT-X-SKIP:", 12) == 0) {
        value = attribute(line, "SKIPPED-SEGMENTS=");
        parse->msn += value ? (uint32_t) strtoul(value, NULL, 10) : 0;

    } else if (strncmp(line, "#EXT-X-PART-INF:", 16) == 0) {
        value = attribute(line, "PART-TARGET=");
        rend->part_target_s = value ? atof(value) : 0;

    } else if (strncmp(line, "#EXT-X-SERVER-CONTROL:", 22) == 0) {
        value = attribute(line, "PART-HOLD-BACK=");
        rend->hold_back_s = value ? atof(value) : 0;

    } else if (strncmp(line, "#EXT-X-MAP:", 11) == 0) {
        value = attribute(line, "URI=\"");
        if (value != NULL) {
            path_resolve(rend->init_path, rend->path, value, PATH_BYTES);
        }

    } else if (strncmp(line, "#EXT-X-PRELOAD-HINT:", 20) == 0) {
        parse_hint(parse, line);

    } else if (strncmp(line, "#EXT-X-ENDLIST", 14) == 0) {
        parse->view->ended = true;
    }
}


/* What a player asks for after this playlist. */
static void
set_next(parse_t *parse)
{
    char       path[PATH_BYTES + 64];
    uint32_t   msn, part;

    msn = parse->msn;
    part = parse->last_msn == msn && parse->has_parts
           ? parse->last_index + 1 : 0;

    snprintf(path, sizeof(path), "%s?_HLS_msn=%u&_HLS_part=%u%s",
             parse->rend->path, msn, part,
             parse->rend->skip ? "&_HLS_skip=YES" : "");
    parse->view->next_size = http_request(parse->view->next, REQUEST_BYTES,
                                          path, parse->rend->gzip);
}


static bool
parse_playlist(rendition_t *rend, view_t *view, const char *text)
{
    parse_t  parse;

    if (strncmp(text, "#EXTM3U", 7) != 0) {
        return false;
    }

    memset(&parse, 0, sizeof(parse));
    parse.rend = rend;
    parse.view = view;

    while (*text) {
        parse_line(&parse, text);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }

    if (!parse.has_parts) {
        view->first = view->end = rend->nparts;
    }

    set_next(&parse);
    return true;
}


static bool
plain_text(char *dst, const char *body, size_t size)
{
    int       rc;
    z_stream  z;

    if (size < 2 || (uint8_t) body[0] != 0x1f || (uint8_t) body[1] != 0x8b) {
        if (size >= PLAYLIST_BYTES) {
            return false;
        }

        memcpy(dst, body, size);
        dst[size] = '\0';
        return true;
    }

    memset(&z, 0, sizeof(z));
    z.next_in = (Bytef *) body;
    z.avail_in = (uInt) size;
    z.next_out = (Bytef *) dst;
    z.avail_out = PLAYLIST_BYTES - 1;

    if (inflateInit2(&z, 31) != Z_OK) {
        return false;
    }

    rc = inflate(&z, Z_FINISH);
    dst[z.total_out] = '\0';
    inflateEnd(&z);

    return rc == Z_STREAM_END;
}


static uint64_t
hash_body(const char *body, size_t size)
{
    uint64_t  hash, word;

    hash = 0x9e3779b97f4a7c15ULL ^ size;

    while (size >= sizeof(word)) {
        memcpy(&word, body, sizeof(word));
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
        body += sizeof(word);
        size -= sizeof(word);
    }

    word = 0;
    memcpy(&word, body, size);
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;

    return hash ? hash : 1;
}


const view_t *
rendition_view(rendition_t *rend, const char *body, size_t size)
{
    view_t        *view;
    unsigned       i;
    uint64_t       hash;
    static char    text[PLAYLIST_BYTES];

    hash = hash_body(body, size);

    for (i = 0; i < VIEWS; i++) {
        if (rend->views[i].hash == hash) {
            return &rend->views[i];
        }
    }

    if (!plain_text(text, body, size)) {
        return NULL;
    }

    view = &rend->views[rend->next_view++ % VIEWS];
    memset(view, 0, sizeof(*view));

    if (!parse_playlist(rend, view, text)) {
        return NULL;
    }

    view->hash = hash;
    rend->parsed++;
    rend->playlist_bytes += size;

    return view;
}


static uint32_t
get_u32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


/* The payload of the first box of a type; NULL when there is none. */
static const uint8_t *
box_find(const uint8_t *p, const uint8_t *end, const char *type,
    const uint8_t **box_end)
{
    uint32_t  size;

    while (end - p >= 8) {
        size = get_u32(p);
        if (size < 8 || size > (size_t) (end - p)) {
            return NULL;
        }

        if (memcmp(p + 4, type, 4) == 0) {
            *box_end = p + size;
            return p + 8;
        }

        p += size;
    }

    return NULL;
}


static uint32_t
default_size(const uint8_t *tfhd)
{
    uint32_t  flags;

    flags = get_u32(tfhd) & 0xffffff;
    tfhd += 8;
    tfhd += flags & 0x1 ? 8 : 0;
    tfhd += flags & 0x2 ? 4 : 0;
    tfhd += flags & 0x8 ? 4 : 0;

    return flags & 0x10 ? get_u32(tfhd) : 0;
}


static uint32_t
trun_sizes(const uint8_t *p, const uint8_t *end, uint32_t fallback,
    uint32_t *sizes, uint32_t room)
{
    uint32_t  flags, i, n, skip, stride;

    flags = get_u32(p) & 0xffffff;
    n = get_u32(p + 4);
    p += 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);

    skip = flags & 0x100 ? 4 : 0;
    stride = skip + (flags & 0x200 ? 4 : 0) + (flags & 0x400 ? 4 : 0)
             + (flags & 0x800 ? 4 : 0);

    if (n > room || (size_t) n * stride > (size_t) (end - p)) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        sizes[i] = flags & 0x200 ? get_u32(p + i * stride + skip) : fallback;
    }

    return n;
}


/* The sizes of all samples of a part; 0 when it cannot be read. */
static uint32_t
part_sizes(const uint8_t *p, size_t size, uint32_t *sizes)
{
    uint32_t         n;
    const uint8_t   *end, *moof, *moof_end, *traf, *traf_end, *tfhd, *trun,
                    *box_end;

    n = 0;
    end = p + size;

    while ((moof = box_find(p, end, "moof", &moof_end)) != NULL) {
        traf = box_find(moof, moof_end, "traf", &traf_end);
        tfhd = traf ? box_find(traf, traf_end, "tfhd", &box_end) : NULL;
        trun = traf ? box_find(traf, traf_end, "trun", &box_end) : NULL;
        if (tfhd == NULL || trun == NULL) {
            return 0;
        }

        n += trun_sizes(trun, box_end, default_size(tfhd), sizes + n,
                        MAX_SAMPLES - n);
        p = moof_end;
    }

    return n;
}


static bool
sizes_match(const frame_log_t *log, uint64_t first, uint64_t nframes,
    const uint32_t *sizes, uint32_t n)
{
    uint32_t  i;

    if (first + n > nframes) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if (log->frames[(first + i) % BENCH_LOG_FRAMES].size != sizes[i]) {
            return false;
        }
    }

    return true;
}


static bool
find_frames(rendition_t *rend, const uint32_t *sizes, uint32_t n,
    uint64_t *first)
{
    uint64_t  i, nframes, oldest;

    nframes = atomic_load_explicit(&rend->log->nframes, memory_order_acquire);

    if (rend->matched
        && sizes_match(rend->log, rend->next_frame, nframes, sizes, n))
    {
        *first = rend->next_frame;
        return true;
    }

    if (n > nframes) {
        return false;
    }

    oldest = nframes > MATCH_REACH ? nframes - MATCH_REACH : 0;

    for (i = nframes - n + 1; i > oldest; i--) {
        if (sizes_match(rend->log, i - 1, nframes, sizes, n)) {
            *first = i - 1;
            return true;
        }
    }

    return false;
}


bool
rendition_match(rendition_t *rend, part_t *part, const char *body,
    size_t size)
{
    uint32_t  n, sizes[MAX_SAMPLES];
    uint64_t  last;

    n = part_sizes((const uint8_t *) body, size, sizes);

    if (n == 0 || !find_frames(rend, sizes, n, &part->first_frame)) {
        rend->unmatched++;
        rend->matched = false;
        return false;
    }

    part->nframes = n;
    last = (part->first_frame + n - 1) % BENCH_LOG_FRAMES;
    part->last_frame_ns = rend->log->frames[last].sent_ns;
    rend->next_frame = part->first_frame + n;
    rend->matched = true;

    return true;
}
