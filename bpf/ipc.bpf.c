// SPDX-License-Identifier: GPL-2.0-only
/* Guard, System V memory, semaphores and queues: what an agent makes is its domain's alone, and nobody else's object is the
 * agent's. By address, as tasks are; the kernel says when one comes and goes. Errno: EPERM, and EACCES for others. */

static __always_inline int made(__u64 object)
{
	struct telos_ipc owner = {};

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_IPC, .reason = TELOS_REASON_IPC);
	owner.agent = c.id;
	owner.slot = c.slot;
	/* After a slam none with a number that somebody else reads in a list. */
	if (!((c.state & TELOS_SLAMMED) && PEEK(struct kern_ipc_perm, object, key)) && !expired(&c) &&
	    !bpf_map_update_elem(&ipc, &object, &owner, BPF_ANY))
		return 0;
	count(TELOS_COUNT_FULL);
	refuse(&c, &f, EPERM);
	return -EPERM;
}

/* An agent's object, for the daemon that removes what ended agents leave. */
static __noinline int tell_owner(const struct telos_ipc *owner)
{
	telos.resolved[0].ino = owner ? owner->agent : 0;
	telos.resolved_count = 1;
	return 0;
}

static __noinline int use(__u64 object)
{
	struct telos_ipc *owner = object ? bpf_map_lookup_elem(&ipc, &object) : NULL;
	struct caller other = {};

	if (telos.resolver_tid && telos.resolver_tid == (__u32)bpf_get_current_pid_tgid())
		return tell_owner(owner);
	if (owner && !task_of((__u64)bpf_get_current_task()))
		return -EACCES;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_IPC, .reason = TELOS_REASON_IPC);
	if (owner &&
	    (owner->agent == c.id || (agent_of_slot(&other, owner->agent, owner->slot) && other.root == c.root)))
		return 0;
	refuse(&c, &f, EPERM);
	return -EPERM;
}

/* Removing and changing come by no permission of their own; the rest does. The daemon may remove. */
static __always_inline int control(__u64 object, int command)
{
	if (command != IPC_RMID && command != IPC_SET)
		return 0;
	if (surely_unmanaged())
		return 0;
	return use(object);
}

static __always_inline int gone(__u64 object)
{
	bpf_map_delete_elem(&ipc, &object);
	return 0;
}

SEC("lsm/ipc_permission")
int BPF_PROG(telos_ipc_permission, struct kern_ipc_perm *object)
{
	return use(argument(ctx, 0));
}

SEC("lsm/shm_alloc_security")
int BPF_PROG(telos_shm_made, struct kern_ipc_perm *object)
{
	return made(argument(ctx, 0));
}

SEC("lsm/sem_alloc_security")
int BPF_PROG(telos_sem_made, struct kern_ipc_perm *object)
{
	return made(argument(ctx, 0));
}

SEC("lsm/msg_queue_alloc_security")
int BPF_PROG(telos_msg_made, struct kern_ipc_perm *object)
{
	return made(argument(ctx, 0));
}

SEC("lsm/shm_free_security")
int BPF_PROG(telos_shm_gone, struct kern_ipc_perm *object)
{
	return gone(argument(ctx, 0));
}

SEC("lsm/sem_free_security")
int BPF_PROG(telos_sem_gone, struct kern_ipc_perm *object)
{
	return gone(argument(ctx, 0));
}

SEC("lsm/msg_queue_free_security")
int BPF_PROG(telos_msg_gone, struct kern_ipc_perm *object)
{
	return gone(argument(ctx, 0));
}

SEC("lsm/shm_shmctl")
int BPF_PROG(telos_shm_control, struct kern_ipc_perm *object, int command)
{
	return control(argument(ctx, 0), command);
}

SEC("lsm/sem_semctl")
int BPF_PROG(telos_sem_control, struct kern_ipc_perm *object, int command)
{
	return control(argument(ctx, 0), command);
}

SEC("lsm/msg_queue_msgctl")
int BPF_PROG(telos_msg_control, struct kern_ipc_perm *object, int command)
{
	return control(argument(ctx, 0), command);
}
