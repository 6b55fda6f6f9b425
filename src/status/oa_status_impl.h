
/* Inside of src/status: a text that is made piece by piece. */


#ifndef OA_STATUS_IMPL_H
#define OA_STATUS_IMPL_H


#include "status/oa_status.h"


typedef struct {
    const oa_status_source_t      *source;
    oa_json_t                      json;
    oa_status_room_pt              room;
    void                          *ctx;
    oa_live_session_info_t         info;
    const oa_status_rendition_t   *rendition;
    uint32_t                       viewers;      /* of all channels */

    /* the piece that is next */
    oa_live_metadata_t             metadata;
    uint32_t                       field;

    const oa_live_health_t        *records;
    unsigned                       nrecords;
    unsigned                       at;
    unsigned                       column;
} oa_status_t;


/* Writes one piece of the text. */
typedef void (*oa_status_piece_pt)(oa_status_t *st);


OA_BEGIN_DECLS


/* A piece that does not fit is taken back and written into a new buffer. */
OA_MUST_CHECK oa_err_t oa_status_piece(oa_status_t *st,
    oa_status_piece_pt piece);

/* The members of a channel's object that say which thumbnails it has. */
void oa_status_thumbnails(oa_status_t *st);


OA_END_DECLS


#endif /* OA_STATUS_IMPL_H */
