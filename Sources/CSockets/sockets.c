#define _GNU_SOURCE
#include "csockets.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int csockets_waiter(void) {
  return epoll_create1(EPOLL_CLOEXEC);
}

static int control(int waiter, int operation, int descriptor, int wanted) {
  struct epoll_event event = {.data.fd = descriptor};
  if (wanted & CSOCKETS_READABLE) event.events |= EPOLLIN;
  if (wanted & CSOCKETS_WRITABLE) event.events |= EPOLLOUT;
  return epoll_ctl(waiter, operation, descriptor, &event);
}

int csockets_watch(int waiter, int descriptor, int wanted) {
  return control(waiter, EPOLL_CTL_ADD, descriptor, wanted);
}

int csockets_rewatch(int waiter, int descriptor, int wanted) {
  return control(waiter, EPOLL_CTL_MOD, descriptor, wanted);
}

int csockets_unwatch(int waiter, int descriptor) {
  return control(waiter, EPOLL_CTL_DEL, descriptor, 0);
}

int csockets_wait(int waiter, struct csockets_event *events, int count, int milliseconds) {
  struct epoll_event ready[256];
  if (count > 256) count = 256;
  int found = epoll_wait(waiter, ready, count, milliseconds);
  for (int i = 0; i < found; i++) {
    int state = 0;
    if (ready[i].events & EPOLLIN) state |= CSOCKETS_READABLE;
    if (ready[i].events & EPOLLOUT) state |= CSOCKETS_WRITABLE;
    if (ready[i].events & (EPOLLERR | EPOLLHUP)) state |= CSOCKETS_BROKEN;
    events[i] = (struct csockets_event){.descriptor = ready[i].data.fd, .state = state};
  }
  return found;
}

int csockets_bell(void) {
  return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int csockets_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int csockets_memory_file(const char *name) {
  return memfd_create(name, MFD_CLOEXEC);
}

int csockets_enter_network(int descriptor) {
  return setns(descriptor, CLONE_NEWNET);
}

int csockets_new_network(void) {
  return unshare(CLONE_NEWNET);
}

int csockets_hand_over(const char *address, const char *text, int descriptor) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  size_t length = strlen(address);
  if (length == 0 || length >= sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(name.sun_path, address, length);
  if (name.sun_path[0] == '@') name.sun_path[0] = 0;
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } room = {{0}};
  struct iovec vector = {.iov_base = (void *)text, .iov_len = strlen(text)};
  struct msghdr message = {
    .msg_name = &name,
    .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
    .msg_iov = &vector,
    .msg_iovlen = 1,
  };
  if (descriptor >= 0) {
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  int notifier = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (notifier < 0) return -1;
  ssize_t sent = sendmsg(notifier, &message, MSG_NOSIGNAL);
  int code = errno;
  close(notifier);
  errno = code;
  return sent < 0 ? -1 : 0;
}

union mark_room {
  char bytes[CMSG_SPACE(sizeof(uint32_t))];
  struct cmsghdr alignment;
};

struct csockets_batch {
  size_t bytes;
  uint8_t *buffers;
  struct iovec vectors[CSOCKETS_BATCH];
  union mark_room marks[CSOCKETS_BATCH];
  struct csockets_peer peers[CSOCKETS_BATCH];
  struct mmsghdr messages[CSOCKETS_BATCH];
};

struct csockets_batch *csockets_batch_new(size_t bytes) {
  struct csockets_batch *batch = calloc(1, sizeof *batch);
  if (!batch) return NULL;
  batch->bytes = bytes + 1;
  batch->buffers = malloc(batch->bytes * CSOCKETS_BATCH);
  if (batch->buffers) return batch;
  free(batch);
  return NULL;
}

void csockets_batch_free(struct csockets_batch *batch) {
  free(batch->buffers);
  free(batch);
}

static uint32_t mark_of(struct msghdr *header) {
  for (struct cmsghdr *one = CMSG_FIRSTHDR(header); one; one = CMSG_NXTHDR(header, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SO_MARK) continue;
    uint32_t mark;
    memcpy(&mark, CMSG_DATA(one), sizeof mark);
    return mark;
  }
  return 0;
}

int csockets_receive(struct csockets_batch *batch, int socket, struct csockets_datagram *datagrams) {
  for (int i = 0; i < CSOCKETS_BATCH; i++) {
    batch->vectors[i] = (struct iovec){.iov_base = batch->buffers + (size_t)i * batch->bytes, .iov_len = batch->bytes};
    batch->messages[i].msg_hdr = (struct msghdr){
      .msg_name = batch->peers[i].address,
      .msg_namelen = sizeof batch->peers[i].address,
      .msg_iov = &batch->vectors[i],
      .msg_iovlen = 1,
      .msg_control = &batch->marks[i],
      .msg_controllen = sizeof batch->marks[i],
    };
  }
  int received = recvmmsg(socket, batch->messages, CSOCKETS_BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < received; i++) {
    struct msghdr *header = &batch->messages[i].msg_hdr;
    datagrams[i] = (struct csockets_datagram){
      .bytes = batch->vectors[i].iov_base,
      .count = batch->messages[i].msg_len,
      .mark = mark_of(header),
      .peer = batch->peers[i],
    };
    datagrams[i].peer.size = header->msg_namelen;
  }
  return received < 0 ? 0 : received;
}

void csockets_send(int socket, const struct csockets_datagram *datagrams, int count) {
  struct iovec vectors[CSOCKETS_BATCH];
  struct mmsghdr messages[CSOCKETS_BATCH];
  if (count > CSOCKETS_BATCH) count = CSOCKETS_BATCH;
  for (int i = 0; i < count; i++) {
    vectors[i] = (struct iovec){.iov_base = (void *)datagrams[i].bytes, .iov_len = datagrams[i].count};
    messages[i].msg_hdr = (struct msghdr){
      .msg_name = (void *)datagrams[i].peer.address,
      .msg_namelen = datagrams[i].peer.size,
      .msg_iov = &vectors[i],
      .msg_iovlen = 1,
    };
  }
  for (int done = 0; done < count;) {
    int sent = sendmmsg(socket, messages + done, (unsigned)(count - done), MSG_DONTWAIT | MSG_NOSIGNAL);
    done += sent > 0 ? sent : 1;
  }
}
