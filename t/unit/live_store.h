
/*
 * What the tests of the live store share: a store in memory that forked
 * processes share, and a stream whose every byte follows from the session,
 * the rendition and the part's number, so that any process can check any part.
 */


#ifndef LIVE_STORE_H
#define LIVE_STORE_H


#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live/oa_live.h"


#define STORE_TIMESCALE  90000
#define STORE_PART       18000        /* ticks */


typedef struct {
    pthread_mutex_t  mutex;
} store_lock_t;


static inline void *
store_shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


/* A lock that a killed holder does not keep, as nginx's. */
static inline void
store_lock(void *ctx)
{
    pthread_mutex_t  *mutex;

    mutex = ctx;

    if (pthread_mutex_lock(mutex) == EOWNERDEAD) {
        pthread_mutex_consistent(mutex);
    }
}


static inline void
store_unlock(void *ctx)
{
    pthread_mutex_unlock(ctx);
}


static inline void
store_open(oa_live_t *live, size_t size)
{
    void                 *mem;
    oa_live_lock_t        lock;
    pthread_mutex_t      *mutex;
    pthread_mutexattr_t   attr;

    mem = store_shared(size);
    mutex = store_shared(sizeof(*mutex));

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);

    lock.lock = store_lock;
    lock.unlock = store_unlock;
    lock.ctx = mutex;

    assert_int_equal(oa_live_format(mem, size), OA_OK);
    assert_int_equal(oa_live_attach(live, mem, size, &lock), OA_OK);
}


static inline void
store_close(oa_live_t *live)
{
    munmap(live->lock.ctx, sizeof(pthread_mutex_t));
    munmap(live->base, live->size);
}


/* Alive by the kernel's word; start times do not count. */
static inline bool
store_alive(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;

    return process->pid > 0 && kill(process->pid, 0) == 0;
}


static inline bool
store_dead(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;

    return false;
}


static inline oa_err_t
store_claim(oa_live_t *live, const char *channel, uint64_t id, int64_t now_ms,
    oa_live_session_t *session, bool *resumed)
{
    oa_live_claim_t  claim;

    memset(&claim, 0, sizeof(claim));
    claim.channel = oa_slice(channel, strlen(channel));
    claim.owner.pid = getpid();
    claim.owner.start_time = 1;
    claim.id = id;
    claim.now_ms = now_ms;
    claim.conf.target_duration_s = 2;
    claim.conf.part_target_ms = 200;
    claim.conf.window_ms = 20000;
    claim.conf.grace_ms = 5000;
    claim.conf.epoch_unix_us = 1700000000000000;

    return oa_live_claim(live, &claim, store_alive, NULL, session, resumed);
}


static inline oa_live_session_t
store_session(oa_live_t *live, const char *channel, uint64_t id,
    int64_t now_ms)
{
    bool               resumed;
    oa_live_session_t  session;

    assert_int_equal(store_claim(live, channel, id, now_ms, &session,
                                 &resumed),
                     OA_OK);
    assert_false(resumed);

    return session;
}


static inline oa_err_t
store_rendition(oa_live_t *live, oa_live_session_t session, const char *name,
    oa_live_rendition_t *rendition)
{
    oa_live_rendition_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    snprintf(conf.name, sizeof(conf.name), "%s", name);
    conf.kind = OA_LIVE_VIDEO;
    conf.timescale = STORE_TIMESCALE;
    conf.part_target = STORE_PART;

    return oa_live_rendition_add(live, session, &conf, rendition);
}


static inline oa_err_t
store_init(oa_live_t *live, oa_live_rendition_t rendition, const char *init,
    uint32_t *id)
{
    oa_live_format_t  format;

    memset(&format, 0, sizeof(format));
    snprintf(format.codecs, sizeof(format.codecs), "%s", init);

    return oa_live_init_add(live, rendition, oa_slice(init, strlen(init)),
                            &format, id);
}


static inline uint64_t
store_hash(uint64_t a, uint64_t b)
{
    a = (a ^ b * 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
    a ^= a >> 29;
    a *= 0x94d049bb133111ebull;

    return a ^ a >> 32;
}


/* The key of a part, from which its size and bytes follow. */
static inline uint64_t
store_key(oa_live_rendition_t rendition, uint64_t number)
{
    return store_hash(rendition.session_id + rendition.index, number);
}


static inline uint32_t
store_size(uint64_t key, uint32_t max)
{
    return 1 + (uint32_t) (key >> 8) % max;
}


/* Whole words, so that checking is fast; the tail is the last one's bytes. */
static inline void
store_fill(uint8_t *p, uint32_t size, uint64_t key)
{
    uint32_t  i;
    uint64_t  word;

    for (i = 0; i < size; i += sizeof(word)) {
        word = (key + i) * 0x9e3779b97f4a7c15ull;
        memcpy(p + i, &word, size - i < sizeof(word) ? size - i
                                                     : sizeof(word));
    }
}


static inline bool
store_check(const uint8_t *p, uint32_t size, uint64_t key)
{
    uint32_t  i;
    uint64_t  word;

    for (i = 0; i < size; i += sizeof(word)) {
        word = (key + i) * 0x9e3779b97f4a7c15ull;

        if (memcmp(p + i, &word, size - i < sizeof(word) ? size - i
                                                         : sizeof(word))
            != 0)
        {
            return false;
        }
    }

    return true;
}


/* What a segment's start follows from. */
static inline unsigned
store_flags(uint64_t number, unsigned segment)
{
    unsigned  flags;

    flags = 0;

    if (number % segment == 0) {
        flags |= OA_LIVE_PART_SEGMENT_START | OA_LIVE_PART_INDEPENDENT;
    }

    if (number % segment == segment - 1) {
        flags |= OA_LIVE_PART_HINT_SEGMENT;
    }

    return flags;
}


/* Appends the part of a number; buf has room for max bytes. */
static inline oa_err_t
store_append_flags(oa_live_t *live, oa_live_rendition_t rendition,
    uint64_t number, uint32_t max, unsigned flags, uint32_t init_id,
    uint8_t *buf)
{
    uint32_t        size, half;
    uint64_t        key;
    oa_slice_t      pieces[2];
    oa_live_part_t  part;

    key = store_key(rendition, number);
    size = store_size(key, max);
    half = size / 2;
    store_fill(buf, size, key);

    pieces[0] = oa_slice(buf, half);
    pieces[1] = oa_slice(buf + half, size - half);

    memset(&part, 0, sizeof(part));
    part.pieces = pieces;
    part.npieces = 2;
    part.decode_time = number * STORE_PART;
    part.duration = STORE_PART;
    part.flags = flags;
    part.init_id = init_id;

    return oa_live_part_append(live, rendition, &part);
}


#endif /* LIVE_STORE_H */
