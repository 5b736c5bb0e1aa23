/** Common mistakes in YAML files: each is reported once, where it was made, with what to write instead. */
import t from 'tap'
import { z } from 'zod'
import { readYaml } from '../../src/policy/yaml/read.js'

const rule = z.strictObject({
  names: z.array(z.string()).optional(),
  authority: z.string(),
  mode: z.enum(['enforce', 'monitor']).optional(),
  action: z.enum(['nxdomain', 'null-address']).optional(),
  until: z.string().optional()
})
const schema = z.strictObject({
  networks: z.record(
    z.string().regex(/^[a-z0-9-]+$/, 'an ID'),
    z.strictObject({ prefixes: z.array(z.string()).optional(), bans: z.array(rule).optional() })
  ),
  prefetch: z.boolean().optional(),
  workers: z.int().optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two letters')
    .optional()
})

/** A valid file in which each mistake is made. */
const RIGHT = `networks:
  phones:
    prefixes: [10.0.0.0/8]
    bans:
      - names: [clip.example, a.example]
        authority: A
        until: 2026-01-01
      - authority: B
        names:
          - b.example
          - c.example
  offices:
    prefixes: [10.1.0.0/16]
prefetch: true
`

t.test('accepts the file in which no mistake is made', async t => {
  t.ok(readYaml(RIGHT, 'f', schema).ok)
})

const SYNTAX = 'DOCUMENT_SYNTAX'
const INVALID = 'DOCUMENT_INVALID'
const indented = (sign: (spaces: string) => string): string => RIGHT.replaceAll(/^ +/gm, sign)

interface Mistake {
  readonly it: string
  readonly text: string
  readonly code: typeof SYNTAX | typeof INVALID
  readonly errors: readonly string[]
}

const mistakes: readonly Mistake[] = [
  {
    it: 'an unquoted wildcard in brackets',
    text: RIGHT.replace('clip.example,', '*.clip.example,'),
    code: SYNTAX,
    errors: ["5:17: unquoted *.clip.example is an alias in YAML; quote it: '*.clip.example'"]
  },
  {
    it: 'unquoted wildcards in a list',
    text: RIGHT.replace('b.example', '*.b.example').replace('c.example', '*.c.example'),
    code: SYNTAX,
    errors: [
      "10:13: unquoted *.b.example is an alias in YAML; quote it: '*.b.example'",
      "11:13: unquoted *.c.example is an alias in YAML; quote it: '*.c.example'"
    ]
  },
  {
    it: 'an unquoted wildcard as a key',
    text: `${RIGHT}*.d.example: x\n`,
    code: SYNTAX,
    errors: ["15:1: unquoted *.d.example is an alias in YAML; quote it: '*.d.example'"]
  },
  {
    it: 'tabs for spaces',
    text: indented(spaces => '\t'.repeat(spaces.length / 2)),
    code: SYNTAX,
    errors: ['2:1: tab in the indentation; use spaces; likewise in 11 more lines']
  },
  {
    it: 'one tab after spaces',
    text: RIGHT.replace('    prefixes: [10.1', '  \tprefixes: [10.1'),
    code: SYNTAX,
    errors: ['13:3: tab in the indentation; use spaces']
  },
  {
    it: 'no-break spaces for spaces',
    text: indented(spaces => '\u00a0'.repeat(spaces.length)),
    code: SYNTAX,
    errors: [
      '2:1: no-break space (U+00A0) where YAML needs an ordinary space; likewise in 11 more lines'
    ]
  },
  {
    it: 'a no-break space before a key',
    text: RIGHT.replace('    prefixes: [10.1', '   \u00a0prefixes: [10.1'),
    code: INVALID,
    errors: ['13:4: no-break space (U+00A0) where YAML needs an ordinary space']
  },
  {
    it: 'a no-break space after a colon',
    text: RIGHT.replace('authority: A', 'authority:\u00a0A'),
    code: SYNTAX,
    errors: ['6:19: no-break space (U+00A0) where YAML needs an ordinary space']
  },
  {
    it: 'a zero-width space before a colon',
    text: RIGHT.replace('prefetch:', 'prefetch\u200b:'),
    code: INVALID,
    errors: ['14:9: zero-width space (U+200B) where YAML needs an ordinary space']
  },
  {
    it: 'indentation by one space, with list entries out of line',
    text: indented(spaces => spaces.slice(spaces.length / 2)),
    code: SYNTAX,
    errors: [
      "6:5: 'authority' begins in column 5, but 'names' in line 5 in column 6; align them; likewise in 1 more line"
    ]
  },
  {
    it: 'a key that is indented more than its siblings',
    text: RIGHT.replace('        until', '         until'),
    code: SYNTAX,
    errors: ["7:10: 'until' begins in column 10, but 'authority' in line 6 in column 9; align them"]
  },
  {
    it: 'a key that is indented less than its siblings',
    text: RIGHT.replace('        until', '       until'),
    code: SYNTAX,
    errors: ["7:8: 'until' begins in column 8, but 'authority' in line 6 in column 9; align them"]
  },
  {
    it: 'a list entry out of line',
    text: RIGHT.replace('          - c.', '           - c.').replace('b.example', 'b: x'),
    code: SYNTAX,
    errors: [
      "11:12: this list entry begins in column 12, but 'b' in line 10 in column 13; align them"
    ]
  },
  {
    it: 'a hyphen without a space',
    text: RIGHT.replace('- authority: B', '-authority: B'),
    code: SYNTAX,
    errors: ["8:7: no space after the hyphen: write '- authority:'"]
  },
  {
    it: 'a colon without a space',
    text: RIGHT.replace('authority: A', 'authority:A'),
    code: SYNTAX,
    errors: ["6:9: no space after 'authority:'"]
  },
  {
    it: 'a colon in a text without quotes',
    text: RIGHT.replace('authority: A', 'authority: Court: A'),
    code: SYNTAX,
    errors: ['6:20: text with a colon and a space in it must be quoted']
  },
  {
    it: 'a text that begins with a reserved sign',
    text: RIGHT.replace('authority: A', 'authority: @A').replace('authority: B', 'authority: !B'),
    code: SYNTAX,
    errors: [
      '6:20: text that begins with @ must be quoted',
      '8:20: text that begins with ! must be quoted'
    ]
  },
  {
    it: 'a quote that is not closed',
    text: RIGHT.replace('authority: A', 'authority: "A'),
    code: SYNTAX,
    errors: ['6:20: the " here has no closing "']
  },
  {
    it: 'a bracket that is not closed',
    text: RIGHT.replace('a.example]', 'a.example'),
    code: SYNTAX,
    errors: ['5:16: the [ here has no closing ]']
  },
  {
    it: 'a bracket too many',
    text: RIGHT.replace('a.example]', 'a.example]]'),
    code: SYNTAX,
    errors: ['5:41: unexpected ]: no such bracket is open here']
  },
  {
    it: 'a second document',
    text: `${RIGHT}---\nprefetch: true\n`,
    code: SYNTAX,
    errors: [
      '15:1: a second document begins here; a file has only one: remove the line --- or ... before it'
    ]
  },
  {
    it: 'text after a text in quotes',
    text: RIGHT.replace('authority: A', 'authority: "A" "B"'),
    code: SYNTAX,
    errors: [
      `6:24: unexpected '"B"'; quote the whole text, or write entries in brackets with commas`
    ]
  },
  {
    it: 'a comma that is missing',
    text: RIGHT.replace('[clip.example, a', '["clip.example" "a').replace(
      'a.example]',
      'a.example"]'
    ),
    code: SYNTAX,
    errors: ['5:32: no comma between two entries']
  },
  {
    it: 'a comma too many',
    text: RIGHT.replace('clip.example,', 'clip.example,,'),
    code: SYNTAX,
    errors: ['5:30: a comma without an entry before it']
  },
  {
    it: 'a backslash in double quotes',
    text: RIGHT.replace('authority: A', 'authority: "\\d"'),
    code: SYNTAX,
    errors: ['6:21: invalid escape in double quotes; write single quotes, which have none']
  },
  {
    it: 'a key without a colon',
    text: RIGHT.replace('prefetch: true', 'prefetch\nworkers: 1'),
    code: SYNTAX,
    errors: ['14:1: no colon after this key, or a key of more than one line']
  },
  {
    it: 'a word for a list of it',
    text: RIGHT.replace('[clip.example, a.example]', 'clip.example'),
    code: INVALID,
    errors: [
      "5:16: networks.phones.bans[0].names: expected a list, found 'clip.example'; write [clip.example]"
    ]
  },
  {
    it: 'a wildcard for a list of it',
    text: RIGHT.replace('[clip.example, a.example]', '"*.clip.example"'),
    code: INVALID,
    errors: [
      "5:16: networks.phones.bans[0].names: expected a list, found '*.clip.example'; write ['*.clip.example']"
    ]
  },
  {
    it: 'a key in another case, once',
    text: RIGHT.replace('authority: A', 'Authority: A'),
    code: INVALID,
    errors: ["6:9: networks.phones.bans[0]: unknown key 'Authority'; did you mean 'authority'?"]
  },
  {
    it: 'an id in another case',
    text: RIGHT.replace('offices', 'Back Offices'),
    code: INVALID,
    errors: [
      "12:3: networks: invalid key 'Back Offices'; expected an ID; did you mean 'back-offices'?"
    ]
  },
  {
    it: 'a code in another case',
    text: `${RIGHT}country: be\n`,
    code: INVALID,
    errors: ["15:10: country: expected two letters, found 'be'; did you mean 'BE'?"]
  },
  {
    it: 'the beginning of a word',
    text: RIGHT.replace('authority: A', 'authority: A\n        action: "null"'),
    code: INVALID,
    errors: [
      "7:17: networks.phones.bans[0].action: expected one of nxdomain, null-address, found 'null'; did you mean 'null-address'?"
    ]
  },
  {
    it: 'a misspelt word',
    text: RIGHT.replace('authority: A', 'authority: A\n        mode: enforced'),
    code: INVALID,
    errors: [
      "7:15: networks.phones.bans[0].mode: expected one of enforce, monitor, found 'enforced'; did you mean 'enforce'?"
    ]
  },
  {
    it: 'another word for true',
    text: RIGHT.replace('prefetch: true', 'prefetch: yes'),
    code: INVALID,
    errors: ["14:11: prefetch: expected true or false, found 'yes'; write true"]
  },
  {
    it: 'a number in quotes',
    text: `${RIGHT}workers: '4'\n`,
    code: INVALID,
    errors: ["15:10: workers: expected a number, found '4'; write 4 without quotes"]
  }
]

for (const { it, text, code, errors } of mistakes) {
  for (const [ends, whole] of Object.entries({
    Unix: text,
    Windows: text.replaceAll('\n', '\r\n')
  })) {
    t.test(`reports ${it} (${ends} line ends)`, async t => {
      const read = readYaml(whole, 'f', schema)
      const prefix = code === SYNTAX ? 'invalid YAML: ' : ''
      t.strictSame(
        read.ok ? [] : read.errors.map(error => `${error.code} ${error.message}`),
        errors.map(error => `${code} f:${error.replace(': ', `: ${prefix}`)}`)
      )
    })
  }
}

t.test('no message has a text of the YAML library', async t => {
  const shown = new Set<string>()
  const signs = [
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    ': ',
    '- ',
    '#',
    ' #',
    '|x',
    '&a',
    '*a',
    '!a'
  ]
  for (const sign of [...signs, '? ', '%', '@', '---\n', '...\n', '\t', '\\', '\n', ' ', '"\\d"']) {
    for (let at = 0; at <= RIGHT.length; at += 3) {
      const read = readYaml(RIGHT.slice(0, at) + sign + RIGHT.slice(at), 'f', schema)
      for (const { message } of read.ok ? [] : read.errors) shown.add(message)
    }
  }
  const library = /YAML\.|scalar|token|block |flow |implicit|indicator|collection|sequence/i
  t.strictSame(
    [...shown].filter(message => library.test(message)),
    []
  )
  t.ok(shown.size > 100)
})

const unblamed = [
  {
    it: 'tabs and no-break spaces in a text, when another line is wrong',
    text: `${RIGHT}country: |\n  \tx\n  \u00a0x\n  -x\n  y:z\nworkers: @4\n`,
    error: '20:10: invalid YAML: text that begins with @ must be quoted'
  },
  {
    it: 'lines within brackets, quotes and comments, when another line is wrong',
    text: RIGHT.replace('[clip.example, a.example]', '[\n          "clip:')
      .replace('        authority: A', '          x", b] # [\n        authority: A\n# {"')
      .replace('        until', '         until'),
    error:
      "10:10: invalid YAML: 'until' begins in column 10, but 'authority' in line 8 in column 9; align them"
  }
]

for (const { it, text, error } of unblamed) {
  t.test(`does not blame ${it}`, async t => {
    const read = readYaml(text, 'f', schema)
    t.strictSame(read.ok ? [] : read.errors.map(({ message }) => message), [`f:${error}`])
  })
}

const long = [
  { it: 'hyphens', text: '-'.repeat(1_000_000) },
  { it: 'spaces in a key', text: `a${' '.repeat(1_000_000)}b` },
  { it: 'quotes', text: `a: [${"'".repeat(999_999)}` },
  { it: 'colons', text: `a${':'.repeat(1_000_000)}b: c: d` },
  { it: 'brackets', text: `a: ${'[]'.repeat(5000)}` },
  { it: 'nested lists with an alias', text: `${'['.repeat(3000)}*a${']'.repeat(3000)}` }
]

for (const { it, text } of long) {
  t.test(`returns coded errors for a line of ${it}`, async t => {
    const read = readYaml(`x: y\n${text}\nz: @\n`, 'f', schema)
    t.notOk(read.ok)
    if (!read.ok) t.ok(read.errors.every(({ code }) => code.startsWith('DOCUMENT_')))
  })
}
