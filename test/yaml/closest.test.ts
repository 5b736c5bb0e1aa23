import t from 'tap'
import { closest } from '../../src/policy/yaml/closest.js'

const known = ['cache', 'log', 'max-connections', 'tiktok']

const cases = [
  { it: 'two letters swapped', word: 'cahce', guess: 'cache' },
  { it: 'a letter missing', word: 'tiktk', guess: 'tiktok' },
  { it: 'a letter too many', word: 'logg', guess: 'log' },
  { it: 'another case', word: 'TikTok', guess: 'tiktok' },
  { it: 'two wrong letters in a long word', word: 'max_connection', guess: 'max-connections' },
  { it: 'three wrong letters', word: 'cxyze', guess: undefined },
  { it: 'the beginning of a word', word: 'max-con', guess: 'max-connections' },
  { it: 'a word with something after it', word: 'logging', guess: 'log' },
  { it: 'a short word of which little is left', word: 'la', guess: undefined },
  { it: 'nothing', word: '', guess: undefined }
] as const

for (const { it, word, guess } of cases) {
  t.test(`suggests ${guess ?? 'nothing'} for ${it}`, async t => {
    t.equal(closest(word, known), guess)
  })
}
