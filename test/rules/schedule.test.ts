import t from 'tap'
import { app, brief, load, loadGood, type Files } from './folder.js'

const DAY = 86_400
const HOUR = 3600
const WEEK = 7 * DAY

const blocking = (schedule: string): Files => ({
  'networks.yaml': [
    'defaults: { time-zone: Europe/Brussels }',
    'networks:',
    '  n:',
    '    prefixes: [10.0.0.0/8]',
    '    block:',
    `      - { names: [x.example], schedule: ${schedule} }`
  ].join('\n')
})

const reads = [
  {
    it: 'working hours',
    schedule: '{ days: mon-fri, hours: 08:00-17:00 }',
    bounds: [0, 1, 2, 3, 4].flatMap(day => [day * DAY + 8 * HOUR, day * DAY + 17 * HOUR]),
    text: 'mon-fri 08:00-17:00 (Europe/Brussels)'
  },
  {
    it: 'several hours of several days',
    schedule: '{ days: [mon, wed], hours: [08:00-12:00, 13:00-17:30] }',
    bounds: [0, 2].flatMap(day => [8, 12, 13, 17.5].map(hour => day * DAY + hour * HOUR)),
    text: 'mon, wed 08:00-12:00, 13:00-17:30 (Europe/Brussels)'
  },
  {
    it: 'whole days, across the end of the week',
    schedule: '{ days: sat-mon }',
    bounds: [0, DAY, 5 * DAY, WEEK],
    text: 'sat-mon (Europe/Brussels)'
  },
  {
    it: 'hours across midnight',
    schedule: '{ days: fri, hours: 22:00-06:00 }',
    bounds: [4 * DAY + 22 * HOUR, 5 * DAY + 6 * HOUR],
    text: 'fri 22:00-06:00 (Europe/Brussels)'
  },
  {
    it: 'hours across the end of the week',
    schedule: '{ days: sun, hours: 22:00-06:00 }',
    bounds: [0, 6 * HOUR, 6 * DAY + 22 * HOUR, WEEK],
    text: 'sun 22:00-06:00 (Europe/Brussels)'
  },
  {
    it: 'hours of every day, until midnight, to the second',
    schedule: '{ hours: 23:59:58-24:00 }',
    bounds: [0, 1, 2, 3, 4, 5, 6].flatMap(day => [day * DAY + DAY - 2, day * DAY + DAY]),
    text: '23:59:58-24:00 (Europe/Brussels)'
  },
  {
    it: 'hours that touch or overlap as one',
    schedule: '{ days: [tue, tue], hours: [10:00-12:00, 09:00-11:00, 12:00-13:00] }',
    bounds: [DAY + 9 * HOUR, DAY + 13 * HOUR],
    text: 'tue, tue 10:00-12:00, 09:00-11:00, 12:00-13:00 (Europe/Brussels)'
  },
  {
    it: 'a zone of its own',
    schedule: '{ days: thu, time-zone: Asia/Tokyo }',
    bounds: [3 * DAY, 4 * DAY],
    text: 'thu (Asia/Tokyo)'
  }
] as const

for (const { it, schedule, bounds, text } of reads) {
  t.test(`reads ${it}`, async t => {
    const { networks } = await loadGood(t, blocking(schedule))
    const read = networks[0]?.rules[0]?.schedule
    t.equal(read?.text, text)
    t.strictSame(
      read?.weeks.map(week => week.bounds),
      [bounds]
    )
  })
}

t.test('several schedules add up, each in its zone', async t => {
  const parts = '[{ days: sat }, { hours: 12:00-13:00, time-zone: Asia/Tokyo }]'
  const { networks } = await loadGood(t, blocking(parts))
  const read = networks[0]?.rules[0]?.schedule
  t.equal(read?.text, 'sat (Europe/Brussels); 12:00-13:00 (Asia/Tokyo)')
  t.strictSame(
    read?.weeks.map(({ zone }) => zone),
    ['Europe/Brussels', 'Asia/Tokyo']
  )
})

t.test('all kinds of rules may have one', async t => {
  const schedule = 'schedule: { days: mon }'
  const { networks } = await loadGood(t, {
    ...app('x'),
    'networks.yaml': `
networks:
  n:
    prefixes: [10.0.0.0/8]
    bans: [{ apps: [x], authority: a, reference: b, ${schedule} }]
    exceptions:
      - { apps: [x], prefixes: [10.0.0.1], purpose: a, approved-by: b,
          from: 2023-01-01, until: 2023-07-01, ${schedule} }
    allow: [{ names: [y.example], ${schedule} }]
    block: [{ names: [z.example], ${schedule} }]
`
  })
  const schedules = networks[0]?.rules.map(({ kind, schedule }) => [kind, schedule?.text])
  t.strictSame(schedules, [
    ['exception', 'mon (UTC)'],
    ['ban', 'mon (UTC)'],
    ['allow', 'mon (UTC)'],
    ['block', 'mon (UTC)']
  ])
})

const refused = [
  ...['{}', '[]', 'mon-fri', '{ days: [] }', '{ days: monday }', '{ days: mon-tue-wed }'],
  ...['{ days: mon- }', '{ hours: 08:00 }', '{ hours: 08:00-08:00 }', '{ hours: 8:00-9:00 }'],
  ...['{ hours: 08:00-24:01 }', '{ hours: 24:00-08:00 }', '{ hours: 08:60-09:00 }'],
  ...['{ hours: [08:00-09:00-10:00] }', '{ days: mon, time-zone: Brussels }', '{ day: mon }'],
  ...['{ time-zone: UTC }', '[{ days: mon }, {}]']
]

for (const schedule of refused) {
  t.test(`rejects ${schedule}`, async t => {
    const result = await load(t, blocking(schedule))
    t.match(result.ok ? [] : brief(result.errors), [/^DOCUMENT_INVALID networks.yaml:6:\d+$/])
  })
}

t.test('says what was expected', async t => {
  const errors = async (schedule: string): Promise<string[]> => {
    const result = await load(t, blocking(schedule))
    return result.ok ? [] : result.errors.map(({ message }) => message)
  }
  t.match(await errors('{ hours: 8-17 }'), [/expected hours such as 08:00-17:00.*, found '8-17'/])
  t.match(await errors('{ days: [mon, tues] }'), [/expected a day \(mon, tue.*, found 'tues'/])
})
