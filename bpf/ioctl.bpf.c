// SPDX-License-Identifier: GPL-2.0-only
/* Guard, ioctls: input for a terminal, signals of I/O, the configuration of the network, and copies that a file system
 * makes by itself of files that nobody opens. File gate: what changes a file that was opened for reading. Errno: EPERM. */

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
	case 0x9436: /* FIDEDUPERANGE: into what is open for reading */
		return true;
	default:
		return false;
	}
}

/* Input for a terminal, the console's output, another line discipline (which makes a network interface), hanging up. */
static __always_inline bool terminal_tampering(__u32 command)
{
	return command == TIOCSTI || command == TIOCLINUX || command == TIOCCONS || command == TIOCSETD ||
	       command == TIOCVHANGUP;
}

/* The generation is a third of what an inode is known by. */
static __always_inline bool renames_inode(__u32 command)
{
	return (command & 0xffff) == 0x6604 ||
	       (command & 0xffff) == 0x7602; /* EXT4_IOC_SETVERSION, FS_IOC_SETVERSION */
}

static __always_inline __u8 ioctl_reason(__u32 command)
{
	if (renames_inode(command))
		return TELOS_REASON_WRITE_ROOT;
	if (terminal_tampering(command))
		return TELOS_REASON_TERMINAL;
	if (command == FIOSETOWN || command == SIOCSPGRP)
		return TELOS_REASON_SIGNAL;
	if (network_setting(command))
		return TELOS_REASON_NETWORK_SETTING;
	return copies_unopened(command) ? TELOS_REASON_SNAPSHOT : 0;
}

/* By type and number. Flags, attributes and versions of a file, its encryption and fs-verity, and what a file system does
 * with all of itself: 'f', 'X', 'v' and 'r' are the types of ext4, xfs and what all have, 0x94 is btrfs' and the clones'. What
 * only asks, and what needs a descriptor that writes, is left out. */
static __always_inline bool changes_file(__u32 command)
{
	__u32 type = command >> 8 & 0xff, number = command & 0xff;

	switch (type) {
	case 'f':
		return number != 1 /* GETFLAGS */ && number != 3 /* GETVERSION */ && number != 11 /* FIEMAP */ &&
		       number != 21 && number != 22 && number != 26 && number != 27 /* encryption, asked for */ &&
		       number != 134 && number != 135 /* fs-verity, asked for */;
	case 'X':
		return number != 31 /* FSGETXATTR */ && number != 38 && number != 124 &&
		       number != 126 /* xfs: geometry */;
	case 'v':
		return number != 1; /* GETVERSION */
	case 'r':
		return number == 17; /* FAT_IOCTL_SET_ATTRIBUTES */
	case 0x94:
		return number != 9 && number != 13 /* clones: into what is open for writing */ &&
		       number != 54 /* dedupe */ && number != 49 /* GETFSLABEL */ && number != 17 && number != 18 &&
		       number != 31 /* asked for */;
	default:
		return false;
	}
}

static __always_inline int change_by_ioctl(struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 kind = inode->i_mode & S_IFMT;

	if (kind != S_IFREG && kind != S_IFDIR)
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_IOCTL);
	if (for_overlay())
		return 0; /* below an overlay whose file was judged */
	return change_file(&c, &f, &file->f_path, false);
}

/* Input from the terminal that the agent was started at makes a signal for whoever is in the foreground there. */
static __always_inline int asynchronous(struct file *file)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_FILE_IOCTL, .reason = TELOS_REASON_SIGNAL);
	return answer(outer_terminal(&c, file) && refuse(&c, &f, EPERM), EPERM);
}

static __always_inline int judge_ioctl(struct file *file, __u32 command)
{
	__u8 reason = ioctl_reason(command);

	if (reason)
		return guard(TELOS_HOOK_FILE_IOCTL, reason);
	if (command == FIOASYNC)
		return asynchronous(file);
	return changes_file(command) ? change_by_ioctl(file) : 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(telos_file_ioctl, struct file *file, unsigned int command)
{
	return judge_ioctl(file, command);
}

/* The same from 32-bit system calls, which every process can make. Kernels without this hook ask the one above. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(telos_file_ioctl_compat, struct file *file, unsigned int command)
{
	return judge_ioctl(file, command);
}
