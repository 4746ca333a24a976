/* What Swift cannot call itself: variadic system calls, unions of libbpf's options, and atomics on shared memory. */
#pragma once
#include <errno.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static inline void clibbpf_add(uint32_t *cell, uint32_t value) {
  __atomic_fetch_add(cell, value, __ATOMIC_SEQ_CST);
}

static inline void clibbpf_subtract(uint32_t *cell, uint32_t value) {
  __atomic_fetch_sub(cell, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t clibbpf_load(const uint32_t *cell) {
  return __atomic_load_n(cell, __ATOMIC_SEQ_CST);
}

static inline void clibbpf_store(uint32_t *cell, uint32_t value) {
  __atomic_store_n(cell, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t clibbpf_load64(const uint64_t *cell) {
  return __atomic_load_n(cell, __ATOMIC_SEQ_CST);
}

static inline void clibbpf_store64(uint64_t *cell, uint64_t value) {
  __atomic_store_n(cell, value, __ATOMIC_SEQ_CST);
}

/* The negated errno, or the new link's descriptor. */
static inline int clibbpf_link_xdp(int program, int interface, uint32_t flags) {
  struct bpf_link_create_opts options;
  memset(&options, 0, sizeof options);
  options.sz = sizeof options;
  options.flags = flags;
  return bpf_link_create(program, interface, BPF_XDP, &options);
}

struct clibbpf_program {
  uint32_t id;
  uint8_t tag[8];
  char name[16];
};

static inline int clibbpf_program_info(int descriptor, struct clibbpf_program *result) {
  struct bpf_prog_info info;
  uint32_t size = sizeof info;
  memset(&info, 0, sizeof info);
  int error = bpf_obj_get_info_by_fd(descriptor, &info, &size);
  if (error) return error;
  result->id = info.id;
  memcpy(result->tag, info.tag, sizeof result->tag);
  memcpy(result->name, info.name, sizeof result->name);
  return 0;
}

struct clibbpf_link {
  uint32_t id, type, program;
  uint32_t interface; /* XDP: 0 once the interface is gone */
  uint64_t cgroup;    /* cgroup links: 0 once the cgroup is gone */
};

static inline int clibbpf_link_info(int descriptor, struct clibbpf_link *result) {
  struct bpf_link_info info;
  uint32_t size = sizeof info;
  memset(&info, 0, sizeof info);
  memset(result, 0, sizeof *result);
  int error = bpf_obj_get_info_by_fd(descriptor, &info, &size);
  if (error) return error;
  result->id = info.id;
  result->type = info.type;
  result->program = info.prog_id;
  if (info.type == BPF_LINK_TYPE_XDP) result->interface = info.xdp.ifindex;
  if (info.type == BPF_LINK_TYPE_CGROUP) result->cgroup = info.cgroup.cgroup_id;
  return 0;
}

struct clibbpf_map {
  uint32_t id, type, key_size, value_size, max_entries, flags;
};

static inline int clibbpf_map_info(int descriptor, struct clibbpf_map *result) {
  struct bpf_map_info info;
  uint32_t size = sizeof info;
  memset(&info, 0, sizeof info);
  int error = bpf_obj_get_info_by_fd(descriptor, &info, &size);
  if (error) return error;
  result->id = info.id;
  result->type = info.type;
  result->key_size = info.key_size;
  result->value_size = info.value_size;
  result->max_entries = info.max_entries;
  result->flags = info.map_flags;
  return 0;
}

/* Loads `return 0` on the LSM hook file_open; nothing is attached. The descriptor, or the negated errno. */
static inline int clibbpf_load_empty_lsm(void) {
  struct bpf_insn code[2] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT},
  };
  struct bpf_prog_load_opts options;
  int type = libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC);
  if (type < 0) return type;
  memset(&options, 0, sizeof options);
  options.sz = sizeof options;
  options.expected_attach_type = BPF_LSM_MAC;
  options.attach_btf_id = (uint32_t)type;
  return bpf_prog_load(BPF_PROG_TYPE_LSM, "telos_probe", "GPL", code, 2, &options);
}

/* The same at the exit of a function of the kernel. */
static inline int clibbpf_load_empty_fexit(const char *function) {
  struct bpf_insn code[2] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT},
  };
  struct bpf_prog_load_opts options;
  int type = libbpf_find_vmlinux_btf_id(function, BPF_TRACE_FEXIT);
  if (type < 0) return type;
  memset(&options, 0, sizeof options);
  options.sz = sizeof options;
  options.expected_attach_type = BPF_TRACE_FEXIT;
  options.attach_btf_id = (uint32_t)type;
  return bpf_prog_load(BPF_PROG_TYPE_TRACING, "telos_probe", "GPL", code, 2, &options);
}

/* System V objects: what may be asked of a segment, a set or a queue without its contents. 0, or the errno. */
enum clibbpf_ipc { CLIBBPF_SHM, CLIBBPF_SEM, CLIBBPF_MSG };

static inline int clibbpf_ipc_control(enum clibbpf_ipc kind, int id, int command) {
  union {
    struct shmid_ds shm;
    struct semid_ds sem;
    struct msqid_ds msg;
  } status;
  int result;
  memset(&status, 0, sizeof status);
  switch (kind) {
  case CLIBBPF_SHM: result = shmctl(id, command, &status.shm); break;
  case CLIBBPF_SEM: result = semctl(id, 0, command, &status.sem); break;
  default: result = msgctl(id, command, &status.msg); break;
  }
  return result < 0 ? errno : 0;
}

/* A handle as the kernel gives and takes it; at most 128 bytes. */
struct clibbpf_handle {
  uint32_t bytes;
  int32_t type;
  uint8_t data[128];
};

/* The handle of an open folder; 0, or the errno. */
static inline int clibbpf_handle_of(int descriptor, struct clibbpf_handle *handle) {
  int mount = 0;
  memset(handle, 0, sizeof *handle);
  handle->bytes = sizeof handle->data;
  if (syscall(SYS_name_to_handle_at, descriptor, "", handle, &mount, 0x1000 /* AT_EMPTY_PATH */)) return errno;
  return 0;
}

/* Whether the file system of the open folder `mount` still has the file: 0, or the errno, ESTALE for no. */
static inline int clibbpf_handle_exists(int mount, struct clibbpf_handle *handle) {
  int file = (int)syscall(SYS_open_by_handle_at, mount, handle, 010000000 /* O_PATH */ | 02000000 /* O_CLOEXEC */);
  if (file < 0) return errno;
  close(file);
  return 0;
}

static inline int clibbpf_prctl(int option, unsigned long first, unsigned long second) {
  return prctl(option, first, second, 0, 0);
}

static inline int clibbpf_unshare(int flags) {
  return (int)syscall(SYS_unshare, flags);
}

static inline int clibbpf_setns(int descriptor, int kind) {
  return (int)syscall(SYS_setns, descriptor, kind);
}

/* Asks the kernel to end one TCP or UDP socket (SOCK_DESTROY). 0, or the errno. `local` and `peer` are 16 bytes,
 * IPv4 in the first four, ports and addresses in network order. */
static inline int clibbpf_destroy_socket(int netlink, uint8_t family, uint8_t protocol, uint16_t local_port,
                                         uint16_t peer_port, const uint8_t *local, const uint8_t *peer,
                                         uint64_t cookie) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } request;
  struct {
    struct nlmsghdr head;
    struct nlmsgerr body;
  } answer;
  memset(&request, 0, sizeof request);
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DESTROY;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = protocol;
  request.body.idiag_states = ~0u;
  request.body.id.idiag_sport = local_port;
  request.body.id.idiag_dport = peer_port;
  memcpy(request.body.id.idiag_src, local, 16);
  memcpy(request.body.id.idiag_dst, peer, 16);
  request.body.id.idiag_cookie[0] = (uint32_t)cookie;
  request.body.id.idiag_cookie[1] = (uint32_t)(cookie >> 32);
  if (send(netlink, &request, sizeof request, 0) != (ssize_t)sizeof request) return errno;
  ssize_t count = recv(netlink, &answer, sizeof answer, 0);
  if (count < (ssize_t)sizeof answer || answer.head.nlmsg_type != NLMSG_ERROR) return EIO;
  return -answer.body.error;
}

static inline int clibbpf_pidfd_open(int process) {
  return (int)syscall(SYS_pidfd_open, process, 0);
}

static inline int clibbpf_pidfd_getfd(int pidfd, int descriptor) {
  return (int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0);
}

static const int clibbpf_path_only = 010000000; /* O_PATH */

static inline uint32_t clibbpf_thread_id(void) {
  return (uint32_t)syscall(SYS_gettid);
}

/* The kernel's own encoding of a device number, from the one of stat. */
static inline uint32_t clibbpf_device(uint64_t number) {
  return (uint32_t)(gnu_dev_major(number) << 20 | gnu_dev_minor(number));
}

static inline int clibbpf_inode_generation(int descriptor, uint32_t *generation) {
  long value = 0; /* the kernel writes 32 bits, glibc's number says long */
  if (ioctl(descriptor, FS_IOC_GETVERSION, &value)) return -1;
  *generation = (uint32_t)value;
  return 0;
}
