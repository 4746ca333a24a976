/* SPDX-License-Identifier: GPL-2.0-only */
/* Events. A verdict never depends on whether its event found room. */
#ifndef TELOS_REPORT_H
#define TELOS_REPORT_H

#include "caller.h"

/* Denial events of one agent in one second; more are counted, not sent. */
#define EVENTS_A_SECOND 64

/* What a hook found out, on its stack. */
struct finding {
	struct telos_inode inode;
	__u8 address[16];
	__u64 name; /* address of the last component of a path, or 0 */
	__u32 error;
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u8 kind;
	__u8 gate;
	__u8 reason;
	__u8 hook;
};

static __always_inline void lineage(struct telos_event *e)
{
	struct task_struct *task = bpf_get_current_task_btf();

	for (__u32 i = 0; i < TELOS_LINEAGE; i++) {
		struct task_struct *parent = NULL;

		if (!task)
			return;
		bpf_core_read(&e->lineage[i].pid, sizeof(__u32), &task->tgid);
		bpf_core_read(&e->lineage[i].comm, sizeof(e->lineage[i].comm), &task->comm);
		bpf_core_read(&parent, sizeof(parent), &task->real_parent);
		if (!e->lineage[i].pid || parent == task)
			return;
		task = parent;
	}
}

static __always_inline bool quiet(struct telos_agent *agent, __u8 kind)
{
	__u64 now;

	if (kind != TELOS_EVENT_DENIED && kind != TELOS_EVENT_WOULD_DENY && kind != TELOS_EVENT_EXEC &&
	    kind != TELOS_EVENT_TAINTED)
		return false;
	now = bpf_ktime_get_boot_ns();
	if (now - agent->events_ns > 1000000000ull) {
		agent->events_ns = now;
		agent->events = 0;
	}
	return __sync_fetch_and_add(&agent->events, 1) >= EVENTS_A_SECOND;
}

static __always_inline void fill(struct telos_event *e, const struct caller *c, const struct finding *f, __u64 sequence)
{
	__u64 ids = bpf_get_current_pid_tgid();

	__builtin_memset(e, 0, sizeof(*e));
	e->sequence = sequence;
	e->boot_ns = bpf_ktime_get_boot_ns();
	e->agent = c->id;
	e->linked = f->kind == TELOS_EVENT_SLAMMED ? 0 : c->agent->slam_sequence;
	e->inode = f->inode;
	__builtin_memcpy(e->address, f->address, sizeof(e->address));
	e->port = f->port;
	e->family = f->family;
	e->protocol = f->protocol;
	e->kind = f->kind;
	e->gate = f->gate;
	e->reason = f->reason;
	e->hook = f->hook;
	e->error = f->error;
	e->state = c->state;
	e->domain = c->root;
	e->pid = ids >> 32;
	e->tid = (__u32)ids;
	e->uid = (__u32)bpf_get_current_uid_gid();
	e->flags = c->flags;
	if (f->kind != TELOS_EVENT_ENDED)
		lineage(e);
}

/* Numbers the event; 0 when the agent's share of this second is used up. */
static __always_inline __u64 announce(struct caller *c, const struct finding *f)
{
	bool slam = f->kind == TELOS_EVENT_SLAMMED;
	__u64 sequence;

	if (quiet(c->agent, f->kind)) {
		count(TELOS_COUNT_EVENTS_QUIET);
		return 0;
	}
	sequence = __sync_fetch_and_add(&telos.sequence, 1) + 1;
	if (slam)
		c->agent->slam_sequence = sequence;
	count(slam ? TELOS_COUNT_SLAMS : TELOS_COUNT_EVENTS);
	return sequence;
}

/* A record is reserved and sent within one function: 6.1 loses track of one that a function returns. */
static __noinline void report(struct caller *c, struct finding *f)
{
	__u64 sequence = announce(c, f);
	struct telos_event *e;

	if (!sequence)
		return;
	if (f->kind == TELOS_EVENT_SLAMMED) {
		e = bpf_ringbuf_reserve(&slams, sizeof(*e), 0);
		if (!e) {
			count(TELOS_COUNT_SLAMS_LOST);
			return;
		}
		fill(e, c, f, sequence);
		if (f->name)
			bpf_probe_read_kernel_str(e->path, sizeof(e->path), (const void *)f->name);
		bpf_ringbuf_submit(e, 0);
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(TELOS_COUNT_EVENTS_LOST);
		return;
	}
	fill(e, c, f, sequence);
	if (f->name)
		bpf_probe_read_kernel_str(e->path, sizeof(e->path), (const void *)f->name);
	bpf_ringbuf_submit(e, 0);
}

/* With the whole path: sleepable programs only. */
static __noinline void report_file(struct caller *c, struct finding *f, struct file *file)
{
	__u64 sequence = announce(c, f);
	struct telos_event *e;

	if (!sequence)
		return;
	if (f->kind == TELOS_EVENT_SLAMMED) {
		e = bpf_ringbuf_reserve(&slams, sizeof(*e), 0);
		if (!e) {
			count(TELOS_COUNT_SLAMS_LOST);
			return;
		}
		fill(e, c, f, sequence);
		bpf_d_path(&file->f_path, e->path, sizeof(e->path));
		bpf_ringbuf_submit(e, 0);
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(TELOS_COUNT_EVENTS_LOST);
		return;
	}
	fill(e, c, f, sequence);
	bpf_d_path(&file->f_path, e->path, sizeof(e->path));
	bpf_ringbuf_submit(e, 0);
}

/* Whether an audited agent is let through at this gate: never at the guard, and never without a record. */
static __always_inline bool audited(const struct caller *c, const struct finding *f)
{
	return (c->flags & TELOS_AGENT_AUDIT) && f->gate != TELOS_GATE_GUARD && f->gate != TELOS_GATE_IDENTITY &&
	       f->reason != TELOS_REASON_STATE && f->reason != TELOS_REASON_QUOTA;
}

/* The errno of an enforced refusal, else 0. The barriers keep the compiler from calculating it: the verifier
 * (6.12) wants to see that what a program returns is in range. */
static __always_inline int answer(bool enforced, int error)
{
	int value = 0;

	barrier_var(value);
	if (enforced) {
		value = -error;
		barrier_var(value);
	}
	return value;
}

/* Counts and marks a refusal; the caller reports. Returns whether it is enforced. */
static __always_inline bool refusal(struct caller *c, struct finding *f, __u32 error)
{
	bool enforced = !audited(c, f);
	__u32 gate = f->gate;

	f->error = error;
	f->kind = enforced ? TELOS_EVENT_DENIED : TELOS_EVENT_WOULD_DENY;
	barrier_var(gate); /* the verifier takes the bound from this very register */
	gate &= 7;
	__sync_fetch_and_add(&c->agent->denials[gate], 1);
	count(TELOS_COUNT_DENIALS + (f->gate & 7));
	return enforced;
}

static __noinline bool refuse(struct caller *c, struct finding *f, __u32 error)
{
	bool enforced = refusal(c, f, error);

	report(c, f);
	return enforced;
}

/* The same, naming the last component of a path. */
static __always_inline bool refuse_named(struct caller *c, struct finding *f, __u32 error, struct dentry *dentry)
{
	f->name = (__u64)BPF_CORE_READ(dentry, d_name.name);
	return refuse(c, f, error);
}

/* Raises an agent and its domain, and returns whether that was news. */
static __always_inline bool raise(struct caller *c, __u32 bits)
{
	bool news = (c->state & bits) != bits;

	__sync_fetch_and_or(&c->agent->state, bits);
	domain_raise(c->root, bits);
	c->state |= bits;
	return news;
}

/* Puts the caller and another domain together; a slam that comes with it is an event of its own. */
static __noinline bool share(struct caller *c, __u32 other, struct finding *f)
{
	struct telos_domain *domain;
	__u32 before = c->root, root;

	if (other == before)
		return true;
	root = domain_merge(before, other);
	domain = bpf_map_lookup_elem(&domains, &root);
	if (!root || !domain)
		return false;
	c->root = root;
	if (root != before || domain_root(other) != other) {
		__u32 state = c->state;

		c->state |= domain->state;
		if ((c->state & TELOS_SLAMMED) && !(state & TELOS_SLAMMED)) {
			f->kind = TELOS_EVENT_SLAMMED;
			f->gate = TELOS_GATE_FILE;
			f->reason = TELOS_REASON_DOMAIN;
			report(c, f);
		}
	}
	return true;
}

#endif
