import type { Test } from 'tap'
import { eventually } from '../interop/processes.js'
import type { Machine } from './machine.js'

type Entry = Readonly<Record<string, string>>

/** Entries of the service in the journal that `journalctl -p err` shows, and that match. */
async function errors(machine: Machine, match: string): Promise<Entry[]> {
  const text = await machine.run(
    `journalctl --unit=interdict --priority=err --output=json --no-pager ${match}`
  )
  return text
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Entry)
}

/** Errors of rules and of the probe are errors in journald, with fields to filter by. */
export async function errorsAreInJournal(t: Test, machine: Machine): Promise<void> {
  const [networks, settings] = [
    '/etc/interdict/rules/networks.yaml',
    '/etc/interdict/interdict.yaml'
  ]
  await machine.run(`cp ${networks} /root/networks; cp ${settings} /root/settings`)
  await machine.run(`echo wrong: 1 >> ${networks}`)
  const inFile = `INTERDICT_FILE=${networks}`
  await eventually('an error in a file', 60, async () => {
    return (await errors(machine, inFile)).length > 0
  })
  const [entry] = await errors(machine, inFile)
  t.match(entry, {
    PRIORITY: '3',
    SYSLOG_IDENTIFIER: 'interdict',
    INTERDICT_CODE: /^[A-Z_]+$/,
    INTERDICT_LINE: /^\d+$/,
    INTERDICT_COLUMN: '1',
    MESSAGE: /"level":"error".*networks\.yaml:\d+:1: /
  })
  await machine.run(`cp /root/networks ${networks}`)

  await machine.run(`printf 'probe: { enabled: true, every: 1s }\\n' >> ${settings}`)
  const probe = 'INTERDICT_CODE=PROBE_FAILING INTERDICT_NETWORK=local'
  await machine.run('ip link set lo down')
  await eventually('a probe that failed', 60, async () => {
    return (await errors(machine, probe)).length > 0
  })
  await machine.run(`ip link set lo up; cp /root/settings ${settings}`)
  t.match((await errors(machine, probe))[0], { PRIORITY: '3', INTERDICT_NETWORK: 'local' })

  const text = await machine.run('journalctl --unit=interdict --output=cat --no-pager')
  const logged = text.split('\n').filter(line => line.includes('"level":"error"'))
  const shown = new Set((await errors(machine, '')).map(({ MESSAGE }) => MESSAGE))
  t.strictSame(
    logged.filter(line => !shown.has(line)),
    [],
    'every error is shown as one'
  )
}
