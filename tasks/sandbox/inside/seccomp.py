"""Which calls of the kernel a program may make: a list of what is allowed, all else fails with EPERM.

Not on the list, so impossible: processes and threads, running files, sockets (but for the nameless pair that asyncio
uses), signals to any process but oneself, changing files, tracing, mounting, keys, shared memory, timers that signal.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Sequence

from tasks.sandbox.inside.linux import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, process_control

# name x86_64 aarch64
_ALLOWED = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; close 3 57; close_range 436 436
fstat 5 80; newfstatat 262 79; stat 4 -; lstat 6 -; statx 332 291; access 21 -; faccessat 269 48; faccessat2 439 439
lseek 8 62; open 2 -; openat 257 56; getcwd 79 17; chdir 80 49; readlink 89 -; readlinkat 267 78; getdents64 217 61
mmap 9 222; mprotect 10 226; munmap 11 215; mremap 25 216; madvise 28 233; brk 12 214; membarrier 324 283
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; sigaltstack 131 132; rt_sigsuspend 130 133
rt_sigtimedwait 128 137; rt_sigpending 127 136; setitimer 38 103; getitimer 36 102; alarm 37 -; pause 34 -
dup 32 23; dup2 33 -; dup3 292 24; pipe 22 -; pipe2 293 59; poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72
epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22; eventfd2 290 19; futex 202 98
recvfrom 45 207; shutdown 48 210; sched_yield 24 124; nanosleep 35 101; clock_nanosleep 230 115; time 201 -
clock_gettime 228 113; clock_getres 229 114; gettimeofday 96 169; times 100 153; getrusage 98 165; getrlimit 97 163
setrlimit 160 164; getpid 39 172; getppid 110 173; gettid 186 178; getuid 102 174; geteuid 107 175; getgid 104 176
getegid 108 177; getresuid 118 148; getresgid 120 150; uname 63 160; sysinfo 99 179; getrandom 318 278; umask 95 166
exit 60 93; exit_group 231 94; restart_syscall 219 128; rseq 334 293; set_robust_list 273 99; arch_prctl 158 -
"""
_CONDITIONAL = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
    "sched_getaffinity": (204, 123),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "socketpair": (53, 199),
    "sendto": (44, 206),
}
_CLONE3 = 435
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FIRST_X32 = 0x40000000  # x86_64 answers a second set of numbers from here on
_RET, _LOAD, _EQUAL, _AT_LEAST = 0x06, 0x20, 0x15, 0x35
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_FCNTL = (0, 1, 2, 3, 4, 1030)  # duplicate, flags: none that names a process to be signalled (F_SETOWN)
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # terminal? how much to read, non-blocking, close-on-exec
_NAMELESS_STREAM = (1, 0x801, 0x80001, 0x80801)

Condition = tuple[int, Sequence[int]]


def supported() -> bool:
    """Whether the list exists for this machine's processor."""
    return platform.machine() in _MACHINES


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _word(argument: int, high: bool = False) -> int:
    """Where the low (or high) half of an argument lies in the kernel's ``seccomp_data``."""
    return 16 + 8 * argument + 4 * high


def _allow_if(number: int, conditions: Sequence[Condition]) -> bytes:
    """Allow a call when the word at each place is one of the values; without conditions, always."""
    body = b""
    for place, values in conditions:
        body += _instruction(_LOAD, place)
        for index, value in enumerate(values):
            body += _instruction(_EQUAL, value, if_true=len(values) - index)
        body += _instruction(_RET, _EPERM)
    body += _instruction(_RET, _ALLOW)
    return _instruction(_EQUAL, number, if_false=len(body) // 8) + body


def _beginning(machine: str) -> bytes:
    program = _instruction(_LOAD, 4) + _instruction(_EQUAL, _MACHINES[machine], if_true=1)
    program += _instruction(_RET, _KILL) + _instruction(_LOAD, 0)
    if machine == "x86_64":
        program += _instruction(_AT_LEAST, _FIRST_X32, if_false=1) + _instruction(_RET, _EPERM)
    column = list(_MACHINES).index(machine)
    for entry in _ALLOWED.replace("\n", ";").split(";"):
        numbers = entry.split()[1:]
        if numbers and numbers[column] != "-":
            program += _allow_if(int(numbers[column]), ())
    # glibc asks for clone3 first and takes clone when there is none
    return program + _instruction(_EQUAL, _CLONE3, if_false=1) + _instruction(_RET, _ENOSYS)


_BEGINNING = {machine: _beginning(machine) for machine in _MACHINES}


def filter_program(machine: str, own_pid: int) -> bytes:
    """The whole filter as ``struct sock_filter[]``. ``own_pid``: the one process that may be signalled."""
    oneself = (_word(0), (own_pid,))
    nobody_else = (_word(0), (0, own_pid))
    conditions: dict[str, list[Condition]] = {
        "kill": [oneself],
        "tgkill": [oneself],
        "prlimit64": [nobody_else],
        "sched_getaffinity": [nobody_else],
        "fcntl": [(_word(1), _FCNTL)],
        "ioctl": [(_word(1), _IOCTL)],
        "socketpair": [(_word(0), (1,)), (_word(1), _NAMELESS_STREAM)],
        "sendto": [(_word(4), (0,)), (_word(4, high=True), (0,))],
    }
    column = list(_MACHINES).index(machine)
    program = _BEGINNING[machine]
    for name, checks in conditions.items():
        # each check loads another word, so a call that passed this one's number never comes to the next
        program += _allow_if(_CONDITIONAL[name][column], checks)
    return program + _instruction(_RET, _EPERM)


def install(own_pid: int) -> None:
    """Bind this process to the list until it ends. Raises OSError where the kernel will not."""
    program = filter_program(platform.machine(), own_pid)
    memory = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(memory))
    process_control(PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    process_control(PR_SET_SECCOMP, 2, "seccomp", ctypes.c_char_p(header))
