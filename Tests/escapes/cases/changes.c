/* File gate: what no write root covers is changed without being opened for writing, or held fast by locks. EPERM. Whatever
 * becomes of the file is seen from outside (runner/watched.py). */
#include "escape.h"
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/xattr.h>

static const char *own(const char *name)
{
	const char *path = strdup(here(name));

	if (store(path, "of the agent\n", 0644))
		broken("own");
	return path;
}

static long truncate_by_open(const char *path)
{
	return open(path, O_RDONLY | O_TRUNC | O_CLOEXEC);
}

ESCAPE(file, truncate_open, "emptying a file by opening it for reading (O_TRUNC)", "EPERM", .flags = EACH)
{
	struct open_how how = {.flags = O_RDONLY | O_TRUNC | O_CLOEXEC};
	struct ring *r = ring(0);
	const char *path = outside("by-ring");

	control("own", truncate_by_open(own("own")));
	attempt("open", truncate_by_open(outside("by-open")));
	attempt("create", open(outside("by-create"), O_RDONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	attempt("openat2", syscall(SYS_openat2, AT_FDCWD, outside("by-openat2"), &how, sizeof(how)));
	if (!r)
		broken("io_uring_setup");
	else
		attempt("io_uring", ring_operation(r, IORING_OP_OPENAT, AT_FDCWD, path, 0, 0, O_RDONLY | O_TRUNC));
}

ESCAPE(file, truncate_again, "emptying a file by opening its descriptor again", "EPERM", .flags = EACH)
{
	int own_fd = open(own("own"), O_RDONLY | O_CLOEXEC), fd = open(outside("file"), O_RDONLY | O_CLOEXEC);
	int path = open(outside("other"), O_PATH | O_CLOEXEC);

	control("own", truncate_by_open(text("/proc/self/fd/%d", own_fd)));
	attempt("descriptor", truncate_by_open(text("/proc/self/fd/%d", fd)));
	attempt("path-descriptor", truncate_by_open(text("/proc/self/fd/%d", path)));
}

ESCAPE(file, truncate_handle, "emptying a file by its handle (open_by_handle_at), as root", "EPERM",
       .flags = DISK | ROOT | EACH)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + 128);
	int folder = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC), mount;
	const char *path = outside("by-handle"), *mine = strdup(disk_work("own"));

	handle->handle_bytes = 128;
	if (store(mine, "of the agent\n", 0644) || name_to_handle_at(AT_FDCWD, mine, handle, &mount, 0))
		broken("own");
	control("own", open_by_handle_at(folder, handle, O_RDONLY | O_TRUNC | O_CLOEXEC));
	handle->handle_bytes = 128;
	if (name_to_handle_at(AT_FDCWD, path, handle, &mount, 0))
		broken("name_to_handle_at");
	attempt("truncate", open_by_handle_at(folder, handle, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

ESCAPE(file, truncate_path, "truncate, creat and opening for writing", "EPERM", .flags = EACH)
{
	control("own", truncate(own("own"), 0));
	attempt("truncate", truncate(outside("truncate"), 3));
	attempt("creat", creat(outside("creat"), 0644));
	attempt("write", open(outside("write"), O_WRONLY | O_CLOEXEC));
	attempt("append", open(outside("append"), O_WRONLY | O_APPEND | O_CLOEXEC));
}

ESCAPE(file, times, "times of a file and of a folder", "EPERM", .flags = EACH)
{
	struct timespec then[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	const char *path = outside("times");
	int fd = open(outside("by-descriptor"), O_RDONLY | O_CLOEXEC);
	char *folder = strdup(path);

	*strrchr(folder, '/') = 0;
	control("own", utimensat(AT_FDCWD, own("own"), then, 0));
	attempt("utimensat", utimensat(AT_FDCWD, path, then, 0));
	attempt("now", utimensat(AT_FDCWD, outside("now"), NULL, 0));
	attempt("futimens", futimens(fd, then));
	attempt("folder", utimensat(AT_FDCWD, folder, then, 0));
}

ESCAPE(file, modes, "mode and group of a file by every call", "EPERM", .flags = EACH)
{
	int fd = open(outside("by-descriptor"), O_RDONLY | O_CLOEXEC);
	const char *path = outside("modes");

	control("own", chmod(own("own"), 0600));
	attempt("chmod", chmod(path, 0666));
	attempt("fchmod", fchmod(fd, 0666));
	attempt("chown", chown(path, -1, getgid()));
	attempt("fchown", fchown(fd, -1, getgid()));
	attempt("fd-path", chmod(text("/proc/self/fd/%d", open(path, O_PATH | O_CLOEXEC)), 0600));
}

static long set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), now = 0;
	long result = fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &now) ? -1 : 0;

	now |= flags;
	if (!result)
		result = ioctl(fd, FS_IOC_SETFLAGS, &now);
	close(fd);
	return result;
}

static long set_extended_flags(const char *path, unsigned flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct fsxattr about = {0};
	long result = fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &about) ? -1 : 0;

	about.fsx_xflags |= flags;
	if (!result)
		result = ioctl(fd, FS_IOC_FSSETXATTR, &about);
	close(fd);
	return result;
}

ESCAPE(file, disk_flags, "attributes as chattr sets them, of files outside", "EPERM", .flags = DISK | EACH)
{
	const char *path = strdup(disk_work("own"));

	store(path, "of the agent\n", 0644);
	control("own", set_flags(path, FS_NODUMP_FL));
	attempt("setflags", set_flags(outside("flags"), FS_NODUMP_FL));
	attempt("fssetxattr", set_extended_flags(outside("extended"), FS_XFLAG_NODUMP));
}

ESCAPE(file, disk_immutable, "making a file outside immutable, as root", "EPERM", .flags = DISK | ROOT | EACH)
{
	const char *path = strdup(disk_work("own"));

	store(path, "of the agent\n", 0644);
	control("own", set_flags(path, FS_NODUMP_FL));
	attempt("immutable", set_flags(outside("immutable"), FS_IMMUTABLE_FL));
	attempt("append-only", set_extended_flags(outside("append-only"), FS_XFLAG_APPEND));
}

ESCAPE(file, disk_user_attribute, "attributes of one's own (user.*) on files outside", "EPERM", .flags = DISK | EACH)
{
	int fd = open(outside("by-descriptor"), O_RDONLY | O_CLOEXEC);
	const char *path = strdup(disk_work("own"));

	store(path, "of the agent\n", 0644);
	control("own", setxattr(path, "user.escape", "x", 1, 0));
	attempt("setxattr", setxattr(outside("attribute"), "user.escape", "x", 1, 0));
	attempt("fsetxattr", fsetxattr(fd, "user.escape", "x", 1, 0));
	attempt("removexattr", removexattr(outside("attributed"), "user.before"));
}

ESCAPE(file, disk_generation, "the generation of a file's inode, by which it is known", "EPERM",
       .flags = DISK | VERITY | EACH)
{
	const char *path = strdup(disk_work("own"));
	int fd = open(outside("aged"), O_RDONLY | O_CLOEXEC), generation = 4242;

	greet();
	if (store(path, "of the agent\n", 0644))
		broken("own");
	attempt("setversion", ioctl(fd, FS_IOC_SETVERSION, &generation));
	attempt("own", ioctl(open(path, O_RDONLY | O_CLOEXEC), FS_IOC_SETVERSION, &generation));
}

ESCAPE(file, disk_dedupe, "giving a file the blocks of another one (FIDEDUPERANGE)", "EPERM",
       .flags = DISK | BTRFS | EACH)
{
	static char block[4096];
	struct {
		struct file_dedupe_range about;
		struct file_dedupe_range_info into;
	} request = {.about = {.src_length = sizeof(block), .dest_count = 1}};
	const char *path = strdup(disk_work("same")), *victim = outside("block");
	int in = open(victim, O_RDONLY | O_CLOEXEC), fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	long result;

	if (read(in, block, sizeof(block)) != sizeof(block))
		broken("block");
	control("write", write(fd, block, sizeof(block)) == sizeof(block) ? 0 : -1);
	fsync(fd);
	request.into = (struct file_dedupe_range_info){.dest_fd = in};
	result = ioctl(fd, FIDEDUPERANGE, &request);
	if (!result && request.into.status < 0) {
		errno = -request.into.status;
		result = -1;
	}
	attempt("dedupe", result);
}

static long enable_verity(const char *path)
{
	struct fsverity_enable_arg how = {
		.version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long result = fd < 0 ? -1 : ioctl(fd, FS_IOC_ENABLE_VERITY, &how);

	close(fd);
	return result;
}

ESCAPE(file, disk_seal, "turning fs-verity on for a file outside, which nobody can change any more", "EPERM",
       .flags = DISK | VERITY | EACH)
{
	const char *path = strdup(disk_work("own"));

	store(path, "of the agent\n", 0644);
	control("own", enable_verity(path));
	attempt("verity", enable_verity(outside("sealed")));
}

static long leased(const char *path, int kind)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fcntl(fd, F_SETLEASE, kind);
}

ESCAPE(file, leases, "leases on files outside, whose openers wait then", "EPERM", .flags = EACH)
{
	control("own", leased(own("own"), F_RDLCK));
	attempt("read-lease", leased(outside("read"), F_RDLCK));
	attempt("write-lease", leased(outside("write"), F_WRLCK));
}

ESCAPE(file, locks, "exclusive locks on files and folders outside", "EPERM", .flags = EACH)
{
	const char *path = outside("flock");
	int mine = open(own("own"), O_RDWR | O_CLOEXEC);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char *folder = strdup(path);

	*strrchr(folder, '/') = 0;
	control("own", flock(mine, LOCK_EX | LOCK_NB));
	control("own-range", fcntl(mine, F_OFD_SETLK, &whole));
	control("shared", flock(open(outside("shared"), O_RDONLY | O_CLOEXEC), LOCK_SH | LOCK_NB));
	attempt("flock", flock(open(path, O_RDONLY | O_CLOEXEC), LOCK_EX | LOCK_NB));
	attempt("folder", flock(open(folder, O_RDONLY | O_CLOEXEC), LOCK_EX | LOCK_NB));
}

ESCAPE(file, hole, "punching, preallocating and shared mappings of files outside", "EPERM", .flags = EACH)
{
	const char *path = own("own");
	int mine = open(path, O_RDWR | O_CLOEXEC), fd = open(outside("map"), O_RDWR | O_CLOEXEC);
	void *at;

	control("own", fallocate(mine, 0, 0, 8192));
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0);
	control("own-map", at == MAP_FAILED ? -1 : 0);
	if (fd < 0) {
		attempt("open", -1);
		return;
	}
	attempt("fallocate", fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4));
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	attempt("map", at == MAP_FAILED ? -1 : 0);
}
