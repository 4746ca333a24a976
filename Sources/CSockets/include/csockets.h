#pragma once
// System calls that Swift's Glibc leaves out, and datagrams in batches with what the kernel says about each.
#include <stddef.h>
#include <stdint.h>

enum {
  CSOCKETS_BATCH = 64,
  CSOCKETS_READABLE = 1,
  CSOCKETS_WRITABLE = 2,
  // One side is gone, or something failed: reading says which.
  CSOCKETS_BROKEN = 4,
};

struct csockets_event {
  int descriptor;
  int state;
};

// Waiting for many descriptors. The values are those of the system calls; -1 leaves errno.
int csockets_waiter(void);
int csockets_watch(int waiter, int descriptor, int wanted);
int csockets_rewatch(int waiter, int descriptor, int wanted);
int csockets_unwatch(int waiter, int descriptor);
int csockets_wait(int waiter, struct csockets_event *events, int count, int milliseconds);

// A descriptor that another thread makes readable.
int csockets_bell(void);

// A message to the service manager with a descriptor: see sd_notify(3) and FDSTORE. The address begins with / or @.
int csockets_hand_over(const char *address, const char *text, int descriptor);

int csockets_accept(int listener);
int csockets_memory_file(const char *name);
// Of the calling thread alone.
int csockets_enter_network(int descriptor);
int csockets_new_network(void);

// An address as the kernel gave it, for the way back.
struct csockets_peer {
  uint64_t address[4];
  uint32_t size;
};

struct csockets_datagram {
  const uint8_t *bytes;
  size_t count;
  // SO_RCVMARK; 0 where there is none.
  uint32_t mark;
  struct csockets_peer peer;
};

struct csockets_batch;
// Room for CSOCKETS_BATCH datagrams of at most `bytes` each; what is longer is cut to bytes + 1.
struct csockets_batch *csockets_batch_new(size_t bytes);
void csockets_batch_free(struct csockets_batch *batch);
// How many there were; they are good until the next call.
int csockets_receive(struct csockets_batch *batch, int socket, struct csockets_datagram *datagrams);
// Sends at most CSOCKETS_BATCH; one that cannot be sent keeps none of the others.
void csockets_send(int socket, const struct csockets_datagram *datagrams, int count);
