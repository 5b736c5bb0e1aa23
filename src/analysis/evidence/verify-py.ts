/**
 * Verifier in the pack. It needs nothing of Interdict, and judges the lookups by the same rules as
 * `enforcement.ts`, written a second time.
 */
export const VERIFY_PY = `#!/usr/bin/env python3
"""Verifies an evidence pack: python3 verify.py [FOLDER [PUBLIC-KEY [HUB-KEY]]]. Needs Python 3.8 and nothing else.

HUB-KEY: public key of the hub of a fleet, if that is a witness of the log; take it from the hub.

Take this script and the public key from the operator, not from the pack: who alters a pack can alter its verifier.
It checks that the pack is as it was signed, the chain of the log, and that the figures of the page follow from the
lookups in lookups.jsonl and the rules in enforcement.json. Ed25519 as in RFC 8032, section 5.1.7.
"""
import base64, bisect, hashlib, json, os, re, stat, sys
from datetime import datetime, timezone

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

def need(condition, problem):
    if not condition:
        raise ValueError(problem)

def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()

# 1. The pack is as it was signed.

def check_files(folder, expected):
    pem = read(folder, 'public-key.pem').decode()
    text = ''.join(pem.strip().split('\\n')[1:-1])
    need(expected in (None, text), 'signed with another key: ' + text)
    key = base64.b64decode(text, validate=True)[-32:]
    manifest = read(folder, 'SHA256SUMS')
    need(is_signed(key, manifest, read(folder, 'SHA256SUMS.sig')), 'SHA256SUMS or its signature is altered')
    listed = {line[66:]: line[:64] for line in manifest.decode().splitlines()}
    found = set()
    for at, folders, names in os.walk(folder):
        need(folders or names, 'the pack has an empty folder')
        for name in folders + names:
            mode = os.lstat(os.path.join(at, name)).st_mode
            need(stat.S_ISDIR(mode) if name in folders else stat.S_ISREG(mode), name + ' is not a file')
        found.update(os.path.relpath(os.path.join(at, name), folder).replace(os.sep, '/') for name in names)
    need(found - set(listed) == {'SHA256SUMS', 'SHA256SUMS.sig'}, 'the folder has files that the manifest does not list')
    for name, digest in listed.items():
        need(re.fullmatch(r'\\w[\\w./-]*', name) and '..' not in name, 'the manifest has a path that is not of a pack')
        need(hashlib.sha256(read(folder, name)).hexdigest() == digest, name + ' is altered')
    return key, text, listed

# 2. The chain of the log has no break, and is signed.

def check_chain(folder, key):
    if not os.path.exists(os.path.join(folder, 'log', 'chain.jsonl')):
        return 'the log has no chain: nothing proves that it is complete'
    before, lines = '0' * 64, read(folder, 'log', 'chain.jsonl').decode().splitlines()
    files = {}
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        need(entry['n'] == number and entry['prev'] == before, 'line %d of the chain does not follow' % number)
        before = hashlib.sha256(line.encode()).hexdigest()
        for one in entry.get('files', []) if entry['kind'] in ('replaced', 'removed') else []:
            files.pop(one['file'], None)
        new = entry.get('found', []) + entry.get('by', []) if entry['kind'] in ('start', 'replaced') else []
        for one in new + ([entry] if entry['kind'] == 'file' else []):
            files[one['file']] = one['sha256']
    need(lines, 'the chain is empty')
    proven = 0
    for one in json.loads(read(folder, 'log', 'files.json')):
        if one['open'] or one['file'] not in files:
            continue
        need(files[one['file']] == one['sha256'], 'the chain has other contents of ' + one['file'])
        proven += 1
    text, signature = re.fullmatch(r'(.*),"signature":"([^"]*)"\\}', lines[-1]).groups()
    signed = is_signed(key, ('interdict chain 1\\n' + text).encode(), base64.b64decode(signature))
    who = 'the key of the pack' if signed else 'ANOTHER KEY than the pack'
    return 'chain of %d lines, %s to %s, signed with %s; %d files of the log are in it' % (
        len(lines), json.loads(lines[0])['time'], json.loads(lines[-1])['time'], who, proven)

# What witnesses say of it. Who signed a time stamp is for openssl: verify.sh.

def parts(octets):
    """Contents of the values in DER, one after the other."""
    at, found = 0, []
    while at < len(octets):
        length, at = octets[at + 1], at + 2
        if length > 0x80:
            size = length & 0x7f
            length, at = int.from_bytes(octets[at:at + size], 'big'), at + size
        found.append(octets[at:at + length])
        at += length
    return found

def stamp(response):
    """SHA-256 and time of a TimeStampResp: RFC 3161, section 2.4.2."""
    token = parts(parts(parts(response)[0])[1])
    content = parts(parts(token[1])[0])[2]
    info = parts(parts(parts(parts(content)[1])[0])[0])
    at = datetime.strptime(info[4].decode()[:14], '%Y%m%d%H%M%S').replace(tzinfo=timezone.utc)
    return parts(info[2])[1].hex(), at.timestamp()

# What each kind of receipt has besides the names of all, in this order.
RECEIPTS = {'tsa': ['response'], 'hub': ['gateway', 'at', 'signature'], 'syslog': []}

def check_witness(folder, hub):
    if not os.path.exists(os.path.join(folder, 'log', 'chain.jsonl')):
        return 'no chain, so no witness of it'
    lines = read(folder, 'log', 'chain.jsonl').decode().splitlines()
    numbers = {hashlib.sha256(line.encode()).hexdigest(): number for number, line in enumerate(lines, 1)}
    covers, covered = {}, 0
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        covered = milliseconds(entry['time']) / 1000 if 'open' in entry else covered
        covers[number] = covered
    found, others = [], 0
    if os.path.exists(os.path.join(folder, 'log', 'witness.jsonl')):
        text = read(folder, 'log', 'witness.jsonl').decode()
        need(text == '' or text.endswith('\\n'), 'log/witness.jsonl ends within a line')
        for line in text.split('\\n')[:-1]:
            receipt = json.loads(line)
            # In another form, it could be another receipt, or none, to other readers.
            names = ['v', 'n', 'sha256', 'time', 'to', 'by'] + RECEIPTS.get(receipt.get('by'), [None])
            need(list(receipt) == names and json.dumps(receipt, ensure_ascii=False, separators=(',', ':')) == line,
                 'log/witness.jsonl has a line that is not a receipt as the gateway writes it')
            if receipt['by'] == 'tsa':
                digest, at = stamp(base64.b64decode(receipt['response']))
            elif receipt['by'] == 'hub' and hub is not None:
                digest, at = receipt['sha256'], milliseconds(receipt['at']) / 1000
                text = 'interdict witness 1\\n%s %d %s %s' % (receipt['gateway'], receipt['n'], digest, receipt['at'])
                signature = base64.b64decode(receipt['signature'])
                need(is_signed(base64.b64decode(hub)[-32:], text.encode(), signature), 'a receipt is not signed by the hub')
            else:
                others += 1
                continue
            need(digest in numbers, 'the chain lacks a line that a witness confirmed: the log was rewritten')
            found.append((numbers[digest], at))
    found.sort()
    if not found:
        note = ' (%d receipts are not verified: give HUB-KEY, or ask their recipients)' % others if others else ''
        return 'no time stamps: whoever has the keys of the gateway could have rewritten the log' + note
    entries = [json.loads(line) for line in lines]
    firsts = [entries[0]['time']] + [entry['first'] for entry in entries if entry['kind'] == 'file' and 'first' in entry]
    start, until, times = min(milliseconds(at) for at in firsts) / 1000, float('inf'), []
    for i in reversed(range(len(found))):
        until = min(until, found[i][1])
        found[i] = found[i][0], until
    for number, until in found:
        times.append((until - min(start, until), min(start, until), until))
        start = max(start, min(covers[number], until))
    show = lambda at: datetime.fromtimestamp(at, timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    longest, begin = max(times), entries[0]
    note = '' if not begin['found'] else '; and until %s, all that was logged before %s: the chain began with %d files that were there' % (
        show(times[0][2]), begin['time'], len(begin['found']))
    return ('%d receipts of witnesses (verify.sh finds whether time stamps are signed): until %s, whoever has the keys of '
            'the gateway could have rewritten at most %d minutes at a time (%s to %s), and all that was logged since%s') % (
        len(found), show(max(at for _, at in found)), -(-longest[0] // 60), show(longest[1]), show(longest[2]), note)

# 3. The figures follow from the lookups.

ORDERS = ['in force', 'not known', 'restart', 'log missing', 'not in force']
OUTCOMES = ['blocked', 'exempt', 'monitored', 'refused', 'absent', 'outside dates', 'outside hours', 'other', 'not known']
OF_STATE = {'in force': 'other', 'monitored': 'other', 'absent': 'absent', 'to come': 'outside dates',
            'ended': 'outside dates', 'outside its hours': 'outside hours'}
MINUTE = 60000

def instant(text):
    """Milliseconds of a time in a table, in the time zone of the page."""
    return round(datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() * 1000)

def milliseconds(text):
    """Milliseconds of the time of a lookup."""
    at = datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)
    return int(at.timestamp()) * 1000 + at.microsecond // 1000

class Enforcement:
    def __init__(self, data):
        self.data, self.states, self.shown, self.matched = data, data['states'], {}, set()

    @staticmethod
    def version(one):
        serial = one.get('serial')
        return '%s %s' % (one.get('sha256', ''), '' if serial is None else serial)

    def state(self, version, network, at):
        for span in self.states[version].get(network, []):
            if span['from'] <= at < span['until']:
                return span['state']
        return 'absent'

    def outcome(self, lookup, at):
        verdict, version, network = lookup['verdict'], self.version(lookup), lookup.get('network', '')
        of_ban = lookup.get('ban') == self.data['ban']
        if of_ban:
            self.matched.add(network)
        if verdict in ('blocked', 'monitored', 'refused'):
            outcome = verdict
        elif verdict == 'allowed' and 'exception' in lookup:
            outcome = 'exempt'
        elif version not in self.states:
            outcome = 'not known'
        else:
            outcome = OF_STATE[self.state(version, network, at)]
        key = lookup.get('gateway'), version, network
        if outcome == 'not known':
            self.shown.setdefault(key, set()).add('answered')
        elif of_ban and verdict == 'blocked':
            self.shown.setdefault(key, set()).add('blocked')
        return outcome

    def under(self, version, gateway, network, at):
        version = self.version(version)
        if version in self.states:
            state = self.state(version, network, at)
            return 'in force' if state == 'in force' else 'not in force'
        shown = self.shown.get((gateway, version, network))
        return {('answered',): 'not in force', ('blocked',): 'in force'}.get(tuple(shown or ()), 'not known')

    def status(self, segment, network, at):
        kind, gateway = segment['kind'], segment['gateway']
        if kind == 'rules':
            return self.under(segment['version'], gateway, network, at)
        if kind in ('restart', 'unknown'):
            return 'restart' if kind == 'restart' else 'not known'
        before = self.under(segment['before'], gateway, network, segment['from'])
        after = self.under(segment['after'], gateway, network, segment['until'])
        return before if before == after else 'not known'

    def networks(self):
        return sorted(self.matched.union(*self.states.values()))

    def minutes(self):
        since, until = self.data['since'], self.data['until']
        first = since // MINUTE
        worst = [0] * max(0, -(-until // MINUTE) - first)
        for segment in self.data['segments']:
            low, high = segment['from'], segment['until']
            gaps = self.data['missing'] if segment['gateway'] is None else []
            for network in self.networks():
                cuts = [low, high] + [at for gap in gaps for at in (gap['from'], gap['until'])]
                if segment['kind'] == 'rules':
                    spans = self.states.get(self.version(segment['version']), {}).get(network, [])
                    cuts += [at for span in spans for at in (span['from'], span['until'])]
                bounds = sorted({at for at in cuts if low <= at <= high})
                for start, end in zip(bounds, bounds[1:]):
                    missing = any(gap['from'] < end and start < gap['until'] for gap in gaps)
                    status = 'log missing' if missing else self.status(segment, network, start)
                    rank = ORDERS.index(status)
                    for at in range(start // MINUTE - first, -(-end // MINUTE) - first):
                        worst[at] = max(worst[at], rank)
        return {status: worst.count(rank) for rank, status in enumerate(ORDERS)}

def count(table, key, lookup, outcome):
    row = table.setdefault(key, {'lookups': 0, 'blocked': 0, 'monitored': 0, 'allowed': 0, 'answered': 0, 'clients': set()})
    row['lookups'] += 1
    if lookup['verdict'] in ('blocked', 'monitored', 'allowed'):
        row[lookup['verdict']] += 1
    row['answered'] += outcome not in ('blocked', 'exempt', 'refused')
    client = lookup.get('device', lookup.get('client'))
    if client is not None:
        row['clients'].add(client)

def check_figures(folder):
    data = json.loads(read(folder, 'enforcement.json'))
    page = json.loads(read(folder, 'evidence.json'))
    tables, tiles = page['tables'], page['tiles']
    days = [instant(row['day']) for row in tables['days']]
    need(days == sorted(days), 'the days are not in order')
    enforcement, sums = Enforcement(data), {}
    by = {name: {} for name in ('networks', 'days', 'names', 'matches', 'exceptions', 'generations')}
    for line in read(folder, 'lookups.jsonl').decode().splitlines():
        lookup = json.loads(line)
        at = milliseconds(lookup['time'])
        need(data['since'] <= at < data['until'], 'a lookup is outside the period')
        outcome, network = enforcement.outcome(lookup, at), lookup.get('network', '')
        keys = {'networks': network, 'days': bisect.bisect(days, at) - 1, 'names': lookup['qname'],
                'matches': lookup.get('match', ''), 'generations': enforcement.version(lookup)}
        if outcome == 'exempt':
            keys['exceptions'] = lookup['exception'], network
        for name, key in keys.items():
            count(by[name], key, lookup, outcome)
        if data['knownSince'] is not None and at >= data['knownSince']:
            sums[network, outcome] = sums.get((network, outcome), 0) + 1
    networks = enforcement.networks()
    need(networks == data['networks'], 'the networks of the ban')
    of = {one: sum(sums.get((network, one), 0) for network in networks) for one in OUTCOMES}
    total, minutes, unknown = sum(of.values()), enforcement.minutes(), data['knownSince'] is None

    def same(what, page, counted):
        need(page == counted, '%s: the page has %s, the lookups give %s' % (what, page, counted))

    seen = sum(row['lookups'] for row in by['networks'].values())
    none = unknown or total == 0
    same('lookups', tiles['lookups'], seen if unknown else total)
    same('blocked share', tiles['blockedShare'], None if none else of['blocked'] / total)
    same('exempt share', tiles['exemptShare'], None if none else of['exempt'] / total)
    same('minutes not in force', tiles['minutesNotInForce'], minutes['not in force'])
    clients = set().union(*(by['networks'][one]['clients'] for one in networks if one in by['networks']))
    same('clients', tiles['clients'], len(clients))
    same('outcomes', {row['outcome']: row['lookups'] for row in tables['outcomes']}, {} if unknown else of)
    same('minutes', {row['status']: row['minutes'] for row in tables['minutes']}, minutes)
    key_of = {'networks': lambda row, i: row['network'], 'days': lambda row, i: i, 'names': lambda row, i: row['name'],
              'matches': lambda row, i: row['match'], 'exceptions': lambda row, i: (row['exception'], row['network']),
              'generations': lambda row, i: enforcement.version(row)}
    for name, counted in by.items():
        rows = {key_of[name](row, i): row for i, row in enumerate(tables[name])}
        need(name == 'generations' or set(counted) <= set(rows), 'the table %s lacks a row' % name)
        for key, row in rows.items():
            own = dict(counted.get(key, {}))
            own['clients'] = len(own.get('clients', ()))
            for column in set(own) & set(row):
                same('%s, %s, %s' % (name, key, column), row[column], own[column])
            if key not in counted:
                same('%s, %s' % (name, key), row['lookups'], 0)
    answered = sorted(lookup_times(folder, enforcement))
    for row in tables['not-in-force']:
        own = set(row['networks'].split(', '))
        low, high = instant(row['from']), instant(row['until'])
        part = answered[bisect.bisect_left(answered, (low,)):bisect.bisect_left(answered, (high,))]
        found = sum(1 for _, gateway, network in part if network in own and gateway == row.get('gateway', ''))
        same('lookups answered from %s' % row['from'], row['answered'], found)
    html = read(folder, 'evidence.html').decode()
    if not unknown:
        text = '%s of %s lookups' % (format(of['blocked'], ','), format(total, ','))
        need(text in html, 'the page does not say "%s"' % text)
        return '%s blocked, %d minutes not in force of %d' % (text, minutes['not in force'], sum(minutes.values()))
    need('answered lookups were not logged' in html, 'the page does not say that answered lookups were not logged')
    return '%d blocked; how many lookups were answered cannot be known: they were not logged' % seen

def lookup_times(folder, enforcement):
    for line in read(folder, 'lookups.jsonl').decode().splitlines():
        lookup = json.loads(line)
        at = milliseconds(lookup['time'])
        if enforcement.outcome(lookup, at) not in ('blocked', 'exempt', 'refused'):
            yield at, lookup.get('gateway', ''), lookup.get('network', '')

def check_rules(folder, listed):
    versions = json.loads(read(folder, 'rules', 'versions.json'))
    for version in versions:
        for one in version['files']:
            need('path' not in one or listed.get(one['path']) == one['sha256'], 'other rules: ' + one['name'])
    return 'the text of %d versions of the rules' % len(versions)

# 4. The mandates are signed, and the page says of them what mandates.json says.

SIGNATURE = re.compile(rb'# signature: ([A-Za-z0-9+/]{59}=) ([A-Za-z0-9+/]{86}==)\\r?\\n?')

def check_mandates(folder, listed):
    if 'mandates.json' not in listed:
        return 'no mandates'
    data, rows, signers, open_times = json.loads(read(folder, 'mandates.json')), [], set(), []
    for one in data['mandates']:
        lines = re.findall(rb'[^\\n]*\\n|[^\\n]+$', read(folder, one['path']))
        found = []
        while lines and SIGNATURE.fullmatch(lines[-1]):
            found.append(SIGNATURE.fullmatch(lines.pop()).groups())
        text = b''.join(lines)
        need(hashlib.sha256(text).hexdigest() == one['sha256'], 'another text of mandate ' + one['id'])
        need(found, 'mandate %s is not signed' % one['id'])
        for key, signature in found:
            octets = base64.b64decode(key)[-32:]
            good = is_signed(octets, b'interdict-mandate 1\\n' + text, base64.b64decode(signature))
            need(good, 'a signature of mandate ' + one['id'])
            signers.add(key.decode())
        need({key.decode() for key, _ in found} == set(one['signers']), 'the signers of mandate ' + one['id'])
        rows += [(one.get('gateway'), one['id'], span['from'], span['until'], span['status'], span['why']) for span in one['spans']]
        open_times += [(span['from'], span['until']) for span in one['spans'] if span['status'] == 'not satisfied']
    page = json.loads(read(folder, 'evidence.json'))
    shown = [(row.get('gateway'), row['mandate'], instant(row['from']), instant(row['until']), row['status'], row['why'])
             for row in page['tables']['mandates']]
    need(shown == rows, 'the page has other times of mandates')
    total, end = 0, 0
    for low, high in sorted(open_times):
        total, end = total + max(0, high - max(low, end)), max(end, high)
    need(page['tiles']['mandateMinutes'] == -(-total // MINUTE), 'the minutes without a mandated ban')
    return '%d mandates, not satisfied for %d minutes, signed with %s' % (
        len({one['sha256'] for one in data['mandates']}), -(-total // MINUTE), ', '.join(sorted(signers)))

def main(folder, expected=None, hub=None):
    key, text, listed = check_files(folder, expected)
    if 'enforcement.json' in listed:
        for found in (check_chain(folder, key), check_witness(folder, hub), check_rules(folder, listed),
                      check_mandates(folder, listed), check_figures(folder)):
            print(found)
        print('not counted again: tables of bypass attempts, probes, times without lookups and changes of rules;')
        print('and whether rules satisfy a mandate: interdict mandate check, with the texts of both in the pack')
    print('unaltered: %d files, signed with %s' % (len(listed), text))

if __name__ == '__main__':
    try:
        main(*(sys.argv[1:] or [os.path.dirname(os.path.abspath(__file__))]))
    except (OSError, ValueError, KeyError, AttributeError, IndexError) as error:
        sys.exit('ALTERED: %s' % error)
`
