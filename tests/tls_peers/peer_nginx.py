"""Our client and nginx; and nginx between curl and our server. It listens at Unix sockets, so that no port is guessed."""

import contextlib
import pathlib
import subprocess

from our_programs import check_facts, facts_in, fetch, our_server, pattern
from support import PATIENCE_SECONDS, check, check_equal, wait_until

CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log info;
events {{ worker_connections 100; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx_body; proxy_temp_path {folder}/nginx_proxy;
  fastcgi_temp_path {folder}/nginx_fastcgi; uwsgi_temp_path {folder}/nginx_uwsgi; scgi_temp_path {folder}/nginx_scgi;
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
  ssl_session_cache shared:tls:1m;
  server {{
    listen unix:{folder}/files.sock ssl http2; root {folder}/served; {more}
  }}
  server {{
    listen unix:{folder}/proxy.sock;
    location / {{
      proxy_pass https://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_ssl_name localhost;
      proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_trusted_certificate {folder}/ca.pem;
      proxy_ssl_certificate {folder}/client.pem; proxy_ssl_certificate_key {folder}/client.key;
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(context, more="", upstream=1):
    folder = context.folder
    pathlib.Path(f"{folder}/served").mkdir(exist_ok=True)
    pathlib.Path(f"{folder}/served/bytes.bin").write_bytes(pattern(10_000_000))
    pathlib.Path(f"{folder}/nginx.conf").write_text(
        CONFIGURATION.format(folder=folder, more=more, upstream=upstream))
    process = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/nginx.log"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    sockets = [pathlib.Path(f"{folder}/{name}.sock") for name in ("files", "proxy")]
    try:
        # It writes this file when it listens.
        wait_until(lambda: pathlib.Path(f"{folder}/nginx.pid").exists() or process.poll() is not None, "nginx")
        check(process.poll() is None, "nginx has ended")
        yield
    except Exception:
        print(pathlib.Path(f"{folder}/nginx.log").read_text(errors="replace"))
        raise
    finally:
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        for path in [*sockets, pathlib.Path(f"{folder}/nginx.pid")]:
            path.unlink(missing_ok=True)


def files(context):
    return f"unix={context.file('files.sock')}"


def test_nginx_is_verified_and_serves_a_file_in_each_version(context):
    for protocols, version in (("TLSv1.2", "TLSv1.2"), ("TLSv1.2 TLSv1.3", "TLSv1.3")):
        with nginx(context, f"ssl_protocols {protocols};"):
            body, facts = fetch(context, files(context), "path=/bytes.bin")
            check(body == pattern(10_000_000), f"{len(body)} bytes came")
            check_facts(facts[0], version=version, server="CN=localhost", end="clean")


def test_nginx_of_another_name_is_refused(context):
    with nginx(context):
        said = fetch(context, files(context), "path=/bytes.bin", "name=www.example.org", fails=True)
        check("www.example.org" in said, f"our client said {said!r}")


def test_nginx_and_we_agree_on_a_protocol(context):
    with nginx(context):
        _, facts = fetch(context, files(context), "path=/bytes.bin", "alpn=http/1.1", "alpn=http/1.0")
        check_facts(facts[0], alpn="http/1.1")


def test_nginx_resumes_our_session(context):
    for protocols in ("TLSv1.2", "TLSv1.3"):
        for tickets in ("on", "off"):
            with nginx(context, f"ssl_protocols {protocols}; ssl_session_tickets {tickets};"):
                _, facts = fetch(context, files(context), "path=/bytes.bin", "times=3")
                check_equal([connection["reused"] for connection in facts], ["no", "yes", "yes"],
                            f"reused with {protocols}, tickets {tickets}")


def test_nginx_is_shown_our_certificate(context):
    certificate, key = context.certificate("client")
    with nginx(context, f"ssl_verify_client on; ssl_client_certificate {context.file('ca.pem')};"):
        body, _ = fetch(context, files(context), "path=/bytes.bin", f"cert={certificate}", f"key={key}")
        check_equal(len(body), 10_000_000, "bytes that came")


def test_nginx_stands_between_curl_and_our_server(context):
    with our_server(context, f"ca={context.file('ca.pem')}") as server, nginx(context, upstream=server.port):
        curl = ["curl", "--silent", "--show-error", "--unix-socket", context.file("proxy.sock")]
        done = subprocess.run([*curl, "http://localhost/about"], capture_output=True, timeout=PATIENCE_SECONDS)
        check_facts(facts_in(done.stdout.decode())[0], name="localhost", client="CN=a client")
        done = subprocess.run([*curl, "http://localhost/bytes/5000000"], capture_output=True,
                              timeout=PATIENCE_SECONDS)
        check(done.stdout == pattern(5_000_000), f"{len(done.stdout)} bytes came: {done.stderr!r}")
