
/*
 * Small pictures of a session: its newest thumbnails in several sizes, and
 * sheets of many tiny ones, for who seeks.
 *
 * A session has a few places, each with one picture of at most three pages of
 * the arena.  The owner replaces what is in a place as a whole; any process
 * reads, without a lock, the old one or the new one.  All go with the session.
 *
 * Pictures never take from media: where less than a sixteenth of the arena is
 * free, and the room that a new session must find, none is added, and one that
 * is there is only replaced by one of no more pages.  A writer that is killed
 * at any instruction leaves the old one or the new one; pages that it had in
 * its hands are found again with the next owner, or with the session's end.
 */


#ifndef OA_LIVE_PICTURES_H
#define OA_LIVE_PICTURES_H


#include "live/oa_live.h"


#define OA_LIVE_PICTURES         8       /* places of a session */
#define OA_LIVE_PICTURE_PAGES    3
#define OA_LIVE_PICTURE_BYTES    (OA_LIVE_PICTURE_PAGES * OA_LIVE_PAGE_BYTES)
#define OA_LIVE_PICTURE_TILES    25      /* of a sheet */


typedef enum {
    OA_LIVE_THUMBNAIL = 1,
    OA_LIVE_SPRITE
} oa_live_picture_kind_t;


/*
 * Tiles of a sheet are in rows of so many columns, from the upper left; each is
 * what was shown at its media time, and stands until the next one's, the last
 * one until end_ms.
 */
typedef struct {
    uint32_t   kind;                 /* oa_live_picture_kind_t */
    uint32_t   number;               /* of a thumbnail: its height, nominal;
                                        of a sheet: counts from 0 */
    int64_t    made_unix_s;
    uint32_t   interval_ms;          /* to the next one, usually */

    uint32_t   ntiles;               /* this and the following: of a sheet */
    uint32_t   columns;
    uint32_t   tile_width;
    uint32_t   tile_height;
    int64_t    end_ms;
    int64_t    times_ms[OA_LIVE_PICTURE_TILES];
} oa_live_picture_t;


/* What is in a place. */
typedef struct {
    unsigned            place;
    uint64_t            version;     /* of what is in that place; never again */
    size_t              size;
    oa_live_picture_t   about;
} oa_live_picture_found_t;


OA_BEGIN_DECLS


/*
 * Owner only.  Puts a picture into a place, which is below OA_LIVE_PICTURES;
 * all is copied.  OA_EFULL: too large, or no room, see above; OA_EINVAL: the
 * place, no bytes, or more tiles than there can be; OA_EGONE: the session is
 * not on the air.  On error what was there stays.
 */
OA_MUST_CHECK oa_err_t oa_live_picture_set(oa_live_t *live,
    oa_live_session_t session, unsigned place, const oa_live_picture_t *about,
    oa_slice_t data);

/*
 * What is in a place.  Cheap.  OA_ENOTFOUND: nothing; OA_EGONE; OA_EAGAIN: as a
 * snapshot's.
 */
OA_MUST_CHECK oa_err_t oa_live_picture_get(const oa_live_t *live,
    oa_live_session_t session, unsigned place, oa_live_picture_found_t *found);

/* The same for the picture of a kind and number, wherever it is. */
OA_MUST_CHECK oa_err_t oa_live_picture_find(const oa_live_t *live,
    oa_live_session_t session, oa_live_picture_kind_t kind, uint32_t number,
    oa_live_picture_found_t *found);

/*
 * Copies what was found into found->size bytes at dst.  OA_EAGAIN: another one
 * is in its place by now, get it again; OA_EGONE.  dst is then undefined.
 */
OA_MUST_CHECK oa_err_t oa_live_picture_read(const oa_live_t *live,
    oa_live_session_t session, const oa_live_picture_found_t *found,
    void *dst);


OA_END_DECLS


#endif /* OA_LIVE_PICTURES_H */
