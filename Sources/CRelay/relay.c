/* A pipe has no gate for what is in it: a write that blocks before a slam delivers after it, and vmsplice and tee have no
 * hook at all. So an agent never holds a pipe that leads outside. It holds one that ends at its relay, a task of the same
 * agent that has executed nothing, which writes on only what it has read before, by write(2), where the file gate looks:
 * what comes to the relay after a slam stays there. */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Values of bpf/abi/telos_abi.h. */
#define TELOS_PRCTL 0x54454c4f
#define TELOS_LAUNCH_RELAY 1
#define TELOS_LAUNCH_STDIO 2

/* What a pipe that is ready takes without blocking (PIPE_BUF), and what is read ahead at most. */
enum { PIECE = 4096, AHEAD = 65536 };

struct way {
  int from, to;
  bool outward, is_socket, discards;
  size_t at, have;
  char data[AHEAD];
};

static struct way ways[3];

static bool launch(unsigned long what) {
  return prctl(TELOS_PRCTL, what, 0, 0, 0) < 0 && errno == EINPROGRESS;
}

static void end(struct way *way) {
  close(way->from);
  if (way->to >= 0) close(way->to);
  way->from = way->to = -1;
  way->have = 0;
}

static void take(struct way *way) {
  ssize_t got = read(way->from, way->data, AHEAD);
  if (got > 0) {
    way->at = 0;
    way->have = way->discards ? 0 : (size_t)got;
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    end(way);
  }
}

static void give(struct way *way) {
  size_t piece = way->have < PIECE ? way->have : PIECE;
  ssize_t gave = way->is_socket ? send(way->to, way->data + way->at, piece, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : write(way->to, way->data + way->at, piece);
  if (gave >= 0) {
    way->at += (size_t)gave;
    way->have -= (size_t)gave;
  } else if (errno == EPERM && way->outward) {
    /* Slammed. Whoever is blocked in a write goes on; later ones are refused before they come here. */
    way->discards = true;
    way->have = 0;
    close(way->to);
    way->to = -1;
  } else if (errno != EINTR && errno != EAGAIN) {
    end(way);
  }
}

static int step(int count) {
  struct pollfd fds[6];
  int alive = 0;

  for (int i = 0; i < count; i++) {
    struct way *way = &ways[i];
    /* Without events, poll still tells of a reader that has gone. */
    fds[2 * i] = (struct pollfd){.fd = way->have ? -1 : way->from, .events = POLLIN};
    fds[2 * i + 1] = (struct pollfd){.fd = way->to, .events = way->have ? POLLOUT : 0};
    alive += way->from >= 0;
  }
  if (!alive) return 0;
  if (poll(fds, (nfds_t)(2 * count), -1) < 0) return errno == EINTR;
  for (int i = 0; i < count; i++) {
    short in = fds[2 * i].revents, out = fds[2 * i + 1].revents;
    if (ways[i].from < 0) continue;
    if (out & POLLOUT) give(&ways[i]);
    else if (out & (POLLERR | POLLHUP | POLLNVAL)) end(&ways[i]);
    else if (in) take(&ways[i]);
  }
  return 1;
}

static _Noreturn void relay(int count, int ready) {
  for (int number = 1; number < NSIG; number++)
    if (number != SIGCHLD) signal(number, SIG_IGN);
  prctl(PR_SET_NAME, "telos-relay", 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (chdir("/") || !launch(TELOS_LAUNCH_RELAY) || write(ready, "", 1) != 1) _exit(1);
  close(ready);
  while (step(count)) {}
  _exit(0);
}

static bool leads_outside(int descriptor, struct stat *file, bool *is_socket) {
  int family = 0;
  socklen_t length = sizeof(family);

  if (fstat(descriptor, file)) return false;
  *is_socket = S_ISSOCK(file->st_mode);
  if (S_ISFIFO(file->st_mode)) return true;
  return *is_socket && getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family == AF_UNIX;
}

/* Above 2, so that it is in nobody's way, and gone at exec. */
static int moved(int descriptor) {
  return fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
}

int telos_relay(void) {
  struct stat files[3];
  int agents[3] = {-1, -1, -1}, count = 0, ready[2];
  pid_t child;
  char byte;

  for (int i = 0; i < 3; i++) {
    struct way *way = &ways[count];
    int ends[2], mode;

    if (!leads_outside(i, &files[i], &way->is_socket)) continue;
    /* The order of what is written to one pipe by two descriptors stays. */
    if (i == 2 && agents[1] >= 0 && files[1].st_dev == files[2].st_dev && files[1].st_ino == files[2].st_ino) {
      agents[2] = agents[1];
      continue;
    }
    mode = fcntl(i, F_GETFL);
    if (mode < 0 || pipe2(ends, O_CLOEXEC)) return errno;
    way->outward = (mode & O_ACCMODE) == O_WRONLY || (i > 0 && (mode & O_ACCMODE) == O_RDWR);
    way->from = way->outward ? ends[0] : moved(i);
    way->to = way->outward ? moved(i) : ends[1];
    agents[i] = way->outward ? ends[1] : ends[0];
    if (!way->outward) way->is_socket = false;
    if (way->from < 0 || way->to < 0) return errno;
    count++;
  }
  if (count == 0) return 0;
  if (pipe2(ready, O_CLOEXEC)) return errno;
  /* Two forks: the command that this process becomes has no child that it does not know. */
  child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(grandchild < 0);
    for (int i = 0; i < 3; i++) {
      if (agents[i] >= 0 && (i != 2 || agents[1] != agents[2])) close(agents[i]);
      close(i);
    }
    close(ready[0]);
    relay(count, ready[1]);
  }
  close(ready[1]);
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  if (read(ready[0], &byte, 1) != 1) return ECHILD;
  close(ready[0]);
  for (int i = 0; i < count; i++) {
    close(ways[i].from);
    close(ways[i].to);
  }
  for (int i = 0; i < 3; i++)
    if (agents[i] >= 0 && dup2(agents[i], i) < 0) return errno;
  for (int i = 0; i < 3; i++)
    if (agents[i] >= 0 && (i != 2 || agents[1] != agents[2])) close(agents[i]);
  return launch(TELOS_LAUNCH_STDIO) ? 0 : errno;
}
