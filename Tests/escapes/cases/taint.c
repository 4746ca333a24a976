/* Taint: reading the secret unseen, or sending after it was read. EPERM. Every case is an agent of its own and shows
 * first that the allowed destination hears it. */
#include "escape.h"
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static long open_connection(void)
{
	long fd = connected(SOCK_STREAM, inet4("127.0.0.1", OPEN_PORT));

	control("connect", fd);
	control("send", send(fd, greeting, strlen(greeting), MSG_NOSIGNAL));
	return fd;
}

ESCAPE(taint, open_connection, "a connection that was open before", "EPERM", .flags = ALONE)
{
	long fd = open_connection();

	if (slam())
		sent("send", send(fd, loot, looted, MSG_NOSIGNAL));
}

ESCAPE(taint, new_connection, "new connections, TCP and UDP", "EPERM", .flags = ALONE)
{
	greet();
	if (!slam())
		return;
	leak_loot();
	sent("udp", leak(SOCK_DGRAM, inet4("127.0.0.1", OPEN_PORT), loot));
	sent("ipv6", leak(SOCK_STREAM, inet6("::1", OPEN_PORT), loot));
}

ESCAPE(taint, udp_connected, "a connected UDP socket", "EPERM", .flags = ALONE)
{
	long fd = connected(SOCK_DGRAM, inet4("127.0.0.1", OPEN_PORT));

	control("send", send(fd, greeting, strlen(greeting), 0));
	if (slam())
		sent("send", send(fd, loot, looted, 0));
}

ESCAPE(taint, inbound, "a connection that somebody outside opened to the agent", "EPERM", .flags = ALONE | LISTENS)
{
	struct sockaddr_storage at = inet4("127.0.0.1", 7115);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	long peer;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	control("listen", bind(fd, (void *)&at, sizeof(struct sockaddr_in)) ? -1 : listen(fd, 4));
	if (atoi(ask("reach 7115 127.0.0.1")))
		broken("reach");
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	control("accept", peer);
	control("send", send(peer, greeting, strlen(greeting), MSG_NOSIGNAL));
	if (slam())
		sent("send", send(peer, loot, looted, MSG_NOSIGNAL));
}

/* More than what the kernel buffers of TCP, and of a pipe or AF_UNIX. */
enum { STREAM_BLOCK = 16 << 20, LOCAL_BLOCK = 2 << 20 };
static char *block;
static long block_size;
static long block_fd;
static volatile bool unblocked;

static void *send_block(void *unused)
{
	/* In pieces: one call blocks in the middle, and whatever it returns the rest is tried. */
	for (long at = 0, done; at < block_size; at += done) {
		done = send(block_fd, block + at, block_size - at, MSG_NOSIGNAL);
		if (done <= 0) {
			if (errno != EAGAIN)
				sent("send", -1);
			break;
		}
	}
	unblocked = true;
	return unused;
}

static void *write_block(void *unused)
{
	if (write(block_fd, block, block_size) < 0)
		sent("write", -1);
	unblocked = true;
	return unused;
}

static void block_then_slam(void *(*act)(void *), long size)
{
	pthread_t thread;

	block_size = size;
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(block, '.', size);
	if (pthread_create(&thread, NULL, act, NULL))
		broken("pthread_create");
	pause_ms(500);
	if (unblocked)
		broken("it-did-not-block");
	if (slam())
		for (char *at = block + size / 2; at + looted < block + size; at += 65536)
			memcpy(at, loot, looted);
	sent("blocked", 0);
	ask("drain");
	for (int i = 0; i < 100 && !unblocked; i++) /* what was slammed may stay blocked for good */
		pause_ms(50);
	pause_ms(500);
}

ESCAPE(taint, blocked_send, "16 MB blocked in send, the secret written to its tail",
       "EPERM|ECONNRESET|EPIPE|ECONNABORTED", .flags = ALONE)
{
	struct timeval long_span = {.tv_sec = 8};

	greet();
	block_fd = connected(SOCK_STREAM, inet4("127.0.0.1", SLOW_PORT));
	control("connect", block_fd);
	setsockopt(block_fd, SOL_SOCKET, SO_SNDTIMEO, &long_span, sizeof(long_span));
	block_then_slam(send_block, STREAM_BLOCK);
}

ESCAPE(taint, blocked_unix, "2 MB blocked in a write to an allowed AF_UNIX socket", "EPERM|EPIPE", .flags = ALONE)
{
	greet();
	block_fd = unix_connected("/run/escapes/slow.sock");
	control("connect", block_fd);
	block_then_slam(write_block, LOCAL_BLOCK);
}

ESCAPE(taint, blocked_pipe, "2 MB blocked in a write to descriptor 1, a pipe", "EPERM|EPIPE",
       .flags = ALONE | STDOUT_PIPE)
{
	greet();
	control("write", write(1, greeting, strlen(greeting)));
	block_fd = 1;
	block_then_slam(write_block, LOCAL_BLOCK);
}

ESCAPE(taint, sendfile, "sendfile to an open connection", "EPERM", .flags = ALONE)
{
	long fd = open_connection();
	int file;

	if (!slam() || store(here("copy"), loot, 0600))
		return;
	file = open(here("copy"), O_RDONLY | O_CLOEXEC);
	sent("sendfile", sendfile(fd, file, NULL, looted));
	file = open(secret_path(), O_RDONLY | O_CLOEXEC);
	sent("sendfile-secret", sendfile(fd, file, NULL, looted));
}

ESCAPE(taint, splice, "splice and vmsplice through a pipe to an open connection", "EPERM", .flags = ALONE)
{
	long fd = open_connection();
	int ends[2];
	struct iovec data;

	if (pipe(ends) || !slam())
		return;
	data = (struct iovec){loot, looted};
	if (vmsplice(ends[1], &data, 1, 0) < 0)
		broken("vmsplice");
	sent("splice", splice(ends[0], NULL, fd, NULL, looted, 0));
}

static volatile bool stop_sending;

static void *send_always(void *unused)
{
	int refused = 0;

	while (!stop_sending && refused < 3) {
		if (send(block_fd, loot, sizeof(loot) - 1, MSG_NOSIGNAL) < 0) {
			refused++;
			sent("send", -1);
		}
		pause_ms(1);
	}
	return unused;
}

ESCAPE(taint, other_thread, "one thread reads into what another sends", "EPERM|ECONNRESET|EPIPE", .flags = ALONE)
{
	pthread_t thread;

	memset(loot, '.', sizeof(loot) - 1);
	block_fd = open_connection();
	pthread_create(&thread, NULL, send_always, NULL);
	pause_ms(200);
	slam();
	pause_ms(500);
	stop_sending = true;
	pthread_join(thread, NULL);
}

ESCAPE(taint, child_before, "a child forked before, fed through a pipe", "EPERM", .flags = ALONE)
{
	int ends[2];
	long fd = open_connection();

	if (pipe(ends))
		broken("pipe");
	if (fork() == 0) {
		close(ends[1]);
		looted = read(ends[0], loot, sizeof(loot) - 1);
		sent("send", send(fd, loot, looted, MSG_NOSIGNAL));
		leak_loot();
		_exit(0);
	}
	close(ends[0]);
	if (slam() && write(ends[1], loot, looted) < 0)
		broken("write");
	close(ends[1]);
	wait(NULL);
}

static void exec_self(void)
{
	const char *arguments[] = {HOME "/bin/escape", "leak", loot, dir, NULL};

	execv(HOME "/bin/escape", (char **)arguments);
	broken("exec");
}

ESCAPE(taint, exec, "exec to shed the taint", "EPERM", .flags = ALONE)
{
	greet();
	if (slam())
		in_child(exec_self);
}

ESCAPE(taint, register_again, "registering again", "EPERM|EINVAL", .flags = ALONE)
{
	greet();
	if (!slam())
		return;
	sent("prctl", prctl(0x54454c4f, 1, 2, 0, 0));
	leak_loot();
}

/* The first agent reads and copies, the second sends what it finds. */
static void send_copy(void)
{
	int fd = -1;

	greet();
	store(here("ready"), "", 0644);
	for (int i = 0; i < 200 && access(here("copied"), F_OK); i++)
		pause_ms(25);
	fd = open(here("copy"), O_RDONLY | O_CLOEXEC);
	looted = read(fd, loot, sizeof(loot) - 1);
	close(fd);
	leak_loot();
}

ESCAPE(taint, copied, "copied to a clean file that another agent reads and sends", "EPERM", .flags = ALONE,
       .second = send_copy)
{
	if (slam() && store(here("copy"), loot, 0644))
		broken("copy");
	mkdir(here("copied"), 0755);
}

static void send_shared(void)
{
	int fd = open(here("shared"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char *shared;

	if (ftruncate(fd, 4096))
		broken("ftruncate");
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	greet();
	store(here("ready"), "", 0644);
	for (int i = 0; i < 200 && !shared[0]; i++)
		pause_ms(25);
	snprintf(loot, sizeof(loot), "%s", shared);
	leak_loot();
}

ESCAPE(taint, shared_mapping, "a MAP_SHARED store into what another agent has mapped", "EPERM", .flags = ALONE,
       .second = send_shared)
{
	char *shared;
	int fd;

	if (!slam())
		return;
	fd = open(here("shared"), O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		sent("open", fd);
		return;
	}
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		broken("mmap");
	memcpy(shared, loot, looted);
}

/* The first agent hands its secret to the second through an AF_UNIX socket. */
static void send_received(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	struct timeval span = {.tv_sec = 8};

	greet();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", here("s"));
	if (bind(fd, (void *)&at, sizeof(at)) || listen(fd, 1))
		broken("listen");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span));
	store(here("ready"), "", 0644);
	peer = accept(fd, NULL, NULL);
	looted = recv(peer, loot, sizeof(loot) - 1, 0);
	leak_loot();
}

ESCAPE(taint, agent_socket, "handed to another agent over AF_UNIX", "EPERM", .flags = ALONE, .second = send_received)
{
	long fd;

	if (!slam())
		return;
	fd = unix_connected(here("s"));
	if (fd < 0 || send(fd, loot, looted, MSG_NOSIGNAL) < 0)
		sent("unix", -1);
	pause_ms(300);
}

static void send_from_fifo(void)
{
	int fd;

	greet();
	if (mkfifo(here("fifo"), 0666))
		broken("mkfifo");
	store(here("ready"), "", 0644);
	fd = open(here("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	for (int i = 0; i < 200 && access(here("end"), F_OK); i++)
		pause_ms(25);
	looted = read(fd, loot, sizeof(loot) - 1);
	if ((ssize_t)looted > 0)
		leak_loot();
	sent("read", 0); /* the first may not even write into a file of this one: two agents, one result */
}

ESCAPE(taint, agent_fifo, "handed to another agent through a named pipe", "EPERM", .flags = ALONE,
       .second = send_from_fifo)
{
	int fd;

	if (!slam())
		return;
	fd = open(here("fifo"), O_RDWR | O_CLOEXEC);
	sent("open", fd < 0 ? -1 : write(fd, loot, looted));
	store(here("end"), "", 0644);
}

ESCAPE(taint, openat2, "openat2", "EPERM", .flags = ALONE)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	int fd;

	greet();
	fd = syscall(SYS_openat2, AT_FDCWD, secret_path(), &how, sizeof(how));
	if (fd < 0)
		broken("openat2");
	looted = read(fd, loot, sizeof(loot) - 1);
	leak_loot();
}

ESCAPE(taint, uring_open, "io_uring opens and reads", "EPERM", .flags = ALONE)
{
	struct ring *r = ring(0);
	const char *path = secret_path();
	long fd;

	greet();
	if (!r) {
		broken("io_uring_setup");
		return;
	}
	fd = ring_operation(r, IORING_OP_OPENAT, AT_FDCWD, path, 0, 0, O_RDONLY);
	if (fd < 0)
		broken("openat");
	looted = ring_operation(r, IORING_OP_READ, fd, loot, sizeof(loot) - 1, 0, 0);
	leak_loot();
}

ESCAPE(taint, opath, "O_PATH, then /proc/self/fd", "EPERM", .flags = ALONE)
{
	int fd = open(secret_path(), O_PATH | O_CLOEXEC);

	greet();
	if (slam_at(text("/proc/self/fd/%d", fd)))
		leak_loot();
}

static struct file_handle *handle_of(const char *path, int *mount)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + 128);

	handle->handle_bytes = 128;
	return name_to_handle_at(AT_FDCWD, path, handle, mount, 0) ? NULL : handle;
}

static void by_handle(const char *path, const char *anchor)
{
	int mount, folder = open(anchor, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct file_handle *handle = handle_of(path, &mount);

	if (!handle) {
		broken("name_to_handle_at");
		return;
	}
	ask("forget"); /* names and inodes leave the kernel's memory */
	fd = open_by_handle_at(folder, handle, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		attempt("open_by_handle_at", -1);
		return;
	}
	looted = read(fd, loot, sizeof(loot) - 1);
	leak_loot();
}

ESCAPE(taint, handle, "open_by_handle_at, as root", "EPERM", .flags = ALONE | ROOT | DISK)
{
	greet();
	by_handle(disk_secret(), disk);
}

ESCAPE(taint, handle_new, "open_by_handle_at of a file made later, as root", "EPERM", .flags = ALONE | ROOT | DISK)
{
	greet();
	by_handle(strdup(ask(text("new-secret %s/secret", disk))), disk);
}

ESCAPE(taint, replaced, "a sensitive file that was replaced by rename", "EPERM", .flags = ALONE)
{
	greet();
	if (slam_at(strdup(ask("replace"))))
		leak_loot();
}

ESCAPE(taint, new_file, "a file made later in a sensitive folder", "EPERM", .flags = ALONE)
{
	greet();
	if (slam_at(strdup(ask("new-secret " HOME "/secret"))))
		leak_loot();
}

/* As taint.disk_moved_in, by a mount. */
ESCAPE(taint, mount_moved_in, "a file of a mount that somebody moved into a sensitive folder after it was read there",
       "EPERM", .flags = ALONE)
{
	greet();
	if (atoi(ask("mount-here")))
		broken("mount");
	for (int i = 0; i < 4; i++)
		control("read", readable(here("mount/deep/key")));
	if (slam_at(strdup(ask("move-mount-into-secret"))))
		leak_loot();
}

ESCAPE(taint, forgotten, "after the kernel reclaimed the inode", "EPERM", .flags = ALONE | DISK)
{
	greet();
	ask("forget");
	if (slam_at(disk_secret()))
		leak_loot();
}

ESCAPE(taint, moved, "renaming or linking the secret to a name that no rule knows", "EPERM", .flags = ALONE | ROOT)
{
	greet();
	ask("plant .env");
	attempt("rename", rename(here(".env"), here("harmless")));
	attempt("link", link(here(".env"), here("harmless-link")));
	attempt("link-outside", link(secret_path(), here("harmless-other")));
	if (access(here("harmless"), F_OK) == 0 && slam_at(here("harmless")))
		leak_loot();
}

ESCAPE(taint, moved_folder, "renaming the folder above the secret", "EPERM", .flags = ALONE | ROOT)
{
	greet();
	mkdir(here("app"), 0755);
	ask("plant app/.env");
	if (rename(here("app"), here("moved")))
		sent("rename", -1);
	else if (slam_at(here("moved/.env")))
		leak_loot();
}

ESCAPE(taint, stdout_pipe, "descriptor 1, a pipe to an unmanaged process", "EPERM", .flags = ALONE | STDOUT_PIPE)
{
	int fd;

	control("write", write(1, greeting, strlen(greeting)));
	if (!slam())
		return;
	sent("write", write(1, loot, looted));
	fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC);
	sent("reopened", fd < 0 ? -1 : write(fd, loot, looted));
}

ESCAPE(taint, stdin_socket, "descriptor 0, a connection made before the agent", "EPERM", .flags = ALONE | STDIN_TCP)
{
	control("send", send(0, greeting, strlen(greeting), MSG_NOSIGNAL));
	if (!slam())
		return;
	sent("send", send(0, loot, looted, MSG_NOSIGNAL));
	sent("write", write(0, loot, looted));
}

ESCAPE(taint, unix_socket, "an allowed AF_UNIX connection that was open before", "EPERM", .flags = ALONE)
{
	long fd = unix_connected("/run/escapes/open.sock");

	control("connect", fd);
	control("send", send(fd, greeting, strlen(greeting), MSG_NOSIGNAL));
	if (!slam())
		return;
	sent("send", send(fd, loot, looted, MSG_NOSIGNAL));
	sent("write", write(fd, loot, looted));
	fd = unix_connected("/run/escapes/open.sock");
	sent("connect", fd < 0 ? -1 : send(fd, loot, looted, MSG_NOSIGNAL));
}

ESCAPE(taint, fifo, "a named pipe that an unmanaged process reads", "EPERM", .flags = ALONE)
{
	int fd;

	if (mkfifo(here("fifo"), 0666) || chmod(here("fifo"), 0666))
		broken("mkfifo");
	ask("read fifo");
	fd = open(here("fifo"), O_WRONLY | O_CLOEXEC);
	control("open", fd);
	control("write", write(fd, greeting, strlen(greeting)));
	if (slam())
		sent("write", write(fd, loot, looted));
}

ESCAPE(taint, environ, "/proc/PID/environ of an unmanaged process", "EPERM|EACCES")
{
	const char *path = text("/proc/%s/environ", ask("victim"));
	int fd;

	greet();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		attempt("open", -1);
		return;
	}
	looted = read(fd, loot, sizeof(loot) - 1);
	attempt("read", strnlen(loot, looted) ? 0 : -1);
}

ESCAPE(taint, open_tree, "a file made later, in a clone of its folder that is mounted nowhere (open_tree)", "EPERM",
       .flags = ALONE)
{
	int tree, fd;

	greet();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		broken("unshare");
	tree = syscall(SYS_open_tree, AT_FDCWD, text(HOME "/secret/%s", tag), OPEN_TREE_CLONE | O_CLOEXEC);
	if (tree < 0) {
		broken("open_tree");
		return;
	}
	ask("new-secret " HOME "/secret");
	fd = openat(tree, "late", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		attempt("open", -1);
		return;
	}
	looted = read(fd, loot, sizeof(loot) - 1);
	leak_loot();
}

static long new_key(const char *name, const void *content, size_t size)
{
	return syscall(SYS_add_key, "user", name, content, size, KEY_SPEC_USER_KEYRING);
}

ESCAPE(taint, keyring, "into a key of the agent's user, which others of that user may read", "EPERM", .flags = ALONE)
{
	long key = new_key(text("before-%s", tag), "nothing", 7);

	control("add_key", key);
	if (!slam())
		return;
	attempt("add_key", new_key(text("after-%s", tag), loot, looted));
	attempt("update", syscall(SYS_keyctl, KEYCTL_UPDATE, key, loot, looted, 0));
	attempt("add_again", new_key(text("before-%s", tag), loot, looted));
}

ESCAPE(taint, posix_queue, "POSIX message queues", "EPERM")
{
	greet();
	attempt("mq_open", mq_open(text("/%.60s", strchr(tag, '.') + 1), O_RDWR | O_CREAT, 0666, NULL));
}
