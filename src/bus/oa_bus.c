
#include "bus/oa_bus.h"

#include <stdatomic.h>
#include <string.h>


#define OA_BUS_MAGIC     0x7375622d616f6e6full
#define OA_BUS_VERSION   1
#define OA_BUS_WORDS     (OA_BUS_TOPICS / 64)


_Static_assert(OA_BUS_WORDS == 64, "one word sums up the dirty words");
_Static_assert(OA_BUS_SLOTS == 128, "two words name the slots of a topic");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics work between processes");


/*
 * The holder of a slot is one word, so that one compare-and-swap takes it:
 * pid in bits 0 to 31, the state in 32 and 33, a turn in 34 and 35 that every
 * taking advances, a hash of the start time above.  The whole start time lies
 * beside, in the cell of the turn; while its hash is not the word's, the holder
 * has not come to write it.
 */
enum {
    OA_BUS_FREE = 0,
    OA_BUS_NAMED,                    /* start time to be written */
    OA_BUS_CLEANING,
    OA_BUS_HELD
};


/*
 * How far a slot's wake-up has come, in the low bits of `wake`; the bits above
 * count the drains, so that a late publisher cannot speak for a newer round.
 * WAKING left behind by a publisher that was killed makes the next one wake.
 */
enum {
    OA_BUS_IDLE = 0,
    OA_BUS_WAKING,
    OA_BUS_WOKEN
};

#define OA_BUS_WAKE_MASK  3ull
#define OA_BUS_TURNS      4


typedef struct {
    _Alignas(64) _Atomic uint64_t  holder;
    _Atomic uint64_t               start_times[OA_BUS_TURNS];
    _Atomic uint64_t               counters[OA_BUS_COUNTERS];

    _Alignas(64) _Atomic uint64_t  wake;
    _Atomic uint64_t               summary;    /* of words that are not 0 */
    _Alignas(64) _Atomic uint64_t  dirty[OA_BUS_WORDS];
} oa_bus_slot_t;


struct oa_bus_s {
    _Atomic uint64_t               magic;
    uint32_t                       version;
    uint32_t                       slot_bytes;
    uint64_t                       bytes;

    _Alignas(64) _Atomic uint64_t  interest[OA_BUS_TOPICS][2];
    oa_bus_slot_t                  slots[OA_BUS_SLOTS];
};


size_t
oa_bus_size(void)
{
    return sizeof(oa_bus_t);
}


oa_bus_t *
oa_bus_format(void *mem)
{
    oa_bus_t  *bus;

    bus = mem;

    atomic_store(&bus->magic, 0);
    memset(bus, 0, sizeof(*bus));

    bus->version = OA_BUS_VERSION;
    bus->slot_bytes = sizeof(oa_bus_slot_t);
    bus->bytes = sizeof(*bus);
    atomic_store(&bus->magic, OA_BUS_MAGIC);

    return bus;
}


oa_err_t
oa_bus_attach(void *mem, oa_bus_t **bus)
{
    oa_bus_t  *b;

    b = mem;

    if (atomic_load(&b->magic) != OA_BUS_MAGIC
        || b->version != OA_BUS_VERSION
        || b->slot_bytes != sizeof(oa_bus_slot_t)
        || b->bytes != sizeof(*b))
    {
        return OA_EVERSION;
    }

    *bus = b;

    return OA_OK;
}


static uint64_t
oa_bus_word(const oa_bus_process_t *process, unsigned turn, uint64_t state)
{
    uint64_t  hash;

    hash = process->start_time * 0x9e3779b97f4a7c15ull >> 36;

    return hash << 36 | (uint64_t) turn << 34 | state << 32
           | (uint32_t) process->pid;
}


static unsigned
oa_bus_word_state(uint64_t word)
{
    return word >> 32 & 3;
}


static unsigned
oa_bus_word_turn(uint64_t word)
{
    return word >> 34 & (OA_BUS_TURNS - 1);
}


static uint64_t
oa_bus_word_with(uint64_t word, uint64_t state)
{
    return (word & ~(3ull << 32)) | state << 32;
}


/* Reads the process of a holder's word; false while it is not complete. */
static bool
oa_bus_word_process(const oa_bus_slot_t *slot, uint64_t word,
    oa_bus_process_t *process)
{
    unsigned  turn;

    turn = oa_bus_word_turn(word);
    process->pid = (int32_t) (uint32_t) word;
    process->start_time = atomic_load(&slot->start_times[turn]);

    return oa_bus_word(process, turn, oa_bus_word_state(word)) == word;
}


static bool
oa_bus_taken(const oa_bus_slot_t *slot, uint64_t word, oa_bus_alive_pt alive,
    void *ctx)
{
    oa_bus_process_t  process;

    if (oa_bus_word_state(word) == OA_BUS_FREE) {
        return false;
    }

    if (!oa_bus_word_process(slot, word, &process)) {
        /*
         * It may live: then it finds, once it has written its start time and
         * before it touches anything else, that the slot was taken from it.
         */
        return oa_bus_word_state(word) != OA_BUS_NAMED;
    }

    return alive(ctx, &process);
}


static void
oa_bus_clean(oa_bus_t *bus, unsigned index)
{
    unsigned        i;
    uint64_t        bit;
    oa_bus_slot_t  *slot;

    bit = 1ull << index % 64;

    for (i = 0; i < OA_BUS_TOPICS; i++) {
        if (atomic_load(&bus->interest[i][index / 64]) & bit) {
            atomic_fetch_and(&bus->interest[i][index / 64], ~bit);
        }
    }

    slot = &bus->slots[index];

    atomic_store(&slot->wake, ((atomic_load(&slot->wake) >> 2) + 1) << 2);
    atomic_store(&slot->summary, 0);

    for (i = 0; i < OA_BUS_WORDS; i++) {
        atomic_store(&slot->dirty[i], 0);
    }

    for (i = 0; i < OA_BUS_COUNTERS; i++) {
        atomic_store(&slot->counters[i], 0);
    }
}


/* Takes a slot whose holder is `word`, which is free or dead. */
static bool
oa_bus_take(oa_bus_t *bus, unsigned index, uint64_t word,
    const oa_bus_process_t *self)
{
    unsigned        turn;
    uint64_t        named, old;
    oa_bus_slot_t  *slot;

    slot = &bus->slots[index];
    turn = (oa_bus_word_turn(word) + 1) % OA_BUS_TURNS;
    named = oa_bus_word(self, turn, OA_BUS_NAMED);
    old = atomic_load(&slot->start_times[turn]);

    if (!atomic_compare_exchange_strong(&slot->holder, &word, named)) {
        return false;
    }

    /*
     * Not a store: when this process is late and the slot has gone round to
     * others, it must not hit theirs.
     */
    while (!atomic_compare_exchange_strong(&slot->start_times[turn], &old,
                                           self->start_time))
    {
        if (atomic_load(&slot->holder) != named) {
            return false;
        }
    }

    if (!atomic_compare_exchange_strong(&slot->holder, &named,
                                        oa_bus_word_with(named,
                                                         OA_BUS_CLEANING)))
    {
        return false;
    }

    oa_bus_clean(bus, index);
    atomic_store(&slot->holder, oa_bus_word(self, turn, OA_BUS_HELD));

    return true;
}


oa_err_t
oa_bus_claim(oa_bus_t *bus, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx, unsigned *slot)
{
    unsigned        i;
    uint64_t        word;
    oa_bus_slot_t  *s;

    for (i = 0; i < OA_BUS_SLOTS; i++) {
        s = &bus->slots[i];
        word = atomic_load(&s->holder);

        if (!oa_bus_taken(s, word, alive, ctx)
            && oa_bus_take(bus, i, word, self))
        {
            *slot = i;
            return OA_OK;
        }
    }

    return OA_EFULL;
}


void
oa_bus_release(oa_bus_t *bus, unsigned slot)
{
    uint64_t        word;
    oa_bus_slot_t  *s;

    s = &bus->slots[slot];
    word = atomic_load(&s->holder);

    if (oa_bus_word_state(word) != OA_BUS_HELD) {
        return;
    }

    atomic_store(&s->holder, oa_bus_word_with(word, OA_BUS_CLEANING));
    oa_bus_clean(bus, slot);
    atomic_store(&s->holder, (uint64_t) oa_bus_word_turn(word) << 34);
}


bool
oa_bus_holder(const oa_bus_t *bus, unsigned slot, oa_bus_process_t *process)
{
    uint64_t              word;
    const oa_bus_slot_t  *s;

    s = &bus->slots[slot];
    word = atomic_load(&s->holder);

    return oa_bus_word_state(word) == OA_BUS_HELD
           && oa_bus_word_process(s, word, process)
           && atomic_load(&s->holder) == word;
}


void
oa_bus_watch(oa_bus_t *bus, unsigned slot, unsigned topic)
{
    uint64_t           bit;
    _Atomic uint64_t  *word;

    bit = 1ull << slot % 64;
    word = &bus->interest[topic][slot / 64];

    if (atomic_load_explicit(word, memory_order_relaxed) & bit) {
        return;
    }

    atomic_fetch_or(word, bit);

    /* before the caller looks; pairs with the one in oa_bus_publish() */
    atomic_thread_fence(memory_order_seq_cst);
}


void
oa_bus_unwatch(oa_bus_t *bus, unsigned slot, unsigned topic)
{
    uint64_t           bit;
    _Atomic uint64_t  *word;

    bit = 1ull << slot % 64;
    word = &bus->interest[topic][slot / 64];

    if (atomic_load_explicit(word, memory_order_relaxed) & bit) {
        atomic_fetch_and(word, ~bit);
    }
}


/* Returns whether this call woke the slot. */
static bool
oa_bus_slot_wake(oa_bus_slot_t *slot, unsigned index, oa_bus_wake_pt wake,
    void *ctx)
{
    uint64_t  seen, waking;

    /* an exchange even when nothing changes: it must come after `dirty` */
    seen = atomic_fetch_or(&slot->wake, 0);

    for ( ;; ) {
        if ((seen & OA_BUS_WAKE_MASK) == OA_BUS_WOKEN) {
            return false;
        }

        waking = (seen & ~OA_BUS_WAKE_MASK) | OA_BUS_WAKING;

        if (atomic_compare_exchange_weak(&slot->wake, &seen, waking)) {
            break;
        }
    }

    wake(ctx, index);

    atomic_compare_exchange_strong(&slot->wake, &waking,
                                   (waking & ~OA_BUS_WAKE_MASK)
                                   | OA_BUS_WOKEN);

    return true;
}


unsigned
oa_bus_publish(oa_bus_t *bus, unsigned topic, oa_bus_wake_pt wake, void *ctx)
{
    unsigned        i, index, woken;
    uint64_t        bits;
    oa_bus_slot_t  *slot;

    woken = 0;

    /* after what the caller made visible */
    atomic_thread_fence(memory_order_seq_cst);

    for (i = 0; i < 2; i++) {
        bits = atomic_load(&bus->interest[topic][i]);

        for ( /* void */ ; bits != 0; bits &= bits - 1) {
            index = i * 64 + (unsigned) __builtin_ctzll(bits);
            slot = &bus->slots[index];

            atomic_fetch_or(&slot->dirty[topic / 64], 1ull << topic % 64);
            atomic_fetch_or(&slot->summary, 1ull << topic / 64);

            woken += oa_bus_slot_wake(slot, index, wake, ctx);
        }
    }

    return woken;
}


void
oa_bus_drain(oa_bus_t *bus, unsigned slot, oa_bus_topic_pt seen, void *ctx)
{
    unsigned        word;
    uint64_t        wake, words, topics;
    oa_bus_slot_t  *s;

    s = &bus->slots[slot];

    /* first, so that what is published from here on wakes the slot anew */
    wake = atomic_load(&s->wake);

    while (!atomic_compare_exchange_weak(&s->wake, &wake,
                                         ((wake >> 2) + 1) << 2))
    {
        /* void */
    }

    words = atomic_exchange(&s->summary, 0);

    for ( /* void */ ; words != 0; words &= words - 1) {
        word = (unsigned) __builtin_ctzll(words);
        topics = atomic_exchange(&s->dirty[word], 0);

        for ( /* void */ ; topics != 0; topics &= topics - 1) {
            seen(ctx, word * 64 + (unsigned) __builtin_ctzll(topics));
        }
    }
}


void
oa_bus_counter_set(oa_bus_t *bus, unsigned slot, unsigned index,
    uint64_t value)
{
    atomic_store_explicit(&bus->slots[slot].counters[index], value,
                          memory_order_relaxed);
}


uint64_t
oa_bus_counter_sum(const oa_bus_t *bus, unsigned index)
{
    unsigned              i;
    uint64_t              sum;
    const oa_bus_slot_t  *slot;

    for (sum = 0, i = 0; i < OA_BUS_SLOTS; i++) {
        slot = &bus->slots[i];

        if (oa_bus_word_state(atomic_load(&slot->holder)) == OA_BUS_HELD) {
            sum += atomic_load_explicit(&slot->counters[index],
                                        memory_order_relaxed);
        }
    }

    return sum;
}


static bool
oa_bus_same(const oa_bus_process_t *a, const oa_bus_process_t *b)
{
    return a->pid == b->pid && a->start_time == b->start_time;
}


bool
oa_bus_keep(oa_bus_process_t *keeper, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx)
{
    if (oa_bus_same(keeper, self)) {
        return true;
    }

    if (keeper->pid != 0 && alive(ctx, keeper)) {
        return false;
    }

    /* never the pid of one process with the time of another */
    keeper->pid = 0;
    atomic_thread_fence(memory_order_release);
    keeper->start_time = self->start_time;
    atomic_thread_fence(memory_order_release);
    keeper->pid = self->pid;

    return true;
}


void
oa_bus_resign(oa_bus_process_t *keeper, const oa_bus_process_t *self)
{
    if (oa_bus_same(keeper, self)) {
        keeper->pid = 0;
    }
}
