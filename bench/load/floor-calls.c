/* The floor of `bench/run socket`: send and recv of the C library, with nothing around them.
 *
 *     floor-calls PAIRS      so many times 64 bytes through a unix socket pair, in one thread
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    long pairs = argc > 1 ? atol(argv[1]) : 0;
    int ends[2];
    char data[64] = {0}, room[64];

    if (pairs <= 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fprintf(stderr, "usage: floor-calls PAIRS\n");
        return 2;
    }
    for (long i = 0; i < pairs; i++) {
        if (send(ends[0], data, sizeof data, MSG_NOSIGNAL) != sizeof data) return 3;
        if (recv(ends[1], room, sizeof room, 0) != sizeof room) return 3;
    }
    return 0;
}
