/* The whole machine: what root may do to it, and an agent's root may not. EPERM. What gets through without the gates leaves
 * the machine as it was, or is taken back. */
#include "escape.h"
#include <asm/prctl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/reboot.h>
#include <sched.h>
#include <sys/acct.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 1
#endif

/* In a name space of its own the name is its own. */
static void own_name(void)
{
	control("unshare", unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	control("own-name", sethostname("own", 3));
}

ESCAPE(host, names, "the machine's name, which DHCP tells others, as root", "EPERM", .flags = ROOT | EACH)
{
	char name[65] = "", domain[65] = "";

	in_child(own_name);
	gethostname(name, sizeof(name));
	if (getdomainname(domain, sizeof(domain)))
		broken("getdomainname");
	attempt("sethostname", sethostname(name, strlen(name)));
	attempt("setdomainname", setdomainname(domain, strlen(domain)));
	attempt("sysctl", open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC));
}

ESCAPE(host, clocks, "the machine's clocks, as root", "EPERM", .flags = ROOT | EACH)
{
	struct timespec now;
	struct timeval then;
	struct timezone zone = {0};
	struct timex about = {0};

	greet();
	about.modes = 0;
	control("read", adjtimex(&about));
	clock_gettime(CLOCK_REALTIME, &now);
	attempt("clock_settime", clock_settime(CLOCK_REALTIME, &now));
	gettimeofday(&then, NULL);
	attempt("settimeofday", settimeofday(&then, NULL));
	attempt("zone", syscall(SYS_settimeofday, NULL, &zone));
	about.modes = ADJ_ESTERROR;
	attempt("adjtimex", adjtimex(&about));
	about.modes = ADJ_ESTERROR;
	attempt("clock_adjtime", clock_adjtime(CLOCK_REALTIME, &about));
}

static long read_only(const char *path)
{
	struct mount_attr wanted = {.attr_set = MOUNT_ATTR_RDONLY};

	return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &wanted, sizeof(wanted));
}

static long reconfigured(const char *path)
{
	int fd = syscall(SYS_fspick, AT_FDCWD, path, 1 /* FSPICK_CLOEXEC */);
	long result;

	if (fd < 0)
		return -1;
	result = syscall(SYS_fsconfig, fd, 0 /* FSCONFIG_SET_FLAG */, "ro", NULL, 0);
	if (!result)
		result = syscall(SYS_fsconfig, fd, 7 /* FSCONFIG_CMD_RECONFIGURE */, NULL, NULL, 0);
	close(fd);
	return result;
}

ESCAPE(host, mounts, "making a file system read-only by the new calls, as root", "EPERM", .flags = ROOT | EACH)
{
	const char *mount = strdup(here("mount"));

	greet();
	if (atoi(ask("mount-here")))
		broken("mount-here");
	attempt("fsconfig", reconfigured(mount));
	attempt("mount_setattr", read_only(mount));
}

ESCAPE(host, freeze, "freezing a file system, as root", "EPERM", .flags = ROOT | DISK | EACH)
{
	int fd = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long result = ioctl(fd, FIFREEZE, 0);

	if (!result)
		ioctl(fd, FITHAW, 0);
	attempt("freeze", result);
	control("stat", ioctl(fd, FIGETBSZ, &(int){0}));
}

ESCAPE(host, label, "the label of a file system, which others see, as root", "EPERM",
       .flags = ROOT | DISK | BTRFS | EACH)
{
	int fd = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[FSLABEL_MAX] = "escape";

	greet();
	attempt("label", ioctl(fd, FS_IOC_SETFSLABEL, name));
}

ESCAPE(host, swap, "swap, quota and accounting, as root", "EPERM", .flags = ROOT | EACH)
{
	struct dqinfo about = {0};

	greet();
	reach("swapon", swapon(here("nothing"), 0));
	reach("swapoff", swapoff(here("nothing")));
	reach("quotactl", quotactl(QCMD(Q_SETINFO, USRQUOTA), ask("disk"), 0, (caddr_t)&about));
	attempt("acct", acct(NULL));
}

ESCAPE(host, machine, "switches of the whole machine, as root", "EPERM", .flags = ROOT | EACH)
{
	greet();
	attempt("reboot", reboot(RB_DISABLE_CAD));
	attempt("vhangup", vhangup());
	reach("pivot_root", syscall(SYS_pivot_root, here("."), here(".")));
	reach("delete_module", syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
	reach("init_module", syscall(SYS_init_module, loot, 16, ""));
}

ESCAPE(host, kernel_log, "the kernel's log: clearing it, its level, and writing into it, as root", "EPERM",
       .flags = ROOT | EACH)
{
	greet();
	attempt("clear", klogctl(5, NULL, 0));
	attempt("level", klogctl(8, NULL, 4));
	attempt("write", open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
}

ESCAPE(host, ports, "I/O ports, by permission bits, as root", "EPERM", .flags = ROOT | EACH)
{
	greet();
	attempt("ioperm", ioperm(0x80, 1, 1));
	attempt("iopl", iopl(3));
}

ESCAPE(host, processes, "looking at and pushing other people's processes, as root", "EPERM|EACCES",
       .flags = ROOT | EACH)
{
	pid_t victim = atoi(ask("victim"));
	int pidfd = syscall(SYS_pidfd_open, victim, 0);
	unsigned long nodes = 1, from = 1;
	size_t length;
	void *list;

	greet();
	attempt("kcmp", syscall(SYS_kcmp, getpid(), victim, 0, 0, 0));
	attempt("robust-list", syscall(SYS_get_robust_list, victim, &list, &length));
	attempt("process_madvise", syscall(SYS_process_madvise, pidfd, NULL, 0, MADV_COLD, 0));
	attempt("migrate_pages", syscall(SYS_migrate_pages, victim, 2, &from, &nodes));
	attempt("move_pages", syscall(SYS_move_pages, victim, 0, NULL, NULL, NULL, 0));
	attempt("name-space", open(text("/proc/%d/ns/mnt", victim), O_RDONLY | O_CLOEXEC));
	attempt("oom", open(text("/proc/%d/oom_score_adj", victim), O_WRONLY | O_CLOEXEC));
	attempt("setns", setns(pidfd, CLONE_NEWUTS));
}

ESCAPE(host, terminals, "the console's output and a terminal's discipline, as root", "EPERM", .flags = ROOT)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlocked = 0, slave, slip = 1;

	greet();
	if (master < 0) {
		attempt("ptmx", -1);
		return;
	}
	ioctl(master, TIOCSPTLCK, &unlocked);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	attempt("console", ioctl(slave, TIOCCONS));
	reach("discipline", ioctl(slave, TIOCSETD, &slip)); /* N_SLIP makes a network interface */
	reach("inject", ioctl(slave, TIOCSTI, "x"));
	close(slave);
	close(master);
}

ESCAPE(host, userfault, "pages whose access waits for the agent, also in the kernel (userfaultfd), as root", "EPERM",
       .flags = ROOT | EACH)
{
	int device;

	greet();
	attempt("kernel-too", syscall(SYS_userfaultfd, O_CLOEXEC));
	attempt("user-only", syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */));
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	attempt("device", device < 0 ? -1 : ioctl(device, _IO(0xaa, 0), O_CLOEXEC));
}

ESCAPE(host, userfault_user, "pages whose access waits for the agent (userfaultfd)", "EPERM", .flags = EACH)
{
	greet();
	attempt("user-only", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

ESCAPE(host, slammed_root, "the machine's name and clock as carriers, as root after the slam", "EPERM",
       .flags = ALONE | ROOT | EACH)
{
	char name[65] = "";
	struct timex about = {.modes = ADJ_ESTERROR};

	in_child(own_name);
	greet();
	gethostname(name, sizeof(name));
	if (!slam())
		return;
	attempt("sethostname", sethostname(name, strlen(name)));
	attempt("adjtimex", adjtimex(&about));
}
