
/* Tests that run in several processes. */


#ifndef PROCESSES_H
#define PROCESSES_H


#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"


/* Runs fn in n processes and expects each to exit with 0. */
static void
in_processes(unsigned n, void (*fn)(void *ctx, unsigned i), void *ctx)
{
    int       status;
    pid_t     pids[8];
    unsigned  i, failed;

    for (i = 0; i < n; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            fn(ctx, i);
            _exit(0);
        }
    }

    for (failed = 0, i = 0; i < n; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        failed += status != 0;
    }

    assert_int_equal(failed, 0);
}


#endif /* PROCESSES_H */
