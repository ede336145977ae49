/* Whether the client at the other end of a socket is still there, while nobody reads from it. */
#ifndef KMB_SERVER_HANGUP_H
#define KMB_SERVER_HANGUP_H

enum hangup {
    HANGUP_NONE,
    HANGUP_HALF,  /* it sends no more; of TCP it can not be told whether it still reads */
    HANGUP_WHOLE, /* it is gone */
};

/* Any thread, without waiting. */
enum hangup hangup_of(int fd);

/*
 * Of HANGUP_HALF: asks the other system now and then, so that one where nobody has the connection any more says so, and
 * HANGUP_WHOLE comes. Systems remember a connection that their side has closed for a minute or so: bytes that are sent
 * tell at once.
 */
void hangup_hasten(int fd);

#endif
