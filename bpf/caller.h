/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is calling: from a task to its agent's record, its domain and its state. */
#ifndef TELOS_CALLER_H
#define TELOS_CALLER_H

#include "maps.h"

/* Hops to a domain's root that one look-up takes; every walk halves the path behind it. */
#define DOMAIN_HOPS 32

enum managed {
	UNMANAGED = 0,
	MANAGED = 1,
	MISSING = 2, /* managed, but its record cannot be had: refuse */
};

struct caller {
	struct telos_agent *agent;
	__u64 id;
	__u32 slot;
	__u32 root;  /* of its domain */
	__u32 state; /* its own and its domain's */
	__u32 flags;
};

/* Functions that are not static are verified once, by themselves, and not again at each call: what loops is
 * one of them. They see numbers and plain memory only.
 *
 * Returns 0 when the forest is deeper than one walk goes; the caller refuses then. */
__noinline __u32 domain_root(__u32 domain)
{
	for (int i = 0; i < DOMAIN_HOPS; i++) {
		struct telos_domain *here = bpf_map_lookup_elem(&domains, &domain);
		struct telos_domain *up;
		__u32 parent, next;

		if (!here)
			return 0;
		parent = here->parent;
		if (!parent)
			return domain;
		up = bpf_map_lookup_elem(&domains, &parent);
		if (!up)
			return 0;
		next = up->parent;
		if (!next)
			return parent;
		__sync_val_compare_and_swap(&here->parent, parent, next);
		domain = next;
	}
	return 0;
}

static __always_inline bool agent_of_slot(struct caller *c, __u64 id, __u32 slot)
{
	struct telos_agent *agent = bpf_map_lookup_elem(&agents, &slot);
	struct telos_domain *domain;

	if (!agent || agent->id != id)
		return false;
	c->agent = agent;
	c->id = id;
	c->slot = slot;
	c->flags = agent->flags;
	c->root = agent->domain;
	domain = bpf_map_lookup_elem(&domains, &c->root);
	if (domain && domain->parent) {
		c->root = domain_root(c->root);
		domain = bpf_map_lookup_elem(&domains, &c->root);
	}
	if (!c->root || !domain)
		return false;
	c->state = agent->state | domain->state;
	return true;
}

/* What became of the state since the caller was found: what it has just raised is seen by whoever looks next, and what
 * they raised before is seen here. */
static __always_inline void refresh(struct caller *c)
{
	__u32 root = domain_root(c->root);
	struct telos_domain *domain = bpf_map_lookup_elem(&domains, &root);

	c->state |= c->agent->state | (domain ? domain->state : TELOS_SLAMMED);
}

static __always_inline struct telos_task *task_of(__u64 address)
{
	if (!telos.task_filter[telos_task_cell(address)])
		return NULL;
	return bpf_map_lookup_elem(&tasks, &address);
}

/* An argument as a number: the verifier lets nobody calculate with a task pointer. */
static __always_inline __u64 argument(const void *ctx, __u32 index)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (const __u64 *)ctx + index);
	return value;
}

/* A canary that another build shall be judged by. */
static __always_inline bool of_other_build(__u32 flags)
{
	__u32 judge = flags >> TELOS_AGENT_JUDGE_SHIFT;

	return judge && judge != telos_build;
}

/* The hot path of every hook: an unmanaged task costs one load, before anything else is laid out on the stack. */
static __always_inline bool surely_unmanaged(void)
{
	return !telos.task_filter[telos_task_cell((__u64)bpf_get_current_task())];
}

/* For those whom surely_unmanaged() did not let go. */
static __always_inline enum managed caller(struct caller *c)
{
	__u64 address = (__u64)bpf_get_current_task();
	struct telos_task *task = bpf_map_lookup_elem(&tasks, &address);

	if (!task)
		return UNMANAGED;
	if (!agent_of_slot(c, task->agent, task->slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return MISSING;
	}
	return of_other_build(c->flags) ? UNMANAGED : MANAGED;
}

/* In which tick each agent was last found not to have ended yet: the clock is dear, and asked once a tick. */
__u64 ticks[TELOS_AGENTS] SEC(".bss.memos");

static __noinline bool has_ended(const struct caller *c)
{
	__u64 end = c->agent->expires_ns;

	if (end && bpf_ktime_get_boot_ns() >= end)
		return true;
	*(volatile __u64 *)&ticks[c->slot & (TELOS_AGENTS - 1)] = bpf_jiffies64();
	return false;
}

static __always_inline bool expired(const struct caller *c)
{
	return *(volatile __u64 *)&ticks[c->slot & (TELOS_AGENTS - 1)] != bpf_jiffies64() && has_ended(c);
}

static __always_inline bool same_agent(const struct caller *c, __u64 task)
{
	struct telos_task *other = task_of(task);

	return other && other->agent == c->id;
}

/* Raises state bits of a domain. A merge may move the root meanwhile: then the new root is raised too. */
__noinline int domain_raise(__u32 domain, __u32 bits)
{
	__u32 root = domain_root(domain);

	for (int i = 0; i < 4; i++) {
		struct telos_domain *at = bpf_map_lookup_elem(&domains, &root);
		__u32 now;

		if (!root || !at)
			return 0;
		__sync_fetch_and_or(&at->state, bits);
		now = domain_root(root);
		if (now == root)
			return 1;
		root = now;
	}
	return 0;
}

static __always_inline void origin_rises(__u32 root, __u64 slam)
{
	struct telos_domain *at = bpf_map_lookup_elem(&domains, &root);

	if (at)
		__sync_val_compare_and_swap(&at->slam, 0, slam);
}

/* Makes one domain of two and returns its root, 0 on failure. The larger index goes below the smaller. */
__noinline __u32 domain_merge(__u32 a, __u32 b)
{
	for (int i = 0; i < 4; i++) {
		__u32 ra = domain_root(a), rb = domain_root(b);
		__u32 high = ra > rb ? ra : rb, low = ra > rb ? rb : ra;
		struct telos_domain *child;

		if (!ra || !rb)
			return 0;
		if (ra == rb)
			return ra;
		child = bpf_map_lookup_elem(&domains, &high);
		if (!child)
			return 0;
		if (__sync_val_compare_and_swap(&child->parent, 0, low) == 0) {
			if (child->state && !domain_raise(low, child->state))
				return 0;
			if (child->slam)
				origin_rises(low, child->slam);
			return domain_root(low);
		}
	}
	return 0;
}

#endif
