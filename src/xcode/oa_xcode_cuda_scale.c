
/*
 * Scaling on the card: what was decoded in the host's memory is copied there,
 * scale_cuda makes it smaller, and the result is copied to where the encoder
 * reads.  The last is a copy within the card, so that what the encoder has
 * registered stays while the graph is made anew for another source.
 */


#include "xcode/oa_xcode_cuda.h"

#include <stdio.h>
#include <stdlib.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>


/* The scaling strand's. */
struct oa_xcode_cuda_scaler_s {
    AVFilterGraph        *graph;
    AVFilterContext      *source;
    AVFilterContext      *sink;
    AVBufferRef          *from;          /* the frames that it was made for */
    int                   width;
    int                   height;

    AVBufferRef          *to;            /* the rung's frames */
    AVFrame              *scaled;

    /* of pictures in the host's memory */
    AVBufferRef          *upload;
    AVFrame              *host;
    AVFrame              *uploaded;
};


/* What scale_cuda takes as it is; NONE: the CPU must have a hand in it. */
static enum AVPixelFormat
oa_xcode_cuda_format(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_NV12:
        return AV_PIX_FMT_NV12;
    default:
        return AV_PIX_FMT_NONE;
    }
}


static bool
oa_xcode_cuda_fail(const char *what, int error,
    char text[OA_XCODE_TEXT_BYTES])
{
    char  why[AV_ERROR_MAX_STRING_SIZE];

    (void) av_strerror(error, why, sizeof(why));

    /* libav* says no memory when the card did not answer, too */
    (void) snprintf(text, OA_XCODE_TEXT_BYTES, "%s on the card failed: %s",
                    what, error == AVERROR(ENOMEM)
                          ? "no memory, or the card is gone" : why);

    return false;
}


/* --- pictures in the host's memory ------------------------------------ */


/* A blank picture of the upload's, which is made for this size and format. */
static int
oa_xcode_cuda_upload_begin(oa_xcode_cuda_scaler_t *scaler,
    AVBufferRef *device, const AVFrame *in)
{
    int                 rc;
    AVHWFramesContext  *frames;
    enum AVPixelFormat  format = oa_xcode_cuda_format(in->format);

    if (scaler->upload != NULL) {
        frames = (AVHWFramesContext *) scaler->upload->data;

        if (frames->width == in->width && frames->height == in->height
            && frames->sw_format == format)
        {
            return av_hwframe_get_buffer(scaler->upload, scaler->uploaded, 0);
        }

        av_buffer_unref(&scaler->upload);
    }

    scaler->upload = av_hwframe_ctx_alloc(device);
    if (scaler->upload == NULL) {
        return AVERROR(ENOMEM);
    }

    frames = (AVHWFramesContext *) scaler->upload->data;
    frames->format = AV_PIX_FMT_CUDA;
    frames->sw_format = format;
    frames->width = in->width;
    frames->height = in->height;

    rc = av_hwframe_ctx_init(scaler->upload);

    return rc < 0 ? rc : av_hwframe_get_buffer(scaler->upload,
                                               scaler->uploaded, 0);
}


/* scaler->uploaded is the picture then. */
static bool
oa_xcode_cuda_upload(oa_xcode_cuda_scaler_t *scaler, const AVFrame *in,
    char text[OA_XCODE_TEXT_BYTES])
{
    int                 rc;
    AVHWFramesContext  *frames = (AVHWFramesContext *) scaler->to->data;

    rc = oa_xcode_cuda_upload_begin(scaler, frames->device_ref, in);

    if (rc == 0) {
        rc = av_frame_ref(scaler->host, in);
    }

    if (rc == 0) {
        scaler->host->format = oa_xcode_cuda_format(in->format);
        rc = av_hwframe_transfer_data(scaler->uploaded, scaler->host, 0);
    }

    av_frame_unref(scaler->host);

    if (rc < 0) {
        av_frame_unref(scaler->uploaded);
        return oa_xcode_cuda_fail("copying a picture", rc, text);
    }

    return true;
}


/* Other formats: scaled here, then copied to where the encoder reads. */
static bool
oa_xcode_cuda_scale_here(oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES])
{
    int                      rc;
    oa_xcode_cuda_scaler_t  *scaler = rung->scaler.cuda;

    if (!oa_xcode_cpu()->scale(rung, in, scaler->host, text)) {
        return false;
    }

    rc = av_hwframe_get_buffer(scaler->to, out, 0);

    if (rc == 0) {
        rc = av_hwframe_transfer_data(out, scaler->host, 0);
    }

    av_frame_unref(scaler->host);

    return rc < 0 ? oa_xcode_cuda_fail("copying a picture", rc, text) : true;
}


/* --- the graph -------------------------------------------------------- */


static int
oa_xcode_cuda_source(oa_xcode_cuda_scaler_t *scaler, const AVFrame *in)
{
    int                     rc;
    AVBufferSrcParameters  *parameters;

    scaler->source = avfilter_graph_alloc_filter(scaler->graph,
                                       avfilter_get_by_name("buffer"), "in");
    parameters = av_buffersrc_parameters_alloc();

    if (scaler->source == NULL || parameters == NULL) {
        av_free(parameters);
        return AVERROR(ENOMEM);
    }

    parameters->format = AV_PIX_FMT_CUDA;
    parameters->width = in->width;
    parameters->height = in->height;
    parameters->time_base = (AVRational) { 1, 1000 };
    parameters->hw_frames_ctx = in->hw_frames_ctx;

    rc = av_buffersrc_parameters_set(scaler->source, parameters);
    av_free(parameters);

    return rc < 0 ? rc : avfilter_init_str(scaler->source, NULL);
}


static int
oa_xcode_cuda_link(oa_xcode_cuda_scaler_t *scaler,
    const oa_xcode_rung_state_t *rung)
{
    int               rc;
    char              arguments[96];
    AVFilterContext  *scale;

    /* of all algorithms the one that has a mean of several samples */
    (void) snprintf(arguments, sizeof(arguments),
                    "%u:%u:interp_algo=bilinear:format=%s:passthrough=0",
                    (unsigned) rung->conf.width, (unsigned) rung->conf.height,
                    av_get_pix_fmt_name(rung->format));

    rc = avfilter_graph_create_filter(&scale,
                                      avfilter_get_by_name("scale_cuda"),
                                      "scale", arguments, NULL,
                                      scaler->graph);
    if (rc < 0) {
        return rc;
    }

    rc = avfilter_graph_create_filter(&scaler->sink,
                                      avfilter_get_by_name("buffersink"),
                                      "out", NULL, NULL, scaler->graph);
    if (rc < 0) {
        return rc;
    }

    rc = avfilter_link(scaler->source, 0, scale, 0);

    return rc < 0 ? rc : avfilter_link(scale, 0, scaler->sink, 0);
}


static void
oa_xcode_cuda_graph_close(oa_xcode_cuda_scaler_t *scaler)
{
    avfilter_graph_free(&scaler->graph);
    av_buffer_unref(&scaler->from);
}


static bool
oa_xcode_cuda_graph_fits(const oa_xcode_cuda_scaler_t *scaler,
    const AVFrame *in)
{
    return scaler->graph != NULL && scaler->width == in->width
           && scaler->height == in->height
           && scaler->from->data == in->hw_frames_ctx->data;
}


static bool
oa_xcode_cuda_graph_open(oa_xcode_cuda_scaler_t *scaler,
    const oa_xcode_rung_state_t *rung, const AVFrame *in,
    char text[OA_XCODE_TEXT_BYTES])
{
    int  rc;

    if (oa_xcode_cuda_graph_fits(scaler, in)) {
        return true;
    }

    oa_xcode_cuda_graph_close(scaler);

    scaler->graph = avfilter_graph_alloc();
    scaler->from = av_buffer_ref(in->hw_frames_ctx);
    scaler->width = in->width;
    scaler->height = in->height;

    if (scaler->graph == NULL || scaler->from == NULL) {
        oa_xcode_cuda_graph_close(scaler);
        return oa_xcode_cuda_fail("scaling", AVERROR(ENOMEM), text);
    }

    scaler->graph->nb_threads = 1;
    rc = oa_xcode_cuda_source(scaler, in);

    if (rc == 0) {
        rc = oa_xcode_cuda_link(scaler, rung);
    }

    if (rc == 0) {
        rc = avfilter_graph_config(scaler->graph, NULL);
    }

    if (rc < 0) {
        oa_xcode_cuda_graph_close(scaler);
        return oa_xcode_cuda_fail("scaling", rc, text);
    }

    return true;
}


/* --- a picture -------------------------------------------------------- */


static bool
oa_xcode_cuda_scale_there(oa_xcode_rung_state_t *rung, AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES])
{
    int                      rc;
    oa_xcode_cuda_scaler_t  *scaler = rung->scaler.cuda;

    if (!oa_xcode_cuda_graph_open(scaler, rung, in, text)) {
        return false;
    }

    rc = av_buffersrc_add_frame_flags(scaler->source, in,
                                      AV_BUFFERSRC_FLAG_KEEP_REF);
    if (rc >= 0) {
        rc = av_buffersink_get_frame(scaler->sink, scaler->scaled);
    }

    if (rc >= 0) {
        rc = av_hwframe_get_buffer(scaler->to, out, 0);
    }

    if (rc >= 0) {
        rc = av_hwframe_transfer_data(out, scaler->scaled, 0);
    }

    av_frame_unref(scaler->scaled);

    return rc < 0 ? oa_xcode_cuda_fail("scaling", rc, text) : true;
}


static bool
oa_xcode_cuda_scaler_open(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    oa_xcode_cuda_scaler_t  *scaler;

    if (rung->scaler.cuda != NULL) {
        return true;
    }

    scaler = calloc(1, sizeof(*scaler));
    if (scaler == NULL) {
        return oa_xcode_cuda_fail("scaling", AVERROR(ENOMEM), text);
    }

    rung->scaler.cuda = scaler;
    scaler->scaled = av_frame_alloc();
    scaler->host = av_frame_alloc();
    scaler->uploaded = av_frame_alloc();

    if (scaler->scaled == NULL || scaler->host == NULL
        || scaler->uploaded == NULL)
    {
        oa_xcode_cuda_scaler_close(rung);
        return oa_xcode_cuda_fail("scaling", AVERROR(ENOMEM), text);
    }

    scaler->to = oa_xcode_cuda_frames(rung, text);

    if (scaler->to == NULL) {
        oa_xcode_cuda_scaler_close(rung);
        return false;
    }

    return true;
}


static bool
oa_xcode_cuda_scale_picture(oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES])
{
    bool                     done;
    oa_xcode_cuda_scaler_t  *scaler = rung->scaler.cuda;

    if (in->format == AV_PIX_FMT_CUDA) {
        return oa_xcode_cuda_scale_there(rung, (AVFrame *) in, out, text);
    }

    if (oa_xcode_cuda_format(in->format) == AV_PIX_FMT_NONE) {
        return oa_xcode_cuda_scale_here(rung, in, out, text);
    }

    done = oa_xcode_cuda_upload(scaler, in, text)
           && oa_xcode_cuda_scale_there(rung, scaler->uploaded, out, text);
    av_frame_unref(scaler->uploaded);

    return done;
}


bool
oa_xcode_cuda_scale(oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES])
{
    oa_xcode_colour_t  colour;

    if (!oa_xcode_cuda_scaler_open(rung, text)) {
        return false;
    }

    if (!oa_xcode_cuda_scale_picture(rung, in, out, text)) {
        av_frame_unref(out);
        oa_xcode_cuda_scaler_close(rung);
        return false;
    }

    colour = oa_xcode_frame_colour(in);
    out->color_primaries = colour.primaries;
    out->color_trc = colour.transfer;
    out->colorspace = colour.matrix;
    out->color_range = colour.range;
    out->sample_aspect_ratio = (AVRational) { 1, 1 };

    return true;
}


void
oa_xcode_cuda_scaler_close(oa_xcode_rung_state_t *rung)
{
    oa_xcode_cuda_scaler_t  *scaler = rung->scaler.cuda;

    oa_xcode_cuda_frames_drop(rung);
    oa_xcode_cpu()->scaler_close(rung);

    if (scaler == NULL) {
        return;
    }

    oa_xcode_cuda_graph_close(scaler);
    av_frame_free(&scaler->scaled);
    av_frame_free(&scaler->host);
    av_frame_free(&scaler->uploaded);
    av_buffer_unref(&scaler->upload);
    av_buffer_unref(&scaler->to);
    free(scaler);
    rung->scaler.cuda = NULL;
}
