// SPDX-License-Identifier: GPL-2.0-only
/* Places: cgroups whose tasks are an agent's, as those of a systemd unit or a container. Who enters is labelled at its next
 * exec; leaving takes no label away, and who is an agent's task already stays what it is, wherever it goes. */

static __always_inline bool anything_bound(void)
{
	__u32 zero = 0, *any = bpf_map_lookup_elem(&bound, &zero);

	return any && *any;
}

/* The tracepoints also tell of the trees of version 1. */
static __always_inline bool in_the_tree(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == 0;
}

/* Makes a task one of the place's agent. What is full refuses. */
static __noinline bool admit(__u64 task, const struct telos_place *place, __u8 hook)
{
	struct finding f = {.gate = TELOS_GATE_IDENTITY, .hook = hook};
	struct telos_task label = {.agent = place->agent, .slot = place->slot};
	__u64 end = bpf_ktime_get_boot_ns() + place->ttl_ns;
	struct caller c = {};
	__u32 before;

	if (!agent_of_slot(&c, label.agent, label.slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return false;
	}
	before = __sync_fetch_and_add(&c.agent->tasks, 1);
	if (before >= c.agent->tasks_quota) {
		f.reason = TELOS_REASON_QUOTA;
	} else if (remember(task, &label)) {
		f.reason = TELOS_REASON_STATE;
	} else {
		__sync_val_compare_and_swap(&c.agent->expires_ns, 0, end);
		/* It has no launcher that could still speak for it. */
		__sync_fetch_and_or(&c.agent->flags, TELOS_AGENT_STARTED);
		f.kind = TELOS_EVENT_STARTED;
		if (!before)
			report(&c, &f);
		return true;
	}
	__sync_fetch_and_sub(&c.agent->tasks, 1);
	refuse(&c, &f, EACCES);
	return false;
}

/* Apart from admit(), so that their frames do not add up. */
static __noinline int adopt_stdio(struct task_struct *task, const struct telos_place *place, __u8 hook)
{
	struct finding f = {.gate = TELOS_GATE_IDENTITY, .hook = hook};
	struct caller c = {};

	if (agent_of_slot(&c, place->agent, place->slot))
		adopt_all(&c, task, false, &f);
	return 0;
}

/* The nearest place that the caller is in. The helper takes the kernel's lock, so that a move does not get in between. */
static __noinline struct telos_place *place_of_caller(void)
{
	struct telos_place *nearest = NULL;

	for (__u32 level = 1; level <= TELOS_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		struct telos_place *place;

		if (!id)
			break;
		place = bpf_map_lookup_elem(&cgroups, &id);
		if (place)
			nearest = place;
	}
	return nearest;
}

static __always_inline bool opens(const struct telos_place *place, const struct ids *ids)
{
	const struct telos_inode *opener = &place->opener;

	if (!opener->ino || !ids->count || agent_wrote(ids))
		return false;
	if (ids->id[0].ino == opener->ino && ids->id[0].dev == opener->dev &&
	    ids->id[0].generation == opener->generation)
		return true;
	return ids->count == 2 && ids->id[1].ino == opener->ino && ids->id[1].dev == opener->dev &&
	       ids->id[1].generation == opener->generation;
}

/* Once for each exec, before its steps are judged: the very first program of a place is judged already. */
SEC("lsm.s/bprm_creds_for_exec")
int BPF_PROG(telos_bprm_creds, struct linux_binprm *bprm)
{
	struct telos_place *place;
	struct ids ids = {};
	__u64 address;

	if (!anything_bound())
		return 0;
	address = (__u64)bpf_get_current_task();
	if (task_of(address))
		return 0;
	place = place_of_caller();
	if (!place)
		return 0;
	identify_all(bprm->file->f_inode, &ids);
	if (opens(place, &ids))
		return 0;
	if (!admit(address, place, TELOS_HOOK_BPRM_CREDS))
		return -EACCES;
	adopt_stdio(bpf_get_current_task_btf(), place, TELOS_HOOK_BPRM_CREDS);
	return 0;
}

static __always_inline struct telos_place *place_around(__u64 cgroup, __u32 depth)
{
	__u64 line = cgroup + bpf_core_field_offset(struct cgroup, ancestors);
	struct telos_place *nearest = NULL;

	for (__u32 level = 1; level <= TELOS_DEPTH; level++) {
		struct cgroup *at = NULL;
		struct telos_place *place;
		__u64 id;

		if (level > depth)
			break;
		bpf_probe_read_kernel(&at, sizeof(at), (const void *)(line + level * sizeof(at)));
		id = BPF_CORE_READ(at, kn, id);
		place = bpf_map_lookup_elem(&cgroups, &id);
		if (place)
			nearest = place;
	}
	return nearest;
}

struct crowd {
	struct telos_place place;
	__u64 at;
	__u64 end;
};

/* One thread after the other; the list cannot lose one that is not freed before this program ends (RCU). */
static long admit_thread(__u32 index, struct crowd *crowd)
{
	struct list_head *at = (void *)crowd->at;
	__u64 task = crowd->at - bpf_core_field_offset(struct task_struct, thread_node);

	if (crowd->at == crowd->end)
		return 1;
	if (!task_of(task) && !admit(task, &crowd->place, TELOS_HOOK_CGROUP_ATTACH))
		return 1;
	crowd->at = (__u64)BPF_CORE_READ(at, next);
	return 0;
}

#define CROWD 4096

static __noinline int admit_threads(struct task_struct *leader, const struct telos_place *place)
{
	struct signal_struct *signal = BPF_CORE_READ(leader, signal);
	struct crowd crowd = {.place = *place};

	crowd.end = (__u64)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	crowd.at = (__u64)BPF_CORE_READ(signal, thread_head.next);
	bpf_loop(CROWD, admit_thread, &crowd, 0);
	return 0;
}

static __noinline bool runs_opener(struct task_struct *leader, const struct telos_place *place)
{
	struct ids ids = {};

	identify_all_raw((__u64)BPF_CORE_READ(leader, mm, exe_file, f_inode), &ids);
	return opens(place, &ids);
}

/* A program that runs already and is moved in. What was forked and has not executed anything yet is its manager's still,
 * which has to mount and to open things for the place before it hands it over: that is labelled at its exec. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(telos_cgroup_attach, struct cgroup *to, const char *path, struct task_struct *leader, bool whole)
{
	__u64 address = argument(ctx, 2);
	struct telos_place *place;

	if (!anything_bound() || !in_the_tree(to) || (leader->flags & (PF_FORKNOEXEC | PF_KTHREAD)))
		return 0;
	place = place_around(argument(ctx, 0), to->level);
	if (!place)
		return 0;
	if (!task_of(address)) {
		if (runs_opener(leader, place))
			return 0;
		if (!admit(address, place, TELOS_HOOK_CGROUP_ATTACH))
			return 0;
		adopt_stdio(leader, place, TELOS_HOOK_CGROUP_ATTACH);
	}
	if (whole)
		admit_threads(leader, place);
	return 0;
}

/* Comes before the new folder can be seen. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(telos_cgroup_mkdir, struct cgroup *made, const char *path)
{
	struct telos_place_path key = {};
	struct telos_place *place;
	__u64 id;

	if (!anything_bound() || !in_the_tree(made))
		return 0;
	bpf_probe_read_kernel_str(key.path, sizeof(key.path), path);
	place = bpf_map_lookup_elem(&places, &key);
	if (!place)
		return 0;
	id = BPF_CORE_READ(made, kn, id);
	if (bpf_map_update_elem(&cgroups, &id, place, BPF_ANY))
		count(TELOS_COUNT_FULL);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(telos_cgroup_rmdir, struct cgroup *gone, const char *path)
{
	__u64 id;

	if (!anything_bound() || !in_the_tree(gone))
		return 0;
	id = BPF_CORE_READ(gone, kn, id);
	bpf_map_delete_elem(&cgroups, &id);
	return 0;
}
