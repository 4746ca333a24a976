#include "canary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TELOS_PRCTL 0x54454c4f

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int answer(long result) {
  return result < 0 ? errno : 0;
}

static int connected(uint16_t port, int *error) {
  struct sockaddr_in address = loopback(port);
  int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  *error = socket_ < 0 ? errno : answer(connect(socket_, (void *)&address, sizeof address));
  return socket_;
}

static int datagram(uint16_t port) {
  struct sockaddr_in address = loopback(port);
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int error = socket_ < 0 ? errno : answer(sendto(socket_, "x", 1, 0, (void *)&address, sizeof address));
  close(socket_);
  return error;
}

/* A grandchild, so that an exec which works replaces nobody; its status is the errno. */
static int executed(const char *program) {
  int status = 0;
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return errno;
  if (child == 0) {
    char *arguments[] = {(char *)program, "-c", "exit 0", NULL};
    char *environment[] = {NULL};
    execve(program, arguments, environment);
    syscall(SYS_exit_group, errno);
  }
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}

static int opened(const char *path, int flags) {
  int file = open(path, flags | O_CLOEXEC);
  int error = file < 0 ? errno : 0;
  if (file >= 0) close(file);
  return error;
}

static int made_map(void) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  int map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
  int error = map < 0 ? errno : 0;
  if (map >= 0) close(map);
  return error;
}

static void child(const struct canary_order *order, pid_t parent) {
  struct canary_steps *steps = order->steps;
  int connection, other, nothing = open("/dev/null", O_RDWR);

  /* What the daemon writes to must not come into the domain of an agent that slams itself. */
  if (nothing < 0) return;
  for (int number = 0; number < 3; number++) dup2(nothing, number);
  syscall(SYS_close_range, 3u, ~0u, 0u);

  steps->registered = answer(prctl(TELOS_PRCTL, order->high, order->low, 0, 0));
  if (steps->registered != EINPROGRESS) return;
  steps->again = answer(prctl(TELOS_PRCTL, order->high, order->low, 0, 0));
  steps->exec = executed(order->program);
  connection = connected(order->allowed, &steps->allowed);
  other = connected(order->refused, &steps->connect);
  if (other >= 0) close(other);
  steps->datagram = datagram(order->refused);
  steps->write = opened(order->writable, O_WRONLY);
  steps->bpf = made_map();
  steps->signal = answer(kill(parent, SIGCONT));
  steps->before = answer(send(connection, "b", 1, MSG_NOSIGNAL));
  steps->decoy = opened(order->decoy, O_RDONLY);
  steps->after = answer(send(connection, "a", 1, MSG_NOSIGNAL));
  /* The kernel's own last word on the connection goes by no hook but egress. */
  shutdown(connection, SHUT_WR);
  steps->finished = 0;
}

pid_t canary_fork(const struct canary_order *order) {
  pid_t parent = getpid();
  pid_t process = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (process != 0) return process;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  child(order, parent);
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

struct canary_steps *canary_steps_new(void) {
  struct canary_steps *steps = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (steps == MAP_FAILED) return NULL;
  memset(steps, 0xff, sizeof *steps);
  return steps;
}

void canary_steps_free(struct canary_steps *steps) {
  munmap(steps, sizeof *steps);
}
