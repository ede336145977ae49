/* Addresses of HTTP ports, and answers of servers that do not keep to the protocol. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/http_fetch.h"

static void addresses_are_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *text, *host, *port;
        bool tls;
    } good[] = {{"http://127.0.0.1:9090", "127.0.0.1", "9090", false},
                {"https://db.example/", "db.example", "9090", true},
                {"8080", "127.0.0.1", "8080", false},
                {"db:1", "db", "1", false},
                {"[::1]:77", "::1", "77", false},
                {"https://[fe80::1]", "fe80::1", "9090", true}};
    static const char *const bad[] = {"",     "http://",           ":9",          "db:", "db:x", "db:1x",
                                      "[::1", "http://db/metrics", "db:123456789"};
    struct http_place place;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(http_place_parse(good[i].text, &place));
        assert_string_equal(place.host, good[i].host);
        assert_string_equal(place.port, good[i].port);
        assert_int_equal(place.tls, good[i].tls);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(http_place_parse(bad[i], &place));
    }
}

struct answering {
    int socket;
    const char *answer;
};

static void *answer_once(void *context) {
    const struct answering *answering = context;
    char request[4096];
    int client = accept(answering->socket, NULL, NULL);
    ssize_t count = read(client, request, sizeof(request));
    if (count > 0) {
        count = write(client, answering->answer, strlen(answering->answer));
    }
    close(client);
    return NULL;
}

/* Asks a server that answers so; true: the answer was taken, its body is in out. */
static bool ask(const char *answer, unsigned *code, char *out, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    struct answering answering = {socket(AF_INET, SOCK_STREAM, 0), answer};
    struct http_place place = {.host = "127.0.0.1"};
    struct buffer body = {0};
    struct kmb_error error = {0};
    pthread_t thread;
    assert_int_equal(bind(answering.socket, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(answering.socket, 1), 0);
    assert_int_equal(getsockname(answering.socket, (struct sockaddr *)&address, &length), 0);
    snprintf(place.port, sizeof(place.port), "%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, answer_once, &answering), 0);
    enum kmb_status status = http_fetch(&place, "/x", "{}", code, &body, &error);
    pthread_join(thread, NULL);
    close(answering.socket);
    assert_true(status == KMB_OK || (status == KMB_CONNECTION && error.message[0] != 0));
    snprintf(out, size, "%s", buffer_text(&body));
    buffer_free(&body);
    return status == KMB_OK;
}

static void answers_are_whole_or_none(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        unsigned code;
        const char *body;
    } good[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc"},
        {"HTTP/1.0 404 No\r\n\r\nup to the end", 404, "up to the end"},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding:  chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 200,
         "abc0123456789"},
    };
    static const char *const bad[] = {
        "",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    char body[64];
    unsigned code = 0;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ask(good[i].answer, &code, body, sizeof(body)));
        assert_int_equal(code, good[i].code);
        assert_string_equal(body, good[i].body);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ask(bad[i], &code, body, sizeof(body)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(answers_are_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
