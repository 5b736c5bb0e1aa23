import type { Machine, Status } from '../../../web/api/types/status-responses.js'
import { Card, Facts } from '../../components.js'
import { format, now, t } from '../../state.js'

export function GatewayCard({
  status,
  machine
}: {
  readonly status: Status
  readonly machine: Machine | undefined
}) {
  const { value: f } = format
  const { version, started, listening, transport, rules, settings, cache } = status
  return (
    <Card title={t('system.gateway')}>
      <Facts
        isWide
        facts={[
          [t('system.version'), version],
          [t('system.host'), machine?.host],
          [t('system.started'), `${f.dateTime(started)} (${f.ago(started, now.value)})`],
          [
            t('system.listening'),
            listening
              .map(
                ({ address, port, protocol }) =>
                  `${address}:${port} ${protocol === 'dot' ? 'DoT' : 'DNS'}`
              )
              .join(', ')
          ],
          [t('system.transport'), transport],
          [
            t('rules'),
            t('system.rulesOf', {
              bans: rules.bans,
              rules: rules.rules,
              names: rules.names,
              networks: rules.networks
            })
          ],
          ['SHA-256', <code class="break">{rules.sha256}</code>],
          [
            t('system.bundle'),
            rules.bundle === null
              ? null
              : `${rules.bundle.serial}, ${t('bans.until')} ${f.day(rules.bundle.expires)}`
          ],
          [
            t('system.settings'),
            settings === null ? null : <code class="break">{settings.file}</code>
          ],
          [t('system.probe'), probeText(status)],
          [t('system.notProbed'), notProbed(status)],
          [t('system.restart'), settings?.restart.map(({ key }) => key).join(', ')],
          [
            t('system.memory'),
            machine === undefined
              ? null
              : `${f.bytes(machine.residentOctets)} / ${f.bytes(machine.memoryOctets)}`
          ],
          [
            t('system.cpu'),
            machine === undefined
              ? null
              : t('system.cpuOf', {
                  time: f.duration(machine.cpuSeconds),
                  cores: machine.cores,
                  load: Number(machine.load.toFixed(2))
                })
          ],
          ['Node.js', machine?.node],
          [
            t('system.cache'),
            `${f.count(cache.answers.entries)} (${f.bytes(cache.answers.octets)} / ${f.bytes(cache.answers.limitOctets)})`
          ]
        ]}
      />
    </Card>
  )
}

/** Undefined: the gateway does not probe itself. */
function probeText({ probe }: Status): string | undefined {
  if (probe === null) return undefined
  const { everySeconds, failing, last, lastGood, bans } = probe
  const { value: f } = format
  const good = lastGood === null ? '–' : f.ago(lastGood, now.value)
  const asked = f.count(last?.asked ?? 0)
  const { all = 0, probed = 0 } = bans ?? {}
  const every = f.duration(everySeconds)
  return t('system.probeOf', { every, asked, good, failing, probed, bans: all })
}

/** What the gateway does not probe, and why; undefined: nothing. */
function notProbed({ probe }: Status): string | undefined {
  const lines = probe?.skipped.map(({ what, why }) => `${what}: ${why}`) ?? []
  return lines.length === 0 ? undefined : lines.join('; ')
}
