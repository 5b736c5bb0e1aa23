import type { Test } from 'tap'
import { Formatter } from '../../src/admin/web/locale-format.js'
import { hubText } from '../../src/admin/web/hub-text.js'
import { textsIn } from '../web/texts.js'
import { translate } from '../../src/admin/web/translate.js'

const fr = textsIn('fr')

/** The dashboard knows each sentence of the hub, and says it in other languages. */
export function assertTranslated(t: Test, sentence: string): void {
  const shown = hubText(
    sentence,
    (key, values) => translate(fr, 'fr', key, values),
    new Formatter('fr', 'UTC')
  )
  t.not(shown, sentence, sentence)
  t.notMatch(shown, /[{}]/, 'it has all values')
}
