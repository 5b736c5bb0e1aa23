/** Verifiers in the pack. They need nothing of Interdict, so that an auditor can read them on one page. */

export const VERIFY_SH = `#!/bin/sh
# Verifies an evidence pack: sh verify.sh [FOLDER [PUBLIC-KEY]]. Needs openssl 3 and sha256sum.
# Take this script and the public key from the operator, not from the pack: who alters a pack can alter its verifier.
set -eu
cd "\${1:-$(dirname "$0")}"
key=$(openssl pkey -pubin -in public-key.pem -outform DER | openssl base64 -A)
if [ $# -gt 1 ] && [ "$2" != "$key" ]; then
  echo "signed with another key: $key" >&2
  exit 1
fi
openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null
sha256sum --check --strict --quiet SHA256SUMS
listed=$(cut -c 67- SHA256SUMS | LC_ALL=C sort)
found=$(find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.sig | cut -c 3- | LC_ALL=C sort)
if [ "$listed" != "$found" ]; then
  echo "the folder has files that the manifest does not list" >&2
  exit 1
fi
echo "unaltered: $(wc -l <SHA256SUMS) files, signed with $key"
`

export const VERIFY_PY = `#!/usr/bin/env python3
"""Verifies an evidence pack: python3 verify.py [FOLDER [PUBLIC-KEY]]. Needs Python 3.8 and nothing else.

Take this script and the public key from the operator, not from the pack: who alters a pack can alter its verifier.
Ed25519 as in RFC 8032, section 5.1.7.
"""
import base64, hashlib, os, sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def point(octets):
    number = int.from_bytes(octets, 'little')
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        raise ValueError('not a point')
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P

def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P

def times(scalar, a):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, a)
        a, scalar = add(a, a), scalar >> 1
    return total

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, 'little'))

def is_signed(key, message, signature):
    if len(signature) != 64 or int.from_bytes(signature[32:], 'little') >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    right = add(point(signature[:32]), times(int.from_bytes(digest, 'little') % ORDER, point(key)))
    left = times(int.from_bytes(signature[32:], 'little'), BASE)
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))

def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()

def main(folder, expected=None):
    pem = read(folder, 'public-key.pem').decode()
    text = ''.join(pem.strip().split('\\n')[1:-1])
    if expected not in (None, text):
        raise ValueError('signed with another key: ' + text)
    manifest = read(folder, 'SHA256SUMS')
    if not is_signed(base64.b64decode(text, validate=True)[-32:], manifest, read(folder, 'SHA256SUMS.sig')):
        raise ValueError('SHA256SUMS or its signature is altered')
    listed = {line[66:]: line[:64] for line in manifest.decode().splitlines()}
    for name, digest in listed.items():
        if hashlib.sha256(read(folder, name)).hexdigest() != digest:
            raise ValueError(name + ' is altered')
    found = {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}
    if found - set(listed) != {'SHA256SUMS', 'SHA256SUMS.sig'}:
        raise ValueError('the folder has files that the manifest does not list')
    print('unaltered: %d files, signed with %s' % (len(listed), text))

if __name__ == '__main__':
    try:
        main(*(sys.argv[1:] or [os.path.dirname(os.path.abspath(__file__))]))
    except (OSError, ValueError) as error:
        sys.exit('ALTERED: %s' % error)
`
