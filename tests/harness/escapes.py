"""Ways out of a grader that runs what an answer says, each a short program.
Where one gets out, it leaves a mark.
"""

from typing import NamedTuple


class Escape(NamedTuple):
    """code: what the answer runs. mark: whether it can be run unfenced,
    and then leaves a file, a word or a caller.
    """

    code: str
    mark: bool = False


class Place(NamedTuple):
    """What lies about to be reached: a folder to write in, a file to read,
    ports, and a file that is open already.
    """

    folder: str
    secret: str
    port: int
    abstract: str
    inherited: int


def list_escapes(place: Place) -> dict[str, Escape]:
    return {
        **frames(place),
        **files(place),
        **network(place),
        **processes(place),
        **memory(place),
        **readers(place),
        **graders(),
        **hogs(),
    }


def write(place: Place, name: str) -> str:
    return f"open({place.folder + '/' + name!r}, 'w').write('x')"


def frames(place: Place) -> dict[str, Escape]:
    touch = f"__import__('os').system('touch {place.folder}/{{}}')"
    sub = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == {!r}][0]"
    done = {
        "generator frame": "g = (g.gi_frame.f_back.f_back.f_builtins for _ in [1])\nb = [*g][0]\n"
        + f"b['open']('{place.folder}/generator', 'w')",
        "traceback frame": "try:\n    1/0\nexcept Exception as e:\n    f = e.__traceback__.tb_frame\n"
        f"f.f_builtins['open']('{place.folder}/traceback', 'w')",
        "subclasses": sub.format("Popen") + f"(['touch', '{place.folder}/popen']).wait()",
        "reduce": "import pickle, os\nclass R:\n    def __reduce__(self): return os.system, "
        f"('touch {place.folder}/reduce',)\npickle.loads(pickle.dumps(R()))",
        "descriptor": "class D:\n    def __get__(self, *_): return open\nclass C: f = D()\n"
        f"C().f('{place.folder}/descriptor', 'w')",
        "format string": "class F:\n    def __format__(self, spec): return str(open(spec, 'w'))\n"
        f"'{{:{place.folder}/format}}'.format(F())",
        "code object": f"import types\nexec(compile({write(place, 'code')!r}, '<x>', 'exec'))",
        "loader": f"import importlib.util as u\nopen('{place.folder}/m.py', 'w').write('x = 1')\n"
        f"u.spec_from_file_location('m', '{place.folder}/m.py')",
        "numpy": f"import numpy\nnumpy.array([1]).tofile('{place.folder}/numpy')",
        "numpy pickle": f"import numpy\nnumpy.save('{place.folder}/array.npy', numpy.array([print], "
        "dtype=object))",
        "system": touch.format("system"),
        "hook": "import sys, harness.sandbox as s\ns._audit = lambda *_: None\ns.REFUSED = ()\n"
        + write(place, "hook"),
    }
    return {name: Escape(code, mark=True) for name, code in done.items()} | {
        "sympy": Escape(f"import sympy\nsympy.sympify(\"open('{place.folder}/sympy', 'w')\")", mark=True),
    }


def files(place: Place) -> dict[str, Escape]:
    made = {
        "mkdir": f"import os\nos.mkdir('{place.folder}/mkdir')",
        "symlink": f"import os\nos.symlink('/etc/passwd', '{place.folder}/symlink')",
        "hard link": f"import os\nos.link('{place.secret}', '{place.folder}/link')",
        "mknod": f"import os\nos.mkfifo('{place.folder}/fifo')",
        "rename": f"import os\nos.rename('{place.secret}', '{place.folder}/renamed')",
        "pathlib": f"import pathlib\npathlib.Path('{place.folder}/pathlib').touch()",
        "sqlite": f"import sqlite3\nsqlite3.connect('{place.folder}/sqlite').execute('create table t (x)')",
        "shutil": f"import shutil\nshutil.copy('/etc/hosts', '{place.folder}/copied')",
    }
    changed = {
        "working folder": "open('escaped-cwd', 'w')",
        "temporary folder": "import tempfile\nopen(tempfile.gettempdir() + '/escaped-tmp', 'w')",
        "home": "import os\nopen(os.path.expanduser('~/escaped-home'), 'w')",
        "shared memory": "open('/dev/shm/escaped-shm', 'w')",
        "named shared memory": "from multiprocessing import shared_memory as m\nm.SharedMemory('escaped-m', True, "
        "64)",
        "unlink": f"import os\nos.unlink('{place.secret}')",
        "truncate": f"import os\nos.truncate('{place.secret}', 0)",
        "chmod": f"import os\nos.chmod('{place.secret}', 0o777)",
        "utime": f"import os\nos.utime('{place.secret}', (1, 1))",
        "xattr": f"import os\nos.setxattr('{place.secret}', 'user.x', b'x')",
        "inherited file": f"import os\nos.write({place.inherited}, b'escaped')",
        "every descriptor": "import os\nfor n in range(3, 256):\n    try: os.write(n, b'escaped\\n')\n"
        "    except OSError: pass",
        "chroot": "import os\nos.chroot('/tmp')",
        "mount": "import ctypes\nctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    }
    return {name: Escape(code, mark=True) for name, code in made.items()} | {
        name: Escape(code) for name, code in changed.items()
    }


def network(place: Place) -> dict[str, Escape]:
    return {
        "tcp": Escape(f"import socket\nsocket.create_connection(('127.0.0.1', {place.port}), 1)", mark=True),
        "listen": Escape("import socket\nsocket.socket().bind(('127.0.0.1', 0))"),
        "udp": Escape("import socket\nsocket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))"),
        "unix": Escape(f"import socket\nsocket.socket(1).connect({place.abstract!r})", mark=True),
        "netlink": Escape("import socket\nsocket.socket(16, 3, 0).bind((0, 0))"),
        "raw": Escape("import socket\nsocket.socket(17, 3)"),
        "url": Escape(
            f"import urllib.request as u\nu.urlopen('http://127.0.0.1:{place.port}', timeout=1)", mark=True
        ),
        "syscall": Escape(
            "import ctypes, platform\nn = 41 if platform.machine() == 'x86_64' else 198\n"
            "assert ctypes.CDLL(None).syscall(n, 2, 1, 0) >= 0\nmark('socket')"
        ),
    }


def processes(place: Place) -> dict[str, Escape]:
    stays = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    {}time.sleep(20)\n    os._exit(0)"
    return {
        "fork": Escape(stays.format("")),
        "double fork": Escape(stays.format("if os.fork(): os._exit(0)\n    ")),
        "fork bomb": Escape("import os\nwhile True: os.fork()"),
        "raw clone": Escape(
            "import ctypes, time, platform\nn = 56 if platform.machine() == 'x86_64' else 220\n"
            "if ctypes.CDLL(None).syscall(n, 17, 0, 0, 0, 0) == 0: time.sleep(20)"
        ),
        "exec": Escape(f"import os\nos.execv('/bin/sh', ['sh', '-c', 'touch {place.folder}/exec'])", mark=True),
        "spawn": Escape("import os\nos.posix_spawn('/bin/sleep', ['sleep', '20'], {})"),
        "pool": Escape("import concurrent.futures as f\nf.ProcessPoolExecutor(1).submit(print).result()"),
        "threads": Escape("import threading\nfor _ in range(1000): threading.Thread(target=input).start()"),
        "kill the zygote": Escape("import os\nos.kill(os.getppid(), 9)"),
        "stop the zygote": Escape("import os\nos.kill(os.getppid(), 19)"),
        "kill everything": Escape("import os\nos.kill(-1, 9)"),
        "kill the group": Escape("import os\nos.killpg(0, 9)"),
        "stop itself": Escape("import os\nos.kill(os.getpid(), 19)"),
        "trace": Escape(
            "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0\nmark('trace')"
        ),
        "outlive": Escape("import ctypes, os, time\nctypes.CDLL(None).prctl(1, 0)\ntime.sleep(60)"),
        "raise limits": Escape("import resource as r\nr.setrlimit(r.RLIMIT_FSIZE, (-1, -1))\nmark('limits')"),
        "others' limits": Escape(
            "import os, resource as r\nr.prlimit(os.getppid(), r.RLIMIT_CPU, (0, 0))\nmark('limits')"
        ),
        "be root": Escape("import os\nos.setuid(0)\nos.setgroups([0])\nmark('root')"),
        "namespaces": Escape(
            "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0\nmark('namespaces')"
        ),
    }


def memory(place: Place) -> dict[str, Escape]:
    return {
        "parent's memory": Escape("import os\nmark(open(f'/proc/{os.getppid()}/mem', 'rb').name)"),
        "own memory": Escape("mark(open('/proc/self/mem', 'r+b').name)"),
        "vm_readv": Escape(
            "import ctypes, os, platform\nn = 310 if platform.machine() == 'x86_64' else 270\n"
            "assert ctypes.CDLL(None).syscall(n, os.getppid(), 0, 0, 0, 0, 0) == 0\nmark('memory')"
        ),
        "memfd": Escape("import os\nmark(str(os.memfd_create('x')))"),
        "null pointer": Escape("import ctypes\nctypes.string_at(0)"),
        "deep stack": Escape("import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()"),
    }


def readers(place: Place) -> dict[str, Escape]:
    return {
        "others' file": Escape(f"mark(open({place.secret!r}).read())", mark=True),
        "variable": Escape("import os\nmark(os.environ['ISOQUANT_SECRET'])", mark=True),
        "C variable": Escape(
            "import ctypes\ng = ctypes.CDLL(None).getenv\ng.restype = ctypes.c_char_p\n"
            "mark(g(b'ISOQUANT_SECRET').decode())",
            mark=True,
        ),
        "proc environ": Escape("mark(open('/proc/self/environ').read())"),
        "listing": Escape("import os\nmark(str(os.listdir('/proc')))"),
    }


def graders() -> dict[str, Escape]:
    """Of these the harm would be another answer's grade."""
    return {
        "full mark": Escape("task.marks['full'] = float('-inf')"),
        "scorer": Escape("type(task).grade = lambda *_: None"),
        "json": Escape("import json\njson.dumps = lambda *_: '[null, null, true, 1.0, \"correct\", null]'"),
        "messages": Escape(
            "import harness.messages as m, harness.zygote as z\nz.write_grade = m.write_grade = print"
        ),
        "pickle": Escape("import pickle, multiprocessing.reduction as r\nr.ForkingPickler = pickle.dumps = None"),
        "prompts": Escape("import gc\n[d.clear() for d in gc.get_objects() if type(d) is dict and 'p' in d]"),
        "speak for others": Escape(
            "import os\nfor n in range(3, 64):\n    try: os.write(n, task.forged * 9)\n"
            "    except OSError: pass\nos._exit(0)"
        ),
        "score beyond all marks": Escape(
            "import os\nfor n in range(3, 64):\n"
            "    try: os.write(n, task.forged.replace(b'1.0', b'1e9') + b'done\\n')\n"
            "    except OSError: pass\nos._exit(0)"
        ),
        "line within a line": Escape(
            "import os\nfor other in range(1024):\n    for n in range(3, 64):\n"
            "        try: os.write(n, task.forged[:-1] + b'\\r%d ' % other + task.forged + b'done\\n')\n"
            "        except OSError: pass\nos._exit(0)"
        ),
        "message": Escape(
            "import os, struct\nfor n in range(3, 1024):\n    try:\n        os.fstat(n)\n"
            "        for other in range(1024):\n            said = b'%d ' % other + task.forged\n"
            "            os.write(n, struct.pack('!i', len(said)) + said)\n    except OSError: pass"
        ),
        "other encodings": Escape(
            "import os\nfor n in range(3, 64):\n"
            "    try: os.write(n, b'\\0\\0\\0[\\n[\\0\\0\\0\\n\\xff\\xfe[\\ndone\\n')\n"
            "    except OSError: pass\nos._exit(0)"
        ),
        "damaged line": Escape(
            "import os\nfor n in range(3, 64):\n    try: os.write(n, b'[' * 10**5 + b'\\n')\n"
            "    except OSError: pass\nos._exit(0)"
        ),
        "endless line": Escape(
            "import os\nfor n in range(3, 64):\n    try:\n        while True: os.write(n, b'x' * 65536)\n"
            "    except OSError: pass"
        ),
        "leave": Escape("import sys\nsys.exit(0)"),
        "leave at once": Escape("import os\nos._exit(0)"),
        "at exit": Escape("import atexit, os\natexit.register(os._exit, 1)\nraise KeyboardInterrupt"),
    }


def hogs() -> dict[str, Escape]:
    return {
        "loop": Escape("sum(range(10**12))"),
        "patient loop": Escape("import signal\nsignal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass"),
        "deaf loop": Escape("import signal\n[signal.signal(n, 1) for n in (15, 24, 27)]\nwhile True: pass"),
        "sleep": Escape("import time\ntime.sleep(60)"),
        "memory": Escape("x = bytearray(1 << 40)"),
        "slow memory": Escape("x = []\nwhile True: x.append(bytearray(1 << 24))"),
    }
