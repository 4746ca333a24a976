// SPDX-License-Identifier: GPL-2.0-only
/* Guard, ioctls: input for a terminal, the configuration of the network, and copies that a file system makes by itself
 * of files that nobody opens. Errno: EPERM. */

/* SIOCADDRT to SIOCDELRT, and what sets something of an interface. */
static __always_inline bool network_setting(__u32 command)
{
	switch (command) {
	case 0x890b: /* SIOCADDRT */
	case 0x890c: /* SIOCDELRT */
	case 0x8914: /* SIOCSIFFLAGS */
	case 0x8916: /* SIOCSIFADDR */
	case 0x8918: /* SIOCSIFDSTADDR */
	case 0x891a: /* SIOCSIFBRDADDR */
	case 0x891c: /* SIOCSIFNETMASK */
	case 0x8922: /* SIOCSIFMTU */
	case 0x8923: /* SIOCSIFNAME */
	case 0x8924: /* SIOCSIFHWADDR */
	case 0x8953: /* SIOCDARP */
	case 0x8955: /* SIOCSARP */
	case 0x8983: /* SIOCSIFVLAN */
		return true;
	default: /* SIOCBOND…, bridges, tunnels and what else a driver has */
		return (command >= 0x8990 && command <= 0x8995) || (command >= 0x89a0 && command <= 0x89a3) ||
		       (command >= 0x89f0 && command <= 0x89ff);
	}
}

/* Type and number; the size in a command depends on who was compiled how. A snapshot has its files on a device of its
 * own, with names and contents, but without what is known of their inodes. */
static __always_inline bool copies_unopened(__u32 command)
{
	switch (command & 0xffff) {
	case 0x9401: /* BTRFS_IOC_SNAP_CREATE */
	case 0x9417: /* BTRFS_IOC_SNAP_CREATE_V2 */
	case 0x9426: /* BTRFS_IOC_SEND */
	case 0xbc10: /* BCH_IOCTL_SUBVOLUME_CREATE */
	case 0x6f04: /* OCFS2_IOC_REFLINK */
		return true;
	default:
		return false;
	}
}

static __always_inline __u8 ioctl_reason(__u32 command)
{
	if (command == TIOCSTI || command == TIOCLINUX)
		return TELOS_REASON_TERMINAL;
	if (network_setting(command))
		return TELOS_REASON_NETWORK_SETTING;
	return copies_unopened(command) ? TELOS_REASON_SNAPSHOT : 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(telos_file_ioctl, struct file *file, unsigned int command)
{
	__u8 reason = ioctl_reason(command);

	return reason ? guard(TELOS_HOOK_FILE_IOCTL, reason) : 0;
}

/* The same from 32-bit system calls, which every process can make. Kernels without this hook ask the one above. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(telos_file_ioctl_compat, struct file *file, unsigned int command)
{
	__u8 reason = ioctl_reason(command);

	return reason ? guard(TELOS_HOOK_FILE_IOCTL, reason) : 0;
}
