// SPDX-License-Identifier: GPL-2.0-only
/* The floor: programs that do nothing, on exactly the hooks that the gates use. `cost` checks the list. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EMPTY(section, name) SEC(section) int name(void *context) { return 0; }

EMPTY("lsm.s/bprm_check_security", empty_bprm_check_security)
EMPTY("lsm.s/file_open", empty_file_open)
EMPTY("lsm.s/task_prctl", empty_task_prctl)
EMPTY("lsm/bpf", empty_bpf)
EMPTY("lsm/file_ioctl", empty_file_ioctl)
EMPTY("lsm/file_mprotect", empty_file_mprotect)
EMPTY("lsm/file_permission", empty_file_permission)
EMPTY("lsm/file_receive", empty_file_receive)
EMPTY("lsm/inode_setxattr", empty_inode_setxattr)
EMPTY("lsm/kernel_load_data", empty_kernel_load_data)
EMPTY("lsm/kernel_module_request", empty_kernel_module_request)
EMPTY("lsm/kernel_read_file", empty_kernel_read_file)
EMPTY("lsm/mmap_file", empty_mmap_file)
EMPTY("lsm/move_mount", empty_move_mount)
EMPTY("lsm/msg_queue_msgsnd", empty_msg_queue_msgsnd)
EMPTY("lsm/path_chmod", empty_path_chmod)
EMPTY("lsm/path_chown", empty_path_chown)
EMPTY("lsm/path_link", empty_path_link)
EMPTY("lsm/path_mkdir", empty_path_mkdir)
EMPTY("lsm/path_mknod", empty_path_mknod)
EMPTY("lsm/path_rename", empty_path_rename)
EMPTY("lsm/path_rmdir", empty_path_rmdir)
EMPTY("lsm/path_symlink", empty_path_symlink)
EMPTY("lsm/path_truncate", empty_path_truncate)
EMPTY("lsm/path_unlink", empty_path_unlink)
EMPTY("lsm/ptrace_access_check", empty_ptrace_access_check)
EMPTY("lsm/ptrace_traceme", empty_ptrace_traceme)
EMPTY("lsm/sb_mount", empty_sb_mount)
EMPTY("lsm/sb_pivotroot", empty_sb_pivotroot)
EMPTY("lsm/sb_umount", empty_sb_umount)
EMPTY("lsm/shm_shmat", empty_shm_shmat)
EMPTY("lsm/inet_conn_request", empty_inet_conn_request)
EMPTY("lsm/socket_accept", empty_socket_accept)
EMPTY("lsm/socket_bind", empty_socket_bind)
EMPTY("lsm/socket_connect", empty_socket_connect)
EMPTY("lsm/socket_create", empty_socket_create)
EMPTY("lsm/socket_listen", empty_socket_listen)
EMPTY("lsm/socket_post_create", empty_socket_post_create)
EMPTY("lsm/socket_sendmsg", empty_socket_sendmsg)
EMPTY("lsm/task_alloc", empty_task_alloc)
EMPTY("lsm/task_free", empty_task_free)
EMPTY("lsm/task_kill", empty_task_kill)
EMPTY("lsm/task_setrlimit", empty_task_setrlimit)
EMPTY("lsm/unix_may_send", empty_unix_may_send)
EMPTY("lsm/unix_stream_connect", empty_unix_stream_connect)

SEC("cgroup_skb/egress")
int empty_egress(struct __sk_buff *skb)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
