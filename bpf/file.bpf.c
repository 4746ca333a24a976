// SPDX-License-Identifier: GPL-2.0-only
/* File gate: sensitive files taint and slam before the open returns; writes stay in their roots; what an agent
 * may write joins its domain. Errno: EPERM (EACCES for executions). */

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

/* Why a managed task may not open this, or 0. Taints on the way. */
static __always_inline __u32 open_verdict(struct caller *c, struct file *file, struct finding *f)
{
	struct inode *inode = file->f_inode;
	unsigned long magic = inode->i_sb->s_magic;
	__u32 kind = inode->i_mode & S_IFMT;
	bool write = file->f_mode & FMODE_WRITE;
	struct ids ids = {};
	struct walk w;
	__u32 flags, reason = 0;

	if (expired(c))
		return TELOS_REASON_TTL;
	if (magic == MAGIC_PIDFS)
		return 0; /* what a pidfd is good for has gates of its own */
	if (magic == MAGIC_MQUEUE)
		return TELOS_REASON_IPC;
	if (special_filesystem(magic)) {
		if (!write || (magic == MAGIC_PROC && own_proc(file)))
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
	flags = rule_flags(c->id, &ids);
	if (kind == S_IFCHR || kind == S_IFBLK)
		return flags & (TELOS_RULE_STDIO | TELOS_RULE_WRITE) ? 0 : TELOS_REASON_DEVICE;
	if (kind == S_IFIFO && magic == MAGIC_PIPE)
		return 0;
	walk_start(&w, c->id, file->f_path.dentry);
	climb(&w, file->f_path.dentry, file->f_path.mnt);
	/* Without a directory nobody knows which rules hold: only what has no name at all (memfd) may be so. */
	if (w.failed || (w.detached && inode->i_nlink))
		return TELOS_REASON_STATE;
	if (file->f_flags & FMODE_EXEC) {
		if (!may_execute(c, &ids, flags, w.flags, TELOS_RULE_EXEC | TELOS_RULE_INTERP, f))
			return f->reason;
	}
	flags |= w.flags;
	if (flags & TELOS_RULE_SHUT) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_NODE_FILE;
	}
	if (w.detached && kind == S_IFREG)
		flags |= TELOS_RULE_WRITE; /* memfd: no name, no directory */
	if (write && (c->state & TELOS_SLAMMED) && remote_filesystem(magic))
		return TELOS_REASON_SLAMMED;
	if (write && !(flags & TELOS_RULE_WRITE))
		reason = TELOS_REASON_WRITE_ROOT;
	else if (write && (flags & (TELOS_RULE_EXEC | TELOS_RULE_INTERP)))
		reason = TELOS_REASON_APPROVED_FILE;
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
		bool room;

		if (write || (flags & TELOS_RULE_WRITE))
			room = enter(c, &ids, write ? TELOS_INODE_WRITTEN : 0, f);
		else
			room = meet_domain(c, &ids, f);
		if (!room)
			return f->reason ? f->reason : TELOS_REASON_QUOTA;
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

SEC("lsm.s/file_open")
int BPF_PROG(telos_file_open, struct file *file)
{
	bool exec = file->f_flags & FMODE_EXEC;
	__u32 reason;

	if (telos.resolver_tid && telos.resolver_tid == (__u32)bpf_get_current_pid_tgid())
		resolve(file);
	MANAGED_ONLY(exec ? EACCES : EPERM, .hook = TELOS_HOOK_FILE_OPEN);
	if (file->f_mode & FMODE_NOACCOUNT)
		return 0; /* overlayfs opens the real file below one that was judged already */
	reason = open_verdict(&c, file, &f);
	if (!reason)
		return 0;
	f.reason = reason;
	if (!f.gate)
		f.gate = exec ? TELOS_GATE_EXEC : TELOS_GATE_FILE;
	if (exec)
		return answer(refuse_file(&c, &f, EACCES, file), EACCES);
	return answer(refuse_file(&c, &f, EPERM, file), EPERM);
}

/* Writes to what is already open: only what a slam stops, and only where the socket hooks and egress do not
 * see it (pipes, terminals, sendfile and splice on 6.1). */
SEC("lsm/file_permission")
int BPF_PROG(telos_file_permission, struct file *file, int mask)
{
	struct inode *inode;
	struct telos_rule *rule;
	struct socket *sock;
	struct sock *sk;
	__u32 kind;

	if (!(mask & MAY_WRITE))
		return 0;
	inode = file->f_inode;
	kind = inode->i_mode & S_IFMT;
	if (kind != S_IFIFO && kind != S_IFSOCK && kind != S_IFCHR &&
	    !(kind == S_IFREG && remote_filesystem(inode->i_sb->s_magic)))
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_PERMISSION, .reason = TELOS_REASON_SLAMMED);
	if (!(c.state & TELOS_SLAMMED))
		return 0;
	identify(inode, &f.inode);
	if (kind == S_IFREG)
		return answer(refuse(&c, &f, EPERM), EPERM);
	rule = rule_of(c.id, &f.inode);
	if (rule && (rule->flags & TELOS_RULE_STDIO)) {
		if (c.flags & TELOS_AGENT_STDIO_ALLOW)
			return 0;
		f.reason = TELOS_REASON_STDIO;
		return answer(refuse(&c, &f, EPERM), EPERM);
	}
	if (kind == S_IFCHR)
		return answer(!(inode->i_rdev >> 20 == 1 && harmless_device(inode->i_rdev)) &&
				      !(c.flags & TELOS_AGENT_STDIO_ALLOW) && refuse(&c, &f, EPERM),
			      EPERM);
	if (kind == S_IFIFO) /* a pipe made in the tree stays in it; a named one may have any reader */
		return answer(inode->i_sb->s_magic != MAGIC_PIPE && refuse(&c, &f, EPERM), EPERM);
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	f.gate = TELOS_GATE_NETWORK;
	f.family = sk->__sk_common.skc_family;
	if (f.family == AF_UNIX) /* sendmsg tells the peers apart, but splice does not come to it on 6.1 */
		return answer(c.agent->peers && refuse(&c, &f, EPERM), EPERM);
	if (c.flags & TELOS_AGENT_REACHABLE)
		return 0; /* egress knows the destination */
	return answer(refuse(&c, &f, EPERM), EPERM);
}

/* Descriptors from elsewhere: SCM_RIGHTS and pidfd_getfd. */
SEC("lsm/file_receive")
int BPF_PROG(telos_file_receive, struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 kind = inode->i_mode & S_IFMT, flags;
	struct telos_socket *label;
	struct socket *sock;
	struct sock *sk;
	struct walk w;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_RECEIVE);
	struct caller other = {};
	struct ids ids = {};

	identify_all(inode, &ids);
	f.inode = ids.id[0];
	f.reason = TELOS_REASON_UNMANAGED_PEER;
	if (kind == S_IFSOCK) {
		sock = bpf_sock_from_file(file);
		sk = sock ? sock->sk : NULL;
		label = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
		if (label && label->agent == c.id)
			return 0;
		if (label && agent_of_slot(&other, label->agent, label->slot) && share(&c, other.root, &f))
			return 0;
		f.gate = TELOS_GATE_NETWORK;
		return answer(refuse(&c, &f, EPERM), EPERM);
	}
	if (kind == S_IFREG && ids.count) {
		walk_start(&w, c.id, file->f_path.dentry);
		climb(&w, file->f_path.dentry, file->f_path.mnt);
		flags = rule_flags(c.id, &ids) | w.flags;
		if ((flags & TELOS_RULE_CRITICAL) && must_not_slam(&c))
			return answer(refuse(&c, &f, EPERM), EPERM);
		if (w.failed || !enter(&c, &ids, file->f_mode & FMODE_WRITE ? TELOS_INODE_WRITTEN : 0, &f)) {
			f.reason = TELOS_REASON_QUOTA;
			return answer(refuse(&c, &f, EPERM), EPERM);
		}
		if (flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN)) {
			bool news = raise(&c, flags & TELOS_RULE_CRITICAL ? TELOS_TAINTED | TELOS_SLAMMED : TELOS_TAINTED);

			f.kind = news && (flags & TELOS_RULE_CRITICAL) ? TELOS_EVENT_SLAMMED : TELOS_EVENT_TAINTED;
			f.reason = TELOS_REASON_FILE;
			report(&c, &f);
		}
		return 0;
	}
	if (kind == S_IFDIR || (kind == S_IFCHR && harmless_device(inode->i_rdev)))
		return 0;
	/* Pipes, devices and anonymous inodes: made in the tree unless it talks to somebody outside. */
	if (!c.agent->peers && kind != S_IFBLK && kind != S_IFCHR)
		return 0;
	return answer(refuse(&c, &f, EPERM), EPERM);
}
