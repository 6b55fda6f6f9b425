
/*
 * The work of codecs in nginx's threads.
 *
 * A strand that is to run becomes a task of its own, posted from whatever
 * thread asks for it.  nginx tells the event loop of each task that is done,
 * and what codecs have made is taken there.  Nothing else has to wake it: they
 * say that they have something only from a strand or from a call of the loop's
 * own, and both ends come to pull().
 */


#include "ngx_rtmp_transcode.h"

#include <pthread.h>


typedef struct {
    ngx_thread_task_t           task;
    ngx_queue_t                 queue;
    ngx_rtmp_transcode_work_t  *work;
    oa_xcode_strand_t          *strand;
    ngx_uint_t                  ran;
} ngx_rtmp_transcode_task_t;


static void ngx_rtmp_transcode_task_handler(void *data, ngx_log_t *log);
static void ngx_rtmp_transcode_task_done(ngx_event_t *ev);


/* nginx has ended them. */
static ngx_uint_t       ngx_rtmp_transcode_no_threads;

/* All tasks that are on their way. */
static ngx_queue_t      ngx_rtmp_transcode_tasks;
static pthread_mutex_t  ngx_rtmp_transcode_tasks_mutex =
    PTHREAD_MUTEX_INITIALIZER;


static void
ngx_rtmp_transcode_task_add(ngx_rtmp_transcode_task_t *t)
{
    (void) pthread_mutex_lock(&ngx_rtmp_transcode_tasks_mutex);

    if (ngx_rtmp_transcode_tasks.next == NULL) {
        ngx_queue_init(&ngx_rtmp_transcode_tasks);
    }

    ngx_queue_insert_tail(&ngx_rtmp_transcode_tasks, &t->queue);

    (void) pthread_mutex_unlock(&ngx_rtmp_transcode_tasks_mutex);

    (void) ngx_atomic_fetch_add(&t->work->tasks, 1);
}


static void
ngx_rtmp_transcode_task_remove(ngx_rtmp_transcode_task_t *t)
{
    (void) pthread_mutex_lock(&ngx_rtmp_transcode_tasks_mutex);
    ngx_queue_remove(&t->queue);
    (void) pthread_mutex_unlock(&ngx_rtmp_transcode_tasks_mutex);

    (void) ngx_atomic_fetch_add(&t->work->tasks, -1);
    free(t);
}


static bool
ngx_rtmp_transcode_run(void *ctx, oa_xcode_strand_t *strand)
{
    ngx_rtmp_transcode_task_t  *t;
    ngx_rtmp_transcode_work_t  *work = ctx;

    t = calloc(1, sizeof(ngx_rtmp_transcode_task_t));
    if (t == NULL) {
        return false;
    }

    t->work = work;
    t->strand = strand;
    t->task.ctx = t;
    t->task.handler = ngx_rtmp_transcode_task_handler;
    t->task.event.handler = ngx_rtmp_transcode_task_done;
    t->task.event.data = t;

    ngx_rtmp_transcode_task_add(t);

    if (!ngx_rtmp_transcode_no_threads
        && ngx_thread_task_post(work->pool, &t->task) != NGX_OK)
    {
        ngx_rtmp_transcode_task_remove(t);
        return false;
    }

    return true;
}


/* In a thread. */
static void
ngx_rtmp_transcode_task_handler(void *data, ngx_log_t *log)
{
    ngx_rtmp_transcode_task_t  *t = data;

    (void) log;

    /* nobody waits for it any more; see ngx_rtmp_transcode_threads_exit() */
    if (ngx_terminate) {
        return;
    }

    oa_xcode_strand_run(t->strand);
    t->ran = 1;
}


static void
ngx_rtmp_transcode_work_free(ngx_rtmp_transcode_work_t *work)
{
    if (work->closed && work->tasks == 0) {
        work->free(work->data);
    }
}


/* On the event loop. */
static void
ngx_rtmp_transcode_task_done(ngx_event_t *ev)
{
    ngx_rtmp_transcode_task_t  *t = ev->data;
    ngx_rtmp_transcode_work_t  *work;

    work = t->work;

    /* the loop turns once more before it ends */
    if (!t->ran) {
        return;
    }

    /* it stays until the task is removed, even if it is closed by that */
    if (!work->closed) {
        work->pull(work->data);
    }

    ngx_rtmp_transcode_task_remove(t);
    ngx_rtmp_transcode_work_free(work);
}


void
ngx_rtmp_transcode_work_close(ngx_rtmp_transcode_work_t *work)
{
    work->closed = 1;
    ngx_rtmp_transcode_work_free(work);
}


/* --- what codecs are told ---------------------------------------------- */


static void
ngx_rtmp_transcode_set_ready(void *ctx)
{
    ngx_rtmp_transcode_work_t  *work = ctx;

    work->ready = 1;
    ngx_memory_barrier();
}


ngx_uint_t
ngx_rtmp_transcode_ready(ngx_rtmp_transcode_work_t *work)
{
    return ngx_atomic_cmp_set(&work->ready, 1, 0);
}


int64_t
ngx_rtmp_transcode_now_us(void *ctx)
{
    struct timespec  ts;

    (void) ctx;
    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


oa_xcode_events_t
ngx_rtmp_transcode_events(ngx_rtmp_transcode_work_t *work)
{
    return (oa_xcode_events_t) { ngx_rtmp_transcode_run,
                                 ngx_rtmp_transcode_set_ready,
                                 ngx_rtmp_transcode_now_us, work };
}


/* --- the end ----------------------------------------------------------- */


void
ngx_rtmp_transcode_threads_gone(void)
{
    ngx_rtmp_transcode_no_threads = 1;
}


/*
 * Every strand that was asked for has to come once more, with nothing left to
 * do, so that its codecs are freed.
 */
void
ngx_rtmp_transcode_threads_exit(void)
{
    ngx_queue_t                *q;
    ngx_rtmp_transcode_task_t  *t;
    ngx_rtmp_transcode_work_t  *work;

    if (ngx_rtmp_transcode_tasks.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_rtmp_transcode_tasks)) {
        q = ngx_queue_head(&ngx_rtmp_transcode_tasks);
        t = ngx_queue_data(q, ngx_rtmp_transcode_task_t, queue);
        work = t->work;

        if (!t->ran) {
            oa_xcode_strand_run(t->strand);
        }

        ngx_rtmp_transcode_task_remove(t);
        ngx_rtmp_transcode_work_free(work);
    }
}
