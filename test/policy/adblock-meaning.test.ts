import fc from 'fast-check'
import t from 'tap'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { words } from '../base/words.js'
import { readAll } from '../rules/list.js'
import { runs } from '../runs.js'
import { hashed, policyOf } from './evaluating.js'
import { block, network, ruleSet } from './rule-set.js'

/** A rule with the meaning that AdGuard gives it, independent of all others. */
interface Rule {
  readonly exception: boolean
  readonly start: '||' | '|' | '||*.'
  readonly name: string
  readonly important: boolean
  readonly type: '' | 'A' | '~A'
  readonly client: '' | '10.1.0.0/16'
  readonly rewrite: '' | 'REFUSED'
  readonly badfilter: boolean
}

/** Few labels, so that many rules match each name. */
const someName = fc
  .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 })
  .map(labels => `${labels.join('.')}.test`)

const someRule: fc.Arbitrary<Rule> = fc.record({
  exception: fc.boolean(),
  start: fc.constantFrom('||', '||', '|', '||*.'),
  name: someName,
  important: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  type: fc.constantFrom('', '', '', 'A', '~A'),
  client: fc.constantFrom('', '', '', '10.1.0.0/16'),
  rewrite: fc.oneof({ weight: 5, arbitrary: fc.constant('') }, fc.constant('REFUSED')),
  badfilter: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true))
})

function textOf(rule: Rule): string {
  const modifiers = [
    ...(rule.important ? ['important'] : []),
    ...(rule.type === '' ? [] : [`dnstype=${rule.type}`]),
    ...(rule.client === '' ? [] : [`client=${rule.client}`]),
    ...(rule.rewrite === '' || rule.exception ? [] : [`dnsrewrite=${rule.rewrite}`]),
    ...(rule.badfilter ? ['badfilter'] : [])
  ]
  const after = modifiers.length === 0 ? '' : `$${modifiers.join(',')}`
  return `${rule.exception ? '@@' : ''}${rule.start}${rule.name}^${after}`
}

interface Question {
  readonly name: string
  readonly type: 'A' | 'TXT'
  readonly client: string
}

const someQuestion: fc.Arbitrary<Question> = fc.record({
  name: someName,
  type: fc.constantFrom('A', 'TXT'),
  client: fc.constantFrom('10.1.1.1', '10.2.2.2')
})

function matches(rule: Rule, { name, type, client }: Question): boolean {
  const isBelow = name.endsWith(`.${rule.name}`)
  const isItself = name === rule.name
  const named = rule.start === '||' ? isItself || isBelow : rule.start === '|' ? isItself : isBelow
  const typed = rule.type === '' || (rule.type === 'A') === (type === 'A')
  return named && typed && (rule.client === '' || client.startsWith('10.1.'))
}

/** The result of one list's rules: replies first, then `important` rules, then exceptions. */
function meant(rules: readonly Rule[], question: Question): string {
  const isVoid = (rule: Rule) => {
    const text = textOf({ ...rule, badfilter: true })
    return rules.some(other => other.badfilter && textOf(other) === text)
  }
  const heard = rules.filter(rule => !isVoid(rule) && matches(rule, question))
  if (heard.some(rule => rule.rewrite !== '' && !rule.exception)) return 'refused'
  for (const important of [true, false]) {
    const those = heard.filter(rule => rule.important === important)
    if (those.some(rule => rule.exception)) return ''
    if (those.length > 0) return 'null-address'
  }
  return ''
}

t.test('ad-blocking lists give the result of their rules evaluated one by one', async () => {
  const someFile = fc.array(someRule, { maxLength: 6 })
  const someQuestions = fc.array(someQuestion, { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(someFile, someFile, someQuestions, (first, second, questions) => {
      const texts = [first, second].map(rules => rules.map(textOf).join('\n'))
      const read = readAll(texts, { format: 'adblock', mayBeEmpty: true })
      if ('errors' in read) return false
      const policy = policyOf(ruleSet(network('n', ['10.0.0.0/8'], [block('b', read.parts)])))
      return questions.every(question => {
        const decision = new Decision()
        const name = hashed(question.name, policy.seed)
        const who = policy.classOf(words(question.client), 0)
        policy.evaluateName(name, RRTYPE[question.type], who, 0, decision)
        const action = policy.claims.at(decision.claim)?.reply?.action ?? ''
        return action === meant([...first, ...second], question)
      })
    }),
    runs(300)
  )
})
