import t from 'tap'
import { signProfile } from '../../src/admin/onboard/sign-profile.js'

t.test('says that OpenSSL is missing', async t => {
  const env = { PATH: '/nonexistent' }
  const code = 'ONBOARD_SIGN'
  await t.rejects(signProfile('x', 'c.pem', 'k.pem', env), {
    code,
    message: /openssl: no such file/
  })
})
