"""launchctl for tests: keeps jobs in a folder, runs their programs, and answers in the words of the real one.

Usage: fake-launchctl.py FOLDER VERB ARGUMENTS...   FOLDER holds
  domains.json   domains that exist: ["gui/501", "user/501", "system"]
  jobs.json      loaded jobs: {"gui/501/LABEL": {"plist": PATH, "pid": N, "runs": N}}
  disabled.json  labels that are disabled
  faults.json    answers to give once instead: {"bootstrap": [[5, "Bootstrap failed: 5: Input/output error"]]}
  agent.json     what launchd itself gives to an agent: {"HOME": ...}
  lazy.json      true: a job that is loaded is not started before somebody asks for it
  calls.log      one line for each call
Not like the real one: nothing is started again when it ends, and nothing is throttled.
"""
import json, os, plistlib, resource, signal, subprocess, sys, time

folder, verb, args = sys.argv[1], sys.argv[2], sys.argv[3:]


def load(name, default):
    try:
        with open(os.path.join(folder, name)) as f:
            return json.load(f)
    except FileNotFoundError:
        return default


def save(name, value):
    path = os.path.join(folder, name)
    with open(f"{path}.{os.getpid()}", "w") as f:
        json.dump(value, f)
    os.replace(f.name, path)


def answer(code, error="", out=""):
    sys.stderr.write(error + "\n" if error else "")
    sys.stdout.write(out)
    sys.exit(code)


def alive(pid):
    if pid == 0:
        return False
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def start(path, domain):
    with open(path, "rb") as f:
        job = plistlib.load(f)
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    if domain != "system":
        env.update(load("agent.json", {}))
    env.update(job.get("EnvironmentVariables", {}))

    def become():
        os.umask(job.get("Umask", 0o022))
        soft = job.get("SoftResourceLimits", {}).get("NumberOfFiles", 256)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    out, err = (open(job[key], "ab") for key in ("StandardOutPath", "StandardErrorPath"))
    child = subprocess.Popen(
        job["ProgramArguments"],
        env=env,
        cwd=job.get("WorkingDirectory", "/"),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
        preexec_fn=become,
    )
    return job["Label"], child.pid


def end(pid):
    if alive(pid):
        os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 10
    while alive(pid):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


with open(os.path.join(folder, "calls.log"), "a") as log:
    log.write(" ".join([verb, *args]) + "\n")
faults = load("faults.json", {})
if faults.get(verb):
    code, words = faults[verb].pop(0)
    save("faults.json", faults)
    answer(code, words)
jobs, disabled, domains = load("jobs.json", {}), load("disabled.json", []), load("domains.json", [])

if verb == "print" and args[0] in domains:
    answer(0, out=args[0] + " = {\n}\n")
elif verb == "print":
    if args[0] not in jobs:
        answer(113, f'Bad request.\nCould not find service "{args[0]}"')
    job = jobs[args[0]]
    up, never = alive(job["pid"]), job["pid"] == 0
    lines = [
        "active count = 1",
        f"path = {job['plist']}",
        f"state = {'running' if up else 'not running' if never else 'spawn scheduled'}",
        f"runs = {0 if never else 1}",
        "environment = {",
        "\tstate => none",
        "}",
        *([f"pid = {job['pid']}"] if up else []),
        f"last exit code = {'(never exited)' if up or never else '69: EX_UNAVAILABLE'}",
        "endpoints = {",
        "\tstate = active",
        "}",
    ]
    answer(0, out=args[0] + " = {\n" + "".join(f"\t{line}\n" for line in lines) + "}\n")
elif verb == "print-disabled":
    answer(0, out="\tdisabled services = {\n" + "".join(f'\t\t"{x}" => disabled\n' for x in disabled) + "\t}\n")
elif verb in ("enable", "disable"):
    label = args[0].rsplit("/", 1)[1]
    save("disabled.json", [x for x in disabled if x != label] + ([label] if verb == "disable" else []))
    answer(0)
elif verb == "bootstrap":
    domain, path = args
    if domain not in domains:
        answer(125, "Bootstrap failed: 125: Domain does not support specified action")
    with open(path, "rb") as f:
        label = plistlib.load(f)["Label"]
    if f"{domain}/{label}" in jobs or label in disabled or os.stat(path).st_mode & 0o022:
        answer(5, "Bootstrap failed: 5: Input/output error")
    label, pid = (label, 0) if load("lazy.json", False) else start(path, domain)
    save("jobs.json", {**jobs, f"{domain}/{label}": {"plist": path, "pid": pid}})
    answer(0)
elif verb == "bootout":
    if args[0] not in jobs:
        answer(3, "Boot-out failed: 3: No such process")
    end(jobs.pop(args[0])["pid"])
    save("jobs.json", jobs)
    answer(0)
elif verb == "kickstart" and args[0] in jobs:
    job = jobs[args[0]]
    if not alive(job["pid"]):
        _, job["pid"] = start(job["plist"], args[0].rsplit("/", 1)[0])
    save("jobs.json", jobs)
    answer(0)
elif verb == "kickstart" and args[0] == "-k":
    if args[1] not in jobs:
        answer(113, f'Could not find service "{args[1]}"')
    # Returns before anything has happened: the real one does not promise more.
    if os.fork() == 0:
        # launchd does it, whatever becomes of launchctl.
        os.setsid(), os.close(1), os.close(2)
        time.sleep(0.2)
        job = jobs[args[1]]
        end(job["pid"])
        _, job["pid"] = start(job["plist"], args[1].rsplit("/", 1)[0])
        save("jobs.json", jobs)
        os._exit(0)
    answer(0)
answer(64, f"Unrecognized subcommand: {verb}")
