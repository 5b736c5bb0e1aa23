"""An SMTP server for test/interop/reports.ts: TLS and a login are required, one recipient is not accepted.

Arguments: the folder for messages, the certificate, the key, `starttls` or `tls`, the port.
"""
import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, certificate, key, mode, port = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
count = 0


def authenticate(server, session, envelope, mechanism, data):
    accepted = data.login == b"reporter" and data.password == b"correct horse battery staple"
    return AuthResult(success=accepted, handled=False)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        path = pathlib.Path(folder)
        half = path / f"{count}.half"
        half.write_bytes(envelope.content)
        half.rename(path / f"{count}.eml")
        return "250 OK"


def make():
    is_wrapped = mode == "tls"
    return SMTP(
        Handler(),
        hostname="mail.test",
        tls_context=None if is_wrapped else context,
        require_starttls=not is_wrapped,
        auth_required=True,
        auth_require_tls=not is_wrapped,
        authenticator=authenticate,
    )


async def main():
    loop = asyncio.get_running_loop()
    wrapping = context if mode == "tls" else None
    server = await loop.create_server(make, "127.0.0.1", int(port), ssl=wrapping)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
