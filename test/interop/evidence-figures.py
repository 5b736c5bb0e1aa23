"""Changes each figure of an evidence pack by one: python3 evidence-figures.py FOLDER. Prints what verify.py does not find."""
import copy, json, os, re, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import verify

# Texts for which a pack has no source: what the rules are called and say.
NOT_COUNTED = {'outcomes': ['meaning'], 'minutes': ['meaning'], 'networks': ['ban'], 'exceptions': ['approval'],
               'bypass-ways': ['meaning'], 'rule-changes': ['details']}
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)')

def other(value):
    """A figure changed by one, in each way; none: it is no figure."""
    if isinstance(value, str):
        if not TIME.fullmatch(value):
            return [value + 'x']
        return [value[:21] + ('1' if value[21] != '1' else '2') + value[22:], value[:8] + ('01' if value[8:10] != '01' else '02') + value[10:]]
    if value is None:
        return [0]
    return [value + 1, value - 1] + ([value + 0.01] if isinstance(value, float) or value in (0, 1) else [])

def fails(check, *words):
    try:
        check(*words)
        return False
    except (ValueError, KeyError, TypeError, IndexError):
        return True

folder = sys.argv[1]
listed = {line[66:]: line[:64] for line in verify.read(folder, 'SHA256SUMS').decode().splitlines()}
page = json.loads(verify.read(folder, 'evidence.json'))
text = verify.read(folder, 'evidence.html').decode()
tables, tiles, facts, _ = verify.count_figures(folder, listed)
missed, tried, empty = [], {}, [name for name, rows in page['tables'].items() if not rows]

def same_page(one):
    verify.check_counts(one, tables, tiles, facts)

same_page(page)
verify.check_page(text, page, tiles)
for name, rows in page['tables'].items():
    for number, row in enumerate(rows):
        for key, value in row.items():
            if key in NOT_COUNTED.get(name, []):
                continue
            for changed in other(value):
                one = dict(page, tables=dict(page['tables'], **{name: copy.deepcopy(rows)}))
                one['tables'][name][number][key] = changed
                tried[name] = tried.get(name, 0) + 1
                if not fails(same_page, one):
                    missed.append('counts: %s, row %d, %s: %s as %s' % (name, number, key, value, changed))
    for shorter in ([rows[1:], rows + rows[-1:]] if rows else []):
        if not fails(same_page, dict(page, tables=dict(page['tables'], **{name: shorter}))):
            missed.append('counts: a row of %s more or less' % name)
for key, value in page['tiles'].items():
    for changed in other(value):
        if not fails(same_page, dict(page, tiles=dict(page['tiles'], **{key: changed}))):
            missed.append('counts: %s: %s as %s' % (key, value, changed))

# Numbers in the cells, headlines and notes of the page; what charts draw is no text.
place = re.compile(r'(<td[^>]*>|<th scope="row"[^>]*>|<dd class="figure">|<dd class="note">)((?:(?!</t[dh]>|</dd>|<span class="badge">).)*)')
numbers = 0
for found in place.finditer(text):
    for digit in re.finditer(r'\d(?![^<]*>)', found.group(2)):
        at = found.start(2) + digit.start()
        altered = text[:at] + str((int(digit.group()) + 1) % 10) + text[at + 1:]
        numbers += 1
        if not fails(verify.check_page, altered, page, tiles):
            missed.append('page: %s' % altered[max(0, at - 60):at + 20].replace('\n', ' '))

cells = 0
for name in page['tables']:
    path = os.path.join(folder, 'tables', name + '.csv')
    with open(path, newline='') as file:
        lines = file.read().split('\r\n')
    for number, line in enumerate(lines[1:], 1):
        for digit in re.finditer(r'\d', line):
            altered = line[:digit.start()] + str((int(digit.group()) + 1) % 10) + line[digit.end():]
            with open(path, 'w', newline='') as file:
                file.write('\r\n'.join(lines[:number] + [altered] + lines[number + 1:]))
            cells += 1
            if not fails(verify.check_csv, folder, name, page['tables'][name]):
                missed.append('csv: %s: %s' % (name, altered))
    with open(path, 'w', newline='') as file:
        file.write('\r\n'.join(lines))

print(json.dumps({'missed': missed[:50], 'tried': tried, 'empty': empty, 'numbers': numbers, 'cells': cells}))
