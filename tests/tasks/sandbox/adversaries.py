"""Programs that try to get out, to stay, or to lie. Each prints ESCAPED when it succeeds.

``$SECRET`` is a file with a secret, ``$FOLDER`` a writable folder, ``$PORT`` a listening port, ``$PATH``
a listening UNIX socket, ``$VICTIM`` and ``$CALLER`` process ids outside, ``$PYTHON`` an interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Adversary:
    """``outcomes``: how it may end, space-separated. Cells are divided by lines of ``%%``."""

    name: str
    outcomes: str
    source: str

    @property
    def cells(self) -> list[str]:
        return self.source.split("\n%%\n")


def _must_fail(name: str, statement: str, imports: str = "import os") -> Adversary:
    """A statement that has to raise, and whose failure the program takes calmly."""
    source = (
        f"{imports}\ntry:\n    {statement}\n    print('ESCAPED')\nexcept (OSError, RuntimeError, ValueError):\n    pass"
    )
    return Adversary(name, "ok", source)


FILES = [
    _must_fail("read a secret", "print(open('$SECRET').read())"),
    _must_fail("read the accounts", "print(open('/etc/passwd').read())"),
    _must_fail("list the root", "print(os.listdir('/'))"),
    _must_fail("list the caller's folder", "print(os.listdir('$FOLDER'))"),
    _must_fail("write a file", "open('$FOLDER/written', 'w').write('x')"),
    _must_fail("write in /tmp", "open('/tmp/treeward_sandbox_written', 'w').write('x')"),
    _must_fail("write where it stands", "open('written', 'w').write('x')"),
    _must_fail("append to the secret", "open('$SECRET', 'a').write('x')"),
    _must_fail("delete the secret", "os.unlink('$SECRET')"),
    _must_fail("rename the folder", "os.rename('$FOLDER', '$FOLDER.gone')"),
    _must_fail("make a folder", "os.mkdir('/tmp/treeward_sandbox_folder')"),
    _must_fail("follow a link of its own", "os.symlink('$SECRET', '/tmp/link'); print(open('/tmp/link').read())"),
    _must_fail("climb out of the view", "print(open('../' * 40 + '$SECRET'[1:]).read())"),
    _must_fail("climb out through a descriptor", "print(os.listdir(os.open('/usr/..', os.O_PATH)))"),
    _must_fail("change the library", "open(os.__file__, 'a').write('x')"),
    _must_fail("change its rights", "os.chmod(os.__file__, 0o777)"),
    _must_fail("an unnamed file", "tempfile.TemporaryFile().write(b'x')", "import tempfile"),
    _must_fail("a file in memory", "os.memfd_create('x')"),
    _must_fail("a named pipe", "os.mkfifo('/tmp/treeward_sandbox_fifo')"),
]

KERNEL = [
    _must_fail("read its own memory map", "print(open('/proc/self/maps').read())"),
    _must_fail("read the caller's environment", "print(open('/proc/$CALLER/environ').read())"),
    _must_fail("read the parent's memory", "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)"),
    _must_fail("the kernel's settings", "print(open('/sys/kernel/uevent_seqnum').read())"),
    _must_fail("a device", "open('/dev/mem', 'rb').read(1)"),
    _must_fail("become root", "os.setuid(0); assert os.getuid() == 0"),
    _must_fail("change the root", "os.chroot('/usr')"),
    _must_fail("lift its limits", "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "import resource"),
    _must_fail(
        "lift the parent's limits", "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)", "import os, resource"
    ),
    _must_fail("change its priority", "os.setpriority(os.PRIO_PROCESS, 0, 19)"),
    Adversary(
        "calls of the kernel by number",
        "ok",
        """
import ctypes, platform
kernel = ctypes.CDLL(None, use_errno=True)
numbers = {"ptrace": 101, "mount": 165, "umount": 166, "unshare": 272, "setns": 308, "bpf": 321, "keyctl": 250,
    "add_key": 248, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "process_vm_readv": 310,
    "pidfd_open": 434, "kexec_load": 246, "init_module": 175, "reboot": 169, "swapon": 167, "shmget": 29,
    "memfd_secret": 447, "personality": 135, "x32 getpid": 0x40000027, "clone": 56, "vfork": 58, "execveat": 322}
for name, number in numbers.items() if platform.machine() == "x86_64" else ():
    if kernel.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0) >= 0:
        print("ESCAPED", name)
""",
    ),
    Adversary(
        "the 32-bit calls",
        "killed ok error",
        """
import ctypes, mmap, platform
assert platform.machine() == "x86_64", "another processor"
page = mmap.mmap(-1, 4096, prot=7)
# push rbx; mov eax, 20 (getpid of the 32-bit table); int 0x80; pop rbx; ret
page.write(bytes([0x53, 0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0x5B, 0xC3]))
place = ctypes.addressof(ctypes.c_char.from_buffer(page))
if ctypes.CFUNCTYPE(ctypes.c_int)(place)() > 0:
    print("ESCAPED")
""",
    ),
]

NETWORK = [
    _must_fail("connect", "socket.create_connection(('127.0.0.1', $PORT), 2)", "import socket"),
    _must_fail("send a datagram", "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', $PORT))", "import socket"),
    _must_fail("a UNIX socket", "socket.socket(socket.AF_UNIX).connect('$PATH')", "import socket"),
    _must_fail("raw packets", "socket.socket(17, 3)", "import socket"),
    _must_fail("netlink", "socket.socket(16, 3)", "import socket"),
    _must_fail("listen", "socket.create_server(('127.0.0.1', 0))", "import socket"),
    _must_fail("fetch a page", "urllib.request.urlopen('http://127.0.0.1:$PORT/', timeout=2)", "import urllib.request"),
    _must_fail(
        "a datagram from a nameless pair",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', '$PATH')",
        "import socket",
    ),
]

PROCESSES = [
    _must_fail("fork", "os.fork() or os._exit(0)"),
    _must_fail("a fork bomb", "[os.fork() for _ in range(1000)]"),
    _must_fail("run a program", "subprocess.run(['$PYTHON', '-c', '1'])", "import subprocess"),
    Adversary("a shell", "ok", "import os\nif os.system('true') == 0:\n    print('ESCAPED')"),
    _must_fail("become another program", "os.execv('$PYTHON', ['$PYTHON', '-c', 'print(\"ESCAPED\")'])"),
    _must_fail("a daemon", "os.fork() or (os.setsid(), os.fork() or __import__('time').sleep(60))"),
    _must_fail("a thread", "threading.Thread(target=print).start()", "import threading"),
    _must_fail("many threads", "[_thread.start_new_thread(print, ()) for _ in range(10000)]", "import _thread"),
    _must_fail(
        "a pool of processes",
        "concurrent.futures.ProcessPoolExecutor(2).submit(int).result()",
        "import concurrent.futures, concurrent.futures.process",
    ),
    _must_fail("stop the parent", "os.kill(os.getppid(), 9)"),
    _must_fail("stop a stranger", "os.kill($VICTIM, 9)"),
    _must_fail("stop everyone", "os.kill(-1, 9)"),
    _must_fail("stop its group", "os.killpg(0, 9)"),
    _must_fail("the first process", "os.kill(1, 15)"),
    _must_fail(
        "a signal by way of a descriptor",
        "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
        "import os, signal",
    ),
    Adversary(
        "a signal by way of input",
        "ok",
        """
import fcntl, os
reading, writing = os.pipe()
try:
    fcntl.fcntl(reading, fcntl.F_SETOWN, os.getppid())
    print("ESCAPED")
except OSError:
    pass
""",
    ),
    Adversary("stop itself", "killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    Adversary("crash", "killed", "import ctypes\nctypes.string_at(0)"),
    Adversary("abort", "killed", "import os\nos.abort()"),
]

GREED = [
    Adversary("one large array", "memory", "import numpy as np\nx = np.ones(10**10)"),
    Adversary("memory bit by bit", "memory", "x = []\nwhile True:\n    x.append(bytearray(10**6))"),
    Adversary("a long text", "memory", "x = 'x' * 10**10"),
    Adversary(
        "memory, swallowed for ever",
        "timeout",
        "x = []\nwhile True:\n    try:\n        x.append(bytearray(10**7))\n    except MemoryError:\n        pass",
    ),
    Adversary("a huge power", "timeout memory", "x = 9 ** 9 ** 9"),
    Adversary("an endless loop", "timeout", "while True:\n    pass"),
    Adversary("an endless sleep", "timeout", "import time\ntime.sleep(10**6)"),
    Adversary(
        "a loop that swallows everything",
        "timeout",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    ),
    Adversary(
        "a loop that swallows its own exits",
        "timeout",
        "import sys\nwhile True:\n    try:\n        sys.exit(0)\n    except SystemExit:\n        pass",
    ),
    Adversary(
        "recursion, swallowed for ever",
        "timeout killed memory",
        "def f():\n    try:\n        f()\n    except RecursionError:\n        f()\n    finally:\n        f()\nf()",
    ),
    Adversary(
        "recursion without a limit",
        "memory killed timeout error",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    f()\nf()",
    ),
    Adversary("deep brackets", "error memory killed", "eval('(' * 10**6)"),
    Adversary("a slow pattern", "timeout", "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')"),
    Adversary("a flood", "output_limit", "while True:\n    print('x' * 1000)"),
    Adversary("a flood of errors", "output_limit", "import sys\nwhile True:\n    print('x' * 1000, file=sys.stderr)"),
    Adversary("one long line", "output_limit", "print('x' * 10**7)"),
    Adversary("a flood below Python", "output_limit", "import os\nwhile True:\n    os.write(1, b'x' * 4096)"),
    Adversary("all descriptors", "error", "import os\nx = [os.pipe() for _ in range(10**6)]"),
]

LIES = [
    Adversary("leave early", "error", "import os\nos._exit(0)"),
    Adversary("leave early in an earlier cell", "error", "import sys\nsys.exit(0)\n%%\nprint('never')"),
    Adversary("leave by the back door", "error", "import os\nos._exit(0)\n%%\nassert False, 'never run'"),
    Adversary(
        "write to every descriptor and leave",
        "error",
        """
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'{"status": 0, "seconds": 0.0, "overdue": false}' + bytes(16) + b'o')
    except OSError:
        pass
os._exit(0)
""",
    ),
    Adversary(
        "forge the nonce",
        "error",
        "import os\nfor descriptor in range(3, 64):\n    try:\n        os.write(descriptor, b'o' * 17)\n"
        "    except OSError:\n        pass\nraise ValueError('it failed')",
    ),
    # It may: docs/sandbox.md says that ok is the program's own word. No more than that: the caller gets no output.
    Adversary(
        "speak for the runner",
        "ok",
        "import os\nos.write(5, os.read(5, 16) + b'o')\nos._exit(0)\n%%\nprint('ESCAPED: the last cell was run')",
    ),
    Adversary(
        "talk a limit away",
        "timeout",
        "import os\nos.write(5, os.read(5, 16) + b'o')\nwhile True:\n    pass",
    ),
    Adversary("close everything", "ok error", "import os\nos.closerange(0, 64)"),
    Adversary("close its output", "ok error", "import sys\nsys.stdout.close()\nsys.stderr.close()"),
    Adversary("no output at all", "ok error", "import sys\nsys.stdout = None\nsys.stderr = None"),
    Adversary(
        "an exception that cannot be shown",
        "error",
        "class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E",
    ),
    Adversary(
        "change what every program uses",
        "ok error",
        """
import builtins, os, sys, random, sympy, numpy, math, json
builtins.print = lambda *a, **k: None
builtins.sum = builtins.sorted = lambda *a: 'ESCAPED'
math.sqrt = numpy.sqrt = sympy.sqrt = lambda x: 'ESCAPED'
json.loads = random.random = lambda *a: 'ESCAPED'
os.write = os.read = lambda *a: 0
sys.modules['statistics'] = None
builtins.__import__ = lambda *a, **k: 1 / 0
""",
    ),
    Adversary(
        "a hook for the end", "error", "import atexit, os\natexit.register(os._exit, 0)\nraise ValueError('it failed')"
    ),
    Adversary(
        "an exit in a finaliser",
        "error",
        "import os\nclass D:\n    def __del__(self):\n        os._exit(0)\nx = D()\ndel x",
    ),
    Adversary(
        "look for what others left",
        "ok",
        """
import gc, sys
for thing in gc.get_objects():
    if isinstance(thing, dict):
        for value in list(thing.values()):
            if isinstance(value, str) and "$SECRET" in value and value.startswith("OTHER"):
                print("ESCAPED", value)
if any(name.partition(".")[0] == "tasks" for name in sys.modules):
    print("ESCAPED")
""",
    ),
    Adversary(
        "read the server's environment",
        "ok",
        "import os\nif os.environ or os.getenv('HOME'):\n    print('ESCAPED', os.environ)",
    ),
    Adversary(
        "import what was not given",
        "ok",
        "for name in ('torch', 'tasks', 'pip', 'httpx', 'hydra'):\n    try:\n        __import__(name)\n"
        "        print('ESCAPED', name)\n    except ImportError:\n        pass",
    ),
    Adversary("bytes that are no text", "ok", "import os\nos.write(1, bytes(range(256)))"),
    Adversary("no Python", "error", "this is\x00 not ( Python"),
]

ADVERSARIES = [*FILES, *KERNEL, *NETWORK, *PROCESSES, *GREED, *LIES]
