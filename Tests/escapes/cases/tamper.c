/* Tampering: with the gates, their daemon, the machine. EPERM, as root. */
#include "escape.h"
#include <linux/bpf.h>
#include <linux/kexec.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define PINS "/sys/fs/bpf/telos"

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

ESCAPE(tamper, bpf, "the bpf() system call", "EPERM", .flags = ROOT)
{
	union bpf_attr next = {0},
		       create = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	greet();
	attempt("next-id", bpf(BPF_MAP_GET_NEXT_ID, &next));
	next.map_id = next.next_id ? next.next_id : 1;
	attempt("by-id", bpf(BPF_MAP_GET_FD_BY_ID, &next));
	attempt("create", bpf(BPF_MAP_CREATE, &create));
}

ESCAPE(tamper, pinned_map, "opening a pinned map", "EPERM", .flags = ROOT)
{
	const char *path = strdup(ask("pin"));
	union bpf_attr get = {.pathname = (unsigned long)path};

	greet();
	attempt("get", bpf(BPF_OBJ_GET, &get));
}

ESCAPE(tamper, unlink_pin, "unlinking and renaming pins", "EPERM", .flags = ROOT)
{
	const char *path = strdup(ask("pin"));

	greet();
	attempt("rename", rename(path, text("%s2", path)));
	rename(text("%s2", path), path);
	attempt("unlink", unlink(path));
	attempt("mkdir", mkdir(PINS "/other", 0700));
}

ESCAPE(tamper, mount_over_pins, "mounting over the pins, and unmounting them", "EPERM", .flags = ROOT)
{
	greet();
	if (mount("none", PINS, "tmpfs", 0, NULL)) {
		attempt("mount", -1);
		attempt("umount", umount2("/sys/fs/bpf", MNT_DETACH));
	} else {
		attempt("mount", 0);
		umount2(PINS, MNT_DETACH);
	}
}

ESCAPE(tamper, kill_daemon, "SIGSTOP and SIGKILL to the daemon", "EPERM", .flags = ROOT)
{
	pid_t daemon = atoi(ask("daemon"));
	int pidfd;

	greet();
	attempt("null", kill(daemon, 0));
	attempt("stop", kill(daemon, SIGSTOP));
	pidfd = syscall(SYS_pidfd_open, daemon, 0);
	attempt("pidfd", pidfd < 0 ? -1 : syscall(SYS_pidfd_send_signal, pidfd, SIGSTOP, NULL, 0));
	attempt("kill", kill(daemon, SIGKILL));
}

ESCAPE(tamper, limit_daemon, "prlimit of the daemon", "EPERM", .flags = ROOT)
{
	struct rlimit limit = {4096, 4096};

	greet();
	attempt("prlimit", prlimit(atoi(ask("daemon")), RLIMIT_NOFILE, &limit, NULL));
}

ESCAPE(tamper, trace_daemon, "the daemon's memory and descriptors", "EPERM|EACCES", .flags = ROOT)
{
	pid_t daemon = atoi(ask("daemon"));
	int pidfd;

	greet();
	pidfd = syscall(SYS_pidfd_open, daemon, 0);
	attempt("getfd", pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, 0, 0));
	attempt("mem", open(text("/proc/%d/mem", daemon), O_RDWR | O_CLOEXEC));
}

ESCAPE(tamper, freeze_daemon, "freezing and killing by control group", "EPERM", .flags = ROOT)
{
	const char *group = strdup(ask("cgroup"));

	greet();
	attempt("freeze", store(text("%s/cgroup.freeze", group), "0", 0));
	attempt("kill", store(text("%s/cgroup.kill", group), "1", 0));
}

ESCAPE(tamper, core_pattern, "a core_pattern that starts a program", "EPERM", .flags = ROOT)
{
	greet();
	attempt("write", store("/proc/sys/kernel/core_pattern", "|" FORBIDDEN " mark", 0));
}

ESCAPE(tamper, modprobe_path, "another modprobe, and other programs that the kernel starts", "EPERM", .flags = ROOT)
{
	greet();
	attempt("write", store("/proc/sys/kernel/modprobe", FORBIDDEN, 0));
}

ESCAPE(tamper, sysrq, "sysrq and other switches of the kernel", "EPERM", .flags = ROOT)
{
	greet();
	attempt("sysrq", open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC));
	attempt("sysctl", open("/proc/sys/kernel/kptr_restrict", O_WRONLY | O_CLOEXEC));
	attempt("lsm", open("/sys/kernel/tracing/tracing_on", O_WRONLY | O_CLOEXEC));
}

ESCAPE(tamper, load_module, "loading a kernel module", "EPERM", .flags = ROOT)
{
	const char *path = strdup(ask("module"));
	int fd = open(path, O_RDONLY | O_CLOEXEC), flags = strstr(path, ".xz") || strstr(path, ".zst") ? 4 : 0;

	greet();
	attempt("finit_module", syscall(SYS_finit_module, fd, "", flags));
}

ESCAPE(tamper, kexec, "kexec_load", "EPERM", .flags = ROOT)
{
	greet();
	attempt("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, KEXEC_ARCH_DEFAULT));
}

ESCAPE(tamper, perf, "probes of the whole machine by perf events, as root", "EPERM|EACCES", .flags = ROOT)
{
	struct perf_event_attr about = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(about), .config = PERF_COUNT_SW_CPU_CLOCK};

	greet();
	attempt("perf_event_open", syscall(SYS_perf_event_open, &about, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
}

ESCAPE(tamper, schedule_daemon, "the daemon's priority, scheduler and place on the processors, as root", "EPERM",
       .flags = ROOT)
{
	pid_t daemon = atoi(ask("daemon"));
	struct sched_param none = {};
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	greet();
	attempt("setpriority", setpriority(PRIO_PROCESS, daemon, 19));
	attempt("sched_setscheduler", sched_setscheduler(daemon, SCHED_IDLE, &none));
	attempt("sched_setaffinity", sched_setaffinity(daemon, sizeof(first), &first));
	attempt("ioprio_set", syscall(SYS_ioprio_set, 1, daemon, 3 << 13));
}

ESCAPE(tamper, permission_events, "letting others wait for an answer whether they may open a file, as root", "EPERM",
       .flags = ROOT)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);

	greet();
	attempt("fanotify_init", fd);
	if (fd < 0)
		return;
	attempt("fanotify_mark", fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/etc/hostname"));
	close(fd); /* answers whoever waits */
}

ESCAPE(tamper, terminal, "typing into the terminal (TIOCSTI)", "EPERM", .flags = ALONE | ROOT | STDIN_TTY)
{
	greet();
	attempt("tiocsti", ioctl(0, TIOCSTI, "x"));
}

/* From a 64-bit process as well: the kernel takes it for one of 32 bits. */
static long ioctl_of_32_bits(int fd, unsigned command, const void *argument)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(54), "b"(fd), "c"(command), "d"(argument)
		     : "memory", "r8", "r9", "r10", "r11");
	if (result < 0) {
		errno = -(int)result;
		return -1;
	}
	return result;
}

ESCAPE(tamper, terminal_32, "typing into the terminal by a 32-bit system call", "EPERM",
       .flags = ALONE | ROOT | STDIN_TTY)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	greet();
	if (low == MAP_FAILED) {
		broken("mmap");
		return;
	}
	*low = 'x';
	attempt("tiocsti", ioctl_of_32_bits(0, TIOCSTI, low));
}

ESCAPE(tamper, control_socket, "replacing the control socket", "EPERM", .flags = ROOT)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = strdup(ask("control")), *folder = strdup(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*strrchr(folder, '/') = 0;
	greet();
	attempt("rename", rename(path, text("%s/other", folder)));
	rename(text("%s/other", folder), path);
	attempt("chmod", chmod(path, 0777));
	attempt("unlink", unlink(path));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/mine", folder);
	attempt("bind", bind(fd, (void *)&at, sizeof(at)));
}

ESCAPE(tamper, daemon_files, "the daemon's database and configuration", "EPERM", .flags = ROOT)
{
	greet();
	attempt("create", open("/var/lib/telos/planted", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	attempt("read", open("/var/lib/telos/lock", O_RDONLY | O_CLOEXEC));
	attempt("unit", open("/etc/telos-planted", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

ESCAPE(tamper, plant, "plant and wait: start-up files, cron, keys", "EPERM", .flags = ROOT)
{
	greet();
	attempt("bashrc", open("/root/.bashrc", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
	attempt("cron", open("/etc/cron.d/planted", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	attempt("folder", mkdir("/root/.config-planted", 0700));
	attempt("symlink", symlink(here("x"), "/etc/profile.d/planted.sh"));
	attempt("mode", chmod("/etc/shadow", 0644));
}

ESCAPE(tamper, executable_bit, "setuid and capabilities on an own file", "EPERM", .flags = ROOT)
{
	greet();
	attempt("attributes", setxattr("/etc/hosts", "security.escape", "x", 1, 0));
	attempt("chown", chown("/etc/hosts", 0, 0));
}

ESCAPE(tamper, hardware_ports, "I/O ports and physical memory", "EPERM", .flags = ROOT)
{
	greet();
	attempt("ports", open("/dev/port", O_RDWR | O_CLOEXEC));
	attempt("memory", open("/dev/mem", O_RDONLY | O_CLOEXEC));
	attempt("iopl", syscall(SYS_iopl, 3));
}
