/* Exec gate: running what the intent does not approve. EACCES, and EPERM where a name or a file would have to change. */
#include "escape.h"
#include <dlfcn.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>

#define LOADER "/lib64/ld-linux-x86-64.so.2"

static void controls(void)
{
	control("approved-program", approved_program());
}

static const char *run_path, *run_argument = "mark";

static void run_it(void)
{
	attempt("exec", program(run_path, run_argument));
}

static void try(const char *path)
{
	run_path = path;
	in_child(run_it);
}

ESCAPE(exec, plain, "a program that is not approved", "EACCES")
{
	controls();
	try(FORBIDDEN);
}

ESCAPE(exec, copy, "a copy of it, named as an approved one", "EACCES")
{
	controls();
	if (copy(FORBIDDEN, here("approved"), 0755))
		broken("copy");
	try(here("approved"));
}

ESCAPE(exec, long_name, "a name that collides with an approved one in its first 15 bytes", "EACCES")
{
	controls();
	if (copy(FORBIDDEN, here("approved-tool-with-a-long-name-2"), 0755))
		broken("copy");
	try(here("approved-tool-with-a-long-name-2"));
}

ESCAPE(exec, symlink, "a symbolic link to it", "EACCES")
{
	controls();
	if (symlink(FORBIDDEN, here("link")))
		broken("symlink");
	try(here("link"));
}

ESCAPE(exec, hardlink, "a hard link to it, as root", "EACCES|EPERM", .flags = ROOT)
{
	controls();
	if (link(FORBIDDEN, here("link"))) {
		attempt("link", -1);
		return;
	}
	try(here("link"));
}

ESCAPE(exec, rename_over, "renaming it over an approved program, as root", "EPERM", .flags = ROOT)
{
	const char *target = strdup(ask("approved"));

	controls();
	if (copy(FORBIDDEN, here("new"), 0755))
		broken("copy");
	attempt("rename", rename(here("new"), target));
	attempt("exchange", renameat2(AT_FDCWD, here("new"), AT_FDCWD, target, RENAME_EXCHANGE));
	attempt("unlink", unlink(target));
}

ESCAPE(exec, overwrite, "writing, truncating and mapping an approved program, as root", "EPERM", .flags = ROOT)
{
	const char *target = strdup(ask("approved"));

	controls();
	attempt("open-write", open(target, O_WRONLY | O_CLOEXEC));
	attempt("open-shared", open(target, O_RDWR | O_CLOEXEC));
	attempt("truncate", truncate(target, 0));
}

ESCAPE(exec, bind_mount, "mounting it over an approved program, as root", "EPERM|EACCES", .flags = ROOT)
{
	const char *target = strdup(ask("approved"));

	controls();
	if (mount(FORBIDDEN, target, NULL, MS_BIND, NULL)) {
		attempt("mount", -1);
		return;
	}
	try(target);
	umount2(target, MNT_DETACH);
}

static void mount_in_namespace(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		attempt("unshare", -1);
		return;
	}
	attempt("mount", mount("none", here("mnt"), "tmpfs", 0, NULL));
	if (copy(FORBIDDEN, here("mnt/program"), 0755) == 0)
		attempt("exec", program(here("mnt/program"), "mark"));
}

ESCAPE(exec, namespace_mount, "a tmpfs of the agent's own user name space", "EPERM|EACCES")
{
	controls();
	mkdir(here("mnt"), 0755);
	in_child(mount_in_namespace);
}

static void run_in_detached_mount(void)
{
	int context = syscall(SYS_fsopen, "tmpfs", 1), folder, file;

	if (context < 0 || syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0)) {
		attempt("fsconfig", -1);
		return;
	}
	folder = syscall(SYS_fsmount, context, 1, 0);
	file = openat(folder, "program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (file < 0) {
		attempt("create", -1);
		return;
	}
	close(file);
	if (copy(FORBIDDEN, text("/proc/self/fd/%d/program", folder), 0755))
		attempt("write", -1);
	run_path = text("/proc/self/fd/%d/program", folder);
	run_it();
}

ESCAPE(exec, detached_mount, "a file system of fsmount that is mounted nowhere, as root", "EPERM|EACCES", .flags = ROOT)
{
	controls();
	in_child(run_in_detached_mount);
}

static int content_in_memory(void)
{
	int fd = memfd_create("program", 0);

	if (fd < 0 || ftruncate(fd, 0)) {
		control("memfd", -1);
		return -1;
	}
	return append(FORBIDDEN, fd) ? -1 : fd;
}

static void run_memfd(void)
{
	const char *arguments[] = {"program", "mark", here("ran"), NULL};
	char *environment[] = {NULL};
	int fd = content_in_memory();

	if (fd < 0) {
		attempt("memfd", -1);
		return;
	}
	attempt("fexecve", syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH));
}

ESCAPE(exec, memfd, "fexecve of a memfd", "EACCES")
{
	controls();
	in_child(run_memfd);
}

static void run_opath(void)
{
	const char *arguments[] = {"program", "mark", here("ran"), NULL};
	char *environment[] = {NULL};
	int fd = open(FORBIDDEN, O_PATH);

	attempt("execveat", syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH));
	attempt("exec-fd", program(text("/proc/self/fd/%d", fd), "mark"));
}

ESCAPE(exec, opath, "execveat of an O_PATH descriptor", "EACCES")
{
	controls();
	in_child(run_opath);
}

static void run_deleted(void)
{
	const char *arguments[] = {"program", "mark", here("ran"), NULL};
	char *environment[] = {NULL};
	int fd;

	if (copy(FORBIDDEN, here("short-lived"), 0755))
		broken("copy");
	fd = open(here("short-lived"), O_RDONLY | O_CLOEXEC);
	unlink(here("short-lived"));
	attempt("execveat", syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH));
}

ESCAPE(exec, deleted, "fexecve of a deleted file", "EACCES")
{
	controls();
	in_child(run_deleted);
}

ESCAPE(exec, shebang, "scripts whose interpreter is it, nested too", "EACCES")
{
	controls();
	if (store(here("script"), "#!" FORBIDDEN " mark\n", 0755) ||
	    store(here("nested"), text("#!%s\n", here("script")), 0755))
		broken("store");
	try(here("script"));
	try(here("nested"));
}

ESCAPE(exec, own_script, "a script that the agent wrote, for an approved interpreter", "EACCES")
{
	controls();
	if (store(here("script"), "#!" APPROVED " mark\n", 0755))
		broken("store");
	try(here("script"));
}

static void run_loader(void)
{
	const char *arguments[] = {LOADER, FORBIDDEN, "mark", here("ran"), NULL};

	attempt("exec", execv(LOADER, (char **)arguments));
}

ESCAPE(exec, loader, "ld.so as a program", "EACCES")
{
	controls();
	in_child(run_loader);
}

static void run_preloaded(void)
{
	const char *arguments[] = {APPROVED, "true", NULL};
	const char *environment[] = {text("LD_PRELOAD=%s", here("library.so")), text("ESCAPE_MARK=%s", here("ran")),
				     NULL};

	execve(APPROVED, (char **)arguments, (char **)environment);
	broken("approved-program");
}

static void map_library(void)
{
	int fd = open(here("library.so"), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	attempt("mmap", at == MAP_FAILED ? -1 : 0);
}

ESCAPE(exec, preload, "LD_PRELOAD of a library that the agent wrote", "EACCES")
{
	controls();
	if (copy(HOME "/bin/library.so", here("library.so"), 0755))
		broken("copy");
	in_child(run_preloaded);
	in_child(map_library);
}

/* mov $42, %eax; ret */
static const unsigned char machine_code[] = {0xb8, 42, 0, 0, 0, 0xc3};

static void call(const char *what, void *at)
{
	int (*function)(void) = (int (*)(void))at;

	memcpy(at, machine_code, sizeof(machine_code));
	attempt(what, function() == 42 ? 0 : -1);
}

static void code_in_anonymous_memory(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		attempt("mmap", -1);
	else
		call("call", at);
}

ESCAPE(exec, anonymous, "memory that is writable and executable", "EACCES")
{
	controls();
	in_child(code_in_anonymous_memory);
}

static void call_after_mprotect(const char *what, void *at)
{
	int (*function)(void) = (int (*)(void))at;

	memcpy(at, machine_code, sizeof(machine_code));
	if (mprotect(at, 4096, PROT_READ | PROT_EXEC))
		attempt(what, -1);
	else
		attempt(what, function() == 42 ? 0 : -1);
}

static void code_made_executable(void)
{
	int fd = open(APPROVED, O_RDONLY | O_CLOEXEC);
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	call_after_mprotect("anonymous", memory);
	call_after_mprotect("private-file", file);
}

ESCAPE(exec, mprotect, "written memory made executable", "EACCES")
{
	controls();
	in_child(code_made_executable);
}

static void code_in_readable_memory(void)
{
	void *at;

	if (personality(READ_IMPLIES_EXEC) < 0)
		broken("personality");
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		attempt("mmap", -1);
	else
		call("call", at);
}

ESCAPE(exec, personality, "READ_IMPLIES_EXEC", "EACCES")
{
	controls();
	in_child(code_in_readable_memory);
}

static void code_in_memfd(void)
{
	int fd = memfd_create("code", 0);
	int (*function)(void);
	void *at;

	control("memfd", fd < 0 ? -1 : ftruncate(fd, 4096));
	if (pwrite(fd, machine_code, sizeof(machine_code), 0) < 0)
		broken("memfd");
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	function = (int (*)(void))at;
	attempt("mmap", at == MAP_FAILED ? -1 : function() == 42 ? 0 : -1);
}

ESCAPE(exec, memfd_mapping, "an executable mapping of a memfd", "EACCES")
{
	controls();
	in_child(code_in_memfd);
}

static int __attribute__((noinline)) harmless(void)
{
	asm volatile("nop; nop; nop; nop; nop; nop");
	return 1;
}

static void patch_code(void)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, machine_code, sizeof(machine_code), (off_t)(unsigned long)harmless) < 0)
		attempt("write", -1);
	else
		attempt("write", harmless() == 42 ? 0 : -1);
}

ESCAPE(exec, self_mem, "writing over code by /proc/self/mem", "EPERM|EACCES")
{
	controls();
	in_child(patch_code);
}

ESCAPE(exec, inode_reuse, "an own file in the inode of an approved program that is gone", "EACCES", .flags = DISK)
{
	unsigned long wanted;
	char path[128] = "";
	struct stat status;
	int i;

	controls();
	if (sscanf(ask("free-inode"), "%lu %127s", &wanted, path) != 2)
		broken("free-inode");
	for (i = 0; i < 400; i++) {
		const char *name = text("%s/%d", path, i);

		if (copy(FORBIDDEN, name, 0755) || stat(name, &status)) {
			broken("create");
			return;
		}
		if (status.st_ino == wanted) {
			try(name);
			return;
		}
	}
	errno = ENOENT;
	broken("inode-was-not-reused");
}
