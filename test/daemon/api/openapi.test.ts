import { readFileSync } from 'node:fs'
import t from 'tap'
import { OPENAPI_FILE, openApiText } from '../../../tools/openapi-text.js'
import { apiRig } from './rig.js'

t.test('the committed document is what npm run openapi generates, and what is served', async t => {
  const text = openApiText()
  t.equal(readFileSync(OPENAPI_FILE, 'utf8'), text)
  const rig = await apiRig(t)
  const { body } = await rig.send({ url: '/api/v1/openapi.json' })
  t.strictSame(JSON.parse(body), JSON.parse(text))
})
