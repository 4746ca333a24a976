// SPDX-License-Identifier: GPL-2.0-only
/* Exec gate: what may run, and what may become executable memory. Errno: EACCES. */

/* Approved by name, or built by this agent's own domain where exec.own says so. */
static __always_inline bool may_execute(struct caller *c, const struct ids *ids, __u32 flags, __u32 walked,
					__u32 wanted, struct finding *f)
{
	bool written;

	if (!ids->count) {
		f->reason = TELOS_REASON_STATE;
		return false;
	}
	written = agent_wrote(ids);
	if (!written && (flags & wanted))
		return true;
	if ((walked & TELOS_RULE_OWN) && written && own_domain(c, ids))
		return true;
	f->reason = written                     ? TELOS_REASON_AGENT_WROTE
		    : flags & TELOS_RULE_INTERP ? TELOS_REASON_INTERPRETER
						: TELOS_REASON_NOT_APPROVED;
	return false;
}

static __always_inline bool foreign_mount(struct inode *inode)
{
	return inode->i_sb->s_user_ns->level > 0 || inode->i_sb->s_magic == MAGIC_FUSE;
}

/* Memory by way of a descriptor (memfd, shared anonymous memory): a compiler maps it twice, once to write and once to run. */
static __always_inline bool memory_file(const struct file *file)
{
	const struct inode *inode = file->f_inode;

	return inode->i_sb->s_magic == MAGIC_TMPFS && !inode->i_nlink && (inode->i_mode & S_IFMT) == S_IFREG;
}

/* Executable mappings: approved files, files of the system that no agent wrote or may write, own builds. */
static __noinline int map_executable(struct caller *c, struct file *file, struct finding *f)
{
	struct inode *inode = file->f_inode;
	struct ids ids = {};
	struct walk w;
	__u32 flags;
	bool allowed;

	identify_all(inode, &ids);
	f->inode = ids.id[0];
	if (!ids.count) {
		f->reason = TELOS_REASON_STATE;
		return answer(refuse_mapping(c, f, EACCES, file), EACCES);
	}
	if ((inode->i_mode & S_IFMT) != S_IFREG || !inode->i_nlink || foreign_mount(inode)) {
		f->reason = TELOS_REASON_ANONYMOUS;
		return answer(refuse_mapping(c, f, EACCES, file), EACCES);
	}
	flags = rule_flags(c->id, &ids);
	walk_start(&w, c->id, file->f_path.dentry);
	climb_seldom(&w, file->f_path.dentry, file->f_path.mnt);
	allowed = may_execute(c, &ids, flags, w.flags, TELOS_RULE_EXEC | TELOS_RULE_INTERP, f);
	if (!allowed && !w.failed && !agent_wrote(&ids) && !((w.flags | flags) & TELOS_RULE_WRITE))
		return 0;
	if (allowed)
		return 0;
	if (f->reason == TELOS_REASON_NOT_APPROVED)
		f->reason = TELOS_REASON_AGENT_WROTE; /* or may: it lies below a write root */
	return answer(refuse_mapping(c, f, EACCES, file), EACCES);
}

/* Pages of a shared mapping leave the machine without another system call where the file is somebody else's. */
static __always_inline bool shares(unsigned long prot, unsigned long flags)
{
	return (prot & PROT_WRITE) && (flags & MAP_SHARED);
}

/* What is stored into a shared mapping meets no hook any more: descriptors 0 to 2 get none that can be written, and after a slam
 * only what nobody else has, or where all may be written. 0, or the reason why not. */
static __always_inline __u32 share_verdict(struct caller *c, struct file *file, struct finding *f)
{
	struct inode *inode = file->f_inode;
	struct ids ids = {};

	if (remote_filesystem(inode->i_sb->s_magic))
		return TELOS_REASON_UNMANAGED_PEER;
	if ((inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	identify_all(inode, &ids);
	f->inode = ids.id[0];
	if ((rule_flags(c->id, &ids) & TELOS_RULE_STDIO) && !(c->flags & TELOS_AGENT_STDIO_ALLOW))
		return TELOS_REASON_STDIO;
	if (!(c->state & TELOS_SLAMMED) || own_private(c, &ids.id[0]) || (!inode->i_nlink && !c->agent->peers))
		return 0;
	return c->flags & TELOS_AGENT_WRITES_TAINTED ? entry_verdict(c, &ids) : TELOS_REASON_SLAMMED;
}

static __noinline int share_file(struct caller *c, struct finding *f, struct file *file)
{
	f->reason = share_verdict(c, file, f);
	if (!f->reason)
		return 0;
	f->gate = TELOS_GATE_FILE;
	return answer(refuse(c, f, EPERM), EPERM);
}

SEC("lsm/mmap_file")
int BPF_PROG(telos_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	bool anonymous;

	if (!(prot & PROT_EXEC) && !shares(prot, flags))
		return 0;
	MANAGED_ONLY(EACCES, .gate = TELOS_GATE_EXEC, .hook = TELOS_HOOK_MMAP_FILE);
	/* The verifier of 6.12 takes an argument for never NULL, and drops a test of it: see negative(). */
	anonymous = !argument(ctx, 0);
	if (!anonymous && shares(prot, flags) && share_file(&c, &f, file))
		return -EPERM;
	if (!(prot & PROT_EXEC) || ((c.flags & TELOS_AGENT_JIT) && (anonymous || memory_file(file))))
		return 0;
	if (anonymous || (prot & PROT_WRITE)) {
		f.reason = TELOS_REASON_ANONYMOUS;
		return answer(refuse(&c, &f, EACCES), EACCES);
	}
	return map_executable(&c, file, &f);
}

/* A mapping of shared anonymous memory has a file by now (shmem's, without a name), and is judged as those are. With exec.jit
 * a private mapping that may be written, or was (anon_vma), is memory like any other: what it holds need not be the file's. */
SEC("lsm/file_mprotect")
int BPF_PROG(telos_file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct file *file;

	if (!(prot & (PROT_EXEC | PROT_WRITE)))
		return 0;
	MANAGED_ONLY(EACCES, .gate = TELOS_GATE_EXEC, .hook = TELOS_HOOK_FILE_MPROTECT);
	file = vma->vm_file;
	if (file && (prot & PROT_WRITE) && (vma->vm_flags & VM_SHARED) && share_file(&c, &f, file))
		return -EPERM;
	if (!(prot & PROT_EXEC))
		return 0;
	if ((c.flags & TELOS_AGENT_JIT) &&
	    (!file || memory_file(file) || (!(vma->vm_flags & VM_SHARED) && ((prot & PROT_WRITE) || vma->anon_vma))))
		return 0;
	/* anon_vma: pages of this mapping were written, so they are no longer the file's. */
	if (!file || (prot & PROT_WRITE) || vma->anon_vma) {
		f.reason = TELOS_REASON_ANONYMOUS;
		return answer(refuse(&c, &f, EACCES), EACCES);
	}
	return map_executable(&c, file, &f);
}

static __always_inline bool same_digest(const __u8 *one, const __u8 *two)
{
	for (int i = 0; i < 32; i += 8) {
		__u64 left, right;

		__builtin_memcpy(&left, one + i, 8);
		__builtin_memcpy(&right, two + i, 8);
		if (left != right)
			return false;
	}
	return true;
}

/* The kernel writes the digest to no stack. A record of the ring is this task's alone, and is thrown away again. */
static __always_inline bool verity_matches(struct file *file, const __u8 *wanted)
{
	struct verity_digest found = {};
	struct bpf_dynptr room;
	bool got;

	if (!has_verity())
		return false;
	got = !bpf_ringbuf_reserve_dynptr(&events, sizeof(found), 0, &room) && !bpf_get_fsverity_digest(file, &room) &&
	      !bpf_dynptr_read(&found, sizeof(found), &room, 0, 0);
	bpf_ringbuf_discard_dynptr(&room, BPF_RB_NO_WAKEUP);
	return got && found.algorithm == FS_VERITY_HASH_ALG_SHA256 && found.size == sizeof(found.digest) &&
	       same_digest(found.digest, wanted);
}

static __always_inline bool content_matches(struct caller *c, struct file *file, const struct ids *ids)
{
	struct telos_rule *rule = rule_of(c->id, &ids->id[0]);
	__u8 hash[32] = {};

	if ((!rule || !(rule->flags & TELOS_RULE_HASH)) && ids->count == 2)
		rule = rule_of(c->id, &ids->id[1]);
	if (!rule || !(rule->flags & TELOS_RULE_HASH))
		return true;
	if (rule->flags & TELOS_RULE_VERITY)
		return verity_matches(file, rule->sha256);
	return bpf_ima_file_hash(file, hash, sizeof(hash)) == HASH_ALGO_SHA256 && same_digest(hash, rule->sha256);
}

/* Each step of an execution: the program, then the interpreter its first line names. ELF interpreters do not
 * come here but to file_open, which is how they are told from programs. */
SEC("lsm.s/bprm_check_security")
int BPF_PROG(telos_bprm_check, struct linux_binprm *bprm)
{
	struct file *file = bprm->file;
	struct walk w;
	bool enforced;

	MANAGED_ONLY(EACCES, .gate = TELOS_GATE_EXEC, .hook = TELOS_HOOK_BPRM_CHECK);
	struct ids ids = {};

	if (!(c.flags & TELOS_AGENT_STARTED))
		__sync_fetch_and_or(&c.agent->flags, TELOS_AGENT_STARTED);
	identify_all(file->f_inode, &ids);
	f.inode = ids.id[0];
	walk_start(&w, c.id, file->f_path.dentry);
	climb_seldom(&w, file->f_path.dentry, file->f_path.mnt);
	if (!file->f_inode->i_nlink || foreign_mount(file->f_inode))
		f.reason = TELOS_REASON_ANONYMOUS;
	else if (expired(&c))
		f.reason = TELOS_REASON_TTL;
	else if (!may_execute(&c, &ids, rule_flags(c.id, &ids), w.flags, TELOS_RULE_EXEC, &f))
		; /* it said why */
	else if ((c.flags & TELOS_AGENT_HASHES) && !content_matches(&c, file, &ids))
		f.reason = TELOS_REASON_CONTENT;
	if (!f.reason) {
		f.kind = TELOS_EVENT_EXEC;
		report_file(&c, &f, file);
		return 0;
	}
	enforced = refusal(&c, &f, EACCES);
	report_file(&c, &f, file);
	return answer(enforced, EACCES);
}
