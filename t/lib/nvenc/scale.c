
#include <math.h>
#include <stdlib.h>

#include "scale.h"


#define SCALE_TAPS  4


typedef struct {
    int    index[SCALE_TAPS];
    float  weight[SCALE_TAPS];
} scale_point_t;


static void
scale_nearest(scale_point_t *point, float centre)
{
    point->index[0] = (int) floorf(centre);
    point->weight[0] = 1;
}


/* The mean of two points, each between two samples. */
static void
scale_bilinear(scale_point_t *point, float centre, float ratio)
{
    int    i;
    float  reach, at, part;

    reach = fminf(fmaxf(0.5f * (ratio - 1), 0), 1);
    reach /= 0.5f + reach;

    for (i = 0; i < SCALE_TAPS; i += 2) {
        at = centre + (i ? reach : -reach) - 0.5f;
        part = at - floorf(at);

        point->index[i] = (int) floorf(at);
        point->index[i + 1] = point->index[i] + 1;
        point->weight[i] = 0.5f * (1 - part);
        point->weight[i + 1] = 0.5f * part;
    }
}


static void
scale_bicubic(scale_point_t *point, float centre, float sharpness)
{
    int     i;
    float   a, x, y, at;
    float  *weight;

    a = -sharpness;
    at = centre - 0.5f;
    x = at - floorf(at);
    y = 1 - x;
    weight = point->weight;

    weight[0] = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    weight[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    weight[2] = ((a + 2) * y - (a + 3)) * y * y + 1;
    weight[3] = 1 - weight[0] - weight[1] - weight[2];

    for (i = 0; i < SCALE_TAPS; i++) {
        point->index[i] = (int) floorf(at) - 1 + i;
    }
}


static scale_point_t *
scale_points(int to, int from, scale_filter_t filter, float sharpness)
{
    int             i, k;
    float           ratio, centre;
    scale_point_t  *points, *point;

    points = calloc(to, sizeof(*points));
    ratio = (float) from / to;

    for (i = 0; points && i < to; i++) {
        point = &points[i];
        centre = (i + 0.5f) * ratio;

        switch (filter) {

        case SCALE_NEAREST:
            scale_nearest(point, centre);
            break;

        case SCALE_BILINEAR:
            scale_bilinear(point, centre, ratio);
            break;

        case SCALE_BICUBIC:
            scale_bicubic(point, centre, sharpness);
            break;
        }

        for (k = 0; k < SCALE_TAPS; k++) {
            if (point->index[k] < 0) {
                point->index[k] = 0;
            } else if (point->index[k] >= from) {
                point->index[k] = from - 1;
            }
        }
    }

    return points;
}


/* Four rows of the source become one, of its width. */
static void
scale_down(float *line, const scale_channel_t *from,
    const scale_point_t *point)
{
    int             i, k;
    float           weight;
    const uint8_t  *p;

    for (i = 0; i < from->width; i++) {
        line[i] = 0;
    }

    for (k = 0; k < SCALE_TAPS; k++) {
        weight = point->weight[k];
        p = from->data + point->index[k] * from->pitch
            + from->sample_bytes - 1;

        if (weight == 0) {
            continue;
        }

        for (i = 0; i < from->width; i++) {
            line[i] += weight * p[i * from->step];
        }
    }
}


static void
scale_across(const scale_channel_t *to, int row, const float *line,
    const scale_point_t *points)
{
    int                   i, k;
    float                 sum;
    uint8_t              *p;
    const scale_point_t  *point;

    p = to->data + row * to->pitch;

    for (i = 0; i < to->width; i++) {
        point = &points[i];
        sum = 0.5f;

        for (k = 0; k < SCALE_TAPS; k++) {
            sum += point->weight[k] * line[point->index[k]];
        }

        p[i * to->step] = sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t) sum;
    }
}


int
scale_channel(const scale_channel_t *to, const scale_channel_t *from,
    scale_filter_t filter, float sharpness)
{
    int             rc, row;
    float          *line;
    scale_point_t  *across, *down;

    rc = -1;
    line = malloc(from->width * sizeof(*line));
    across = scale_points(to->width, from->width, filter, sharpness);
    down = scale_points(to->height, from->height, filter, sharpness);

    if (line && across && down) {
        for (row = 0; row < to->height; row++) {
            scale_down(line, from, &down[row]);
            scale_across(to, row, line, across);
        }

        rc = 0;
    }

    free(line);
    free(across);
    free(down);

    return rc;
}
