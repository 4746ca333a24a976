/* Identity: ways to stop being a descendant of the agent, or to act through somebody who never was one. */
#include "escape.h"
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* What every fugitive tries: the network, then another program. */
static void flee(void)
{
	attempt("connect", leak(SOCK_STREAM, inet4("127.0.0.1", CLOSED_PORT), secret));
	attempt("exec", forbidden_program());
}

static void controls(void)
{
	greet();
	control("approved-program", approved_program());
}

static void become_orphan(void)
{
	pid_t parent = getpid();

	setsid();
	if (fork() == 0) {
		while (getppid() == parent)
			pause_ms(5);
		setsid();
		flee();
		_exit(0);
	}
	_exit(0);
}

ESCAPE(identity, orphan, "grandchild orphaned to init by a double fork and setsid", "EPERM|EACCES")
{
	controls();
	in_child(become_orphan);
	pause_ms(400);
}

ESCAPE(identity, vfork, "child of vfork", "EPERM|EACCES")
{
	pid_t child;

	controls();
	child = vfork();
	if (child == 0) {
		flee();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

ESCAPE(identity, clone3, "child of a raw clone3", "EPERM|EACCES")
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t child;

	controls();
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child == 0) {
		flee();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void *flee_in_thread(void *unused)
{
	flee();
	return unused;
}

static void flee_by_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, flee_in_thread, NULL))
		broken("pthread_create");
	pthread_join(thread, NULL);
}

ESCAPE(identity, thread, "a second thread connects and executes", "EPERM|EACCES")
{
	controls();
	in_child(flee_by_thread);
}

static void *flee_after_leader(void *unused)
{
	pause_ms(200);
	if (fork() == 0) {
		flee();
		_exit(0);
	}
	wait(NULL);
	flee();
	return unused;
}

static void leave_thread_behind(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, flee_after_leader, NULL);
	syscall(SYS_exit, 0);
}

ESCAPE(identity, leader_gone, "a thread forks and executes after its leader exited", "EPERM|EACCES")
{
	controls();
	in_child(leave_thread_behind);
}

static int flee_in_clone(void *unused)
{
	(void)unused;
	flee();
	return 0;
}

ESCAPE(identity, clone_vm, "CLONE_VM without CLONE_THREAD", "EPERM|EACCES")
{
	static char stack[262144] __attribute__((aligned(16)));

	controls();
	if (clone(flee_in_clone, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL) < 0)
		broken("clone");
	wait(NULL);
}

static void flee_to_namespace(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID))
		attempt("unshare", -1);
	if (fork() == 0) {
		flee();
		_exit(0);
	}
	wait(NULL);
}

ESCAPE(identity, user_namespace, "own user, mount and pid name space", "EPERM|EACCES")
{
	controls();
	in_child(flee_to_namespace);
}

static void flee_to_unmanaged_namespace(void)
{
	int fd = open(text("/proc/%s/ns/mnt", ask("victim")), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNS))
		attempt("setns", -1);
	flee();
}

ESCAPE(identity, setns, "setns to an unmanaged process's name space, as root", "EPERM|EACCES", .flags = ROOT)
{
	controls();
	in_child(flee_to_unmanaged_namespace);
}

ESCAPE(identity, clone_into_cgroup, "CLONE_INTO_CGROUP, as root", "EPERM|EACCES", .flags = ROOT)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD, .flags = CLONE_INTO_CGROUP};
	pid_t child;
	int fd;

	controls();
	fd = open(ask("cgroup"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arguments.cgroup = fd;
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child == 0) {
		flee();
		_exit(0);
	}
	if (child < 0)
		attempt("clone3", -1);
	waitpid(child, NULL, 0);
}

ESCAPE(identity, cgroup_procs, "moving to another control group by cgroup.procs, as root", "EPERM", .flags = ROOT)
{
	greet();
	attempt("cgroup.procs", store(text("%s/cgroup.procs", ask("cgroup")), text("%d", getpid()), 0));
	attempt("connect", leak(SOCK_STREAM, inet4("127.0.0.1", CLOSED_PORT), secret));
}

ESCAPE(identity, place_orphan, "in a place: a grandchild orphaned to init", "EPERM|EACCES", .flags = PLACED)
{
	controls();
	in_child(become_orphan);
	pause_ms(400);
}

ESCAPE(identity, place_cloned, "in a place by CLONE_INTO_CGROUP, which moves nobody", "EPERM|EACCES", .flags = CLONED)
{
	controls();
	flee();
	in_child(flee);
}

static void *wait_for_it(void *unused)
{
	pause_ms(100);
	flee();
	return unused;
}

ESCAPE(identity, place_moved, "moved into a place while it runs, without another exec", "EPERM|EACCES", .flags = MOVED)
{
	pthread_t thread;

	controls();
	flee();
	if (pthread_create(&thread, NULL, wait_for_it, NULL))
		return broken("thread");
	pthread_join(thread, NULL);
}

ESCAPE(identity, place_left, "leaving its place by cgroup.procs, as root", "EPERM|EACCES", .flags = PLACED | ROOT)
{
	controls();
	attempt("cgroup.procs", store(text("%s/cgroup.procs", ask("cgroup")), text("%d", getpid()), 0));
	flee();
}

ESCAPE(identity, place_taken_out, "taken out of its place by somebody outside", "EPERM|EACCES", .flags = PLACED)
{
	controls();
	if (atoi(ask(text("take-out %d", getpid()))) != getpid())
		return broken("not taken out");
	flee();
	in_child(flee);
}

ESCAPE(identity, place_below, "in a cgroup made below its place by somebody outside", "EPERM|EACCES", .flags = PLACED)
{
	controls();
	if (atoi(ask(text("push-down %d", getpid()))) != getpid())
		return broken("not pushed down");
	flee();
	in_child(flee);
}

ESCAPE(identity, ptrace, "ptrace of an unmanaged process", "EPERM", .flags = ROOT)
{
	pid_t victim = atoi(ask("victim"));

	controls();
	attempt("seize", ptrace(PTRACE_SEIZE, victim, 0, 0));
	attempt("attach", ptrace(PTRACE_ATTACH, victim, 0, 0));
}

/* The first mapping of a process that may be written. */
static unsigned long writable(pid_t pid)
{
	FILE *maps = fopen(text("/proc/%d/maps", pid), "re");
	char line[512], permissions[8];
	unsigned long from;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%*x %7s", &from, permissions) == 2 && permissions[1] == 'w') {
			fclose(maps);
			return from;
		}
	if (maps)
		fclose(maps);
	return 0;
}

ESCAPE(identity, vm_writev, "process_vm_writev into an unmanaged process", "EPERM|EACCES", .flags = ROOT)
{
	pid_t victim = atoi(ask("victim"));
	char byte = 0;
	struct iovec from = {&byte, 1}, to = {(void *)writable(victim), 1}, back = {&byte, 1};

	controls();
	if (!to.iov_base) /* its maps cannot be read either: for the check any address does */
		to.iov_base = &byte;
	/* Puts back what was there. */
	attempt("readv", process_vm_readv(victim, &back, 1, &to, 1, 0));
	attempt("writev", process_vm_writev(victim, &from, 1, &to, 1, 0));
}

ESCAPE(identity, proc_mem, "/proc/PID/mem of an unmanaged process", "EPERM|EACCES", .flags = ROOT)
{
	const char *path = text("/proc/%s/mem", ask("victim"));

	controls();
	attempt("open-write", open(path, O_RDWR | O_CLOEXEC));
	attempt("open-read", open(path, O_RDONLY | O_CLOEXEC));
}

ESCAPE(identity, pidfd_getfd, "pidfd_getfd takes an unmanaged process's connection", "EPERM", .flags = ROOT)
{
	int victim, number, pidfd;
	long fd;

	controls();
	if (sscanf(ask("connection"), "%d %d", &victim, &number) != 2)
		broken("connection");
	pidfd = syscall(SYS_pidfd_open, victim, 0);
	fd = pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (fd < 0)
		attempt(pidfd < 0 ? "pidfd_open" : "pidfd_getfd", -1);
	else
		attempt("send", send(fd, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(identity, uring_connect, "io_uring connects", "EPERM")
{
	struct sockaddr_storage to = inet4("127.0.0.1", CLOSED_PORT);
	struct ring *r = ring(0);
	int fd;

	greet();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!r) {
		broken("io_uring_setup");
		return;
	}
	if (ring_operation(r, IORING_OP_CONNECT, fd, &to, 0, sizeof(struct sockaddr_in), 0) < 0)
		attempt("connect", -1);
	else
		attempt("send", ring_operation(r, IORING_OP_SEND, fd, secret, strlen(secret), 0, 0));
}

ESCAPE(identity, uring_sqpoll, "io_uring's kernel thread connects (SQPOLL)", "EPERM")
{
	struct sockaddr_storage to = inet4("127.0.0.1", CLOSED_PORT);
	struct ring *r = ring(IORING_SETUP_SQPOLL);
	int fd;

	greet();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!r) {
		attempt("io_uring_setup", -1);
		return;
	}
	if (ring_operation(r, IORING_OP_CONNECT, fd, &to, 0, sizeof(struct sockaddr_in), 0) < 0)
		attempt("connect", -1);
	else
		attempt("send", ring_operation(r, IORING_OP_SEND, fd, secret, strlen(secret), 0, 0));
}

ESCAPE(identity, set_user, "another user's identity after setresuid, as root", "EPERM|EACCES", .flags = ROOT)
{
	controls();
	chmod(dir, 0777);
	chmod(here("result"), 0666);
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		broken("setresuid");
	flee();
}
