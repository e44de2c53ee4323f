# SPDX-License-Identifier: MIT
"""Requests to a daemon, each over a connection of its own, and their records (see ../golden.sh for the form)."""
import json
import os
import re
import select
import socket
import struct

USUAL = ["Date", "Content-Type", "X-Request-Id", "X-Content-Type-Options", "Cache-Control", "Content-Length"]


class Answer:
    def __init__(self, head, body):
        lines = head.split("\r\n")
        self.status_line = lines[0]
        self.status = int(lines[0].split(" ")[1]) if lines[0].startswith("HTTP/1.1 ") else 0
        self.headers = [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in lines[1:]]
        self.body = body

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def json(self):
        return json.loads(self.body)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused at its head: the answer is there already

    def ready(self):
        """Whether there is anything to read."""
        return bool(self.rest or select.select([self.socket], [], [], 0)[0])

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.rest += data
        return bool(data)

    def _take(self, size):
        while len(self.rest) < size and self._more():
            pass
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def _line(self):
        while b"\r\n" not in self.rest and self._more():
            pass
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def _chunks(self):
        body = b""
        while size := int(self._line() or b"0", 16):
            body += self._take(size)
            self._line()
        self._line()
        return body

    def answer(self, method):
        while b"\r\n\r\n" not in self.rest and self._more():
            pass
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        answer = Answer(head.decode("latin-1"), b"")
        length = answer.header("Content-Length")
        if method == "HEAD" or answer.status in (204, 304) or not head:
            pass
        elif answer.header("Transfer-Encoding") == "chunked":
            answer.body = self._chunks()
        elif length:
            answer.body = self._take(int(length))
        else:
            while self._more():
                pass
            answer.body, self.rest = self.rest, b""
        return answer


def shown_body(body):
    """A request's body in its record."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "(binary)"
    if len(text) > 2000 or "\r" in text or "\0" in text:
        return "(text)"
    return text


def form(*parts, boundary="edge"):
    """multipart/form-data of (field, file name, bytes)."""
    body = b""
    for field, name, data in parts:
        head = '--%s\r\nContent-Disposition: form-data; name="%s"' % (boundary, field)
        head += '; filename="%s"' % name if name is not None else ""
        body += head.encode() + b"\r\nContent-Type: image/png\r\n\r\n" + data + b"\r\n"
    return body + ("--%s--\r\n" % boundary).encode()


class Recorder:
    """Asks, and writes what was asked and answered to one file a resource."""

    def __init__(self, url, folder, mask):
        self.port, self.folder, self.mask, self.file = int(url.rpartition(":")[2]), folder, mask, None

    def to(self, name):
        self.file = open(os.path.join(self.folder, name), "a", encoding="utf-8", newline="\n")
        return self

    def put_lines(self, sign, text):
        for line in text.split("\n"):
            plain = line.rstrip(" \r")
            end = line[len(plain):].replace(" ", "␠").replace("\r", "␍")
            self.file.write(("%s %s%s" % (sign, plain, end) if line else sign) + "\n")

    def put_request(self, method, target, headers, body, note):
        self.file.write("\n")
        if note:
            self.put_lines("#", note)
        self.put_lines("=", self.mask.text("%s %s" % (method, target)))
        for name, value in headers:
            self.put_lines(">", self.mask.text("%s: %s" % (name, value)))
        if body:
            self.put_lines("}", self.mask.text(body))

    def _picture(self, body):
        width, height = struct.unpack(">II", body[16:24])
        return "(PNG of %d x %d)" % (width, height)

    def put_answer(self, method, answer, elide=None):
        kind = answer.header("Content-Type")
        if elide:
            shown = elide
        elif kind == "image/png":
            shown = self._picture(answer.body)
        else:
            shown = self.mask.body(kind, answer.body.decode())
        length = answer.header("Content-Length")
        if length and method != "HEAD":
            assert int(length) == len(answer.body), "Content-Length"
        exact = method != "HEAD" and shown.encode() == answer.body
        self.put_lines("<", answer.status_line)
        names = [name for name, _ in answer.headers]
        lines = [self.mask.text("%s: %s" % pair) for pair in answer.headers]
        if length and not exact:
            lines[names.index("Content-Length")] = "Content-Length: LENGTH"
        usual = ["X-Request-Id: id", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"]
        if names == USUAL and lines[2:5] == usual:
            lines = lines[1:2] + ["…"]
        for line in lines:
            self.put_lines("<", line)
        if shown:
            whole = shown.endswith("\n")
            self.put_lines("|", shown[:-1] if whole else shown)
            if not whole:
                self.file.write("\\ no newline\n")
        self.file.flush()

    def raw(self, data, note=None):
        """Bytes that are no proper request."""
        connection = Connection(self.port)
        connection.send(data)
        method, _, rest = data.decode("latin-1").partition(" ")
        target, _, rest = rest.partition(" ")
        headers = rest.partition("\r\n\r\n")[0].split("\r\n")[1:]
        answer = connection.answer(method)
        connection.close()
        pairs = [tuple((line.replace("\0", "␀").replace("\n", "␊") + ": ").split(": ")[:2]) for line in headers]
        self.put_request(method, target, pairs, "", note)
        self.put_answer(method, answer)
        return answer

    def send(self, method, target, headers, body, over=None):
        """Not recorded. over: a connection that stays open."""
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: localhost"]
        lines += ["%s: %s" % pair for pair in headers]
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        connection = over or Connection(self.port)
        connection.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        answer = connection.answer(method)
        if not over:
            connection.close()
        return answer

    def ask(self, method, target, body=None, headers=(), kind=None, note=None, elide=None, shown=True, quiet=False,
            over=None):
        """One exchange, recorded unless quiet. body: bytes, a text, or a value that is sent as JSON, not recorded unless
        shown. elide: what is recorded in place of the answer's body."""
        headers = list(headers)
        if isinstance(body, (dict, list)):
            body, kind = json.dumps(body), kind or "application/json"
        if isinstance(body, str):
            body = body.encode()
        if kind:
            headers.append(("Content-Type", kind))
        answer = self.send(method, target, headers, body, over)
        if not quiet:
            self.put_request(method, target, headers, shown_body(body) if body and shown else "", note)
            self.put_answer(method, answer, elide)
        return answer

    def get(self, target, accept=None, **options):
        return self.ask("GET", target, headers=[("Accept", accept)] if accept else [], **options)

    def post(self, target, body, **options):
        return self.ask("POST", target, body, kind=options.pop("kind", "application/json"), **options)

    def peek(self, target):
        """An answer that is not recorded."""
        return self.send("GET", target, [], None)


def parse(text):
    """The exchanges of a record: (method, target, status, media type, body) each; status 0 where there was none."""
    exchanges = []
    for line in text.split("\n"):
        sign, rest = line[:1], line[2:]
        if sign == "=":
            method, _, target = rest.partition(" ")
            exchanges.append([method, target, 0, "", ""])
        elif sign == "<" and re.match(r"HTTP/1\.1 \d", rest):
            exchanges[-1][2] = int(rest.split(" ")[1])
        elif sign == "<" and rest.startswith("Content-Type: "):
            exchanges[-1][3] = rest.partition(": ")[2]
        elif sign == "|":
            exchanges[-1][4] += rest.replace("␠", " ").replace("␍", "\r") + "\n"
        elif sign == "\\":
            exchanges[-1][4] = exchanges[-1][4][:-1]
    return [tuple(exchange) for exchange in exchanges]
