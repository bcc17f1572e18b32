/* A client in the style of a Go program: static, epoll registration of the fresh descriptor with Go's mask,
 * the descriptor then used blocking, reads from two threads. Exits 0 when all messages came back.
 * usage: go-like DEVICE GUID-AS-32-HEX-DIGITS-IN-WIRE-ORDER */
#include <errno.h>
#include <fcntl.h>
#include <linux/mei.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MESSAGES = 64 };

static int device;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static int received;

static void *reader(void *name)
{
    for (;;) {
        char buffer[4096];
        ssize_t length = read(device, buffer, sizeof buffer);
        if (length < 0) {
            fprintf(stderr, "reader %s: %s\n", (const char *)name, strerror(errno));
            exit(1);
        }
        pthread_mutex_lock(&lock);
        if (length != 16) {
            fprintf(stderr, "reader %s: %zd bytes\n", (const char *)name, length);
            exit(1);
        }
        received++;
        pthread_cond_signal(&came);
        pthread_mutex_unlock(&lock);
    }
}

int main(int count, char **arguments)
{
    if (count != 3 || strlen(arguments[2]) != 32) {
        fprintf(stderr, "usage: go-like DEVICE GUID\n");
        return 2;
    }
    device = open(arguments[1], O_RDWR | O_CLOEXEC);
    if (device < 0) {
        perror(arguments[1]);
        return 1;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event interest = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
    interest.data.fd = device;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, device, &interest) < 0) {
        perror("epoll_ctl before connect");
        return 1;
    }
    struct epoll_event ready;
    if (epoll_wait(epoll, &ready, 1, 0) != 1 || ready.events != EPOLLERR) {
        fprintf(stderr, "epoll before connect: %#x instead of EPOLLERR\n", ready.events);
        return 1;
    }
    struct mei_connect_client_data connect;
    for (int i = 0; i < 16; i++) {
        unsigned byte;
        sscanf(arguments[2] + 2 * i, "%2x", &byte);
        ((unsigned char *)&connect.in_client_uuid)[i] = (unsigned char)byte;
    }
    if (ioctl(device, IOCTL_MEI_CONNECT_CLIENT, &connect) < 0) {
        perror("connect");
        return 1;
    }
    pthread_t first, second;
    pthread_create(&first, NULL, reader, "first");
    pthread_create(&second, NULL, reader, "second");
    for (int i = 0; i < MESSAGES; i++) {
        char message[16];
        memset(message, i, sizeof message);
        if (write(device, message, sizeof message) != sizeof message) {
            perror("write");
            return 1;
        }
        pthread_mutex_lock(&lock);
        while (received <= i) pthread_cond_wait(&came, &lock);
        pthread_mutex_unlock(&lock);
    }
    printf("%d messages came back\n", received);
    return 0;
}
