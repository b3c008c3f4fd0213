"""A page of ours behind a real HTTP server on this machine, with the headers that it has in the cloud."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from firstcard.notice import page_headers


@contextmanager
def serving(prefix: str, answered: Callable[[str, bytes], tuple[int, str]]) -> Iterator[str]:
    """Serve under ``/<prefix>/``: ``answered`` gives status and page for a link and what was posted (nothing for a GET). Gives the address of the folder."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(b"")

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, body: bytes) -> None:
            status, page = answered(self.path.removeprefix(f"/{prefix}/"), body)
            self.send_response(status)
            for name, value in page_headers(page).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{prefix}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
