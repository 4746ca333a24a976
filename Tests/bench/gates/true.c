// SPDX-License-Identifier: Apache-2.0
/* The smallest program: ends at once, so that exec+exit measures the kernel and not a C library. */
__attribute__((noreturn)) void _start(void)
{
	__asm__ volatile("mov $60, %eax\n\txor %edi, %edi\n\tsyscall");
	__builtin_unreachable();
}
