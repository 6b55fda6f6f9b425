
/* Commands and subscriptions of this worker. */


#include "core/ngx_onair_core_impl.h"
#include "core/ngx_onair_redis_impl.h"

#include <hiredis/sds.h>


typedef struct {
    ngx_str_t                   channel;
    ngx_onair_redis_message_pt  handler;
    void                       *ctx;
} ngx_onair_redis_subscription_t;


typedef struct {
    const ngx_onair_redis_conf_t  *conf;     /* NULL: no onair_redis */
    ngx_pool_t                    *pool;

    ngx_onair_redis_link_t         commands;
    ngx_queue_t                    waiting;  /* for the first connection */
    ngx_queue_t                    sent;     /* answers come in this order */
    ngx_queue_t                    lost;     /* to be told so */
    ngx_uint_t                     npending;
    size_t                         unsent;   /* bytes, of those waiting */
    ngx_event_t                    overdue;  /* the first deadline */
    ngx_connection_t               dummy;
    ngx_event_t                    told;     /* tells the lost */
    time_t                         complained;

    ngx_onair_redis_link_t         listener;
    ngx_array_t                    subscriptions;
    ngx_uint_t                     confirmed;   /* of them, by Redis */
    ngx_uint_t                     generation;
    unsigned                       listening:1;
} ngx_onair_redis_worker_t;


static ngx_onair_redis_worker_t  ngx_onair_redis_worker;


/* --- commands -------------------------------------------------------- */


static void
ngx_onair_redis_command_free(ngx_onair_redis_command_t *command)
{
    if (command->text != NULL) {
        redisFreeCommand(command->text);
        ngx_onair_redis_worker.unsent -= command->len;
    }

    ngx_onair_redis_worker.npending--;
    ngx_free(command);
}


/* Takes it from its queue; the handler may do what it likes. */
static void
ngx_onair_redis_finish(ngx_onair_redis_command_t *command,
    const redisReply *reply)
{
    void                *ctx;
    ngx_onair_redis_pt   handler;

    handler = command->handler;
    ctx = command->ctx;

    ngx_queue_remove(&command->queue);
    ngx_onair_redis_command_free(command);

    if (handler != NULL) {
        handler(ctx, reply);
    }
}


static void
ngx_onair_redis_tell(ngx_event_t *ev)
{
    ngx_queue_t  *lost, *q;

    (void) ev;

    lost = &ngx_onair_redis_worker.lost;

    while (!ngx_queue_empty(lost)) {
        q = ngx_queue_head(lost);
        ngx_onair_redis_finish(
            ngx_queue_data(q, ngx_onair_redis_command_t, queue), NULL);
    }
}


/* From the event loop, for this may run inside of a handler's own call. */
static void
ngx_onair_redis_lose(ngx_queue_t *queue)
{
    ngx_onair_redis_worker_t  *worker;

    if (ngx_queue_empty(queue)) {
        return;
    }

    worker = &ngx_onair_redis_worker;
    ngx_queue_add(&worker->lost, queue);
    ngx_queue_init(queue);
    ngx_post_event(&worker->told, &ngx_posted_events);
}


/* A master that became a replica need not close the connection. */
static ngx_uint_t
ngx_onair_redis_is_demoted(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && reply->len >= 8
           && ngx_strncmp(reply->str, "READONLY", 8) == 0;
}


static void
ngx_onair_redis_answered(redisAsyncContext *redis, void *data, void *ctx)
{
    ngx_uint_t               demoted;
    const redisReply        *reply;
    ngx_onair_redis_link_t  *link;

    reply = data;

    /* given up by us, or about to be reported as lost */
    if (redis->data == NULL || reply == NULL) {
        return;
    }

    demoted = ngx_onair_redis_is_demoted(reply);
    ngx_onair_redis_finish(ctx, reply);

    /* the handler's doing may have ended it */
    link = redis->data;

    if (demoted && link != NULL) {
        ngx_onair_redis_link_fail(link, "it has become a replica");
    }
}


static ngx_int_t
ngx_onair_redis_send(ngx_onair_redis_command_t *command)
{
    int                        rc;
    ngx_onair_redis_worker_t  *worker;

    worker = &ngx_onair_redis_worker;

    rc = redisAsyncFormattedCommand(worker->commands.redis,
                                    ngx_onair_redis_answered, command,
                                    command->text, command->len);

    redisFreeCommand(command->text);
    command->text = NULL;
    worker->unsent -= command->len;

    if (rc != REDIS_OK) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&worker->sent, &command->queue);

    return NGX_OK;
}


static void
ngx_onair_redis_commands_ready(ngx_onair_redis_link_t *link)
{
    ngx_queue_t                *waiting, *q;
    ngx_onair_redis_worker_t   *worker;
    ngx_onair_redis_command_t  *command;

    (void) link;

    worker = &ngx_onair_redis_worker;
    waiting = &worker->waiting;

    while (!ngx_queue_empty(waiting)) {
        q = ngx_queue_head(waiting);
        ngx_queue_remove(q);
        command = ngx_queue_data(q, ngx_onair_redis_command_t, queue);

        if (ngx_onair_redis_send(command) != NGX_OK) {
            ngx_queue_insert_tail(&worker->lost, q);
            ngx_post_event(&worker->told, &ngx_posted_events);
        }
    }
}


static void
ngx_onair_redis_commands_lost(ngx_onair_redis_link_t *link)
{
    ngx_onair_redis_lose(&ngx_onair_redis_worker.sent);

    if (link->settled) {
        ngx_onair_redis_lose(&ngx_onair_redis_worker.waiting);
    }
}


/* --- deadlines ------------------------------------------------------- */


/* The first of a queue has the earliest; NULL: the queue is empty. */
static ngx_onair_redis_command_t *
ngx_onair_redis_first(ngx_queue_t *queue)
{
    if (ngx_queue_empty(queue)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(queue), ngx_onair_redis_command_t,
                          queue);
}


static ngx_uint_t
ngx_onair_redis_is_overdue(const ngx_onair_redis_command_t *command)
{
    return command != NULL
           && (ngx_msec_int_t) (command->deadline - ngx_current_msec) <= 0;
}


/* The timer may go off once more after the last answer: then it rests. */
static void
ngx_onair_redis_set_overdue(void)
{
    ngx_msec_int_t              left;
    ngx_onair_redis_worker_t   *worker;
    ngx_onair_redis_command_t  *first;

    worker = &ngx_onair_redis_worker;

    first = ngx_onair_redis_first(&worker->sent);
    if (first == NULL) {
        first = ngx_onair_redis_first(&worker->waiting);
    }

    if (first != NULL && !worker->overdue.timer_set) {
        left = (ngx_msec_int_t) (first->deadline - ngx_current_msec);
        ngx_add_timer(&worker->overdue, (ngx_msec_t) ngx_max(left, 1));
    }
}


static void
ngx_onair_redis_overdue(ngx_event_t *ev)
{
    ngx_onair_redis_worker_t   *worker;
    ngx_onair_redis_command_t  *first;

    (void) ev;

    worker = &ngx_onair_redis_worker;

    for ( ;; ) {
        first = ngx_onair_redis_first(&worker->waiting);
        if (!ngx_onair_redis_is_overdue(first)) {
            break;
        }

        ngx_queue_remove(&first->queue);
        ngx_queue_insert_tail(&worker->lost, &first->queue);
        ngx_post_event(&worker->told, &ngx_posted_events);
    }

    /* answers come in order: none can come before this one's */
    if (ngx_onair_redis_is_overdue(ngx_onair_redis_first(&worker->sent))) {
        ngx_onair_redis_link_fail(&worker->commands,
                                  "a command was not answered in time");
    }

    ngx_onair_redis_set_overdue();
}


/* --- the interface for commands -------------------------------------- */


/* hiredis takes another way with these, or answers never end. */
static ngx_uint_t
ngx_onair_redis_is_foreign(const ngx_str_t *name)
{
    ngx_uint_t                i;
    static const char *const  names[] = {
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE",
        "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR", "QUIT", "RESET"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name->len == ngx_strlen(names[i])
            && ngx_strncasecmp(name->data, (u_char *) names[i], name->len)
                   == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_onair_redis_format(const ngx_str_t *args, ngx_uint_t nargs, char **text,
    size_t *len)
{
    int          n;
    size_t       lens[NGX_ONAIR_REDIS_MAX_ARGS], size;
    ngx_uint_t   i;
    const char  *argv[NGX_ONAIR_REDIS_MAX_ARGS];

    if (nargs == 0 || nargs > NGX_ONAIR_REDIS_MAX_ARGS
        || ngx_onair_redis_is_foreign(&args[0]))
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "onair: a command to Redis is not fit to be sent");
        return NGX_ERROR;
    }

    size = 0;

    for (i = 0; i < nargs; i++) {
        argv[i] = args[i].len ? (const char *) args[i].data : "";
        lens[i] = args[i].len;

        if (args[i].len > NGX_ONAIR_REDIS_MAX_UNSENT - size) {
            return NGX_ERROR;
        }

        size += args[i].len;
    }

    n = redisFormatCommandArgv(text, (int) nargs, argv, lens);
    if (n <= 0) {
        return NGX_ERROR;
    }

    *len = (size_t) n;

    return NGX_OK;
}


static ngx_uint_t
ngx_onair_redis_has_room(ngx_onair_redis_worker_t *worker)
{
    size_t  unsent;

    unsent = worker->unsent;

    if (worker->commands.redis != NULL) {
        unsent += sdslen(worker->commands.redis->c.obuf);
    }

    if (worker->npending < worker->conf->max_pending
        && unsent < NGX_ONAIR_REDIS_MAX_UNSENT)
    {
        return 1;
    }

    if (worker->complained != ngx_time()) {
        worker->complained = ngx_time();
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "onair: %ui commands to Redis await their answers, "
                      "no more are sent", worker->npending);
    }

    return 0;
}


ngx_onair_redis_command_t *
ngx_onair_redis_command(const ngx_str_t *args, ngx_uint_t nargs,
    ngx_onair_redis_pt handler, void *ctx)
{
    ngx_onair_redis_link_t     *link;
    ngx_onair_redis_worker_t   *worker;
    ngx_onair_redis_command_t  *command;

    worker = &ngx_onair_redis_worker;
    link = &worker->commands;

    if (worker->conf == NULL
        || (link->state != NGX_ONAIR_REDIS_READY && link->settled)
        || !ngx_onair_redis_has_room(worker))
    {
        return NULL;
    }

    command = ngx_calloc(sizeof(*command), ngx_cycle->log);
    if (command == NULL) {
        return NULL;
    }

    if (ngx_onair_redis_format(args, nargs, &command->text, &command->len)
        != NGX_OK)
    {
        ngx_free(command);
        return NULL;
    }

    command->handler = handler;
    command->ctx = ctx;
    command->deadline = ngx_current_msec + worker->conf->timeout;
    worker->npending++;
    worker->unsent += command->len;

    if (link->state != NGX_ONAIR_REDIS_READY) {
        ngx_queue_insert_tail(&worker->waiting, &command->queue);

    } else if (ngx_onair_redis_send(command) != NGX_OK) {
        ngx_onair_redis_command_free(command);
        return NULL;
    }

    ngx_onair_redis_set_overdue();

    return command;
}


void
ngx_onair_redis_cancel(ngx_onair_redis_command_t *command)
{
    command->handler = NULL;
}


ngx_uint_t
ngx_onair_redis_available(void)
{
    return ngx_onair_redis_worker.commands.state == NGX_ONAIR_REDIS_READY;
}


/* --- subscriptions --------------------------------------------------- */


static void
ngx_onair_redis_confirm(ngx_onair_redis_worker_t *worker)
{
    worker->confirmed++;

    if (worker->confirmed < worker->subscriptions.nelts) {
        return;
    }

    worker->listener.unconfirmed = 0;

    if (!worker->listening) {
        worker->listening = 1;
        worker->generation++;
    }
}


static void
ngx_onair_redis_message(ngx_onair_redis_worker_t *worker,
    const redisReply *channel, const redisReply *message)
{
    ngx_str_t                        name, text;
    ngx_uint_t                       i;
    ngx_onair_redis_subscription_t  *subscriptions;

    name.data = (u_char *) channel->str;
    name.len = channel->len;
    text.data = (u_char *) message->str;
    text.len = message->len;

    /* a handler may subscribe, which may move the array */
    for (i = 0; i < worker->subscriptions.nelts; i++) {
        subscriptions = worker->subscriptions.elts;

        if (subscriptions[i].channel.len == name.len
            && ngx_memcmp(subscriptions[i].channel.data, name.data, name.len)
                   == 0)
        {
            subscriptions[i].handler(subscriptions[i].ctx, &name, &text);
        }
    }
}


/* "subscribe", channel, count; or "message", channel, text */
static void
ngx_onair_redis_heard(redisAsyncContext *redis, void *data, void *ctx)
{
    const redisReply  *reply, *kind;

    (void) ctx;

    reply = data;

    if (redis->data == NULL || reply == NULL
        || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    kind = reply->element[0];

    if (ngx_strcmp(kind->str, "subscribe") == 0) {
        ngx_onair_redis_confirm(&ngx_onair_redis_worker);

    } else if (ngx_strcmp(kind->str, "message") == 0
               && reply->element[2]->type == REDIS_REPLY_STRING)
    {
        ngx_onair_redis_message(&ngx_onair_redis_worker, reply->element[1],
                                reply->element[2]);
    }
}


static ngx_int_t
ngx_onair_redis_listen(const ngx_str_t *channel)
{
    size_t                     lens[2];
    const char                *argv[2];
    ngx_onair_redis_worker_t  *worker;

    worker = &ngx_onair_redis_worker;

    argv[0] = "SUBSCRIBE";
    lens[0] = sizeof("SUBSCRIBE") - 1;
    argv[1] = (const char *) channel->data;
    lens[1] = channel->len;

    worker->listener.unconfirmed = 1;

    return redisAsyncCommandArgv(worker->listener.redis,
                                 ngx_onair_redis_heard, NULL, 2, argv, lens)
           == REDIS_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_onair_redis_listener_ready(ngx_onair_redis_link_t *link)
{
    ngx_uint_t                       i;
    ngx_onair_redis_worker_t        *worker;
    ngx_onair_redis_subscription_t  *subscriptions;

    worker = &ngx_onair_redis_worker;
    worker->confirmed = 0;
    subscriptions = worker->subscriptions.elts;

    for (i = 0; i < worker->subscriptions.nelts; i++) {
        if (ngx_onair_redis_listen(&subscriptions[i].channel) != NGX_OK) {
            ngx_onair_redis_link_fail(link, "no memory");
            return;
        }
    }
}


static void
ngx_onair_redis_listener_lost(ngx_onair_redis_link_t *link)
{
    (void) link;

    ngx_onair_redis_worker.listening = 0;
}


ngx_int_t
ngx_onair_redis_subscribe(const ngx_str_t *channel,
    ngx_onair_redis_message_pt handler, void *ctx)
{
    ngx_onair_redis_link_t          *link;
    ngx_onair_redis_worker_t        *worker;
    ngx_onair_redis_subscription_t  *subscription;

    worker = &ngx_onair_redis_worker;
    link = &worker->listener;

    if (worker->conf == NULL || channel->len == 0) {
        return NGX_ERROR;
    }

    subscription = ngx_array_push(&worker->subscriptions);
    if (subscription == NULL) {
        return NGX_ERROR;
    }

    subscription->handler = handler;
    subscription->ctx = ctx;
    subscription->channel.len = channel->len;
    subscription->channel.data = ngx_pnalloc(worker->pool, channel->len);

    if (subscription->channel.data == NULL) {
        worker->subscriptions.nelts--;
        return NGX_ERROR;
    }

    ngx_memcpy(subscription->channel.data, channel->data, channel->len);

    if (worker->subscriptions.nelts == 1) {
        ngx_onair_redis_link_start(link, ngx_cycle->log);

    } else if (link->state == NGX_ONAIR_REDIS_READY
               && ngx_onair_redis_listen(&subscription->channel) != NGX_OK)
    {
        /* it stays on the list for the next connection */
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "onair: Redis did not take a subscription");
    }

    return NGX_OK;
}


ngx_uint_t
ngx_onair_redis_listening(void)
{
    return ngx_onair_redis_worker.listening
           ? ngx_onair_redis_worker.generation : 0;
}


/* --- a worker's life ------------------------------------------------- */


static void
ngx_onair_redis_init_events(ngx_onair_redis_worker_t *worker, ngx_log_t *log)
{
    worker->dummy.fd = (ngx_socket_t) -1;

    /*
     * Not cancelable: a worker that is to end waits for its last answers,
     * which are in time or lost.
     */
    worker->overdue.handler = ngx_onair_redis_overdue;
    worker->overdue.data = &worker->dummy;
    worker->overdue.log = log;

    worker->told.handler = ngx_onair_redis_tell;
    worker->told.log = log;
}


static void
ngx_onair_redis_init_links(ngx_onair_redis_worker_t *worker)
{
    worker->commands.conf = worker->conf;
    worker->commands.what = "commands";
    worker->commands.on_ready = ngx_onair_redis_commands_ready;
    worker->commands.on_lost = ngx_onair_redis_commands_lost;

    worker->listener.conf = worker->conf;
    worker->listener.what = "subscriptions";
    worker->listener.on_ready = ngx_onair_redis_listener_ready;
    worker->listener.on_lost = ngx_onair_redis_listener_lost;
}


ngx_int_t
ngx_onair_redis_init_process(ngx_cycle_t *cycle)
{
    ngx_onair_redis_worker_t  *worker;

    worker = &ngx_onair_redis_worker;
    worker->conf = ngx_onair_redis_conf(cycle);

    if (worker->conf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        worker->conf = NULL;
        return NGX_OK;
    }

    worker->pool = cycle->pool;
    ngx_queue_init(&worker->waiting);
    ngx_queue_init(&worker->sent);
    ngx_queue_init(&worker->lost);

    if (ngx_array_init(&worker->subscriptions, cycle->pool, 4,
                       sizeof(ngx_onair_redis_subscription_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_onair_redis_init_events(worker, cycle->log);
    ngx_onair_redis_init_links(worker);
    ngx_onair_redis_link_start(&worker->commands, cycle->log);

    return NGX_OK;
}


/* Handlers are not called: their modules may be gone already. */
static void
ngx_onair_redis_discard(ngx_queue_t *queue)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(queue)) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);
        ngx_onair_redis_command_free(
            ngx_queue_data(q, ngx_onair_redis_command_t, queue));
    }
}


/* What modules said last, as far as the socket takes it at once. */
static void
ngx_onair_redis_flush(const ngx_onair_redis_link_t *link)
{
    int            done;
    size_t         left;
    redisContext  *redis;

    if (link->state != NGX_ONAIR_REDIS_READY) {
        return;
    }

    redis = &link->redis->c;
    done = 0;

    do {
        left = sdslen(redis->obuf);

    } while (redisBufferWrite(redis, &done) == REDIS_OK && !done
             && sdslen(redis->obuf) < left);
}


void
ngx_onair_redis_exit_process(ngx_cycle_t *cycle)
{
    ngx_onair_redis_worker_t  *worker;

    (void) cycle;

    worker = &ngx_onair_redis_worker;

    if (worker->conf == NULL) {
        return;
    }

    ngx_onair_redis_flush(&worker->commands);
    ngx_onair_redis_link_stop(&worker->commands);
    ngx_onair_redis_link_stop(&worker->listener);

    ngx_onair_redis_discard(&worker->waiting);
    ngx_onair_redis_discard(&worker->sent);
    ngx_onair_redis_discard(&worker->lost);

    if (worker->overdue.timer_set) {
        ngx_del_timer(&worker->overdue);
    }

    if (worker->told.posted) {
        ngx_delete_posted_event(&worker->told);
    }

    worker->conf = NULL;
}
