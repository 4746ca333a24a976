/* Carriers: after its slam an agent leaves the secret where others look, in a write root that a slam closes (FREE). EPERM. */
#include "escape.h"
#include <sched.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/un.h>
#include <sys/xattr.h>

static const char *kept(const char *name)
{
	const char *path = strdup(in_free(name));

	control(name, store(path, "before\n", 0644));
	return path;
}

/* The root that stays open does. */
static bool slammed(void)
{
	greet();
	if (!slam())
		return false;
	control("open-root", store(here("kept-open"), "after\n", 0644));
	return true;
}

static long write_and_close(int fd)
{
	long result;

	if (fd < 0)
		return -1;
	result = write(fd, loot, looted);
	close(fd);
	return result;
}

ESCAPE(carry, open, "opening, making and replacing files in its write root after the slam", "EPERM",
       .flags = ALONE | CLOSING | EACH)
{
	const char *old = kept("old"), *emptied = kept("emptied"), *appended = kept("appended");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, s;

	if (!slammed())
		return;
	attempt("old", write_and_close(open(old, O_WRONLY | O_CLOEXEC)));
	attempt("append", write_and_close(open(appended, O_WRONLY | O_APPEND | O_CLOEXEC)));
	attempt("empty", open(emptied, O_RDONLY | O_TRUNC | O_CLOEXEC));
	attempt("new", write_and_close(open(in_free("new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)));
	attempt("create-only", open(in_free("only"), O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
	fd = open(free_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (fd >= 0 || errno != EOPNOTSUPP) /* overlayfs has none before 6.3 */
		attempt("nameless", fd < 0 || write(fd, loot, looted) < 0
					    ? -1
					    : linkat(AT_FDCWD, text("/proc/self/fd/%d", fd), AT_FDCWD, in_free("named"),
						     AT_SYMLINK_FOLLOW));
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", in_free("s"));
	attempt("socket", bind(s, (void *)&at, sizeof(at)));
	attempt("truncate", truncate(old, 3));
}

static int memory_with_loot(void)
{
	int fd = memfd_create("loot", MFD_CLOEXEC);

	if (fd < 0 || write(fd, loot, looted) < 0 || lseek(fd, 0, SEEK_SET))
		broken("memfd");
	return fd;
}

ESCAPE(carry, descriptor, "by a descriptor of a file in its write root that it opened before the slam", "EPERM",
       .flags = ALONE | CLOSING | EACH)
{
	int fd = open(in_free("open"), O_RDWR | O_CREAT | O_CLOEXEC, 0644), ends[2];
	struct ring *r = ring(0);
	off_t at = 4096;
	void *map;

	control("write", write(fd, "before\n", 7));
	if (!slammed())
		return;
	attempt("write", write(fd, loot, looted));
	attempt("pwrite", pwrite(fd, loot, looted, 512));
	attempt("sendfile", sendfile(fd, memory_with_loot(), NULL, looted));
	if (pipe2(ends, O_CLOEXEC) || write(ends[1], loot, looted) < 0)
		broken("pipe");
	attempt("splice", splice(ends[0], NULL, fd, &at, looted, 0));
	if (!r)
		broken("io_uring_setup");
	else
		attempt("io_uring", ring_operation(r, IORING_OP_WRITE, fd, loot, looted, 2048, 0));
	attempt("truncate", ftruncate(fd, 5));
	attempt("reserve", fallocate(fd, 0, 0, 16384));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	attempt("map", map == MAP_FAILED ? -1 : 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	attempt("map-then-protect", map == MAP_FAILED ? -1 : mprotect(map, 4096, PROT_READ | PROT_WRITE));
	attempt("again", open(text("/proc/self/fd/%d", fd), O_WRONLY | O_CLOEXEC));
}

ESCAPE(carry, copy, "by cloning and copying ranges into a file that it opened before the slam", "EPERM",
       .flags = ALONE | CLOSING | DISK | BTRFS | EACH)
{
	int from = open(disk_work("from"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	int fd = open(disk_closed("open"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct file_clone_range range = {.src_fd = from};

	greet();
	control("write", write(fd, "before\n", 7));
	control("from", ftruncate(from, 8192));
	control("clone", ioctl(fd, FICLONE, from));
	if (!slam_at(disk_secret()))
		return;
	attempt("clone", ioctl(fd, FICLONE, from));
	attempt("clone-range", ioctl(fd, FICLONERANGE, &range));
	attempt("copy_file_range", copy_file_range(from, NULL, fd, NULL, 4096, 0));
}

ESCAPE(carry, names, "names in its write root, and texts of symbolic links, after the slam", "EPERM",
       .flags = ALONE | CLOSING | EACH)
{
	const char *one = kept("one"), *two = kept("two"), *gone = kept("gone");

	mkdir(in_free("folder"), 0755);
	mkdir(in_free("other"), 0755);
	if (!slammed())
		return;
	attempt("mkdir", mkdir(in_free(loot), 0755));
	attempt("symlink", symlink(loot, in_free("text")));
	attempt("mkfifo", mkfifo(in_free("fifo"), 0644));
	attempt("link", link(one, in_free("again")));
	attempt("link-out", link(here("kept-open"), in_free("from-open")));
	attempt("exchange", syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE));
	attempt("rename", rename(one, in_free("three")));
	attempt("rename-in", rename(here("kept-open"), in_free("moved-in")));
	attempt("unlink", unlink(gone));
	attempt("rmdir", rmdir(in_free("folder")));
}

ESCAPE(carry, marks, "modes, times and locks in its write root after the slam", "EPERM",
       .flags = ALONE | CLOSING | EACH)
{
	struct timespec then[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	const char *path = kept("marked"), *leased = kept("leased");
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 4242};
	int fd = open(path, O_RDWR | O_CLOEXEC), folder = open(free_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	control("lock", flock(fd, LOCK_EX | LOCK_NB));
	flock(fd, LOCK_UN);
	if (!slammed())
		return;
	attempt("chmod", chmod(path, 0600));
	attempt("fchmod", fchmod(fd, 0640));
	attempt("chown", chown(path, -1, getgid()));
	attempt("times", utimensat(AT_FDCWD, path, then, 0));
	attempt("futimens", futimens(fd, then));
	attempt("folder-times", futimens(folder, then));
	attempt("flock", flock(fd, LOCK_EX | LOCK_NB));
	flock(fd, LOCK_UN);
	attempt("range-lock", fcntl(fd, F_OFD_SETLK, &whole));
	attempt("lease", fcntl(open(leased, O_RDONLY | O_CLOEXEC), F_SETLEASE, F_RDLCK));
}

ESCAPE(carry, attributes, "attributes (xattr, chattr) in its write root after the slam", "EPERM",
       .flags = ALONE | CLOSING | DISK | EACH)
{
	const char *path = strdup(disk_closed("marked"));
	int fd, flags = 0;

	greet();
	control("store", store(path, "before\n", 0644));
	fd = open(path, O_RDWR | O_CLOEXEC);
	control("xattr", setxattr(path, "user.before", "x", 1, 0));
	if (!slam_at(disk_secret()))
		return;
	attempt("setxattr", setxattr(path, "user.after", loot, looted, 0));
	attempt("fsetxattr", fsetxattr(fd, "user.after2", loot, looted, 0));
	attempt("removexattr", removexattr(path, "user.before"));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		broken("getflags");
	flags |= FS_NODUMP_FL;
	attempt("chattr", ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* Another agent's log: a file of its domain, which is clean. */
static void keep_log(void)
{
	control("log", store(here("log"), "of the other\n", 0666));
	chmod(here("log"), 0666);
	store(here("ready"), "", 0644);
	for (int i = 0; i < 300 && access(here("tried"), F_OK); i++)
		pause_ms(25);
	greet(); /* nothing tainted came here */
}

ESCAPE(carry, log_of_another,
       "writing on to another agent's log, which it opened before the slam, and opening it again", "EPERM",
       .flags = ALONE | EACH, .second = keep_log)
{
	int fd = open(here("log"), O_WRONLY | O_APPEND | O_CLOEXEC);

	control("before", write(fd, greeting, strlen(greeting)));
	greet();
	if (slam()) {
		attempt("write", write(fd, loot, looted));
		attempt("open", open(here("log"), O_WRONLY | O_APPEND | O_CLOEXEC));
		attempt("open-both", open(here("log"), O_RDWR | O_CLOEXEC));
	}
	mkdir(here("tried"), 0755);
}

static void write_new(void)
{
	attempt("new", write_and_close(open(in_free("new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)));
	attempt("mkdir", mkdir(in_free(loot), 0755));
}

static void write_in_namespace(void)
{
	if (unshare(CLONE_NEWUSER))
		broken("unshare");
	attempt("user-namespace", mkdir(in_free("from-namespace"), 0755));
}

ESCAPE(carry, child, "its write root after the slam, from a child, a user name space and as root", "EPERM",
       .flags = ALONE | CLOSING | ROOT | EACH)
{
	kept("one");
	if (!slammed())
		return;
	in_child(write_new);
	in_child(write_in_namespace);
}
