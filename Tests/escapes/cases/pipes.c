/* Taint, pipes: they have no gate for what is in them, vmsplice and tee have no hook, and a write that blocks delivers
 * later what is stored into its tail. */
#include "escape.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static long splice_memory(int pipe, char *text)
{
	struct iovec data = {text, strlen(text)};

	return vmsplice(pipe, &data, 1, 0);
}

ESCAPE(taint, vmsplice_stdout, "vmsplice to descriptor 1, a pipe", "EPERM|EPIPE", .flags = ALONE | STDOUT_PIPE)
{
	greet();
	control("write", write(1, greeting, strlen(greeting)));
	if (slam())
		sent("vmsplice", splice_memory(1, loot));
}

ESCAPE(taint, vmsplice_before, "a page given to descriptor 1 by vmsplice before, filled after", "EPERM|EPIPE",
       .flags = ALONE | STDOUT_PIPE)
{
	enum { PAGES = 256 }; /* more than the pipes on the way hold */
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec data = {page, 4096};

	greet();
	memset(page, '.', 4096);
	fcntl(1, F_SETFL, O_NONBLOCK);
	/* Until the pipes are full, and stay so. */
	for (int i = 0, full = 0; i < PAGES && full < 20; i++) {
		full = vmsplice(1, &data, 1, SPLICE_F_NONBLOCK) > 0 ? 0 : full + 1;
		if (full)
			pause_ms(20);
	}
	if (slam())
		memcpy(page + 1024, loot, looted);
	sent("vmsplice", 0);
	ask("drain");
	pause_ms(500);
}

ESCAPE(taint, splice_stdout, "tee, splice and sendfile to descriptor 1, a pipe", "EPERM|EPIPE",
       .flags = ALONE | STDOUT_PIPE)
{
	int ends[2], file;

	greet();
	control("write", write(1, greeting, strlen(greeting)));
	if (pipe(ends) || !slam() || store(here("copy"), loot, 0600) || write(ends[1], loot, looted) < 0)
		return;
	sent("tee", tee(ends[0], 1, looted, 0));
	sent("splice-pipe", splice(ends[0], NULL, 1, NULL, looted, 0));
	file = open(here("copy"), O_RDONLY | O_CLOEXEC);
	sent("splice-file", splice(file, NULL, 1, NULL, looted, 0));
	sent("sendfile", sendfile(1, file, NULL, looted));
}

/* Relays of any agent; only to the pipe of this one something is written. */
static int visit_relays(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	struct stat own, other;
	int found = 0;

	fstat(1, &own);
	while (folder && (entry = readdir(folder))) {
		char comm[32] = "";
		int file = open(text("/proc/%s/comm", entry->d_name), O_RDONLY | O_CLOEXEC);

		if (file < 0)
			continue;
		if (read(file, comm, sizeof(comm) - 1) < 0 || strncmp(comm, "telos-relay", 11)) {
			close(file);
			continue;
		}
		close(file);
		found++;
		for (int number = 3; number < 12; number++) {
			const char *path = text("/proc/%s/fd/%d", entry->d_name, number);
			int fd;

			if (stat(path, &other) == 0 && other.st_ino != own.st_ino)
				continue;
			fd = open(path, O_WRONLY | O_CLOEXEC);
			if (fd >= 0 || errno != ENOENT)
				sent("open", fd < 0 ? -1 : splice_memory(fd, loot));
		}
	}
	return found;
}

ESCAPE(taint, relay, "the descriptors of the relay that carries descriptor 1, as root", "EPERM|EACCES",
       .flags = ALONE | STDOUT_PIPE | ROOT)
{
	greet();
	control("write", write(1, greeting, strlen(greeting)));
	if (slam() && !visit_relays())
		broken("no-relay");
}

static volatile bool unblocked;
static char *block;
static int block_fd;
enum { BLOCK = 2 << 20 };

static void *write_block(void *unused)
{
	if (write(block_fd, block, BLOCK) < 0)
		sent("write", -1);
	unblocked = true;
	return unused;
}

static void start_block(void)
{
	pthread_t thread;

	block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(block, '.', BLOCK);
	if (pthread_create(&thread, NULL, write_block, NULL))
		broken("pthread_create");
	pause_ms(500);
	if (unblocked)
		broken("it-did-not-block");
}

static void fill_block(void)
{
	for (char *at = block + BLOCK / 2; at + looted < block + BLOCK; at += 65536)
		memcpy(at, loot, looted);
	sent("blocked", 0);
	ask("drain");
	for (int i = 0; i < 100 && !unblocked; i++)
		pause_ms(50);
	pause_ms(500);
}

ESCAPE(taint, fifo_before, "a named pipe opened before, by vmsplice", "EPERM", .flags = ALONE)
{
	int fd;

	greet();
	if (mkfifo(here("fifo"), 0666) || chmod(here("fifo"), 0666))
		broken("mkfifo");
	ask("read fifo");
	fd = open(here("fifo"), O_WRONLY | O_CLOEXEC);
	control("open", fd);
	if (slam())
		sent("vmsplice", splice_memory(fd, loot));
}

ESCAPE(taint, fifo_after, "a named pipe opened after, by vmsplice", "EPERM", .flags = ALONE)
{
	int fd;

	greet();
	if (mkfifo(here("fifo"), 0666) || chmod(here("fifo"), 0666))
		broken("mkfifo");
	ask("read fifo");
	if (!slam())
		return;
	fd = open(here("fifo"), O_WRONLY | O_CLOEXEC);
	sent("open", fd < 0 ? -1 : splice_memory(fd, loot));
}

/* The first agent copies the secret where the second reads it while a write of its own to somebody outside is blocked. */
static void leak_what_is_met(void)
{
	int fd;

	greet();
	block_fd = unix_connected("/run/escapes/late.sock");
	control("connect", block_fd);
	start_block();
	store(here("ready"), "", 0644);
	for (int i = 0; i < 200 && access(here("copied"), F_OK); i++)
		pause_ms(25);
	fd = open(here("copy"), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		attempt("open", -1);
		return;
	}
	looted = read(fd, loot, sizeof(loot) - 1);
	fill_block();
}

ESCAPE(taint, met_blocked, "2 MB blocked in a write to AF_UNIX by another agent, which then meets the secret",
       "EPERM|EPIPE", .flags = ALONE, .second = leak_what_is_met)
{
	if (slam() && store(here("copy"), loot, 0644))
		broken("copy");
	mkdir(here("copied"), 0755);
}
