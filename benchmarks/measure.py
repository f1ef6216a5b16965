"""What everything here measures with: CPU time of processes, load by wrk, percentiles, tables."""

import json
import os
import re
import subprocess
import time


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(entry))
        except OSError:
            pass
    return found


def cpu_of_threads(pid):
    """Seconds on a core by thread, in nanoseconds' precision: {thread id: (name, seconds)}."""
    threads = {}
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                spent = int(file.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/task/{task}/comm") as file:
                threads[int(task)] = (file.read().strip(), spent)
    except OSError:
        pass
    return threads


def cpu_of(pids):
    return sum(spent for pid in pids for _, spent in cpu_of_threads(pid).values())


def postgres_cpu(postmaster):
    """User and system time of a cluster: its living processes and those that have ended."""
    ticks = os.sysconf("SC_CLK_TCK")
    with open(f"/proc/{postmaster}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / ticks + cpu_of([postmaster, *children_of(postmaster)])


def resident_kib(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"^{what}:\s+(\d+) kB", file.read(), re.M).group(1))


class Load:
    """The result of one run of wrk: requests, seconds, CPU of each side."""

    def __init__(self, requests, errors, seconds, cpu, postgres, threads):
        self.requests, self.errors, self.seconds = requests, errors, seconds
        self.cpu, self.postgres, self.threads = cpu, postgres, threads

    @property
    def microseconds(self):
        return self.cpu / self.requests * 1e6

    @property
    def postgres_microseconds(self):
        return self.postgres / self.requests * 1e6


def wrk(url, pids, postmaster, seconds=3, connections=16, headers=(), script=None, arguments=()):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", str(script)]
    command += [url, "--", *map(str, arguments)] if arguments else [url]
    before, before_threads = cpu_of(pids), {pid: cpu_of_threads(pid) for pid in pids}
    before_postgres = postgres_cpu(postmaster)
    started = time.monotonic()
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    spent = time.monotonic() - started
    cpu, postgres = cpu_of(pids) - before, postgres_cpu(postmaster) - before_postgres
    found = re.search(r"(\d+) requests in", output.stdout)
    if output.returncode or not found or int(found.group(1)) == 0:
        raise SystemExit(f"wrk failed: {output.stdout}{output.stderr}")
    threads = {}
    for pid in pids:
        for task, (name, total) in cpu_of_threads(pid).items():
            past = before_threads[pid].get(task, (name, 0))[1]
            threads[name] = threads.get(name, 0) + total - past
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output.stdout)
    lost = re.search(r"Socket errors: (.*)", output.stdout)
    errors = (int(bad.group(1)) if bad else 0) + (
        sum(map(int, re.findall(r"\d+", lost.group(1)))) if lost else 0)
    return Load(int(found.group(1)), errors, spent, cpu, postgres, threads)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Report:
    """Rows of the table, printed as they come and written as JSON at the end."""

    def __init__(self):
        self.rows = []

    def ratio(self, case, ours, theirs, target, more=""):
        row = {"case": case, "ours": round(ours, 1), "baseline": round(theirs, 1), "unit": "µs CPU/request",
               "ratio": round(ours / theirs, 3), "target": f"≤ {target} ×", "ok": ours <= target * theirs, "more": more}
        self._add(row)

    def value(self, case, value, unit, target=None, more=None, at_least=False):
        row = {"case": case, "ours": round(value, 2), "unit": unit}
        if target is not None:
            row["target"] = f"{'≥' if at_least else '≤'} {target:g} {unit}"
            row["ok"] = value >= target if at_least else value <= target
        if more:
            row["more"] = more
        self._add(row)

    def _add(self, row):
        self.rows.append(row)
        print("  " + self.line(row), flush=True)

    @staticmethod
    def line(row):
        theirs = f"{row['baseline']:>9}" if "baseline" in row else " " * 9
        ratio = f"{row['ratio']:.3f}" if "ratio" in row else ""
        verdict = "" if "ok" not in row else "ok" if row["ok"] else "OVER"
        return (f"{row['case']:<44} {row['ours']:>9} {theirs} {row['unit']:<15} {ratio:>6} "
                f"{row.get('target', ''):<18} {verdict:<4} {row.get('more', '')}").rstrip()

    def print(self):
        print(f"\n  {'case':<44} {'ours':>9} {'baseline':>9} {'unit':<15} {'ratio':>6} {'target':<18}")
        for row in self.rows:
            print("  " + self.line(row))
        over = [row["case"] for row in self.rows if row.get("ok") is False]
        print("\n  over target: " + (", ".join(over) if over else "nothing"))

    def write(self, path):
        with open(path, "w") as file:
            json.dump(self.rows, file, ensure_ascii=False, indent=1)
            file.write("\n")
