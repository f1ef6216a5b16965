"""A throw-away installation of the product: started, asked, stopped; and the baseline beside it."""

import base64
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("ONBOARDING_BINARY", ROOT / "build/release/onboarding"))
OWNER, PASSWORD = "owner@example.com", "a long enough password"
PYTHON = "/usr/bin/python3"  # the one that Debian's packages belong to


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_directory():
    path = Path(tempfile.mkdtemp(prefix="onboarding-bench-"))
    path.chmod(0o711)  # PostgreSQL and HAProxy run as users of their own
    return path


def wait_until(what, seconds, message):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise SystemExit(message)
        time.sleep(0.005)


class Installation:
    """`onboarding serve` in a directory of its own; with `database`, in another
    one's cluster. `settings` are more of them: {"PROVISIONER": "incus"}."""

    def __init__(self, on_loopback=False, database=None, like=None, jobs=True, settings=None):
        self.directory = new_directory()
        if like:  # the secrets of another one, so that it may use its database
            shutil.copytree(like.directory / "secrets", self.directory / "secrets")
        self.https, self.tenants, self.sandbox = free_port(), free_port(), free_port()
        self.loopback = free_port() if on_loopback else None
        self.words = ["serve"] if jobs else ["serve", "--no-jobs"]
        self.database, self.process, self.settings = database, None, dict(settings or {})
        self.token = None

    def environment(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ONBOARDING_")}
        environment |= {
            "ONBOARDING_DATA_DIR": str(self.directory), "ONBOARDING_HTTP_PORT": str(self.https),
            "ONBOARDING_TENANT_PORT": str(self.tenants), "ONBOARDING_SANDBOX_PORT": str(self.sandbox),
            "ONBOARDING_OWNER_EMAIL": OWNER, "ONBOARDING_OWNER_PASSWORD": PASSWORD,
            # Counted as always, and never reached.
            "ONBOARDING_RATE_PER_ADDRESS": "10000000", "ONBOARDING_RATE_PER_PERSON": "10000000",
            "ONBOARDING_CHECKOUT_RATE": "1000", "ONBOARDING_LOG_LEVEL": "warning"}
        if self.loopback:
            environment["ONBOARDING_HTTP_LISTEN"] = f"127.0.0.1:{self.loopback}"
        if self.database:
            environment["ONBOARDING_DATABASE_URL"] = self.database
        return environment | {f"ONBOARDING_{name}": value for name, value in self.settings.items()}

    def start(self, answers=None):
        """Returns the seconds from the call to the first answer, by default through the front door."""
        log = open(self.directory / "output.log", "ab")
        started = time.monotonic()
        self.process = subprocess.Popen([BINARY, *self.words], env=self.environment(), stdout=log, stderr=log,
                                        cwd=self.directory)
        wait_until(answers or self.answers, 120, f"it did not start; see {self.directory}/output.log")
        return time.monotonic() - started

    def answers_on_loopback(self):
        if self.process.poll() is not None:
            raise SystemExit(f"it ended at once:\n{(self.directory / 'output.log').read_text()}")
        try:
            made = http.client.HTTPConnection("127.0.0.1", self.loopback, timeout=5)
            made.request("GET", "/healthz")
            return made.getresponse().status == 200
        except OSError:
            return False

    def answers(self):
        if self.process.poll() is not None:
            raise SystemExit(f"it ended at once:\n{(self.directory / 'output.log').read_text()}")
        try:
            return self.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def connection(self):
        context = ssl._create_unverified_context()  # its certificate authority is its own
        return http.client.HTTPSConnection("127.0.0.1", self.https, context=context, timeout=30)

    def request(self, method, path, body=None, connection=None, token=True):
        made = connection or self.connection()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token and token:
            headers["Authorization"] = f"Bearer {self.token}"
        made.request(method, path, None if body is None else json.dumps(body), headers)
        answer = made.getresponse()
        content = answer.read()
        if not connection:
            made.close()
        return answer.status, content

    def log_in(self):
        status, content = self.request("POST", "/api/admin/login", {"email": OWNER, "password": PASSWORD},
                                       token=False)
        if status != 200:
            raise SystemExit(f"login failed: {content}")
        self.token = json.loads(content)["access_token"]

    def secret(self, name):
        return (self.directory / "secrets" / name).read_bytes()

    def database_url(self, name="onboarding"):
        password = self.secret("postgres_password").decode()
        return (f"postgresql://onboarding:{password}@/{name}?host={self.directory}/postgres/socket")

    def sql(self, text, database="onboarding", **variables):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.database_url(database)]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise SystemExit(f"psql failed: {done.stderr}")
        return done.stdout.strip()

    def make_database(self, name, customers=0):
        """A database with the real schema and so many customers."""
        self.sql(f"CREATE DATABASE {name}", "postgres")
        subprocess.run([BINARY, "migrate", "--database-url", self.database_url(name), "--data-dir",
                        self.directory], check=True, capture_output=True, cwd="/")
        if customers:
            self.sql((ROOT / "benchmarks/load.sql").read_text(), name, customers=customers)
        return self.database_url(name)

    def postmaster(self):
        return int((self.directory / "postgres/data/postmaster.pid").read_text().split()[0])

    def stop(self):
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def made_token(key):
    """As long as one of the program's, signed with a key of the baseline's own."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    now = int(time.time())
    signed = part({"alg": "HS256", "kid": "0123456789ab", "typ": "JWT"}) + b"." + part(
        {"iss": "onboarding", "aud": "onboarding-console", "sub": "1", "role": "owner", "iat": now, "exp": now + 86400,
         "jti": "bench", "sid": "bench"})
    return (signed + b"." + base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")).decode()


class Baseline:
    def __init__(self, database, program):
        self.port = free_port()
        key = os.urandom(32)
        self.token = made_token(key)
        self.process = subprocess.Popen(
            [PYTHON, ROOT / "benchmarks/baseline/app.py"], stdout=subprocess.PIPE, text=True, cwd="/",
            env={"PATH": os.environ["PATH"], "BENCH_DSN": database, "BENCH_PORT": str(self.port),
                 "BENCH_SIGNING_KEY": key.hex(),
                 "BENCH_WEBHOOK_SECRET": program.secret("sandbox_webhook_secret").decode(),
                 "BENCH_TENANT_PORT": str(program.tenants)})
        self.about = self.process.stdout.readline().strip()
        wait_until(self.answers, 30, "the baseline did not start")

    def answers(self):
        try:
            return self.get("/healthz") == b'{"status":"ok"}'
        except OSError:
            return False

    def get(self, path, token=None):
        made = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        made.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        content = made.getresponse().read()
        made.close()
        return content

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class FrontDoor:
    """The product's own HAProxy configuration without the limit of requests per address, which one
    client with a load generator would reach at once."""

    def __init__(self, program):
        original = program.directory / "front_door/haproxy.cfg"
        self.port = free_port()
        kept = []
        for line in original.read_text().splitlines():
            if "sc0_http_req_rate gt" in line or line.strip().startswith(("stats socket", "user ", "gid ")):
                continue
            kept.append(line.replace(f":{program.https} ", f":{self.port} "))
        text = "\n".join(kept) + "\n"
        text = text.replace(f":{program.tenants}\n", f":{free_port()}\n")
        for name in ("waiting", "probe"):
            text = text.replace(f"{name}.sock", f"{name}2.sock")
        copy = program.directory / "bench.cfg"
        copy.write_text(text)
        # Its other files are named from its own directory.
        self.process = subprocess.Popen(["/usr/sbin/haproxy", "-f", copy, "-db"], cwd=original.parent,
                                        stderr=open(program.directory / "bench_haproxy.log", "wb"))
        wait_until(self.answers, 10, f"HAProxy did not start: see {program.directory}/bench_haproxy.log")

    def answers(self):
        if self.process.poll() is not None:
            raise SystemExit("HAProxy ended at once")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


