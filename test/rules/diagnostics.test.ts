/** Messages for common mistakes in rule files: each names its cause and what to write instead. */
import t from 'tap'
import { app, load, type Files } from './folder.js'

const networks = (...lines: string[]): Files => ({
  ...app('wechat'),
  'networks.yaml': ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines, ''].join('\n')
})
const banning = (what: string): Files =>
  networks(`    bans: [{ authority: a, reference: b, ${what} }]`)

const BLANK =
  'blank or null; write null-address for 0.0.0.0 and ::, another action, or omit the key'

const mistakes: readonly { it: string; files: Files; errors: readonly string[] }[] = [
  {
    it: 'a blank action',
    files: banning('apps: [wechat], action:'),
    errors: [`DOCUMENT_INVALID 4:66: networks.n.bans[0].action: ${BLANK}`]
  },
  {
    it: 'the action null',
    files: { ...app('wechat'), 'networks.yaml': 'defaults:\n  action: null\nnetworks: {}\n' },
    errors: [`DOCUMENT_INVALID 2:11: defaults.action: ${BLANK}`]
  },
  {
    it: 'an app in another case',
    files: banning('apps: [WeChat]'),
    errors: [
      "DOCUMENT_INVALID 4:49: networks.n.bans[0].apps[0]: expected an ID of a-z, 0-9 and -, found 'WeChat'; did you mean 'wechat'?"
    ]
  },
  {
    it: 'an app without brackets',
    files: banning('apps: wechat'),
    errors: [
      "DOCUMENT_INVALID 4:48: networks.n.bans[0].apps: expected a list, found 'wechat'; write [wechat]"
    ]
  },
  {
    it: 'an unknown app that is like another',
    files: banning('apps: [wecaht]'),
    errors: [
      "RULES_UNKNOWN_APP 4:49: networks.n.bans[0].apps[0]: unknown app 'wecaht'; did you mean 'wechat'?"
    ]
  },
  {
    it: 'a vendor among apps',
    files: {
      ...banning('apps: [tencent]'),
      ...app('qq', 'vendor: Tencent', 'names: [qq.example]')
    },
    errors: [
      "RULES_UNKNOWN_APP 4:49: networks.n.bans[0].apps[0]: unknown app 'tencent'; it is a vendor: write vendors: [Tencent]"
    ]
  },
  {
    it: 'a list among apps, and an app among lists',
    files: {
      ...networks(
        '    block: [{ apps: [bad] }, { lists: [wechat] }]',
        'lists: { bad: { file: bad } }'
      ),
      bad: 'bad.example\n'
    },
    errors: [
      "RULES_UNKNOWN_APP 4:22: networks.n.block[0].apps[0]: unknown app 'bad'; it is a list: write lists: [bad]",
      "RULES_UNKNOWN_LIST 4:40: networks.n.block[1].lists[0]: unknown list 'wechat'; it is an app: write apps: [wechat]"
    ]
  },
  {
    it: 'an undefined list, and one that is like another',
    files: {
      ...networks(
        '    block: [{ lists: [zzz] }, { lists: [malwar] }]',
        'lists: { malware: { file: m } }'
      ),
      m: 'bad.example\n'
    },
    errors: [
      "RULES_UNKNOWN_LIST 4:23: networks.n.block[0].lists[0]: unknown list 'zzz'; define it under lists:",
      "RULES_UNKNOWN_LIST 4:41: networks.n.block[1].lists[0]: unknown list 'malwar'; did you mean 'malware'?"
    ]
  },
  {
    it: 'an undefined network, and one that is like another',
    files: networks('  phones: { extends: zzz }', '  offices: { extends: [phone] }'),
    errors: [
      "RULES_UNKNOWN_NETWORK 4:22: networks.phones.extends[0]: unknown network 'zzz'; define it under networks:",
      "RULES_UNKNOWN_NETWORK 5:24: networks.offices.extends[0]: unknown network 'phone'; did you mean 'phones'?"
    ]
  },
  {
    it: 'a key in the plural',
    files: banning('app: [wechat]'),
    errors: ["DOCUMENT_INVALID 4:42: networks.n.bans[0]: unknown key 'app'; did you mean 'apps'?"]
  },
  {
    it: 'a URL for a name',
    files: banning('names: ["https://www.clip.example/a?b"]'),
    errors: [
      "DOCUMENT_INVALID 4:50: networks.n.bans[0].names[0]: expected a domain name, =name or *.name, found 'https://www.clip.example/a?b'; write www.clip.example"
    ]
  },
  {
    it: 'a wildcard within a name',
    files: banning('names: ["www.*.example", "*clip.example"]'),
    errors: [
      "DOCUMENT_INVALID 4:50: networks.n.bans[0].names[0]: expected a domain name, =name or *.name, found 'www.*.example'; only *.name is possible, for all names below",
      "DOCUMENT_INVALID 4:67: networks.n.bans[0].names[1]: expected a domain name, =name or *.name, found '*clip.example'; only *.name is possible, for all names below"
    ]
  },
  {
    it: 'an address for a name',
    files: banning('names: [192.0.2.1]'),
    errors: [
      "DOCUMENT_INVALID 4:50: networks.n.bans[0].names[0]: expected a domain name, =name or *.name, found '192.0.2.1'; addresses and prefixes belong under addresses:"
    ]
  },
  {
    it: 'a prefix with host bits',
    files: {
      'networks.yaml': 'networks: { n: { prefixes: [10.20.30.40/12, "2001:db8::1/32"] } }\n'
    },
    errors: [
      "DOCUMENT_INVALID 1:29: networks.n.prefixes[0]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '10.20.30.40/12'; it has host bits: write 10.16.0.0/12, or 10.20.30.40 for it alone",
      "DOCUMENT_INVALID 1:45: networks.n.prefixes[1]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '2001:db8::1/32'; it has host bits: write 2001:db8::/32, or 2001:db8::1 for it alone"
    ]
  },
  {
    it: 'prefixes that are too long, and addresses that are none',
    files: {
      'networks.yaml':
        'networks: { n: { prefixes: [10.0.0.0/33, "2001:db8::/129", 10.0.256.0/24, 10.01.0.0, 10.0.0] } }\n'
    },
    errors: [
      "DOCUMENT_INVALID 1:29: networks.n.prefixes[0]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '10.0.0.0/33'; the longest prefix of IPv4 is /32",
      "DOCUMENT_INVALID 1:42: networks.n.prefixes[1]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '2001:db8::/129'; the longest prefix of IPv6 is /128",
      "DOCUMENT_INVALID 1:60: networks.n.prefixes[2]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '10.0.256.0/24'; 256 is not an octet, from 0 to 255",
      "DOCUMENT_INVALID 1:75: networks.n.prefixes[3]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '10.01.0.0'; write 1 instead of 01",
      "DOCUMENT_INVALID 1:86: networks.n.prefixes[4]: expected an address such as 10.1.2.3, or a prefix such as 10.1.0.0/16, found '10.0.0'"
    ]
  },
  {
    it: 'a schedule without its keys',
    files: networks(
      '    block:',
      '      - { names: [a.example], schedule: mon-fri 08:00-17:00 }',
      '      - { names: [a.example], schedule: weekdays }'
    ),
    errors: [
      "DOCUMENT_INVALID 5:41: networks.n.block[0].schedule: expected a mapping with the keys days, hours and time-zone, or a list of them, found 'mon-fri 08:00-17:00'; write { days: mon-fri, hours: 08:00-17:00 }",
      "DOCUMENT_INVALID 6:41: networks.n.block[1].schedule: expected a mapping with the keys days, hours and time-zone, or a list of them, found 'weekdays'"
    ]
  },
  {
    it: 'text for a list of mappings',
    files: networks('    bans: wechat'),
    errors: ["DOCUMENT_INVALID 4:11: networks.n.bans: expected a list of mappings, found 'wechat'"]
  },
  {
    it: 'a day that does not exist',
    files: banning('apps: [wechat], until: 2027-02-30'),
    errors: [
      "RULES_DATE 4:65: networks.n.bans[0].until: expected a date such as 2023-03-13, or a time such as 2023-03-13T08:00 or …T08:00Z, found '2027-02-30'; the last day of February 2027 is 2027-02-28"
    ]
  },
  {
    it: 'another name of networks.yaml',
    files: { 'networks.yml': 'networks: {}\n' },
    errors: [
      'RULES_UNREADABLE 1:1: cannot read networks.yaml: no such file; rename networks.yml to networks.yaml'
    ]
  },
  {
    it: 'a folder without rules',
    files: { 'README.md': 'here they go\n' },
    errors: [
      'RULES_UNREADABLE 1:1: cannot read networks.yaml: no such file; `interdict init FOLDER` writes settings and rules to start with'
    ]
  }
]

for (const { it, files, errors } of mistakes) {
  t.test(`reports ${it}`, async t => {
    const result = await load(t, files)
    const shown = (result.ok ? [] : result.errors).map(
      ({ code, message }) => `${code} ${message.replace(/^.*?\.yaml:/, '')}`
    )
    t.strictSame(shown, errors)
  })
}
