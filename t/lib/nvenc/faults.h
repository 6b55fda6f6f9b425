
/*
 * What is to go wrong with the card that is not there.
 *
 * The environment's ONAIR_NVENC_FAULTS names a file with a "name value" in each
 * line; README.md lists them.  It is read again whenever it matters, so a test
 * breaks the card, and mends it, while the program runs.  Without the variable
 * or the file nothing goes wrong.  A line that is not understood ends the
 * program: a test that spells a fault wrongly must not pass.
 */


#ifndef NVENC_FAULTS_H
#define NVENC_FAULTS_H


#include <stdbool.h>
#include <stddef.h>


typedef struct {
    int      devices;        /* cards in the machine */
    int      driver;         /* API that it knows, major << 4 | minor */
    int      sessions;       /* encoders at a time in a process; -1: any */
    int      fail_after;     /* pictures of a session; -1: never */
    int      stall_ms;       /* each picture takes so much longer */
    bool     hang;           /* no picture ends while this is set */
    bool     dead;           /* the card has fallen off the bus */
    bool     h264_only;
    bool     nvdec;          /* no fault: the card decodes, more or less */
    size_t   memory_bytes;   /* of the card; 0: as much as there is */
} faults_t;


/* Any thread. */
void faults_read(faults_t *faults);
bool faults_dead(void);


#endif /* NVENC_FAULTS_H */
