#!/usr/bin/env python3
"""Verifies an evidence pack: python3 verify.py [FOLDER [PUBLIC-KEY [HUB-KEY]]]. Needs Python 3.8 and nothing else.

HUB-KEY: public key of the hub of a fleet, if that is a witness of the log; take it from the hub.

Take this script and the public key from the operator, not from the pack: who alters a pack can alter its verifier.
It checks that the pack is as it was signed, the chain of the log, and that every figure of the page follows from what
the pack has of the log (lookups.jsonl, bypass.jsonl, network-days.jsonl, log/times.jsonl), of the probes (probes.jsonl)
of connections (egress.jsonl) and of the rules (enforcement.json, catalogue.json, dnssec.json, egress.json, rule-changes/). Ed25519 as in RFC 8032, section 5.1.7.
"""
import base64, bisect, csv, hashlib, html.parser, itertools, json, os, re, stat, statistics, sys, unicodedata
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

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

def digest_of(*path):
    digest = hashlib.sha256()
    with open(os.path.join(*path), 'rb') as file:
        for part in iter(lambda: file.read(1 << 20), b''):
            digest.update(part)
    return digest.hexdigest()

def json_lines(*path):
    """The values of a file with one in each line; it may be larger than the memory."""
    with open(os.path.join(*path), encoding='utf-8', newline='\n') as file:
        for line in file:
            yield json.loads(line)

# 1. The pack is as it was signed.

def check_files(folder, expected):
    # Before anything is read: a link or a pipe never ends, or shows something outside the pack.
    found = set()
    for at, folders, names in os.walk(folder):
        need(folders or names, 'the pack has an empty folder')
        for name in folders + names:
            mode = os.lstat(os.path.join(at, name)).st_mode
            need(stat.S_ISDIR(mode) if name in folders else stat.S_ISREG(mode), name + ' is not a file')
        found.update(os.path.relpath(os.path.join(at, name), folder).replace(os.sep, '/') for name in names)
    pem = read(folder, 'public-key.pem').decode()
    text = ''.join(pem.strip().split('\n')[1:-1])
    need(expected in (None, text), 'signed with another key: ' + text)
    key = base64.b64decode(text, validate=True)[-32:]
    manifest = read(folder, 'SHA256SUMS')
    need(is_signed(key, manifest, read(folder, 'SHA256SUMS.sig')), 'SHA256SUMS or its signature is altered')
    listed = {line[66:]: line[:64] for line in manifest.decode().splitlines()}
    need(found - set(listed) == {'SHA256SUMS', 'SHA256SUMS.sig'}, 'the folder has files that the manifest does not list')
    for name, digest in listed.items():
        need(re.fullmatch(r'\w[\w./-]*', name) and '..' not in name, 'the manifest has a path that is not of a pack')
        need(digest_of(folder, name) == digest, name + ' is altered')
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
    text, signature = re.fullmatch(r'(.*),"signature":"([^"]*)"\}', lines[-1]).groups()
    signed = is_signed(key, ('interdict chain 1\n' + text).encode(), base64.b64decode(signature))
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
        need(text == '' or text.endswith('\n'), 'log/witness.jsonl ends within a line')
        for line in text.split('\n')[:-1]:
            receipt = json.loads(line)
            # In another form, it could be another receipt, or none, to other readers.
            names = ['v', 'n', 'sha256', 'time', 'to', 'by'] + RECEIPTS.get(receipt.get('by'), [None])
            need(list(receipt) == names and json.dumps(receipt, ensure_ascii=False, separators=(',', ':')) == line,
                 'log/witness.jsonl has a line that is not a receipt as the gateway writes it')
            if receipt['by'] == 'tsa':
                digest, at = stamp(base64.b64decode(receipt['response']))
            elif receipt['by'] == 'hub' and hub is not None:
                digest, at = receipt['sha256'], milliseconds(receipt['at']) / 1000
                text = 'interdict witness 1\n%s %d %s %s' % (receipt['gateway'], receipt['n'], digest, receipt['at'])
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

# 3. Times: local times of the page by the offsets of its time zone, which enforcement.json has.

MINUTE, DAY = 60000, 86400000

class Zone:
    """The time zone of the page: [instant, milliseconds ahead of UTC from then on], in order."""
    def __init__(self, name, offsets):
        self.name, self.since, self.offsets = name, [since for since, _ in offsets], [ahead for _, ahead in offsets]

    def ahead(self, at):
        return self.offsets[max(0, bisect.bisect(self.since, at) - 1)]

    def show(self, at):
        """As in the tables: RFC 3339 with milliseconds."""
        ahead = self.ahead(at)
        local = datetime.fromtimestamp((at + ahead) // 1000, timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')
        minutes = abs(ahead) // MINUTE
        zone = '%s%02d:%02d' % ('-' if ahead < 0 else '+', minutes // 60, minutes % 60)
        return '%s.%03d%s' % (local, at % 1000, 'Z' if self.name == 'UTC' else zone)

    def to_minute(self, at):
        return self.show(at)[:16].replace('T', ' ')

    def midnight(self, day):
        """The instant of a local midnight, given as the same time in UTC."""
        before, after = self.ahead(day - DAY), self.ahead(day + DAY)
        found = [day - ahead for ahead in (before, after) if self.ahead(day - ahead) == ahead]
        return min(found) if found else day - before

    def start_of_day(self, at):
        return self.midnight((at + self.ahead(at)) // DAY * DAY)

def instant(text):
    """Milliseconds of a time in a table, in the time zone of the page."""
    return round(datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() * 1000)

EPOCH = datetime(1970, 1, 1)

def milliseconds(text):
    """Milliseconds of a time in UTC, as the log has it."""
    if not text.endswith('Z'):
        return instant(text)
    at = datetime.fromisoformat(text[:-1]) - EPOCH
    return at.days * DAY + at.seconds * 1000 + at.microseconds // 1000

# 4. Each lookup, each minute and each time without the ban, judged again.

ORDERS = ['in force', 'not known', 'restart', 'log missing', 'not in force']
OUTCOMES = ['blocked', 'exempt', 'monitored', 'refused', 'absent', 'outside dates', 'outside hours', 'other', 'not known']
OF_STATE = {'in force': 'other', 'monitored': 'other', 'absent': 'absent', 'to come': 'outside dates',
            'ended': 'outside dates', 'outside its hours': 'outside hours'}
NOT_ANSWERED = ('blocked', 'exempt', 'refused')

def version_key(one):
    serial = one.get('serial')
    return '%s %s' % (one.get('sha256', ''), '' if serial is None else serial)

def version_name(one):
    return one['sha256'] if one['serial'] is None else '%d (%s)' % (one['serial'], one['sha256'])

class Enforcement:
    def __init__(self, data):
        self.data, self.states, self.shown, self.matched = data, data['states'], {}, set()

    def state(self, version, network, at):
        for span in self.states[version].get(network, []):
            if span['from'] <= at < span['until']:
                return span['state']
        return 'absent'

    def outcome(self, lookup, at):
        verdict, version, network = lookup['verdict'], version_key(lookup), lookup.get('network', '')
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
        version = version_key(version)
        if version in self.states:
            state = self.state(version, network, at)
            return ('in force' if state == 'in force' else 'not in force'), state
        shown = tuple(self.shown.get((gateway, version, network)) or ())
        if shown == ('answered',):
            return 'not in force', 'lookups were answered; these rules are not at hand'
        if shown == ('blocked',):
            return 'in force', 'lookups were blocked; these rules are not at hand'
        return 'not known', 'these rules are not at hand'

    def judge(self, segment, network, at):
        kind, gateway = segment['kind'], segment['gateway']
        if kind == 'rules':
            return self.under(segment['version'], gateway, network, at)
        if kind == 'restart':
            return 'restart', 'the gateway was stopped or started again in this time'
        if kind == 'unknown':
            return 'not known', segment['why']
        before = self.under(segment['before'], gateway, network, segment['from'])
        after = self.under(segment['after'], gateway, network, segment['until'])
        return before if before[0] == after[0] else ('not known', 'rules changed within this time')

    def networks(self):
        # If nothing is known of the period: networks that have the ban now.
        return sorted(self.matched.union(*self.states.values()) or self.data['present'])

    def gaps(self, segment):
        return self.data['missing'] if segment['gateway'] is None else []

    def bounds(self):
        """Every time at which a status may begin or end."""
        cuts = {at for segment in self.data['segments'] for at in (segment['from'], segment['until'])}
        cuts.update(at for gap in self.data['missing'] for at in (gap['from'], gap['until']))
        cuts.update(at for states in self.states.values() for spans in states.values()
                    for span in spans for at in (span['from'], span['until']))
        return sorted(cuts)

    def stretches(self):
        for segment in self.data['segments']:
            low, high, gaps = segment['from'], segment['until'], self.gaps(segment)
            version = segment['version'] if segment['kind'] == 'rules' else None
            for network in self.networks():
                spans = self.states.get(version_key(version), {}).get(network, []) if version else []
                cuts = {low, high, *(at for one in gaps + spans for at in (one['from'], one['until']))}
                bounds = sorted(at for at in cuts if low <= at <= high)
                for start, end in zip(bounds, bounds[1:]):
                    missing = any(gap['from'] < end and start < gap['until'] for gap in gaps)
                    judged = ('log missing', 'a file of the log is not there') if missing else self.judge(segment, network, start)
                    yield [segment['gateway'], network, start, end, *judged, version]

    def minutes(self):
        since, until = self.data['since'], self.data['until']
        first = since // MINUTE
        worst = bytearray(max(0, -(-until // MINUTE) - first))
        for _, _, start, end, status, _, _ in self.stretches():
            rank = ORDERS.index(status)
            for at in range(start // MINUTE - first, -(-end // MINUTE) - first):
                worst[at] = max(worst[at], rank)
        return {status: worst.count(rank) for rank, status in enumerate(ORDERS)}

    def windows(self):
        """Times in which the ban was not known to be in force, of all networks with the same one."""
        merged, last = [], {}
        for one in self.stretches():
            before = last.get((one[0], one[1]))
            if before is not None and before[3] == one[2] and before[4:] == one[4:]:
                before[3] = one[3]
            else:
                merged.append(one)
                last[one[0], one[1]] = one
        windows = {}
        for gateway, network, start, end, status, cause, version in merged:
            if status != 'in force':
                key = gateway, start, end, status, cause, version and version_key(version)
                windows.setdefault(key, (version, []))[1].append(network)
        found = [(key[0], key[1], key[2], key[3], key[4], version, networks) for key, (version, networks) in windows.items()]
        return sorted(found, key=lambda one: (one[1], one[2]))

class Count:
    __slots__ = ('lookups', 'blocked', 'monitored', 'allowed', 'answered', 'first', 'last', 'clients')

    def __init__(self, at):
        self.lookups = self.blocked = self.monitored = self.allowed = self.answered = 0
        self.first = self.last = at
        self.clients = set()

    def add(self, lookup, at, outcome, client):
        self.lookups += 1
        verdict = lookup['verdict']
        if verdict == 'blocked':
            self.blocked += 1
        elif verdict == 'monitored':
            self.monitored += 1
        elif verdict == 'allowed':
            self.allowed += 1
        self.answered += outcome not in NOT_ANSWERED
        self.last = max(self.last, at)
        if client is not None:
            self.clients.add(client)

class Tally:
    """Everything that is counted of the lookups, one after the other."""
    def __init__(self, folder, enforcement, zone):
        data = enforcement.data
        self.by = {name: {} for name in ('networks', 'days', 'names', 'matches', 'exceptions', 'generations')}
        self.sums, self.answered, self.bounds, clients, days = {}, {}, enforcement.bounds(), {}, {}
        known, before = data['knownSince'], None
        for lookup in json_lines(folder, 'lookups.jsonl'):
            at = milliseconds(lookup['time'])
            need(data['since'] <= at < data['until'], 'a lookup is outside the period')
            need(before is None or before <= at, 'the lookups are not in order')
            before = at
            outcome, network = enforcement.outcome(lookup, at), lookup.get('network', '')
            day = (at + zone.ahead(at)) // DAY
            if day not in days:
                days[day] = zone.start_of_day(at)
            keys = {'networks': network, 'days': days[day], 'names': lookup['qname'],
                    'matches': lookup.get('match', ''), 'generations': version_key(lookup)}
            if outcome == 'exempt':
                keys['exceptions'] = lookup['exception'] + '\n' + network
            client = lookup.get('device', lookup.get('client'))
            # One text for each client: sets of many names would otherwise have many copies.
            client = clients.setdefault(client, client)
            for name, key in keys.items():
                counts = self.by[name]
                if key not in counts:
                    counts[key] = Count(at)
                counts[key].add(lookup, at, outcome, client)
            if outcome not in NOT_ANSWERED:
                key = lookup.get('gateway'), network, bisect.bisect(self.bounds, at)
                self.answered[key] = self.answered.get(key, 0) + 1
            if known is not None and at >= known:
                self.sums[network, outcome] = self.sums.get((network, outcome), 0) + 1

    def answered_in(self, gateway, start, end, networks):
        low, high = bisect.bisect(self.bounds, start), bisect.bisect(self.bounds, end)
        return sum(self.answered.get((gateway, network, at), 0) for network in networks for at in range(low, high))

# 5. The tables that follow.

def enforcement_tables(enforcement, tally, zone):
    """Rows as evidence.json has them. Without: texts, and facts about the rules as they are now."""
    data, by, show = enforcement.data, tally.by, zone.show
    networks = enforcement.networks()
    need(networks == data['networks'], 'the networks of the ban')
    of = {one: sum(tally.sums.get((network, one), 0) for network in networks) for one in OUTCOMES}
    total, minutes, unknown = sum(of.values()), enforcement.minutes(), data['knownSince'] is None

    def ranking(name, key, timeline=False):
        counts, all_of = by[name], sum(one.lookups for one in by[name].values())
        order = sorted(counts, key=(lambda at: at) if timeline else (lambda at: (-counts[at].lookups, at)))
        for at in order:
            one = counts[at]
            row = {key: show(at) if timeline else at, 'lookups': one.lookups}
            row.update({} if timeline else {'share': one.lookups / all_of})
            row.update(blocked=one.blocked, monitored=one.monitored, allowed=one.allowed, clients=len(one.clients))
            row.update({} if timeline else {'last': show(one.last)})
            yield row

    def window(one):
        gateway, start, end, status, cause, version, of_networks = one
        row = {} if gateway is None else {'gateway': gateway}
        row.update({'from': show(start), 'until': show(end), 'minutes': -(-(end - start) // MINUTE), 'status': status,
                    'cause': cause, 'rules': version and version_name(version), 'networks': ', '.join(of_networks),
                    'answered': tally.answered_in(gateway, start, end, of_networks)})
        return row

    def network_row(row):
        one = by['networks'].get(row['network'])
        counts = {key: getattr(one, key) if one else 0 for key in ('lookups', 'blocked', 'monitored', 'answered')}
        return dict(counts, network=row['network'], clients=len(one.clients) if one else 0, first=one and show(one.first),
                    last=one and show(one.last), inPeriod='yes' if row['network'] in networks else 'no')

    def exceptions(rows):
        used = by['exceptions']
        for key in sorted(used, key=lambda key: (-used[key].lookups, key)):
            exception, network = key.split('\n')
            yield {'exception': exception, 'network': network, 'lookups': used[key].lookups,
                   'clients': len(used[key].clients), 'last': show(used[key].last)}
        for row in rows[len(used):]:
            need(row['exception'] not in {key.split('\n')[0] for key in used}, 'an exception that was used is listed as unused')
            yield {'exception': row['exception'], 'network': None, 'lookups': 0, 'clients': 0, 'last': None}

    def generations():
        seen = {}
        for segment in data['segments']:
            if segment['kind'] == 'rules':
                one = seen.setdefault(version_key(segment['version']), dict(segment['version'], first=segment['from']))
                one['last'] = segment['until']
        for key, one in seen.items():
            count = by['generations'].get(key)
            yield {'sha256': one['sha256'], 'serial': one['serial'], 'text': 'yes' if key in data['states'] else 'no',
                   'first': show(one['first']), 'last': show(one['last']),
                   **{name: getattr(count, name) if count else 0 for name in ('lookups', 'blocked', 'answered')}}

    def network_rows(rows):
        known = {row['network'] for row in rows}
        need(len(known) == len(rows), 'the table networks has a row twice')
        need(known.issuperset(by['networks']) and known.issuperset(networks), 'the table networks lacks a row')
        return map(network_row, rows)

    tables = {
        'outcomes': [] if unknown else [{'outcome': one, 'lookups': of[one], 'share': of[one] / total if total else None}
                                        for one in OUTCOMES],
        'not-in-force': list(map(window, enforcement.windows())),
        'minutes': [{'status': one, 'minutes': minutes[one]} for one in ORDERS],
        'networks': network_rows, 'days': list(ranking('days', 'day', True)), 'names': list(ranking('names', 'name')),
        'matches': list(ranking('matches', 'match')), 'exceptions': exceptions, 'generations': list(generations())}
    return tables, of, minutes, unknown

def enforcement_tiles(enforcement, tally, of, minutes, unknown, zone):
    """The headlines: value, as the page shows it, and the note below."""
    data, networks, total = enforcement.data, enforcement.networks(), sum(of.values())
    seen, none = sum(one.lookups for one in tally.by['networks'].values()), unknown or total == 0
    since = data['knownSince']
    partly = '; before %s not known' % zone.to_minute(since) if not unknown and since > data['since'] else ''
    gateways = {one['gateway'] for one in data['segments']} - {None}
    silent = gateways - {one['gateway'] for one in data['segments'] if one['kind'] != 'unknown'}
    partly += '; %d of %d gateways not known' % (len(silent), len(gateways)) if silent else ''
    clients = set().union(*(tally.by['networks'][one].clients for one in networks if one in tally.by['networks']))
    number = lambda value: format(value, ',')
    off = sum(minutes[one] for one in ('restart', 'log missing', 'not known'))
    return {
        'lookups': (seen if unknown else total,
                    'logged lookups of banned names' if unknown else 'lookups of banned names' + partly),
        'blockedShare': (None if none else of['blocked'] / total,
                         'not known: answered lookups were not logged' if unknown else
                         '%s of %s lookups%s' % (number(of['blocked']), number(total), partly)),
        'exemptShare': (None if none else of['exempt'] / total,
                        'not known' if unknown else '%s lookups, by exceptions' % number(of['exempt'])),
        'minutesNotInForce': (minutes['not in force'], 'of %s; %s not known' % (number(sum(minutes.values())), number(off))),
        'clients': (len(clients), 'in %s networks with the ban' % number(len(networks)))}

ANSWERED = ('forwarded', 'cached', 'monitored', 'allowed', 'local', 'stale')

def not_enforced(folder, enforcement, tally, show):
    """What was not enforced, the minutes with a pause, and what the headlines say of them."""
    facts, fleet = json.loads(read(folder, 'not-enforced.json')), None not in enforcement.data['gateways']
    rows, windows = [], {}

    def add(kind, one, lookups, time=None):
        time = one['until'] - one['from'] if time is None else time
        rows.append(dict({'gateway': one['gateway']} if fleet else {}, **{
            'kind': kind, 'subject': one['subject'], 'networks': ', '.join(one['networks']), 'by': one['by'], 'reason': one['reason'],
            'from': show(one['from']), 'until': show(one['until']), 'minutes': -(-time // MINUTE), 'lookups': lookups}))

    def of_pause(pause, one):
        return (pause['gateway'], pause['rule']) == (one['gateway'], one['rule']) and pause['from'] // 1000 * 1000 <= one['at'] < pause['until']

    for one in facts['pauses']:
        add('pause', dict(one, subject=one['rule']), sum(
            count['lookups'] for count in facts['paused'] if of_pause(one, count) and count['verdict'] in ANSWERED))
    for one in facts['paused']:
        need(any(of_pause(pause, one) for pause in facts['pauses']), 'lookups of a pause that the pack does not have')
    for one in facts['lists']:
        add('list', one, None)
    for gateway, start, end, status, cause, version, networks in enforcement.windows():
        kind = {'monitored': 'monitor', 'outside its hours': 'schedule'}.get(cause)
        if kind:
            one = windows.setdefault((gateway, kind, tuple(networks)), {
                'gateway': gateway, 'subject': enforcement.data['ban'], 'networks': networks, 'by': None, 'reason': cause,
                'from': start, 'time': 0, 'lookups': 0})
            one['until'], one['time'] = end, one['time'] + end - start
            one['lookups'] += tally.answered_in(gateway, start, end, networks)
    for key in sorted(windows, key=lambda key: key[1]):
        add(key[1], windows[key], windows[key]['lookups'], windows[key]['time'])
    for one in facts['exceptions']:
        counts = [tally.by['exceptions'].get(one['subject'] + '\n' + network) for network in one['networks']]
        add('exception', one, sum(count.lookups for count in counts if count))
    time = end = 0
    for one in sorted(facts['pauses'], key=lambda one: one['from']):
        time, end = time + max(0, one['until'] - max(one['from'], end)), max(end, one['until'])
    minutes, pauses = -(-time // MINUTE), [row for row in rows if row['kind'] == 'pause']
    if not pauses:
        return rows, (0, 'no block was paused'), ''
    note = '%s of %s; %s answered meanwhile' % (
        counted(len(pauses), 'pause'), counted(len({row['subject'] for row in pauses}), 'block'),
        counted(sum(row['lookups'] for row in pauses), 'logged lookup'))
    return rows, (minutes, note), '; %s with a block paused' % counted(minutes, 'minute')

def rule_changes(folder, listed, data, show):
    """What changed, by the comparisons in rule-changes/; which of the changes concern the ban is for their own text."""
    compared = {}
    for name in listed:
        if name.startswith('rule-changes/'):
            one = json.loads(read(folder, name))
            compared[one['old']['folder'], one['new']['folder']] = one
    for gateway in data['gateways']:
        versions = []
        for segment in data['segments']:
            if segment['kind'] == 'rules' and segment['gateway'] == gateway:
                if not versions or versions[-1][1] != segment['version']:
                    versions.append((segment['from'], segment['version']))
        for before, (first, version) in zip([None] + versions, versions):
            names = [version_name(one) for one in ([before[1]] if before else []) + [version]]
            known = all(version_key(one) in data['states'] for one in ([before[1]] if before else []) + [version])
            one = compared.get(tuple(names)) if before else None
            if before is None:
                steps = [('first', None)]
            elif not known:
                steps = [('not known', None)]
            elif one is None:
                need(version['serial'] is not None and version['serial'] == before[1]['serial'],
                     'the comparison of rules %s is not there' % ' and '.join(names))
                steps = [('lists', None)]
            else:
                of_ban = [change for change in one['changes']
                          if data['ban'] in (change['old'].get('rule'), change['new'].get('rule'))]
                steps = [(change['change'], change['names']) for change in of_ban] + [('moved', None)] * len(one['moves'])
                steps = steps or [('none', None, counted(len(one['changes']), 'change') + ' of other rules')]
            for step in steps:
                row = {} if gateway is None else {'gateway': gateway}
                row.update(time=show(first), rules=' -> '.join(names), change=step[0], names=step[1])
                yield row if len(step) == 2 else dict(row, details=step[2])

def versions_in(versions, segment):
    names = {'rules': ['version'], 'change': ['before', 'after']}.get(segment['kind'])
    found = names and [versions.get(version_key(segment[name])) for name in names]
    return found if found and None not in found else None

def span_row(gateway, start, end, show, more):
    first = {} if gateway is None else {'gateway': gateway}
    return dict(first, **{'from': show(start), 'until': show(end), 'minutes': -(-(end - start) // MINUTE)}, **more)

def network_states(versions, data):
    """Times in which networks had the same state, by their states under each version of the rules."""
    merged, last, spans = [], {}, {}
    for segment in data['segments']:
        rules = versions_in(versions, segment)
        for network in sorted(set().union(*versions.values())):
            states = {one.get(network, 'absent') for one in rules or []}
            state = states.pop() if len(states) == 1 else 'restart' if segment['kind'] == 'restart' else 'not known'
            key = segment['gateway'], network
            if key in last and last[key][1] == segment['from'] and last[key][2] == state:
                last[key][1] = segment['until']
            else:
                last[key] = [segment['from'], segment['until'], state, *key]
                merged.append(last[key])
    for start, end, state, gateway, network in merged:
        if state != 'absent':
            spans.setdefault((gateway, start, end, state), []).append(network)
    return [key + (networks,) for key, networks in sorted(spans.items(), key=lambda one: one[0][1:3])]

def observed_time(lines, since):
    """For how long connections were observed: a process that died counts until its last line about that."""
    total, opened, last = 0, None, None
    for line in lines:
        if line['event'] not in ('start', 'alive', 'stop'):
            continue
        at = milliseconds(line['time'])
        if last is None and line['event'] != 'start':
            opened = max(since, at - 10 * MINUTE)
        before, last = last, at
        if line['event'] == 'alive':
            continue
        if opened is not None:
            total += (at if line['event'] == 'stop' else before) - opened
        opened = at if line['event'] == 'start' else None
    return total if opened is None else total + last - opened

def egress_tables(folder, data, show):
    """What networks did about connections, and connections to addresses of the ban, by egress.json and egress.jsonl."""
    facts, lines = json.loads(read(folder, 'egress.json')), list(json_lines(folder, 'egress.jsonl'))
    need(set(facts['versions']) == set(data['states']), 'egress.json has other rules than enforcement.json')
    states = [span_row(gateway, start, end, show, {'egress': state, 'networks': ', '.join(networks)})
              for gateway, start, end, state, networks in network_states(facts['versions'], data)]
    sums = {}
    for line in lines:
        need(data['since'] <= milliseconds(line['time']) < data['until'], 'a connection outside the period')
        if line['event'] != 'finding':
            continue
        key = tuple(line[name] for name in ('kind', 'network', 'client', 'destination', 'port', 'protocol'))
        one = sums.setdefault(key, dict(line, apps=[], names=[], connections=0, octets=None))
        for name in ('apps', 'names'):
            one[name] = one[name] + [item for item in line[name] if item not in one[name]]
        one['connections'] += line['connections']
        if line['octets'] is not None:
            one['octets'] = (one['octets'] or 0) + line['octets']
        one['first'], one['last'] = min(one['first'], line['first']), max(one['last'], line['last'])
    found = sorted(sums.values(), key=lambda one: (-one['connections'], -milliseconds(one['last'])))
    rows = []
    for one in found:
        device, user = facts['devices'].get(one['client'], (None, None))
        rows.append({
            'client': one['client'], 'network': one['network'], 'device': device, 'user': user, 'destination': one['destination'],
            'port': '%d/%s' % (one['port'], one['protocol']), 'apps': ', '.join(one['apps']) or None, 'names': ', '.join(one['names']) or None,
            'connections': one['connections'], 'octets': one['octets'], 'first': show(milliseconds(one['first'])), 'last': show(milliseconds(one['last']))})
    tile, observed = (None, 'connections were not observed'), observed_time(lines, data['since'])
    if observed > 0:
        tile = sum(one['connections'] for one in found), 'observed for %s of %s minutes; %d connections not judged' % (
            format(observed // MINUTE, ','), format((data['until'] - data['since']) // MINUTE, ','),
            sum(line['count'] for line in lines if line['event'] == 'lost'))
    return {'egress': states, 'egress-connections': rows}, tile

def catalogue_table(folder, data, show):
    """Names that updates of the catalogue added to the ban, by catalogue.json."""
    versions = json.loads(read(folder, 'catalogue.json'))['versions']
    need(set(versions) == set(data['states']), 'catalogue.json has other rules than enforcement.json')
    found = {(one['added'], one['app'], one['name'], one['serial'], one['enforced']) for names in versions.values() for one in names}
    return [{'app': app, 'name': name, 'serial': serial, 'added': show(added), 'enforced': show(enforced)}
            for added, app, name, serial, enforced in sorted(found)]

def dnssec_tables(folder, data, show):
    """What networks did by DNSSEC, and when names were exempt from it, by dnssec.json and the rules in force."""
    versions = json.loads(read(folder, 'dnssec.json'))['versions']
    need(set(versions) == set(data['states']), 'dnssec.json has other rules than enforcement.json')

    def rules_in(segment):
        return versions_in(versions, segment)

    def row(gateway, start, end, more):
        return span_row(gateway, start, end, show, more)

    states = [row(gateway, start, end, {'dnssec': state, 'networks': ', '.join(networks)})
              for gateway, start, end, state, networks in network_states({key: one['networks'] for key, one in versions.items()}, data)]

    def exempt_in(rules):
        enforcing = sorted(set.intersection(*({name for name, state in one['networks'].items() if state == 'enforce'} for one in rules)))
        return [(one, enforcing) for one in rules[0]['exceptions'] if all(one in other['exceptions'] for other in rules)]

    def end_of(one, until, following):
        if until == one['until']:
            return 'expired'
        if until == data['until']:
            return 'in force'
        rules = following and rules_in(following)
        if not rules:
            return 'restart' if following and following['kind'] == 'restart' else 'not known'
        return 'in force' if all(one in other['exceptions'] for other in rules) else 'removed'

    closed, current, before = [], {}, None
    for segment in data['segments'] + [None]:
        follows = segment and before and (before['gateway'], before['until']) == (segment['gateway'], segment['from'])
        now = {}
        for one, enforcing in exempt_in(rules_in(segment)) if segment and rules_in(segment) else []:
            start, end = max(segment['from'], one['from']), min(segment['until'], one['until'])
            if start < end:
                key = json.dumps([one, enforcing])
                earlier = current.pop(key, None) if follows else None
                begin = earlier[1] if earlier and earlier[2] == start else start
                now[key] = segment['gateway'], begin, end, one, enforcing
        closed += [(span, end_of(span[3], span[2], segment if follows else None)) for span in current.values()]
        current, before = now, segment
    exceptions = [row(gateway, start, end, {
        'name': one['name'], 'purpose': one['purpose'], 'approvedBy': one['approvedBy'], 'ends': show(one['until']),
        'end': how, 'networks': ', '.join(enforcing)}) for (gateway, start, end, one, enforcing), how in closed]
    return {'dnssec': states, 'dnssec-exceptions': exceptions}

def counted(number, noun):
    return '%s %s%s' % (format(number, ','), noun, '' if number == 1 else 's')

def probe_tables(folder, listed, data, zone):
    """Rounds of probes: by day, wrong answers about the ban, times without, and what was not probed."""
    if 'probes.jsonl' not in listed:
        return {}, None
    rounds, current, skipped = [], [], {}
    for line in read(folder, 'probes.jsonl').decode().split('\n'):
        try:
            one = json.loads(line)
            usable = isinstance(one['at'], str) and isinstance(one['failures'], list)
        except (ValueError, KeyError, TypeError):
            continue
        if not usable:
            continue
        current, at = one.get('skipped', current), milliseconds(one['at'])
        if not data['since'] <= at < data['orderedUntil']:
            continue
        rounds.append((at, one))
        for gap in current if 'every' in one else []:
            if not gap['what'].startswith('ban ') or gap['what'] == 'ban ' + data['ban']:
                skipped.setdefault((gap['what'], gap['why']), [at, at])[1] = at
    days, failures, still = {}, [], {}
    for at, one in rounds:
        wrong = [failure for failure in one['failures'] if failure['rule'] == data['ban']]
        day = days.setdefault(zone.start_of_day(at), [0, 0, 0, 0])
        for i, number in enumerate((1, one['asked'], len(wrong), len(one['failures']))):
            day[i] += number
        now = {}
        for failure in wrong:
            what = tuple(failure[key] for key in ('network', 'name', 'type', 'server', 'problem'))
            if what in now:
                continue
            row = now[what] = still.get(what) or [at, at, 0, what]
            if row[2] == 0:
                failures.append(row)
            row[1], row[2] = at, row[2] + 1
        still = now
    own = [(at, one['every']) for at, one in rounds if 'every' in one]
    longest, ends = 3000 * max((every for _, every in own), default=0), sorted(at for at, _ in own)
    pairs = zip([data['since']] + ends, ends + [data['orderedUntil']]) if ends else []
    show, names = zone.show, ('rounds', 'questions', 'wrong', 'wrongInAll')
    sums = [sum(day[i] for day in days.values()) for i in range(3)]
    gaps = [{'from': show(low), 'until': show(high)} for low, high in pairs if high - low > longest]
    tables = {
        'probes': [dict(zip(names, days[day]), day=show(day)) for day in sorted(days)],
        'probe-failures': [dict(zip(('network', 'name', 'type', 'server', 'problem'), what), first=show(first), last=show(last),
                                rounds=number) for first, last, number, what in failures],
        'probe-gaps': gaps,
        'not-probed': [{'what': what, 'why': why, 'from': show(first), 'until': show(last)}
                       for (what, why), (first, last) in skipped.items()]}
    text = tuple(format(number, ',') for number in (sums[1], sums[0], sums[2], len(gaps)))
    fact = '%s questions in %s rounds, %s wrong answers about this ban, %s times without a probe' % text
    return tables, (sums[2], 'of %s in %s rounds' % (text[0], text[1]), fact)

FAILED = ('blocked', 'refused', 'failed', 'local')
BY_ITSELF = ('firefox-canary', 'resolver-arpa')

def bypass_tables(folder, data, zone):
    """Attempts to bypass the resolver, by the counts in bypass.jsonl."""
    ways, names, clients = {}, {}, {}
    for one in json_lines(folder, 'bypass.jsonl'):
        at, client = milliseconds(one['last']), one['client']
        own = [(ways, one['way']), (names, (one['qname'], one['way']))]
        if one['way'] not in BY_ITSELF:
            own.append((clients, client))
        for table, key in own:
            row = table.setdefault(key, {'lookups': 0, 'blocked': 0, 'unblocked': 0, 'last': at, 'of': set(),
                                         'ways': set(), 'networks': set()})
            row['lookups'] += one['lookups']
            row['blocked'] += one['lookups'] if one['verdict'] == 'blocked' else 0
            row['unblocked'] += 0 if one['verdict'] in FAILED else one['lookups']
            row['last'] = max(row['last'], at)
            row['ways'].add(one['way'])
            row['of'].update([client] if client is not None else [])
            row['networks'].update([one['network']] if one['network'] is not None else [])

    def counts(row):
        return {'lookups': row['lookups'], 'blocked': row['blocked'], 'unblocked': row['unblocked'], 'last': zone.show(row['last'])}

    last = lambda client: (client is None, client or '')
    return {
        'bypass-ways': [dict(counts(ways[way]), way=way, clients=len(ways[way]['of']))
                        for way in sorted(ways, key=lambda way: (-len(ways[way]['of']), way))],
        'bypass-names': [dict(counts(names[key]), name=key[0], way=key[1], clients=len(names[key]['of']))
                         for key in sorted(names, key=lambda key: (-names[key]['lookups'], key))],
        'bypass-clients': [dict(counts(clients[key]), client=key, network=min(clients[key]['networks'], default='-'),
                                ways=', '.join(sorted(clients[key]['ways'])))
                           for key in sorted(clients, key=lambda key: (-clients[key]['lookups'], last(key)))],
        'bypass-fallen': quiet_networks(folder, zone)}

def quiet_networks(folder, zone):
    """Networks whose last whole day has less than 60% of the lookups of earlier days of its kind."""
    lines = list(json_lines(folder, 'network-days.jsonl'))
    if not lines:
        return []
    local = lambda text: milliseconds(text) + zone.ahead(milliseconds(text))
    first, last = min(local(one['first']) for one in lines), max(local(one['last']) for one in lines)
    start = lambda day: milliseconds(day + 'T00:00:00Z')
    weekend = lambda day: (start(day) // DAY + 3) % 7 > 4
    days = {}
    for one in lines:
        if one['network'] is not None:
            days.setdefault(one['day'], {})[one['network']] = one
    whole = [day for day in sorted(days) if start(day) + 10 * MINUTE >= first and start(day) + DAY - 10 * MINUTE <= last]
    if not whole:
        return []
    newest, rows = whole[-1], []
    before = [days[day] for day in whole[:-1] if weekend(day) == weekend(newest)]
    for network in sorted({network for day in before for network in day}):
        own = [day[network] for day in before if network in day]
        usual, usual_clients = (statistics.median(one[key] for one in own) for key in ('lookups', 'clients'))
        now = days[newest].get(network, {'lookups': 0, 'clients': 0})
        if now['lookups'] < 0.6 * usual:
            rows.append((now['lookups'] / usual, network, {
                'network': network, 'day': zone.show(zone.midnight(start(newest))), 'lookups': now['lookups'],
                'usual': int(usual + 0.5), 'change': now['lookups'] / usual - 1, 'clients': now['clients'],
                'clientsBefore': int(usual_clients + 0.5)}))
    return [row for _, _, row in sorted(rows, key=lambda one: one[:2])]

def silent_times(folder, data, show):
    """A day or longer without a lookup, by the times in log/times.jsonl."""
    times = {}
    for one in json_lines(folder, 'log', 'times.jsonl'):
        times.setdefault(one['gateway'], []).append((one['from'], one['until']))
    for gateway in data['gateways']:
        start = data['since']
        for low, high in times.get(gateway, []) + [(data['until'], None)]:
            if low - start >= DAY:
                yield dict({} if gateway is None else {'gateway': gateway}, **{'from': show(start), 'until': show(low)})
            start = high

# 6. The page, its tables and its headlines have these figures, and no others.

def same_rows(name, rows, expected):
    expected = list(expected)
    need(len(rows) == len(expected), 'the table %s has %d rows, counted are %d' % (name, len(rows), len(expected)))
    for row, own in zip(rows, expected):
        for key, value in own.items():
            need(key in row and row[key] == value,
                 '%s, %s: the page has %s, counted is %s' % (name, key, row.get(key), value))

def escaped(text):
    """As the page and the tables show control characters."""
    is_control = lambda one: unicodedata.category(one) in ('Cc', 'Cf') or one in '\u2028\u2029'
    return ''.join('\\u{%x}' % ord(one) if is_control(one) else one for one in text)

def check_csv(folder, name, rows):
    with open(os.path.join(folder, 'tables', name + '.csv'), encoding='utf-8', newline='') as file:
        head, *cells = csv.reader(file)
    need(len(cells) == len(rows) and all(list(row) == head for row in rows), 'tables/%s.csv has other rows' % name)
    for row, texts in zip(rows, cells):
        for key, text in zip(head, texts):
            value = row[key]
            if isinstance(value, str):
                shown = escaped(value)
                value = "'" + shown if re.match(r'\s*[=+\-@]', shown) else shown
            need(text == ('' if value is None else value) or is_number(text, value), 'tables/%s.csv has %s as %s, evidence.json has %s' % (name, text, key, value))

def is_number(text, value):
    if isinstance(value, float) and 'e' in repr(value):
        return re.fullmatch(r'-?\d(\.\d{1,16})?e[+-]\d+', text) and float(text) == value
    return isinstance(value, (int, float)) and text == repr(value)

class PageParser(html.parser.HTMLParser):
    """The texts of a page: of its tables by their ids, its headlines, and its facts."""
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tables, self.tiles, self.facts, self.table, self.lists, self.path = {}, [], [], None, None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag in ('meta', 'wbr', 'br'):
            return
        self.path.append((tag, names.get('class', '')))
        if tag == 'section':
            self.table = self.tables.setdefault(names['id'], [])
        elif tag == 'dl':
            self.lists = {'tiles': self.tiles, 'facts': self.facts}.get(names.get('class'))
        elif tag == 'tr' and self.table is not None:
            self.table.append([])
        elif tag in ('td', 'th') and self.table:
            self.table[-1].append('')
        elif tag == 'dt' and self.lists is not None:
            self.lists.append([''])
        elif tag == 'dd' and self.lists:
            self.lists[-1].append('')

    def handle_endtag(self, tag):
        while self.path and self.path.pop()[0] != tag:
            pass
        if tag == 'section':
            self.table = None
        elif tag == 'dl':
            self.lists = None

    def handle_data(self, data):
        tags = [tag for tag, _ in self.path]
        if 'svg' in tags or ('span', 'badge') in self.path:
            return
        if ('td' in tags or 'th' in tags) and self.table:
            self.table[-1][-1] += data
        elif ('dt' in tags or 'dd' in tags) and self.lists:
            self.lists[-1][-1] += data

def rounded(value, digits):
    """As JavaScript's toFixed."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))

def shown_as(value):
    """How the page may show a value, by the kind of its column."""
    if value is None:
        return ['-']
    if isinstance(value, str):
        is_time = re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)', value)
        return [value[:16].replace('T', ' '), value[:10]] if is_time else [escaped(value)]
    change = '%s%s%%' % ('+' if value > 0 else '', rounded(100 * value, 0))
    return [format(value, ','), rounded(100 * value, 1) + '%', change]

def check_table(page, name, rows):
    """The page has the first rows of a table, without columns that are 0 in all of them."""
    shown = page.tables.get(name)
    need(shown is not None, 'the page lacks the table ' + name)
    if not rows:
        need(not shown, 'the page has rows of the table ' + name)
        return
    width, body = len(shown[0]), shown[1:]
    need(len(body) == len(rows) or 50 <= len(body) < len(rows), 'the page has other rows of the table ' + name)
    keys = list(rows[0])
    empty = [key for key in keys if all(row[key] == 0 for row in rows[:len(body)])]
    for dropped in itertools.combinations(empty, len(keys) - width):
        left = [key for key in keys if key not in dropped]
        if all(text.strip() in [one.strip() for one in shown_as(row[key])] for row, texts in zip(rows, body) for key, text in zip(left, texts)):
            return
    need(False, 'the page has other figures in the table ' + name)

def check_counts(page, tables, tiles, facts):
    """evidence.json has the figures that were counted."""
    for name, rows in page['tables'].items():
        expected = tables.get(name, rows)
        same_rows(name, rows, expected(rows) if callable(expected) else expected)
    need(set(page['tiles']) == set(tiles), 'the page has other headlines')
    for key, value in page['tiles'].items():
        need(value == tiles[key][0], '%s: the page has %s, counted is %s' % (key, value, tiles[key][0]))
    for label, text in facts.items():
        need(page['facts'].get(label) == text, '%s: counted is "%s"' % (label, text))

def check_page(text, page, tiles):
    """evidence.html has the figures of evidence.json."""
    own = PageParser(text)
    need(set(own.tables) == set(page['tables']), 'the page has other tables than evidence.json')
    for name, rows in page['tables'].items():
        check_table(own, name, rows)
    need(len(own.tiles) == len(tiles), 'the page has other headlines than evidence.json')
    for (title, figure, *note), (key, value) in zip(own.tiles, page['tiles'].items()):
        need(figure in shown_as(value), 'the page has %s as %s' % (figure, title))
        need(note == [tiles[key][1]], 'the page says "%s" of %s, counted is "%s"' % (' '.join(note), title, tiles[key][1]))
    for label, *lines in own.facts:
        need(page['facts'].get(label) == '; '.join(lines), 'the page has another text of ' + label)

def count_figures(folder, listed):
    """Tables, headlines and facts as they follow from the pack; whether answered lookups were not logged; a summary."""
    data = json.loads(read(folder, 'enforcement.json'))
    zone, enforcement = Zone(data['timeZone'], data['offsets']), Enforcement(data)
    tally = Tally(folder, enforcement, zone)
    tables, of, minutes, unknown = enforcement_tables(enforcement, tally, zone)
    tiles = enforcement_tiles(enforcement, tally, of, minutes, unknown, zone)
    if 'not-enforced.json' in listed:
        tables['not-enforced'], tiles['pausedMinutes'], paused = not_enforced(folder, enforcement, tally, zone.show)
        share, note = tiles['blockedShare']
        tiles['blockedShare'] = share, note if unknown else note + paused
    tables['rule-changes'] = list(rule_changes(folder, listed, data, zone.show))
    if 'catalogue.json' in listed:
        tables['catalogue-names'] = catalogue_table(folder, data, zone.show)
    if 'dnssec.json' in listed:
        tables.update(dnssec_tables(folder, data, zone.show))
    if 'egress.json' in listed:
        own, tiles['egressConnections'] = egress_tables(folder, data, zone.show)
        tables.update(own)
    tables['silent-times'] = list(silent_times(folder, data, zone.show))
    tables.update(bypass_tables(folder, data, zone))
    probes, probed = probe_tables(folder, listed, data, zone)
    tables.update(probes)
    facts = {}
    if probed is not None:
        tiles['probes'], facts['Probes'] = probed[:2], probed[2]
    if 'mandates.json' in listed:
        tables['mandates'], tiles['mandateMinutes'] = mandate_table(folder, zone, data['gateways'])
    text = '%s of %s lookups' % (format(of['blocked'], ','), format(sum(of.values()), ','))
    summary = '%s blocked, %d minutes not in force of %d' % (text, minutes['not in force'], sum(minutes.values()))
    if unknown:
        summary = '%d lookups; how many were answered cannot be known: they were not logged' % tiles['lookups'][0]
    return tables, tiles, facts, summary

def check_figures(folder, listed):
    page = json.loads(read(folder, 'evidence.json'))
    tables, tiles, facts, summary = count_figures(folder, listed)
    check_counts(page, tables, tiles, facts)
    for name, rows in page['tables'].items():
        check_csv(folder, name, rows)
    check_page(read(folder, 'evidence.html').decode(), page, tiles)
    return '%s; figures of %d tables and %d headlines counted again' % (summary, len(set(tables) & set(page['tables'])), len(tiles))

def check_rules(folder, listed):
    versions = json.loads(read(folder, 'rules', 'versions.json'))
    for version in versions:
        for one in version['files']:
            need('path' not in one or listed.get(one['path']) == one['sha256'], 'other rules: ' + one['name'])
    return 'the text of %d versions of the rules' % len(versions)

# 7. The mandates are signed, and the page says of them what mandates.json says.

SIGNATURE = re.compile(rb'# signature: ([A-Za-z0-9+/]{59}=) ([A-Za-z0-9+/]{86}==)\r?\n?')

def check_mandates(folder, listed):
    if 'mandates.json' not in listed:
        return 'no mandates'
    data, rows, signers = json.loads(read(folder, 'mandates.json')), [], set()
    for one in data['mandates']:
        lines = re.findall(rb'[^\n]*\n|[^\n]+$', read(folder, one['path']))
        found = []
        while lines and SIGNATURE.fullmatch(lines[-1]):
            found.append(SIGNATURE.fullmatch(lines.pop()).groups())
        text = b''.join(lines)
        need(hashlib.sha256(text).hexdigest() == one['sha256'], 'another text of mandate ' + one['id'])
        need(found, 'mandate %s is not signed' % one['id'])
        for key, signature in found:
            octets = base64.b64decode(key)[-32:]
            good = is_signed(octets, b'interdict-mandate 1\n' + text, base64.b64decode(signature))
            need(good, 'a signature of mandate ' + one['id'])
            signers.add(key.decode())
        need({key.decode() for key, _ in found} == set(one['signers']), 'the signers of mandate ' + one['id'])
        rows += [(one.get('gateway'), one['id'], span['from'], span['until'], span['status'], span['why']) for span in one['spans']]
    page = json.loads(read(folder, 'evidence.json'))
    shown = [(row.get('gateway'), row['mandate'], instant(row['from']), instant(row['until']), row['status'], row['why'])
             for row in page['tables']['mandates']]
    need(shown == rows, 'the page has other times of mandates')
    minutes = open_minutes(data)
    need(page['tiles']['mandateMinutes'] == minutes, 'the minutes without a mandated ban')
    return '%d mandates, not satisfied for %d minutes, signed with %s' % (
        issues(data), minutes, ', '.join(sorted(signers)))

def issues(data):
    """The number of mandates, however many gateways have them."""
    return len({one['sha256'] for one in data['mandates']})

def mandate_table(folder, zone, gateways):
    data, rows = json.loads(read(folder, 'mandates.json')), []
    for one in data['mandates']:
        row = {'gateway': one['gateway']} if 'gateway' in one else {}
        for span in one['spans']:
            rows.append({**row, 'mandate': one['id'], 'issued': zone.show(one['issued'] * 1000), 'from': zone.show(span['from']),
                         'until': zone.show(span['until']), 'status': span['status'], 'why': span['why']})
    anywhere = '' if None in gateways else ', at any of %d gateways' % len(gateways)
    return rows, (open_minutes(data), 'of %d mandates%s' % (issues(data), anywhere))

def open_minutes(data):
    """Minutes in which some mandate was not satisfied."""
    total, end = 0, 0
    for span in sorted((span for one in data['mandates'] for span in one['spans']), key=lambda span: span['from']):
        if span['status'] == 'not satisfied':
            total, end = total + max(0, span['until'] - max(span['from'], end)), max(end, span['until'])
    return -(-total // MINUTE)

def main(folder, expected=None, hub=None):
    key, text, listed = check_files(folder, expected)
    if 'enforcement.json' in listed:
        for found in (check_chain(folder, key), check_witness(folder, hub), check_rules(folder, listed),
                      check_mandates(folder, listed), check_figures(folder, listed)):
            print(found)
        print('not repeated: what rules mean (enforcement.json, catalogue.json, dnssec.json and egress.json, comparisons in rule-changes/, whether they')
        print('satisfy a mandate): use interdict with the texts in the pack; the drawings of charts; and the checks of a fleet: gateways')
    print('unaltered: %d files, signed with %s' % (len(listed), text))

if __name__ == '__main__':
    try:
        main(*(sys.argv[1:] or [os.path.dirname(os.path.abspath(__file__))]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        sys.exit('ALTERED: %s' % error)
