import t from 'tap'
import { Dice } from './dice.js'
import { Inside } from './inside.js'
import { MUTATOR_NAMES } from './mutate.js'
import { NETWORKS, policyOf } from './rules.js'
import { readSeeds } from './seeds.js'

/** The same messages in every run; `npm run fuzz` takes others, and many more. */
const SEED = 20_260_101
const MESSAGES = 2_500

t.test('mutants of captured messages: nothing but well-formed replies and silence', async t => {
  const seeds = readSeeds()
  t.ok(seeds.queries.length > 80 && seeds.responses.length > 70, 'the captured messages were found')
  const inside = new Inside(await policyOf(NETWORKS), seeds, new Dice(SEED))
  inside.run(MESSAGES)
  const { findings, ...counts } = inside.tally
  t.comment(`${MUTATOR_NAMES.length} mutators, seed ${SEED}`, counts)
  t.comment(`again: npm run fuzz -- --only inside --seed ${SEED} --messages ${MESSAGES}`)
  t.strictSame(findings, [])
  t.equal(counts.messages, MESSAGES)
  t.ok(counts.replies > MESSAGES / 4, 'many are answered')
  t.ok(counts.silences > MESSAGES / 50, 'some are not')
  t.ok(counts.taken > MESSAGES / 20, 'many answers of the upstream are taken')
  t.ok(counts.ignored > MESSAGES / 100, 'some are not')
})
