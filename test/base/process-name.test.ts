import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { nameProcess } from '../../src/base/system/process-name.js'

const file = '/proc/self/comm'
const name = (): string => readFileSync(file, 'utf8').trim()

t.test('a process has the name that it gives itself', { skip: !existsSync(file) }, async t => {
  const before = name()
  const command = readFileSync('/proc/self/cmdline', 'utf8')
  t.teardown(() => nameProcess(before))
  nameProcess('interdict')
  t.equal(name(), 'interdict')
  t.equal(readFileSync('/proc/self/cmdline', 'utf8'), command, 'the command line remains')
})
