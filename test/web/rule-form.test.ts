import t from 'tap'
import { editNetworks } from '../../src/policy/edit/edit-rules.js'
import { policyEditSchema } from '../../src/policy/edit/policy-edit.js'
import {
  editOf,
  FIELDS,
  FORM_KINDS,
  formFrom,
  nextFriday,
  subjectOf
} from '../../src/admin/web/rule-form.js'

const NOW = new Date(2026, 11, 1, 12)

t.test('a log row opens an exception for its client until Friday', async t => {
  const link = new URLSearchParams(
    'add=exception&client=10.1.7.3&network=office&app=clip&name=x.example'
  )
  const form = { ...formFrom(link, 'user:ann', NOW), purpose: 'press' }
  t.match(form, { approvedBy: 'ann', until: '2026-12-04', names: '' })
  t.equal(subjectOf(form), 'clip, 10.1.7.3')
  t.strictSame(editOf(form), {
    kind: 'exception',
    network: 'office',
    values: {
      apps: ['clip'],
      prefixes: ['10.1.7.3'],
      purpose: 'press',
      'approved-by': 'ann',
      until: '2026-12-04'
    }
  })
  const { diff } = editNetworks('networks:\n  office:\n', [policyEditSchema.parse(editOf(form))])
  t.match(diff, /\+ {8}last-day: 2026-12-04/)
})

t.test('each kind is an edit that the gateway takes', async t => {
  for (const kind of FORM_KINDS) {
    const link = new URLSearchParams(`add=${kind}&name=x.example&network=office&client=10.0.0.1`)
    const form = { ...formFrom(link, 'ann', NOW), data: '10.0.0.2', comment: 'why' }
    const edit = policyEditSchema.parse(editOf(form))
    t.match(editNetworks('networks:\n  office:\n', [edit]).text, /x\.example/, kind)
    t.ok(FIELDS[kind].length > 0)
  }
})

t.test('Friday is the next one after today', async t => {
  for (const [day, friday] of [
    [3, '2026-12-04'],
    [4, '2026-12-11'],
    [5, '2026-12-11']
  ] as const)
    t.equal(nextFriday(new Date(2026, 11, day, 1)), friday)
})
