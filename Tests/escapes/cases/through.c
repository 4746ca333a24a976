/* Through the kernel: its own sockets and helpers act for the agent, and no label covers them. */
#include "escape.h"
#include <linux/keyctl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

ESCAPE(through, request_key, "a request_key upcall", "EPERM|EACCES")
{
	greet();
	attempt("request_key",
		syscall(SYS_request_key, "dns_resolver", secret, "callout", 0) < 0 && errno != ENOKEY ? -1 : 0);
}

ESCAPE(through, modprobe, "the name of a module that the kernel asks modprobe for, as root", "EPERM|ENODEV",
       .flags = ROOT)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	greet();
	snprintf(request.ifr_name, sizeof(request.ifr_name), "esc-%.10s", tag);
	sent("ioctl", ioctl(fd, SIOCGIFFLAGS, &request));
}

ESCAPE(through, block_device, "a raw block device, as root", "EPERM", .flags = ROOT)
{
	greet();
	attempt("open-read", open(ask("disk"), O_RDONLY | O_CLOEXEC));
	attempt("open-write", open(ask("disk"), O_RDWR | O_CLOEXEC));
}

ESCAPE(through, device_node, "a device node of the agent's own, as root", "EPERM", .flags = ROOT)
{
	struct stat about;

	greet();
	stat(ask("disk"), &about);
	attempt("mknod", mknod(here("disk"), S_IFBLK | 0600, about.st_rdev));
}

ESCAPE(through, network_file, "writing to a network file system (9p) after the taint", "EPERM", .flags = ALONE)
{
	const char *path = strdup(text("/run/lab/share/escapes/%s", tag));

	greet();
	control("write-before", store(path, greeting, 0666));
	if (slam())
		sent("write", store(path, loot, 0666));
}

ESCAPE(through, mount_network, "mounting a network file system, as root", "EPERM", .flags = ROOT)
{
	int context;

	greet();
	mkdir(here("mnt"), 0755);
	context = syscall(SYS_fsopen, "tmpfs", 1); /* a kind that needs no server, by the same system calls */
	if (context < 0 || syscall(SYS_fsconfig, context, 6, NULL, NULL, 0)) {
		attempt("fsconfig", -1);
		return;
	}
	context = syscall(SYS_fsmount, context, 1, 0);
	attempt("move_mount", syscall(SYS_move_mount, context, "", AT_FDCWD, here("mnt"), 4));
}
