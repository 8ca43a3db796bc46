"""A service manager for one service, for tests: makes the sockets that systemd would, hands them over by number and
name, and tells what comes out of them. Node has no Unix datagrams, therefore Python.

argv: one JSON object (see service-manager.ts). stdin: `start`, `signal NAME`, `deaf` (reads no journal any more),
`hear`. stdout: one JSON object a line. The end of stdin ends the service, with SIGKILL, and this program.
"""
import base64
import json
import os
import select
import signal
import socket
import sys

options = json.loads(sys.argv[1])
FIRST_FD = 3


def say(**event):
    print(json.dumps(event), flush=True)


def bound(name):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(os.path.join(options["folder"], f"{name}.{os.getpid()}"))
    return receiver


def connected(receiver):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    return sender


notify = bound("notify")
notify_path = notify.getsockname()
journal = bound("journal")
handed = {"sdnotify": connected(notify), "journal": connected(journal)}
if "rpc" in options["fds"]:
    listener = socket.socket(socket.AF_UNIX)
    os.makedirs(os.path.dirname(options["socket"]), mode=0o700, exist_ok=True)
    # Under another name until it listens: who sees the socket may connect to it.
    made = options["socket"] + ".new"
    listener.bind(made)
    os.chmod(made, 0o600)
    listener.listen(128)
    os.rename(made, options["socket"])
    handed["rpc"] = listener


def start():
    child = os.fork()
    if child:
        return child
    env = dict(options["env"])
    numbers = [os.dup(handed[name].fileno()) for name in options["fds"]]
    # Out of the way first: the numbers from FIRST_FD on may be in use.
    numbers = [os.dup2(number, 100 + index, inheritable=False) for index, number in enumerate(numbers)]
    for index, number in enumerate(numbers):
        os.dup2(number, FIRST_FD + index, inheritable=True)
    if numbers:
        env["LISTEN_PID"] = str(os.getpid() + options["pid_offset"])
        env["LISTEN_FDS"] = str(len(numbers))
        env["LISTEN_FDNAMES"] = ":".join(options["fds"])
    if options["notify_socket"]:
        env["NOTIFY_SOCKET"] = notify_path
    if options["watchdog_usec"]:
        env["WATCHDOG_USEC"] = str(options["watchdog_usec"])
        env["WATCHDOG_PID"] = str(os.getpid())
    if options["stderr_is_journal"]:
        stat = os.fstat(2)
        env["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execve(options["command"][0], options["command"], env)


alive = None
reading = {notify: "notify", journal: "journal"}
commands = b""
wakeup, wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
signal.set_wakeup_fd(wakeup_end)
signal.signal(signal.SIGCHLD, lambda *_: None)
while True:
    ready, _, _ = select.select([0, wakeup, *reading], [], [])
    for receiver in [one for one in ready if one in reading]:
        say(**{reading[receiver]: base64.b64encode(receiver.recv(1 << 22)).decode()})
    if wakeup in ready:
        os.read(wakeup, 4096)
        if alive:
            pid, status = os.waitpid(alive, os.WNOHANG)
            if pid:
                alive = None
                say(ended=os.waitstatus_to_exitcode(status))
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            break
        commands += data
        *lines, commands = commands.split(b"\n")
        for line in lines:
            word, *rest = line.decode().split(" ")
            if word == "start":
                alive = start()
                say(started=alive)
            elif word == "signal" and alive:
                os.kill(alive, getattr(signal, rest[0]))
            elif word == "deaf":
                reading.pop(journal, None)
            elif word == "hear":
                reading[journal] = "journal"
if alive:
    os.kill(alive, signal.SIGKILL)
    os.waitpid(alive, 0)
