// SPDX-License-Identifier: GPL-2.0-only
/* Identity: who is managed. Labels are inherited before a child runs and go when its task_struct goes. */

static __always_inline int remember(__u64 task, const struct telos_task *label)
{
	__u32 *cell = &telos.task_filter[telos_task_cell(task)];

	__sync_fetch_and_add(cell, 1);
	if (bpf_map_update_elem(&tasks, &task, label, BPF_ANY) == 0)
		return 0;
	__sync_fetch_and_sub(cell, 1);
	count(TELOS_COUNT_FULL);
	return -ENOMEM;
}

/* Only whoever really took the entry out lowers the filter. */
static __always_inline bool forget(__u64 task)
{
	if (bpf_map_delete_elem(&tasks, &task))
		return false;
	__sync_fetch_and_sub(&telos.task_filter[telos_task_cell(task)], 1);
	return true;
}

/* Takes a label away for good: the agent has one task less, and ends with its last. */
static __noinline int release(__u64 address)
{
	struct telos_task *label = task_of(address);
	struct finding f = {.kind = TELOS_EVENT_ENDED, .gate = TELOS_GATE_IDENTITY, .hook = TELOS_HOOK_TASK_FREE};
	struct caller c = {};
	__u32 slot, flags;
	__u64 id;

	if (!label)
		return 0;
	id = label->agent;
	slot = label->slot;
	flags = label->flags;
	if (!forget(address))
		return 0;
	if (!agent_of_slot(&c, id, slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return 0;
	}
	if (flags & TELOS_TASK_RELAY)
		__sync_fetch_and_and(&c.agent->flags, ~TELOS_AGENT_RELAY);
	if (__sync_fetch_and_sub(&c.agent->tasks, 1) == 1)
		report(&c, &f);
	return 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(telos_task_alloc, struct task_struct *task, unsigned long clone_flags)
{
	__u64 child = argument(ctx, 0);
	struct telos_task *old;

	/* The address may be that of a task that ended while no program was attached, and still count for its agent; but
	 * another build's canary, which is unmanaged here too, has its child from that build. */
	if (telos.task_filter[telos_task_cell(child)] && !task_of((__u64)bpf_get_current_task()))
		release(child);
	MANAGED_ONLY(EAGAIN, .gate = TELOS_GATE_IDENTITY, .hook = TELOS_HOOK_TASK_ALLOC);
	struct telos_task label = {};

	if (expired(&c)) {
		f.reason = TELOS_REASON_TTL;
		refuse(&c, &f, EAGAIN);
		return -EAGAIN;
	}
	/* Counted already: by the other build's program while an upgrade has both attached. */
	old = task_of(child);
	if (old && old->agent == c.id && old->slot == c.slot)
		return 0;
	if (__sync_fetch_and_add(&c.agent->tasks, 1) >= c.agent->tasks_quota) {
		__sync_fetch_and_sub(&c.agent->tasks, 1);
		f.reason = TELOS_REASON_QUOTA;
		refuse(&c, &f, EAGAIN);
		return -EAGAIN;
	}
	label.agent = c.id;
	label.slot = c.slot;
	if (old)
		release(child);
	if (remember(child, &label)) {
		__sync_fetch_and_sub(&c.agent->tasks, 1);
		f.reason = TELOS_REASON_STATE;
		refuse(&c, &f, EAGAIN);
		return -EAGAIN;
	}
	return 0;
}

/* Runs for tasks that were never labelled too, and `current` is anybody (6.12: the argument is untrusted, its
 * address still is the key). */
SEC("lsm/task_free")
int BPF_PROG(telos_task_free, struct task_struct *task)
{
	__u64 address = argument(ctx, 0);

	if (telos.task_filter[telos_task_cell(address)])
		release(address);
	return 0;
}

static __noinline int mark_stdio(__u64 agent, const struct telos_inode *id)
{
	struct telos_rule rule = {.flags = TELOS_RULE_STDIO};
	struct telos_rule_key key = {.agent = agent, .inode = *id};
	struct telos_rule *old = rule_of(agent, id);
	__u32 *cell = filter_cell(id);

	if (old) {
		__sync_fetch_and_or(&old->flags, TELOS_RULE_STDIO);
		return 0;
	}
	__sync_fetch_and_add(cell, 1);
	if (bpf_map_update_elem(&rules, &key, &rule, BPF_NOEXIST))
		__sync_fetch_and_sub(cell, 1); /* stays without a label: its first use is refused */
	return 0;
}

/* What descriptors 0 to 2 are: ways out that the launcher left open, and files that may be sensitive already. */
static __always_inline void adopt(struct caller *c, struct task_struct *task, __u32 number, bool writable_only,
				  struct finding *f)
{
	struct file **table, *file = NULL;
	struct inode *inode;
	struct ids ids = {};
	__u32 flags;
	__u16 mode;

	table = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), table + number);
	if (!file)
		return;
	if (writable_only && !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	identify_all_raw((__u64)inode, &ids);
	if (!ids.count)
		return;
	if (mode == S_IFREG) {
		bool writable = BPF_CORE_READ(file, f_mode) & FMODE_WRITE;

		/* Directory rules are not asked: the compiler marked what they match already. */
		flags = rule_flags(c->id, &ids);
		if (writable)
			enter(c, &ids, BPF_CORE_READ(file, f_mode) & FMODE_READ, TELOS_INODE_WRITTEN, f);
		else
			meet_domain(c, &ids, f);
		if ((flags & TELOS_RULE_CRITICAL) && raise(c, TELOS_TAINTED | TELOS_SLAMMED)) {
			f->kind = TELOS_EVENT_SLAMMED;
			f->reason = TELOS_REASON_FILE;
			f->inode = ids.id[0];
			report(c, f);
		} else if (flags & TELOS_RULE_WARN) {
			raise(c, TELOS_TAINTED);
		}
		if (!writable)
			return; /* else a slam shuts it, as it does a pipe */
	}
	mark_stdio(c->id, &ids.id[0]);
}

static __always_inline void adopt_all(struct caller *c, struct task_struct *task, bool writable_only, struct finding *f)
{
	for (__u32 number = 0; number < 3; number++)
		adopt(c, task, number, writable_only, f);
}

/* What the launcher says between its registration and the first exec. Returns whether it may. */
static __always_inline bool launch(struct caller *c, unsigned long what, struct finding *f)
{
	struct telos_task *task = task_of((__u64)bpf_get_current_task());

	if (!task || (c->flags & TELOS_AGENT_STARTED))
		return false;
	if (what == TELOS_LAUNCH_STDIO) {
		adopt_all(c, bpf_get_current_task_btf(), true,
			  f); /* into what the agent only reads, its relay goes on writing */
		return true;
	}
	if (what != TELOS_LAUNCH_RELAY || (c->flags & TELOS_AGENT_RELAY))
		return false;
	task->flags |= TELOS_TASK_RELAY;
	__sync_fetch_and_or(&c->agent->flags, TELOS_AGENT_RELAY);
	return true;
}

/* Registration: the launcher, alone in its process, hands over the cookie that the daemon made for it. */
SEC("lsm.s/task_prctl")
int BPF_PROG(telos_task_prctl, int option, unsigned long high, unsigned long low)
{
	struct telos_cookie cookie = {.high = high, .low = low};
	struct finding f = {.gate = TELOS_GATE_IDENTITY, .hook = TELOS_HOOK_TASK_PRCTL};
	struct task_struct *task = bpf_get_current_task_btf();
	struct telos_registration *registration;
	struct telos_task label = {};
	struct caller c = {};

	if (option != TELOS_PRCTL)
		return 0;
	switch (caller(&c)) {
	case MISSING:
		return -EPERM;
	case MANAGED:
		if (!low && launch(&c, high, &f))
			return -EINPROGRESS;
		f.reason = TELOS_REASON_REGISTERED;
		refuse(&c, &f, EPERM);
		return -EPERM;
	case UNMANAGED:
		break;
	}
	registration = bpf_map_lookup_elem(&cookies, &cookie);
	if (!registration)
		return -ENOENT;
	if (registration->uid != (__u32)bpf_get_current_uid_gid() || registration->expires_ns < bpf_ktime_get_boot_ns())
		return -EPERM;
	/* Neither a second thread nor a child in the same memory may fork past the label. */
	if (BPF_CORE_READ(task, signal, nr_threads) != 1 || BPF_CORE_READ(task, mm, mm_users.counter) != 1)
		return -EBUSY;
	label.agent = registration->agent;
	label.slot = registration->slot;
	if (bpf_map_delete_elem(&cookies, &cookie))
		return -ENOENT; /* used in this very moment */
	if (!agent_of_slot(&c, label.agent, label.slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return -EPERM;
	}
	__sync_fetch_and_add(&c.agent->tasks, 1);
	if (remember((__u64)bpf_get_current_task(), &label)) {
		__sync_fetch_and_sub(&c.agent->tasks, 1);
		return -ENOMEM;
	}
	f.kind = TELOS_EVENT_STARTED;
	report(&c, &f);
	adopt_all(&c, task, false, &f);
	return -EINPROGRESS;
}
