"""Tenants: real containers beside the raw driver, and a thousand of them in the ledger."""

import http.client
import http.server
import json
import os
import shutil
import socket
import socketserver
import statistics
import subprocess
import threading
import time
import urllib.parse

import measure
from installation import BINARY, ROOT, Installation, free_port, new_directory, wait_until


# ---- containers ------------------------------------------------------------------------------------

class Incus:
    """Incus' REST API on its unix socket; changes are waited for."""

    def __init__(self, path):
        self.path = path

    def call(self, method, path, body=None):
        made = http.client.HTTPConnection("incus")
        made.sock = socket.socket(socket.AF_UNIX)
        made.sock.connect(self.path)
        made.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = json.loads(made.getresponse().read())
        made.close()
        if answer["type"] == "error":
            raise SystemExit(f"Incus: {method} {path}: {answer['error']}")
        if answer["type"] == "async":
            done = self.call("GET", answer["operation"] + "/wait")
            if done["err"]:
                raise SystemExit(f"Incus: {method} {path}: {done['err']}")
        return answer["metadata"]


def raw_driver(incus, model, port, name):
    """An instance like one of ours by nothing but Incus: seconds until its port answers."""
    started = time.monotonic()
    incus.call("POST", "/1.0/instances", {
        "name": name, "type": "container", "profiles": [], "devices": model["devices"],
        "config": {key: value for key, value in model["config"].items() if key.startswith(("limits.", "boot."))},
        "source": {"type": "image", "fingerprint": model["config"]["volatile.base_image"]}})
    incus.call("PUT", f"/1.0/instances/{name}/state", {"action": "start", "timeout": 30})

    def answers():
        interfaces = incus.call("GET", f"/1.0/instances/{name}/state")["network"] or {}
        for address in interfaces.get("eth0", {"addresses": []})["addresses"]:
            if address["family"] == "inet":
                try:
                    socket.create_connection((address["address"], port), 1).close()
                    return True
                except OSError:
                    return False
        return False

    wait_until(answers, 60, f"{name} did not answer")
    seconds = time.monotonic() - started
    incus.call("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "timeout": 30, "force": True})
    incus.call("DELETE", f"/1.0/instances/{name}")
    return seconds


def containers(bench, report, rounds=10):
    """From payment to a running container, one by one and ten at once, beside Incus alone."""
    if os.geteuid() != 0:
        print("  left out: containers need root", flush=True)
        return
    place, name = new_directory(), f"b{os.getpid()}"
    script = ROOT / "scripts/incus.sh"
    subprocess.run([script, "install"], check=True, stdout=subprocess.DEVNULL)
    program = None
    try:
        path = subprocess.run([script, "up", place, name], check=True, stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"POOL_SIZE": "8GiB"}).stdout.strip()
        program = Installation(settings={"PROVISIONER": "incus", "INCUS_URL": path})
        program.start()
        subprocess.run([BINARY, "image", "build", "sample"], check=True, env=program.environment(), cwd="/",
                       stdout=subprocess.DEVNULL)
        program.log_in()
        host, bench.host = bench.host, program
        try:
            first = bench.paid_to_live(["model"])
            incus = Incus(path)
            model = next(one for one in incus.call("GET", "/1.0/instances?recursion=1")
                         if "user.onboarding.tenant" in one["config"])
            raw, ours, cpu = [], [], 0
            for number in range(rounds):  # in turns: what disturbs one disturbs the other
                raw.append(raw_driver(incus, model, 8069, f"raw-{number}"))
                before = measure.cpu_of([program.process.pid])
                ours += bench.paid_to_live([f"one-{number}"])
                cpu += measure.cpu_of([program.process.pid]) - before
            at_once = bench.paid_to_live([f"ten-{number}" for number in range(10)])
        finally:
            bench.host = host
        alone = statistics.median(raw)
        report.value("container, from paid to live: p95", measure.percentile(ours, 0.95), "s", 2,
                     f"p50 {statistics.median(ours):.2f} s, the very first {first[0]:.2f} s")
        report.value("container, from paid to live: times as long as Incus alone", statistics.median(ours) / alone, "×",
                     None, f"Incus alone, until the port answers: p50 {alone:.2f} s; both by the wall clock")
        report.value("container: CPU of the program for one, share of Incus' time", cpu / rounds / alone * 100, "%", 10,
                     f"{cpu / rounds * 1000:.0f} ms of CPU, its watch included")
        report.value("containers, ten sign-ups at once: the last is live after", max(at_once), "s", 10)
    finally:
        if program:
            program.remove()
        subprocess.run([script, "down", place, name], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(place, ignore_errors=True)


# ---- a thousand tenants ------------------------------------------------------------------------------

class ManyInstances(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Incus at the wire: so many running instances, all of which answer at one address. It counts
    what it is asked and how long it takes for that itself."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path, limits):
        self.limits, self.installation, self.instances = limits, None, {}
        self.calls, self.busy, self.lock = 0, 0.0, threading.Lock()
        super().__init__(str(path), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def fill(self, count):
        for number in range(1, count + 1):
            name = self.name_of(number)
            self.instances[name] = {
                "name": name, "type": "container", "status": "Running", "status_code": 103, "location": "none",
                "config": self.limits["config"] | {
                    "user.onboarding.installation": self.installation, "user.onboarding.tenant": str(number),
                    "user.onboarding.provisioned": "1"},
                "devices": self.limits["devices"], "profiles": []}

    def name_of(self, number):
        return f"t-{self.installation[:6]}-{number}"

    def answer(self, method, path, body):
        words = urllib.parse.urlsplit(path).path.strip("/").split("/")
        if method == "POST" and words == ["1.0", "instances"]:
            self.installation = body["config"]["user.onboarding.installation"]
            return 500, "it only wanted to know who asks"
        if method != "GET":
            return 400, f"{method} {path} was not expected"
        match words:
            case ["1.0"]:
                return 200, {"auth": "trusted", "environment": {"server_name": "many", "server_clustered": False}}
            case ["1.0", "instances"]:
                return 200, list(self.instances.values())
            case ["1.0", "images", "aliases", name]:
                return 200, {"name": name, "target": "0" * 64}
            case ["1.0", "images", _]:
                return 200, {"fingerprint": "0" * 64, "size": 0, "properties": {}}
            case ["1.0", "storage-pools"]:
                return 200, ["/1.0/storage-pools/default"]
            case ["1.0", "networks"]:
                return 200, [{"name": "br", "managed": True, "type": "bridge"}]
            case ["1.0", "instances", name] if name in self.instances:
                return 200, self.instances[name]
            case ["1.0", "instances", name, "state"] if name in self.instances:
                return 200, {"status": "Running", "status_code": 103, "processes": 9,
                             "cpu": {"usage": time.monotonic_ns() // 1000}, "memory": {"usage": 20 << 20, "total": 0},
                             "disk": {"root": {"usage": 10 << 20}},
                             "network": {"eth0": {"addresses": [{"family": "inet", "address": "127.0.0.1"}],
                                                  "counters": {"bytes_received": 1000, "bytes_sent": 1000}}}}
        return 404, f"{path} was not found"


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        started = time.thread_time()
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, content = self.server.answer(self.command, self.path, body)
        document = ({"type": "sync", "status": "Success", "status_code": 200, "metadata": content} if status == 200
                    else {"type": "error", "error": content, "error_code": status})
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        with self.server.lock:
            self.server.calls += 1
            self.server.busy += time.thread_time() - started

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class EveryApplication:
    """What answers behind the addresses of all those tenants."""

    def __init__(self, directory):
        self.port = free_port()
        configuration = directory / "application.cfg"
        configuration.write_text("defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n"
                                 "  timeout connect 5s\n"
                                 f"frontend all\n  bind 127.0.0.1:{self.port}\n  http-request return status 200\n")
        self.process = subprocess.Popen(["/usr/sbin/haproxy", "-f", configuration, "-db"], stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def blueprint_at(directory, port):
    """The sample's, but reached at this port and well when it answers anything with 200."""
    folder = directory / "blueprints"
    shutil.copytree(ROOT / "blueprints", folder)
    file = folder / "sample/blueprint.toml"
    text = file.read_text().replace("port = 8069", f"port = {port}").replace("identifies = true", "identifies = false")
    file.write_text(text)
    return folder


MANY = """
INSERT INTO customers (id, company, name, email, country, locale)
OVERRIDING SYSTEM VALUE
SELECT i, 'Customer ' || i, 'Ada Smith', 'person' || i || '@example.com', 'ES', 'en'
  FROM generate_series(1, :count) AS i;
INSERT INTO tenants (id, customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib, memory_limit_mib,
                     cpu_limit_percent, process_limit, applied_limits, provisioner, blueprint, queued_at, live_at)
OVERRIDING SYSTEM VALUE
SELECT id, id, 'tenant-' || id, 'starter', 'live', 'unknown', 5, 1024, 256, 50, 300,
       'memory=256MiB cpu=50% processes=300 disk=1024MiB', 'incus', 'sample', now(), now() FROM customers;
INSERT INTO tenant_resources (tenant_id, kind, name, state)
SELECT id, kind, CASE kind WHEN 'instance' THEN 't-' || :'prefix' || '-' || id
                           ELSE 'tenant-' || id || '.localhost' END, 'present'
  FROM tenants, unnest(ARRAY['instance', 'route']) AS kind;
"""
LIMITS = {"config": {"limits.memory": "256MiB", "limits.cpu.allowance": "50ms/100ms", "limits.processes": "300"},
          "devices": {"root": {"type": "disk", "path": "/", "pool": "default", "size": "1024MiB"}}}


def ledger(bench, report, count=1000):
    """The reconciler, the watch and the meter over a thousand live tenants. Incus is there at the
    wire only; it and the one application behind all addresses take little time themselves."""
    bench.start_host()
    sql = lambda text, **variables: bench.host.sql(text, "many", **variables)
    directory = new_directory()
    incus, application = ManyInstances(directory / "incus.sock", LIMITS), EveryApplication(directory)
    program = Installation(database=bench.host.make_database("many"), settings={
        "PROVISIONER": "incus", "INCUS_URL": str(directory / "incus.sock"), "POOL_SIZE": "1",
        "BLUEPRINTS_DIR": str(blueprint_at(directory, application.port))})
    try:
        program.start()
        wait_until(lambda: incus.installation, 60, "nobody wanted an instance")
        program.stop()
        program.settings["POOL_SIZE"] = "0"
        incus.fill(count)
        sql("DELETE FROM tenant_pool")
        sql(MANY, count=count, prefix=incus.installation[:6])
        started = program.start()
        report.value(f"start with {count} live tenants", started, "s")
        wait_until(lambda: sql("SELECT count(*) FROM tenants WHERE health = 'healthy'") == str(count), 120,
                   "not all tenants became healthy")
        passes = {"inspect": ("reconciler", 5), "watch": ("health", 5), "measure": ("usage", 60)}
        for kind, (title, target) in passes.items():
            seconds, calls, busy = [], incus.calls, incus.busy
            cpu = measure.cpu_of([program.process.pid])
            for _ in range(3):
                if kind == "measure":
                    sql('UPDATE tenant_health SET "timestamp" = "timestamp" - interval \'2 minutes\'')
                asked = time.monotonic()
                job = sql(f"SELECT enqueue_job('provisioning.{kind}', '{{}}', NULL, NULL, 1)")
                wait_until(lambda: sql(f"SELECT state FROM jobs WHERE id = {job}") == "done", 120,
                           f"the pass {kind} did not end")
                seconds.append(time.monotonic() - asked)
            cpu = (measure.cpu_of([program.process.pid]) - cpu) / 3
            report.value(f"{count} live tenants: a pass of {title}", min(seconds), "s", target,
                         f"CPU {cpu:.2f} s; {(incus.calls - calls) // 3} calls to Incus, which took "
                         f"{(incus.busy - busy) / 3:.2f} s")
        found = sql("SELECT count(*) FROM world_findings")
        if found != "0":
            raise SystemExit(f"the reconciler found {found} things wrong in a world that is right")
    finally:
        program.remove()
        application.stop()
        incus.shutdown()
        shutil.rmtree(directory, ignore_errors=True)
    list_page(bench, report)


def list_page(bench, report):
    """The first page of the list, whatever the number of tenants."""
    bench.start_host()
    costs = []
    for count in (100, 1_000, 10_000):
        program = Installation(on_loopback=True, database=bench.host.make_database(f"list_{count}", count), jobs=False)
        try:
            program.start()
            program.log_in()
            run = bench.best([measure.wrk(f"http://127.0.0.1:{program.loopback}/api/tenants?limit=50",
                                          [program.process.pid], bench.host.postmaster(), 3,
                                          headers=[f"Authorization: Bearer {program.token}"]) for _ in range(2)])
        finally:
            program.remove()
        costs.append(run.microseconds + run.postgres_microseconds)
        report.value(f"list of 50, {count} tenants", costs[-1], "µs CPU/request",
                     1.25 * costs[0] if len(costs) > 1 else None,
                     f"server {run.microseconds:.0f}, PostgreSQL {run.postgres_microseconds:.0f}")
        bench.host.sql(f"DROP DATABASE list_{count} WITH (FORCE)", "postgres")
