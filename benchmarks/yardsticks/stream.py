"""A file through one TCP or TLS stream, one blocking thread a side: an upper limit.

    python -m benchmarks.yardsticks.stream receive ADDRESS [--tls] [--write FILE]
    python -m benchmarks.yardsticks.stream send ADDRESS --port N --bytes N [--tls] [--file FILE]

With --write the receiver hashes (SHA-1) and writes what it receives; without, it discards it: the
link's own rate. The receiver prints its port, later a JSON line of figures.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import socket
import ssl
import tempfile
import time
from pathlib import Path

BUFFER = 1024 * 1024


def receive(options: argparse.Namespace) -> None:
    """Receive one stream."""
    listener = socket.create_server((options.address, 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    connection, _ = listener.accept()
    if options.tls:
        connection = _server_context().wrap_socket(connection, server_side=True)
    descriptor = None
    if options.write:
        descriptor = os.open(options.write, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    digest = hashlib.sha1(usedforsecurity=False)
    buffer = memoryview(bytearray(BUFFER))
    total = 0
    first = 0.0
    cpu = 0.0
    while True:
        filled = 0
        # A TLS read returns one record at most, 16 KiB: hash and disk are faster with more.
        while filled < BUFFER and (count := connection.recv_into(buffer[filled:])):
            filled += count
        if not filled:
            break
        if not total:
            first, cpu, begin = time.perf_counter(), time.process_time(), filled
            print(json.dumps({"first": True}), flush=True)
        total += filled
        if descriptor is not None:
            digest.update(buffer[:filled])
            os.write(descriptor, buffer[:filled])
    seconds = time.perf_counter() - first
    print(
        json.dumps(
            {
                "bytes": total - begin,
                "seconds": seconds,
                "cpu": time.process_time() - cpu,
                "sha1": digest.hexdigest(),
            }
        ),
        flush=True,
    )
    connection.sendall(b"!")
    connection.close()


def send(options: argparse.Namespace) -> None:
    """Send one stream."""
    connection = socket.create_connection((options.address, options.port))
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    buffer = memoryview(bytearray(BUFFER))
    left = options.bytes
    cpu = time.process_time()
    source = os.open(options.file, os.O_RDONLY) if options.file else None
    while left:
        count = min(left, BUFFER)
        if source is not None:
            count = os.readv(source, [buffer[:count]])
        connection.sendall(buffer[:count])
        left -= count
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)  # closing before the receiver has read all could lose the last bytes
    print(json.dumps({"cpu": time.process_time() - cpu}), flush=True)


def _server_context() -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context


def main() -> None:
    """Read the options and run one side."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.yardsticks.stream")
    parser.add_argument("side", choices=("receive", "send"))
    parser.add_argument("address")
    parser.add_argument("--port", type=int)
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--write")
    parser.add_argument("--file")
    options = parser.parse_args()
    (receive if options.side == "receive" else send)(options)


if __name__ == "__main__":
    main()
