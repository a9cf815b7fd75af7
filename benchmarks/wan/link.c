/* A link between two network namespaces with a round trip, a rate, a queue and loss, in user space:
 * many kernels come without netem, and a tun device is nearly everywhere.
 *
 *     link NAMESPACE_A ADDRESS_A NAMESPACE_B ADDRESS_B DELAY_US RATE_KBIT LOSS_PPM QUEUE_BYTES SEED
 *
 * DELAY_US is one way, LOSS_PPM lost packets in a million, RATE_KBIT 0 no limit. Each way has a
 * queue that drops what does not fit, a sender of the given rate, then the loss, then the delay, in
 * this order, as a real bottleneck has. Prints "up" once packets flow, and ends when standard input
 * does: then it prints what it carried, one way a line: packets, bytes, lost, dropped from the queue.
 *
 * The link itself should cost the measured programs little of their processor. So it moves what came
 * within TICK at once, as a network card does that spares interrupts; and without loss the devices
 * take and give TCP in large segments. With loss each packet is its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = sizeof(struct virtio_net_hdr), LARGEST = HEADER + 65536, FLYING = 1 << 17, BATCH = 256 };
#define SECOND 1000000000ull
#define TICK 200000ull /* ns */
#define SEGMENT_OVERHEAD 52 /* bytes of IP and TCP headers that each further segment has on a wire */

struct packet {
    uint64_t due; /* ns */
    uint32_t size;
    unsigned char *bytes;
};

/* One way of the link. The packets that are queued or under way are one ring, by time. */
struct way {
    struct packet ring[FLYING];
    uint32_t first, next;
    uint64_t idle_at; /* ns; when the sender will have sent what is queued */
    uint64_t packets, bytes, lost, dropped;
};

static struct way ways[2];
static int device[2];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void ip(const char *format, ...) {
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
}

static int open_device(const char *name, const char *namespace, const char *address, bool large) {
    struct ifreq request = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) fail("/dev/net/tun");
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) < 0) fail("TUNSETIFF");
    unsigned offload = TUN_F_CSUM | (large ? TUN_F_TSO4 | TUN_F_TSO6 : 0);
    if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)offload) < 0) fail("TUNSETOFFLOAD");
    ip("ip link set %s netns %s", name, namespace);
    ip("ip -n %s address add %s dev %s", namespace, address, name);
    ip("ip -n %s link set %s mtu 1500 txqueuelen 10000 up", namespace, name);
    return fd;
}

/* xorshift64*: which packets are lost is the same for the same seed. */
static uint64_t random_state;
static uint32_t one_in_a_million(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(((random_state * 2685821657736338717ull) >> 33) % 1000000u);
}

/* How long the packet is on the wire, where a large one goes as many. */
static uint64_t wire_bytes(const unsigned char *bytes, uint32_t size) {
    struct virtio_net_hdr header;
    memcpy(&header, bytes, HEADER);
    uint64_t plain = size - HEADER;
    if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE && header.gso_size)
        plain += SEGMENT_OVERHEAD * ((plain - 1) / header.gso_size);
    return plain;
}

int main(int count, char **words) {
    if (count != 10) {
        fprintf(stderr, "usage: link NS_A ADDRESS_A NS_B ADDRESS_B DELAY_US RATE_KBIT LOSS_PPM QUEUE_BYTES SEED\n");
        return 2;
    }
    uint64_t delay = strtoull(words[5], NULL, 10) * 1000, rate = strtoull(words[6], NULL, 10) * 1000;
    uint32_t loss = (uint32_t)strtoul(words[7], NULL, 10);
    double ns_a_byte = rate ? 8e9 / (double)rate : 0;
    uint64_t queue = (uint64_t)((double)strtoull(words[8], NULL, 10) * ns_a_byte);
    random_state = strtoull(words[9], NULL, 10) * 2654435769u + 1;
    for (int i = 0; i < 2; i++) {
        char name[IFNAMSIZ];
        snprintf(name, sizeof name, "wan%c%d", 'a' + i, getpid());
        device[i] = open_device(name, words[1 + 2 * i], words[2 + 2 * i], loss == 0);
    }
    prctl(PR_SET_TIMERSLACK, 1);
    puts("up");
    fflush(stdout);

    static unsigned char buffer[LARGEST];
    for (bool open = true, idle = true; open;) {
        uint64_t time = now(), next = time + SECOND;
        for (int i = 0; i < 2; i++) {
            struct way *way = &ways[i];
            while (way->first != way->next) {
                struct packet *packet = &way->ring[way->first % FLYING];
                if (packet->due > time) {
                    if (packet->due < next) next = packet->due;
                    break;
                }
                /* What the other end cannot take now is lost, as at any full receiver. */
                if (write(device[1 - i], packet->bytes, packet->size) < 0) way->dropped++;
                free(packet->bytes);
                way->first++;
            }
        }
        struct pollfd polled[3] = {{device[0], POLLIN, 0}, {device[1], POLLIN, 0}, {0, POLLIN, 0}};
        time = now();
        if (!idle) {
            struct timespec tick = {0, TICK};
            nanosleep(&tick, NULL);
            next = time;
        }
        uint64_t wait = next > time ? next - time : 0;
        struct timespec timeout = {(time_t)(wait / SECOND), (long)(wait % SECOND)};
        if (ppoll(polled, 3, &timeout, NULL) < 0 && errno != EINTR) fail("poll");
        if (polled[2].revents) {
            char ignored[64];
            open = read(0, ignored, sizeof ignored) > 0;
        }
        idle = !(polled[0].revents | polled[1].revents);
        for (int i = 0; i < 2; i++) {
            struct way *way = &ways[i];
            for (int k = 0; polled[i].revents & POLLIN && k < BATCH; k++) {
                ssize_t size = read(device[i], buffer, sizeof buffer);
                if (size <= HEADER) break;
                time = now();
                if (way->idle_at < time) way->idle_at = time;
                if ((rate && way->idle_at - time > queue) || way->next - way->first >= FLYING) {
                    way->dropped++;
                    continue;
                }
                way->idle_at += (uint64_t)((double)wire_bytes(buffer, (uint32_t)size) * ns_a_byte);
                if (loss && one_in_a_million() < loss) {
                    way->lost++;
                    continue;
                }
                struct packet *packet = &way->ring[way->next++ % FLYING];
                packet->due = way->idle_at + delay;
                packet->size = (uint32_t)size;
                packet->bytes = malloc((size_t)size);
                if (!packet->bytes) fail("malloc");
                memcpy(packet->bytes, buffer, (size_t)size);
                way->packets++;
                way->bytes += (uint64_t)size - HEADER;
            }
        }
    }
    for (int i = 0; i < 2; i++)
        printf("%llu %llu %llu %llu\n", (unsigned long long)ways[i].packets, (unsigned long long)ways[i].bytes,
               (unsigned long long)ways[i].lost, (unsigned long long)ways[i].dropped);
    return 0;
}
