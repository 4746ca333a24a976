/* Carriers: memory, semaphores, queues and terminals that an agent may have for itself, and nobody else may look into. */
#include "escape.h"
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <termios.h>

/* What an unmanaged process of the same user says: 0 when it could look. What it saw goes to the listeners. */
static long seen(const char *what)
{
	int error = atoi(ask(what));

	errno = error;
	return error ? -1 : 0;
}

/* A name of this case's own, in /dev/shm. */
static const char *object(const char *name)
{
	return text("/escape.%.80s.%s", tag, name);
}

static char *mapped(int fd)
{
	char *at = fd < 0 || ftruncate(fd, 4096) ? MAP_FAILED
						 : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static char *made(const char *name)
{
	int fd = shm_open(object(name), O_RDWR | O_CREAT, 0666);
	char *at;

	fchmod(fd, 0666);
	at = mapped(fd);
	control(name, at ? 0 : -1);
	close(fd);
	return at;
}

ESCAPE(carry, shared_object, "an object in /dev/shm that an unmanaged process opens, after the slam", "EPERM|EACCES",
       .flags = ALONE | CLOSING | EACH)
{
	char *at = made("old"), *later;
	int fd;

	greet();
	if (!at || !slam())
		return;
	memcpy(at, loot, looted);
	attempt("old", seen(text("look /dev/shm%s", object("old"))));
	fd = shm_open(object("new"), O_RDWR | O_CREAT, 0666);
	if (fd < 0) {
		attempt("make", -1);
	} else {
		fchmod(fd, 0666);
		later = mapped(fd);
		if (later)
			memcpy(later, loot, looted);
		attempt("new", seen(text("look /dev/shm%s", object("new"))));
	}
	shm_unlink(object("old"));
	shm_unlink(object("new"));
}

ESCAPE(carry, shared_object_before, "an object in /dev/shm that an unmanaged process opens, before any slam",
       "EPERM|EACCES", .flags = EACH)
{
	char *at = made("object");

	greet();
	if (!at)
		return;
	memcpy(at, secret, strlen(secret));
	attempt("read", seen(text("look /dev/shm%s", object("object"))));
	attempt("write", seen(text("open-for-writing /dev/shm%s", object("object"))));
	shm_unlink(object("object"));
}

static void make_object(void)
{
	char *at = made("other");

	if (at)
		memcpy(at, secret, strlen(secret));
	store(here("ready"), "", 0644);
	for (int i = 0; i < 300 && access(here("tried"), F_OK); i++)
		pause_ms(25);
	shm_unlink(object("other"));
}

ESCAPE(carry, shared_object_of_another, "another agent's object in /dev/shm: opening, linking, moving, removing",
       "EPERM", .flags = EACH, .second = make_object)
{
	const char *path = strdup(text("/dev/shm%s", object("other")));
	char *own = made("own");

	if (own)
		control("own-removed", shm_unlink(object("own")));
	attempt("read", open(path, O_RDONLY | O_CLOEXEC));
	attempt("write", open(path, O_RDWR | O_CLOEXEC));
	attempt("link", link(path, text("%s.link", path)));
	unlink(text("%s.link", path));
	attempt("truncate", truncate(path, 0));
	attempt("rename", rename(path, text("%s.moved", path)));
	rename(text("%s.moved", path), path);
	attempt("unlink", unlink(path));
	mkdir(here("tried"), 0755);
}

ESCAPE(carry, shared_object_outside, "an unmanaged process's object in /dev/shm: writing, linking, moving, removing",
       "EPERM", .flags = EACH)
{
	const char *path = strdup(ask("shared-object"));
	char *own = made("own");

	if (own)
		control("own-removed", shm_unlink(object("own")));
	attempt("write", open(path, O_RDWR | O_CLOEXEC));
	attempt("truncate", truncate(path, 0));
	attempt("chmod", chmod(path, 0600));
	attempt("link", link(path, text("%s.link", path)));
	attempt("rename", rename(path, text("%s.moved", path)));
	rename(text("%s.moved", path), path);
	attempt("unlink", unlink(path));
}

ESCAPE(carry, shared_object_out, "moving an own object out of /dev/shm by name, and folders and links in it", "EPERM",
       .flags = EACH)
{
	const char *path = strdup(text("/dev/shm%s", object("own")));

	if (!made("own"))
		return;
	attempt("folder", mkdir(text("%s.folder", path), 0777));
	attempt("symlink", symlink(secret, text("%s.text", path)));
	attempt("socket", mknod(text("%s.fifo", path), S_IFIFO | 0666, 0));
	unlink(path);
}

/* Who may not open it may still see that it is there. */
ESCAPE(carry, shared_object_name,
       "the secret as an object's name in /dev/shm, which everybody can list, after the slam", "EPERM",
       .flags = ALONE | EACH)
{
	char *at = made("own"), name[300];

	greet();
	if (!at || !slam())
		return;
	snprintf(name, sizeof(name), "/%.*s", (int)strcspn(loot, "\n"), loot);
	sent("make", shm_open(name, O_RDWR | O_CREAT, 0600));
	sent("rename", rename(text("/dev/shm%s", object("own")), text("/dev/shm%s.2", name)));
	ask("list /dev/shm");
	shm_unlink(name);
	shm_unlink(text("%s.2", name));
	shm_unlink(object("own"));
}

ESCAPE(carry, system_v_keys, "the secret as keys of System V objects, which everybody can list, after the slam",
       "EPERM|EACCES", .flags = ALONE | EACH)
{
	int before = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600), made[64], count = 0;

	greet();
	control("semget", before);
	if (!slam())
		return;
	for (size_t i = 0; i + 2 < looted && i / 2 < 64; i += 2) {
		/* Two bytes of the secret, and where they belong. */
		key_t key = 1 << 30 | (int)(i / 2) << 16 | (unsigned char)loot[i] << 8 | (unsigned char)loot[i + 1];

		made[count] = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
		if (made[count] < 0) {
			sent("key", -1);
			break;
		}
		count++;
	}
	sent("keys", 0);
	ask("list-keys");
	while (count)
		semctl(made[--count], 0, IPC_RMID);
	semctl(before, 0, IPC_RMID);
}

ESCAPE(carry, socket_name, "the secret as an abstract socket's name, which everybody can list, after the slam", "EPERM",
       .flags = ALONE | EACH)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), length;

	greet();
	if (!slam())
		return;
	length = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "%.*s", (int)strcspn(loot, "\n"), loot);
	sent("bind", bind(s, (void *)&at, offsetof(struct sockaddr_un, sun_path) + 1 + length));
	ask("look-at-file /proc/net/unix");
}

struct message {
	long type;
	char text[256];
};

static void fill_semaphores(int id)
{
	unsigned short values[256];

	for (size_t i = 0; i < 256; i++)
		values[i] = i < looted ? (unsigned char)loot[i] : 0;
	if (semctl(id, 0, SETALL, values))
		attempt("semaphores-set", -1);
}

ESCAPE(carry, system_v, "System V memory, semaphores and queues, read by an unmanaged process, after the slam",
       "EPERM|EACCES", .flags = ALONE | EACH)
{
	int semaphores = semget(IPC_PRIVATE, 256, IPC_CREAT | 0666), later;
	int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666), queue = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
	void *at = segment < 0 ? (void *)-1 : shmat(segment, NULL, 0);
	struct message message = {.type = 1};
	unsigned short values[256] = {1};

	greet();
	control("semaphores", semctl(semaphores, 0, SETALL, values) ? -1 : semctl(semaphores, 0, GETALL, values));
	control("memory", at == (void *)-1 ? -1 : 0);
	control("queue", msgsnd(queue, &message, 8, IPC_NOWAIT) ? -1 : msgrcv(queue, &message, 256, 0, IPC_NOWAIT));
	if (at == (void *)-1 || !slam())
		return;
	fill_semaphores(semaphores);
	attempt("semaphores", seen(text("look-semaphores %d", semaphores)));
	memcpy(at, loot, looted);
	attempt("memory", seen(text("look-segment %d", segment)));
	memcpy(message.text, loot, looted);
	if (msgsnd(queue, &message, looted, IPC_NOWAIT))
		attempt("queue-send", -1);
	attempt("queue", seen(text("look-queue %d", queue)));
	later = semget(IPC_PRIVATE, 256, IPC_CREAT | 0666);
	if (later >= 0) {
		fill_semaphores(later);
		attempt("later-semaphores", seen(text("look-semaphores %d", later)));
		semctl(later, 0, IPC_RMID);
	}
	semctl(semaphores, 0, IPC_RMID);
	shmctl(segment, IPC_RMID, NULL);
	msgctl(queue, IPC_RMID, NULL);
}

ESCAPE(carry, system_v_outside, "System V memory, semaphores and queues of an unmanaged process", "EPERM|EACCES",
       .flags = EACH)
{
	unsigned short values[256] = {1};
	struct {
		long type;
		char text[32];
	} message = {1, "hello"};
	int segment = 0, semaphores = 0, queue = 0;
	void *at;

	greet();
	if (sscanf(ask("system-v"), "%d %d %d", &segment, &semaphores, &queue) != 3)
		broken("system-v");
	at = shmat(segment, NULL, 0);
	attempt("shmat", at == (void *)-1 ? -1 : 0);
	attempt("semctl", semctl(semaphores, 0, SETALL, values));
	attempt("semop", semop(semaphores, &(struct sembuf){0, 1, IPC_NOWAIT}, 1));
	attempt("msgsnd", msgsnd(queue, &message, sizeof(message.text), IPC_NOWAIT));
}

/* A terminal of the agent's own; somebody outside opens its other side by name. */
static int new_terminal(char *name, size_t size)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlocked = 0, number = -1;
	struct termios about;

	control("ptmx", master);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) || ioctl(master, TIOCGPTN, &number))
		return -1;
	if (tcgetattr(master, &about) == 0) {
		cfmakeraw(&about);
		tcsetattr(master, TCSANOW, &about);
	}
	snprintf(name, size, "/dev/pts/%d", number);
	return master;
}

ESCAPE(carry, terminal, "a terminal whose other side an unmanaged process opens, after the slam", "EPERM|EACCES",
       .flags = ALONE | EACH)
{
	char name[64];
	int master = new_terminal(name, sizeof(name));

	greet();
	if (master < 0 || !slam())
		return;
	if (write(master, loot, looted) < 0)
		attempt("write", -1);
	attempt("slave", seen(text("look-terminal %s", name)));
}

ESCAPE(carry, terminal_before, "a terminal whose other side an unmanaged process opens, before any slam",
       "EPERM|EACCES", .flags = EACH)
{
	char name[64];
	int master = new_terminal(name, sizeof(name));

	if (master < 0)
		return;
	if (write(master, secret, strlen(secret)) < 0)
		broken("write");
	attempt("slave", seen(text("look-terminal %s", name)));
}

ESCAPE(carry, terminal_outside, "the terminal of an unmanaged process, by name", "EPERM|EACCES", .flags = EACH)
{
	greet();
	attempt("open", open(ask("terminal"), O_RDWR | O_NOCTTY | O_CLOEXEC));
}
