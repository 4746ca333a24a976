/* Cases about inodes, tried on every file system that runner/disks.py sets up: `disk` is where it is mounted. */
#include "escape.h"
#include <sys/ioctl.h>
#include <sys/xattr.h>

/* linux/btrfs.h, which not every machine has. */
struct snapshot {
	long long fd;
	unsigned long long transaction, flags, unused[4];
	char name[4040];
};
struct sending {
	long long fd;
	unsigned long long sources_count;
	unsigned long long *sources;
	unsigned long long parent, flags;
	unsigned version;
	unsigned char reserved[28];
};
#define SNAPSHOT_V2 _IOW(0x94, 23, struct snapshot)
#define SEND _IOW(0x94, 38, struct sending)

ESCAPE(taint, disk_new, "a file made later in a sensitive folder", "EPERM", .flags = ALONE | DISK)
{
	greet();
	if (slam_at(strdup(ask(text("new-secret %s/secret", disk)))))
		leak_loot();
}

ESCAPE(taint, disk_replaced, "a sensitive file that was replaced by rename", "EPERM", .flags = ALONE | DISK)
{
	greet();
	if (slam_at(strdup(ask("replace-on-disk"))))
		leak_loot();
}

ESCAPE(taint, disk_changed, "a sensitive file after somebody changed it, which copies it up on overlayfs", "EPERM",
       .flags = ALONE | DISK)
{
	greet();
	ask("change-on-disk");
	if (slam_at(disk_secret()))
		leak_loot();
}

ESCAPE(taint, disk_moved, "renaming or linking the secret, or its folder, into a write root, as root", "EPERM",
       .flags = ALONE | ROOT | DISK)
{
	greet();
	attempt("link", link(disk_secret(), disk_work("link")));
	attempt("rename", rename(disk_secret(), disk_work("moved")));
	attempt("rename-folder", rename(text("%s/secret/%s", disk, tag), disk_work("folder")));
}

/* A naive design remembers the folder, as it was. */
ESCAPE(taint, disk_moved_in, "a file in a folder that somebody moved into a sensitive one after it was read there",
       "EPERM", .flags = ALONE | DISK)
{
	greet();
	control("mkdir", mkdir(disk_work("plain"), 0755));
	control("store", store(disk_work("plain/key"), "nothing yet\n", 0644));
	for (int i = 0; i < 4; i++)
		control("read", readable(disk_work("plain/key")));
	if (slam_at(strdup(ask("move-into-secret"))))
		leak_loot();
}

static const char *run_path;

static void run_it(void)
{
	attempt("exec", program(run_path, "mark"));
}

ESCAPE(exec, disk_program, "a program that the agent put there", "EACCES", .flags = DISK)
{
	const char *path = strdup(disk_work("program"));

	control("approved-program", approved_program());
	if (copy(FORBIDDEN, path, 0755))
		broken("copy");
	run_path = path;
	in_child(run_it);
}

ESCAPE(exec, disk_rename_over, "renaming or linking another program over an approved one, as root", "EPERM",
       .flags = ROOT | DISK)
{
	const char *approved = strdup(text("%s/x/approved/%s", disk, tag)), *path = strdup(disk_work("program"));

	control("approved-program", approved_program());
	if (copy(FORBIDDEN, path, 0755))
		broken("copy");
	attempt("open", open(approved, O_WRONLY | O_CLOEXEC));
	attempt("rename", rename(path, approved));
	attempt("unlink", unlink(approved));
}

ESCAPE(exec, disk_content, "a program that somebody changed after its sha256 was named", "EACCES", .flags = DISK)
{
	run_path = strdup(ask("program-of-known-content"));
	control("program", runs(run_path));
	ask(text("change-content %s", run_path));
	in_child(run_it);
}

ESCAPE(exec, disk_verity, "another program in the inode, generation included, of one whose fs-verity digest was named",
       "EACCES", .flags = DISK | VERITY)
{
	run_path = strdup(ask("program-of-known-content"));
	control("program", runs(run_path));
	if (strcmp(ask(text("swap-inode %s", run_path)), "same"))
		broken("swap-inode");
	in_child(run_it);
}

/* linux/posix_acl_xattr.h: user 4242 may read and write. */
static const struct {
	unsigned version;
	struct {
		unsigned short tag, permissions;
		unsigned id;
	} entries[5];
} access_list = {2, {{1, 7, -1u}, {2, 6, 4242}, {4, 5, -1u}, {16, 7, -1u}, {32, 5, -1u}}};

ESCAPE(exec, disk_attributes, "access lists and attributes of an approved program, as root", "EPERM",
       .flags = ROOT | DISK)
{
	const char *approved = strdup(text("%s/x/approved/%s", disk, tag));

	control("approved-program", approved_program());
	attempt("access-list", setxattr(approved, "system.posix_acl_access", &access_list, sizeof(access_list), 0));
	attempt("attribute", setxattr(approved, "security.telos-test", "x", 1, 0));
	attempt("no-access-list", removexattr(approved, "system.posix_acl_access"));
	attempt("no-attribute", removexattr(approved, "security.telos-test"));
}

static int subvolume(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		broken("subvolume");
	return fd;
}

ESCAPE(taint, snapshot, "a snapshot of the subvolume that the secret is in, as root", "EPERM",
       .flags = ALONE | ROOT | DISK | BTRFS)
{
	struct snapshot snapshot = {.fd = subvolume(disk), .name = "copy"};
	int folder = open(disk_work("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	greet();
	if (ioctl(folder, SNAPSHOT_V2, &snapshot)) {
		attempt("snapshot", -1);
		return;
	}
	fd = open(text("%s/secret/%s/key", disk_work("copy"), tag), O_RDONLY | O_CLOEXEC);
	looted = fd < 0 ? 0 : read(fd, loot, sizeof(loot) - 1);
	leak_loot();
}

ESCAPE(taint, send, "a subvolume in the stream that btrfs makes of it, as root", "EPERM",
       .flags = ALONE | ROOT | DISK | BTRFS)
{
	int ends[2], folder = subvolume(text("%s/sealed", disk));
	struct sending sending = {};
	static char stream[1 << 16];
	ssize_t got;

	greet();
	if (pipe2(ends, O_CLOEXEC))
		broken("pipe");
	sending.fd = ends[1];
	if (ioctl(folder, SEND, &sending)) {
		attempt("send", -1);
		return;
	}
	got = read(ends[0], stream, sizeof(stream));
	for (ssize_t at = 0; at + 8 < got; at++) {
		char *found = memmem(stream + at, got - at, text("SECRET-%s;", tag), strlen(tag) + 8);

		if (!found)
			break;
		looted = strlen(tag) + 8;
		memcpy(loot, found, looted);
		leak_loot();
		return;
	}
	sent("stream", -1);
}
