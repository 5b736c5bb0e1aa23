import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { eventually } from '../interop/processes.js'
import type { Machine } from './machine.js'

const CLIENT = resolve('dist/test/package/client.js')
const UPGRADE = 'interdict upgrade -c /etc/interdict/interdict.yaml'
/** Queries per second: a loopback client that waits for nothing. */
const RATE = 500
/** How long the client asks before the gateway is stopped or replaced. */
const BEFORE = 1_000

interface Action {
  readonly name: string
  /** How long the client asks, in seconds. */
  readonly seconds: number
  readonly run: (machine: Machine) => Promise<unknown>
  /** Lines of the unit's section [Service]. */
  readonly service?: string
  /** True if what was answered last may be missing in the log. */
  readonly isAbrupt?: boolean
}

const mainPid = (machine: Machine): Promise<string> => machine.property('MainPID')

/** Another main process than before runs, and is ready. */
const replaced = (machine: Machine, before: string): Promise<void> =>
  eventually('another process', 60, async () => {
    const [pid, state] = [await mainPid(machine), await machine.property('ActiveState')]
    return ![before, '0'].includes(pid) && state === 'active'
  })

const signal = (name: string) => async (machine: Machine) => {
  const pid = await mainPid(machine)
  await machine.run(`kill -${name} ${pid}`)
  await replaced(machine, pid)
}

const ACTIONS: readonly Action[] = [
  { name: 'stop', seconds: 3, run: machine => machine.run('systemctl stop interdict') },
  { name: 'restart', seconds: 4, run: machine => machine.run('systemctl restart interdict') },
  { name: 'reboot', seconds: 3, run: machine => machine.reboot() },
  { name: 'kill -9', seconds: 4, run: signal('KILL'), isAbrupt: true },
  {
    name: 'watchdog',
    seconds: 9,
    service: 'WatchdogSec=4s',
    run: signal('STOP'),
    isAbrupt: true
  },
  // The last one: what follows would be after an upgrade.
  { name: 'upgrade', seconds: 4, run: machine => machine.run(UPGRADE) }
]

const DROP_IN = '/run/systemd/system/interdict.service.d/lifecycle.conf'

interface Row {
  readonly answered: readonly number[]
  readonly logged: readonly number[]
}

/**
 * Compares the answers that a client got with the query log, however the main process ends, and whether or not it was
 * started by an upgrade.
 */
export async function answersAreLogged(t: Test, machine: Machine): Promise<void> {
  const table: string[] = []
  for (const when of ['before', 'after'] as const) {
    for (const { name, seconds, run, service, isAbrupt = false } of ACTIONS) {
      const label = `${when}-${name.replace(/\W+/, '-')}`
      await configure(machine, service)
      if (when === 'after') await upgrade(t, machine)
      const asking = machine.inNetwork([process.execPath, CLIENT, label, `${seconds}`, `${RATE}`])
      await sleep(BEFORE)
      await run(machine)
      const answered = JSON.parse(await asking) as number[]
      if (name !== 'stop') await eventually('active', 60, () => isActive(machine))
      const row = { answered, logged: await logged(machine, label, answered.length) }
      table.push(line(`${name}, ${when}`, seconds * RATE, row))
      t.ok(answered.length > BEFORE / 4, `${name}, ${when}: answers`)
      if (isAbrupt) t.strictSame(gaps(row), [], `${name}, ${when}: only the last are missing`)
      else t.strictSame(row.logged, answered, `${name}, ${when}: each answer is logged, once`)
      if (name === 'upgrade') t.equal(answered.length, seconds * RATE, 'each query is answered')
    }
  }
  for (const text of ['| event | queries | answers | in the log |', ...table]) t.comment(text)
  const journal = await machine.run('journalctl --boot=all --unit=interdict --output=cat')
  t.notMatch(journal, 'which is not our child')
  await configure(machine, undefined)
}

/** Starts the service, again if its unit changes. */
async function configure(machine: Machine, service: string | undefined): Promise<void> {
  if (service !== undefined) {
    await machine.run(
      `mkdir -p $(dirname ${DROP_IN}); printf '[Service]\\n${service}\\n' > ${DROP_IN}`
    )
    await machine.run('systemctl daemon-reload; systemctl restart interdict')
  } else if ((await machine.attempt(`rm ${DROP_IN}`)).code === 0) {
    await machine.run('systemctl daemon-reload; systemctl restart interdict')
  } else await machine.run('systemctl start interdict')
}

const isActive = async (machine: Machine): Promise<boolean> =>
  (await machine.property('ActiveState')) === 'active'

/** The new process is a child of systemd, handles signals as any other, and has its watchdog. */
async function upgrade(t: Test, machine: Machine): Promise<void> {
  const pid = await mainPid(machine)
  await machine.run(UPGRADE)
  await replaced(machine, pid)
  const proc = await machine.run(`cat /proc/${await mainPid(machine)}/status`)
  t.match(proc, /^PPid:\s+1$/m, 'a child of systemd')
  // SIGPIPE and SIGXFSZ, as after any start of Node.
  t.match(proc, /^SigIgn:\s+0000000001001000$/m)
  t.match(proc, /^SigBlk:\s+0000000000000000$/m)
  t.match(proc, /^CapEff:\s+0000000000000400$/m)
  // It ends when it has written its log.
  await eventually('the previous process has ended', 60, async () => {
    return (await machine.attempt(`test -e /proc/${pid}`)).code !== 0
  })
}

/** Numbers of the names in the query log, when as many as were answered are there, or nothing more is written. */
async function logged(machine: Machine, label: string, count: number): Promise<number[]> {
  const read = async (): Promise<number[]> => {
    const find = `grep -rhoE '"qname":"${label}-[0-9]+[.]' /var/log/interdict --include='*.jsonl'`
    const { text } = await machine.attempt(find)
    return [...text.matchAll(/-(\d+)\.$/gm)]
      .map(([, number]) => Number(number))
      .sort((a, b) => a - b)
  }
  let numbers = await read()
  for (let tries = 0; tries < 30 && numbers.length < count; tries++) {
    await sleep(100)
    numbers = await read()
  }
  return numbers
}

/** Answers that are missing in the log although a later one of the same process is there, and lookups without an answer. */
function gaps({ answered, logged }: Row): number[] {
  const known = new Set(logged)
  const missing = answered.filter(number => !known.has(number))
  const [first = Infinity] = missing
  const between = answered.filter(number => number >= first && number <= (missing.at(-1) ?? 0))
  const received = new Set(answered)
  return [
    ...between.filter(number => known.has(number)),
    ...logged.filter(number => !received.has(number))
  ]
}

const line = (what: string, sent: number, { answered, logged }: Row): string =>
  `| ${what} | ${sent} | ${answered.length} | ${logged.length} |`
