import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { PROBLEMS } from '../../src/gateway/status/problems.js'
import { BYPASS_METHODS } from '../../src/analysis/report/questions/bypass-lookups.js'
import { isSevere } from '../../src/admin/web/severity.js'
import { chooseLanguage, LANGUAGES, translate } from '../../src/admin/web/translate.js'
import type { Messages } from '../../src/admin/web/messages/dashboard-texts.js'
import { textsIn } from './texts.js'

const en = textsIn('en')
const OTHERS: Readonly<Record<string, Messages>> = {
  fr: textsIn('fr'),
  nl: textsIn('nl'),
  de: textsIn('de')
}
const valuesIn = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

t.test('every language has every text, with the same values and forms', async t => {
  t.strictSame(['en', ...Object.keys(OTHERS)].sort(), Object.keys(LANGUAGES).sort())
  for (const [language, messages] of Object.entries(OTHERS)) {
    t.strictSame(Object.keys(messages).sort(), Object.keys(en).sort(), language)
    let same = 0
    for (const [key, text] of Object.entries(en)) {
      const other = messages[key as keyof Messages]
      t.strictSame(valuesIn(other), valuesIn(text), `${language} ${key}: values`)
      t.equal(other.split('|').length, text.split('|').length, `${language} ${key}: forms`)
      if (other === text) same++
    }
    t.ok(same < Object.keys(en).length / 4, `${language} is translated: ${same} texts are the same`)
  }
})

t.test('every problem of the health has a title and an advice, and every text is used', async t => {
  for (const [code, { fails }] of Object.entries(PROBLEMS)) {
    t.ok(`todo.${code}` in en && `problem.${code}` in en, code)
    t.equal(isSevere(code), fails, code)
  }
  const sources = ['src/admin/web', 'src/admin/dashboard']
    .flatMap(folder =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(file => /\.tsx?$/.test(file) && !file.startsWith('messages/'))
        .map(file => readFileSync(`${folder}/${file}`, 'utf8'))
    )
    .join('\n')
  // Those with a word of the API in them are put together.
  const isPart = (key: string): boolean =>
    [...sources.matchAll(/(?:word\(\s*'(\w+)'|`([\w.]+)\.\$\{)/g)].some(([, word, prefix]) =>
      key.startsWith(`${word ?? prefix!}.`)
    )
  for (const key of Object.keys(en)) t.ok(sources.includes(`'${key}'`) || isPart(key), key)
})

t.test('the meaning of each method of bypass, as reports have it', async t => {
  for (const [method, meaning] of Object.entries(BYPASS_METHODS))
    t.equal(en[`method.${method}` as keyof Messages], meaning, method)
})

t.test('values and forms', async t => {
  const say = (key: keyof Messages, values = {}) => translate(en, 'en', key, values)
  t.strictSame(
    [say('days', { n: 1 }), say('days', { n: 1200 }), say('loggedInAs', { name: 'a|b' })],
    ['1 day', '1,200 days', 'Logged in as a|b']
  )
  t.equal(say('updated'), 'As of {time}', 'a value that is missing is seen')
})

t.test('the language of the browser, unless another was chosen', async t => {
  t.equal(chooseLanguage(undefined, ['sv', 'fr-BE', 'en']), 'fr')
  t.equal(chooseLanguage('nl', ['de-AT']), 'nl')
  t.equal(chooseLanguage('xx', ['sv']), 'en')
})
