/* Signals that no call of kill sends: what a descriptor tells its owner (F_SETOWN), whoever that is. The owner here is a
 * process outside; it is dead afterwards, or it is not. EPERM. */
#include "escape.h"
#include <linux/sockios.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>

enum how { OWN, OWN_EX_PID, OWN_EX_TID, OWN_GROUP, OWN_EX_GROUP, FIO, SIO };

/* Makes `target` the one who hears of `fd`. */
static long give(int fd, enum how how, pid_t target)
{
	struct f_owner_ex owner = {.pid = target};
	int number = target;

	switch (how) {
	case OWN:
		return fcntl(fd, F_SETOWN, target);
	case OWN_GROUP:
		return fcntl(fd, F_SETOWN, -target);
	case FIO:
		return ioctl(fd, FIOSETOWN, &number);
	case SIO:
		return ioctl(fd, SIOCSPGRP, &number);
	default:
		owner.type = how == OWN_EX_TID ? F_OWNER_TID : how == OWN_EX_GROUP ? F_OWNER_PGRP : F_OWNER_PID;
		return fcntl(fd, F_SETOWN_EX, &owner);
	}
}

static long deadly(int fd, enum how how, pid_t target, int signal)
{
	if (give(fd, how, target))
		return -1;
	return fcntl(fd, F_SETSIG, signal) || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) ? -1 : 0;
}

/* As a process of 32 bits would call it: any may. */
static long give_32(int fd, pid_t target)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(221 /* fcntl64 */), "b"(fd), "c"(F_SETOWN), "d"(target)
		     : "memory", "r8", "r9", "r10", "r11");
	if ((int)result >= 0)
		return 0;
	errno = -(int)result;
	return -1;
}

static pid_t victim(void)
{
	return atoi(ask("victim"));
}

static volatile sig_atomic_t heard;

static void hear(int signal)
{
	(void)signal;
	heard = 1;
}

/* The same of one's own: the signal comes. */
static void own_signal(void)
{
	int pair[2];

	signal(SIGUSR1, hear);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	control("own", deadly(pair[0], OWN, getpid(), SIGUSR1));
	if (write(pair[1], "x", 1) != 1)
		broken("write");
	for (int i = 0; i < 40 && !heard; i++)
		pause_ms(25);
	errno = ETIME;
	control("own-signal", heard ? 0 : -1);
}

static void by_socket(const char *what, enum how how)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	sent(what, deadly(pair[0], how, victim(), SIGKILL));
	if (write(pair[1], "x", 1) != 1)
		broken("write");
}

static void by_socket_32(void)
{
	int pair[2];
	long result;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	result = give_32(pair[0], victim());
	sent("32-bits", result);
	if (fcntl(pair[0], F_SETSIG, SIGKILL) || fcntl(pair[0], F_SETFL, O_ASYNC))
		broken("F_SETSIG");
	if (result == 0 && write(pair[1], "x", 1) != 1)
		broken("write");
}

static void every_call(void)
{
	own_signal();
	by_socket("F_SETOWN", OWN);
	by_socket("F_SETOWN_EX-process", OWN_EX_PID);
	by_socket("F_SETOWN_EX-thread", OWN_EX_TID);
	by_socket("F_SETOWN-group", OWN_GROUP);
	by_socket("F_SETOWN_EX-group", OWN_EX_GROUP);
	by_socket("FIOSETOWN", FIO);
	by_socket("SIOCSPGRP", SIO);
	by_socket_32();
}

ESCAPE(signals, owner, "an unmanaged process owns a socket's signals, by every call that says so", "EPERM",
       .flags = EACH)
{
	every_call();
}

ESCAPE(signals, owner_root, "the same, as root", "EPERM", .flags = ROOT | EACH)
{
	every_call();
}

static void by_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		broken("pipe");
	sent("pipe", deadly(ends[0], OWN, victim(), SIGKILL));
	if (write(ends[1], "x", 1) != 1)
		broken("write");
}

static void by_named_pipe(void)
{
	int fd;

	if (mkfifo(here("fifo"), 0600))
		broken("mkfifo");
	fd = open(here("fifo"), O_RDWR | O_CLOEXEC);
	sent("named-pipe", deadly(fd, OWN, victim(), SIGKILL));
	if (write(fd, "x", 1) != 1)
		broken("write");
}

static void by_datagram(void)
{
	struct sockaddr_storage at = inet4("127.0.0.1", 0);
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (void *)&at, sizeof(struct sockaddr_in)) || getsockname(fd, (void *)&at, &length))
		broken("bind");
	sent("datagram", deadly(fd, OWN, victim(), SIGKILL));
	ask(text("datagram %d", ntohs(((struct sockaddr_in *)&at)->sin_port)));
}

static void by_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlocked = 0, slave;

	if (master < 0) {
		sent("terminal", -1);
		return;
	}
	ioctl(master, TIOCSPTLCK, &unlocked);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	fcntl(slave, F_SETFL,
	      fcntl(slave, F_GETFL) | O_ASYNC); /* this alone would make the terminal's group its owner */
	sent("terminal", deadly(slave, OWN, victim(), SIGKILL));
	if (write(master, "x\n", 2) != 2)
		broken("write");
	pause_ms(100);
}

ESCAPE(signals, descriptors, "the same by pipes, datagrams and terminals", "EPERM", .flags = EACH)
{
	own_signal();
	by_pipe();
	by_named_pipe();
	by_datagram();
	by_terminal();
}

static void open_for_writing(void)
{
	close(open(here("leased"), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

static void by_lease(void)
{
	int fd;

	if (store(here("leased"), "x", 0644))
		broken("store");
	fd = open(here("leased"), O_RDONLY | O_CLOEXEC);
	if (fcntl(fd, F_SETLEASE, F_RDLCK))
		broken("lease");
	sent("lease", give(fd, OWN, victim()) || fcntl(fd, F_SETSIG, SIGKILL) ? -1 : 0);
	in_child(open_for_writing);
	fcntl(fd, F_SETLEASE, F_UNLCK);
}

static void by_folder(void)
{
	int fd;

	mkdir(here("watched"), 0755);
	fd = open(here("watched"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sent("dnotify", give(fd, OWN, victim()) || fcntl(fd, F_SETSIG, SIGKILL) ? -1 : 0);
	if (fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT))
		broken("F_NOTIFY");
	if (store(here("watched/new"), "x", 0644))
		broken("store");
}

static void by_inotify(void)
{
	int fd = inotify_init1(IN_CLOEXEC);

	mkdir(here("noticed"), 0755);
	if (inotify_add_watch(fd, here("noticed"), IN_CREATE) < 0)
		broken("inotify");
	sent("inotify", deadly(fd, OWN, victim(), SIGKILL));
	if (store(here("noticed/new"), "x", 0644))
		broken("store");
}

ESCAPE(signals, files, "the same by leases, dnotify and inotify", "EPERM", .flags = EACH)
{
	own_signal();
	by_lease();
	by_folder();
	by_inotify();
}

/* SIGURG needs no O_ASYNC, and F_SETSIG does not change it: this victim dies of it. */
ESCAPE(signals, urgent, "SIGURG by urgent data, to an unmanaged process", "EPERM", .flags = EACH)
{
	int pair[2];

	own_signal();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	sent("urgent", give(pair[0], OWN, atoi(ask("urgent-victim"))));
	if (send(pair[1], "x", 1, MSG_OOB) != 1)
		broken("send");
}

ESCAPE(signals, neighbour, "to everybody in the agent's own process group, where somebody outside is, too", "EPERM",
       .flags = NEIGHBOUR | EACH)
{
	int pair[2];

	own_signal();
	ask("neighbour");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	sent("group", deadly(pair[0], OWN_GROUP, getpgrp(), SIGPIPE)); /* which agents of this corpus ignore */
	if (write(pair[1], "x", 1) != 1)
		broken("write");
	if (kill(0, SIGPIPE))
		sent("kill", -1);
}
