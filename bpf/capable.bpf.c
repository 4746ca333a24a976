// SPDX-License-Identifier: GPL-2.0-only
/* Guard, privileges over the whole machine: names and clocks of the host, mounts, quotas, swap, restarts, the network's
 * settings, immutable files, leases on others' files. Most of what they are good for has no hook of its own. In a user name
 * space that the agent made itself it has them all, over what is in that. Errno: EPERM. */

#define REFUSED_LOW                                                                                                    \
	(1u << 9 /* LINUX_IMMUTABLE */ | 1u << 12 /* NET_ADMIN */ | 1u << 16 /* SYS_MODULE */ |                        \
	 1u << 17 /* SYS_RAWIO */ | 1u << 20 /* SYS_PACCT */ | 1u << 21 /* SYS_ADMIN */ | 1u << 22 /* SYS_BOOT */ |    \
	 1u << 25 /* SYS_TIME */ | 1u << 26 /* SYS_TTY_CONFIG */ | 1u << 28 /* LEASE */ |                              \
	 1u << 30 /* AUDIT_CONTROL */)
#define REFUSED_HIGH                                                                                                   \
	(1u << 0 /* MAC_OVERRIDE */ | 1u << 1 /* MAC_ADMIN */ | 1u << 2 /* SYSLOG */ | 1u << 3 /* WAKE_ALARM */ |      \
	 1u << 4 /* BLOCK_SUSPEND */ | 1u << 5 /* AUDIT_READ */ | 1u << 6 /* PERFMON */ | 1u << 7 /* BPF */ |          \
	 1u << 8 /* CHECKPOINT_RESTORE */)

SEC("lsm/capable")
int BPF_PROG(telos_capable, const struct cred *cred, struct user_namespace *space, int capability, unsigned int options)
{
	__u32 bit;

	if (surely_unmanaged())
		return 0;
	bit = 1u << (capability & 31);
	if (!((capability < 32 ? REFUSED_LOW : REFUSED_HIGH) & bit) || space->level > 0)
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_GUARD, .hook = TELOS_HOOK_CAPABLE, .reason = TELOS_REASON_CAPABILITY);
	/* The kernel asks this program only where the task has the capability. Overlayfs acts as whoever mounted it. */
	if (for_overlay())
		return 0;
	if (options & CAP_OPT_NOAUDIT)
		return -EPERM; /* whether it could, not that it does */
	refuse(&c, &f, EPERM);
	return -EPERM;
}
