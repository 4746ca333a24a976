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

/* Attaching writes code where no mapping shows it, so it is refused inside the tree as well. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(telos_ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	if ((mode & PTRACE_MODE_ATTACH) || is_relay(argument(ctx, 0)))
		return guard(TELOS_HOOK_PTRACE, TELOS_REASON_PTRACE);
	return guard_task(argument(ctx, 0), TELOS_HOOK_PTRACE, TELOS_REASON_PTRACE);
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

/* System V IPC has no label that could follow the data. */
SEC("lsm/shm_shmat")
int BPF_PROG(telos_shm_shmat, struct kern_ipc_perm *segment)
{
	return guard(TELOS_HOOK_SHM_SHMAT, TELOS_REASON_IPC);
}

SEC("lsm/msg_queue_msgsnd")
int BPF_PROG(telos_msg_queue_msgsnd, struct kern_ipc_perm *queue)
{
	return guard(TELOS_HOOK_MSG_QUEUE, TELOS_REASON_IPC);
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

/* Asking for addresses and routes is allowed, changing them is not: requests to get are the third of each four. */
SEC("lsm/netlink_send")
int BPF_PROG(telos_netlink_send, struct sock *sk, struct sk_buff *skb)
{
	struct nlmsghdr *message = (void *)BPF_CORE_READ(skb, data);
	__u16 type = 0;

	bpf_probe_read_kernel(&type, sizeof(type), &message->nlmsg_type);
	if (type >= 16 && (type & 3) == 2)
		return 0;
	return guard(TELOS_HOOK_NETLINK, TELOS_REASON_NETWORK_SETTING);
}
