/* Taint, meetings: two agents, or an agent and somebody outside, hold one file open in an order that a label could miss. The
 * first slams itself and writes, the second reads what it has open and sends it. EPERM. */
#include "escape.h"

static void await(const char *name)
{
	for (int i = 0; i < 300 && access(here(name), F_OK); i++)
		pause_ms(25);
}

static void tell(const char *name)
{
	mkdir(here(name), 0755);
}

static void send_what_is_in(int fd)
{
	long got = pread(fd, loot, sizeof(loot) - 1, 0);

	looted = got > 0 ? got : 0;
	loot[looted] = 0;
	if (strstr(loot, "SECRET"))
		leak_loot();
}

/* Holds a clean file open for reading before anybody writes it. */
static void read_early(void)
{
	int fd;

	greet();
	ask("plant-clean file");
	fd = open(here("file"), O_RDONLY | O_CLOEXEC);
	control("open", fd);
	store(here("ready"), "", 0644);
	await("written");
	send_what_is_in(fd);
}

ESCAPE(taint, reader_before, "written after the slam into a file that another agent has open for reading from before",
       "EPERM", .flags = ALONE | EACH, .second = read_early)
{
	int fd = open(here("file"), O_WRONLY | O_CLOEXEC);

	greet();
	control("open", fd);
	if (slam())
		sent("write", pwrite(fd, loot, looted, 0));
	tell("written");
}

ESCAPE(taint, reader_of_deleted, "the same, into a file without a name", "EPERM", .flags = ALONE | EACH,
       .second = read_early)
{
	int fd = open(here("file"), O_WRONLY | O_CLOEXEC);

	greet();
	control("open", fd);
	control("unlink", unlink(here("file")));
	if (slam())
		sent("write", pwrite(fd, loot, looted, 0));
	tell("written");
}

ESCAPE(taint, reader_of_replaced, "the same, into a file whose name another took (rename)", "EPERM",
       .flags = ALONE | EACH, .second = read_early)
{
	int fd = open(here("file"), O_WRONLY | O_CLOEXEC);

	greet();
	control("open", fd);
	if (store(here("other"), "other\n", 0644))
		broken("store");
	control("rename", rename(here("other"), here("file")));
	if (slam())
		sent("write", pwrite(fd, loot, looted, 0));
	tell("written");
}

ESCAPE(taint, deleted_outside, "a file without a name that somebody outside has open for reading from before", "EPERM",
       .flags = ALONE | EACH)
{
	int fd;

	greet();
	ask("plant-clean file");
	ask("hold file");
	fd = open(here("file"), O_WRONLY | O_CLOEXEC);
	control("open", fd);
	control("unlink", unlink(here("file")));
	if (slam())
		sent("write", pwrite(fd, loot, looted, 0));
	ask("read-held");
}

/* It had no name while it was written. */
static void read_named(void)
{
	int fd;

	greet();
	store(here("ready"), "", 0644);
	await("named");
	fd = open(here("late"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		attempt("open", -1);
	else
		send_what_is_in(fd);
}

ESCAPE(taint, nameless, "a file that gets its name after the secret was written to it (O_TMPFILE)", "EPERM|ENOENT",
       .flags = ALONE | EACH, .second = read_named)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);

	greet();
	control("open", fd);
	if (slam()) {
		sent("write", write(fd, loot, looted));
		sent("link", linkat(AT_FDCWD, text("/proc/self/fd/%d", fd), AT_FDCWD, here("late"), AT_SYMLINK_FOLLOW));
	}
	tell("named");
}

/* Both names are gone from the first's sight, and the second's own is left. */
static void read_linked(void)
{
	int fd;

	greet();
	if (store(here("shared"), "nothing\n", 0666) || chmod(here("shared"), 0666))
		broken("store");
	store(here("ready"), "", 0644);
	await("written");
	fd = open(here("shared"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		attempt("open", -1);
	else
		send_what_is_in(fd);
}

ESCAPE(taint, moved_over, "the tainted copy takes the name of another agent's clean file", "EPERM|ENOENT",
       .flags = ALONE | EACH, .second = read_linked)
{
	greet();
	if (slam()) {
		sent("store", store(here("mine"), loot, 0644));
		sent("rename", rename(here("mine"), here("shared")));
	}
	tell("written");
}
