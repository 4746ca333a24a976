// SPDX-License-Identifier: GPL-2.0-only
/* Guard: what a managed tree may never do, whatever its intent says, in any mode. Errno: EPERM. */

static __always_inline int guard(__u8 hook, __u8 reason)
{

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = hook, .reason = reason);
	refuse(&c, &f, EPERM);
	return -EPERM;
}

/* A task of another tree, or of none. */
static __always_inline int guard_task(__u64 target, __u8 hook, __u8 reason)
{

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = hook, .reason = reason);
	if (same_agent(&c, target))
		return 0;
	refuse(&c, &f, EPERM);
	return -EPERM;
}

SEC("lsm/bpf")
int BPF_PROG(telos_bpf, int command)
{
	return guard(TELOS_HOOK_BPF, TELOS_REASON_BPF);
}

/* The relay holds what the agent itself no longer has: the ends of the pipes that lead outside. */
static __always_inline bool is_relay(__u64 task)
{
	struct telos_task *label = task_of(task);

	return label && (label->flags & TELOS_TASK_RELAY);
}

static __noinline int glance(__u64 target)
{
	struct caller c = {};

	switch (caller(&c)) {
	case UNMANAGED:
		return 0;
	case MISSING:
		return -EPERM;
	case MANAGED:
		break;
	}
	return answer(!same_agent(&c, target) || is_relay(target), EPERM);
}

/* Attaching writes code where no mapping shows it, so it is refused inside the tree as well. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(telos_ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	if (surely_unmanaged())
		return 0;
	/* Whether it could, as ps wants to know of every process: no news for anybody. */
	if ((mode & PTRACE_MODE_NOAUDIT) && !(mode & PTRACE_MODE_ATTACH))
		return glance(argument(ctx, 0));
	if (mode & PTRACE_MODE_ATTACH)
		return guard(TELOS_HOOK_PTRACE, TELOS_REASON_PTRACE);
	if (is_relay(argument(ctx, 0)))
		return guard(TELOS_HOOK_PTRACE, TELOS_REASON_LOOK);
	return guard_task(argument(ctx, 0), TELOS_HOOK_PTRACE, TELOS_REASON_LOOK);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(telos_ptrace_traceme, struct task_struct *parent)
{
	return guard(TELOS_HOOK_PTRACE, TELOS_REASON_PTRACE);
}

SEC("lsm/task_kill")
int BPF_PROG(telos_task_kill, struct task_struct *target)
{
	return guard_task(argument(ctx, 0), TELOS_HOOK_TASK_KILL, TELOS_REASON_SIGNAL);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(telos_task_setrlimit, struct task_struct *target)
{
	return guard_task(argument(ctx, 0), TELOS_HOOK_TASK_PRLIMIT, TELOS_REASON_SIGNAL);
}

SEC("lsm/task_setnice")
int BPF_PROG(telos_task_setnice, struct task_struct *target)
{
	return guard_task(argument(ctx, 0), TELOS_HOOK_TASK_PRLIMIT, TELOS_REASON_SIGNAL);
}

SEC("lsm/task_setscheduler")
int BPF_PROG(telos_task_setscheduler, struct task_struct *target)
{
	return guard_task(argument(ctx, 0), TELOS_HOOK_TASK_PRLIMIT, TELOS_REASON_SIGNAL);
}

SEC("lsm/task_setioprio")
int BPF_PROG(telos_task_setioprio, struct task_struct *target)
{
	return guard_task(argument(ctx, 0), TELOS_HOOK_TASK_PRLIMIT, TELOS_REASON_SIGNAL);
}

/* Who is asked whether others may open a file can let them wait for ever, the daemon among them. */
SEC("lsm/path_notify")
int BPF_PROG(telos_path_notify, const struct path *path, __u64 mask)
{
	return mask & FS_PERMISSIONS ? guard(TELOS_HOOK_PATH_NOTIFY, TELOS_REASON_SIGNAL) : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(telos_sb_mount, const char *device)
{
	return guard(TELOS_HOOK_SB_MOUNT, TELOS_REASON_MOUNT);
}

SEC("lsm/sb_umount")
int BPF_PROG(telos_sb_umount, struct vfsmount *mount)
{
	return guard(TELOS_HOOK_SB_MOUNT, TELOS_REASON_MOUNT);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(telos_sb_pivotroot, const struct path *old)
{
	return guard(TELOS_HOOK_SB_MOUNT, TELOS_REASON_MOUNT);
}

SEC("lsm/move_mount")
int BPF_PROG(telos_move_mount, const struct path *from)
{
	return guard(TELOS_HOOK_SB_MOUNT, TELOS_REASON_MOUNT);
}

SEC("lsm/kernel_read_file")
int BPF_PROG(telos_kernel_read_file, struct file *file)
{
	return guard(TELOS_HOOK_KERNEL_READ_FILE, TELOS_REASON_MODULE);
}

SEC("lsm/kernel_load_data")
int BPF_PROG(telos_kernel_load_data, int id)
{
	return guard(TELOS_HOOK_KERNEL_READ_FILE, TELOS_REASON_MODULE);
}

SEC("lsm/kernel_module_request")
int BPF_PROG(telos_kernel_module_request, char *name)
{
	return guard(TELOS_HOOK_KERNEL_MODULE, TELOS_REASON_MODULE);
}

/* Raw ports, kernel memory, tracing, kexec: whatever lockdown would ask about. */
SEC("lsm/locked_down")
int BPF_PROG(telos_locked_down, int what)
{
	return guard(TELOS_HOOK_LOCKED_DOWN, TELOS_REASON_MODULE);
}

/* Probes of other processes and of the kernel see what those have in memory. */
SEC("lsm/perf_event_open")
int BPF_PROG(telos_perf_event_open, void *attributes)
{
	return guard(TELOS_HOOK_PERF_EVENT, TELOS_REASON_PTRACE);
}

/* What an agent read may not go into a key, where others of its user find it. */
SEC("lsm/key_permission")
int BPF_PROG(telos_key_permission, void *key, const struct cred *cred, int need)
{
	if ((__u64)need != bpf_core_enum_value(enum key_need_perm, KEY_NEED_WRITE))
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_KEY, .reason = TELOS_REASON_SLAMMED);
	if (!(c.state & TELOS_SLAMMED))
		return 0;
	refuse(&c, &f, EPERM);
	return -EPERM;
}

/* Other types of keys start a program outside the tree with the agent's words (request-key). */
SEC("lsm/key_alloc")
int BPF_PROG(telos_key_alloc, struct key *key)
{
	const char *name = BPF_CORE_READ(key, type, name);
	char text[8] = {};

	bpf_probe_read_kernel_str(text, sizeof(text), name);
	if (__builtin_memcmp(text, "user", 5) == 0 || __builtin_memcmp(text, "logon", 6) == 0 ||
	    __builtin_memcmp(text, "keyring", 7) == 0)
		return 0;
	return guard(TELOS_HOOK_KEY, TELOS_REASON_IPC);
}

/* Asking for addresses and routes is allowed, changing them is not: requests to get are the third of each four. A datagram
 * may hold many; the kernel goes through them as this does, and what is too much for one look is refused. */
#define MESSAGES 32

struct messages {
	__u64 at;
	__u32 rest;
	__u32 verdict; /* enum look_at_messages */
};

enum look_at_messages { MESSAGES_MORE = 0, MESSAGES_FINE = 1, MESSAGES_REFUSED = 2 };

static long look_at_message(__u32 index, struct messages *m)
{
	struct nlmsghdr head = {};
	__u32 step;

	if (m->rest < 16) {
		m->verdict = MESSAGES_FINE;
		return 1;
	}
	m->verdict = MESSAGES_REFUSED;
	if (bpf_probe_read_kernel(&head, sizeof(head), (const void *)m->at))
		return 1;
	if (head.nlmsg_len < 16 || head.nlmsg_len > m->rest) {
		m->verdict = MESSAGES_FINE; /* here the kernel stops */
		return 1;
	}
	if (head.nlmsg_type < 16 || (head.nlmsg_type & 3) != 2)
		return 1;
	step = (head.nlmsg_len + 3) & ~3u;
	m->at += step;
	m->rest = step > m->rest ? 0 : m->rest - step;
	m->verdict = MESSAGES_MORE;
	return 0;
}

SEC("lsm/netlink_send")
int BPF_PROG(telos_netlink_send, struct sock *sk, struct sk_buff *skb)
{
	struct messages m = {};

	if (surely_unmanaged())
		return 0;
	m.at = (__u64)BPF_CORE_READ(skb, data);
	m.rest = BPF_CORE_READ(skb, len);
	bpf_loop(MESSAGES, look_at_message, &m, 0);
	if (m.verdict == MESSAGES_FINE && sk->sk_protocol == NETLINK_ROUTE)
		return 0;
	/* A socket of another family is there in mode audit only: what it says is no more serious than that it was made. */
	return guard(TELOS_HOOK_NETLINK,
		     sk->sk_protocol == NETLINK_ROUTE ? TELOS_REASON_NETWORK_SETTING : TELOS_REASON_FAMILY);
}

/* Pages whose access waits for the agent would let it stop others, and its own writes, in the middle. */
SEC("lsm/inode_init_security_anon")
int BPF_PROG(telos_init_security_anon, struct inode *inode, const struct qstr *name)
{
	const unsigned char *kind = NULL;
	char text[16] = {};

	if (surely_unmanaged())
		return 0;
	bpf_core_read(&kind, sizeof(kind), &name->name);
	bpf_probe_read_kernel_str(text, sizeof(text), kind);
	return __builtin_memcmp(text, "[userfaultfd]", 13)
		       ? 0
		       : guard(TELOS_HOOK_INIT_SECURITY_ANON, TELOS_REASON_USERFAULT);
}
