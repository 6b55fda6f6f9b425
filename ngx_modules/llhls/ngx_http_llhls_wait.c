
/*
 * Requests that wait.  Those for a position of the playlist, and for a whole
 * segment, stand in one tree of their rendition, those for a hinted part in
 * another; a wake-up takes out of both only what is ready.
 */


#include "llhls/ngx_http_llhls.h"


typedef enum {
    NGX_HTTP_LLHLS_OUT = 0,
    NGX_HTTP_LLHLS_IN_TREE,
    NGX_HTTP_LLHLS_READY
} ngx_http_llhls_wait_state_e;


typedef struct {
    ngx_rbtree_node_t             node;
    ngx_queue_t                   waiting;       /* of the rendition */
    ngx_queue_t                   ready;         /* to be answered */
    ngx_http_llhls_wait_state_e   state;
    ngx_msec_t                    deadline;
    ngx_http_request_t           *request;
    ngx_http_llhls_rendition_t   *rendition;
    oa_hls_position_t             position;
    ngx_http_llhls_ask_t          ask;
} ngx_http_llhls_wait_t;


/*
 * So many are answered before the worker looks after others: a publisher's
 * next frame must not wait until thousands of viewers have the last one.
 */
#define NGX_HTTP_LLHLS_ANSWERS  256


static ngx_uint_t   ngx_http_llhls_nwaiting;
static ngx_queue_t  ngx_http_llhls_ready;
static ngx_event_t  ngx_http_llhls_answering;


static ngx_http_llhls_wait_t *
ngx_http_llhls_node_wait(ngx_rbtree_node_t *node)
{
    return (ngx_http_llhls_wait_t *)
           ((u_char *) node - offsetof(ngx_http_llhls_wait_t, node));
}


static void
ngx_http_llhls_wait_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t      **p;
    ngx_http_llhls_wait_t   *wait;

    wait = ngx_http_llhls_node_wait(node);

    for ( ;; ) {
        p = oa_hls_position_compare(&wait->position,
                                    &ngx_http_llhls_node_wait(temp)->position)
            < 0 ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_rbtree_t *
ngx_http_llhls_wait_tree(ngx_http_llhls_wait_t *wait)
{
    return wait->ask.kind == OA_HLS_PART ? &wait->rendition->names
                                         : &wait->rendition->positions;
}


void
ngx_http_llhls_waiting_add(ngx_int_t delta)
{
    ngx_http_llhls_nwaiting += delta;
    ngx_onair_waiting_set(ngx_http_llhls_nwaiting);
}


/* Out of the tree, the queues and the count. */
static void
ngx_http_llhls_wait_leave(ngx_http_llhls_wait_t *wait)
{
    ngx_http_llhls_rendition_t  *rendition;

    if (wait->state == NGX_HTTP_LLHLS_OUT) {
        return;
    }

    rendition = wait->rendition;

    if (wait->state == NGX_HTTP_LLHLS_IN_TREE) {
        ngx_rbtree_delete(ngx_http_llhls_wait_tree(wait), &wait->node);

    } else {
        ngx_queue_remove(&wait->ready);
    }

    wait->state = NGX_HTTP_LLHLS_OUT;
    ngx_queue_remove(&wait->waiting);
    ngx_http_llhls_waiting_add(-1);

    if (--rendition->nwaiting == 0 && rendition->timer.timer_set) {
        /* it would hold up a graceful shutdown */
        ngx_del_timer(&rendition->timer);
    }
}


static void
ngx_http_llhls_wait_cleanup(void *data)
{
    ngx_http_llhls_wait_leave(data);
}


static void
ngx_http_llhls_wait_enter(ngx_http_llhls_wait_t *wait)
{
    ngx_http_llhls_rendition_t  *rendition;

    rendition = wait->rendition;

    wait->state = NGX_HTTP_LLHLS_IN_TREE;
    wait->deadline = ngx_current_msec + rendition->timeout;

    ngx_rbtree_insert(ngx_http_llhls_wait_tree(wait), &wait->node);
    ngx_queue_insert_tail(&rendition->waiting, &wait->waiting);
    ngx_http_llhls_waiting_add(1);

    if (rendition->nwaiting++ == 0) {
        ngx_add_timer(&rendition->timer, rendition->timeout);
    }
}


static void
ngx_http_llhls_wait_finish(ngx_http_llhls_wait_t *wait, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = wait->request;
    c = r->connection;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_llhls_wait_answer(ngx_http_llhls_wait_t *wait)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    ngx_http_llhls_wait_leave(wait);

    r = wait->request;
    ngx_http_set_log_request(r->connection->log, r);

    if (wait->ask.kind == OA_HLS_MEDIA) {
        rc = ngx_http_llhls_playlist_answer(r, wait->rendition, &wait->ask);

    } else {
        rc = ngx_http_llhls_media_answer(r, wait->rendition, &wait->ask);
    }

    ngx_http_llhls_wait_finish(wait, rc);
}


/*
 * Keeps a request that is answered later; the client may go away meanwhile,
 * or may have gone already.
 */
void
ngx_http_llhls_hold(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    rev = r->connection->read;

    if (rev->pending_eof) {
        ngx_post_event(rev, &ngx_posted_events);
    }
}


/* --- in time, or not ------------------------------------------------- */


static void
ngx_http_llhls_wait_timeout(ngx_event_t *ev)
{
    ngx_msec_int_t               left;
    ngx_http_llhls_wait_t       *wait;
    ngx_http_llhls_rendition_t  *rendition;

    rendition = ev->data;

    while (!ngx_queue_empty(&rendition->waiting)) {
        wait = ngx_queue_data(ngx_queue_head(&rendition->waiting),
                              ngx_http_llhls_wait_t, waiting);

        left = (ngx_msec_int_t) (wait->deadline - ngx_current_msec);
        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        ngx_http_llhls_wait_leave(wait);
        ngx_http_set_log_request(wait->request->connection->log,
                                 wait->request);
        ngx_http_llhls_wait_finish(wait,
            ngx_http_llhls_error(wait->request, NGX_HTTP_SERVICE_UNAVAILABLE,
                                 &ngx_http_llhls_no_store));
    }
}


static void
ngx_http_llhls_wait_take(ngx_rbtree_t *tree, ngx_http_llhls_wait_t *wait)
{
    ngx_rbtree_delete(tree, &wait->node);
    ngx_queue_insert_tail(&ngx_http_llhls_ready, &wait->ready);
    wait->state = NGX_HTTP_LLHLS_READY;
}


/* Names rise, and the hinted one is the first that is not there. */
static void
ngx_http_llhls_take_names(ngx_rbtree_t *tree, const oa_live_edge_t *edge,
    ngx_uint_t all)
{
    oa_hls_position_t       hint;
    ngx_rbtree_node_t      *node, *next;
    ngx_http_llhls_wait_t  *wait;

    if (tree->root == tree->sentinel) {
        return;
    }

    hint.msn = edge->hint.msn;
    hint.part = edge->hint.part;
    hint.whole = false;

    for (node = ngx_rbtree_min(tree->root, tree->sentinel);
         node;
         node = next)
    {
        wait = ngx_http_llhls_node_wait(node);

        if (!all && oa_hls_position_compare(&wait->position, &hint) >= 0) {
            return;
        }

        next = ngx_rbtree_next(tree, node);
        ngx_http_llhls_wait_take(tree, wait);
    }
}


/*
 * What is reached comes first, but for parts that a complete segment turned
 * out not to have; they stand before the whole one.
 */
static void
ngx_http_llhls_take_positions(ngx_rbtree_t *tree, const oa_live_edge_t *edge,
    ngx_uint_t all)
{
    ngx_rbtree_node_t      *node, *next;
    ngx_http_llhls_wait_t  *wait;

    if (tree->root == tree->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(tree->root, tree->sentinel);
         node;
         node = next)
    {
        wait = ngx_http_llhls_node_wait(node);
        next = ngx_rbtree_next(tree, node);

        if (all || oa_hls_position_reached(edge, &wait->position)) {
            ngx_http_llhls_wait_take(tree, wait);

        } else if (!edge->complete || wait->position.msn != edge->msn) {
            return;
        }
    }
}


/* Media that was promised, of a rendition that fell asleep. */
static void
ngx_http_llhls_take_media(ngx_rbtree_t *tree)
{
    ngx_rbtree_node_t      *node, *next;
    ngx_http_llhls_wait_t  *wait;

    if (tree->root == tree->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(tree->root, tree->sentinel);
         node;
         node = next)
    {
        wait = ngx_http_llhls_node_wait(node);
        next = ngx_rbtree_next(tree, node);

        if (wait->ask.kind != OA_HLS_MEDIA) {
            ngx_http_llhls_wait_take(tree, wait);
        }
    }
}


static void
ngx_http_llhls_wake_rendition(ngx_http_llhls_rendition_t *rendition)
{
    ngx_uint_t      all;
    oa_live_edge_t  edge;

    if (rendition->nwaiting == 0) {
        return;
    }

    ngx_memzero(&edge, sizeof(edge));

    all = oa_live_edge(ngx_onair_live(), rendition->id, &edge) != OA_OK
          || edge.state == OA_LIVE_ENDED
          || edge.presence == OA_LIVE_WITHDRAWN;

    if (!all && edge.presence == OA_LIVE_ASLEEP) {
        /* who waits for a playlist still wants it */
        ngx_http_llhls_take_media(&rendition->names);
        ngx_http_llhls_take_media(&rendition->positions);
        rendition->wanted = ngx_current_msec - NGX_HTTP_LLHLS_WANT_MS;
        ngx_http_llhls_rendition_want(rendition);
        return;
    }

    ngx_http_llhls_take_names(&rendition->names, &edge, all);
    ngx_http_llhls_take_positions(&rendition->positions, &edge, all);
}


/* An answer may end other requests; they leave the queue by themselves. */
static void
ngx_http_llhls_answer_ready(ngx_event_t *ev)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    for (n = 0; n < NGX_HTTP_LLHLS_ANSWERS; n++) {
        if (ngx_queue_empty(&ngx_http_llhls_ready)) {
            return;
        }

        q = ngx_queue_head(&ngx_http_llhls_ready);
        ngx_http_llhls_wait_answer(ngx_queue_data(q, ngx_http_llhls_wait_t,
                                                  ready));
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}


/* Interest ends with the first wake-up that nobody waited for. */
void
ngx_http_llhls_wake(ngx_uint_t topic)
{
    ngx_uint_t                   waited;
    ngx_http_llhls_rendition_t  *rendition, *first;

    waited = 0;
    first = ngx_http_llhls_rendition_of(topic);

    for (rendition = first; rendition; rendition = rendition->topic_next) {
        waited += rendition->nwaiting;
        ngx_http_llhls_wake_rendition(rendition);
    }

    if (waited != 0) {
        ngx_http_llhls_answer_ready(&ngx_http_llhls_answering);
        return;
    }

    for (rendition = first; rendition; rendition = rendition->topic_next) {
        rendition->watched = 0;
    }

    ngx_onair_unwatch(topic);
}


/* --- waiting --------------------------------------------------------- */


void
ngx_http_llhls_waits_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_llhls_ready);

    ngx_http_llhls_answering.handler = ngx_http_llhls_answer_ready;
    ngx_http_llhls_answering.log = cycle->log;
}


void
ngx_http_llhls_wait_init(ngx_http_llhls_rendition_t *rendition)
{
    ngx_queue_init(&rendition->waiting);

    ngx_rbtree_init(&rendition->positions, &rendition->positions_sentinel,
                    ngx_http_llhls_wait_insert);
    ngx_rbtree_init(&rendition->names, &rendition->names_sentinel,
                    ngx_http_llhls_wait_insert);

    rendition->timer.handler = ngx_http_llhls_wait_timeout;
    rendition->timer.data = rendition;
    rendition->timer.log = ngx_cycle->log;
}


static ngx_http_llhls_wait_t *
ngx_http_llhls_wait_create(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask,
    const oa_hls_position_t *position)
{
    ngx_http_cleanup_t     *cln;
    ngx_http_llhls_wait_t  *wait;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_llhls_wait_t));
    if (cln == NULL) {
        return NULL;
    }

    wait = cln->data;
    ngx_memzero(wait, sizeof(ngx_http_llhls_wait_t));
    cln->handler = ngx_http_llhls_wait_cleanup;

    wait->request = r;
    wait->rendition = rendition;
    wait->ask = *ask;
    wait->position = *position;

    return wait;
}


/* Whether a wait just begun is over, when no wake-up told so. */
static ngx_uint_t
ngx_http_llhls_wait_over(ngx_http_llhls_wait_t *wait)
{
    oa_live_edge_t       edge;
    oa_live_name_t       name;
    oa_live_part_info_t  part;

    if (wait->ask.kind == OA_HLS_PART) {
        name.msn = wait->position.msn;
        name.part = wait->position.part;

        return oa_live_part_find(ngx_onair_live(), wait->rendition->id, name,
                                 &part)
               != OA_EAGAIN;
    }

    return oa_live_edge(ngx_onair_live(), wait->rendition->id, &edge) != OA_OK
           || edge.state == OA_LIVE_ENDED
           || edge.presence == OA_LIVE_WITHDRAWN
           || (edge.presence == OA_LIVE_ASLEEP
               && wait->ask.kind == OA_HLS_SEGMENT)
           || oa_hls_position_reached(&edge, &wait->position);
}


ngx_int_t
ngx_http_llhls_wait(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask,
    const oa_hls_position_t *position)
{
    ngx_http_llhls_wait_t  *wait;

    if (!ngx_onair_on_bus()) {
        return ngx_http_llhls_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    &ngx_http_llhls_no_store);
    }

    wait = ngx_http_llhls_wait_create(r, rendition, ask, position);
    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!rendition->watched) {
        rendition->watched = 1;
        ngx_onair_watch(rendition->id.index);

        /* what came before the bus knew of our interest is told by nobody */
        if (ngx_http_llhls_wait_over(wait)) {
            return ask->kind == OA_HLS_MEDIA
                   ? ngx_http_llhls_playlist_answer(r, rendition, ask)
                   : ngx_http_llhls_media_answer(r, rendition, ask);
        }
    }

    ngx_http_llhls_wait_enter(wait);
    ngx_http_llhls_hold(r);

    return NGX_DONE;
}
