/* Taint: descriptor 1 is a file that somebody outside opened and gave to the agent. What it says before the slam is there,
 * what comes after is not. EPERM. */
#include "escape.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static int pipe_with_loot(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || write(ends[1], loot, looted) < 0)
		broken("pipe");
	close(ends[1]);
	return ends[0];
}

/* Memory that has no name: what an agent may fill after its slam, too. */
static int memory_with_loot(void)
{
	int fd = memfd_create("loot", MFD_CLOEXEC);

	if (fd < 0 || write(fd, loot, looted) < 0 || lseek(fd, 0, SEEK_SET))
		broken("memfd");
	return fd;
}

static void before(void)
{
	greet();
	control("write", write(1, greeting, strlen(greeting)));
}

static void writes(void)
{
	struct iovec data = {loot, looted};
	struct ring *r = ring(0);
	int copy = dup(1);

	attempt("write", write(1, loot, looted));
	attempt("pwrite", pwrite(1, loot, looted, 4096));
	attempt("writev", writev(1, &data, 1));
	attempt("pwritev2", pwritev2(1, &data, 1, -1, 0));
	attempt("duplicate", write(copy, loot, looted));
	attempt("stderr", write(2, loot, looted)); /* of every agent here a file in a write root */
	if (!r)
		broken("io_uring_setup");
	else
		attempt("io_uring", ring_operation(r, IORING_OP_WRITE, 1, loot, looted, -1, 0));
}

/* What a descriptor with O_APPEND does not do. */
static void copies(void)
{
	off_t end = 8192;
	void *at;
	int fd;

	attempt("splice", splice(pipe_with_loot(), NULL, 1, &end, looted, 0));
	attempt("sendfile", sendfile(1, memory_with_loot(), NULL, looted));
	attempt("truncate", ftruncate(1, 3));
	attempt("reserve", posix_fallocate(1, 0, 16384) ? -1 : 0);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 1, 0);
	if (at == MAP_FAILED) {
		attempt("map", -1);
	} else {
		attempt("map", 0);
		memcpy(at, loot, looted);
	}
	fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC);
	attempt("again", fd < 0 ? -1 : write(fd, loot, looted));
}

ESCAPE(taint, stdout_file, "descriptor 1, a file outside every write root", "EPERM",
       .flags = ALONE | STDOUT_FILE | EACH)
{
	before();
	if (!slam())
		return;
	writes();
	copies();
}

ESCAPE(taint, stdout_append, "descriptor 1, a log that it appends to (>>)", "EPERM",
       .flags = ALONE | STDOUT_FILE | STDOUT_APPEND | EACH)
{
	before();
	if (slam())
		writes();
}

ESCAPE(taint, stdout_root, "descriptor 1, a file outside every write root, as root", "EPERM",
       .flags = ALONE | STDOUT_FILE | ROOT | EACH)
{
	before();
	if (!slam())
		return;
	writes();
	copies();
}

ESCAPE(taint, stdout_own, "descriptor 1, a file in a write root", "EPERM", .flags = ALONE | STDOUT_OWN | CLOSING | EACH)
{
	before();
	if (!slam())
		return;
	writes();
	copies();
}

ESCAPE(taint, stdout_own_append, "descriptor 1, a log in a write root that it appends to (>>)", "EPERM",
       .flags = ALONE | STDOUT_OWN | STDOUT_APPEND | CLOSING | EACH)
{
	before();
	if (slam())
		writes();
}

/* In a write root that stays open: by its name it can be written, by the descriptor that somebody gave it cannot. */
ESCAPE(taint, stdout_open_root, "descriptor 1, a file in a write root that a slam leaves open", "EPERM",
       .flags = ALONE | STDOUT_OWN | EACH)
{
	before();
	if (slam())
		writes();
}

static void in_place(void)
{
	before();
	if (!slam())
		return;
	writes();
	copies();
}

ESCAPE(taint, place_stdout_file, "in a place: descriptor 1, a file outside every write root", "EPERM",
       .flags = ALONE | PLACED | STDOUT_FILE | EACH)
{
	in_place();
}

ESCAPE(taint, place_stdout_append, "in a place: descriptor 1, a log that it appends to (>>)", "EPERM",
       .flags = ALONE | PLACED | STDOUT_FILE | STDOUT_APPEND | EACH)
{
	before();
	if (slam())
		writes();
}

static void write_in_child(void)
{
	attempt("child", write(1, loot, looted));
}

static void after_exec(void)
{
	const char *arguments[] = {HOME "/bin/escape", "say", loot, dir, NULL};

	execv(HOME "/bin/escape", (char **)arguments);
	broken("exec");
}

ESCAPE(taint, stdout_inherited, "descriptor 1, a file, in a child and after exec", "EPERM",
       .flags = ALONE | STDOUT_FILE | EACH)
{
	before();
	if (!slam())
		return;
	in_child(write_in_child);
	in_child(after_exec);
}
