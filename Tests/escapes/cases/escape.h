/* What a case has at hand. A case runs as a managed process, in a child of its agent, and says what happened:
 *   control()  the same thing where it is allowed: it has to work
 *   attempt()  the escape: its success is one
 *   sent()     bytes handed to the kernel: only the listener outside knows whether they got out
 *   broken()   the case itself could not be set up */
#ifndef ESCAPE_H
#define ESCAPE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOME "/opt/escapes"
#define APPROVED HOME "/bin/approved"
#define FORBIDDEN HOME "/bin/forbidden"

/* The intent names the first and the third, nobody the second. The third is read late and slowly. */
enum { OPEN_PORT = 7101, CLOSED_PORT = 7102, SLOW_PORT = 7103 };

enum {
	ROOT = 1,        /* as root instead of user agent */
	ALONE = 2,       /* an agent of its own: it reads the secret and is slammed */
	STDIN_TCP = 4,   /* descriptor 0 is a TCP connection to the listener */
	STDIN_TTY = 8,   /* descriptor 0 is a terminal */
	STDOUT_PIPE = 16, /* descriptor 1 is a pipe that the listener reads */
	LISTENS = 32,     /* under the intent that opens ports 7110 to 7119 to 127.0.0.1 */
	/* Not started by `telos run` but by somebody who is nobody's agent, in a cgroup that the intent names: */
	PLACED = 64,      /* moved there before its first exec */
	CLONED = 128,     /* made there, by CLONE_INTO_CGROUP */
	MOVED = 256,      /* running already, and moved there by somebody else */
	DISK = 512,       /* once on each file system, under the intent that knows their files */
	BTRFS = 1024,     /* on btrfs alone */
	VERITY = 2048,    /* on an ext4 with fs-verity alone, and where the kernel lets the gates read its digests */
	STDOUT_FILE = 4096,    /* descriptor 1 is a file outside every write root */
	STDOUT_OWN = 8192,     /* descriptor 1 is a file in a write root that a slam closes */
	STDOUT_APPEND = 16384, /* with either of these: opened as `>>` opens it */
	CLOSING = 32768,       /* under the intent whose write root FREE is closed by a slam */
	LOOPBACK = 65536,      /* under the intent that opens loopback to the agent itself */
	NEIGHBOUR = 131072,    /* a process outside is in the agent's process group */
	EACH = 262144,         /* without the gates not one but every attempt has to get through */
	NAMES = 524288         /* under the intent that permits a name */
};

/* A write root to which no rule about names applies. */
#define FREE "/srv/escapes-free"

struct escape {
	const char *class, *name, *title;
	const char *errors; /* the right answers, with | between them */
	unsigned flags;
	void (*run)(void);
	void (*second)(void); /* what another agent does at the same time */
};

#define ESCAPE(class_, name_, title_, errors_, ...)                                                                    \
	static void class_##_##name_(void);                                                                            \
	static const struct escape about_##class_##_##name_ = {.class = #class_,                                       \
							       .name = #name_,                                         \
							       .title = title_,                                        \
							       .errors = errors_,                                      \
							       .run = class_##_##name_,                                \
							       __VA_ARGS__};                                           \
	static const struct escape *const entry_##class_##_##name_ __attribute__((section("escapes"), used)) =         \
		&about_##class_##_##name_;                                                                             \
	static void class_##_##name_(void)

extern char dir[256];    /* the case's own folder, below a write root */
extern char tag[128];    /* state and case */
extern char disk[64];    /* cases with DISK: where the file system is mounted */
extern char secret[160]; /* what must not arrive, without having read it */
extern char greeting[160];
extern char loot[256]; /* what slam() read */
extern size_t looted;
extern const char *result; /* the file of its role that says what happened */

void control(const char *what, long result);
void attempt(const char *what, long result);
void sent(const char *what, long result);
void broken(const char *what);

/* Has an unmanaged process outside do something, and returns its answer. */
const char *ask(const char *what);
/* A path below `dir`, from a few rotating buffers. */
const char *here(const char *name);
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void pause_ms(int milliseconds);
/* Runs `act` in a forked child and waits for it. */
void in_child(void (*act)(void));
/* Opens and closes it. */
long readable(const char *path);
long append(const char *from, int to);
long copy(const char *from, const char *to, int mode);
long store(const char *path, const char *content, int mode);

/* Executes the program that no intent approves; it leaves a mark. Returns only with -1. */
long forbidden_program(void);
long program(const char *path, const char *argument);
/* The approved program, in a child: 0 when it ran. */
long approved_program(void);
/* The same of any program. */
long runs(const char *path);

struct sockaddr_storage inet4(const char *address, int port);
struct sockaddr_storage inet6(const char *address, int port);
long connected(int type, struct sockaddr_storage to);
/* Connects, sends the secret, closes. */
long leak(int type, struct sockaddr_storage to, const char *message);
long unix_connected(const char *path);
/* Control of every network case: the allowed destination hears the greeting. */
void greet(void);

/* Reads this case's critical file, into `loot`. False: the open was refused. */
bool slam(void);
bool slam_at(const char *path);
const char *secret_path(void);
/* Its like on the file system at `disk`, and a name in the case's own folder there. */
const char *disk_secret(void);
const char *disk_work(const char *name);
/* The same below a write root there that a slam closes. */
const char *disk_closed(const char *name);
/* The case's own folder below FREE, or a name in it. */
const char *free_folder(void);
const char *in_free(const char *name);
/* A file outside every write root that the agent's user owns; whatever becomes of it is an escape. */
const char *outside(const char *name);
/* attempt() of something that needs a privilege: any answer but a refusal shows that it was let through to the kernel. */
void reach(const char *what, long result);
/* Tries to get `loot` out by the way that an honest agent has. */
void leak_loot(void);

struct ring;
struct ring *ring(unsigned flags);
/* One operation of io_uring: its result, or -1 with errno. */
long ring_operation(struct ring *ring, int opcode, int fd, const void *address, unsigned length, unsigned long offset,
		    unsigned flags);
#endif
