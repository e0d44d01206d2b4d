"""Shopify's own clients, unmodified, take the simulator for Shopify: over TLS, and under the name of a shop.

They insist on https://<shop>.myshopify.com. So the simulator listens on port 443 of a loopback address, a throw-away
authority vouches for it, and each client sees a hosts file of its own. Nothing outside of their processes changes.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from local_stack.processes import Process, port_is_open, start, wait_until
from local_stack.repository import scratch_folder

CLIENTS = Path(__file__).with_name("clients")
PYTHON_CLIENT = "ShopifyAPI==12.7.0"
NODE_CLIENT = "@shopify/shopify-api@15.0.0"
ADDRESS = "127.44.3.10"  # loopback, but not 127.0.0.1: whoever serves port 443 there is not in the way
DOMAIN = "official.myshopify.com"
CLIENT_ID, SECRET = "official-client", "official-secret"
REDIRECT_URI = "https://app.example.com/callback"
SCOPES = ["read_customers", "read_orders"]
VERSION = "2026-10"
SHOP_QUERY = "{ shop { myshopifyDomain currencyCode } customersCount { count } }"
SUBSCRIBE = """mutation ($uri: String!) {
  webhookSubscriptionCreate(topic: CUSTOMERS_CREATE, webhookSubscription: {uri: $uri}) { userErrors { message } }
}"""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


class Refused(Exception):
    """What a client, or the simulator through it, refused to do."""


@dataclass(frozen=True)
class Client:
    """A client in a process of its own."""

    popen: "subprocess.Popen[str]"

    def ask(self, step: str, **given: Any) -> Any:
        """Let it take a step; raise Refused with its own words."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(json.dumps({"step": step, "given": given}) + "\n")
        self.popen.stdin.flush()
        answer = json.loads(self.popen.stdout.readline() or '{"error": "the client ended"}')
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]


StartClient = Callable[..., Client]


@dataclass(frozen=True)
class Merchant:
    """Who owns the shop: consents to the app, gains a customer."""

    http: httpx.Client

    def consent(self, authorize_url: str) -> str:
        """Install the app; return where the browser is sent then."""
        asked = urlsplit(authorize_url)
        assert asked.netloc == DOMAIN
        form = {**dict(parse_qsl(asked.query)), "decision": "install"}
        location: str = self.http.post(asked.path, data=form).headers["location"]
        return location

    def admin(self, path: str, body: Any = None) -> Any:
        """Do something that only the simulator offers."""
        return self.http.post(f"/_admin{path}", json=body).raise_for_status().json()

    def add_customer(self, first_name: str) -> None:
        """Let a customers/create webhook be sent."""
        changes = {"first_name": first_name}
        self.admin(f"/shops/{DOMAIN}/mutations", {"kind": "customer.create", "changes": changes})


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with the certificates and the hosts file; skips where a private one cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("needs root: port 443 and a private hosts file")
    if not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("needs `unshare --mount`: a private hosts file")
    with scratch_folder("official-clients") as path:
        make_certificates(path)
        (path / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {DOMAIN}\n")
        yield path


@pytest.fixture(scope="module")
def simulator(folder: Path) -> Iterator[Process]:
    """The simulator where the clients look for Shopify."""
    environment = {
        "SIMULATOR_HTTP_HOST": ADDRESS,
        "SIMULATOR_HTTP_PORT": "443",
        "SIMULATOR_TLS_CERTIFICATE": str(folder / "shop.pem"),
        "SIMULATOR_TLS_KEY": str(folder / "shop.key"),
        "SIMULATOR_CLIENT_ID": CLIENT_ID,
        "SIMULATOR_CLIENT_SECRET": SECRET,
        "SIMULATOR_REDIRECT_URIS": REDIRECT_URI,
        "SIMULATOR_DATA_DIR": str(folder / "data"),
    }
    command = [sys.executable, "-m", "shopify_simulator"]
    process = start("simulator", command, log_path=folder / "simulator.log", env=environment)
    try:
        wait_until(lambda: port_is_open(443, ADDRESS), process, timeout_seconds=30)
        yield process
    finally:
        process.stop()


@pytest.fixture(autouse=True)
def every_part_lives(simulator: Process) -> Iterator[None]:
    """The simulator is the only part that these tests need."""
    yield
    assert simulator.running, simulator.log_tail()


@pytest.fixture
def merchant(folder: Path, simulator: Process) -> Iterator[Merchant]:
    """A merchant with a new shop of the one name that the clients can find."""
    trust = ssl.create_default_context(cafile=folder / "ca.pem")
    with httpx.Client(
        base_url=f"https://{ADDRESS}", headers={"host": DOMAIN}, verify=trust, trust_env=False
    ) as http:
        merchant = Merchant(http)
        merchant.admin("/shops", {"shop": DOMAIN, "customers": 3, "orders": 2, "products": 1})
        yield merchant
        http.delete(f"/_admin/shops/{DOMAIN}").raise_for_status()


@pytest.fixture(scope="module")
def python_command(folder: Path) -> list[str]:
    """Run the Python client with nothing installed beside it."""
    target = folder / "python"
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([sys.executable, *install, "--target", target, PYTHON_CLIENT], check=True)
    return ["env", f"PYTHONPATH={target}", sys.executable, "-S", str(CLIENTS / "python_client.py")]


@pytest.fixture(scope="module")
def node_command(folder: Path) -> list[str]:
    """Run the Node client."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    target = folder / "node"
    target.mkdir()
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", NODE_CLIENT]
    subprocess.run(install, cwd=target, check=True)
    script = shutil.copy(CLIENTS / "node_client.mjs", target)  # Node looks for packages beside the script
    return ["node", str(script)]


@pytest.fixture
def start_client(folder: Path) -> Iterator[StartClient]:
    """Start a client that knows the app's secret, or believes it does."""
    started: list[subprocess.Popen[str]] = []

    def begin(command: list[str], secret: str = SECRET) -> Client:
        private = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', "hosts"]
        authority = str(folder / "ca.pem")
        popen = subprocess.Popen(
            [*private, *command, DOMAIN, CLIENT_ID, secret, REDIRECT_URI, VERSION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "SSL_CERT_FILE": authority,
                "NODE_EXTRA_CA_CERTS": authority,
            },
        )
        started.append(popen)
        return Client(popen)

    yield begin
    for popen in started:
        popen.communicate(timeout=20)  # its input ends, so it does


@pytest.fixture(params=["python", "node"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """Each client in turn."""
    chosen: list[str] = request.getfixturevalue(f"{request.param}_command")
    return chosen


def connect(client: Client, merchant: Merchant) -> list[str]:
    """Take a client through OAuth; return the scopes that it believes to have."""
    callback = merchant.consent(client.ask("authorize", scopes=SCOPES))
    granted: list[str] = client.ask("exchange", callback=callback)
    return granted


def test_client_exchanges_the_code_and_reads_the_shop(
    command: list[str], start_client: StartClient, merchant: Merchant
) -> None:
    client = start_client(command)

    granted = connect(client, merchant)
    read = client.ask("graphql", query=SHOP_QUERY, variables={})

    assert granted == SCOPES
    assert read["shop"] == {"myshopifyDomain": DOMAIN, "currencyCode": "USD"}
    assert read["customersCount"] == {"count": 3}


def test_client_with_another_secret_takes_no_code(
    command: list[str], start_client: StartClient, merchant: Merchant
) -> None:
    client = start_client(command, secret="not the app's")
    callback = merchant.consent(client.ask("authorize", scopes=SCOPES))

    with pytest.raises(Refused, match=r"Invalid HMAC|Invalid OAuth callback"):
        client.ask("exchange", callback=callback)


def test_python_client_connects_anew_when_its_token_has_ended(
    python_command: list[str], start_client: StartClient, merchant: Merchant
) -> None:
    """It knows no refresh tokens and asks for none; a new code is its only way back."""
    client = start_client(python_command)
    connect(client, merchant)
    merchant.admin(f"/shops/{DOMAIN}/expire-tokens")

    with pytest.raises(Refused, match="401"):
        client.ask("graphql", query=SHOP_QUERY, variables={})
    connect(client, merchant)

    assert client.ask("graphql", query=SHOP_QUERY, variables={})["customersCount"] == {"count": 3}


def test_node_client_refreshes_its_pair_when_the_token_has_ended(
    node_command: list[str], start_client: StartClient, merchant: Merchant
) -> None:
    client = start_client(node_command)
    connect(client, merchant)
    merchant.admin(f"/shops/{DOMAIN}/expire-tokens")

    with pytest.raises(Refused, match="401"):
        client.ask("graphql", query=SHOP_QUERY, variables={})
    is_new = client.ask("refresh")

    assert is_new == {"accessToken": True, "refreshToken": True}
    assert client.ask("graphql", query=SHOP_QUERY, variables={})["customersCount"] == {"count": 3}


def test_node_client_accepts_a_webhook_that_was_sent_and_no_other(
    node_command: list[str], start_client: StartClient, merchant: Merchant
) -> None:
    """The Python client has no such check."""
    client = start_client(node_command)
    connect(client, merchant)

    with webhook_endpoint() as (uri, received):
        subscribed = client.ask("graphql", query=SUBSCRIBE, variables={"uri": uri})
        merchant.add_customer("Zoë ☕")
        headers, body = received.get(timeout=30)
    accepted = client.ask("validateWebhook", headers=headers, body=body.decode())
    tampered = client.ask("validateWebhook", headers=headers, body=body.decode().replace("Zoë", "Zoe"))

    assert subscribed == {"webhookSubscriptionCreate": {"userErrors": []}}
    assert "Zoë ☕".encode() in body
    assert accepted == {
        "valid": True,
        "webhookType": "webhooks",
        "hmac": headers["x-shopify-hmac-sha256"],
        "topic": "CUSTOMERS_CREATE",
        "domain": DOMAIN,
        "apiVersion": VERSION,
        "webhookId": headers["x-shopify-webhook-id"],
        "triggeredAt": headers["x-shopify-triggered-at"],
        "eventId": headers["x-shopify-event-id"],
    }
    assert tampered == {"valid": False, "reason": "invalid_hmac"}


@contextmanager
def webhook_endpoint() -> Iterator[tuple[str, "Queue[tuple[dict[str, str], bytes]]"]]:
    """Serve the app's webhook address; headers (in lower case) and raw bodies go into a queue."""
    received: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks", received
        server.shutdown()


def make_certificates(folder: Path) -> None:
    """Write an authority (ca.pem) and what it vouches for: every shop, and the address (shop.pem, shop.key)."""
    authority_key, shop_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away authority")])
    shop = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "*.myshopify.com")])
    names = [x509.DNSName("*.myshopify.com"), x509.IPAddress(ip_address(ADDRESS))]
    now = datetime.now(UTC)

    def certify(subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool) -> bytes:
        builder = (
            x509.CertificateBuilder(authority, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM)

    (folder / "ca.pem").write_bytes(certify(authority, authority_key.public_key(), is_authority=True))
    (folder / "shop.pem").write_bytes(certify(shop, shop_key.public_key(), is_authority=False))
    key_bytes = shop_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "shop.key").write_bytes(key_bytes)
