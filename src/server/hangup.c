/*
 * A client that closes its socket and one that has only said all it has to say look alike in TCP: either sends a FIN.
 * The first answers what it is sent with a reset, the second takes it. So a FIN alone ends nothing here (programs that
 * send their input, close that side and read the answers are as old as TCP); a reset does.
 */
#include "server/hangup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

/* Silence after which the other system is asked, and how long between two questions. */
#define ASK_SECONDS 5

enum hangup hangup_of(int fd) {
    struct pollfd descriptor = {.fd = fd, .events = POLLRDHUP};
    if (poll(&descriptor, 1, 0) <= 0) {
        return HANGUP_NONE;
    }
    return (descriptor.revents & (POLLHUP | POLLERR)) != 0 ? HANGUP_WHOLE
           : (descriptor.revents & POLLRDHUP) != 0         ? HANGUP_HALF
                                                           : HANGUP_NONE;
}

void hangup_hasten(int fd) {
    int on = 1;
    int seconds = ASK_SECONDS;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)); /* of other sockets it is an error */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}
