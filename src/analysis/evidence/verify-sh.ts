/** Verifier in the pack. It needs nothing of Interdict, so that an auditor can read it on one page. */
export const VERIFY_SH = `#!/bin/sh
# Verifies an evidence pack: sh verify.sh [FOLDER [PUBLIC-KEY [TSA-CA]]]. Needs sha256sum and openssl 3.
# TSA-CA: file with the certificates of the time-stamping authority, in PEM; take it from the authority.
# Take this script and the public key from the operator, not from the pack: who alters a pack can alter its verifier.
# It checks that the pack is as it was signed. verify.py also checks that its figures follow from its lookups.
set -eu
LC_ALL=C
export LC_ALL
fail() {
  echo "ALTERED: $1" >&2
  exit 1
}
ca=\${3:-}
case $ca in '' | /*) ;; *) ca=$PWD/$ca ;; esac
cd "\${1:-$(dirname "$0")}"
# Whatever is neither a file nor a folder could show one thing here and another one elsewhere: a link, a pipe.
[ -z "$(find . ! -type f ! -type d)" ] || fail "the pack has something that is not a file"
key=$(openssl pkey -pubin -in public-key.pem -outform DER | openssl base64 -A)
if [ $# -gt 1 ] && [ "$2" != "$key" ]; then fail "signed with another key: $key"; fi
openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null ||
  fail "SHA256SUMS or its signature"
if grep -qv '^[0-9a-f]\\{64\\}  [A-Za-z0-9_][A-Za-z0-9._/-]*$' SHA256SUMS || grep -q '\\.\\.' SHA256SUMS; then
  fail "SHA256SUMS has a line that is not of a pack"
fi
sha256sum --check --strict --quiet SHA256SUMS || fail "a file differs from SHA256SUMS"
listed=$(cut -c 67- SHA256SUMS | sort)
found=$(find . -type f ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig | cut -c 3- | sort)
[ "$listed" = "$found" ] || fail "the folder has files that SHA256SUMS does not list"
folders=$(find . -type d | while read -r folder; do [ -n "$(find "$folder" -type f)" ] || echo "$folder"; done)
[ -z "$folders" ] || fail "the pack has an empty folder"
if [ -f log/chain.jsonl ]; then
  # Its last line has the hash of the one before, and so on; verify.py checks all of them.
  last=$(tail -n 1 log/chain.jsonl)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  printf 'interdict chain 1\\n%s' "\${last%,\\"signature\\":*}" >"$work/text"
  printf '%s' "\${last##*\\"signature\\":\\"}" | cut -d '"' -f 1 | openssl base64 -d -A >"$work/signature"
  if openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in "$work/text" -sigfile "$work/signature" >/dev/null 2>&1; then
    echo "the chain of the log ends in a line that is signed with the key of the pack"
  else
    echo "note: the chain of the log is signed with another key than the pack; ask the operator for it"
  fi
  # Each time stamp is of the SHA-256 of a line of the chain.
  stamps=0
  : >"$work/stamps"
  if [ -f log/witness.jsonl ]; then
    # A line in another form could be one receipt here and another one, or none, to other readers.
    text='"[^"\\\\]*"'
    head='^{"v":1,"n":[1-9][0-9]*,"sha256":"[0-9a-f]\\{64\\}","time":'$text',"to":'$text',"by":'
    if [ -n "$(tail -c 1 log/witness.jsonl)" ] || grep -v -q \\
      -e "$head"'"tsa","response":"[A-Za-z0-9+/=]*"}$' \\
      -e "$head"'"hub","gateway":'"$text"',"at":'"$text"',"signature":'"$text"'}$' \\
      -e "$head"'"syslog"}$' log/witness.jsonl; then
      fail "log/witness.jsonl has a line that is not a receipt as the gateway writes it"
    fi
    sed -n 's|^{"v":1,"n":\\([0-9]*\\),"sha256":"\\([0-9a-f]*\\)".*"by":"tsa","response":"\\([A-Za-z0-9+/=]*\\)"}$|\\1 \\2 \\3|p' \\
      log/witness.jsonl >"$work/stamps"
  fi
  while read -r number digest response; do
    is=$(sed -n "\${number}p" log/chain.jsonl | tr -d '\\n' | sha256sum | cut -c 1-64)
    [ "$is" = "$digest" ] || fail "line $number of the chain is not the one that was stamped: the log was rewritten"
    printf '%s' "$response" | openssl base64 -d -A >"$work/stamp"
    if [ -n "$ca" ]; then
      # TSA-CA may be an intermediate authority. Certificates may have expired since; whether they were valid at the time
      # of the stamp is for interdict verify-log.
      openssl ts -verify -digest "$digest" -in "$work/stamp" -CAfile "$ca" -partial_chain -no_check_time >/dev/null 2>&1 ||
        fail "the time stamp of line $number is of another line, or not of this authority"
    fi
    stamps=$((stamps + 1))
    stamped=$number
  done <"$work/stamps"
  if [ "$stamps" = 0 ]; then
    echo "note: no time stamps: whoever has the keys of the gateway could have rewritten the log; of other witnesses, see verify.py"
  elif [ -z "$ca" ]; then
    echo "note: $stamps time stamps not verified: give the certificates of the authority, TSA-CA"
  else
    time=$(openssl ts -reply -in "$work/stamp" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
    echo "$stamps time stamps of the authority, the last of line $stamped at $time; verify.py lists the times between them"
  fi
fi
for mandate in mandates/*.yaml; do
  [ -f "$mandate" ] || continue
  one=$(mktemp -d)
  # The signatures are comments at the end of what they sign.
  { printf 'interdict-mandate 1\\n'; grep -v '^# signature: ' "$mandate"; } >"$one/text"
  grep '^# signature: ' "$mandate" | while read -r _ _ signer signature; do
    printf '%s' "$signer" | openssl base64 -d -A >"$one/key"
    printf '%s' "$signature" | openssl base64 -d -A >"$one/signature"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$one/key" -rawin -in "$one/text" -sigfile "$one/signature" >/dev/null 2>&1 ||
      fail "a signature of $mandate"
    echo "$mandate is signed with $signer"
  done || exit 1
  rm -rf "$one"
done
echo "unaltered: $(wc -l <SHA256SUMS) files, signed with $key"
`
