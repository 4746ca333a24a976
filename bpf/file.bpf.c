// SPDX-License-Identifier: GPL-2.0-only
/* File gate, opens: sensitive files taint and slam before the open returns; writes stay in their roots; what an agent
 * writes joins its domain. Errno: EPERM (EACCES for executions, and for unmanaged tasks). */

static __always_inline bool harmless_device(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (major == 1 && (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
	       (major == 5 && minor == 0);
}

/* The caller's own /proc/PID, but not its memory. */
static __noinline bool own_proc(struct file *file)
{
	struct proc_inode *proc = (void *)file->f_inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(proc, pid);
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	char text[4] = {};

	if (!pid)
		return false;
	if (pid != BPF_CORE_READ(task, signal, pids[1]) && pid != BPF_CORE_READ(task, thread_pid))
		return false;
	bpf_probe_read_kernel(text, sizeof(text), name);
	return !(text[0] == 'm' && text[1] == 'e' && text[2] == 'm' && text[3] == 0);
}

static __always_inline void taint(struct caller *c, __u32 flags, struct file *file, struct finding *f)
{
	bool news;

	if (flags & TELOS_RULE_CRITICAL)
		news = raise(c, TELOS_TAINTED | TELOS_SLAMMED);
	else
		news = raise(c, TELOS_TAINTED);
	f->kind = (flags & TELOS_RULE_CRITICAL) && news ? TELOS_EVENT_SLAMMED : TELOS_EVENT_TAINTED;
	f->gate = TELOS_GATE_FILE;
	f->reason = TELOS_REASON_FILE;
	report_file(c, f, file);
}

static __always_inline int refuse_file(struct caller *c, struct finding *f, __u32 error, struct file *file)
{
	bool enforced = refusal(c, f, error);

	report_file(c, f, file);
	return enforced;
}

/* Whether this agent must not be let near a secret, because it has a way out that no hook watches. */
static __always_inline bool must_not_slam(struct caller *c)
{
	return !(c->state & TELOS_SLAMMED) && unwatched_way_out(c->root, c->slot);
}

static __always_inline __u32 device_verdict(struct caller *c, const struct ids *ids, __u32 dev, __u32 flags,
					    struct finding *f)
{
	struct telos_inode_entry *entry;

	if (flags & (TELOS_RULE_STDIO | TELOS_RULE_WRITE))
		return 0;
	if (is_ptmx(dev))
		return 0; /* a new terminal */
	entry = entry_of(&ids->id[0]);
	if (!entry || !(entry->flags & TELOS_INODE_TERMINAL))
		return TELOS_REASON_DEVICE;
	if (share(c, entry->domain, f))
		return 0;
	return f->reason ? f->reason : TELOS_REASON_STATE;
}

/* Puts what is written into the agent's domain. 0, or the reason why not. */
static __always_inline __u32 enter_written(struct caller *c, struct file *file, const struct ids *ids, __u32 flags,
					   struct finding *f)
{
	bool first = !(file->f_mode & FMODE_CREATED) && first_writer(ids);

	if (!enter(c, ids, file->f_mode & FMODE_READ, flags, f))
		return f->reason ? f->reason : TELOS_REASON_QUOTA;
	if (first && !mark_readers(file->f_inode, ids))
		return TELOS_REASON_STATE;
	return c->state & TELOS_SLAMMED ? entry_verdict(c, ids) : 0;
}

/* What no directory rule is about: how the kernel shows itself. */
#define ABOVE_SPECIAL (1u << 29)

/* What the directories above say of a file that is opened: the rules' flags, or one of ABOVE_SPECIAL and CLIMB_*. */
static __always_inline __u32 rules_above(const struct caller *c, struct file *file)
{
	unsigned long magic = file->f_inode->i_sb->s_magic;
	__u32 kind = file->f_inode->i_mode & S_IFMT;

	if (magic == MAGIC_PIDFS || special_filesystem(magic))
		return ABOVE_SPECIAL;
	if (kind == S_IFCHR || kind == S_IFBLK || (kind == S_IFIFO && magic == MAGIC_PIPE))
		return 0;
	return climb_open(c->id, file);
}

/* Why a managed task may not open this, or 0. Taints on the way. */
static __always_inline __u32 open_verdict(struct caller *c, struct file *file, struct finding *f, __u32 above)
{
	struct inode *inode = file->f_inode;
	unsigned long magic = inode->i_sb->s_magic;
	__u32 kind = inode->i_mode & S_IFMT;
	/* Emptying a file needs no descriptor that writes. */
	bool write = (file->f_mode & FMODE_WRITE) || (file->f_flags & O_TRUNC);
	struct ids ids = {};
	__u32 flags, reason = 0;
	bool known;

	if (expired(c))
		return TELOS_REASON_TTL;
	if (above & ABOVE_SPECIAL) {
		if (magic == MAGIC_MQUEUE)
			return TELOS_REASON_IPC;
		/* What a pidfd is good for has gates of its own. */
		if (!write || magic == MAGIC_PIDFS || (magic == MAGIC_PROC && own_proc(file)))
			return 0;
		f->gate = TELOS_GATE_GUARD; /* settings of the kernel: refused in audit mode too */
		return TELOS_REASON_WRITE_ROOT;
	}
	identify_all(inode, &ids);
	f->inode = ids.id[0];
	if (!ids.count)
		return TELOS_REASON_STATE;
	if (kind == S_IFCHR && harmless_device(inode->i_rdev))
		return 0;
	known = known_file(&ids);
	flags = known ? rule_flags(c->id, &ids) : 0;
	if (kind == S_IFCHR)
		return device_verdict(c, &ids, inode->i_rdev, flags, f);
	if (kind == S_IFBLK)
		return flags & (TELOS_RULE_STDIO | TELOS_RULE_WRITE) ? 0 : TELOS_REASON_DEVICE;
	if (kind == S_IFIFO && magic == MAGIC_PIPE)
		return 0;
	/* Without a directory nobody knows which rules hold: only what has no name at all (memfd) may be so. */
	if ((above & CLIMB_FAILED) || ((above & CLIMB_DETACHED) && inode->i_nlink))
		return TELOS_REASON_STATE;
	if (file->f_flags & FMODE_EXEC) {
		if (!may_execute(c, &ids, flags, above, TELOS_RULE_EXEC | TELOS_RULE_INTERP, f))
			return f->reason;
	}
	flags |= above;
	if (flags & TELOS_RULE_SHUT) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_NODE_FILE;
	}
	if ((above & CLIMB_DETACHED) && kind == S_IFREG)
		flags |= TELOS_RULE_WRITE | TELOS_RULE_KEEP; /* memfd: no name, no directory */
	if (flags & TELOS_RULE_MEMORY) {
		bool made = kind == S_IFREG && ((file->f_mode & FMODE_CREATED) || !inode->i_nlink);

		flags |= memory_flags(c, &ids, made);
		if (!(flags & TELOS_RULE_WRITE) && (entry_flags(&ids) & TELOS_INODE_PRIVATE))
			return TELOS_REASON_IPC;
	}
	if (write && (c->state & TELOS_SLAMMED) && remote_filesystem(magic))
		return TELOS_REASON_SLAMMED;
	if (write)
		reason = write_verdict(c, flags);
	if (write && !reason && (flags & (TELOS_RULE_EXEC | TELOS_RULE_INTERP)))
		reason = TELOS_REASON_APPROVED_FILE;
	if (write && !reason && (flags & TELOS_RULE_STDIO) && stdio_shut(c))
		reason = TELOS_REASON_STDIO;
	/* What an audited agent then does write and read counts as ever. */
	if (reason && !(c->flags & TELOS_AGENT_AUDIT))
		return reason;
	if ((flags & TELOS_RULE_CRITICAL) && must_not_slam(c))
		return TELOS_REASON_UNMANAGED_PEER;
	if (kind == S_IFIFO && write) {
		/* In this order, against an open of a secret at the same time. */
		__sync_fetch_and_or(&c->agent->state, TELOS_PIPED);
		refresh(c);
		if (c->state & TELOS_SLAMMED)
			return TELOS_REASON_SLAMMED;
	}
	if (kind == S_IFREG || kind == S_IFIFO) {
		f->names = true;
		if (kind == S_IFREG && write) {
			/* What has no name is its holders' alone, and they share their domain. */
			__u32 entered = !inode->i_nlink
						? 0
						: enter_written(c, file, &ids,
								flags & TELOS_RULE_MEMORY
									? TELOS_INODE_WRITTEN | TELOS_INODE_PRIVATE
									: TELOS_INODE_WRITTEN,
								f);

			if (entered)
				return entered;
		} else if (kind == S_IFIFO && (write || (flags & TELOS_RULE_WRITE))) {
			if (!enter(c, &ids, true, write ? TELOS_INODE_WRITTEN : 0, f))
				return f->reason ? f->reason : TELOS_REASON_QUOTA;
		} else if (known && !(c->state & TELOS_SLAMMED) && !meet_known_domain(c, &ids, f)) {
			return f->reason ? f->reason : TELOS_REASON_QUOTA;
		}
		if (f->came) {
			report_file(c, f, file); /* a slam by another's data */
			f->gate = f->reason = 0;
		}
	}
	if (flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN)) {
		bool clean = !(c->state & TELOS_SLAMMED);

		taint(c, flags, file, f);
		f->reason = 0;
		refresh(c);
		if (clean && (flags & TELOS_RULE_CRITICAL) && unwatched_way_out(c->root, c->slot))
			return TELOS_REASON_UNMANAGED_PEER; /* got its way out in this very moment: slammed, and refused too */
	}
	return reason;
}

static __noinline void resolve(struct file *file)
{
	struct ids ids = {};

	if (file->f_mode & FMODE_NOACCOUNT)
		return;
	identify_all(file->f_inode, &ids);
	telos.resolved[0] = ids.id[0];
	telos.resolved[1] = ids.id[1];
	telos.resolved_count = ids.count;
}

static __noinline bool is_private(struct inode *inode)
{
	struct telos_inode id;
	struct telos_inode_entry *entry;

	identify(inode, &id);
	entry = entry_of(&id);
	return entry && (entry->flags & (TELOS_INODE_PRIVATE | TELOS_INODE_TERMINAL));
}

/* All that anybody else may not open: shared memory and terminals of agents. */
static __always_inline int unmanaged_open(struct file *file)
{
	unsigned long magic = file->f_inode->i_sb->s_magic;

	if ((magic != MAGIC_TMPFS && magic != MAGIC_DEVPTS) ||
	    unknown(file->f_inode->i_ino, telos_device_salt(file->f_inode->i_sb->s_dev)))
		return 0;
	return is_private(file->f_inode) ? -EACCES : 0;
}

static __noinline int judge_open(struct caller *c, struct file *file, __u32 above)
{
	bool exec = file->f_flags & FMODE_EXEC;
	struct finding f = {.hook = TELOS_HOOK_FILE_OPEN};
	__u32 reason = open_verdict(c, file, &f, above);

	if (!reason)
		return 0;
	f.reason = reason;
	if (!f.gate)
		f.gate = exec ? TELOS_GATE_EXEC : TELOS_GATE_FILE;
	if (exec)
		return answer(refuse_file(c, &f, EACCES, file), EACCES);
	return answer(refuse_file(c, &f, EPERM, file), EPERM);
}

/* The climb comes before the verdict, beside it on the stack. */
static __noinline int managed_open(struct file *file)
{
	struct caller c = {};

	switch (caller(&c)) {
	case UNMANAGED:
		return unmanaged_open(file);
	case MISSING:
		return file->f_flags & FMODE_EXEC ? -EACCES : -EPERM;
	case MANAGED:
		break;
	}
	if (file->f_mode & FMODE_NOACCOUNT)
		return 0; /* overlayfs opens the real file below one that was judged already */
	return judge_open(&c, file, rules_above(&c, file));
}

SEC("lsm.s/file_open")
int BPF_PROG(telos_file_open, struct file *file)
{
	if (telos.resolver_tid && telos.resolver_tid == (__u32)bpf_get_current_pid_tgid())
		resolve(file);
	return surely_unmanaged() ? unmanaged_open(file) : managed_open(file);
}
