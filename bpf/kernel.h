/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own structures, only the fields that the programs read. Offsets come from the running
 * kernel's BTF at load (CO-RE), so one build serves 6.1 and 6.12. */
#ifndef TELOS_KERNEL_H
#define TELOS_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define NULL ((void *)0)

enum key_need_perm { KEY_NEED_WRITE = 3 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
	};
	const unsigned char *name;
};

struct user_namespace {
	int level;
};

struct list_head {
	struct list_head *next;
};

struct super_block {
	struct list_head s_mounts;
	__u32 s_dev;
	unsigned long s_magic;
	struct user_namespace *s_user_ns;
};

struct inode {
	__u16 i_mode;
	unsigned int i_nlink;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_rdev;
	__u32 i_generation;
	atomic_t i_writecount; /* files that are open for writing */
	atomic_t i_readcount;  /* files that are open for reading alone */
};

struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mnt_namespace {
	struct mount *root;
	__u64 seq;
};

struct mount {
	struct mnt_namespace *mnt_ns;
	struct mount *mnt_parent; /* these three lie one after the other: see where_mounted() */
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_instance;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	atomic_t mm_users;
	struct file *exe_file;
};

struct fs_struct {
	struct path root;
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[];
};

struct signal_struct {
	int nr_threads;
	struct list_head thread_head;
	struct pid *pids[4];
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
	const struct cred *real_cred;
	struct list_head thread_node;
	const struct cred *cred;
	void *io_uring;
	struct nsproxy *nsproxy;
	char comm[16];
};

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup *ancestors[]; /* from the root of the tree to itself */
};

struct linux_binprm {
	struct file *file;
};

struct anon_vma;

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
	struct anon_vma *anon_vma;
};

struct in6_addr {
	__u8 bytes[16];
};

struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

/* Ports that are taken: a list for each hash of name space and port. */
struct inet_bind_hashbucket {
	struct hlist_head chain;
};

struct inet_bind_bucket {
	possible_net_t ib_net;
	unsigned short port;
	struct hlist_node node;
};

struct inet_hashinfo {
	struct inet_bind_hashbucket *bhash;
	unsigned int bhash_size;
};

struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};

struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
};

struct net {
	__u32 hash_mix;
	struct netns_ipv4 ipv4;
};

struct sock_common {
	possible_net_t skc_net;
	__be32 skc_daddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
	void *sk_bpf_storage;
};

struct request_sock {
	struct sock_common __req_common;
};

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[];
};

struct unix_sock {
	struct unix_address *addr;
	struct path path;
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct sockaddr {
	unsigned short sa_family;
};

struct kern_ipc_perm {
	int key;
};

struct iattr {
	unsigned int ia_valid;
};

struct tty_struct {
	void *driver_data; /* of a terminal's both ends: the directory entry of its slave */
};

struct tty_file_private {
	struct tty_struct *tty;
};

struct renamedata {
	struct dentry *new_dentry;
};

struct key_type {
	const char *name;
};

struct key {
	struct key_type *type;
};

struct nlmsghdr {
	__u32 nlmsg_len;
	__u16 nlmsg_type;
};

struct sk_buff {
	unsigned int len;
	unsigned char *data;
};

/* overlayfs is a module: these resolve only where it was loaded before the programs. */
struct ovl_path {
	struct dentry *dentry;
};

struct ovl_entry {
	unsigned int __numlower;
	struct ovl_path __lowerstack[];
};

struct ovl_inode {
	struct inode vfs_inode;
	struct dentry *__upperdentry;
	struct ovl_entry *oe; /* 6.5 and later */
};

struct ovl_inode___before65 {
	struct ovl_path lowerpath;
};

#pragma clang attribute pop

/* Kernels that have this let a program look at any address by a plain load, where others take a call. */
struct bpf_rb_root___peek {
	int unused;
};
struct timespec64___peek { /* any structure that starts with eight bytes of numbers */
	__s64 tv_sec;
};
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

static __always_inline bool plain_loads(void)
{
	return bpf_core_type_exists(struct bpf_rb_root___peek);
}

/* The structure at an address, where there are plain loads: several fields of it for one cast. */
#define AT(type, address) ((type *)bpf_rdonly_cast((const void *)(address), bpf_core_type_id_kernel(type)))

static __always_inline __u64 peek_by_call(__u64 address, __u32 size)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, size, (const void *)address);
	return value;
}

/* `size` bytes at an address, 0 where none can be read. */
static __always_inline __u64 peek(__u64 address, __u32 size)
{
	if (plain_loads()) {
		void *at = AT(struct timespec64___peek, address);

		return size == 8 ? *(volatile __u64 *)at : *(volatile __u32 *)at;
	}
	return peek_by_call(address, size);
}

/* A field of a structure that is known by its address only. */
#define PEEK(type, address, field)                                                                                     \
	peek((__u64)(address) + bpf_core_field_offset(type, field), sizeof(((type *)0)->field))

/* Kernels that have both of these types let a program ask for a file's fs-verity digest (since 6.9). */
struct bpf_token___verity {
	int unused;
};
struct fsverity_info___verity {
	int unused;
};
extern int bpf_get_fsverity_digest(struct file *file, struct bpf_dynptr *digest) __ksym __weak;

static __always_inline bool has_verity(void)
{
	return bpf_core_type_exists(struct bpf_token___verity) && bpf_core_type_exists(struct fsverity_info___verity);
}

/* What that call gives. */
struct verity_digest {
	__u16 algorithm; /* FS_VERITY_HASH_ALG_SHA256 */
	__u16 size;
	__u8 digest[32];
};
#define FS_VERITY_HASH_ALG_SHA256 1

/* uapi values; the headers that have them clash with the structures above. */
#define EPERM 1
#define ENOENT 2
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EBUSY 16
#define EEXIST 17
#define EINPROGRESS 115

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define NETLINK_ROUTE 0
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define VM_SHARED 8

#define O_TRUNC 0x200
#define O_ASYNC 0x2000

#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_CREATED 0x100000
#define FMODE_EXEC 0x20            /* in f_flags of what execve opens */
#define FMODE_NOACCOUNT 0x20000000 /* in f_mode of what overlayfs opens below itself */

#define MAY_WRITE 0x2

#define DCACHE_OP_HASH 0x1
#define DCACHE_OP_COMPARE 0x2
#define DCACHE_OP_REVALIDATE 0x4 /* names of this file system change behind the kernel's back */

#define PF_FORKNOEXEC 0x40
#define PF_KTHREAD 0x200000

#define PTRACE_MODE_ATTACH 0x2
#define PTRACE_MODE_NOAUDIT 0x4
#define CAP_OPT_NOAUDIT 0x2

#define F_SETFL 4
#define F_SETOWN 8
#define F_SETOWN_EX 15
#define F_SETLEASE 1024
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

#define RENAME_EXCHANGE 2

#define ATTR_TIMES 0x30000 /* ATTR_TIMES_SET, ATTR_TOUCH: what utimes alone sets */

#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2

#define FS_PERMISSIONS 0x70000 /* open, access and open to execute: fsnotify_backend.h */
#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c
#define TIOCCONS 0x541d
#define TIOCSETD 0x5423
#define TIOCVHANGUP 0x5437
#define FIOASYNC 0x5452
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define RENAME_WHITEOUT 4

#define HASH_ALGO_SHA256 4

#define MAGIC_OVERLAY 0x794c7630
#define MAGIC_PROC 0x9fa0
#define MAGIC_SYSFS 0x62656572
#define MAGIC_CGROUP 0x27e0eb
#define MAGIC_CGROUP2 0x63677270
#define MAGIC_BPF 0xcafe4a11
#define MAGIC_TRACEFS 0x74726163
#define MAGIC_DEBUGFS 0x64626720
#define MAGIC_SECURITYFS 0x73636673
#define MAGIC_CONFIGFS 0x62656570
#define MAGIC_BINFMT 0x42494e4d
#define MAGIC_EFIVARFS 0xde5e81e4
#define MAGIC_MQUEUE 0x19800202
#define MAGIC_PIPE 0x50495045
#define MAGIC_SOCKFS 0x534f434b
#define MAGIC_TMPFS 0x01021994
#define MAGIC_DEVPTS 0x1cd1
#define MAGIC_FUSE 0x65735546
#define MAGIC_PIDFS 0x50494446
#define MAGIC_9P 0x01021997
#define MAGIC_NFS 0x6969
#define MAGIC_SMB 0x517b
#define MAGIC_SMB2 0xfe534d42
#define MAGIC_CIFS 0xff534d42
#define MAGIC_CEPH 0x00c36400
#define MAGIC_AFS 0x5346414f
#define MAGIC_CODA 0x73757245
#define MAGIC_BTRFS 0x9123683e
#define MAGIC_EXT4 0xef53
#define MAGIC_F2FS 0xf2f52010

#endif
