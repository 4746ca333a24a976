/* Taint, names: what is secret by a rule for names must not come under another name. EPERM, or the reading slams. */
#include "escape.h"
#include <linux/io_uring.h>

#ifndef RENAME_WHITEOUT
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

static long move(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* A file with the secret, under a name that a rule knows, made by somebody outside. */
static const char *planted(const char *name)
{
	ask(text("plant %s", name));
	return strdup(here(name));
}

/* What stands there now, if that is the secret: to be read and sent. */
static void leak_from(const char *path)
{
	if (access(path, R_OK) == 0 && slam_at(path))
		leak_loot();
}

static void plain(const char *path)
{
	if (store(path, "nothing SECRET\n", 0644))
		broken("plain");
}

ESCAPE(taint, rename_exchange, "the secret and another file change names (RENAME_EXCHANGE)", "EPERM",
       .flags = ALONE | EACH)
{
	const char *key = planted(".env"), *notes = strdup(here("notes")), *other = strdup(here("other"));

	greet();
	plain(notes);
	plain(other);
	control("exchange", move(notes, other, RENAME_EXCHANGE));
	sent("secret-second", move(notes, key, RENAME_EXCHANGE));
	leak_from(notes);
}

ESCAPE(taint, rename_exchange_back, "the same, the secret named first, into another folder", "EPERM",
       .flags = ALONE | EACH)
{
	const char *key = planted(".env"), *notes = strdup(in_free("notes"));

	greet();
	plain(notes);
	plain(in_free("other"));
	control("exchange", move(notes, in_free("other"), RENAME_EXCHANGE));
	sent("secret-first", move(key, notes, RENAME_EXCHANGE));
	leak_from(notes);
}

ESCAPE(taint, rename_folder_out, "moving a folder with the secret to where the rule for its name does not hold",
       "EPERM", .flags = ALONE | EACH)
{
	greet();
	mkdir(here("app"), 0755);
	mkdir(here("app/deep"), 0755);
	planted("app/deep/.env");
	mkdir(here("empty"), 0755);
	mkdir(here("place"), 0755);
	control("within", rename(here("empty"), here("place/empty")));
	sent("rename", rename(here("app"), in_free("app")));
	leak_from(in_free("app/deep/.env"));
}

ESCAPE(taint, rename_folders_exchanged, "exchanging a folder with the secret for one where the rule does not hold",
       "EPERM", .flags = ALONE | EACH)
{
	greet();
	mkdir(here("app"), 0755);
	planted("app/.env");
	mkdir(in_free("one"), 0755);
	mkdir(in_free("two"), 0755);
	control("exchange", move(in_free("one"), in_free("two"), RENAME_EXCHANGE));
	sent("exchange-secret", move(in_free("one"), here("app"), RENAME_EXCHANGE));
	leak_from(in_free("one/.env"));
}

/* The folder is empty when it goes; what comes later is found by no name. */
ESCAPE(taint, rename_folder_before, "moving a folder out before the secret is put there", "EPERM",
       .flags = ALONE | EACH)
{
	int folder;

	greet();
	mkdir(here("app"), 0755);
	folder = open(here("app"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sent("rename", rename(here("app"), in_free("app")));
	ask("plant-below app .env");
	if (faccessat(folder, ".env", R_OK, 0) == 0 && slam_at(text("/proc/self/fd/%d/.env", folder)))
		leak_loot();
}

ESCAPE(taint, rename_links, "linking the secret by descriptors, without opening it", "EPERM", .flags = ALONE)
{
	int fd = open(planted(".env"), O_PATH | O_CLOEXEC);

	greet();
	plain(here("notes"));
	control("link", link(here("notes"), here("notes-again")));
	attempt("linkat", linkat(AT_FDCWD, text("/proc/self/fd/%d", fd), AT_FDCWD, here("one"), AT_SYMLINK_FOLLOW));
	attempt("linkat-free", linkat(AT_FDCWD, here(".env"), AT_FDCWD, in_free("two"), 0));
	leak_from(here("one"));
}

ESCAPE(taint, rename_link_root, "linking the secret's descriptor itself (AT_EMPTY_PATH), as root", "EPERM",
       .flags = ALONE | ROOT | EACH)
{
	int fd = open(planted(".env"), O_PATH | O_CLOEXEC);

	greet();
	sent("linkat", linkat(fd, "", AT_FDCWD, here("one"), AT_EMPTY_PATH));
	leak_from(here("one"));
}

ESCAPE(taint, rename_uring, "io_uring renames, exchanges and links", "EPERM", .flags = ALONE)
{
	const char *key = planted(".env"), *notes = strdup(here("notes")), *link = strdup(here("link"));
	struct ring *r = ring(0);

	greet();
	if (!r) {
		broken("io_uring_setup");
		return;
	}
	plain(notes);
	control("rename",
		ring_operation(r, IORING_OP_RENAMEAT, AT_FDCWD, notes, AT_FDCWD, (unsigned long)here("moved"), 0));
	plain(notes);
	attempt("link", ring_operation(r, IORING_OP_LINKAT, AT_FDCWD, key, AT_FDCWD, (unsigned long)link, 0));
	attempt("exchange",
		ring_operation(r, IORING_OP_RENAMEAT, AT_FDCWD, notes, AT_FDCWD, (unsigned long)key, RENAME_EXCHANGE));
	leak_from(notes);
}

/* The rule is for whatever is in `vault`; it was there when the agent started. */
static const char *anchor(const char *name)
{
	return text(FREE "/%s/anchor%s", tag, name);
}

static void find_in_new_vault(void)
{
	mkdir(anchor(""), 0755);
	mkdir(anchor("/vault"), 0755);
	ask("plant-in-vault");
	if (access(anchor("/vault/key"), R_OK) == 0 && slam_at(anchor("/vault/key")))
		leak_loot();
}

ESCAPE(taint, rename_anchor, "moving the folder that a rule is for, and making it anew", "EPERM", .flags = ALONE | EACH)
{
	greet();
	mkdir(anchor("/plain"), 0755);
	control("other-folder", rename(anchor("/plain"), anchor("/plainer")));
	sent("rename", rename(anchor("/vault"), anchor("/was")));
	find_in_new_vault();
}

ESCAPE(taint, rename_anchor_exchange, "exchanging the folder that a rule is for", "EPERM", .flags = EACH)
{
	greet();
	mkdir(anchor("/plain"), 0755);
	mkdir(anchor("/other"), 0755);
	control("other-folders", move(anchor("/plain"), anchor("/other"), RENAME_EXCHANGE));
	attempt("exchange", move(anchor("/plain"), anchor("/vault"), RENAME_EXCHANGE));
}

ESCAPE(taint, rename_anchor_over,
       "putting another folder in the place of the one that a rule is for, while it is empty", "EPERM", .flags = EACH)
{
	greet();
	mkdir(anchor("/plain"), 0755);
	mkdir(anchor("/empty"), 0755);
	control("other-folder", rename(anchor("/plain"), anchor("/empty")));
	ask("empty-vault");
	attempt("rename-over", rename(anchor("/empty"), anchor("/vault")));
}

ESCAPE(taint, rename_anchor_removed, "removing the folder that a rule is for, while it is empty, and making it anew",
       "EPERM", .flags = EACH)
{
	greet();
	mkdir(anchor("/plain"), 0755);
	control("other-folder", rmdir(anchor("/plain")));
	ask("empty-vault");
	attempt("rmdir", rmdir(anchor("/vault")));
}

ESCAPE(taint, rename_anchor_parent, "moving the folder above the one that a rule is for, and making both anew", "EPERM",
       .flags = ALONE | EACH)
{
	greet();
	sent("rename", rename(anchor(""), in_free("was")));
	find_in_new_vault();
}

/* Shown above to be a way to the secret; here for what each file system makes of it. */
ESCAPE(taint, disk_exchange, "the secret and another file change names, as root", "EPERM", .flags = ROOT | DISK | EACH)
{
	const char *notes = strdup(disk_work("notes")), *other = strdup(disk_work("other")),
		   *key = strdup(disk_work(".env"));

	plain(notes);
	plain(other);
	ask("plant-on-disk .env");
	control("exchange", move(notes, other, RENAME_EXCHANGE));
	attempt("secret-second", move(notes, key, RENAME_EXCHANGE));
	move(notes, key, RENAME_EXCHANGE);
	attempt("secret-first", move(key, notes, RENAME_EXCHANGE));
}

ESCAPE(taint, disk_whiteout, "renaming the secret with a whiteout in its place, as root", "EPERM",
       .flags = ROOT | DISK | EACH)
{
	const char *notes = strdup(disk_work("notes")), *key = strdup(disk_work(".env"));

	greet();
	ask("plant-on-disk .env");
	attempt("whiteout", move(key, notes, RENAME_WHITEOUT));
}

ESCAPE(taint, disk_case, "a file made later, by its name in capitals, on a file system that does not mind", "EPERM",
       .flags = ALONE | DISK | EACH)
{
	greet();
	ask("plant-on-disk .env");
	if (slam_at(disk_work(".ENV")))
		leak_loot();
}

/* FS_IOC_SETVERSION: an inode is known by number and generation. */
static void leak_aged_copy(void)
{
	int fd = -1;

	greet();
	store(here("ready"), "", 0644);
	for (int i = 0; i < 200 && access(here("copied"), F_OK); i++)
		pause_ms(25);
	fd = open(disk_work("copy"), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		attempt("open", -1);
		return;
	}
	looted = read(fd, loot, sizeof(loot) - 1);
	close(fd);
	leak_loot();
}

ESCAPE(taint, disk_generation, "a tainted copy whose inode gets another generation, for another agent", "EPERM",
       .flags = ALONE | DISK | VERITY | EACH, .second = leak_aged_copy)
{
	int fd, generation = 4242;

	if (slam_at(disk_secret()) && store(disk_work("copy"), loot, 0644))
		broken("copy");
	fd = open(disk_work("copy"), O_RDONLY | O_CLOEXEC);
	sent("set-generation", syscall(SYS_ioctl, fd, 0x40087602, &generation));
	close(fd);
	mkdir(here("copied"), 0755);
}
