// SPDX-License-Identifier: GPL-2.0-only
/* Guard and file gate, fcntl: signals that no task_kill sees, and leases. Errno: EPERM. */

/* Signals of I/O may go to the caller's own process or thread alone. Numbers are those of its name space, as fcntl takes
 * them. A group may have members outside the tree. */
static __noinline bool is_self(int number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *thread = task->thread_pid, *process = BPF_CORE_READ(task, signal, pids[1]);
	__u32 level = BPF_CORE_READ(thread, level);
	struct upid one = {}, other = {};

	if (!number)
		return true; /* nobody */
	if (level > 32)
		return false;
	bpf_probe_read_kernel(&one, sizeof(one),
			      (void *)thread + bpf_core_field_offset(struct pid, numbers) + level * sizeof(one));
	bpf_probe_read_kernel(&other, sizeof(other),
			      (void *)process + bpf_core_field_offset(struct pid, numbers) + level * sizeof(other));
	return number > 0 && (number == one.nr || number == other.nr);
}

/* The terminal from outside, whose foreground group the signals of its input go to. */
static __noinline bool outer_terminal(struct caller *c, struct file *file)
{
	return (file->f_inode->i_mode & S_IFMT) == S_IFCHR && !own_terminal(c, file);
}

static __always_inline bool concerns_us(unsigned int command, unsigned long value)
{
	switch (command) {
	case F_SETFL:
		return value & O_ASYNC;
	case F_SETOWN:
	case F_SETOWN_EX:
		return true;
	case F_SETLEASE:
		return value != F_UNLCK;
	default:
		return false;
	}
}

SEC("lsm/file_fcntl")
int BPF_PROG(telos_file_fcntl, struct file *file, unsigned int command, unsigned long value)
{
	struct ids ids = {};

	if (!concerns_us(command, value))
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_FILE_FCNTL, .reason = TELOS_REASON_SIGNAL);
	if (command == F_SETFL && !outer_terminal(&c, file))
		return 0;
	if (command == F_SETOWN && is_self((int)value))
		return 0;
	if (command == F_SETLEASE) {
		f.gate = TELOS_GATE_FILE;
		f.reason = TELOS_REASON_LOCK;
		identify_all(file->f_inode, &ids);
		f.inode = ids.id[0];
		if (ids.count && !write_verdict(&c, flags_of_file(&c, file, &ids)))
			return 0;
	}
	return answer(refuse(&c, &f, EPERM), EPERM);
}
