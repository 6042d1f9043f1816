#!/usr/bin/env python3
"""Runs the program on the nastiest inputs that we could think of, and prints a table of what became of each.

tests/nasty.py PROGRAM [NAME…]: a limit of 120 seconds of CPU time and 4 GiB of address space each. Exit status 1 if the
program panicked, was killed, hung, or took more than 2 GiB. Seconds are of CPU time, so that a busy machine does not count.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib

CPU_SECONDS, PATIENCE_SECONDS, ADDRESS_SPACE, PEAK_MIB = 120, 1200, 4 << 30, 2048
MIB = 1 << 20


def document(events=(), definition=None, instance=None, **more):
    """A trace of one definition and, unless told otherwise, one instance."""
    return {
        "version": 1,
        "containerInstances": [
            instance or {"availabilityZone": "us-east-1a", "registeredResources": {"cpu": 4096, "memory": 16384}}
        ],
        "taskDefinitions": [definition or {"family": "job", "cpu": 1, "memory": 1}],
        "events": list(events),
    } | more


def run_task(at=0, **more):
    return {"atSeconds": at, "runTask": {"taskDefinition": "job"} | more}


def text(**parts):
    return json.dumps(document(**parts)).encode()


def member_of(expression):
    constraint = {"type": "memberOf", "expression": expression}
    return text(events=[run_task(placementConstraints=[constraint])])


def lines(head, events):
    return "\n".join([json.dumps({k: v for k, v in head.items() if k != "events"}), *events]).encode()


def bomb():
    """A gzip of 1 GiB of empty lines before a trace: a megabyte."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(pack.compress(b"\n" * MIB) for _ in range(1024))
    return packed + pack.compress(text()) + pack.flush()


def tiny(count, **more):
    return {"count": count, "availabilityZone": "us-east-1a", "registeredResources": {"cpu": 1, "memory": 1}} | more


def service(count):
    return [{"serviceName": "web", "taskDefinition": "job", "desiredCount": count}]


def waiting(count):
    """Tasks that wait for room that there never is, while time goes on."""
    events = [run_task(count=count, id="wait")] + [run_task(at, durationSeconds=1) for at in range(1, 101)]
    huge = {"family": "job", "cpu": 4096, "memory": 16384}
    return text(events=events, definition=huge, settings={"onUnplaceable": "queue", "endSeconds": 200})


NASTY = {
    "lists nested 1,000,000 deep": lambda: b"[" * 1_000_000,
    "a note nested 1,000,000 deep": lambda: b'{"version": 1, "x-note": ' + b"[" * 1_000_000,
    "one line of 100 MB": lambda: b'{"version": 1, "name": "' + b"x" * 100_000_000 + b'"}',
    "100 MB of JSON Lines without an end of line": lambda: lines(document(), ['{"atSeconds": 0,' + " " * 100_000_000]),
    "a definition's name of 10 MB": lambda: text(definition={"family": "j" * 10_000_000, "memory": 1}),
    "a gzip of 1 GiB of empty lines": bomb,
    "a gzip that ends in the middle": lambda: gzip.compress(text(events=[run_task()] * 10_000))[:-100],
    "1 MiB of noise": lambda: b"".join(zlib.crc32(b"%d" % n).to_bytes(4, "big") for n in range(MIB // 4)),
    "a zstd header, then noise": lambda: b"\x28\xb5\x2f\xfd\xff" + b"\xff" * 65536,
    "4,194,304 instances": lambda: text(events=[run_task()], instance=tiny(4_194_304)),
    "4,194,305 instances": lambda: text(instance=tiny(4_194_305)),
    "count 18446744073709551616": lambda: text(instance=tiny(2**64)),
    "one runTask of 2,147,483,648 tasks": lambda: text(events=[run_task(count=2**31)]),
    "one runTask of 2,147,483,648 tasks of nothing": lambda: text(
        events=[run_task(count=2**31)], definition={"family": "job", "memory": 0}
    ),
    "a service of 2,147,483,647 tasks": lambda: text(services=service(2**31 - 1)),
    "a service of 2,147,483,647 tasks of nothing": lambda: text(
        services=service(2**31 - 1), definition={"family": "job", "memory": 0}
    ),
    "a million tasks that wait": lambda: waiting(1_000_000),
    "resources of 4,294,967,295": lambda: text(
        instance={"availabilityZone": "a", "registeredResources": {"cpu": 2**32 - 1, "memory": 2**32 - 1}}
    ),
    "resources of 1e400, NaN and -0.0": lambda: text().replace(b'"cpu": 4096', b'"cpu": 1e400, "memory": NaN, "gpu": -0.0'),
    "keys given twice": lambda: b'{"version": 1, "version": 1, "events": [], "events": []}',
    "time at its maximum": lambda: text(events=[run_task(9_007_199_254_740_991, durationSeconds=9e15)]),
    "an event of the year 10^300": lambda: text(events=[run_task(1e300)]),
    "an expression of 1,000,000 parentheses": lambda: member_of("(" * 1_000_000),
    "an expression of 200,000 comparisons": lambda: member_of(" or ".join(["attribute:a == b"] * 200_000)),
    "a pattern that would backtrack": lambda: member_of("attribute:ecs.os-type =~ '(l*)*(l*)*(l*)*(l*)*x'"),
    "a pattern of nested repetitions": lambda: member_of("attribute:ecs.os-type =~ '(((a{1000}){1000}){1000}){1000}'"),
    "all 65,535 ports on both sides": lambda: text(
        instance=tiny(1000, registeredResources={"cpu": 1, "memory": 1, "ports": list(range(1, 65536))}),
        definition={"family": "job", "memory": 0, "ports": list(range(1, 65536))},
        events=[run_task()],
    ),
    "100,000 tasks of one name at one instant": lambda: lines(
        document(), [json.dumps(run_task(id="same", durationSeconds=1))] * 100_000
    ),
    "instances that fail and return a million times": lambda: lines(
        document(),
        [f'{{"atSeconds": {n}, "failContainerInstances": {{"availabilityZone": "us-east-1a", "returnsAfterSeconds": 1}}}}'
         for n in range(1_000_000)],
    ),
    "nothing at all": lambda: b"",
}


def limits():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def try_one(program, path):
    """Exit status or signal (None: it hung), seconds, peak in MiB, and the first line of what it said."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = subprocess.Popen([program, path], stdout=subprocess.DEVNULL, stderr=said, preexec_fn=limits)
        status = None
        while time.monotonic() - began < PATIENCE_SECONDS and not status:
            pid, waited, usage = os.wait4(child.pid, os.WNOHANG)
            status = (waited, usage) if pid else time.sleep(0.01)
        if not status:
            child.kill()
            status = (None, os.wait4(child.pid, 0)[2])
        child.returncode = 0
        seconds = status[1].ru_utime + status[1].ru_stime
        said.seek(0)
        message = next((line for line in said.read(MIB).decode(errors="replace").splitlines() if line.strip()), "")
    code = None if status[0] is None else os.waitstatus_to_exitcode(status[0])
    return code, seconds, status[1].ru_maxrss / 1024, message.replace(os.path.dirname(path) + "/", "")


def main():
    program, *wanted = sys.argv[1:]
    findings = []
    print("| input | bytes | exit | seconds | peak MiB | what it says |\n| --- | ---: | --- | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in NASTY.items():
            if wanted and name not in wanted:
                continue
            path = os.path.join(folder, "trace.json")
            with open(path, "wb") as file:
                file.write(make())
            code, seconds, peak, message = try_one(os.path.abspath(program), path)
            outcome = "hung" if code is None else str(code)
            short = message if len(message) <= 160 else message[:157] + "…"
            print(f"| {name} | {os.path.getsize(path):,} | {outcome} | {seconds:.2f} | {peak:.0f} | {short.replace('|', '/')} |", flush=True)
            if code not in (0, 1, 2) or peak > PEAK_MIB or "panicked" in message:
                findings.append(name)
    if findings:
        sys.exit(f"findings: {', '.join(findings)}")


main()
