/* io_uring without liburing: one operation at a time. */
#include "escape.h"
#include <linux/io_uring.h>
#include <sys/mman.h>

struct ring {
	int fd;
	unsigned flags;
	struct io_uring_params about;
	char *queue;
	struct io_uring_sqe *entries;
};

struct ring *ring(unsigned flags)
{
	struct ring *r = calloc(1, sizeof(*r));
	size_t size;

	r->flags = r->about.flags = flags;
	r->about.sq_thread_idle = 2000;
	r->fd = syscall(SYS_io_uring_setup, 4, &r->about);
	if (r->fd < 0 || !(r->about.features & IORING_FEAT_SINGLE_MMAP))
		return NULL;
	size = r->about.cq_off.cqes + r->about.cq_entries * sizeof(struct io_uring_cqe) + r->about.sq_off.array +
	       r->about.sq_entries * sizeof(unsigned);
	r->queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	r->entries = mmap(NULL, r->about.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	return r->queue == MAP_FAILED || r->entries == MAP_FAILED ? NULL : r;
}

long ring_operation(struct ring *r, int opcode, int fd, const void *address, unsigned length, unsigned long offset,
		    unsigned flags)
{
	unsigned *tail = (void *)(r->queue + r->about.sq_off.tail), mask = r->about.sq_entries - 1;
	unsigned *array = (void *)(r->queue + r->about.sq_off.array);
	unsigned *head = (void *)(r->queue + r->about.cq_off.head);
	volatile unsigned *done = (void *)(r->queue + r->about.cq_off.tail);
	struct io_uring_cqe *results = (void *)(r->queue + r->about.cq_off.cqes);
	struct io_uring_sqe *entry = &r->entries[*tail & mask];
	int result;

	memset(entry, 0, sizeof(*entry));
	entry->opcode = opcode;
	entry->fd = fd;
	entry->addr = (unsigned long)address;
	entry->len = length;
	entry->off = offset;
	entry->open_flags = flags;
	array[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, r->flags & IORING_SETUP_SQPOLL ? 0 : 1, 1,
		    IORING_ENTER_GETEVENTS | (r->flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0), NULL,
		    0) < 0)
		return -1;
	while (*done == *head)
		pause_ms(5);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	result = results[*head & (r->about.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}
