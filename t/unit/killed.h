
/* Tests of what a process leaves in shared memory that is killed at work. */


#ifndef KILLED_H
#define KILLED_H


#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


static inline void *
shared_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);

    return p;
}


/*
 * Lets a child work, which never ends by itself, and kills it after a random
 * time, most often amidst of a call.
 */
static inline void
kill_at_work(void (*work)(void *ctx, uint64_t seed), void *ctx,
    uint64_t *seed)
{
    int              status;
    pid_t            pid;
    struct timespec  while_at_it;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(ctx, *seed);
        _exit(1);
    }

    while_at_it.tv_sec = 0;
    while_at_it.tv_nsec = 200000 + unit_random(seed) % 3000000;
    nanosleep(&while_at_it, NULL);

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    /* not by a failed expectation of its own */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}


#endif /* KILLED_H */
