import t from 'tap'
import type { AlertBody } from '../../src/gateway/alerts/alert-schema.js'
import { ALERT_EVENTS } from '../../src/gateway/config/alert-config.js'
import {
  AlertHook,
  type AlertHookSettings,
  type StartSending
} from '../../src/gateway/alerts/alert-hook.js'
import { RESOLVE_AFTER } from '../../src/gateway/alerts/alert-tracker.js'
import type { Condition } from '../../src/gateway/alerts/conditions.js'
import type { AlertInit, FromAlert } from '../../src/gateway/alerts/alert-messages.js'
import type { ThreadHandlers } from '../../src/base/threads/thread.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'

const condition = (subject: string, event: Condition['event'] = 'upstream-down'): Condition => {
  return { event, subject, severity: 'warning', message: `${subject} is bad` }
}

/** Threads that do nothing by themselves. */
class FakeThreads {
  readonly started: { readonly init: AlertInit; readonly handlers: ThreadHandlers<FromAlert> }[] =
    []
  ended = 0

  readonly start: StartSending = (init, handlers) => {
    this.started.push({ init, handlers })
    return {
      end: () => {
        this.ended++
        return Promise.resolve()
      }
    }
  }

  /** Lets the last thread send so many messages, fail at the next one, if there is one, and exit. */
  finish(sent: number, why = 'HTTP status 500'): void {
    const { init, handlers } = this.started.at(-1)!
    for (const [i, { delivery }] of init.messages.entries()) {
      if (i < sent) handlers.message({ kind: 'sent', delivery })
      else if (i === sent) {
        const error = { code: 'ALERT_SEND', message: why } as const
        handlers.message({ kind: 'failed', delivery, error })
      }
    }
    handlers.exited(undefined)
  }

  /** Subject and state of what the last thread was to send. */
  get last(): string[] {
    return this.started.at(-1)!.init.messages.map(({ body }) => {
      const { subject, state } = JSON.parse(body) as AlertBody
      return `${subject} ${state}`
    })
  }
}

function rig() {
  const time = new FakeTime()
  const threads = new FakeThreads()
  const log = new MemoryLog()
  const hook = {
    ...{ name: 'ops', url: 'http://127.0.0.1/', events: ALERT_EVENTS, endingWithin: 1 },
    ...{ secretFile: undefined, caFile: undefined, resend: 0, timeout: 1000 },
    position: { file: 'interdict.yaml', line: 1, column: 1 }
  }
  const settings: AlertHookSettings = {
    hook,
    bootstrap: { servers: [], domains: [] },
    gatewayName: 'gw1'
  }
  const { timers } = time
  const options = { startSending: threads.start, log, timers, random: () => 0.5 }
  const alerts = new AlertHook(settings, options)
  const check = (...subjects: string[]): void =>
    alerts.check(
      subjects.map(subject => condition(subject)),
      time.clock.now()
    )
  return { time, threads, log, alerts, check, settings }
}

t.test('messages are sent in order by one thread at a time', async t => {
  const { threads, alerts, check } = rig()
  check()
  t.equal(threads.started.length, 0, 'no thread without an alert')
  check('a', 'b')
  check('a', 'b', 'c')
  t.equal(threads.started.length, 1)
  t.strictSame(threads.last, ['a raised', 'b raised'])
  threads.finish(2)
  t.strictSame(threads.last, ['c raised'], 'then the ones queued meanwhile')
  threads.finish(1)
  t.equal(threads.started.length, 2)
  t.match(alerts.status, { name: 'ops', active: 3, waiting: 0, sent: 3, failed: 0, error: null })
})

t.test('after a failure it waits longer each time, and goes on with the same message', async t => {
  const { time, threads, alerts, check, log } = rig()
  check('a', 'b')
  threads.finish(1)
  t.match(alerts.status, { waiting: 1, sent: 1, failed: 1, error: 'HTTP status 500' })
  t.match(log.with('retrying'), [{ level: 'warn', fields: { code: 'ALERT_SEND', hook: 'ops' } }])
  const [first, failed] = threads.started[0]!.init.messages
  for (const [i, delay] of [2000, 4000, 8000].entries()) {
    check('a', 'b')
    time.advance(delay - 1)
    t.equal(threads.started.length, i + 1)
    time.advance(1)
    t.strictSame(threads.started.at(-1)!.init.messages, [failed], 'with the same delivery')
    threads.finish(0)
  }
  t.not(first!.delivery, failed!.delivery)
  time.advance(16_000)
  threads.finish(1)
  t.equal(log.with('retrying').length, 1, 'logged once')
  t.equal(log.with('alerts can be sent again').length, 1)
  t.match(alerts.status, { waiting: 0, sent: 2, failed: 4, error: null })
  for (let i = 0; i < 30; i++) time.advance(300_000)
  t.equal(threads.started.length, 5, 'nothing more to send')
})

t.test('a message is dropped after twelve tries', async t => {
  const { time, threads, alerts, check, log } = rig()
  check('a')
  for (let tries = 1; tries < 12; tries++) {
    threads.finish(0)
    time.advance(300_000)
    t.equal(threads.started.length, tries + 1, 'five minutes at most')
  }
  threads.finish(0)
  t.match(alerts.status, { waiting: 0, failed: 12, dropped: 1 })
  t.match(log.with('12 tries failed'), [{ level: 'error', fields: { code: 'ALERT_DROPPED' } }])
})

t.test('of more than a hundred messages the oldest is dropped', async t => {
  const { threads, alerts, check, log } = rig()
  check(...Array.from({ length: 103 }, (_, i) => `s${i}`))
  t.match(alerts.status, { waiting: 100, dropped: 3 })
  t.match(log.with('100 others wait'), [{ fields: { dropped: 3 }, message: /down and 2 more/ }])
  t.equal(threads.last[0], 's3 raised')
})

t.test('nothing is lost when the thread dies', async t => {
  const { time, threads, alerts, check } = rig()
  check('a', 'b')
  const { init, handlers } = threads.started[0]!
  handlers.message({ kind: 'sent', delivery: init.messages[0]!.delivery })
  handlers.exited(new Error('out of memory'))
  t.match(alerts.status, { waiting: 1, sent: 1, error: 'alert thread died: out of memory' })
  time.advance(2000)
  t.strictSame(threads.last, ['b raised'])
  threads.started.at(-1)!.handlers.exited(undefined)
  t.equal(alerts.status.error, 'alert thread died: it exited')
})

t.test('at shutdown one more try, and what is left is counted', async t => {
  const { time, threads, alerts, check, log } = rig()
  check('a')
  threads.finish(0)
  const closed = alerts.close()
  t.equal(threads.started.length, 2, 'at once')
  time.advance(3000)
  await closed
  t.equal(threads.ended, 1, 'it took too long')
  t.match(alerts.status, { waiting: 0, dropped: 1 })
  t.match(log.with('the gateway stops'), [{ fields: { code: 'ALERT_DROPPED' } }])
  threads.started.at(-1)!.handlers.exited(undefined)
  check('b')
  t.equal(threads.started.length, 2, 'and no thread any more')

  const quiet = rig()
  await quiet.alerts.close()
  t.equal(quiet.threads.started.length, 0)
})

t.test('settings that change apply to what waits for a retry', async t => {
  const { time, threads, alerts, check, log, settings } = rig()
  check('a')
  threads.finish(0)
  const url = 'http://127.0.0.2/'
  alerts.update({ ...settings, hook: { ...settings.hook, url } })
  t.equal(threads.started.length, 2, 'it is sent at once')
  t.equal(threads.started[1]!.init.hook.url, url)
  threads.finish(0)

  alerts.update({ ...settings, hook: { ...settings.hook, events: ['rules-refused'] } })
  t.match(alerts.status, { active: 0, waiting: 0, dropped: 1 })
  t.match(log.with('no longer have its event'), [{ fields: { code: 'ALERT_DROPPED' } }])
  time.advance(300_000)
  t.equal(threads.started.length, 2, 'nothing is sent')
  alerts.check([condition('b', 'rules-refused')], time.clock.now())
  t.strictSame(threads.last, ['b raised'], 'the next alert is')
})

t.test('a webhook that is removed drops what waits for a retry', async t => {
  const { time, threads, alerts, check, log } = rig()
  check('a')
  threads.finish(0)
  await alerts.remove()
  t.match(alerts.status, { waiting: 0, dropped: 1 })
  t.match(log.with('no longer have this webhook'), [{ fields: { code: 'ALERT_DROPPED' } }])
  time.advance(300_000)
  t.equal(threads.started.length, 1, 'it is not sent')
})

t.test('settings change: other events, and no news of itself', async t => {
  const { time, threads, alerts, settings, check } = rig()
  check('a')
  threads.finish(1)
  alerts.update({ ...settings, hook: { ...settings.hook, events: ['alerts-failing'] } })
  t.equal(alerts.status.active, 0)
  const now = time.clock.now()
  const failing = ['ops', 'other'].map(name => condition(name, 'alerts-failing'))
  alerts.check([condition('a'), ...failing], now + RESOLVE_AFTER)
  t.strictSame(threads.last, ['other raised'])
})
