/*
 * A handler can do next to nothing, so it only notes the signal, and who does the work looks at the note between two
 * pieces of it. A second one of the same kind ends the process at once, whatever it does: nobody is kept waiting.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

static volatile sig_atomic_t seen;

static void note(int number) {
    seen = number;
}

void interrupt_catch(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before;
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

int interrupt_seen(void) {
    return seen;
}

void interrupt_end(void) {
    int number = seen;
    if (number != 0) {
        fflush(stdout);
        signal(number, SIG_DFL);
        raise(number);
    }
}
