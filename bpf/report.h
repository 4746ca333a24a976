/* SPDX-License-Identifier: GPL-2.0-only */
/* Events. A verdict never depends on whether its event found room. */
#ifndef TELOS_REPORT_H
#define TELOS_REPORT_H

#include "names.h"

/* Denial events of one agent in one second; more are counted, not sent. */
#define EVENTS_A_SECOND 64
/* Of an audited one, which is there to be recorded: as long as it leaves others half of the ring. */
#define EVENTS_AUDITED 4096

/* What a hook found out, on its stack. */
struct finding {
	struct telos_inode inode;
	__u8 address[16];
	__u64 named; /* a dentry, or without a mount the text itself; 0: none */
	__u64 mount; /* struct vfsmount */
	__u64 origin; /* a slam by another's data: the slam that it came from */
	__u32 error;
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u8 kind;
	__u8 gate;
	__u8 reason;
	__u8 hook;
	bool names; /* whoever fills this in names the file himself where share() brings a slam */
	bool came;  /* such a slam came */
};

/* Opens a hook that judges managed tasks alone: everybody else leaves it here. Declares the caller `c` and the finding
 * `f`; `error` is for a managed task whose record cannot be had. */
#define MANAGED_ONLY(error, ...)                                                                                       \
	if (surely_unmanaged())                                                                                        \
		return 0;                                                                                              \
	struct finding f = {__VA_ARGS__};                                                                              \
	struct caller c = {};                                                                                          \
                                                                                                                       \
	switch (caller(&c)) {                                                                                          \
	case UNMANAGED:                                                                                                \
		return 0;                                                                                              \
	case MISSING:                                                                                                  \
		return -(error);                                                                                       \
	case MANAGED:                                                                                                  \
		break;                                                                                                 \
	}

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
	__u32 share = EVENTS_A_SECOND;
	__u64 now;

	if (kind != TELOS_EVENT_DENIED && kind != TELOS_EVENT_WOULD_DENY && kind != TELOS_EVENT_EXEC &&
	    kind != TELOS_EVENT_TAINTED)
		return false;
	now = bpf_ktime_get_boot_ns();
	if (now - agent->events_ns > 1000000000ull) {
		agent->events_ns = now;
		agent->events = 0;
	}
	if ((agent->flags & TELOS_AGENT_AUDIT) && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < TELOS_EVENTS_RING / 2)
		share = EVENTS_AUDITED;
	return __sync_fetch_and_add(&agent->events, 1) >= share;
}

static __always_inline void fill(struct telos_event *e, const struct caller *c, const struct finding *f, __u64 sequence)
{
	__u64 ids = bpf_get_current_pid_tgid();

	__builtin_memset(e, 0, sizeof(*e));
	e->sequence = sequence;
	e->boot_ns = bpf_ktime_get_boot_ns();
	e->agent = c->id;
	e->linked = f->kind == TELOS_EVENT_SLAMMED ? f->origin : c->agent->slam_sequence;
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
	e->withheld = c->agent->denials[TELOS_WITHHELD];
	if (f->kind != TELOS_EVENT_ENDED)
		lineage(e);
}

/* The slam that a domain's state comes from, for those who are slammed by its data later. */
static __noinline int note_slam(__u32 root, __u64 sequence)
{
	struct telos_domain *domain = bpf_map_lookup_elem(&domains, &root);

	if (domain)
		__sync_val_compare_and_swap(&domain->slam, 0, sequence);
	return 0;
}

/* Numbers the event; 0 when the agent's share of this second is used up. */
static __always_inline __u64 announce(struct caller *c, const struct finding *f)
{
	bool slam = f->kind == TELOS_EVENT_SLAMMED;
	__u64 sequence;

	if (quiet(c->agent, f->kind)) {
		count(TELOS_COUNT_EVENTS_QUIET);
		__sync_fetch_and_add(&c->agent->denials[TELOS_WITHHELD], 1);
		return 0;
	}
	sequence = __sync_fetch_and_add(&telos.sequence, 1) + 1;
	if (slam) {
		c->agent->slam_sequence = sequence;
		note_slam(c->root, sequence);
	}
	count(slam ? TELOS_COUNT_SLAMS : TELOS_COUNT_EVENTS);
	return sequence;
}

static __always_inline void put_name(struct telos_event *e, const struct finding *f)
{
	struct dentry *dentry = (void *)f->named;
	__u32 length = f->port & 127;

	if (f->mount) {
		if (spell((void *)e->path, f->named, f->mount))
			return;
		bpf_probe_read_kernel_str(e->path, sizeof(e->path), BPF_CORE_READ(dentry, d_name.name));
	} else if (f->family == AF_UNIX) {
		barrier_var(length);
		e->path[0] = '@';
		bpf_probe_read_kernel(e->path + 1, length & 127, (const void *)f->named);
	} else {
		bpf_probe_read_kernel_str(e->path, sizeof(e->path), (const void *)f->named);
	}
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
		bpf_ringbuf_submit(e, 0);
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(TELOS_COUNT_EVENTS_LOST);
		return;
	}
	fill(e, c, f, sequence);
	bpf_ringbuf_submit(e, 0);
}

/* With a name; never a slam. Apart from report(), whose callers have less stack to give. */
static __noinline void report_named(struct caller *c, struct finding *f)
{
	__u64 sequence = announce(c, f);
	struct named_event *e;

	if (!sequence)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(TELOS_COUNT_EVENTS_LOST);
		return;
	}
	fill(&e->event, c, f, sequence);
	put_name(&e->event, f);
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

/* The same, with the name that the finding has. */
static __always_inline bool refuse_by_name(struct caller *c, struct finding *f, __u32 error)
{
	bool enforced = refusal(c, f, error);

	report_named(c, f);
	return enforced;
}

/* The same, naming a file: its whole path where `f` has a mount, else its last component. */
static __always_inline bool refuse_named(struct caller *c, struct finding *f, __u32 error, struct dentry *dentry)
{
	bool enforced = refusal(c, f, error);

	f->named = f->mount ? number(dentry) : (__u64)BPF_CORE_READ(dentry, d_name.name);
	report_named(c, f);
	return enforced;
}

static __always_inline bool refuse_mapping(struct caller *c, struct finding *f, __u32 error, struct file *file)
{
	f->mount = number(file->f_path.mnt);
	return refuse_named(c, f, error, file->f_path.dentry);
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

/* A write to a pipe or an AF_UNIX socket that blocks today delivers tomorrow's bytes, and no hook sees them go (nor
 * vmsplice to a pipe, ever). Who holds a named pipe, or a socket towards somebody outside and has a task that may be in
 * such a write, must not come to know a secret: nobody of its domain is let near one. The relay's writes do not count, it
 * has read before what it writes. */
struct way_out {
	__u32 root;
	__u32 self; /* the slot of the caller: its task at hand is in no write */
	__u32 found;
};

static long look_for_way_out(__u32 slot, struct way_out *search)
{
	struct telos_agent *agent = bpf_map_lookup_elem(&agents, &slot);
	__u32 idle = 0;

	if (!agent || !agent->id || !agent->tasks || !(agent->state & (TELOS_PEERS | TELOS_PIPED)))
		return 0;
	if (slot == search->self)
		idle++;
	if (agent->flags & TELOS_AGENT_RELAY)
		idle++;
	if (!(agent->state & TELOS_PIPED) && agent->tasks <= idle)
		return 0;
	if (domain_root(agent->domain) != search->root)
		return 0;
	search->found = 1;
	return 1;
}

/* A few microseconds: for when a slam is at hand only. */
__noinline int unwatched_way_out(__u32 root, __u32 self)
{
	struct way_out search = {.root = root, .self = self};

	bpf_loop(TELOS_AGENTS, look_for_way_out, &search, 0);
	return search.found;
}

/* Whether two domains that become one would bring a slam over somebody with such a way out. */
static __always_inline bool slam_would_leak(struct caller *c, __u32 other, __u32 state)
{
	if ((c->state ^ state) & TELOS_SLAMMED)
		return unwatched_way_out(state & TELOS_SLAMMED ? c->root : other, c->slot);
	return false;
}

/* Puts the caller and another domain together; a slam that comes with it is an event of its own. */
static __noinline bool share(struct caller *c, __u32 other, struct finding *f)
{
	struct telos_domain *domain;
	__u32 before = c->root, root;
	__u64 origin;

	if (other == before)
		return true;
	root = domain_root(other);
	if (root == before)
		return true;
	domain = bpf_map_lookup_elem(&domains, &root);
	if (!root || !domain)
		return false;
	if (slam_would_leak(c, root, domain->state)) {
		f->reason = TELOS_REASON_UNMANAGED_PEER;
		return false;
	}
	origin = domain->slam;
	root = domain_merge(before, other);
	domain = bpf_map_lookup_elem(&domains, &root);
	if (!root || !domain)
		return false;
	c->root = root;
	if (root != before || domain_root(other) != other) {
		__u32 state = c->state;

		c->state |= domain->state;
		if ((c->state & TELOS_SLAMMED) && !(state & TELOS_SLAMMED)) {
			__u8 gate = f->gate, reason = f->reason;

			f->kind = TELOS_EVENT_SLAMMED;
			f->gate = TELOS_GATE_FILE;
			f->reason = TELOS_REASON_DOMAIN;
			f->origin = origin;
			f->came = f->names;
			if (f->names)
				return true;
			report(c, f);
			f->gate = gate;
			f->reason = reason;
		}
	}
	return true;
}

#endif
