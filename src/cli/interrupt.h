/* Signals that end a program (SIGINT, SIGTERM, SIGHUP), for verbs that have something to clear away first. */
#ifndef KMB_CLI_INTERRUPT_H
#define KMB_CLI_INTERRUPT_H

/* From here on they are only remembered; one that is ignored (nohup) stays so. */
void interrupt_catch(void);
/* The one that has come, 0 for none. */
int interrupt_seen(void);
/* At the end, when all is cleared away: ends the process by the signal that came, so that its parent sees that; returns
 * where none did. */
void interrupt_end(void);

#endif
